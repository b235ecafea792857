//! Granted files: what becomes visible to a guest, read-only, and how its changes are noticed.
//!
//! WASI opens directories, so a granted directory is handed over as it is. A granted file is copied into a
//! private directory that is shown at the parent of the path that the plugin is to see: nothing else that
//! happens to lie beside the file on the host comes along.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use tempfile::TempDir;

use crate::failure::LoadError;
use crate::leftovers::{self, COPIES_PREFIX};
use crate::settings::Grant;

/// The largest file that may be granted. Larger ones belong in a granted directory, which is not copied.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// The directories of one generation of a plugin. Copies live as long as this does.
#[derive(Debug, Default)]
pub(crate) struct Staged {
    directories: Vec<(PathBuf, String)>,
    _copies: Vec<Copies>,
}

/// A private directory, and the lock that says that it is in use.
#[derive(Debug)]
struct Copies {
    directory: TempDir,
    _lock: Option<File>,
}

impl Staged {
    /// Directories of the host and the absolute guest paths at which they are to be seen.
    pub fn directories(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.directories.iter().map(|(source, guest)| (source.as_path(), guest.as_str()))
    }
}

/// Makes the grants of a plugin visible. Copies go below `scratch` or, where that has no room for them, into the
/// system's directory for temporary files.
///
/// # Errors
/// Names the grant, and says why it cannot be given.
pub(crate) fn stage(plugin: &str, grants: &[Grant], scratch: Option<&Path>) -> Result<Staged, LoadError> {
    match stage_in(plugin, grants, scratch) {
        // A full disk shows only while a copy is written. Whatever else is wrong is so a second time.
        Err(_) if scratch.is_some() => stage_in(plugin, grants, None),
        staged => staged,
    }
}

fn stage_in(plugin: &str, grants: &[Grant], scratch: Option<&Path>) -> Result<Staged, LoadError> {
    let mut staged = Staged::default();
    let mut copies: BTreeMap<String, Copies> = BTreeMap::new();
    for grant in grants {
        give(grant, scratch, &mut staged, &mut copies).map_err(|reason| LoadError::Grant {
            plugin: plugin.to_owned(),
            path: grant.source.clone(),
            reason,
        })?;
    }
    for (guest, copy) in copies {
        if staged.directories.iter().any(|(_, taken)| *taken == guest) {
            return Err(LoadError::Grant {
                plugin: plugin.to_owned(),
                path: PathBuf::from(guest),
                reason: "a granted file would appear inside a granted directory: give it another path"
                    .to_owned(),
            });
        }
        staged.directories.push((copy.directory.path().to_owned(), guest));
        staged._copies.push(copy);
    }
    Ok(staged)
}

fn give(
    grant: &Grant,
    scratch: Option<&Path>,
    staged: &mut Staged,
    copies: &mut BTreeMap<String, Copies>,
) -> Result<(), String> {
    let (parent, name) = guest_path(&grant.path)?;
    let metadata = fs::metadata(&grant.source).map_err(|error| error.to_string())?;
    if metadata.is_dir() {
        let guest = Path::new(&parent).join(&name).to_string_lossy().into_owned();
        if staged.directories.iter().any(|(_, taken)| *taken == guest) {
            return Err(format!("the path {guest} is granted twice"));
        }
        staged.directories.push((grant.source.clone(), guest));
        return Ok(());
    }
    if !metadata.is_file() {
        return Err("it is neither a file nor a directory".to_owned());
    }
    if name.is_empty() {
        return Err("a file needs a path of its own, not `/`".to_owned());
    }
    let copy = match copies.entry(parent) {
        std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
        std::collections::btree_map::Entry::Vacant(entry) => {
            entry.insert(private_directory(scratch).map_err(|error| {
                format!("no room for a private copy ({error}): make the temporary directory writable or grant a directory")
            })?)
        }
    };
    copy_file(&grant.source, &copy.directory.path().join(name))
}

/// Splits an absolute guest path into its parent and its last component, both in plain form.
fn guest_path(path: &str) -> Result<(String, String), String> {
    let mut parent = PathBuf::new();
    for component in Path::new(path).components() {
        match component {
            Component::RootDir | Component::Normal(_) => parent.push(component),
            Component::Prefix(_) | Component::CurDir | Component::ParentDir => parent.clear(),
        }
    }
    let plain = Path::new(path).components().all(|c| matches!(c, Component::RootDir | Component::Normal(_)));
    if !plain || !parent.is_absolute() {
        return Err(format!("the path `{path}` must be absolute and without `..`"));
    }
    let name = parent.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    parent.pop();
    let parent = if parent.as_os_str().is_empty() { PathBuf::from("/") } else { parent };
    Ok((parent.to_string_lossy().into_owned(), name))
}

