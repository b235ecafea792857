//! The way of a batch into the storage.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use super::entry::Entry;
use super::{RETRY_AFTER, Shared};
use crate::storage::{RecordId, Storage};
use crate::{BatchSettings, Cause, Exported, Refusal};

/// What the storage has is also kept in memory up to this size, so that as long as the upstream keeps up nothing is read back.
const CACHED_BYTES_MAX: u64 = 8 << 20;

/// A batch that is in memory besides the storage.
pub(super) struct Cached {
    total: Arc<AtomicU64>,
    bytes: u64,
}

impl Shared {
    /// Puts an entry on disk, tells its sender, and then it waits as others do.
    pub(super) async fn keep(
        self: Arc<Self>,
        storage: Arc<dyn Storage>,
        mut entry: Entry,
        batching: Option<BatchSettings>,
        until: Instant,
    ) {
        let Some(batch) = &entry.batch else { return };
        // An append that is given up keeps nothing: what the sender sends again is not there twice.
        let refusal = match tokio::time::timeout_at(until, storage.append(batch)).await {
            Ok(Ok(record)) => {
                if let Some(tell) = entry.tell.take() {
                    let _ = tell.send(Ok(Exported::default()));
                }
                self.cache(&mut entry, record);
                self.push(entry, batching);
                return;
            }
            Ok(Err(error)) => self.not_kept(&error),
            Err(_) => {
                let message = format!("exporter {}: the disk did not keep it in time", self.name);
                Refusal::retryable(Cause::Overload, Some(RETRY_AFTER), message)
            }
        };
        self.settle_unkept(entry, refusal);
    }

    /// Keeps the batch in memory too, or else forgets it.
    fn cache(&self, entry: &mut Entry, record: RecordId) {
        entry.record = Some(record);
        let bytes = entry.size.bytes;
        let cached = Cached { total: Arc::clone(&self.cached), bytes };
        if self.cached.fetch_add(bytes, Ordering::Relaxed) + bytes > CACHED_BYTES_MAX {
            entry.batch = None;
            drop(cached);
        } else {
            entry.cached = Some(cached);
        }
    }
}

impl Drop for Cached {
    fn drop(&mut self) {
        self.total.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
