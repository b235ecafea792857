//! What becomes of the processors: plugins stay in their pipelines; `batch` is how a pipeline's requests are merged on their
//! way out; `memory_limiter` is one budget for all.

use std::collections::BTreeMap;

use crate::config::at::At;
use crate::config::diagnostic::Diagnostic;
use crate::config::id::ComponentId;
use crate::config::pipeline::PipelineConfig;
use crate::config::processor::{MemoryLimiterConfig, ProcessorConfig, WasmProcessorConfig};

/// The processors by their kinds.
#[derive(Default)]
pub(super) struct Processors {
    pub(super) wasm: BTreeMap<ComponentId, WasmProcessorConfig>,
    pub(super) memory_limiter: Option<MemoryLimiterConfig>,
}

/// Sorts the processors that are in use, and leaves the `wasm` ones in the pipelines' lists.
pub(super) fn assign(
    used: BTreeMap<ComponentId, ProcessorConfig>,
    pipelines: &mut [PipelineConfig],
    root: &At<'_>,
    problems: &mut Vec<Diagnostic>,
) -> Processors {
    let mut processors = Processors::default();
    let mut batches = BTreeMap::new();
    for (id, processor) in used {
        match processor {
            ProcessorConfig::Wasm(config) => drop(processors.wasm.insert(id, *config)),
            ProcessorConfig::Batch(config) => drop(batches.insert(id, config)),
            ProcessorConfig::MemoryLimiter(config) => {
                if processors.memory_limiter.is_some_and(|other| other != config) {
                    let reason =
                        "weir has one budget for all pipelines; give every memory_limiter the same limits";
                    problems.push(root.key("processors").key(&id.to_string()).problem(reason));
                }
                processors.memory_limiter = Some(config);
            }
        }
    }
    for pipeline in pipelines {
        for id in &pipeline.processors {
            let Some(batch) = batches.get(id) else { continue };
            if pipeline.batching.is_some() {
                let reason = format!("requests are merged once; leave processor \"{id}\" out");
                let path = format!("service::pipelines::{}", pipeline.name);
                problems.push(Diagnostic::new(path, reason).at(&pipeline.place));
            }
            pipeline.batching = Some(*batch);
        }
        pipeline.processors.retain(|id| processors.wasm.contains_key(id));
    }
    processors
}