fn private_directory(scratch: Option<&Path>) -> io::Result<Copies> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(COPIES_PREFIX);
    let directory = match scratch {
        Some(scratch) => builder.tempdir_in(scratch)?,
        None => builder.tempdir()?,
    };
    let lock = leftovers::claim(directory.path());
    Ok(Copies { directory, _lock: lock })
}

fn copy_file(source: &Path, to: &Path) -> Result<(), String> {
    if to.exists() {
        return Err("two grants have the same path".to_owned());
    }
    let input = File::open(source).map_err(|error| error.to_string())?;
    let mut output = File::create(to).map_err(|error| format!("cannot copy it: {error}"))?;
    let copied = io::copy(&mut input.take(FILE_BYTES_MAX + 1), &mut output)
        .map_err(|error| format!("cannot copy it: {error}"))?;
    if copied > FILE_BYTES_MAX {
        return Err("it is larger than 64 MiB: grant its directory instead".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(source: &Path, path: &str) -> Grant {
        Grant { source: source.to_owned(), path: path.to_owned() }
    }

    #[test]
    fn a_directory_is_handed_over_as_it_is() {
        let home = tempfile::tempdir().unwrap();
        let staged = stage("p", &[grant(home.path(), "/podinfo/")], None).unwrap();
        assert_eq!(staged.directories().collect::<Vec<_>>(), [(home.path(), "/podinfo")]);
    }

    #[test]
    fn files_with_one_parent_share_one_copy_and_neighbours_stay_hidden() {
        let home = tempfile::tempdir().unwrap();
        for name in ["a.csv", "b.csv", "secret"] {
            fs::write(home.path().join(name), name).unwrap();
        }
        let grants = [
            grant(&home.path().join("a.csv"), "/tables/a.csv"),
            grant(&home.path().join("b.csv"), "/tables/x.csv"),
        ];
        let staged = stage("p", &grants, None).unwrap();
        let (source, guest) = staged.directories().next().unwrap();
        assert_eq!((staged.directories().count(), guest), (1, "/tables"));
        let mut names: Vec<_> =
            fs::read_dir(source).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names, ["a.csv", "x.csv"]);
        assert_eq!(fs::read_to_string(source.join("x.csv")).unwrap(), "b.csv");
    }

    #[test]
    fn copies_are_gone_with_the_generation() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("a"), "a").unwrap();
        let staged = stage("p", &[grant(&home.path().join("a"), "/t/a")], Some(home.path())).unwrap();
        let copy = staged.directories().next().unwrap().0.to_owned();
        assert!(copy.starts_with(home.path()) && copy.exists());
        drop(staged);
        assert!(!copy.exists());
    }

    #[test]
    fn where_the_scratch_directory_has_no_room_the_system_s_is_used() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("a"), "a").unwrap();
        let staged =
            stage("p", &[grant(&home.path().join("a"), "/t/a")], Some(&home.path().join("gone"))).unwrap();
        let copy = staged.directories().next().unwrap().0;
        assert!(copy.starts_with(std::env::temp_dir()), "{copy:?}");
        assert_eq!(fs::read_to_string(copy.join("a")).unwrap(), "a");
    }

    #[test]
    fn grants_that_cannot_be_meant_are_refused_by_name() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("a");
        fs::write(&file, "a").unwrap();
        let missing = home.path().join("missing");
        for grants in [
            vec![grant(&missing, "/t/a")],
            vec![grant(&file, "t/a")],
            vec![grant(&file, "/t/../a")],
            vec![grant(&file, "/t/a"), grant(&file, "/t/a")],
            vec![grant(home.path(), "/t"), grant(&file, "/t/a")],
            vec![grant(home.path(), "/t"), grant(home.path(), "/t/")],
            vec![grant(&file, "/")],
        ] {
            let error = stage("tables", &grants, None).unwrap_err().to_string();
            assert!(error.starts_with("plugin tables cannot be given "), "{error}");
        }
    }
}
