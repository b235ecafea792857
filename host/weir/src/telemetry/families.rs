//! The names, labels and help texts of every family of series, in one place.

use std::sync::OnceLock;

use prometheus::{HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry};
use weir_otlp::Signal;

/// From a loopback's answer to the longest sensible timeout.
const ATTEMPT_SECONDS: [f64; 11] = [1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 1.0, 5.0, 30.0];

/// A family per signal: the signal is part of the name, as in the Collector.
#[derive(Clone)]
pub(super) struct SignalFamily([IntCounterVec; Signal::ALL.len()]);

/// All families.
pub(super) struct Families {
    pub(super) accepted: SignalFamily,
    pub(super) refused: SignalFamily,
    pub(super) failed: SignalFamily,
    pub(super) requests: IntCounterVec,
    pub(super) receiver_panics: IntCounterVec,
    pub(super) certificate_renewals: IntCounterVec,
    pub(super) exporter: ExporterFamilies,
    pub(super) incoming: IntCounterVec,
    pub(super) outgoing: IntCounterVec,
}

/// Those of exporters and their queues.
pub(super) struct ExporterFamilies {
    pub(super) sent: SignalFamily,
    pub(super) send_failed: SignalFamily,
    pub(super) enqueue_failed: SignalFamily,
    pub(super) rejected: IntCounterVec,
    pub(super) panics: IntCounterVec,
    pub(super) queue_size: IntGaugeVec,
    pub(super) queue_capacity: IntGaugeVec,
    pub(super) queue_items: IntGaugeVec,
    pub(super) recovered: IntCounterVec,
    pub(super) storage_failures: IntCounterVec,
    pub(super) already_delivered: IntCounterVec,
    pub(super) dead_letters: IntCounterVec,
    pub(super) scrape_series: IntGaugeVec,
    pub(super) scrape_refused: IntCounterVec,
    pub(super) in_flight: IntGaugeVec,
    pub(super) attempts: IntCounterVec,
    pub(super) attempt_duration: HistogramVec,
}

/// One component's counters of one meaning, one a signal, each made at its first use at the latest.
pub(super) struct SignalCounters {
    family: SignalFamily,
    labels: Vec<String>,
    counters: [OnceLock<IntCounter>; Signal::ALL.len()],
}

// === impl Families ===

impl Families {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let receiver = ["receiver", "transport"];
        let processor = ["processor", "otel_signal"];
        let counter = |name: &str, labels: &[&str], help: &str| counter(registry, name, labels, help);
        let received = |what: &str, help: &str| by_signal(registry, "receiver", what, &receiver, help);
        Ok(Families {
            accepted: received("accepted", "{items} whose fate is in weir's hands")?,
            refused: received("refused", "{items} that their sender still has")?,
            failed: received("failed", "{items} lost to a fault of weir's own")?,
            requests: counter(
                "otelcol_receiver_requests_total",
                &["receiver", "transport", "outcome"],
                "requests by outcome: success, refused, failure",
            )?,
            receiver_panics: counter(
                "weir_receiver_panics_total",
                &receiver,
                "requests that made weir panic; each was answered with an internal error",
            )?,
            certificate_renewals: counter(
                "weir_receiver_certificate_renewals_total",
                &["receiver", "transport", "result"],
                "certificates whose files had changed, by result: success, failure",
            )?,
            exporter: ExporterFamilies::register(registry)?,
            incoming: counter("otelcol_processor_incoming_items_total", &processor, "items that went in")?,
            outgoing: counter("otelcol_processor_outgoing_items_total", &processor, "items that came out")?,
        })
    }
}

// === impl ExporterFamilies ===

