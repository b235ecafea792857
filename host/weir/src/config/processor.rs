//! The processors' part of the configuration.

mod batch;
mod memory_limiter;
mod probabilistic_sampler;
mod wasm;

pub use batch::{BatchConfig, BatchSizer};
pub use memory_limiter::MemoryLimiterConfig;
pub use probabilistic_sampler::ProbabilisticSamplerConfig;
pub use wasm::{WasmProcessorConfig, WasmSource, read_drop_in};

use super::at::At;
use super::diagnostic::Diagnostic;

/// One processor.
pub(super) enum ProcessorConfig {
    /// `wasm`
    Wasm(Box<WasmProcessorConfig>),
    /// `batch`
    Batch(BatchConfig),
    /// `memory_limiter`
    MemoryLimiter(MemoryLimiterConfig),
    /// `probabilistic_sampler`
    ProbabilisticSampler(ProbabilisticSamplerConfig),
}

impl ProcessorConfig {
    /// Reads and checks one of type `name`.
    pub(super) fn read(name: &str, at: &At<'_>, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        match name {
            "wasm" => WasmProcessorConfig::read(at, problems).map(|config| Self::Wasm(Box::new(config))),
            "batch" => BatchConfig::read_processor(at, problems).map(Self::Batch),
            "memory_limiter" => MemoryLimiterConfig::read(at, problems).map(Self::MemoryLimiter),
            "probabilistic_sampler" => {
                ProbabilisticSamplerConfig::read(at, problems).map(Self::ProbabilisticSampler)
            }
            // The catalogue names the types, so this is a type that the catalogue has and this match lacks.
            _ => {
                problems.push(at.problem("this processor cannot be configured"));
                None
            }
        }
    }
}
