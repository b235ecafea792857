//! What leads to an exporter, by the configuration: receivers, each over so many pipelines, and processors on the way.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::Signal;
use crate::metrics::Metrics;

/// The pipelines of one signal in one configuration.
pub(super) struct Wiring {
    pipelines: Vec<Pipeline>,
}

struct Pipeline {
    receivers: Vec<String>,
    processors: Vec<String>,
    exporters: Vec<String>,
}

/// Where the items of one exporter come from.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sources {
    /// Each receiver, with the number of pipelines by which its items come.
    pub(super) receivers: BTreeMap<String, usize>,
    /// The processors that all of those items pass, and no others.
    processors: BTreeSet<String>,
    /// Those that other exporters' items pass.
    others: BTreeSet<String>,
}

impl Wiring {
    pub(super) fn of(config: &Value, signal: Signal) -> Wiring {
        let pipelines = config["service"]["pipelines"].as_object().into_iter().flatten();
        let of_signal = pipelines.filter(|(id, _)| id.split('/').next() == Some(signal.name()));
        let ids = |list: &Value| -> Vec<String> {
            let ids = list.as_array().into_iter().flatten();
            ids.filter_map(|id| id.as_str().map(str::to_owned)).collect()
        };
        let pipeline = |(_, pipeline): (&String, &Value)| Pipeline {
            receivers: ids(&pipeline["receivers"]),
            processors: ids(&pipeline["processors"]),
            exporters: ids(&pipeline["exporters"]),
        };
        Wiring { pipelines: of_signal.map(pipeline).collect() }
    }

    fn uses(&self, receiver: &str) -> bool {
        self.pipelines.iter().any(|one| one.receivers.iter().any(|id| id == receiver))
    }

    fn sources(&self, exporter: &str) -> Result<Sources, String> {
        let mut sources = Sources::default();
        for pipeline in &self.pipelines {
            let leads_to_it = pipeline.exporters.iter().any(|id| id == exporter);
            if leads_to_it {
                for receiver in &pipeline.receivers {
                    *sources.receivers.entry(receiver.clone()).or_default() += 1;
                }
            }
            let processors = if leads_to_it { &mut sources.processors } else { &mut sources.others };
            processors.extend(pipeline.processors.iter().cloned());
        }
        // What such a processor drops cannot be told apart by its metrics.
        match sources.processors.intersection(&sources.others).next() {
            None => Ok(sources),
            Some(shared) => Err(format!(
                "{shared} is in a pipeline that leads to it and in one that does not: give them one each"
            )),
        }
    }
}

impl Sources {
    /// What plugins of these processors dropped. `wasm/NAME` runs the plugin NAME; plugins of a directory have names
    /// of their own, and are those that no other processor has. A processor of another type counts under its own id.
    pub(super) fn dropped(&self, metrics: &Metrics, signal: Signal) -> f64 {
        let name = |id: &String| match id.split_once('/') {
            Some(("wasm", name)) => Some(name.to_owned()),
            None if id == "wasm" => None,
            _ => Some(id.clone()),
        };
        let named: BTreeSet<String> = self.processors.iter().filter_map(name).collect();
        let foreign: BTreeSet<String> = self.others.iter().filter_map(name).collect();
        let has_directory = self.processors.contains("wasm");
        let of_signal = metrics.samples().iter().filter(|sample| {
            sample.name == "weir_plugin_items_dropped_total"
                && sample.labels.get("signal").is_some_and(|own| own == signal.name())
        });
        let is_own = |plugin: &String| named.contains(plugin) || (has_directory && !foreign.contains(plugin));
        of_signal
            .filter(|sample| sample.labels.get("plugin").is_some_and(is_own))
            .map(|sample| sample.value)
            .fold(0.0, |sum, value| sum + value)
    }
}

