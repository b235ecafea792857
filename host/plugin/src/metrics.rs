//! The `weir_plugin_*` metrics: one registration for the process, one set of ready-made handles for each plugin.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};
use weir_otlp::Signal;

use crate::failure::Reason;

/// Plugin names that get series of their own. Names come from files, so a directory in which names come and go
/// for months must not grow the metrics without end.
const PLUGINS_MAX: usize = 512;
/// The name that plugins beyond [`PLUGINS_MAX`] share.
const OTHER: &str = "other";
/// Bytes of a plugin's counter name or label.
const NAME_BYTES_MAX: usize = 64;
/// From the cost of a small call to the largest sensible timeout.
const CALL_SECONDS: [f64; 12] = [5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 1e-2, 5e-2, 0.25, 1.0, 2.5, 10.0];
/// The signals that plugins see.
const SIGNALS: [Signal; 3] = [Signal::Traces, Signal::Metrics, Signal::Logs];

/// The families, registered.
pub(crate) struct PluginMetrics {
    calls: IntCounterVec,
    call_duration: HistogramVec,
    items_in: IntCounterVec,
    edits: IntCounterVec,
    items_dropped: IntCounterVec,
    failures: IntCounterVec,
    reloads: IntCounterVec,
    instances: IntGaugeVec,
    memory: IntGaugeVec,
    breaker: IntGaugeVec,
    lines_dropped: IntCounterVec,
    counters: IntCounterVec,
    cache: CacheEvents,
    plugins: Mutex<BTreeMap<String, Arc<PluginSeries>>>,
}

/// What happens in the cache of compiled code.
pub(crate) struct CacheEvents {
    pub hit: IntCounter,
    pub miss: IntCounter,
    /// Thrown away: damaged, or not what its name says.
    pub rejected: IntCounter,
    pub store_failed: IntCounter,
}

impl CacheEvents {
    fn new(family: &IntCounterVec) -> Self {
        let result = |name: &str| family.with_label_values(&[name]);
        CacheEvents {
            hit: result("hit"),
            miss: result("miss"),
            rejected: result("rejected"),
            store_failed: result("store_failed"),
        }
    }
}

/// The handles of one plugin, by its name. They outlive its generations.
pub(crate) struct PluginSeries {
    signals: [SignalSeries; SIGNALS.len()],
    failures: [IntCounter; Reason::ALL.len()],
    /// Seconds of each call.
    pub call_duration: Histogram,
    /// Reloads that took effect.
    pub reloaded: IntCounter,
    /// Reloads that left things as they were.
    pub reload_failed: IntCounter,
    /// Reloads that took effect and were taken back, since the plugin failed too often.
    pub rolled_back: IntCounter,
    /// Live instances.
    pub instances: IntGauge,
    /// Linear memory of the live instances, in bytes.
    pub memory: IntGauge,
    /// The circuit breaker of the generation that runs: 0 closed, 1 half-open, 2 open.
    pub breaker: IntGauge,
    /// Log lines of the plugin that were over the rate.
    pub lines_dropped: IntCounter,
    generations: AtomicU64,
    counters: Counters,
}

/// What is counted by signal.
pub(crate) struct SignalSeries {
    /// Calls of `process`.
    pub calls: IntCounter,
    /// Items shown.
    pub items_in: IntCounter,
    /// Edits applied.
    pub edits: IntCounter,
    /// Items that the plugin dropped.
    pub dropped_by_plugin: IntCounter,
    /// Items dropped since the plugin failed and its policy is `drop`.
    pub dropped_by_error: IntCounter,
    /// Items dropped since they broke the plugin and its policy is `isolate`.
    pub isolated: IntCounter,
}

/// The counters that a plugin makes up itself.
struct Counters {
    plugin: String,
    family: IntCounterVec,
    pairs: Mutex<BTreeMap<(String, String), IntCounter>>,
}

impl PluginMetrics {
    /// Registers every family.
    ///
    /// # Errors
    /// If the registry has one of them already.
    pub fn new(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let family = IntCounterVec::new(Opts::new(format!("weir_plugin_{name}"), help), labels)?;
            registry.register(Box::new(family.clone()))?;
            prometheus::Result::Ok(family)
        };
        let gauge = |name: &str, help: &str| {
            let family = IntGaugeVec::new(Opts::new(format!("weir_plugin_{name}"), help), &["plugin"])?;
            registry.register(Box::new(family.clone()))?;
            prometheus::Result::Ok(family)
        };
        let duration = HistogramOpts::new("weir_plugin_call_duration_seconds", "Duration of process calls.");
        let call_duration = HistogramVec::new(duration.buckets(CALL_SECONDS.to_vec()), &["plugin"])?;
        registry.register(Box::new(call_duration.clone()))?;

