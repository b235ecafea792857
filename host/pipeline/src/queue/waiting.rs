//! What waits to be sent, in the order in which it came: one lane for what may be merged with each other.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use weir_otlp::Signal;

use super::entry::{Entry, Slot};
use crate::BatchSettings;
use crate::room::Size;

/// All lanes of one queue.
#[derive(Default)]
pub(super) struct Waiting {
    /// As many as there are signals and batch settings in use.
    lanes: Vec<Lane>,
    /// Nothing waits for others any more.
    is_closing: bool,
}

/// Entries that go into one request.
pub(super) struct Group {
    pub(super) entries: Vec<Entry>,
    pub(super) batching: Option<BatchSettings>,
}

struct Lane {
    signal: Signal,
    batching: Option<BatchSettings>,
    slots: VecDeque<Arc<Slot>>,
    total: Size,
    /// When the first of those in it has waited long enough for others.
    flush_at: Option<Instant>,
}

// === impl Waiting ===

impl Waiting {
    /// Puts an entry behind those of its kind. `batching` says whether it may wait for others.
    pub(super) fn push(&mut self, entry: Entry, batching: Option<BatchSettings>) -> Arc<Slot> {
        let signal = entry.signal;
        let slot =
            Arc::new(Slot::new(entry, batching.map_or(Duration::ZERO, |batching| batching.flush_timeout)));
        let lane = self.lane(signal, batching);
        lane.flush_at = lane.flush_at.into_iter().chain([slot.flush_by]).min();
        lane.total = lane.total.plus(slot.size);
        lane.slots.push_back(Arc::clone(&slot));
        slot
    }

    fn lane(&mut self, signal: Signal, batching: Option<BatchSettings>) -> &mut Lane {
        let known = self.lanes.iter().position(|lane| lane.signal == signal && lane.batching == batching);
        let at = known.unwrap_or_else(|| {
            let (slots, total) = (VecDeque::new(), Size::default());
            self.lanes.push(Lane { signal, batching, slots, total, flush_at: None });
            self.lanes.len() - 1
        });
        &mut self.lanes[at]
    }

    /// Whether something is to be sent now.
    pub(super) fn is_ready(&self, now: Instant) -> bool {
        self.lanes.iter().any(|lane| lane.is_ready(now, self.is_closing))
    }

    /// What is to be sent next: of the lanes that are ready, from the one that has waited longest.
    pub(super) fn take(&mut self, now: Instant) -> Option<Group> {
        let is_closing = self.is_closing;
        loop {
            let ready = self.lanes.iter_mut().filter(|lane| lane.is_ready(now, is_closing));
            let lane = ready.min_by_key(|lane| lane.slots.front().map(|slot| slot.since))?;
            let entries = lane.take();
            // Without entries the senders of all of them have gone.
            if !entries.is_empty() {
                return Some(Group { entries, batching: lane.batching });
            }
        }
    }

    /// When something will be ready that is not yet, if nothing else comes.
    pub(super) fn next_flush(&self) -> Option<Instant> {
        self.lanes.iter().filter_map(|lane| lane.flush_at).min()
    }

    /// Nothing waits for others from now on.
    pub(super) fn close(&mut self) {
        self.is_closing = true;
    }

    /// Everything that is left.
    pub(super) fn drain(&mut self) -> Vec<Entry> {
        let slots = std::mem::take(&mut self.lanes).into_iter().flat_map(|lane| lane.slots);
        slots.filter_map(|slot| slot.take()).collect()
    }
}

// === impl Lane ===

impl Lane {
    fn is_ready(&self, now: Instant, is_closing: bool) -> bool {
        let Some(flush_at) = self.flush_at else { return false };
        is_closing
            || flush_at <= now
            || self.batching.is_none_or(|batching| batching.is_worth_sending(self.total))
    }

    fn take(&mut self) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut merged = Size::default();
        while let Some(slot) = self.slots.front() {
            let after = merged.plus(slot.size);
            let may_join = entries.is_empty() || self.batching.is_some_and(|batching| batching.allows(after));
            if !may_join {
                break;
            }
            self.total = self.total.minus(slot.size);
            let entry = slot.take();
            self.slots.pop_front();
            let Some(entry) = entry else { continue };
            merged = after;
            entries.push(entry);
            if self.batching.is_some_and(|batching| batching.is_enough(merged)) {
                break;
            }
        }
        self.flush_at = match self.batching {
            // They come and go in the same order.
            None => self.slots.front().map(|slot| slot.flush_by),
            Some(_) => self.slots.iter().map(|slot| slot.flush_by).min(),
        };
        entries
    }
}
