//! weir's own processors. A reload keeps those whose configuration is the same.

use std::sync::Arc;

use weir_pipeline::Processor;

use super::components::ById;
use crate::config::{ComponentId, Config, NativeProcessorConfig, PipelineConfig};
use crate::memory;
use crate::processor::{Native, NativeChain, NativeHost};
use crate::telemetry::Telemetry;

/// Those of one configuration.
#[derive(Default)]
pub(super) struct NativeProcessors {
    /// Made with the first of them.
    host: Option<Arc<NativeHost>>,
    by_id: ById<Processing>,
}

/// One processor.
pub(super) struct Processing {
    config: NativeProcessorConfig,
    native: Arc<Native>,
}

impl NativeProcessors {
    /// Makes those that `self` does not have with the same configuration.
    pub(super) fn next(&self, config: &Config) -> Self {
        if config.processors.is_empty() {
            return NativeProcessors::default();
        }
        let host =
            self.host.clone().unwrap_or_else(|| NativeHost::new(Some(memory::release_code_pages as fn())));
        let processing = |(id, config): (&ComponentId, &NativeProcessorConfig)| {
            let same = self.by_id.get(id).filter(|former| former.config == *config);
            let processing = same.cloned().unwrap_or_else(|| {
                Arc::new(Processing { config: config.clone(), native: Arc::new(Native::new(config)) })
            });
            (id.clone(), processing)
        };
        NativeProcessors { host: Some(host), by_id: config.processors.iter().map(processing).collect() }
    }

    /// The processors by their id.
    pub(super) fn by_id(&self) -> &ById<Processing> {
        &self.by_id
    }

    /// One processor for those that follow each other in a pipeline, so that a batch is walked and spliced once.
    pub(super) fn processor(
        &self,
        pipeline: &PipelineConfig,
        ids: &[ComponentId],
        telemetry: &Telemetry,
    ) -> Option<Box<dyn Processor>> {
        let host = Arc::clone(self.host.as_ref()?);
        let natives = ids.iter().filter_map(|id| self.by_id.get(id));
        let natives = natives.map(|processing| Arc::clone(&processing.native)).collect();
        let chain = NativeChain::new(host, pipeline.signal, pipeline.name.clone(), natives);
        // They drop nothing, so what goes into the first one comes out of each.
        let counted = ids.iter().rev().fold(Box::new(chain) as Box<dyn Processor>, |inner, id| {
            telemetry.count_items(&id.to_string(), pipeline.signal, inner)
        });
        Some(counted)
    }
}
