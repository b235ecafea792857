//! Where the configuration comes from, for reading it again, and whether its files say something new.

use std::fs::File;
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use weir_plugin::directory_of;

use crate::config::{Diagnostic, Loaded};

/// As much of a file as is compared. The configuration's own limit is lower.
const COMPARED_BYTES_MAX: u64 = 16 << 20;

/// How the configuration is read.
pub type Load = Box<dyn Fn() -> Result<Loaded, Vec<Diagnostic>> + Send + Sync>;

/// The sources of the configuration.
pub struct Origin {
    load: Load,
    files: Vec<PathBuf>,
    /// What was in each file when it was last read.
    read: Mutex<Vec<Option<u64>>>,
}

impl Origin {
    /// `load` reads the whole configuration, these files among it.
    pub fn new(files: Vec<PathBuf>, load: Load) -> Self {
        Origin { load, files, read: Mutex::default() }
    }

    /// Reads the configuration.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(&self) -> Result<Loaded, Vec<Diagnostic>> {
        // Before it is read: what changes meanwhile is then seen as a change.
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = self.contents();
        (self.load)()
    }

    /// Whether a file is not what it was when it was last read. One that was only touched is.
    pub(super) fn has_changed(&self) -> bool {
        self.contents() != *self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The directories of the files, each once. Not the files themselves: a watch on a file, or on what a link points
    /// to, goes deaf when it is replaced.
    pub(super) fn directories(&self) -> Vec<PathBuf> {
        let mut directories: Vec<PathBuf> = self.files.iter().map(|file| directory_of(file)).collect();
        directories.sort();
        directories.dedup();
        directories
    }

    fn contents(&self) -> Vec<Option<u64>> {
        self.files.iter().map(|file| content(file).ok()).collect()
    }
}

/// A fingerprint of what is in a file. Good enough to see a change, and nobody gains by a collision but the one who
/// wrote both versions.
pub(super) fn content(file: &Path) -> io::Result<u64> {
    let mut bytes = Vec::new();
    File::open(file)?.take(COMPARED_BYTES_MAX).read_to_end(&mut bytes)?;
    let mut hasher = DefaultHasher::new();
    hasher.write(&bytes);
    Ok(hasher.finish())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn origin(files: &[&Path]) -> Origin {
        let files = files.iter().map(|file| file.to_path_buf()).collect();
        Origin::new(files, Box::new(|| Err(Vec::new())))
    }

    #[test]
    fn a_file_has_changed_when_its_content_has_until_it_is_read() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("weir.yaml");
        fs::write(&file, "a: 1").unwrap();
        let origin = origin(&[&file]);
        let _ = origin.load();
        fs::write(&file, "a: 1").unwrap();
        assert!(!origin.has_changed(), "it was only touched");
        fs::write(&file, "a: 2").unwrap();
        assert!(origin.has_changed());
        let _ = origin.load();
        assert!(!origin.has_changed());
        fs::remove_file(&file).unwrap();
        assert!(origin.has_changed(), "it is gone");
    }

    #[test]
    fn each_directory_is_watched_once_and_a_bare_name_is_in_the_working_directory() {
        let files = ["/etc/weir/b.yaml", "weir.yaml", "/etc/weir/a.yaml"].map(Path::new);
        assert_eq!(origin(&files).directories(), [Path::new("/etc/weir"), Path::new(".")]);
        assert_eq!(origin(&[]).directories(), [] as [&Path; 0]);
    }
}
