//! A storage of its own: an append-only log in segments.
//!
//! - `format` says what the bytes are.
//! - `writer` writes groups of appends, each with one write and one sync.
//! - `journal` writes down what is settled. A segment of which everything is settled is deleted.
//! - `scan` and `recover` read it all back, whatever has become of it.
//!
//! The index (24 bytes and a bit for each record) is in memory, the batches are not. An idle log has no thread and no timer.

mod files;
mod format;
mod journal;
mod lock;
mod recover;
mod scan;
mod state;
#[cfg(test)]
mod tests;
mod window;
mod writer;

use std::fs::File;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::sync::{Semaphore, oneshot};

use crate::failure_log::FailureLog;
use crate::storage::{RecordId, Recovered, Storage, StorageError};
use crate::{Batch, BoxFuture, Charge};
use files::{Files, SystemFiles, is_full};
use format::{PAYLOAD_BYTES_MAX, RECORD_HEADER_BYTES, RecordHeader, SEGMENT_BYTES_MAX, SegmentName};
use journal::Journals;
use state::{Location, State, Waiting};
use writer::Writer;

/// Appends and syncs at a time; more wait for their turn. More would not make a group any cheaper.
const PLACES: usize = 1024;

/// How a [`DiskLog`] lays out its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskSettings {
    /// A segment gets no more records once it has this size. One that still waits keeps its segment on the disk.
    pub segment_bytes: u64,
}

/// A [`Storage`] in a directory of its own.
pub struct DiskLog {
    shared: Arc<Shared>,
    places: Semaphore,
}

struct Shared {
    directory: PathBuf,
    settings: DiskSettings,
    files: Arc<dyn Files>,
    journals: Journals,
    state: Mutex<State>,
    writer: Mutex<Writer>,
    failures: FailureLog,
    /// Keeps others out of the directory for as long as this is open.
    _lock: Option<File>,
}

/// An append under way.
struct Appending<'a> {
    log: &'a Arc<Shared>,
    answer: oneshot::Receiver<Result<RecordId, StorageError>>,
}

// === impl DiskSettings ===

impl Default for DiskSettings {
    fn default() -> Self {
        DiskSettings { segment_bytes: 16 << 20 }
    }
}

// === impl DiskLog ===

impl DiskLog {
    /// Opens the log in `directory`, which is made if it is missing, and hands back what an earlier process left in it.
    ///
    /// Reads every byte that is there, so call it where blocking is allowed. The directory is this log's until it is
    /// dropped and its last append has ended.
    pub fn open(directory: &Path, settings: DiskSettings) -> Result<(Arc<DiskLog>, Recovered), StorageError> {
        let lock = lock::lock(directory)?;
        Self::open_with(Arc::new(SystemFiles), directory, settings, Some(lock))
    }

    fn open_with(
        files: Arc<dyn Files>,
        directory: &Path,
        settings: DiskSettings,
        lock: Option<File>,
    ) -> Result<(Arc<DiskLog>, Recovered), StorageError> {
        lock::probe(&*files, directory)?;
        let journals = Journals::new(directory.to_owned(), Arc::clone(&files));
        let (state, recovered) = recover::recover(directory, &files, &journals)?;
        let segment_bytes = settings.segment_bytes.min(SEGMENT_BYTES_MAX);
        let shared = Shared {
            directory: directory.to_owned(),
            settings: DiskSettings { segment_bytes },
            files,
            journals,
            state: Mutex::new(state),
            writer: Mutex::new(Writer::default()),
            failures: FailureLog::default(),
            _lock: lock,
        };
        shared.delete_doomed();
        Ok((Arc::new(DiskLog { shared: Arc::new(shared), places: Semaphore::new(PLACES) }), recovered))
    }
}

