//! Builds what stands between receivers and upstreams: plugins, export queues, pipelines.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use weir_otlp::Signal;
use weir_pipeline::{Consumer, ExportQueue, Pipeline, Processor};
use weir_plugin::{Engine, EngineSettings, PluginSet, WasmProcessor};

use super::{Failure, settings};
use crate::config::{ComponentId, Config, Diagnostic, PipelineConfig, ProcessEnvironment};
use crate::telemetry::Telemetry;
use crate::{compiler, exporter, memory};

/// The plugins of every `wasm` processor. Without any there is no engine: it would cost memory for nothing.
pub(super) struct Plugins {
    engine: Option<Arc<Engine>>,
    sets: BTreeMap<ComponentId, Arc<PluginSet>>,
}

/// Queues and pipelines.
pub(super) struct Components {
    queues: BTreeMap<ComponentId, Arc<ExportQueue>>,
    /// In the order of the configuration.
    pipelines: Vec<Arc<Pipeline>>,
}

// === impl Plugins ===

impl Plugins {
    /// Loads all of them. What is wrong with any is a problem of the configuration.
    pub(super) async fn load(
        config: &Config,
        cache_dir: Option<PathBuf>,
        telemetry: &Telemetry,
    ) -> Result<Self, Failure> {
        let mut plugins = Plugins { engine: None, sets: BTreeMap::new() };
        if config.processors.is_empty() {
            return Ok(plugins);
        }
        let on_idle = Some(memory::release_code_pages as fn());
        let compiler = compiler::command();
        let engine_settings = EngineSettings { cache_dir, compiler, on_idle, ..EngineSettings::default() };
        let engine = Engine::new(engine_settings, telemetry.registry()).map_err(Failure::runtime)?;
        let mut problems = Vec::new();
        for (id, processor) in &config.processors {
            let source = processor.source(Arc::new(ProcessEnvironment));
            match PluginSet::load(Arc::clone(&engine), id.to_string(), source).await {
                Ok(set) => drop(plugins.sets.insert(id.clone(), set)),
                Err(error) => problems.push(problem(config, id, error.to_string())),
            }
        }
        plugins.engine = Some(engine);
        if problems.is_empty() { Ok(plugins) } else { Err(Failure::Configuration(problems)) }
    }

    /// The sets, each once.
    pub(super) fn sets(&self) -> Vec<Arc<PluginSet>> {
        self.sets.values().cloned().collect()
    }

    /// Plugins of a directory that do not load, as problems.
    pub(super) fn awaited(&self, config: &Config) -> Vec<Diagnostic> {
        let awaited = self.sets.iter().filter(|(_, set)| !set.is_ready());
        awaited
            .map(|(id, _)| {
                problem(config, id, "a plugin in the directory does not load; the log says why".to_owned())
            })
            .collect()
    }

    /// The processors of a pipeline. Consecutive `wasm` processors become one, so that a batch is walked and
    /// spliced once; there is no other kind yet.
    fn processors(&self, pipeline: &PipelineConfig, telemetry: &Telemetry) -> Vec<Box<dyn Processor>> {
        let sets: Vec<_> = pipeline.processors.iter().filter_map(|id| self.sets.get(id).cloned()).collect();
        let Some(engine) = self.engine.as_ref().filter(|_| !sets.is_empty()) else { return Vec::new() };
        let names: Vec<String> = pipeline.processors.iter().map(ToString::to_string).collect();
        let name = pipeline.name.clone();
        let processor = WasmProcessor::new(Arc::clone(engine), pipeline.signal, name, sets);
        vec![telemetry.count_items(&names.join(","), pipeline.signal, Box::new(processor))]
    }
}

fn problem(config: &Config, id: &ComponentId, reason: String) -> Diagnostic {
    let diagnostic = Diagnostic::new(format!("processors::{id}"), reason);
    match config.processors.get(id) {
        Some(processor) => diagnostic.at(&processor.place),
        None => diagnostic,
    }
}

// === impl Components ===

impl Components {
    pub(super) fn build(config: &Config, plugins: &Plugins, telemetry: &Telemetry) -> Result<Self, Failure> {
        let mut queues = BTreeMap::new();
        let mut problems = Vec::new();
        for (id, exporter) in &config.exporters {
            let name = id.to_string();
            match exporter::build(&name, &settings::exporter(exporter)) {
                Ok(built) => {
                    let queue = settings::queue(exporter);
                    let signals = signals_of(config, id);
                    let observer = Arc::new(telemetry.exporter(&name, &signals, queue.capacity()));
                    queues.insert(id.clone(), ExportQueue::new(name, built, queue, observer));
                }
                Err(error) => problems.push(Diagnostic::new(format!("exporters::{id}"), error.to_string())),
            }
        }
        if !problems.is_empty() {
            return Err(Failure::Configuration(problems));
        }
        let pipelines = config.pipelines.iter().map(|pipeline| {
            Arc::new(Pipeline {
                name: pipeline.name.clone(),
                signal: pipeline.signal,
                processors: plugins.processors(pipeline, telemetry),
                exporters: pipeline.exporters.iter().filter_map(|id| queues.get(id).cloned()).collect(),
            })
        });
        let pipelines = pipelines.collect();
        Ok(Components { queues, pipelines })
    }

    /// Where a receiver's batches go: the pipelines that name it.
    pub(super) fn consumer(&self, config: &Config, receiver: &ComponentId) -> Arc<Consumer> {
        let named = config
            .pipelines
            .iter()
            .zip(&self.pipelines)
            .filter(|(pipeline, _)| pipeline.receivers.contains(receiver));
        Arc::new(Consumer::new(named.map(|(_, pipeline)| Arc::clone(pipeline)).collect()))
    }

    /// Delivers what is queued until the deadline, all exporters side by side.
    pub(super) async fn drain(&self, deadline: Instant) {
        let drains = self.queues.values().cloned().map(|queue| {
            tokio::spawn(async move {
                queue.shutdown(deadline).await;
            })
        });
        for drain in drains.collect::<Vec<_>>() {
            // A panic in there has been caught and counted already.
            let _ = drain.await;
        }
    }
}

/// The signals that an exporter is given.
fn signals_of(config: &Config, exporter: &ComponentId) -> Vec<Signal> {
    let pipelines = config.pipelines.iter().filter(|pipeline| pipeline.exporters.contains(exporter));
    let signals: BTreeSet<Signal> = pipelines.map(|pipeline| pipeline.signal).collect();
    signals.into_iter().collect()
}