/// All exporters of the signal in any version.
pub(super) fn exporters(versions: &[Wiring]) -> BTreeSet<String> {
    let pipelines = versions.iter().flat_map(|version| &version.pipelines);
    pipelines.flat_map(|pipeline| pipeline.exporters.iter().cloned()).collect()
}

/// What leads to an exporter in every version; `None` if that has changed.
pub(super) fn sources(versions: &[Wiring], exporter: &str) -> Result<Option<Sources>, String> {
    let mut all = Sources::default();
    for version in versions {
        let sources = version.sources(exporter)?;
        all.receivers.extend(sources.receivers);
        all.processors.extend(sources.processors);
        all.others.extend(sources.others);
    }
    for version in versions {
        let own = version.sources(exporter)?;
        // A receiver that is not used in a version adds nothing in it.
        let is_same =
            |(id, times): (&String, &usize)| !version.uses(id) || own.receivers.get(id) == Some(times);
        if !all.receivers.iter().all(is_same) {
            return Ok(None);
        }
    }
    Ok(all.processors.is_disjoint(&all.others).then_some(all))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn logs(pipelines: Value) -> Wiring {
        Wiring::of(&json!({"service": {"pipelines": pipelines}}), Signal::Logs)
    }

    fn pipeline(receivers: &[&str], processors: &[&str], exporters: &[&str]) -> Value {
        json!({"receivers": receivers, "processors": processors, "exporters": exporters})
    }

    #[test]
    fn an_exporter_of_two_pipelines_gets_everything_twice_and_one_of_another_signal_counts_elsewhere() {
        let wiring = logs(json!({
            "logs/a": pipeline(&["otlp"], &["wasm/a"], &["x", "y"]),
            "logs/b": pipeline(&["otlp", "otlp/2"], &["wasm/b"], &["x"]),
            "traces": pipeline(&["otlp"], &[], &["x"]),
        }));
        let sources = wiring.sources("x").unwrap();
        assert_eq!(sources.receivers, BTreeMap::from([("otlp".into(), 2), ("otlp/2".into(), 1)]));
        assert_eq!(wiring.sources("y").unwrap().receivers, BTreeMap::from([("otlp".into(), 1)]));
        let metrics = Metrics::parse(
            "weir_plugin_items_dropped_total{plugin=\"a\",signal=\"logs\",reason=\"plugin\"} 3
weir_plugin_items_dropped_total{plugin=\"b\",signal=\"logs\",reason=\"error\"} 4
weir_plugin_items_dropped_total{plugin=\"b\",signal=\"traces\",reason=\"error\"} 8
",
        );
        assert_eq!(sources.dropped(&metrics, Signal::Logs), 7.0);
        assert_eq!(wiring.sources("y").unwrap().dropped(&metrics, Signal::Logs), 3.0);
    }

    #[test]
    fn a_processor_of_pipelines_that_lead_elsewhere_too_is_refused_and_not_guessed() {
        let wiring = logs(json!({
            "logs/a": pipeline(&["otlp"], &["wasm/a"], &["x"]),
            "logs/b": pipeline(&["otlp"], &["wasm/a"], &["y"]),
        }));
        assert!(wiring.sources("x").unwrap_err().contains("wasm/a"));
    }

    #[test]
    fn after_a_reload_an_exporter_has_an_account_if_the_same_still_leads_to_it() {
        let before = || logs(json!({"logs": pipeline(&["otlp"], &[], &["x"])}));
        let added = || logs(json!({"logs": pipeline(&["otlp"], &["wasm/a"], &["x", "y"])}));
        let renamed = || logs(json!({"logs": pipeline(&["otlp/new"], &[], &["x"])}));
        let both = [before(), added()];
        assert!(sources(&both, "x").unwrap().is_some());
        assert_eq!(sources(&both, "y").unwrap(), None, "it was not there from the beginning");
        let receivers = sources(&[before(), renamed()], "x").unwrap().unwrap().receivers;
        assert_eq!(receivers.len(), 2, "{receivers:?}");
    }
}
