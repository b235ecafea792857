//! `service::pipelines`: which components a batch goes through.

use std::collections::BTreeSet;

use serde::Deserialize;
use weir_otlp::Signal;

use super::at::At;
use super::diagnostic::{Diagnostic, Place};
use super::id::{self, ComponentId};
use super::node::Value;
use super::processor::BatchConfig;
use super::reader;

/// One pipeline. Everything it names is configured, and named once.
#[derive(Clone, Debug)]
pub struct PipelineConfig {
    /// What flows through it.
    pub signal: Signal,
    /// Its whole id, such as `traces` or `traces/a`.
    pub name: String,
    /// Where it is configured.
    pub place: Place,
    /// Where its data comes from; at least one.
    pub receivers: Vec<ComponentId>,
    /// The processors that change batches, plugins and others, in this order.
    pub processors: Vec<ComponentId>,
    /// How requests are merged behind them, by the pipeline's `batch` processor.
    pub batching: Option<BatchConfig>,
    /// Where it goes; at least one, and all get everything.
    pub exporters: Vec<ComponentId>,
}

/// Where it stands in the file makes no difference.
impl PartialEq for PipelineConfig {
    fn eq(&self, other: &Self) -> bool {
        let PipelineConfig { signal, name, place: _, receivers, processors, batching, exporters } = self;
        (signal, name, receivers, processors, batching, exporters)
            == (
                &other.signal,
                &other.name,
                &other.receivers,
                &other.processors,
                &other.batching,
                &other.exporters,
            )
    }
}

/// The ids that are defined in each section, whether or not the components are valid.
pub(super) struct Defined {
    pub receivers: BTreeSet<ComponentId>,
    pub processors: BTreeSet<ComponentId>,
    pub exporters: BTreeSet<ComponentId>,
}

/// For the unknown keys alone; the lists are read from the tree, where each item has its place.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only the names of the fields are used")]
struct RawPipeline {
    #[serde(default)]
    receivers: Vec<String>,
    #[serde(default)]
    processors: Vec<String>,
    #[serde(default)]
    exporters: Vec<String>,
}

/// Reads and checks all pipelines. `at` is `service::pipelines`, which may be missing.
pub(super) fn read(at: &At<'_>, defined: &Defined, problems: &mut Vec<Diagnostic>) -> Vec<PipelineConfig> {
    let entries = match at.node().map(|node| &node.value) {
        None | Some(Value::Null) => &[],
        Some(Value::Map(entries)) => entries.as_slice(),
        Some(_) => {
            problems.push(at.problem("expected a map of pipelines"));
            return Vec::new();
        }
    };
    if entries.is_empty() {
        problems.push(at.problem("service must have at least one pipeline"));
    }
    entries.iter().filter_map(|entry| read_one(&entry.key, &at.key(&entry.key), defined, problems)).collect()
}

fn read_one(
    name: &str,
    at: &At<'_>,
    defined: &Defined,
    problems: &mut Vec<Diagnostic>,
) -> Option<PipelineConfig> {
    let signal = signal(name, at).map_err(|problem| problems.push(problem)).ok();
    if let Some(node) = at.node() {
        reader::read::<RawPipeline>(node, &at.path, problems)?;
    }
    let mut list = |key: &str, noun: &str, defined: &BTreeSet<ComponentId>| {
        references(&at.key(key), at, noun, defined, problems)
    };
    let receivers = list("receivers", "receiver", &defined.receivers);
    let processors = list("processors", "processor", &defined.processors);
    let exporters = list("exporters", "exporter", &defined.exporters);
    for (key, noun) in [("receivers", "receiver"), ("exporters", "exporter")] {
        // What is named but wrong has been reported already.
        let is_named =
            matches!(at.key(key).node().map(|n| &n.value), Some(Value::Sequence(items)) if !items.is_empty());
        if !is_named {
            problems.push(at.problem(format!("must have at least one {noun}")));
        }
    }
    let (name, place) = (name.to_owned(), at.place().clone());
    Some(PipelineConfig { signal: signal?, name, place, receivers, processors, batching: None, exporters })
}

fn signal(name: &str, at: &At<'_>) -> Result<Signal, Diagnostic> {
    let (signal, _) = id::split(name).map_err(|reason| at.problem(reason))?;
    Signal::ALL.into_iter().find(|known| known.name() == signal).ok_or_else(|| {
        let reason = format!("unknown signal \"{signal}\"");
        at.problem(reason).with_valid(signal, Signal::ALL.map(Signal::name))
    })
}

/// The ids of a list: each defined, each once. Problems are told in the Collector's words.
fn references(
    list: &At<'_>,
    pipeline: &At<'_>,
    noun: &str,
    defined: &BTreeSet<ComponentId>,
    problems: &mut Vec<Diagnostic>,
) -> Vec<ComponentId> {
    let Some(Value::Sequence(items)) = list.node().map(|node| &node.value) else { return Vec::new() };
    let mut ids: Vec<ComponentId> = Vec::new();
    for node in items {
        let Value::String(written) = &node.value else { continue };
        let problem = |reason: String| Diagnostic::new(pipeline.path.as_str(), reason).at(&node.place);
        match ComponentId::parse(written) {
            Err(reason) => problems.push(problem(reason)),
            Ok(id) if ids.contains(&id) => {
                problems.push(problem(format!("references {noun} \"{id}\" multiple times")));
            }
            Ok(id) if !defined.contains(&id) => {
                let mut problem = problem(format!("references {noun} \"{id}\" which is not configured"));
                let names: Vec<String> = defined.iter().map(ToString::to_string).collect();
                problem.suggestion = super::suggest::nearest(written, names.iter().map(String::as_str));
                problems.push(problem);
            }
            Ok(id) => ids.push(id),
        }
    }
    ids
}
