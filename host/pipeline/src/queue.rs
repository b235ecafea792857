//! One exporter's queue: bounded room, a bounded number of attempts at a time, merging, retries, and the count of what
//! became of each item.
//!
//! What a sender is told, and when, is its [`Acknowledgement`]. A batch that was submitted is the queue's from there on:
//! if its sender goes away, the work goes on, and its outcome is counted all the same. Workers come when something is
//! to be sent and go when nothing is: an idle queue has no task and no timer.

mod delivery;
mod entry;
mod keep;
mod settings;
mod settle;
mod ticket;
mod waiting;
mod work;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use self::entry::Entry;
pub use self::settings::QueueSettings;
pub(crate) use self::ticket::Ticket;
use self::work::Work;
use crate::failure_log::FailureLog;
use crate::room::{NoPlace, Place, Room, Size};
use crate::storage::{Storage, Stored};
use crate::{Batch, BatchSettings, Charge, DeadLetters, ExportObserver, Exporter};

/// gRPC's code for bytes that are not what they should be.
const INVALID_ARGUMENT: u8 = 3;

/// gRPC's code for a fault of one's own.
const INTERNAL: u8 = 13;

/// gRPC's code for "not now".
const UNAVAILABLE: u8 = 14;

/// While a sender waits, the first retry comes this soon at the latest: its patience is short.
const FIRST_WAIT_OF_A_SENDER: Duration = Duration::from_millis(100);

/// When a sender that found no room, or a disk that does not take its data, should come back.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How long a stop waits for workers to let go of what they gave up. Each ends at its next suspension.
const LET_GO: Duration = Duration::from_millis(500);

/// When a sender is told that its data was taken, and so what that means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledgement {
    /// When the upstream has answered: the upstream has it.
    Downstream,
    /// When it is on disk: it will get to the upstream, also after a crash.
    Durable,
    /// When it is in memory: a crash, or a stop while the upstream is away, loses it.
    Memory,
}

/// What a queue may have besides.
#[derive(Default)]
pub struct Keeping {
    /// Where batches are kept until they are sent, with those that are there already.
    pub storage: Option<(Arc<dyn Storage>, Vec<Stored>)>,
    /// Where batches go that will not be sent.
    pub dead_letters: Option<Arc<dyn DeadLetters>>,
    /// Charged for what is read back from the storage.
    pub budget: Charge,
}

/// How a queue's stop went.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Batches that were given up.
    pub lost_requests: u64,
    /// Items in those batches, counted as failed.
    pub lost_items: u64,
    /// What the storage still has.
    pub left: Vec<Stored>,
}

/// A bounded queue in front of one exporter.
pub struct ExportQueue {
    shared: Arc<Shared>,
}

struct Shared {
    name: String,
    settings: QueueSettings,
    exporter: Arc<dyn Exporter>,
    observer: Arc<dyn ExportObserver>,
    room: Arc<Room>,
    storage: Option<Arc<dyn Storage>>,
    dead_letters: Option<Arc<dyn DeadLetters>>,
    budget: Charge,
    cached: Arc<AtomicU64>,
    work: Mutex<Work>,
    failure_log: FailureLog,
    /// True once the deadline of a stop is past.
    give_up: watch::Sender<bool>,
    lost_requests: AtomicU64,
    lost_items: AtomicU64,
}

// === impl ExportQueue ===

impl ExportQueue {
    /// A queue in front of `exporter`. `name` is the exporter's id, for logs and for the sender. Must be called in a
    /// runtime if the storage has something to send.
    pub fn new(
        name: impl Into<String>,
        exporter: Arc<dyn Exporter>,
        settings: QueueSettings,
        observer: Arc<dyn ExportObserver>,
        keeping: Keeping,
    ) -> Arc<Self> {
        let (sizer, size_max) = settings.room();
        let room = Room::new(sizer, size_max, settings.bytes_max, Arc::clone(&observer));
        let Keeping { storage, dead_letters, budget } = keeping;
        let (storage, stored) =
            storage.map_or((None, Vec::new()), |(storage, stored)| (Some(storage), stored));
        let shared = Shared {
            name: name.into(),
            settings,
            exporter,
            observer,
            room,
            storage,
            dead_letters,
            budget,
            cached: Arc::default(),
            work: Mutex::default(),
            failure_log: FailureLog::default(),
            give_up: watch::Sender::new(false),
            lost_requests: AtomicU64::new(0),
            lost_items: AtomicU64::new(0),
        };
        for stored in &stored {
            shared.observer.recovered(stored.signal, stored.items);
        }
        let queue = ExportQueue { shared: Arc::new(shared) };
        queue.adopt(stored);
        Arc::new(queue)
    }

    /// The exporter's id.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// How much fits, in the unit of the queue's sizer.
    pub fn capacity(&self) -> u64 {
        self.shared.settings.capacity()
    }

    /// When senders are answered.
    pub fn acknowledgement(&self) -> Acknowledgement {
        self.shared.acknowledgement()
    }