impl ExporterFamilies {
    fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let exporter = ["exporter"];
        let by_exporter_and_signal = ["exporter", "otel_signal"];
        let counter = |name: &str, labels: &[&str], help: &str| counter(registry, name, labels, help);
        let gauge = |name: &str, labels: &[&str], help: &str| gauge(registry, name, labels, help);
        let exported = |what: &str, help: &str| by_signal(registry, "exporter", what, &exporter, help);
        Ok(ExporterFamilies {
            sent: exported("sent", "{items} that the upstream took")?,
            send_failed: exported("send_failed", "{items} that the upstream did not take")?,
            enqueue_failed: exported("enqueue_failed", "{items} that found the queue full")?,
            rejected: counter(
                "weir_exporter_rejected_items_total",
                &by_exporter_and_signal,
                "the part of the failed items that the upstream rejected by partial success",
            )?,
            panics: counter(
                "weir_exporter_panics_total",
                &exporter,
                "batches that made the exporter panic; their items count as failed",
            )?,
            queue_size: gauge("otelcol_exporter_queue_size", &exporter, "room in use, also in flight")?,
            queue_capacity: gauge("otelcol_exporter_queue_capacity", &exporter, "room in all")?,
            in_flight: gauge("otelcol_exporter_in_flight_requests", &exporter, "attempts under way")?,
            attempts: counter(
                "weir_exporter_attempts_total",
                &["exporter", "outcome"],
                "attempts to send a request by outcome: success, retryable, permanent, abandoned",
            )?,
            attempt_duration: histogram(
                registry,
                "weir_exporter_attempt_duration_seconds",
                &exporter,
                "duration of an attempt to send a request",
            )?,
            queue_items: gauge(
                "weir_exporter_queue_items",
                &by_exporter_and_signal,
                "items that wait or are in flight, in memory or on disk",
            )?,
            recovered: counter(
                "weir_exporter_recovered_items_total",
                &by_exporter_and_signal,
                "items that were on disk at the start",
            )?,
            storage_failures: counter(
                "weir_exporter_storage_failures_total",
                &exporter,
                "batches that the disk did not take or did not give back",
            )?,
            already_delivered: counter(
                "weir_exporter_already_delivered_items_total",
                &by_exporter_and_signal,
                "items sent again for the sake of another exporter, which this one had",
            )?,
            dead_letters: counter(
                "weir_exporter_dead_letter_items_total",
                &["exporter", "otel_signal", "result"],
                "items that will not be sent, by whether they were kept in a file: kept, lost",
            )?,
            scrape_series: gauge(
                "weir_prometheus_exporter_series",
                &exporter,
                "series on the page that Prometheus scrapes",
            )?,
            scrape_refused: counter(
                "weir_prometheus_exporter_refused_points_total",
                &["exporter", "rule"],
                "the part of the rejected items that have no place on that page, by rule",
            )?,
        })
    }
}

/// One family for each signal. `{items}` in the help is what the signal's items are called.
fn by_signal(
    registry: &Registry,
    kind: &str,
    what: &str,
    labels: &[&str],
    help: &str,
) -> Result<SignalFamily, prometheus::Error> {
    let family = |signal: Signal| {
        let items = signal.items_name();
        let name = format!("otelcol_{kind}_{what}_{items}_total");
        counter(registry, &name, labels, &help.replace("{items}", &items.replace('_', " ")))
    };
    let [a, b, c, d] = Signal::ALL;
    Ok(SignalFamily([family(a)?, family(b)?, family(c)?, family(d)?]))
}

fn gauge(
    registry: &Registry,
    name: &str,
    labels: &[&str],
    help: &str,
) -> Result<IntGaugeVec, prometheus::Error> {
    let gauge = IntGaugeVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(gauge.clone()))?;
    Ok(gauge)
}

fn histogram(
    registry: &Registry,
    name: &str,
    labels: &[&str],
    help: &str,
) -> Result<HistogramVec, prometheus::Error> {
    let options = HistogramOpts::new(name, help).buckets(ATTEMPT_SECONDS.to_vec());
    let histogram = HistogramVec::new(options, labels)?;
    registry.register(Box::new(histogram.clone()))?;
    Ok(histogram)
}

fn counter(
    registry: &Registry,
    name: &str,
    labels: &[&str],
    help: &str,
) -> Result<IntCounterVec, prometheus::Error> {
    let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(counter.clone()))?;
    Ok(counter)
}

// === impl SignalCounters ===

impl SignalCounters {
    /// Counters with these label values, at zero for `signals`.
    pub(super) fn new(family: &SignalFamily, labels: &[&str], signals: &[Signal]) -> Self {
        let labels = labels.iter().map(|&label| label.to_owned()).collect();
        let counters = SignalCounters { family: family.clone(), labels, counters: Default::default() };
        for &signal in signals {
            counters.add(signal, 0);
        }
        counters
    }

    pub(super) fn add(&self, signal: Signal, items: u64) {
        let (SignalFamily(families), index) = (&self.family, index_of(signal));
        if let (Some(counter), Some(family)) = (self.counters.get(index), families.get(index)) {
            counter.get_or_init(|| family.with_label_values(&self.labels)).inc_by(items);
        }
    }
}

fn index_of(signal: Signal) -> usize {
    match signal {
        Signal::Traces => 0,
        Signal::Metrics => 1,
        Signal::Logs => 2,
        Signal::Profiles => 3,
    }
}
