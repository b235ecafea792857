//! The processors' part of the configuration.

mod action;
mod attributes;
mod batch;
mod matching;
mod memory_limiter;
mod pattern;
mod probabilistic_sampler;
mod redaction;
mod resource;
mod wasm;

pub use attributes::AttributesConfig;
pub use batch::{BatchConfig, BatchSizer};
pub use memory_limiter::MemoryLimiterConfig;
pub use probabilistic_sampler::ProbabilisticSamplerConfig;
pub use redaction::{HashFunction, RedactionConfig};
pub use resource::ResourceConfig;
pub use wasm::{WasmProcessorConfig, WasmSource, read_drop_in};

use super::at::At;
use super::diagnostic::Diagnostic;

/// One of weir's own processors: those that change batches and are no plugins.
#[derive(Clone, Debug, PartialEq)]
pub enum NativeProcessorConfig {
    /// `attributes`
    Attributes(Box<AttributesConfig>),
    /// `resource`
    Resource(ResourceConfig),
    /// `redaction`
    Redaction(Box<RedactionConfig>),
}

/// One processor.
pub(super) enum ProcessorConfig {
    /// `wasm`
    Wasm(Box<WasmProcessorConfig>),
    /// One of weir's own.
    Native(NativeProcessorConfig),
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
            "attributes" => AttributesConfig::read(at, problems)
                .map(|config| Self::Native(NativeProcessorConfig::Attributes(Box::new(config)))),
            "resource" => {
                ResourceConfig::read(at, problems).map(NativeProcessorConfig::Resource).map(Self::Native)
            }
            "redaction" => RedactionConfig::read(at, problems)
                .map(|config| Self::Native(NativeProcessorConfig::Redaction(Box::new(config)))),
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
