//! How an entry ends: counted once, told to its sender, settled in the storage, its place given back.

use std::sync::atomic::Ordering;

use super::entry::Entry;
use super::{RETRY_AFTER, Shared};
use crate::storage::Stored;
use crate::{Cause, ExportError, Exported, Refusal, StorageError};

/// What became of one request.
#[derive(Default)]
pub(super) struct Ending {
    /// Items that the upstream took.
    pub(super) sent: u64,
    /// Items that it rejected by partial success.
    pub(super) rejected: u64,
    /// Whether those may as well be items of another request that went with this one.
    pub(super) is_anybodys: bool,
    /// Items that it did not take, and why.
    pub(super) failed: u64,
    pub(super) error: Option<ExportError>,
    /// What it said about those that it took.
    pub(super) message: Option<String>,
}

impl Ending {
    /// Of one request with so many items.
    pub(super) fn of(outcome: Result<Exported, ExportError>, items: u64) -> Self {
        match outcome {
            Ok(Exported { rejected, message }) => {
                let rejected = rejected.min(items);
                Ending { sent: items - rejected, rejected, message, ..Ending::default() }
            }
            Err(error) => Ending { failed: items, error: Some(error), ..Ending::default() },
        }
    }

    /// Of the whole, when another part of it has ended.
    pub(super) fn add(&mut self, part: Ending) {
        self.sent += part.sent;
        self.rejected += part.rejected;
        self.failed += part.failed;
        // One that may be sent again is told first, as with several exporters.
        match (&self.error, part.error) {
            (None, error) => self.error = error,
            (Some(first), Some(error)) if error.retryable && !first.retryable => self.error = Some(error),
            _ => {}
        }
        self.message = self.message.take().or(part.message);
    }
}

impl Shared {
    /// Counts how one entry ended and tells it.
    pub(super) fn settle(&self, entry: Entry, ending: Ending) {
        let Entry { signal, batch, cached, record, place, tell, .. } = entry;
        let Ending { sent, rejected, is_anybodys, failed, error, message } = ending;
        self.observer.sent(signal, sent);
        if rejected > 0 {
            self.observer.rejected(signal, rejected);
        }
        if rejected + failed > 0 {
            self.observer.send_failed(signal, rejected + failed);
        }
        if let (Some(storage), Some(record)) = (&self.storage, record) {
            storage.settle(record);
        }
        let answer = match error {
            Some(error) => {
                self.log_failure(failed, &error);
                if let (Some(dead_letters), Some(batch)) = (&self.dead_letters, &batch)
                    && (tell.is_none() || !error.retryable)
                {
                    dead_letters.keep(batch, &error);
                }
                Err(self.refusal(error))
            }
            None => {
                self.log_partial(rejected, message.as_deref());
                Ok(Exported { rejected: if is_anybodys { 0 } else { rejected }, message })
            }
        };
        if let Some(tell) = tell {
            // The sender may have gone away; what became of its items is counted already.
            let _ = tell.send(answer);
        }
        drop((batch, cached));
        drop(place);
    }

    /// The entries went in one request, of which the upstream took all or a part. Which part is not known, unless it is none.
    pub(super) fn settle_merged(&self, entries: Vec<Entry>, exported: Exported) {
        let total: u64 = entries.iter().map(Entry::items).sum();
        let rejected = exported.rejected.min(total);
        let message = match (rejected, exported.message) {
            (0, message) => message,
            (_, said) => {
                let said = said.map(|said| format!(": {said}")).unwrap_or_default();
                Some(format!(
                    "the upstream rejected {rejected} of the {total} items of several requests{said}"
                ))
            }
        };
        let mut left = rejected;
        for entry in entries {
            // The counts add up; who is told that items were rejected is only certain if all were.
            let mine = left.min(entry.items());
            left -= mine;
            let ending = Ending {
                sent: entry.items() - mine,
                rejected: mine,
                is_anybodys: rejected < total,
                message: message.clone(),
                ..Ending::default()
            };
            self.settle(entry, ending);
        }
    }

    /// weir stops before the entry could be sent. What the storage has stays there.
    pub(super) fn give_up(&self, entry: Entry) {
        let Entry { signal, size, record, place, tell, .. } = entry;
        match record {
            Some(id) => {
                let stored = Stored { id, signal, items: size.items, bytes: size.bytes };
                self.work().left.push(stored);
            }
            None => {
                self.observer.send_failed(signal, size.items);
                self.lost_requests.fetch_add(1, Ordering::Relaxed);
                self.lost_items.fetch_add(size.items, Ordering::Relaxed);
            }
        }
        if let Some(tell) = tell {
            let stopped = "weir stopped before the upstream answered";
            let _ = tell.send(Err(Refusal::retryable(Cause::Stopping, None, stopped)));
        }
        drop(place);
    }

    /// The storage cannot give an entry back. Unless it is damaged for good, it is tried again after a restart.
    pub(super) fn settle_unreadable(&self, entry: Entry, error: &StorageError) {
        self.observer.storage_failed();
        self.observer.send_failed(entry.signal, entry.items());
        tracing::error!(exporter = %self.name, items = entry.items(), %error, "a stored batch cannot be read");
        if let (StorageError::Damaged { .. }, Some(storage), Some(record)) =
            (error, &self.storage, entry.record)
        {
            storage.settle(record);
        }
    }

    /// The storage did not take an entry, so its sender keeps it.
    pub(super) fn settle_unkept(&self, entry: Entry, refusal: Refusal) {
        let Entry { signal, size, place, tell, .. } = entry;
        self.observer.storage_failed();
        self.observer.send_failed(signal, size.items);
        if let Some(suppressed) = self.failure_log.may_log() {
            tracing::error!(
                exporter = %self.name, items = size.items, suppressed, error = %refusal.message,
                "could not keep a batch on disk",
            );
        }
        if let Some(tell) = tell {
            let _ = tell.send(Err(refusal));
        }
        drop(place);
    }

    fn log_partial(&self, rejected: u64, message: Option<&str>) {
        if rejected == 0 && message.is_none() {
            return;
        }
        if let Some(suppressed) = self.failure_log.may_log() {
            // The upstream's own words may quote telemetry and stay out of the log.
            tracing::warn!(
                exporter = %self.name, rejected_items = rejected, suppressed,
                "the upstream took the request with a warning or in part",
            );
        }
    }

    fn log_failure(&self, items: u64, error: &ExportError) {
        if let Some(suppressed) = self.failure_log.may_log() {
            tracing::warn!(
                exporter = %self.name, items, code = error.code, retryable = error.retryable, suppressed,
                error = %error.message, "could not send a batch",
            );
        }
    }

    fn refusal(&self, error: ExportError) -> Refusal {
        let message = match &error.upstream_said {
            Some(said) => format!("exporter {}: {}: {said}", self.name, error.message),
            None => format!("exporter {}: {}", self.name, error.message),
        };
        match error.retryable {
            true => Refusal::retryable(Cause::UpstreamUnavailable, error.retry_after, message),
            false => Refusal::permanent(Cause::UpstreamRejected(error.code), message),
        }
    }

    /// What the sender of a batch is told that the storage did not keep.
    pub(super) fn not_kept(&self, error: &StorageError) -> Refusal {
        let message = format!("exporter {}: {error}", self.name);
        match error {
            StorageError::TooLarge { .. } => Refusal::permanent(Cause::TooLarge, message),
            _ => Refusal::retryable(Cause::Overload, Some(RETRY_AFTER), message),
        }
    }
}
