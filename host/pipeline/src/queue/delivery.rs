//! The attempts to send a group of entries: as one request, again after a wait, and one by one if the upstream rejects the whole.
//!
//! An entry is taken out of the group when it is settled and not before: whatever is left in it when weir gives up is
//! accounted for by the one who holds the group.

use tokio::time::Instant;

use super::entry::Entry;
use super::settle::Ending;
use super::waiting::Group;
use super::{FIRST_WAIT_OF_A_SENDER, INTERNAL, INVALID_ARGUMENT, Shared};
use crate::backoff::Backoff;
use crate::room::Size;
use crate::{
    AttemptOutcome, Batch, BatchSettings, Charge, ExportError, Exported, Panicked, RetrySettings, Sizer,
    StorageError, catch_panic,
};
use bytes::BytesMut;
use weir_otlp::{Part, SplitLimits};

/// gRPC codes that are about the sender or the service, whatever the data: nothing is gained by sending the parts of
/// a merged request one by one. NOT_FOUND, PERMISSION_DENIED, UNIMPLEMENTED, UNAUTHENTICATED.
const NOT_ABOUT_THE_DATA: [u8; 4] = [5, 7, 12, 16];

impl Shared {
    /// Sends a group until each of its entries is settled, or weir gives up.
    pub(super) async fn deliver(&self, group: Group) {
        let Group { mut entries, batching } = group;
        tokio::select! {
            () = self.send(&mut entries, batching) => {}
            () = self.given_up() => {}
        }
        for entry in entries {
            self.give_up(entry);
        }
    }

    async fn send(&self, entries: &mut Vec<Entry>, batching: Option<BatchSettings>) {
        self.read_stored(entries).await;
        if entries.len() > 1 {
            self.send_merged(entries).await;
        }
        while let Some(entry) = entries.first() {
            let Some(batch) = entry.batch.clone() else { return };
            let last = self.last_attempt(entry, Instant::now());
            let is_awaited = entry.until.is_some();
            let ending = match batching.filter(|batching| batching.is_over_max(entry.size)) {
                Some(batching) => self.send_split(&batch, batching, last, is_awaited).await,
                None => Ending::of(self.attempts(&batch, last, is_awaited).await, batch.items),
            };
            let entry = entries.remove(0);
            self.settle(entry, ending);
        }
    }

    /// Loads what the storage alone has.
    async fn read_stored(&self, entries: &mut Vec<Entry>) {
        let mut at = 0;
        while let Some(entry) = entries.get(at) {
            let read = match (&entry.batch, &self.storage, entry.record) {
                (Some(_), _, _) => None,
                (None, Some(storage), Some(record)) => Some(storage.read(record).await),
                // It is in neither place, which is a fault of weir's own.
                (None, _, _) => Some(Err(StorageError::Unknown { id: 0 })),
            };
            match read {
                None => at += 1,
                Some(Ok(mut batch)) => {
                    batch.charge = self.budget.beside(Batch::cost(batch.payload.len()));
                    entries[at].batch = Some(batch);
                    at += 1;
                }
                Some(Err(error)) => {
                    let entry = entries.remove(at);
                    self.settle_unreadable(entry, &error);
                }
            }
        }
    }

    /// Sends all entries as one request. Those that are left afterwards are to go one by one: the upstream rejected the
    /// whole for good, and the fault may be in one of them.
    async fn send_merged(&self, entries: &mut Vec<Entry>) {
        let started = Instant::now();
        let mut backoff = self.backoff(entries.iter().any(|entry| entry.until.is_some()));
        let mut merged = merge(entries);
        loop {
            let error = match self.attempt(merged.clone()).await {
                Ok(exported) => return self.settle_merged(std::mem::take(entries), exported),
                Err(error) => error,
            };
            let next = match error.retryable {
                true => backoff.next(Instant::now(), error.retry_after, rand::random()),
                false if !NOT_ABOUT_THE_DATA.contains(&error.code) => return,
                false => None,
            };
            // Those who cannot wait for the next attempt are told now.
            let is_over = |entry: &mut Entry| {
                next.is_none_or(|next| self.last_attempt(entry, started).is_some_and(|last| next > last))
            };
            let over: Vec<Entry> = entries.extract_if(.., is_over).collect();
            let is_smaller = !over.is_empty();
            for entry in over {
                let items = entry.items();
                self.settle(entry, Ending::of(Err(error.clone()), items));
            }
            let Some(next) = next.filter(|_| !entries.is_empty()) else { return };
            if is_smaller {
                merged = merge(entries);
            }
            tokio::time::sleep_until(next).await;
        }
    }

