//! One exporter's queue: bounded room, a bounded number of attempts at a time, retries, and the count of what became of each item.
//!
//! A batch that was submitted is a task of its own from there on. If its sender goes away, the task goes on, and
//! its outcome is counted all the same. An idle queue has no task and no timer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot, watch};
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::failure_log::FailureLog;
use crate::room::{NoPlace, Place, Room, Sizer};
use crate::{
    Batch, Cause, ExportError, ExportObserver, Exported, Exporter, Panicked, Refusal, RetrySettings,
    catch_panic,
};
use weir_otlp::Signal;

/// gRPC's code for a fault of one's own.
const INTERNAL: u8 = 13;

/// gRPC's code for "not now".
const UNAVAILABLE: u8 = 14;

/// While a sender waits, the first retry comes this soon at the latest: its patience is short.
const FIRST_WAIT_OF_A_SENDER: Duration = Duration::from_millis(100);

/// How much may wait for one exporter and who is told what. Names and most defaults are the Collector's `sending_queue`.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueSettings {
    /// Without a queue there is room for what is under way and no more, and every sender waits for the result.
    pub enabled: bool,
    /// Attempts at a time; at least 1.
    pub num_consumers: usize,
    /// How much may wait or be under way, in the unit of `sizer`.
    pub queue_size: u64,
    /// What `queue_size` counts.
    pub sizer: Sizer,
    /// Whether the sender is answered when the upstream has answered (true), or as soon as the batch is queued,
    /// and so before it is safe. The Collector's default is false; weir's is true, the honest one.
    pub wait_for_result: bool,
    /// Whether a sender waits for room, within its patience, before it is refused.
    pub block_on_overflow: bool,
    /// Payload bytes that may wait or be under way, whatever the sizer.
    pub bytes_max: u64,
    /// What happens after a failed attempt.
    pub retry: RetrySettings,
}

/// How a queue's stop went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Batches that were given up.
    pub lost_requests: u64,
    /// Items in those batches, counted as failed.
    pub lost_items: u64,
}

/// A bounded queue in front of one exporter.
pub struct ExportQueue {
    shared: Arc<Shared>,
}

/// The promise of a result, for a sender that waits.
pub(crate) struct Ticket {
    outcome: oneshot::Receiver<Result<(), Refusal>>,
}

struct Shared {
    name: String,
    settings: QueueSettings,
    exporter: Arc<dyn Exporter>,
    observer: Arc<dyn ExportObserver>,
    room: Arc<Room>,
    consumers: Semaphore,
    failure_log: FailureLog,
    /// True once the deadline of a stop is past.
    give_up: watch::Sender<bool>,
    lost_requests: AtomicU64,
    lost_items: AtomicU64,
}

/// How a batch ended.
enum Ending {
    Answered(Exported),
    Failed(ExportError),
    GivenUp,
}

// === impl QueueSettings ===

impl Default for QueueSettings {
    fn default() -> Self {
        QueueSettings {
            enabled: true,
            num_consumers: 10,
            queue_size: 1000,
            sizer: Sizer::Requests,
            wait_for_result: true,
            block_on_overflow: false,
            bytes_max: 64 << 20,
            retry: RetrySettings::default(),
        }
    }
}

impl QueueSettings {
    /// How much fits, in the unit of the sizer; without a queue, the attempts at a time.
    pub fn capacity(&self) -> u64 {
        self.room().1
    }

    fn waits_for_result(&self) -> bool {
        self.wait_for_result || !self.enabled
    }

    /// The size of the room and its unit.
    fn room(&self) -> (Sizer, u64) {
        match self.enabled {
            true => (self.sizer, self.queue_size),
            false => (Sizer::Requests, self.consumers() as u64),
        }
    }

    fn consumers(&self) -> usize {
        self.num_consumers.clamp(1, Semaphore::MAX_PERMITS)
    }
}

// === impl ExportQueue ===

impl ExportQueue {
    /// A queue in front of `exporter`. `name` is the exporter's id, for logs and for the sender.
    pub fn new(
        name: impl Into<String>,
        exporter: Arc<dyn Exporter>,
        settings: QueueSettings,
        observer: Arc<dyn ExportObserver>,
    ) -> Arc<Self> {
        let (sizer, size_max) = settings.room();
        let room = Room::new(sizer, size_max, settings.bytes_max, Arc::clone(&observer));
        let shared = Shared {
            name: name.into(),
            consumers: Semaphore::new(settings.consumers()),
            settings,
            exporter,
            observer,
            room,
            failure_log: FailureLog::default(),
            give_up: watch::Sender::new(false),
            lost_requests: AtomicU64::new(0),
            lost_items: AtomicU64::new(0),
        };
        Arc::new(ExportQueue { shared: Arc::new(shared) })
    }

    /// The exporter's id.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// How much fits, in the unit of the queue's sizer.
    pub fn capacity(&self) -> u64 {
        self.shared.settings.capacity()
    }

