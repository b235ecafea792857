//! The accounts of a weir, held against its own metrics. For each signal, each exporter and the pipelines that lead to it, at rest:
//!
//! ```text
//! accepted + recovered = sent + send_failed + dropped by plugins + already delivered + queued
//! ```
//!
//! What is expected follows from the configuration (which receivers and plugins lead to an exporter, over how many
//! pipelines) and from one scrape. [`crate::Weir`] asserts it when it is dropped, so that no test can forget it.
//!
//! A reload may change what leads to an exporter. Where it did, no one knows how much was accepted before and
//! how much after, so that exporter has no account any more; those that the reload left alone still have theirs.

mod wiring;

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Signal;
use crate::metrics::Metrics;
use wiring::Wiring;

/// How long it may take until everything under way has met its fate. An exporter's attempt to a silent upstream
/// takes five seconds by default, and the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(20);

const STEP: Duration = Duration::from_millis(10);

const SIGNALS: [Signal; 4] = [Signal::Traces, Signal::Metrics, Signal::Logs, Signal::Profiles];

/// What weir was configured to do, once or several times over.
#[derive(Clone, Debug)]
pub struct Accounts {
    versions: Vec<Value>,
    patience: Duration,
}

/// What one scrape has to offer.
#[derive(Debug)]
pub enum Look {
    /// The metrics.
    Metrics(Metrics),
    /// Nobody answers yet.
    Silence,
    /// There will never be an answer, for this reason.
    Gone(String),
}

impl Accounts {
    /// Those of a weir with this configuration.
    pub fn of(config: &Value) -> Accounts {
        Accounts { versions: vec![config.clone()], patience: PATIENCE }
    }

    /// The same with less patience: for tests of this.
    pub fn within(self, patience: Duration) -> Accounts {
        Accounts { patience, ..self }
    }

    /// From here on it may have this one; or still the former, if it is bad.
    pub fn reconfigured(&mut self, config: &Value) {
        self.versions.push(config.clone());
    }

    /// Where the metrics may be served, the latest configuration first; none if they are switched off.
    pub fn metrics_addresses(&self) -> Vec<String> {
        self.versions.iter().rev().flat_map(metrics_addresses).collect()
    }

    /// Looks until everything balances. The error says what does not.
    ///
    /// # Errors
    /// What still does not balance when the patience is over, or why there is nothing to look at.
    pub fn settled(&self, mut look: impl FnMut() -> Look) -> Result<(), String> {
        let end = Instant::now() + self.patience;
        loop {
            let wrong = match look() {
                Look::Metrics(metrics) => match self.imbalances(&metrics) {
                    wrong if wrong.is_empty() => return Ok(()),
                    wrong => wrong.join("\n"),
                },
                Look::Silence => "the metrics do not answer".to_owned(),
                Look::Gone(reason) => return Err(reason),
            };
            if Instant::now() > end {
                return Err(format!("after {:?} still: {wrong}", self.patience));
            }
            std::thread::sleep(STEP);
        }
    }

    /// One line for each account that does not balance.
    pub fn imbalances(&self, metrics: &Metrics) -> Vec<String> {
        let mut wrong = Vec::new();
        for signal in SIGNALS {
            let versions: Vec<Wiring> =
                self.versions.iter().map(|config| Wiring::of(config, signal)).collect();
            for exporter in wiring::exporters(&versions) {
                match wiring::sources(&versions, &exporter) {
                    Ok(None) => {}
                    Ok(Some(sources)) => wrong.extend(imbalance(metrics, signal, &exporter, &sources)),
                    Err(reason) => wrong.push(format!("{} of {exporter}: {reason}", signal.name())),
                }
            }
        }
        wrong
    }
}

fn imbalance(metrics: &Metrics, signal: Signal, exporter: &str, sources: &wiring::Sources) -> Option<String> {
    let items = signal.items();
    let accepted: f64 = sources
        .receivers
        .iter()
        .map(|(receiver, times)| {
            let name = format!("otelcol_receiver_accepted_{items}_total");
            metrics.sum(&name, &[("receiver", receiver)]) * *times as f64
        })
        .fold(0.0, |sum, value| sum + value);
    let dropped: f64 = sources.dropped(metrics, signal);
    let of_exporter = |name: &str| metrics.sum(name, &[("exporter", exporter)]);
    let sent = of_exporter(&format!("otelcol_exporter_sent_{items}_total"));
    let failed = of_exporter(&format!("otelcol_exporter_send_failed_{items}_total"));
    let labels = [("exporter", exporter), ("otel_signal", signal.name())];
    let recovered = metrics.sum("weir_exporter_recovered_items_total", &labels);
    let queued = metrics.sum("weir_exporter_queue_items", &labels);
    let delivered = metrics.sum("weir_exporter_already_delivered_items_total", &labels);
    (accepted + recovered != sent + failed + dropped + delivered + queued).then(|| {
        format!(
            "{} of {exporter}: {accepted} accepted + {recovered} recovered is not {sent} sent + {failed} failed \
             + {dropped} dropped + {delivered} already delivered + {queued} queued",
            signal.name()
        )
    })
}