    /// Sends one entry in several requests, one after the other. A failure that may pass ends it: its sender will send
    /// the whole again.
    async fn send_split(
        &self,
        batch: &Batch,
        batching: BatchSettings,
        last: Option<Instant>,
        is_awaited: bool,
    ) -> Ending {
        let parts = match weir_otlp::split(batch.signal, &batch.payload, limits(batching)) {
            Ok(parts) => parts,
            Err(error) => {
                let message = format!("the request cannot be split: {error}");
                return Ending::of(Err(ExportError::permanent(INVALID_ARGUMENT, message)), batch.items);
            }
        };
        let mut ending = Ending::default();
        for Part { payload, items } in parts {
            let charge = batch.charge.beside(Batch::cost(payload.len()));
            let part = Batch { payload, items, charge, ..batch.clone() };
            ending.add(Ending::of(self.attempts(&part, last, is_awaited).await, items));
            if ending.error.as_ref().is_some_and(|error| error.retryable) {
                // The parts that were not tried share the fate of this one.
                ending.failed = batch.items.saturating_sub(ending.sent + ending.rejected);
                break;
            }
        }
        ending
    }

    /// One request, tried until it is settled or the last attempt is due.
    async fn attempts(
        &self,
        batch: &Batch,
        last: Option<Instant>,
        is_awaited: bool,
    ) -> Result<Exported, ExportError> {
        let mut backoff = self.backoff(is_awaited);
        loop {
            let error = match self.attempt(batch.clone()).await {
                Err(error) if error.retryable => error,
                decided => return decided,
            };
            match backoff.next(Instant::now(), error.retry_after, rand::random()) {
                Some(next) if last.is_none_or(|last| next <= last) => tokio::time::sleep_until(next).await,
                _ => return Err(error),
            }
        }
    }

    /// One attempt, counted while it lasts. A panic in it is a failure for good: the same batch would meet it again.
    async fn attempt(&self, batch: Batch) -> Result<Exported, ExportError> {
        let mut counted = InFlight::start(self);
        let outcome = match catch_panic(async { self.exporter.export(batch).await }).await {
            Ok(outcome) => outcome,
            Err(Panicked) => {
                self.observer.panicked();
                Err(ExportError::permanent(INTERNAL, "the exporter panicked"))
            }
        };
        counted.outcome = match &outcome {
            Ok(_) => AttemptOutcome::Success,
            Err(error) if error.retryable => AttemptOutcome::Retryable,
            Err(_) => AttemptOutcome::Permanent,
        };
        outcome
    }

    /// While a sender waits, the first retries come sooner.
    fn backoff(&self, is_awaited: bool) -> Backoff {
        let retry = self.settings.retry;
        match is_awaited {
            true => {
                let initial_interval = retry.initial_interval.min(FIRST_WAIT_OF_A_SENDER);
                Backoff::new(RetrySettings { initial_interval, ..retry })
            }
            false => Backoff::new(retry),
        }
    }

    /// When the last attempt may start: the patience of the sender, or the longest time that weir tries.
    fn last_attempt(&self, entry: &Entry, started: Instant) -> Option<Instant> {
        let longest = self.settings.retry.max_elapsed_time;
        entry.until.or_else(|| started.checked_add(longest).filter(|_| !longest.is_zero()))
    }
}

/// The requests behind each other, which are one request: its fields are repeated ones.
fn merge(entries: &[Entry]) -> Batch {
    let batches = || entries.iter().filter_map(|entry| entry.batch.as_ref());
    let size = entries.iter().fold(Size::default(), |sum, entry| sum.plus(entry.size));
    let bytes: usize = batches().map(|batch| batch.payload.len()).sum();
    let mut payload = BytesMut::with_capacity(bytes);
    for batch in batches() {
        payload.extend_from_slice(&batch.payload);
    }
    let first = batches().next();
    Batch {
        signal: first.map_or(weir_otlp::Signal::Logs, |batch| batch.signal),
        payload: payload.freeze(),
        items: size.items,
        received_unix_nano: first.map_or(0, |batch| batch.received_unix_nano),
        deadline: None,
        charge: first.map_or_else(Charge::default, |batch| batch.charge.beside(Batch::cost(bytes))),
    }
}

fn limits(batching: BatchSettings) -> SplitLimits {
    match batching.sizer {
        Sizer::Bytes => SplitLimits { items: 0, bytes: batching.max_size },
        Sizer::Items | Sizer::Requests => SplitLimits { items: batching.max_size, bytes: 0 },
    }
}

/// One attempt under way, taken off the count on drop, so that an attempt that is given up is taken off too.
struct InFlight<'a> {
    shared: &'a Shared,
    started: Instant,
    outcome: AttemptOutcome,
}

impl<'a> InFlight<'a> {
    fn start(shared: &'a Shared) -> Self {
        shared.observer.attempt_started();
        InFlight { shared, started: Instant::now(), outcome: AttemptOutcome::Abandoned }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.shared.observer.attempt_ended(self.outcome, self.started.elapsed());
    }
}
