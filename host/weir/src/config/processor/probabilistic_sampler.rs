//! The Collector's `probabilistic_sampler`: its keys, and the configuration of weir's plugin `sample` that means the same.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::config::at::At;
use crate::config::diagnostic::Diagnostic;
use crate::config::field::bounded;
use crate::config::reader;

const SEED_MAX: u64 = u32::MAX as u64;
/// The smallest percentage that a threshold of 56 bits can say.
const PERCENTAGE_MIN: f64 = 100.0 / (1_u64 << 56) as f64;
/// One of the 2^14 shares of the mode `hash_seed`, in percent.
const BUCKET: f64 = 100.0 / 16384.0;
const TRACE_ID: &str = "traceID";
const RECORD: &str = "record";

/// One `probabilistic_sampler`.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbabilisticSamplerConfig {
    raw: RawProbabilisticSampler,
}

/// How the share is picked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    /// By a hash of the trace id.
    #[default]
    HashSeed,
    /// By the trace id's own randomness; what was sampled as much before passes.
    Equalizing,
    /// By the trace id's own randomness, of whatever arrives.
    Proportional,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawProbabilisticSampler {
    sampling_percentage: f64,
    #[serde(deserialize_with = "bounded::<0, SEED_MAX, _, _>")]
    hash_seed: u32,
    mode: Mode,
    fail_closed: bool,
    #[serde(deserialize_with = "bounded::<1, 14, _, _>")]
    sampling_precision: u8,
    attribute_source: String,
    from_attribute: String,
    sampling_priority: String,
}

impl Default for RawProbabilisticSampler {
    fn default() -> Self {
        RawProbabilisticSampler {
            sampling_percentage: 0.0,
            hash_seed: 0,
            mode: Mode::default(),
            fail_closed: true,
            sampling_precision: 4,
            attribute_source: TRACE_ID.to_owned(),
            from_attribute: String::new(),
            sampling_priority: String::new(),
        }
    }
}

impl ProbabilisticSamplerConfig {
    /// The shipped plugin that does it.
    pub const PLUGIN: &str = "sample";

    /// Reads and checks one.
    pub(in crate::config) fn read(at: &At<'_>, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let raw: RawProbabilisticSampler = reader::read(at.node()?, &at.path, problems)?;
        let percentage = raw.sampling_percentage;
        let is_meant = percentage == 0.0 || (percentage >= PERCENTAGE_MIN && percentage.is_finite());
        if !is_meant {
            let reason = format!("expected 0, or a percentage of {PERCENTAGE_MIN:e} or more");
            problems.push(at.key("sampling_percentage").problem(reason));
        }
        if ![TRACE_ID, RECORD].contains(&raw.attribute_source.as_str()) {
            let problem = at.key("attribute_source").problem("unknown value");
            problems.push(problem.with_valid(&raw.attribute_source, [TRACE_ID, RECORD]));
        }
        let by_record = raw.attribute_source == RECORD && raw.mode == Mode::HashSeed;
        if by_record && raw.from_attribute.is_empty() {
            let reason =
                "with \"record\", from_attribute must name the attribute by which records are judged";
            problems.push(at.key("attribute_source").problem(reason));
        }
        for (key, name) in
            [("from_attribute", &raw.from_attribute), ("sampling_priority", &raw.sampling_priority)]
        {
            if name.contains('*') {
                problems.push(at.key(key).problem("expected the whole key of one attribute, without *"));
            }
        }
        Some(ProbabilisticSamplerConfig { raw })
    }

