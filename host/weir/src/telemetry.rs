//! weir's own metrics: the Collector's names where it has one, `weir_*` where it has none.
//!
//! Every series that a component will ever have is made when the component is, at zero, so that a rate over it is
//! right from its first increment on. The text format has no place for `_total`, so the names carry it themselves.

mod budget;
mod certificates;
mod exporter;
mod families;
mod process;
mod processor;
mod prometheus_exporter;
mod receiver;
mod reload;

use std::sync::Arc;

use prometheus::{Encoder, IntCounterVec, Registry, TextEncoder};
use weir_otlp::Signal;
use weir_pipeline::{Budget, Processor};

pub use certificates::CertificateMetrics;
pub use exporter::ExporterMetrics;
use families::Families;
pub use prometheus_exporter::PrometheusMetrics;
pub use receiver::{Outcome, ReceiverMetrics};
pub use reload::ReloadMetrics;

/// The media type of what [`Telemetry::render`] writes.
pub const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The registry and the families of series that components share.
pub struct Telemetry {
    registry: Registry,
    families: Families,
    reloads: ReloadMetrics,
}

/// A metric could not be made. This is a mistake in weir, never in its input.
#[derive(Debug, thiserror::Error)]
#[error("cannot make the metrics: {0}")]
pub struct TelemetryError(#[from] prometheus::Error);

impl Telemetry {
    /// An own registry, with the process's metrics in it already.
    ///
    /// # Errors
    /// If two metrics have the same name.
    pub fn new() -> Result<Self, TelemetryError> {
        let registry = Registry::new();
        let families = Families::register(&registry)?;
        registry.register(Box::new(process::ProcessMetrics::new()?))?;
        let reloads = ReloadMetrics::register(&registry)?;
        Ok(Telemetry { registry, families, reloads })
    }

    /// The registry, for those who bring metrics of their own, such as plugins.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Shows the bytes in flight and their bound from now on.
    ///
    /// # Errors
    /// If that was done before.
    pub fn show_budget(&self, budget: Arc<Budget>) -> Result<(), TelemetryError> {
        Ok(self.registry.register(Box::new(budget::BudgetMetrics::new(budget)?))?)
    }

    /// What is counted of the reloads of the configuration.
    pub fn reloads(&self) -> &ReloadMetrics {
        &self.reloads
    }

    /// The metrics of one receiver and transport (`grpc` or `http`) for the signals that it takes.
    pub fn receiver(&self, id: &str, transport: &str, signals: &[Signal]) -> ReceiverMetrics {
        ReceiverMetrics::new(&self.families, id, transport, signals)
    }

    /// The metrics of the certificates of one receiver and transport that has TLS.
    pub fn certificates(&self, id: &str, transport: &str) -> CertificateMetrics {
        CertificateMetrics::new(&self.families, id, transport)
    }

    /// The metrics of one exporter for the signals that it is given. `queue_capacity` is in the unit of its sizer.
    pub fn exporter(&self, id: &str, signals: &[Signal], queue_capacity: u64) -> ExporterMetrics {
        ExporterMetrics::new(&self.families.exporter, id, signals, queue_capacity)
    }

    /// The metrics of one exporter that is scraped.
    pub fn prometheus_exporter(&self, id: &str) -> PrometheusMetrics {
        PrometheusMetrics::new(&self.families.exporter, id)
    }

    /// The items of batches that one exporter will not send, by whether they were kept.
    pub fn dead_letters(&self, id: &str, signals: &[Signal]) -> IntCounterVec {
        let family = &self.families.exporter.dead_letters;
        for signal in signals {
            for result in ["kept", "lost"] {
                family.with_label_values(&[id, signal.name(), result]);
            }
        }
        family.clone()
    }

    /// The same processor, with the items counted that go in and come out.
    pub fn count_items(&self, id: &str, signal: Signal, processor: Box<dyn Processor>) -> Box<dyn Processor> {
        Box::new(processor::Counted::new(&self.families, id, signal, processor))
    }

    /// Every series, in the Prometheus text format.
    ///
    /// # Errors
    /// If a family is inconsistent.
    pub fn render(&self) -> Result<Vec<u8>, TelemetryError> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use weir_pipeline::{AttemptOutcome, ExportObserver};

    use super::*;

    fn text(telemetry: &Telemetry) -> String {
        String::from_utf8(telemetry.render().unwrap()).unwrap()
    }

    #[test]
    fn every_series_of_a_signal_in_use_is_there_at_zero_and_no_other() {
        let telemetry = Telemetry::new().unwrap();
        let _receiver = telemetry.receiver("otlp", "grpc", &[Signal::Traces]);
        let _exporter = telemetry.exporter("otlp_grpc/a", &[Signal::Traces], 1000);
        let text = text(&telemetry);
        for series in [
            r#"otelcol_receiver_accepted_spans_total{receiver="otlp",transport="grpc"} 0"#,
            r#"otelcol_receiver_refused_spans_total{receiver="otlp",transport="grpc"} 0"#,
            r#"otelcol_receiver_failed_spans_total{receiver="otlp",transport="grpc"} 0"#,
            r#"otelcol_receiver_requests_total{outcome="refused",receiver="otlp",transport="grpc"} 0"#,
            r#"otelcol_exporter_sent_spans_total{exporter="otlp_grpc/a"} 0"#,
            r#"otelcol_exporter_send_failed_spans_total{exporter="otlp_grpc/a"} 0"#,
            r#"otelcol_exporter_enqueue_failed_spans_total{exporter="otlp_grpc/a"} 0"#,
            r#"otelcol_exporter_queue_size{exporter="otlp_grpc/a"} 0"#,
            r#"otelcol_exporter_queue_capacity{exporter="otlp_grpc/a"} 1000"#,
            r#"otelcol_exporter_in_flight_requests{exporter="otlp_grpc/a"} 0"#,
        ] {
            assert!(text.contains(series), "{series} is missing in\n{text}");
        }
        assert!(!text.contains("log_records"), "no pipeline of logs, no series of logs");
    }

    #[test]
    fn reloads_are_counted_by_result_and_the_last_one_shows() {
        let telemetry = Telemetry::new().unwrap();
        let values = |telemetry: &Telemetry| {
            let text = text(telemetry);
            let lines = text.lines().filter(|line| line.starts_with("weir_config_"));
            lines.map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        // The gauge, failure, success: they are there before the first reload.
        assert_eq!(values(&telemetry), ["1", "0", "0"]);
        telemetry.reloads().failed();
        assert_eq!(values(&telemetry), ["0", "1", "0"]);
        telemetry.reloads().succeeded();
        assert_eq!(values(&telemetry), ["1", "1", "1"]);
    }

    #[test]
    fn two_queues_of_one_exporter_show_their_sum_until_the_former_is_empty() {
        let telemetry = Telemetry::new().unwrap();
        let former = telemetry.exporter("otlp_grpc", &[Signal::Logs], 10);
        former.queue_size(4);
        let next = telemetry.exporter("otlp_grpc", &[Signal::Logs], 10);
        next.queue_size(3);
        former.queue_size(2);
        assert!(text(&telemetry).contains(r#"otelcol_exporter_queue_size{exporter="otlp_grpc"} 5"#));
        former.queue_size(0);
        assert!(text(&telemetry).contains(r#"otelcol_exporter_queue_size{exporter="otlp_grpc"} 3"#));
    }

    #[test]
    fn attempts_are_counted_by_how_they_ended_and_timed() {
        let telemetry = Telemetry::new().unwrap();
        let exporter = telemetry.exporter("up", &[Signal::Logs], 10);
        let series = |outcome: &str, count: u64| {
            format!(r#"weir_exporter_attempts_total{{exporter="up",outcome="{outcome}"}} {count}"#)
        };
        for outcome in AttemptOutcome::ALL {
            assert!(text(&telemetry).contains(&series(outcome.name(), 0)));
        }
        for (outcome, milliseconds) in
            [(AttemptOutcome::Success, 3), (AttemptOutcome::Success, 4), (AttemptOutcome::Retryable, 400)]
        {
            exporter.attempt_started();
            exporter.attempt_ended(outcome, Duration::from_millis(milliseconds));
        }
        let text = text(&telemetry);
        for line in [
            series("success", 2),
            series("retryable", 1),
            r#"weir_exporter_attempt_duration_seconds_bucket{exporter="up",le="0.005"} 2"#.to_owned(),
            r#"weir_exporter_attempt_duration_seconds_count{exporter="up"} 3"#.to_owned(),
            r#"otelcol_exporter_in_flight_requests{exporter="up"} 0"#.to_owned(),
        ] {
            assert!(text.contains(&line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn the_process_tells_its_uptime_its_cpu_time_and_its_memory() {
        let text = text(&Telemetry::new().unwrap());
        let value = |name: &str| -> f64 {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap();
            line.rsplit(' ').next().unwrap().parse().unwrap()
        };
        assert!(value("otelcol_process_uptime_seconds_total ") >= 0.0);
        assert!(value("otelcol_process_cpu_seconds_total ") >= 0.0);
        assert!(value("otelcol_process_memory_rss ") > 100_000.0);
    }

    #[test]
    fn every_counter_ends_in_total_and_no_gauge_does() {
        let telemetry = Telemetry::new().unwrap();
        let _receiver = telemetry.receiver("otlp", "http", &Signal::ALL);
        let exporter = telemetry.exporter("nop", &Signal::ALL, 1);
        exporter.sent(Signal::Logs, 3);
        for line in text(&telemetry).lines().filter(|line| line.starts_with("# TYPE")) {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(words[2].ends_with("_total"), words[3] == "counter", "{line}");
        }
    }
}
