//! From the bytes of a request to the consumer's answer, with each item counted exactly once on the way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use weir_otlp::Signal;
use weir_pipeline::{Batch, Cause, Consumer, Refusal};

use super::admission::{Admission, Charge};
use crate::telemetry::{Outcome, ReceiverMetrics};

/// What the two transports of a receiver share.
pub(super) struct Intake {
    consumer: Arc<Consumer>,
    admission: Arc<Admission>,
    metrics: ReceiverMetrics,
}

/// The items of one request until it is known whether weir took them.
struct Items<'a> {
    metrics: &'a ReceiverMetrics,
    signal: Signal,
    count: u64,
    taken: AtomicBool,
    is_fault: bool,
}

impl Intake {
    pub(super) fn new(consumer: Arc<Consumer>, admission: Arc<Admission>, metrics: ReceiverMetrics) -> Self {
        Intake { consumer, admission, metrics }
    }

    /// Whether any pipeline takes this signal.
    pub(super) fn takes(&self, signal: Signal) -> bool {
        self.consumer.takes(signal)
    }

    /// A place for one more request.
    pub(super) fn admit(&self) -> Result<Charge, Refusal> {
        self.admission.admit()
    }

    /// Hands the decompressed bytes of one request to the consumer and waits for its answer.
    ///
    /// # Errors
    /// The refusal to tell the sender.
    pub(super) async fn take(
        &self,
        signal: Signal,
        payload: Bytes,
        deadline: Option<Instant>,
    ) -> Result<(), Refusal> {
        let count = weir_otlp::count(signal, &payload).map_err(|error| {
            Refusal::permanent(Cause::Malformed, format!("malformed OTLP request: {error}"))
        })?;
        // Nothing in it to lose; the Collector answers the same. Profiles are not looked into that closely.
        if payload.is_empty() || (count == 0 && signal != Signal::Profiles) {
            return Ok(());
        }
        let mut items = Items::new(&self.metrics, signal, count);
        let batch = Batch { signal, payload, items: count, received_unix_nano: unix_nano(), deadline };
        let outcome = self.consumer.consume(batch, &|| items.take()).await;
        items.is_fault = matches!(&outcome, Err(refusal) if refusal.cause == Cause::Internal);
        outcome
    }

    /// Counts how a request ended.
    pub(super) fn count_request(&self, outcome: &Result<(), Refusal>) {
        self.metrics.request(match outcome {
            Ok(()) => Outcome::Success,
            Err(refusal) if refusal.cause == Cause::Internal => Outcome::Failure,
            Err(_) => Outcome::Refused,
        });
    }

    /// A request made weir panic: the refusal to tell its sender. It is final, since the same request would do it again.
    pub(super) fn panicked(&self) -> Refusal {
        self.metrics.panicked();
        tracing::error!("a request made weir panic; it was answered with an internal error");
        Refusal::permanent(Cause::Internal, "weir failed on this request")
    }
}

// === impl Items ===

impl<'a> Items<'a> {
    fn new(metrics: &'a ReceiverMetrics, signal: Signal, count: u64) -> Self {
        Items { metrics, signal, count, taken: AtomicBool::new(false), is_fault: false }
    }

    /// Counted at this moment and not when the answer is there: the sender may go away in between.
    fn take(&self) {
        if !self.taken.swap(true, Ordering::Relaxed) {
            self.metrics.accepted(self.signal, self.count);
        }
    }
}

/// However the request ends, also by a sender that goes away or by a panic.
impl Drop for Items<'_> {
    fn drop(&mut self) {
        if *self.taken.get_mut() {
            return;
        }
        match self.is_fault || std::thread::panicking() {
            true => self.metrics.failed(self.signal, self.count),
            false => self.metrics.refused(self.signal, self.count),
        }
    }
}

fn unix_nano() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
}