    /// What an operator may not expect of what is configured.
    pub(in crate::config) fn oddity(&self) -> Option<&'static str> {
        let percentage = self.raw.sampling_percentage;
        if percentage == 0.0 {
            Some("sampling_percentage is 0, so nothing passes but what asks for it by its priority")
        } else if percentage < BUCKET && self.raw.mode == Mode::HashSeed {
            Some(
                "sampling_percentage is less than the smallest share of the mode hash_seed, 0.0061, so nothing passes \
                 but what asks for it by its priority; the modes proportional and equalizing have smaller ones",
            )
        } else {
            None
        }
    }

    /// The same as a configuration of the plugin.
    pub(in crate::config) fn plugin_config(&self) -> Value {
        let raw = &self.raw;
        // The Collector reads a number in single precision, and takes what is above 100 for 100.
        let percentage = f64::from(raw.sampling_percentage as f32).min(100.0);
        let closed = if raw.fail_closed { "drop" } else { "keep" };
        let mut config = json!({
            "percentage": percentage,
            "precision": raw.sampling_precision,
            "keep_errors": false,
            "missing_trace_id": closed,
            "inconsistent": closed,
            "logs": {"percentage": percentage, "missing_key": closed},
        });
        config["mode"] = match raw.mode {
            Mode::HashSeed => json!("hash_seed"),
            Mode::Equalizing => json!("equalizing"),
            Mode::Proportional => json!("proportional"),
        };
        if !raw.sampling_priority.is_empty() {
            config["logs"]["percentage_attribute"] = json!(raw.sampling_priority);
        }
        // The other modes judge records by their trace id alone.
        if raw.mode == Mode::HashSeed {
            config["hash_seed"] = json!(raw.hash_seed);
            if !raw.from_attribute.is_empty() {
                config["logs"]["key"] = json!({"attribute": raw.from_attribute});
            }
            if raw.attribute_source == RECORD {
                config["logs"]["judge_by"] = json!("key");
            }
        }
        config
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::testing::*;
    use crate::config::{Config, WasmSource, load_sources};

    fn yaml(keys: &str, signal: &str) -> String {
        format!(
            "receivers: {OTLP}\nprocessors: {{probabilistic_sampler/x: {{{keys}}}}}\nexporters: {NOP}\nservice: {{pipelines: \
             {{{signal}: {{receivers: [otlp], processors: [probabilistic_sampler/x], exporters: [nop]}}}}}}\n"
        )
    }

    /// The configuration, and its warnings, where there is a plugin; its directory is in `shipped`.
    fn load(keys: &str, shipped: &std::path::Path) -> (Config, Vec<String>) {
        std::fs::write(shipped.join("sample.wasm"), "").unwrap();
        let variables = BTreeMap::from([("WEIR_PLUGINS".to_owned(), shipped.display().to_string())]);
        let loaded = load_sources(&[text(&yaml(keys, "logs"))], &variables).unwrap();
        (loaded.config, loaded.warnings.iter().map(ToString::to_string).collect())
    }

    fn plugin_config(keys: &str) -> Value {
        let shipped = tempfile::tempdir().unwrap();
        let (config, warnings) = load(keys, shipped.path());
        assert_eq!(warnings, [] as [&str; 0]);
        let processor = config.plugins.into_values().next().unwrap();
        let WasmSource::Plugin(settings) = processor.source else { panic!("not one plugin") };
        assert_eq!(settings.name.as_deref(), Some("probabilistic_sampler/x"));
        assert_eq!(settings.plugin, shipped.path().join("sample.wasm"));
        settings.config
    }

    #[test]
    fn the_defaults_are_those_of_the_collector() {
        assert_eq!(
            plugin_config("sampling_percentage: 12.5"),
            json!({
                "percentage": 12.5, "mode": "hash_seed", "hash_seed": 0, "precision": 4, "keep_errors": false,
                "missing_trace_id": "drop", "inconsistent": "drop",
                "logs": {"percentage": 12.5, "missing_key": "drop"},
            })
        );
    }

    #[test]
    fn every_key_has_its_counterpart() {
        let keys = "sampling_percentage: 15.3, hash_seed: 22, fail_closed: false, sampling_precision: 6, \
                    attribute_source: record, from_attribute: logID, sampling_priority: priority";
        let single = f64::from(15.3_f32);
        assert_eq!(
            plugin_config(keys),
            json!({
                "percentage": single, "mode": "hash_seed", "hash_seed": 22, "precision": 6, "keep_errors": false,
                "missing_trace_id": "keep", "inconsistent": "keep",
                "logs": {
                    "percentage": single, "missing_key": "keep", "judge_by": "key", "key": {"attribute": "logID"},
                    "percentage_attribute": "priority",
                },
            })
        );
        let keys = "sampling_percentage: 150, mode: equalizing, hash_seed: 1, attribute_source: record";
        let equalizing = plugin_config(keys);
        assert_eq!((&equalizing["percentage"], &equalizing["mode"]), (&json!(100.0), &json!("equalizing")));
        assert_eq!(equalizing["logs"], json!({"percentage": 100.0, "missing_key": "drop"}));
        assert!(equalizing.get("hash_seed").is_none(), "it is of no use in this mode");
    }

    #[test]
    fn what_drops_nearly_everything_is_a_warning() {
        let shipped = tempfile::tempdir().unwrap();
        for (keys, said) in [
            ("", "f.yaml:2:14: processors::probabilistic_sampler/x: sampling_percentage is 0"),
            ("sampling_percentage: 0.005", "less than the smallest share of the mode hash_seed"),
        ] {
            let (_, warnings) = load(keys, shipped.path());
            assert!(warnings.len() == 1 && warnings[0].contains(said), "{keys}: {warnings:?}");
        }
        let (_, warnings) = load("sampling_percentage: 0.005, mode: proportional", shipped.path());
        assert_eq!(warnings, [] as [&str; 0]);
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (keys, problem) in [
            ("sampling_percentage: -1", "sampling_percentage: expected 0, or a percentage of"),
            ("sampling_percentage: .inf", "sampling_percentage: expected 0, or a percentage of"),
            ("hash_seed: -1", "hash_seed: expected a whole number from 0 to 4294967295"),
            ("sampling_precision: 15", "sampling_precision: expected a whole number from 1 to 14"),
            ("mode: hashseed", "mode: unknown value \"hashseed\"; did you mean \"hash_seed\"?"),
            ("attribute_source: traceId", "attribute_source: unknown value; did you mean \"traceID\"?"),
            ("attribute_source: record", "attribute_source: with \"record\", from_attribute must name"),
            ("from_attribute: 'a.*'", "from_attribute: expected the whole key of one attribute"),
            ("percentage: 1", "percentage: unknown key \"percentage\""),
        ] {
            let problems = problems(&yaml(keys, "logs"));
            let path = format!("processors::probabilistic_sampler/x::{problem}");
            assert!(problems.iter().any(|said| said.contains(&path)), "{keys}: {problems:?}");
        }
    }

    #[test]
    fn metrics_cannot_be_sampled() {
        let problems = problems(&yaml("sampling_percentage: 10", "metrics"));
        let problems: Vec<_> = problems.iter().filter(|said| !said.contains("needs the plugin")).collect();
        let said = "f.yaml:4:23: service::pipelines::metrics: processor \"probabilistic_sampler/x\" takes logs, \
                    traces and no metrics";
        assert_eq!(problems, [said]);
    }

    #[test]
    fn a_plugin_that_is_not_there_is_told_at_the_processor() {
        let shipped = tempfile::tempdir().unwrap();
        let variables = BTreeMap::from([("WEIR_PLUGINS".to_owned(), shipped.path().display().to_string())]);
        let source = [text(&yaml("sampling_percentage: 10", "logs"))];
        let problems = load_sources(&source, &variables).unwrap_err();
        let said = problems[0].to_string();
        assert!(
            said.starts_with(
                "f.yaml:2:14: processors::probabilistic_sampler/x: needs the plugin sample.wasm"
            ),
            "{said}"
        );
    }
}
