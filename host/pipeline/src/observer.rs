//! What an export queue tells the outside about itself, without knowing who counts it.

use weir_otlp::Signal;

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
    /// An attempt is under way from here.
    fn attempt_started(&self);
    /// An attempt ended, in whatever way.
    fn attempt_ended(&self);
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
    fn attempt_started(&self) {}
    fn attempt_ended(&self) {}
    fn panicked(&self) {}
}