fn metrics_addresses(config: &Value) -> Vec<String> {
    let metrics = &config["service"]["telemetry"]["metrics"];
    if metrics["level"] == "none" {
        return Vec::new();
    }
    if let Some(address) = metrics["address"].as_str() {
        return vec![address.to_owned()];
    }
    let readers = metrics["readers"].as_array().into_iter().flatten();
    readers
        .filter_map(|reader| {
            let prometheus = &reader["pull"]["exporter"]["prometheus"];
            Some(format!("{}:{}", prometheus["host"].as_str()?, prometheus["port"]))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(pipelines: Value) -> Value {
        json!({"service": {"pipelines": pipelines}})
    }

    fn one_pipeline() -> Accounts {
        Accounts::of(&config(
            json!({"logs": {"receivers": ["otlp"], "processors": ["wasm/a"], "exporters": ["x"]}}),
        ))
    }

    fn text(accepted: u64, sent: u64, failed: u64, dropped: u64) -> Metrics {
        Metrics::parse(&format!(
            "otelcol_receiver_accepted_log_records_total{{receiver=\"otlp\",transport=\"grpc\"}} {accepted}
otelcol_exporter_sent_log_records_total{{exporter=\"x\"}} {sent}
otelcol_exporter_send_failed_log_records_total{{exporter=\"x\"}} {failed}
weir_plugin_items_dropped_total{{plugin=\"a\",signal=\"logs\",reason=\"plugin\"}} {dropped}
"
        ))
    }

    #[test]
    fn an_item_without_a_fate_is_told_with_all_figures() {
        assert_eq!(one_pipeline().imbalances(&text(10, 5, 3, 2)), Vec::<String>::new());
        let wrong = one_pipeline().imbalances(&text(10, 5, 3, 1));
        assert_eq!(wrong.len(), 1);
        assert!(wrong[0].contains("logs of x: 10 accepted") && wrong[0].contains("1 dropped"), "{wrong:?}");
        assert_eq!(one_pipeline().imbalances(&text(10, 11, 0, 0)).len(), 1, "one item too many");
    }

    #[test]
    fn what_is_queued_has_a_place_and_what_was_recovered_came_from_somewhere() {
        let more = "weir_exporter_queue_items{exporter=\"x\",otel_signal=\"logs\"} 4
weir_exporter_recovered_items_total{exporter=\"x\",otel_signal=\"logs\"} 3
";
        let mut samples = String::from(
            "otelcol_receiver_accepted_log_records_total{receiver=\"otlp\"} 10
otelcol_exporter_sent_log_records_total{exporter=\"x\"} 9
",
        );
        assert_eq!(one_pipeline().imbalances(&Metrics::parse(&samples)).len(), 1);
        samples.push_str(more);
        assert!(one_pipeline().imbalances(&Metrics::parse(&samples)).is_empty());
    }

    #[test]
    fn looking_ends_with_the_reason_when_nothing_changes_or_nobody_is_there() {
        let briefly = || one_pipeline().within(Duration::from_millis(20));
        let told = briefly().settled(|| Look::Metrics(text(2, 1, 0, 0))).unwrap_err();
        assert!(told.contains("2 accepted"), "{told}");
        let told = briefly().settled(|| Look::Silence).unwrap_err();
        assert!(told.contains("do not answer"), "{told}");
        let told = one_pipeline().settled(|| Look::Gone("it crashed".to_owned())).unwrap_err();
        assert_eq!(told, "it crashed");
        let mut looks = 0;
        let settled = one_pipeline().settled(|| {
            looks += 1;
            Look::Metrics(text(2, looks.min(2), 0, 0))
        });
        assert_eq!((settled, looks), (Ok(()), 2));
    }

    #[test]
    fn the_metrics_are_looked_for_where_any_of_the_configurations_puts_them() {
        let at = |address: &str| json!({"service": {"telemetry": {"metrics": {"address": address}}}});
        let mut accounts = Accounts::of(&at("127.0.0.1:1"));
        accounts.reconfigured(&json!({"service": {"telemetry": {"metrics": {"readers":
            [{"pull": {"exporter": {"prometheus": {"host": "127.0.0.1", "port": 2}}}}]}}}}));
        assert_eq!(accounts.metrics_addresses(), ["127.0.0.1:2", "127.0.0.1:1"]);
        let off = json!({"service": {"telemetry": {"metrics": {"address": "127.0.0.1:1", "level": "none"}}}});
        assert!(Accounts::of(&off).metrics_addresses().is_empty());
    }
}