        let by_signal = ["plugin", "signal"];
        Ok(PluginMetrics {
            calls: counter("calls_total", "Calls of process.", &by_signal)?,
            call_duration,
            items_in: counter("items_in_total", "Items shown to the plugin.", &by_signal)?,
            edits: counter("edits_total", "Edits of the plugin that were applied.", &by_signal)?,
            items_dropped: counter(
                "items_dropped_total",
                "Items dropped by the plugin's own rule (plugin), or since it failed and on_error is drop (error) or isolate (isolated).",
                &["plugin", "signal", "reason"],
            )?,
            failures: counter("failures_total", "Failed calls.", &["plugin", "reason"])?,
            reloads: counter(
                "reloads_total",
                "Reloads: success, failure (nothing changed), rolled_back (taken back after a success).",
                &["plugin", "result"],
            )?,
            instances: gauge("instances", "Live instances.")?,
            memory: gauge("memory_bytes", "Linear memory of the live instances.")?,
            breaker: gauge("breaker_state", "Circuit breaker: 0 closed, 1 half-open, 2 open.")?,
            lines_dropped: counter(
                "log_lines_dropped_total",
                "Log lines of the plugin over its rate.",
                &["plugin"],
            )?,
            counters: counter(
                "counter_total",
                "Counters that plugins keep themselves.",
                &["plugin", "counter", "label"],
            )?,
            cache: CacheEvents::new(&counter(
                "code_cache_total",
                "Compiled code looked up in the cache: hit, miss, rejected (thrown away as damaged or foreign), store_failed.",
                &["result"],
            )?),
            plugins: Mutex::default(),
        })
    }

    /// What happens in the cache of compiled code.
    pub fn cache_events(&self) -> &CacheEvents {
        &self.cache
    }

    /// The handles of a plugin; all its series exist from now on.
    pub fn plugin(&self, name: &str) -> Arc<PluginSeries> {
        let mut plugins = self.plugins.lock().unwrap_or_else(PoisonError::into_inner);
        let name = if plugins.contains_key(name) || plugins.len() < PLUGINS_MAX { name } else { OTHER };
        Arc::clone(plugins.entry(name.to_owned()).or_insert_with(|| Arc::new(self.series(name))))
    }

    fn series(&self, name: &str) -> PluginSeries {
        PluginSeries {
            signals: SIGNALS.map(|signal| self.signal_series(name, signal)),
            failures: Reason::ALL.map(|reason| self.failures.with_label_values(&[name, reason.name()])),
            call_duration: self.call_duration.with_label_values(&[name]),
            reloaded: self.reloads.with_label_values(&[name, "success"]),
            reload_failed: self.reloads.with_label_values(&[name, "failure"]),
            rolled_back: self.reloads.with_label_values(&[name, "rolled_back"]),
            instances: self.instances.with_label_values(&[name]),
            memory: self.memory.with_label_values(&[name]),
            breaker: self.breaker.with_label_values(&[name]),
            lines_dropped: self.lines_dropped.with_label_values(&[name]),
            generations: AtomicU64::new(0),
            counters: Counters {
                plugin: name.to_owned(),
                family: self.counters.clone(),
                pairs: Mutex::default(),
            },
        }
    }

    fn signal_series(&self, name: &str, signal: Signal) -> SignalSeries {
        let labels = [name, signal.name()];
        let dropped = |reason| self.items_dropped.with_label_values(&[name, signal.name(), reason]);
        SignalSeries {
            calls: self.calls.with_label_values(&labels),
            items_in: self.items_in.with_label_values(&labels),
            edits: self.edits.with_label_values(&labels),
            dropped_by_plugin: dropped("plugin"),
            dropped_by_error: dropped("error"),
            isolated: dropped("isolated"),
        }
    }
}

impl PluginSeries {
    /// What is counted for a signal. Profiles are never shown to plugins and share the counters of logs.
    pub fn signal(&self, signal: Signal) -> &SignalSeries {
        let [traces, metrics, logs] = &self.signals;
        match signal {
            Signal::Traces => traces,
            Signal::Metrics => metrics,
            Signal::Logs | Signal::Profiles => logs,
        }
    }

