//! What stands between receivers and upstreams: processors, export queues, and the pipelines that they are in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use weir_pipeline::{Budget, Consumer, Pipeline, Processor};

use super::Failure;
use super::changes::Changes;
use super::endpoints::Behind;
use super::exporters::{Exporters, Gone, NextExporters};
use super::native::NativeProcessors;
use super::plugins::{PluginHost, Plugins};
use super::settings;
use super::storages::Storages;
use crate::config::{ComponentId, Config, PipelineConfig};
use crate::exporter::PrometheusExporter;
use crate::telemetry::Telemetry;

/// The components of one configuration, at work.
#[derive(Default)]
pub(super) struct Components {
    plugins: Plugins,
    native: NativeProcessors,
    exporters: Exporters,
    pipelines: BTreeMap<String, Piped>,
}

/// One pipeline.
struct Piped {
    config: PipelineConfig,
    pipeline: Arc<Pipeline>,
}

/// Components of one kind.
pub(super) type ById<T> = BTreeMap<ComponentId, Arc<T>>;

/// The components of the next configuration: everything that may fail has been done.
pub(super) struct Prepared {
    plugins: Plugins,
    native: NativeProcessors,
    exporters: NextExporters,
}

// === impl Components ===

impl Components {
    /// Builds and loads what `self` does not have already. `self` goes on as it is.
    ///
    /// # Errors
    /// Exporters that cannot be built and plugins that cannot be loaded. Plugins of a directory may be awaited.
    pub(super) async fn prepare(
        &self,
        config: &Config,
        host: &PluginHost,
        storages: &Storages,
    ) -> Result<Prepared, Failure> {
        // Certificates are read from files, and so is what was left on disk.
        let exporters = tokio::task::block_in_place(|| self.exporters.next(config, storages))?;
        let plugins = self.plugins.next(config, host).await?;
        let native = self.native.next(config);
        Ok(Prepared { plugins, native, exporters })
    }

    /// Fails if a plugin does not load that is not awaited already: without it, traffic would be refused.
    ///
    /// # Errors
    /// The processors of such plugins.
    pub(super) fn check_awaited(&self, prepared: &Prepared, config: &Config) -> Result<(), Failure> {
        let awaited = prepared.plugins.awaited(config, &self.plugins);
        if awaited.is_empty() { Ok(()) } else { Err(Failure::Configuration(awaited)) }
    }

    /// Puts the components to work that were prepared, with what is the same taken over from `self`, and gives
    /// the queues that are no longer needed. Batches that are under way keep what they need of the former.
    pub(super) fn replace(
        &mut self,
        prepared: Prepared,
        config: &Config,
        telemetry: &Telemetry,
        budget: &Arc<Budget>,
    ) -> (Changes, Vec<Gone>) {
        let former = std::mem::take(self);
        self.plugins = prepared.plugins;
        self.plugins.watch();
        self.native = prepared.native;
        self.exporters = prepared.exporters.start(config, telemetry, budget);
        for pipeline in &config.pipelines {
            let piped = self.pipeline(pipeline, &former, telemetry);
            self.pipelines.insert(pipeline.name.clone(), piped);
        }
        let mut changes = Changes::default();
        changes.compare("processors", former.plugins.by_id(), self.plugins.by_id(), Arc::ptr_eq);
        changes.compare("processors", former.native.by_id(), self.native.by_id(), Arc::ptr_eq);
        changes.compare("exporters", former.exporters.by_id(), self.exporters.by_id(), Arc::ptr_eq);
        let is_same = |former: &Piped, next: &Piped| former.config == next.config;
        changes.compare("service::pipelines", &former.pipelines, &self.pipelines, is_same);
        (changes, former.exporters.gone(&self.exporters))
    }

    /// The former's pipeline if nothing in it is new.
    fn pipeline(&self, config: &PipelineConfig, former: &Components, telemetry: &Telemetry) -> Piped {
        let (former_plugins, plugins) = (former.plugins.by_id(), self.plugins.by_id());
        let (former_native, native) = (former.native.by_id(), self.native.by_id());
        let is_kept_processor =
            |id: &ComponentId| is_kept(former_plugins, plugins, id) || is_kept(former_native, native, id);
        let (former_exporters, exporters) = (former.exporters.by_id(), self.exporters.by_id());
        let is_same = |piped: &&Piped| {
            piped.config == *config
                && config.processors.iter().all(is_kept_processor)
                && config.exporters.iter().all(|id| is_kept(former_exporters, exporters, id))
        };
        let pipeline = match former.pipelines.get(&config.name).filter(is_same) {
            Some(same) => Arc::clone(&same.pipeline),
            None => Arc::new(Pipeline {
                name: config.name.clone(),
                signal: config.signal,
                processors: self.processors(config, telemetry),
                exporters: config.exporters.iter().filter_map(|id| self.exporters.queue(id)).collect(),
                batching: config.batching.as_ref().map(settings::batching),
            }),
        };
        Piped { config: config.clone(), pipeline }
    }

    /// A pipeline's processors in their order; of those that follow each other and are of one kind there is one.
    fn processors(&self, config: &PipelineConfig, telemetry: &Telemetry) -> Vec<Box<dyn Processor>> {
        let is_plugin = |id: &ComponentId| self.plugins.by_id().contains_key(id);
        let runs = config.processors.chunk_by(|one, next| is_plugin(one) == is_plugin(next));
        let processor = |ids: &[ComponentId]| match ids.first() {
            Some(first) if is_plugin(first) => self.plugins.processor(config, ids, telemetry),
            _ => self.native.processor(config, ids, telemetry),
        };
        runs.filter_map(processor).collect()
    }

    /// The plugins.
    pub(super) fn plugins(&self) -> &Plugins {
        &self.plugins
    }

    /// Delivers what is queued until the deadline.
    pub(super) async fn drain(&self, deadline: Instant) {
        self.exporters.drain(deadline).await;
    }
}

impl Behind for Components {
    /// The pipelines that name it.
    fn consumer(&self, receiver: &ComponentId) -> Arc<Consumer> {
        let named = self.pipelines.values().filter(|piped| piped.config.receivers.contains(receiver));
        Arc::new(Consumer::new(named.map(|piped| Arc::clone(&piped.pipeline)).collect()))
    }

    fn scraped(&self, exporter: &ComponentId) -> Option<Arc<PrometheusExporter>> {
        self.exporters.scraped(exporter)
    }
}

/// Whether both maps hold one and the same component under this id.
fn is_kept<T>(former: &ById<T>, next: &ById<T>, id: &ComponentId) -> bool {
    matches!((former.get(id), next.get(id)), (Some(former), Some(next)) if Arc::ptr_eq(former, next))
}
