//! The few things that the log does with files, behind a trait so that tests can make any of them fail.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

/// For the owner alone: the files hold telemetry.
const FILE_MODE: u32 = 0o600;

/// A directory's files.
pub(super) trait Files: Send + Sync {
    /// A new file; an error if there is one already.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn OpenFile>>;
    /// A file that is there.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn OpenFile>>;
    /// Everything in the directory.
    fn list(&self, directory: &Path) -> io::Result<Vec<Entry>>;
    /// Takes a file away.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes durable which files there are.
    fn sync_directory(&self, directory: &Path) -> io::Result<()>;
}

/// One file, to read and to write. A file has one writer at a time.
pub(super) trait OpenFile: Send + Sync {
    /// Its size in bytes.
    fn size(&self) -> io::Result<u64>;
    /// Reads up to `buffer.len()` bytes, fewer only at the end of the file.
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize>;
    /// Writes the parts one behind the other. After an error, any of it may be written.
    fn write_at(&self, parts: &[&[u8]], at: u64) -> io::Result<()>;
    /// Cuts the file off.
    fn truncate(&self, bytes: u64) -> io::Result<()>;
    /// Makes the content durable.
    fn sync(&self) -> io::Result<()>;
}

/// Something in a directory.
pub(super) struct Entry {
    /// Its name, with replacement characters where it is no UTF-8.
    pub(super) name: String,
    /// Whether it is a plain file, no link and no pipe: opening one of those may never end.
    pub(super) is_file: bool,
}

/// Whether the disk, or the share of it that this user has, is full.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// The files of the operating system.
pub(super) struct SystemFiles;

impl Files for SystemFiles {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn OpenFile>> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(FILE_MODE).open(path)?;
        Ok(Arc::new(file))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn OpenFile>> {
        Ok(Arc::new(OpenOptions::new().read(true).write(true).open(path)?))
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<Entry>> {
        let entry = |entry: fs::DirEntry| {
            let is_file = entry.file_type()?.is_file();
            Ok(Entry { name: entry.file_name().to_string_lossy().into_owned(), is_file })
        };
        fs::read_dir(directory)?.map(|found| entry(found?)).collect()
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        File::open(directory)?.sync_all()
    }
}

impl OpenFile for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            match FileExt::read_at(self, &mut buffer[done..], at + done as u64) {
                Ok(0) => break,
                Ok(bytes) => done += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write_at(&self, parts: &[&[u8]], at: u64) -> io::Result<()> {
        if let [part] = parts {
            // Without the cursor: entries of a journal are written from several threads at a time.
            return FileExt::write_all_at(self, part, at);
        }
        let mut file = self;
        file.seek(SeekFrom::Start(at))?;
        let mut slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
        let mut rest = &mut slices[..];
        // Passes over empty parts, with which a write could not be told from one that wrote nothing.
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            match file.write_vectored(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => IoSlice::advance_slices(&mut rest, bytes),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}