    /// Takes no more batches, lets those it has go on until `deadline`, and gives up the rest: they are counted as failed.
    pub async fn shutdown(&self, deadline: std::time::Instant) -> Drained {
        let shared = &self.shared;
        shared.room.close();
        if !shared.room.emptied(Instant::from_std(deadline)).await {
            shared.give_up.send_replace(true);
            // Each task ends at its next suspension, so this is short; a room that a sender holds without a
            // task is not waited for.
            let _ = shared.room.emptied(Instant::now() + Duration::from_millis(500)).await;
        }
        let drained = Drained {
            lost_requests: shared.lost_requests.load(Ordering::Relaxed),
            lost_items: shared.lost_items.load(Ordering::Relaxed),
        };
        if drained.lost_requests > 0 {
            tracing::error!(
                exporter = %shared.name,
                requests = drained.lost_requests,
                items = drained.lost_items,
                "stopped before everything was sent; the rest is lost",
            );
        }
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

    pub(crate) fn count_overflow(&self, batch: &Batch) {
        self.shared.observer.enqueue_failed(batch.signal, batch.items);
    }

    /// Starts the work on one batch. A ticket comes back if its sender is to wait for the result, and then
    /// retries end at `wait_until`.
    pub(crate) fn submit(&self, mut place: Place, batch: Batch, wait_until: Instant) -> Option<Ticket> {
        place.resize(&batch);
        let shared = Arc::clone(&self.shared);
        if !shared.settings.waits_for_result() {
            tokio::spawn(async move { shared.deliver(batch, None, place).await });
            return None;
        }
        let (tell, outcome) = oneshot::channel();
        tokio::spawn(async move {
            let result = shared.deliver(batch, Some(wait_until), place).await;
            // The sender may have gone away; what became of its items is counted already.
            let _ = tell.send(result);
        });
        Some(Ticket { outcome })
    }
}

// === impl Ticket ===

impl Ticket {
    pub(crate) async fn outcome(self) -> Result<(), Refusal> {
        self.outcome.await.unwrap_or_else(|_| {
            Err(Refusal::retryable(Cause::Stopping, None, "weir stopped before the upstream answered"))
        })
    }
}

// === impl Shared ===

impl Shared {
    /// Sends one batch, with retries, and settles it: counted, logged, and put into words for its sender.
    async fn deliver(&self, batch: Batch, wait_until: Option<Instant>, place: Place) -> Result<(), Refusal> {
        let (signal, items) = (batch.signal, batch.items);
        let ending = tokio::select! {
            biased;
            () = self.given_up() => Ending::GivenUp,
            ending = self.attempts(batch, wait_until) => ending,
        };
        let result = match ending {
            Ending::Answered(exported) => {
                self.settle_sent(signal, items, &exported);
                Ok(())
            }
            Ending::Failed(error) => {
                self.observer.send_failed(signal, items);
                self.log_failure(items, &error);
                Err(self.refusal(error))
            }
            Ending::GivenUp => {
                self.observer.send_failed(signal, items);
                self.lost_requests.fetch_add(1, Ordering::Relaxed);
                self.lost_items.fetch_add(items, Ordering::Relaxed);
                Err(Refusal::retryable(Cause::Stopping, None, "weir stopped before the upstream answered"))
            }
        };
        // Only now: whoever sees the room empty also sees the counts.
        drop(place);
        result
    }

    async fn attempts(&self, batch: Batch, wait_until: Option<Instant>) -> Ending {
        // Held through the waits between attempts too, as in the Collector: an upstream that is down is not
        // met with more batches at a time.
        let turn = self.consumers.acquire();
        let turn = match wait_until {
            // Nothing has been sent yet, so a sender whose turn does not come may safely send it again.
            Some(until) => tokio::time::timeout_at(until, turn).await.ok().and_then(Result::ok),
            None => turn.await.ok(),
        };
        let Some(_consumer) = turn else {
            return Ending::Failed(ExportError::retryable(
                UNAVAILABLE,
                "its turn to be sent did not come in time",
            ));
        };
        let mut backoff = self.backoff(wait_until);
        loop {
            let error = match self.attempt(batch.clone()).await {
                Ok(exported) => return Ending::Answered(exported),
                Err(error) if !error.retryable => return Ending::Failed(error),
                Err(error) => error,
            };
            match backoff.next(Instant::now(), error.retry_after, rand::random()) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Ending::Failed(error),
            }
        }
    }

    /// One attempt, counted while it lasts. A panic in it is a failure for good: the same batch would meet it again.
    async fn attempt(&self, batch: Batch) -> Result<Exported, ExportError> {
        let _counted = InFlight::start(self);
        match catch_panic(async { self.exporter.export(batch).await }).await {
            Ok(outcome) => outcome,
            Err(Panicked) => {
                self.observer.panicked();
                Err(ExportError::permanent(INTERNAL, "the exporter panicked"))
            }
        }
    }

    fn backoff(&self, wait_until: Option<Instant>) -> Backoff {
        let retry = self.settings.retry;
        match wait_until {
            Some(until) => {
                let initial_interval = retry.initial_interval.min(FIRST_WAIT_OF_A_SENDER);
                Backoff::new(RetrySettings { initial_interval, ..retry }, Some(until))
            }
            None if retry.max_elapsed_time.is_zero() => Backoff::new(retry, None),
            None => Backoff::new(retry, Instant::now().checked_add(retry.max_elapsed_time)),
        }
    }

    fn settle_sent(&self, signal: Signal, items: u64, exported: &Exported) {
        let rejected = exported.rejected.min(items);
        self.observer.sent(signal, items - rejected);
        if rejected > 0 {
            self.observer.send_failed(signal, rejected);
            self.observer.rejected(signal, rejected);
        }
        if rejected == 0 && exported.message.is_none() {
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

    async fn given_up(&self) {
        let mut give_up = self.give_up.subscribe();
        // The sender lives as long as `self`, so an error cannot come.
        let _ = give_up.wait_for(|give_up| *give_up).await;
    }
}

/// One attempt under way, taken off the count on drop, so that an attempt that is given up is taken off too.
struct InFlight<'a> {
    shared: &'a Shared,
}

impl<'a> InFlight<'a> {
    fn start(shared: &'a Shared) -> Self {
        shared.observer.attempt_started();
        InFlight { shared }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.shared.observer.attempt_ended();
    }
}
