//! What an exporter's queue counts.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use prometheus::{Histogram, IntCounter, IntGauge};
use weir_otlp::Signal;
use weir_pipeline::{AttemptOutcome, ExportObserver};

use super::families::{ExporterFamilies, SignalCounters};

/// The metrics of one exporter.
pub struct ExporterMetrics {
    sent: SignalCounters,
    send_failed: SignalCounters,
    enqueue_failed: SignalCounters,
    rejected: prometheus::IntCounterVec,
    panics: IntCounter,
    queue_size: IntGauge,
    queue_items: prometheus::IntGaugeVec,
    /// The items of each signal that this queue has, its part of those gauges.
    held: [AtomicI64; Signal::ALL.len()],
    recovered: prometheus::IntCounterVec,
    storage_failures: IntCounter,
    already_delivered: prometheus::IntCounterVec,
    /// This queue's part of the gauge: after a reload the former queue of the exporter may have one too.
    used: AtomicI64,
    in_flight: IntGauge,
    attempts: [IntCounter; AttemptOutcome::ALL.len()],
    attempt_duration: Histogram,
    id: String,
}

impl ExporterMetrics {
    pub(super) fn new(
        families: &ExporterFamilies,
        id: &str,
        signals: &[Signal],
        queue_capacity: u64,
    ) -> Self {
        let labels = [id];
        let capacity = families.queue_capacity.with_label_values(&labels);
        capacity.set(i64::try_from(queue_capacity).unwrap_or(i64::MAX));
        for signal in signals {
            let labels = [id, signal.name()];
            families.rejected.with_label_values(&labels);
            families.queue_items.with_label_values(&labels);
            families.recovered.with_label_values(&labels);
            families.already_delivered.with_label_values(&labels);
        }
        ExporterMetrics {
            sent: SignalCounters::new(&families.sent, &labels, signals),
            send_failed: SignalCounters::new(&families.send_failed, &labels, signals),
            enqueue_failed: SignalCounters::new(&families.enqueue_failed, &labels, signals),
            rejected: families.rejected.clone(),
            panics: families.panics.with_label_values(&labels),
            queue_items: families.queue_items.clone(),
            held: Default::default(),
            recovered: families.recovered.clone(),
            storage_failures: families.storage_failures.with_label_values(&labels),
            already_delivered: families.already_delivered.clone(),
            queue_size: families.queue_size.with_label_values(&labels),
            used: AtomicI64::new(0),
            in_flight: families.in_flight.with_label_values(&labels),
            attempts: AttemptOutcome::ALL
                .map(|outcome| families.attempts.with_label_values(&[id, outcome.name()])),
            attempt_duration: families.attempt_duration.with_label_values(&labels),
            id: id.to_owned(),
        }
    }
}

impl ExportObserver for ExporterMetrics {
    fn sent(&self, signal: Signal, items: u64) {
        self.sent.add(signal, items);
    }

    fn send_failed(&self, signal: Signal, items: u64) {
        self.send_failed.add(signal, items);
    }

    fn enqueue_failed(&self, signal: Signal, items: u64) {
        self.enqueue_failed.add(signal, items);
    }

    fn rejected(&self, signal: Signal, items: u64) {
        self.rejected.with_label_values(&[self.id.as_str(), signal.name()]).inc_by(items);
    }

    fn queue_size(&self, used: u64) {
        let used = i64::try_from(used).unwrap_or(i64::MAX);
        self.queue_size.add(used - self.used.swap(used, Ordering::Relaxed));
    }

    fn queue_items(&self, signal: Signal, items: u64) {
        let items = i64::try_from(items).unwrap_or(i64::MAX);
        let former = self.held[signal as usize - 1].swap(items, Ordering::Relaxed);
        self.queue_items.with_label_values(&[self.id.as_str(), signal.name()]).add(items - former);
    }

    fn recovered(&self, signal: Signal, items: u64) {
        self.recovered.with_label_values(&[self.id.as_str(), signal.name()]).inc_by(items);
    }

    fn storage_failed(&self) {
        self.storage_failures.inc();
    }

    fn already_delivered(&self, signal: Signal, items: u64) {
        self.already_delivered.with_label_values(&[self.id.as_str(), signal.name()]).inc_by(items);
    }

    fn attempt_started(&self) {
        self.in_flight.inc();
    }

    fn attempt_ended(&self, outcome: AttemptOutcome, duration: Duration) {
        self.in_flight.dec();
        self.attempt_duration.observe(duration.as_secs_f64());
        for (known, counter) in AttemptOutcome::ALL.iter().zip(&self.attempts) {
            if *known == outcome {
                counter.inc();
            }
        }
    }

    fn panicked(&self) {
        self.panics.inc();
    }
}