impl Storage for DiskLog {
    fn append<'a>(&'a self, batch: &Batch) -> BoxFuture<'a, Result<RecordId, StorageError>> {
        let Batch { signal, payload, items, received_unix_nano, .. } = batch.clone();
        Box::pin(async move {
            let bytes = payload.len() as u64;
            let Some(payload_bytes) = u32::try_from(bytes).ok().filter(|_| bytes <= PAYLOAD_BYTES_MAX) else {
                return Err(StorageError::TooLarge { bytes, max: PAYLOAD_BYTES_MAX });
            };
            let _place = self.places.acquire().await.map_err(|_| StorageError::Stopped)?;
            // Here rather than in the writer: there are several of these at a time.
            let payload_crc = crc32c::crc32c(&payload);
            let header =
                RecordHeader { sequence: 0, received_unix_nano, items, payload_bytes, payload_crc, signal };
            let (tell, answer) = oneshot::channel();
            let appending = Appending { log: &self.shared, answer };
            self.shared.state().waiting.push_back(Waiting { header, payload, answer: tell });
            writer::start(&self.shared);
            appending.await
        })
    }

    fn read(&self, id: RecordId) -> BoxFuture<'_, Result<Batch, StorageError>> {
        Box::pin(async move {
            let location = self.shared.state().records.get(&id.0).copied();
            let Some(location) = location else { return Err(StorageError::Unknown { id: id.0 }) };
            // It has no hold on the log: a read that nobody waits for keeps no directory locked.
            let (files, path) = (Arc::clone(&self.shared.files), self.shared.path(location.segment));
            let read = move || read_record(&*files, path, id, location);
            tokio::task::spawn_blocking(read).await.unwrap_or(Err(StorageError::Stopped))
        })
    }

    fn settle(&self, id: RecordId) {
        if self.shared.settle(id) {
            writer::start(&self.shared);
        }
    }

    fn sync(&self) -> BoxFuture<'_, Result<(), StorageError>> {
        Box::pin(async move {
            let _place = self.places.acquire().await.map_err(|_| StorageError::Stopped)?;
            let (tell, answer) = oneshot::channel();
            self.shared.state().syncs.push(tell);
            writer::start(&self.shared);
            answer.await.unwrap_or(Err(StorageError::Stopped))
        })
    }
}

// === impl Shared ===

impl Shared {
    /// True if there is work for the writer now.
    fn settle(&self, id: RecordId) -> bool {
        let Some((segment, entries)) = self.state().settle(id.0) else { return false };
        let written = self.journals.write(segment, &entries);
        if let Err(error) = &written
            && let Some(suppressed) = self.failures.may_log()
        {
            tracing::warn!(
                file = %self.journals.path(segment).display(), %error, suppressed,
                "cannot write down that a batch is settled; after a restart it would be sent again",
            );
        }
        self.state().settled(segment, entries, written.is_ok())
    }

    fn path(&self, segment: SegmentName) -> PathBuf {
        self.directory.join(segment.segment_file())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Appending ===

impl Future for Appending<'_> {
    type Output = Result<RecordId, StorageError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.answer).poll(context).map(|answer| answer.unwrap_or(Err(StorageError::Stopped)))
    }
}

impl Drop for Appending<'_> {
    fn drop(&mut self) {
        // A record of which nobody knows would stay for ever.
        self.answer.close();
        if let Ok(Ok(unheard)) = self.answer.try_recv()
            && self.log.settle(unheard)
        {
            writer::start(self.log);
        }
    }
}

// === impl StorageError ===

impl StorageError {
    fn io(action: &'static str, path: &Path, error: io::Error) -> Self {
        match is_full(&error) {
            true => StorageError::Full { path: path.to_owned() },
            false => StorageError::Io { action, path: path.to_owned(), error: Arc::new(error) },
        }
    }
}

fn read_record(
    files: &dyn Files,
    path: PathBuf,
    id: RecordId,
    location: Location,
) -> Result<Batch, StorageError> {
    let header_bytes = RECORD_HEADER_BYTES as usize;
    let mut bytes = vec![0; header_bytes + location.payload_bytes as usize];
    let read = files.open(&path).and_then(|file| file.read_at(&mut bytes, location.offset));
    match read {
        Ok(read) => bytes.truncate(read),
        // Its segment was deleted in between, so it is settled.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(StorageError::Unknown { id: id.0 });
        }
        Err(error) => return Err(StorageError::io("read", &path, error)),
    }
    let header = RecordHeader::decode(&bytes, location.segment).filter(|header| {
        let payload = bytes.get(header_bytes..).unwrap_or_default();
        header.sequence == id.0
            && header.payload_bytes == location.payload_bytes
            && payload.len() == location.payload_bytes as usize
            && crc32c::crc32c(payload) == header.payload_crc
    });
    let Some(header) = header else { return Err(StorageError::Damaged { id: id.0, path }) };
    Ok(Batch {
        signal: header.signal,
        payload: Bytes::from(bytes).slice(header_bytes..),
        items: header.items,
        received_unix_nano: header.received_unix_nano,
        deadline: None,
        charge: Charge::default(),
    })
}