    /// Takes over what the storage has of a former queue: it is sent behind what waits already.
    pub fn adopt(&self, stored: Vec<Stored>) {
        for Stored { id, signal, items, bytes } in stored {
            let size = Size { requests: 1, items, bytes };
            let place = self.shared.room.claim_anyway(signal, size);
            let entry = Entry {
                signal,
                size,
                batch: None,
                cached: None,
                record: Some(id),
                place,
                until: None,
                tell: None,
            };
            self.shared.push(entry, None);
        }
    }

    /// Takes no more batches, lets those it has go on until `deadline`, and gives up the rest: what the storage has is
    /// left there, and the others are counted as failed.
    pub async fn shutdown(&self, deadline: std::time::Instant) -> Drained {
        let shared = &self.shared;
        shared.room.close();
        {
            let mut work = shared.work();
            work.waiting.close();
            shared.rouse(&mut work);
        }
        if !shared.room.emptied(Instant::from_std(deadline)).await {
            let given_up = {
                let mut work = shared.work();
                work.has_given_up = true;
                work.waiting.drain()
            };
            shared.give_up.send_replace(true);
            given_up.into_iter().for_each(|entry| shared.give_up(entry));
            // A room that a sender holds without an entry is not waited for.
            let _ = shared.room.emptied(Instant::now() + LET_GO).await;
        }
        if let Some(Err(error)) = shared.sync().await {
            tracing::warn!(exporter = %shared.name, %error, "some of what was sent may be sent again after the restart");
        }
        let drained = Drained {
            lost_requests: shared.lost_requests.load(Ordering::Relaxed),
            lost_items: shared.lost_items.load(Ordering::Relaxed),
            left: std::mem::take(&mut shared.work().left),
        };
        drained.log(&shared.name);
        drained
    }

    pub(crate) fn try_claim(&self, batch: &Batch) -> Result<Place, NoPlace> {
        self.shared.room.try_claim(batch)
    }

    pub(crate) fn waits_for_room(&self) -> bool {
        self.shared.settings.block_on_overflow || !self.shared.settings.enabled
    }

    /// Waits until there may be room for the batch; false if there is none until `until`.
    pub(crate) async fn room_for(&self, batch: &Batch, until: Instant) -> bool {
        self.shared.room.changed(Some(until), || self.shared.room.is_full_for(batch)).await
    }

    pub(crate) fn observer(&self) -> &dyn ExportObserver {
        self.shared.observer.as_ref()
    }

    /// Starts the work on one batch. A ticket comes back if its sender is to wait. `batching` is the pipeline's.
    pub(crate) fn submit(
        &self,
        mut place: Place,
        batch: Batch,
        wait_until: Instant,
        batching: Option<BatchSettings>,
    ) -> Option<Ticket> {
        place.resize(&batch);
        let shared = &self.shared;
        let acknowledgement = shared.acknowledgement();
        let (tell, answer) = oneshot::channel();
        let is_awaited = acknowledgement == Acknowledgement::Downstream;
        let entry = Entry {
            signal: batch.signal,
            size: Size::of(&batch),
            batch: Some(batch),
            cached: None,
            record: None,
            place,
            until: is_awaited.then_some(wait_until),
            tell: (acknowledgement != Acknowledgement::Memory).then_some(tell),
        };
        let batching = shared.settings.batch.or(batching);
        let slot = match (acknowledgement, &shared.storage) {
            (Acknowledgement::Memory, _) => {
                shared.push(entry, batching);
                return None;
            }
            (Acknowledgement::Durable, Some(storage)) => {
                tokio::spawn(Arc::clone(shared).keep(Arc::clone(storage), entry, batching, wait_until));
                None
            }
            (Acknowledgement::Downstream | Acknowledgement::Durable, _) => shared.push(entry, batching),
        };
        Some(Ticket { shared: Arc::clone(shared), answer, slot, until: wait_until })
    }
}

// === impl Drained ===

impl Drained {
    fn log(&self, exporter: &str) {
        let Drained { lost_requests, lost_items, left } = self;
        if *lost_requests > 0 {
            tracing::error!(
                exporter,
                requests = lost_requests,
                items = lost_items,
                "stopped before everything was sent; the rest is lost",
            );
        }
        if !left.is_empty() {
            let items: u64 = left.iter().map(|stored| stored.items).sum();
            tracing::info!(
                exporter,
                requests = left.len(),
                items,
                "the rest stays on disk for the next start"
            );
        }
    }
}

// === impl Shared ===

impl Shared {
    fn acknowledgement(&self) -> Acknowledgement {
        let settings = &self.settings;
        match (&self.storage, settings.wait_for_result || !settings.enabled) {
            (Some(_), _) => Acknowledgement::Durable,
            (None, true) => Acknowledgement::Downstream,
            (None, false) => Acknowledgement::Memory,
        }
    }

    async fn given_up(&self) {
        let mut give_up = self.give_up.subscribe();
        // The sender lives as long as `self`, so an error cannot come.
        let _ = give_up.wait_for(|give_up| *give_up).await;
    }

    async fn sync(&self) -> Option<Result<(), crate::StorageError>> {
        Some(self.storage.as_ref()?.sync().await)
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
