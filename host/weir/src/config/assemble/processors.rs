//! What becomes of the processors: plugins and weir's own stay in their pipelines; `batch` is how a pipeline's requests are merged on their
//! way out; `memory_limiter` is one budget for all.

use std::collections::BTreeMap;

use crate::config::at::At;
use crate::config::diagnostic::Diagnostic;
use crate::config::environment::Environment;
use crate::config::id::ComponentId;
use crate::config::pipeline::PipelineConfig;
use crate::config::processor::{
    MemoryLimiterConfig, NativeProcessorConfig, ProbabilisticSamplerConfig, ProcessorConfig,
    WasmProcessorConfig,
};
use crate::shipped;

/// The processors by their kinds.
#[derive(Default)]
pub(super) struct Processors {
    pub(super) wasm: BTreeMap<ComponentId, WasmProcessorConfig>,
    pub(super) native: BTreeMap<ComponentId, NativeProcessorConfig>,
    pub(super) memory_limiter: Option<MemoryLimiterConfig>,
}

/// Sorts the processors that are in use, and leaves those in the pipelines' lists that change batches on their way.
pub(super) fn assign(
    used: BTreeMap<ComponentId, ProcessorConfig>,
    pipelines: &mut [PipelineConfig],
    root: &At<'_>,
    environment: &dyn Environment,
    problems: &mut Vec<Diagnostic>,
    warnings: &mut Vec<Diagnostic>,
) -> Processors {
    let mut processors = Processors::default();
    let mut batches = BTreeMap::new();
    for (id, processor) in used {
        match processor {
            ProcessorConfig::Wasm(config) => drop(processors.wasm.insert(id, *config)),
            ProcessorConfig::Native(config) => drop(processors.native.insert(id, config)),
            ProcessorConfig::Batch(config) => drop(batches.insert(id, config)),
            ProcessorConfig::MemoryLimiter(config) => {
                if processors.memory_limiter.is_some_and(|other| other != config) {
                    let reason =
                        "weir has one budget for all pipelines; give every memory_limiter the same limits";
                    problems.push(root.key("processors").key(&id.to_string()).problem(reason));
                }
                processors.memory_limiter = Some(config);
            }
            ProcessorConfig::ProbabilisticSampler(config) => {
                let at = root.key("processors").key(&id.to_string());
                warnings.extend(config.oddity().map(|reason| at.problem(reason)));
                match shipped::plugin(ProbabilisticSamplerConfig::PLUGIN, environment) {
                    Ok(plugin) => {
                        let config =
                            WasmProcessorConfig::shipped(plugin, id.to_string(), config.plugin_config(), &at);
                        processors.wasm.insert(id, config);
                    }
                    Err(reason) => problems.push(at.problem(reason)),
                }
            }
        }
    }
    for pipeline in pipelines.iter_mut() {
        for id in &pipeline.processors {
            let Some(batch) = batches.get(id) else { continue };
            if pipeline.batching.is_some() {
                let reason = format!("requests are merged once; leave processor \"{id}\" out");
                let path = format!("service::pipelines::{}", pipeline.name);
                problems.push(Diagnostic::new(path, reason).at(&pipeline.place));
            }
            pipeline.batching = Some(*batch);
        }
        pipeline
            .processors
            .retain(|id| processors.wasm.contains_key(id) || processors.native.contains_key(id));
        check_attributes(pipeline, &processors.native, root, problems);
    }
    processors
}

/// Checks that the actions of `attributes` can be taken on what flows through the pipeline.
fn check_attributes(
    pipeline: &PipelineConfig,
    native: &BTreeMap<ComponentId, NativeProcessorConfig>,
    root: &At<'_>,
    problems: &mut Vec<Diagnostic>,
) {
    for id in &pipeline.processors {
        if let Some(NativeProcessorConfig::Attributes(attributes)) = native.get(id) {
            let at = root.key("processors").key(&id.to_string());
            attributes.check(pipeline.signal, &pipeline.name, &at, problems);
        }
    }
}
