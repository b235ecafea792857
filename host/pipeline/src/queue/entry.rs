//! One request in a queue, from when it was submitted until its fate is counted and told.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use weir_otlp::Signal;

use super::keep::Cached;
use crate::room::{Place, Size};
use crate::storage::RecordId;
use crate::{Batch, Exported, Refusal};

/// What a sender that waits is told.
pub(crate) type Answer = Result<Exported, Refusal>;

/// One request.
pub(crate) struct Entry {
    pub(super) signal: Signal,
    pub(super) size: Size,
    /// `None` if it is in the storage alone.
    pub(super) batch: Option<Batch>,
    /// If it is in memory besides the storage.
    pub(super) cached: Option<Cached>,
    /// Where the storage has it.
    pub(super) record: Option<RecordId>,
    /// Given back last, so that whoever sees the room empty also sees the counts.
    pub(super) place: Place,
    /// Until when its sender is there to be told that it should try again.
    pub(super) until: Option<Instant>,
    pub(super) tell: Option<oneshot::Sender<Answer>>,
}

/// An entry that waits. It is taken out once: by the one who sends it, or by its sender who has waited long enough.
pub(crate) struct Slot {
    entry: Mutex<Option<Entry>>,
    pub(super) size: Size,
    pub(super) since: Instant,
    /// When it has waited long enough for others to go with it.
    pub(super) flush_by: Instant,
}

// === impl Entry ===

impl Entry {
    pub(super) fn items(&self) -> u64 {
        self.size.items
    }
}

// === impl Slot ===

impl Slot {
    pub(super) fn new(entry: Entry, flush_timeout: Duration) -> Self {
        let since = Instant::now();
        // Half of a sender's patience is for the upstream.
        let patience = entry.until.map(|until| until.saturating_duration_since(since) / 2);
        let wait = patience.map_or(flush_timeout, |patience| patience.min(flush_timeout));
        let flush_by = since.checked_add(wait).unwrap_or(since);
        Slot { size: entry.size, since, flush_by, entry: Mutex::new(Some(entry)) }
    }

    /// `None` if somebody else has it.
    pub(super) fn take(&self) -> Option<Entry> {
        self.entry.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
