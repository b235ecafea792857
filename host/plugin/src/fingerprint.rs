//! What tells one state of files from another: content for what is loaded or copied, listings for directories.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use sha2::{Digest, Sha256};

/// Entries of a granted directory that are looked at, and how deep.
const ENTRIES_MAX: usize = 4096;
const DEPTH_MAX: usize = 8;

/// A SHA-256 digest.
pub(crate) type Sha = [u8; 32];

/// A cheap sign that a file may have changed: device, inode, size, and the times of its content and its inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat([i64; 7]);

impl Stat {
    pub fn of(metadata: &Metadata) -> Self {
        Stat([
            metadata.dev() as i64,
            metadata.ino() as i64,
            metadata.size() as i64,
            metadata.mtime(),
            metadata.mtime_nsec(),
            metadata.ctime(),
            metadata.ctime_nsec(),
        ])
    }

    /// Device and inode alone.
    pub fn inode(&self) -> (i64, i64) {
        let [device, inode, ..] = self.0;
        (device, inode)
    }
}

/// The digest of some bytes.
pub(crate) fn sha(bytes: &[u8]) -> Sha {
    Sha256::digest(bytes).into()
}

/// The digest of a file's content, read in pieces.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn sha_of_file(path: &Path) -> io::Result<Sha> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut piece = vec![0; 64 << 10];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(digest.finalize().into()),
            read => digest.update(piece.get(..read).unwrap_or_default()),
        }
    }
}

/// In lower-case hexadecimal.
pub(crate) fn hex(sha: &Sha) -> String {
    sha.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What files and directories look like. One that is missing has a look too, so that its arrival is a change.
pub(crate) fn of_files<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Sha {
    let mut digest = Sha256::new();
    for path in paths {
        let mut left = ENTRIES_MAX;
        look(path, 0, &mut left, &mut digest);
    }
    digest.finalize().into()
}

fn look(path: &Path, depth: usize, left: &mut usize, digest: &mut Sha256) {
    digest.update(path.as_os_str().as_encoded_bytes());
    digest.update([0]);
    // A symbolic link is told from what it points to: a ConfigMap is swapped by one link.
    if let Ok(target) = fs::read_link(path) {
        digest.update(target.as_os_str().as_encoded_bytes());
    }
    let Ok(metadata) = fs::metadata(path) else {
        digest.update(b"missing");
        return;
    };
    for part in Stat::of(&metadata).0 {
        digest.update(part.to_le_bytes());
    }
    if !metadata.is_dir() || depth == DEPTH_MAX {
        return;
    }
    let mut entries: Vec<_> = fs::read_dir(path).into_iter().flatten().flatten().take(*left).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    *left -= entries.len();
    for entry in entries {
        look(&entry.path(), depth + 1, left, digest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_looks_different_once_anything_inside_changes() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("sub")).unwrap();
        let file = home.path().join("sub/table.csv");
        fs::write(&file, "one").unwrap();
        let first = of_files([home.path()]);
        assert_eq!(of_files([home.path()]), first);
        fs::write(&file, "three").unwrap();
        let second = of_files([home.path()]);
        assert_ne!(second, first);
        fs::remove_file(&file).unwrap();
        assert_ne!(of_files([home.path()]), second);
    }

    #[test]
    fn a_missing_file_looks_different_from_one_that_is_there() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("late");
        let missing = of_files([file.as_path()]);
        fs::write(&file, "").unwrap();
        assert_ne!(of_files([file.as_path()]), missing);
    }

    #[test]
    fn the_digest_of_a_file_is_the_digest_of_its_bytes() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("f");
        let bytes = vec![7; 200_000];
        fs::write(&file, &bytes).unwrap();
        assert_eq!(sha_of_file(&file).unwrap(), sha(&bytes));
        assert_eq!(&hex(&sha(b""))[..8], "e3b0c442");
    }
}
