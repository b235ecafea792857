//! The plugins of every `wasm` processor. A reload keeps those whose configuration is the same, with their instances,
//! their state and the watch over their files, and loads the others in full before anything is swapped.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use prometheus::Registry;
use tokio::sync::OnceCell;
use weir_pipeline::Processor;
use weir_plugin::{Engine, EngineSettings, FileWatch, PluginSet, WasmProcessor};

use super::Failure;
use super::components::ById;
use crate::config::{
    ComponentId, Config, Diagnostic, PipelineConfig, ProcessEnvironment, WasmProcessorConfig,
};
use crate::telemetry::Telemetry;
use crate::{compiler, memory};

/// The engine of the process, made when the first `wasm` processor is: without any it would cost memory for nothing.
pub(super) struct PluginHost {
    cache_dir: Option<PathBuf>,
    registry: Registry,
    /// Once, since it registers metrics.
    engine: OnceCell<Arc<Engine>>,
}

/// The plugins of one configuration.
#[derive(Default)]
pub(super) struct Plugins {
    engine: Option<Arc<Engine>>,
    sets: ById<Processing>,
}

/// One `wasm` processor.
pub(super) struct Processing {
    config: WasmProcessorConfig,
    set: Arc<PluginSet>,
    // Stops watching when dropped.
    watch: OnceLock<FileWatch>,
}

// === impl PluginHost ===

impl PluginHost {
    /// `cache_dir` is where compiled plugins are kept.
    pub(super) fn new(cache_dir: Option<PathBuf>, telemetry: &Telemetry) -> Self {
        PluginHost { cache_dir, registry: telemetry.registry().clone(), engine: OnceCell::new() }
    }

    async fn engine(&self) -> Result<Arc<Engine>, Failure> {
        let make = || async {
            let on_idle = Some(memory::release_code_pages as fn());
            let (cache_dir, compiler) = (self.cache_dir.clone(), compiler::command());
            let settings = EngineSettings { cache_dir, compiler, on_idle, ..EngineSettings::default() };
            let registry = self.registry.clone();
            // It takes some milliseconds, in which sockets are to be served.
            let engine = tokio::task::spawn_blocking(move || Engine::new(settings, &registry));
            engine.await.map_err(Failure::panicked)?.map_err(Failure::runtime)
        };
        self.engine.get_or_try_init(make).await.cloned()
    }
}

// === impl Plugins ===

impl Plugins {
    /// Loads those that `self` does not have with the same configuration. What is wrong with any is a problem of the
    /// configuration.
    pub(super) async fn next(&self, config: &Config, host: &PluginHost) -> Result<Self, Failure> {
        if config.plugins.is_empty() {
            return Ok(Plugins::default());
        }
        let engine = host.engine().await?;
        let mut next = Plugins { engine: Some(Arc::clone(&engine)), sets: BTreeMap::new() };
        let mut problems = Vec::new();
        for (id, processor) in &config.plugins {
            if let Some(same) = self.sets.get(id).filter(|former| former.config == *processor) {
                next.sets.insert(id.clone(), Arc::clone(same));
                continue;
            }
            let source = processor.source(Arc::new(ProcessEnvironment));
            match PluginSet::load(Arc::clone(&engine), id.to_string(), source).await {
                Ok(set) => {
                    let watch = OnceLock::new();
                    let processing = Processing { config: processor.clone(), set, watch };
                    next.sets.insert(id.clone(), Arc::new(processing));
                }
                Err(error) => problems.push(problem(config, id, error.to_string())),
            }
        }
        if problems.is_empty() { Ok(next) } else { Err(Failure::Configuration(problems)) }
    }

    /// Plugins of a directory that do not load, as problems, but for those that `former` waits for as well.
    pub(super) fn awaited(&self, config: &Config, former: &Plugins) -> Vec<Diagnostic> {
        let is_new = |id: &ComponentId, processing: &Arc<Processing>| {
            former.sets.get(id).is_none_or(|former| !Arc::ptr_eq(former, processing))
        };
        let awaited =
            self.sets.iter().filter(|(id, processing)| is_new(id, processing) && !processing.set.is_ready());
        awaited
            .map(|(id, _)| {
                problem(config, id, "a plugin in the directory does not load; the log says why".to_owned())
            })
            .collect()
    }

    /// Keeps every set in step with its files from now on.
    pub(super) fn watch(&self) {
        for processing in self.sets.values() {
            processing.watch.get_or_init(|| processing.set.watch());
        }
    }

    /// The processors by their id.
    pub(super) fn by_id(&self) -> &ById<Processing> {
        &self.sets
    }

    /// The sets, each once.
    pub(super) fn sets(&self) -> Vec<Arc<PluginSet>> {
        self.sets.values().map(|processing| Arc::clone(&processing.set)).collect()
    }

    /// One processor for `wasm` processors that follow each other in a pipeline, so that a batch is walked and
    /// spliced once.
    pub(super) fn processor(
        &self,
        pipeline: &PipelineConfig,
        ids: &[ComponentId],
        telemetry: &Telemetry,
    ) -> Option<Box<dyn Processor>> {
        let sets = ids.iter().filter_map(|id| self.sets.get(id));
        let sets: Vec<_> = sets.map(|processing| Arc::clone(&processing.set)).collect();
        let engine = self.engine.as_ref().filter(|_| !sets.is_empty())?;
        let names: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let name = pipeline.name.clone();
        let processor = WasmProcessor::new(Arc::clone(engine), pipeline.signal, name, sets);
        Some(telemetry.count_items(&names.join(","), pipeline.signal, Box::new(processor)))
    }
}

fn problem(config: &Config, id: &ComponentId, reason: String) -> Diagnostic {
    let diagnostic = Diagnostic::new(format!("processors::{id}"), reason);
    match config.plugins.get(id) {
        Some(processor) => diagnostic.at(&processor.place),
        None => diagnostic,
    }
}
