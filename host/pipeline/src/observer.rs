//! What an export queue tells the outside about itself, without knowing who counts it.

use std::time::Duration;

use weir_otlp::Signal;

/// How one attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The upstream took the request, or all of it but what it rejected by partial success.
    Success,
    /// It failed in a way that may pass: the upstream was away, or overloaded.
    Retryable,
    /// It failed for good.
    Permanent,
    /// weir gave it up before there was an answer, since it stops.
    Abandoned,
}

impl AttemptOutcome {
    /// Every outcome.
    pub const ALL: [AttemptOutcome; 4] = [
        AttemptOutcome::Success,
        AttemptOutcome::Retryable,
        AttemptOutcome::Permanent,
        AttemptOutcome::Abandoned,
    ];

    /// What it is called in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            AttemptOutcome::Success => "success",
            AttemptOutcome::Retryable => "retryable",
            AttemptOutcome::Permanent => "permanent",
            AttemptOutcome::Abandoned => "abandoned",
        }
    }
}

/// Counts what happens to the items of one exporter. Calls are frequent and must not block.
pub trait ExportObserver: Send + Sync {
    /// The upstream took these items.
    fn sent(&self, signal: Signal, items: u64);
    /// These items are lost here: final rejection, retries used up, or a stop before they were sent.
    fn send_failed(&self, signal: Signal, items: u64);
    /// These items found no room in the queue. Their sender was told to send them again.
    fn enqueue_failed(&self, signal: Signal, items: u64);
    /// The part of the failed items that the upstream rejected by partial success.
    fn rejected(&self, signal: Signal, items: u64);
    /// Room in use now: waiting and in flight, in the unit of the queue's sizer.
    fn queue_size(&self, used: u64);
    /// Items of one signal for which there is a place now: before, while and after they wait, until they are settled.
    fn queue_items(&self, signal: Signal, items: u64);
    /// These items were in the storage at the start.
    fn recovered(&self, signal: Signal, items: u64);
    /// The storage did not take a batch, or did not give one back.
    fn storage_failed(&self);
    /// These items come a second time, since another exporter did not take them the first time; this one has them.
    fn already_delivered(&self, signal: Signal, items: u64);
    /// An attempt is under way from here.
    fn attempt_started(&self);
    /// An attempt ended like this, so long after its start.
    fn attempt_ended(&self, outcome: AttemptOutcome, duration: Duration);
    /// An exporter panicked over one batch. Its items are counted by [`ExportObserver::send_failed`] too.
    fn panicked(&self);
}

/// An observer that looks away.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl ExportObserver for Unobserved {
    fn sent(&self, _: Signal, _: u64) {}
    fn send_failed(&self, _: Signal, _: u64) {}
    fn enqueue_failed(&self, _: Signal, _: u64) {}
    fn rejected(&self, _: Signal, _: u64) {}
    fn queue_size(&self, _: u64) {}
    fn queue_items(&self, _: Signal, _: u64) {}
    fn recovered(&self, _: Signal, _: u64) {}
    fn storage_failed(&self) {}
    fn already_delivered(&self, _: Signal, _: u64) {}
    fn attempt_started(&self) {}
    fn attempt_ended(&self, _: AttemptOutcome, _: Duration) {}
    fn panicked(&self) {}
}