    /// The number of the generation of the plugin that takes over now, from 1.
    pub fn next_generation(&self) -> u64 {
        self.generations.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Counts a failure.
    pub fn failed(&self, reason: Reason) {
        for (known, counter) in Reason::ALL.iter().zip(&self.failures) {
            if *known == reason {
                counter.inc();
            }
        }
    }

    /// Failed calls since weir started, over all reasons.
    pub fn failures(&self) -> u64 {
        self.failures.iter().map(IntCounter::get).sum()
    }

    /// A count over all signals.
    pub fn sum(&self, count: impl Fn(&SignalSeries) -> u64) -> u64 {
        self.signals.iter().map(count).sum()
    }

    /// Adds to a counter of the plugin's own, of which it may have so many.
    pub fn add(&self, counter: &str, label: &str, value: u64, pairs_max: usize) {
        self.counters.add(counter, label, value, pairs_max);
    }
}

impl Counters {
    fn add(&self, counter: &str, label: &str, value: u64, pairs_max: usize) {
        let pair = (presentable(counter), presentable(label));
        let mut pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
        let pair = if pairs.contains_key(&pair) || pairs.len() < pairs_max {
            pair
        } else {
            (OTHER.to_owned(), String::new())
        };
        let handle = pairs.entry(pair);
        let labels = handle.key().clone();
        let counter =
            handle.or_insert_with(|| self.family.with_label_values(&[&self.plugin, &labels.0, &labels.1]));
        // A counter never goes back, which is what it would do beyond its end. Only here is it added to, under the lock.
        counter.inc_by(value.min(u64::MAX - counter.get()));
    }
}

/// A label value that a plugin chose, made short and printable.
fn presentable(name: &str) -> String {
    name.chars().take(NAME_BYTES_MAX).map(|c| if c.is_ascii_graphic() { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(registry: &Registry, family: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let families = registry.gather();
        let family = families.iter().find(|found| found.name() == family)?;
        let metric = family.get_metric().iter().find(|metric| {
            labels.iter().all(|(name, value)| {
                metric.get_label().iter().any(|label| label.name() == *name && label.value() == *value)
            })
        })?;
        Some(metric.get_counter().get_value())
    }

    #[test]
    fn every_series_of_a_plugin_shows_as_zero_from_the_start() {
        let registry = Registry::new();
        PluginMetrics::new(&registry).unwrap().plugin("redact");
        for reason in Reason::ALL {
            let labels = [("plugin", "redact"), ("reason", reason.name())];
            assert_eq!(value(&registry, "weir_plugin_failures_total", &labels), Some(0.0));
        }
        let labels = [("plugin", "redact"), ("signal", "metrics"), ("reason", "error")];
        assert_eq!(value(&registry, "weir_plugin_items_dropped_total", &labels), Some(0.0));
        let labels = [("plugin", "redact"), ("result", "failure")];
        assert_eq!(value(&registry, "weir_plugin_reloads_total", &labels), Some(0.0));
    }

    #[test]
    fn the_pairs_of_a_plugin_are_bounded_and_what_goes_beyond_is_counted_as_other() {
        let registry = Registry::new();
        let series = PluginMetrics::new(&registry).unwrap().plugin("p");
        let pairs_max = 64;
        for i in 0..pairs_max + 10 {
            series.add("seen", &i.to_string(), 2, pairs_max);
        }
        series.add("seen", "0", 5, pairs_max);
        let family = "weir_plugin_counter_total";
        assert_eq!(value(&registry, family, &[("counter", "other"), ("label", "")]), Some(20.0));
        assert_eq!(value(&registry, family, &[("counter", "seen"), ("label", "0")]), Some(7.0));
    }

    #[test]
    fn a_plugin_s_counter_stays_at_its_end_instead_of_going_back() {
        let registry = Registry::new();
        let series = PluginMetrics::new(&registry).unwrap().plugin("p");
        for value in [5, u64::MAX, u64::MAX] {
            series.add("seen", "", value, 64);
        }
        let labels = [("counter", "seen"), ("label", "")];
        assert_eq!(value(&registry, "weir_plugin_counter_total", &labels), Some(u64::MAX as f64));
    }

    #[test]
    fn names_are_cut_and_made_printable() {
        assert_eq!(presentable("a b\n\u{e9}"), "a_b__");
        assert_eq!(presentable(&"x".repeat(100)).len(), NAME_BYTES_MAX);
    }

    #[test]
    fn names_of_plugins_are_bounded() {
        let registry = Registry::new();
        let metrics = PluginMetrics::new(&registry).unwrap();
        for i in 0..PLUGINS_MAX + 5 {
            metrics.plugin(&i.to_string());
        }
        metrics.plugin("late").failed(Reason::Trap);
        let labels = [("plugin", OTHER), ("reason", "trap")];
        assert_eq!(value(&registry, "weir_plugin_failures_total", &labels), Some(1.0));
    }
}
