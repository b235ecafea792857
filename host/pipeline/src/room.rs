//! The room of one queue: how much may wait or be under way, counted from before a batch is processed until it is settled.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;
use weir_otlp::Signal;

use crate::{Batch, ExportObserver};

/// What the size of a queue counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sizer {
    /// Batches.
    #[default]
    Requests,
    /// Spans, data points, log records.
    Items,
    /// Payload bytes.
    Bytes,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoPlace {
    Full,
    Closed,
}

/// Bounded in the sizer's unit, and in bytes whatever the unit is.
pub(crate) struct Room {
    sizer: Sizer,
    size_max: u64,
    bytes_max: u64,
    observer: Arc<dyn ExportObserver>,
    used: Mutex<Used>,
    /// Told on every release.
    freed: Notify,
}

#[derive(Clone, Copy, Default)]
struct Used {
    size: Size,
    /// Of each signal.
    items: [u64; Signal::ALL.len()],
    closed: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) requests: u64,
    pub(crate) items: u64,
    pub(crate) bytes: u64,
}

/// A claim on the room, given back on drop.
pub(crate) struct Place {
    room: Arc<Room>,
    signal: Signal,
    size: Size,
}

// === impl Size ===

impl Size {
    pub(crate) fn of(batch: &Batch) -> Self {
        Size { requests: 1, items: batch.items, bytes: batch.payload.len() as u64 }
    }

    pub(crate) fn by(self, sizer: Sizer) -> u64 {
        match sizer {
            Sizer::Requests => self.requests,
            Sizer::Items => self.items,
            Sizer::Bytes => self.bytes,
        }
    }

