//! What a receiver counts: requests by outcome, and items by whether weir took them.

use prometheus::IntCounter;
use weir_otlp::Signal;

use super::families::{Families, SignalCounters};

/// How a request ended for its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was told that all is well.
    Success,
    /// It was told that the request is not taken, or went away before it was.
    Refused,
    /// It was told of a fault of weir's own.
    Failure,
}

/// The counters of one receiver and transport.
pub struct ReceiverMetrics {
    accepted: SignalCounters,
    refused: SignalCounters,
    failed: SignalCounters,
    success_requests: IntCounter,
    refused_requests: IntCounter,
    failure_requests: IntCounter,
    panics: IntCounter,
}

impl ReceiverMetrics {
    pub(super) fn new(families: &Families, id: &str, transport: &str, signals: &[Signal]) -> Self {
        let labels = [id, transport];
        let requests = |outcome| families.requests.with_label_values(&[id, transport, outcome]);
        ReceiverMetrics {
            accepted: SignalCounters::new(&families.accepted, &labels, signals),
            refused: SignalCounters::new(&families.refused, &labels, signals),
            failed: SignalCounters::new(&families.failed, &labels, signals),
            success_requests: requests("success"),
            refused_requests: requests("refused"),
            failure_requests: requests("failure"),
            panics: families.receiver_panics.with_label_values(&labels),
        }
    }

    /// The fate of these items is in weir's hands.
    pub fn accepted(&self, signal: Signal, items: u64) {
        self.accepted.add(signal, items);
    }

    /// These items were not taken; their sender still has them.
    pub fn refused(&self, signal: Signal, items: u64) {
        self.refused.add(signal, items);
    }

    /// These items met a fault of weir's own before they were taken.
    pub fn failed(&self, signal: Signal, items: u64) {
        self.failed.add(signal, items);
    }

    /// A request ended.
    pub fn request(&self, outcome: Outcome) {
        match outcome {
            Outcome::Success => self.success_requests.inc(),
            Outcome::Refused => self.refused_requests.inc(),
            Outcome::Failure => self.failure_requests.inc(),
        }
    }

    /// A request made weir panic.
    pub fn panicked(&self) {
        self.panics.inc();
    }
}
