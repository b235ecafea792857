//! What a weir that was killed left behind: copies of granted files, and code that it was about to keep. The next one
//! removes it, for a container that is restarted for ever must not fill its disk.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// How the private directories with copies of granted files are called. Whoever uses one holds a lock on it.
pub(crate) const COPIES_PREFIX: &str = "weir-grant-";
/// How a file of the code cache is called while it is written.
pub(crate) const NEW_CODE_PREFIX: &str = ".new-";

/// How old it must be: another weir may have made it a moment ago, and not have locked or renamed it yet.
const AGE_MIN: Duration = Duration::from_secs(60);
/// Entries of a directory that are looked at: it may be everybody's.
const ENTRIES_MAX: usize = 4096;

/// Marks a directory as in use for as long as the answer lives, which ends with the process at the latest. `None` where
/// the file system has no locks, and then it is never taken for a leftover either.
pub(crate) fn claim(directory: &Path) -> Option<File> {
    let directory = File::open(directory).ok()?;
    directory.try_lock().ok().map(|()| directory)
}

/// Removes what nobody uses any more. Whatever cannot be removed stays.
pub(crate) fn sweep(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten().take(ENTRIES_MAX) {
        let (name, path) = (entry.file_name(), entry.path());
        let has_prefix = |prefix: &str| name.as_encoded_bytes().starts_with(prefix.as_bytes());
        // By the name first: the rest of what lies there is not even looked at.
        if !has_prefix(COPIES_PREFIX) && !has_prefix(NEW_CODE_PREFIX) {
            continue;
        }
        // Of the entry itself: a link is nothing that weir left.
        let Ok(metadata) = entry.metadata() else { continue };
        if !is_old(&metadata) {
            continue;
        }
        if metadata.is_dir() && has_prefix(COPIES_PREFIX) {
            let Some(_unused) = claim(&path) else { continue };
            let _ = fs::remove_dir_all(&path);
        } else if metadata.is_file() && has_prefix(NEW_CODE_PREFIX) {
            let _ = fs::remove_file(&path);
        }
    }
}

fn is_old(metadata: &fs::Metadata) -> bool {
    let age = metadata.modified().map(|modified| SystemTime::now().duration_since(modified));
    matches!(age, Ok(Ok(age)) if age >= AGE_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn age(path: &Path) {
        File::open(path).unwrap().set_modified(SystemTime::now() - 2 * AGE_MIN).unwrap();
    }

    #[test]
    fn copies_that_nobody_uses_go_and_those_in_use_or_just_made_stay() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        for name in ["weir-grant-left", "weir-grant-used", "weir-grant-new", "other"] {
            fs::create_dir(at(name)).unwrap();
            fs::write(at(name).join("key"), "key").unwrap();
        }
        let used = claim(&at("weir-grant-used"));
        assert!(used.is_some());
        for name in ["weir-grant-left", "weir-grant-used", "other"] {
            age(&at(name));
        }
        sweep(home.path());
        assert!(!at("weir-grant-left").exists());
        for name in ["weir-grant-used", "weir-grant-new", "other"] {
            assert!(at(name).join("key").exists(), "{name}");
        }
        drop(used);
        sweep(home.path());
        assert!(!at("weir-grant-used").exists());
    }

    #[test]
    fn code_that_was_never_finished_goes() {
        let home = tempfile::tempdir().unwrap();
        for name in [".new-old", ".new-young", "a.cwasm"] {
            fs::write(home.path().join(name), "").unwrap();
        }
        age(&home.path().join(".new-old"));
        age(&home.path().join("a.cwasm"));
        sweep(home.path());
        let left = |name: &str| home.path().join(name).exists();
        assert_eq!([left(".new-old"), left(".new-young"), left("a.cwasm")], [false, true, true]);
    }

    #[test]
    fn a_directory_that_is_not_there_is_nothing_to_sweep() {
        sweep(Path::new("/nowhere"));
    }
}