    pub(crate) fn plus(self, other: Size) -> Size {
        Size {
            requests: self.requests.saturating_add(other.requests),
            items: self.items.saturating_add(other.items),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    pub(crate) fn minus(self, other: Size) -> Size {
        Size {
            requests: self.requests.saturating_sub(other.requests),
            items: self.items.saturating_sub(other.items),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }
}

// === impl Room ===

impl Room {
    pub(crate) fn new(
        sizer: Sizer,
        size_max: u64,
        bytes_max: u64,
        observer: Arc<dyn ExportObserver>,
    ) -> Arc<Self> {
        Arc::new(Room { sizer, size_max, bytes_max, observer, used: Mutex::default(), freed: Notify::new() })
    }

    /// A place for a batch of this size. A batch that is larger than the whole room gets in when nothing else
    /// is there: refused for ever, it would make its sender repeat it for ever.
    pub(crate) fn try_claim(self: &Arc<Self>, batch: &Batch) -> Result<Place, NoPlace> {
        let size = Size::of(batch);
        let mut used = self.lock();
        if used.closed {
            return Err(NoPlace::Closed);
        }
        let after = used.size.plus(size);
        let fits = after.by(self.sizer) <= self.size_max && after.bytes <= self.bytes_max;
        if !fits && used.size.requests > 0 {
            return Err(NoPlace::Full);
        }
        self.change(&mut used, batch.signal, Size::default(), size);
        Ok(Place { room: Arc::clone(self), signal: batch.signal, size })
    }

    /// A place for what is there already, whether it fits or not.
    pub(crate) fn claim_anyway(self: &Arc<Self>, signal: Signal, size: Size) -> Place {
        self.change(&mut self.lock(), signal, Size::default(), size);
        Place { room: Arc::clone(self), signal, size }
    }

    /// Waits until something was given back, or the room closed, or `until` is past. Checks nothing itself.
    pub(crate) async fn changed(&self, until: Option<Instant>, still_full: impl Fn() -> bool) -> bool {
        let freed = self.freed.notified();
        let mut freed = std::pin::pin!(freed);
        // Registered before the last look, so that a release in between is not missed.
        freed.as_mut().enable();
        if !still_full() {
            return true;
        }
        match until {
            None => {
                freed.await;
                true
            }
            Some(until) => tokio::time::timeout_at(until, freed).await.is_ok(),
        }
    }

    /// Whether a batch of this size would find no place now.
    pub(crate) fn is_full_for(&self, batch: &Batch) -> bool {
        let used = self.lock();
        let after = used.size.plus(Size::of(batch));
        let fits = after.by(self.sizer) <= self.size_max && after.bytes <= self.bytes_max;
        !used.closed && !fits && used.size.requests > 0
    }

    /// No new places from now on. Those that were given stay good.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.freed.notify_waiters();
    }

    /// Waits until every place was given back; false if that took longer than until the deadline.
    pub(crate) async fn emptied(&self, deadline: Instant) -> bool {
        while self.lock().size.requests > 0 {
            let occupied = || self.lock().size.requests > 0;
            if !self.changed(Some(deadline), occupied).await {
                return false;
            }
        }
        true
    }

    fn change(&self, used: &mut Used, signal: Signal, former: Size, next: Size) {
        used.size = used.size.minus(former).plus(next);
        let items = &mut used.items[signal as usize - 1];
        *items = items.saturating_sub(former.items).saturating_add(next.items);
        // Under the lock, so that the last values that the observer sees are the true ones.
        self.observer.queue_size(used.size.by(self.sizer));
        self.observer.queue_items(signal, *items);
    }

    fn lock(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Place ===

impl Place {
    /// The batch has changed since the place was claimed. It may have grown past the bound by what the
    /// processors added; nothing is refused at this point any more.
    pub(crate) fn resize(&mut self, batch: &Batch) {
        let size = Size::of(batch);
        if size == self.size {
            return;
        }
        self.room.change(&mut self.room.lock(), self.signal, self.size, size);
        self.size = size;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.room.change(&mut self.room.lock(), self.signal, self.size, Size::default());
        self.room.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::Unobserved;

    fn batch(items: u64, bytes: usize) -> Batch {
        Batch::new(Signal::Logs, Bytes::from(vec![0; bytes]), items)
    }

    fn room(sizer: Sizer, size_max: u64, bytes_max: u64) -> Arc<Room> {
        Room::new(sizer, size_max, bytes_max, Arc::new(Unobserved))
    }

    #[test]
    fn each_sizer_counts_its_own_unit() {
        for (sizer, size_max) in [(Sizer::Requests, 2), (Sizer::Items, 20), (Sizer::Bytes, 200)] {
            let room = room(sizer, size_max, u64::MAX);
            let places: Vec<_> = (0..2).map(|_| room.try_claim(&batch(10, 100)).ok()).collect();
            assert!(places.iter().all(Option::is_some), "{sizer:?}: two fit");
            assert_eq!(room.try_claim(&batch(10, 100)).err(), Some(NoPlace::Full), "{sizer:?}");
            drop(places);
            assert!(room.try_claim(&batch(10, 100)).is_ok(), "{sizer:?}: there is room again");
        }
    }

    #[test]
    fn bytes_are_bounded_whatever_the_sizer() {
        let room = room(Sizer::Requests, 1000, 150);
        let _first = room.try_claim(&batch(1, 100)).ok();
        assert_eq!(room.try_claim(&batch(1, 100)).err(), Some(NoPlace::Full));
    }

    #[test]
    fn a_batch_larger_than_the_room_gets_in_alone() {
        let room = room(Sizer::Items, 5, 10);
        let giant = room.try_claim(&batch(1000, 1000)).ok();
        assert!(giant.is_some());
        assert_eq!(room.try_claim(&batch(1, 1)).err(), Some(NoPlace::Full));
    }

    #[test]
    fn a_closed_room_gives_no_place_and_keeps_those_it_gave() {
        let room = room(Sizer::Requests, 10, 10);
        let place = room.try_claim(&batch(1, 1)).ok();
        room.close();
        assert_eq!(room.try_claim(&batch(1, 1)).err(), Some(NoPlace::Closed));
        assert_eq!(room.lock().size.requests, 1);
        drop(place);
        assert_eq!(room.lock().size, Size::default());
    }

    #[test]
    fn a_resized_place_gives_back_what_it_holds_and_no_more() {
        let room = room(Sizer::Items, 10, 1000);
        let mut place = room.try_claim(&batch(10, 100)).ok();
        if let Some(place) = &mut place {
            place.resize(&batch(4, 120));
        }
        assert_eq!(room.lock().size, Size { requests: 1, items: 4, bytes: 120 });
        drop(place);
        assert_eq!(room.lock().size, Size::default());
    }
}
