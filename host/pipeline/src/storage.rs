//! Where an export queue keeps its batches when they are to outlive the process.
//!
//! A storage holds a batch from [`Storage::append`] to [`Storage::settle`]. What is in between at the end of a
//! process is handed to the next one in [`Recovered`].

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use weir_otlp::Signal;

use crate::{Batch, BoxFuture};

/// Where a durable queue keeps its batches until they are settled.
pub trait Storage: Send + Sync {
    /// Keeps a batch, all of it but its deadline. Resolves when it is on disk: from then on it survives a crash of the machine.
    ///
    /// An append that is dropped before it has resolved keeps nothing.
    fn append<'a>(&'a self, batch: &Batch) -> BoxFuture<'a, Result<RecordId, StorageError>>;

    /// Reads a batch that was appended and is not settled. It comes without a deadline.
    fn read(&self, id: RecordId) -> BoxFuture<'_, Result<Batch, StorageError>>;

    /// The batch was delivered, dropped or handed back: it is not to come back after a restart.
    ///
    /// Does not wait for the disk. A killed process keeps to it at once, a crashed machine after the next [`Storage::sync`].
    fn settle(&self, id: RecordId);

    /// Makes everything durable that was settled so far. For a clean stop.
    fn sync(&self) -> BoxFuture<'_, Result<(), StorageError>>;
}

/// Names a record of one storage. Ids grow in the order of appending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId(pub u64);

impl RecordId {
    /// Its number in the storage, for another implementation of [`Storage`] and for logs.
    pub fn number(self) -> u64 {
        self.0
    }
}

impl From<u64> for RecordId {
    fn from(number: u64) -> Self {
        RecordId(number)
    }
}

/// What an index in memory needs of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// What to read and settle it by.
    pub id: RecordId,
    /// The signal of its batch.
    pub signal: Signal,
    /// The items in its batch.
    pub items: u64,
    /// The bytes of its payload.
    pub bytes: u64,
}

/// What a storage found when it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The records that are not settled, in the order of appending.
    pub waiting: Vec<Stored>,
    /// Records that are lost: their bytes are not what was written.
    pub damaged_records: u64,
    /// Bytes that were skipped because of that.
    pub damaged_bytes: u64,
    /// Bytes of a last write that was under way when the process ended. Nobody was told that they are kept.
    pub torn_bytes: u64,
    /// Journals of settled records with damage in them: some of these records come back, and are sent twice.
    pub damaged_journals: u64,
    /// Files in the directory that are not the storage's. They are left alone.
    pub foreign_files: u64,
}

/// Why a storage did not do what it was asked for.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StorageError {
    /// The disk is full. What was appended before is safe, and appending works again once there is room.
    #[error("no space left for {}: free some space on its disk, or give the queue less room", path.display())]
    Full {
        /// What was to be written.
        path: PathBuf,
    },
    /// The disk, or the system, refused something else.
    #[error("cannot {action} {}: {error}; if it goes on, check the disk and what the system's log says of it", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: Arc<io::Error>,
    },
    /// The bytes of a record are not what was written. The record is lost; settle it.
    #[error("record {id} in {} is damaged and cannot be sent; check the disk", path.display())]
    Damaged {
        /// Which record.
        id: u64,
        /// The file that it is in.
        path: PathBuf,
    },
    /// The payload of a batch is larger than a record may be.
    #[error("a batch of {bytes} bytes is too large to be kept on disk: at most {max}; send smaller batches")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The most that a record holds.
        max: u64,
    },
    /// No such record: it is settled, or never was.
    #[error("there is no record {id}: it is settled already")]
    Unknown {
        /// Which record.
        id: u64,
    },
    /// Another process, or another queue of this one, has the directory.
    #[error("{} is in use by {holder}: stop that one, or name another directory", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
        /// Who says to have it.
        holder: String,
    },
    /// The directory cannot be used as it is.
    #[error("{} cannot keep a queue: {problem}", path.display())]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A later version of weir wrote this file.
    #[error(
        "{} is of format version {version}, which this weir does not know: run the version that wrote it, or move the file away and lose what is in it",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version that it says it has.
        version: u32,
    },
    /// There is no runtime to do the work, or it is shutting down.
    #[error("weir is stopping, so nothing is written to or read from the disk any more")]
    Stopped,
}
