//! One directory, one log: makes the directory fit for use and keeps others out of it.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use super::files::{Files, is_full};
use crate::storage::StorageError;

/// The file whose lock stands for the directory. It holds the process id of who has it, for the error of the next one.
pub(super) const LOCK_FILE: &str = "lock";

/// Made and taken away when the log is opened, to see whether files can be made.
pub(super) const PROBE_FILE: &str = "probe";

/// For the owner alone.
const DIRECTORY_MODE: u32 = 0o700;

/// For the owner alone.
const FILE_MODE: u32 = 0o600;

/// The longest text that is read from a lock file.
const HOLDER_BYTES_MAX: u64 = 32;

/// Makes the directory if it is missing, and locks it. The lock ends with the file that comes back.
pub(super) fn lock(directory: &Path) -> Result<File, StorageError> {
    let made = DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory);
    made.map_err(|error| unusable(directory, &error))?;
    let path = directory.join(LOCK_FILE);
    let opened =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(FILE_MODE).open(path);
    let mut file = opened.map_err(|error| unusable(directory, &error))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(StorageError::Locked { path: directory.to_owned(), holder: holder(&file) });
        }
        Err(TryLockError::Error(error)) => return Err(unusable(directory, &error)),
    }
    // Only a courtesy, so a full disk is no reason not to open the log.
    let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(file)
}

/// Whether files can be made in the directory. A full disk is no error here: what is stored can still be sent.
pub(super) fn probe(files: &dyn Files, directory: &Path) -> Result<(), StorageError> {
    let path = directory.join(PROBE_FILE);
    let made = match files.create(&path) {
        // An earlier start ended in between.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if is_full(&error) => return Ok(()),
        made => made.map(drop),
    };
    made.and_then(|()| files.remove(&path)).map_err(|error| unusable(directory, &error))
}

/// Puts into words why the directory is of no use.
pub(super) fn unusable(directory: &Path, error: &io::Error) -> StorageError {
    let advice = match error.kind() {
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "there is a file in its place; name another directory, or move the file away"
        }
        io::ErrorKind::PermissionDenied => {
            "give the user that weir runs as the right to read and write it, or name another directory"
        }
        io::ErrorKind::ReadOnlyFilesystem => "name a directory on a volume that can be written to",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space on its disk",
        io::ErrorKind::Unsupported => "its file system has no locks; name a directory on a local disk",
        _ => "check the path and its disk, or name another directory",
    };
    StorageError::Unusable { path: directory.to_owned(), problem: format!("{error}; {advice}") }
}

fn holder(file: &File) -> String {
    let mut text = String::new();
    let read = file.take(HOLDER_BYTES_MAX).read_to_string(&mut text);
    match text.trim().parse::<u32>() {
        Ok(process) if read.is_ok() && process == std::process::id() => {
            "another queue of this weir".to_owned()
        }
        Ok(process) if read.is_ok() => format!("process {process}"),
        _ => "another process".to_owned(),
    }
}
