//! From the bytes of a request to the consumer's answer, with each item counted exactly once on the way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;
use bytes::Bytes;
use weir_otlp::Signal;
use weir_pipeline::{Batch, Cause, Charge, Consumer, Exported, Refusal};

use super::admission::{Admission, Admitted};
use crate::telemetry::{Outcome, ReceiverMetrics, Telemetry};

/// Where the requests of one transport of a receiver go in. Its consumer may change while requests flow.
pub struct Intake {
    id: String,
    transport: &'static str,
    consumer: ArcSwap<Consumer>,
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
    /// `id` and `transport` are the receiver's, for its metrics.
    pub fn new(
        id: &str,
        transport: &'static str,
        consumer: Arc<Consumer>,
        admission: Arc<Admission>,
        telemetry: &Telemetry,
    ) -> Arc<Self> {
        let metrics = telemetry.receiver(id, transport, &signals(&consumer));
        let consumer = ArcSwap::new(consumer);
        Arc::new(Intake { id: id.to_owned(), transport, consumer, admission, metrics })
    }

    /// Hands the requests to another consumer from now on. A batch that is under way ends where it began.
    pub fn switch(&self, consumer: Arc<Consumer>, telemetry: &Telemetry) {
        // For the series of signals that are new: they are there from zero.
        telemetry.receiver(&self.id, self.transport, &signals(&consumer));
        self.consumer.store(consumer);
    }

    /// Whether any pipeline takes this signal.
    pub(super) fn takes(&self, signal: Signal) -> bool {
        self.consumer.load().takes(signal)
    }

    /// A place for one more request.
    pub(super) fn admit(&self) -> Result<Admitted, Refusal> {
        self.admission.admit()
    }

    /// Hands the decompressed bytes of one request to the consumer and waits for its answer: what the upstream rejected of
    /// it, if it took the request.
    ///
    /// # Errors
    /// The refusal to tell the sender.
    pub(super) async fn take(
        &self,
        signal: Signal,
        payload: Bytes,
        deadline: Option<Instant>,
        charge: &Charge,
    ) -> Result<Exported, Refusal> {
        let count = weir_otlp::count(signal, &payload).map_err(|error| {
            Refusal::permanent(Cause::Malformed, format!("malformed OTLP request: {error}"))
        })?;
        // Nothing in it to lose; the Collector answers the same. Profiles are not looked into that closely.
        if payload.is_empty() || (count == 0 && signal != Signal::Profiles) {
            return Ok(Exported::default());
        }
        // What it was read into, compressed or as text, is gone by now.
        charge.set(Batch::cost(payload.len()));
        let charge = charge.clone();
        let mut items = Items::new(&self.metrics, signal, count);
        // Taken out once: the batch goes through these pipelines, whatever is reloaded meanwhile.
        let consumer = self.consumer.load_full();
        if !consumer.takes(signal) {
            // The sender's next try is told that nobody takes the signal.
            let gone = "the last pipeline of this signal was just taken out of service";
            return Err(Refusal::retryable(Cause::Stopping, None, gone));
        }
        let batch = Batch { deadline, charge, ..Batch::new(signal, payload, count) };
        let outcome = consumer.consume(batch, &|| items.take()).await;
        items.is_fault = matches!(&outcome, Err(refusal) if refusal.cause == Cause::Internal);
        outcome
    }

    /// Counts how a request ended.
    pub(super) fn count_request(&self, outcome: &Result<Exported, Refusal>) {
        self.metrics.request(match outcome {
            Ok(_) => Outcome::Success,
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

fn signals(consumer: &Consumer) -> Vec<Signal> {
    Signal::ALL.into_iter().filter(|&signal| consumer.takes(signal)).collect()
}
