//! The configuration, in the Collector's grammar, in two layers: a tree that knows where everything stands,
//! and the typed [`Config`] in which everything is valid.
//!
//! The way of a configuration, one step a module: `read` (bounded) -> `yaml` (text to tree) -> `merge` (several
//! sources) -> `expand` (`${env:NAME}`) -> `assemble` (sections to types by `reader`, then what concerns several
//! sections). Everything that is wrong is collected; nothing of a secret is ever shown.

mod assemble;
mod at;
pub mod builtin;
pub mod catalog;
mod diagnostic;
mod endpoint;
mod environment;
mod expand;
mod exporter;
#[cfg(test)]
mod exporter_mistakes_tests;
mod expression;
mod extension;
mod field;
#[cfg(test)]
mod file_mistakes_tests;
mod headers;
mod id;
mod instead;
mod keepalive;
mod lacking;
mod listening;
mod load;
mod merge;
#[cfg(test)]
mod mistakes_tests;
mod node;
mod pipeline;
mod processor;
#[cfg(test)]
mod processor_mistakes_tests;
mod proxy;
mod queue;
mod read;
mod reader;
mod receiver;
#[cfg(test)]
mod receiver_mistakes_tests;
mod rejection;
mod scalar;
mod secret;
pub(crate) mod suggest;
mod telemetry;
#[cfg(test)]
pub(crate) mod testing;
mod tls;
mod yaml;

use std::collections::BTreeMap;

pub use diagnostic::{Diagnostic, Place};
pub use endpoint::{GrpcAddress, GrpcEndpoint, HostPort, HttpUrl};
pub use environment::{Environment, ProcessEnvironment};
pub use exporter::{
    Compression, DebugExporterConfig, Encoding, ExporterConfig, FileCompression, FileExporterConfig,
    FileFormat, LokiExporterConfig, OtlpGrpcExporterConfig, OtlpHttpExporterConfig, PrometheusExporterConfig,
    PushEncoding, RemoteWriteExporterConfig, ResourceConstantLabelsConfig, ResourceToTelemetryConfig,
    RotationConfig, TranslationStrategy, Verbosity,
};
pub use extension::{FileStorageConfig, HealthCheckConfig};
pub use field::parse_duration;
pub use headers::Headers;
pub use id::ComponentId;
pub use keepalive::{EnforcementPolicy, KeepaliveConfig, KeepaliveParameters};
pub use listening::{ServerEndpoint, Transport};
pub use load::{Loaded, Source, load, load_sources};
pub use pipeline::PipelineConfig;
pub use processor::{
    AttributesConfig, BatchConfig, BatchSizer, HashFunction, MemoryLimiterConfig, NativeProcessorConfig,
    ProbabilisticSamplerConfig, RedactionConfig, ResourceConfig, WasmProcessorConfig, WasmSource,
    read_drop_in,
};
pub use proxy::ProxyUrl;
pub use queue::{DeadLettersConfig, RetryConfig, SendingQueueConfig, Sizer};
pub use receiver::{
    Glob, GrpcServerConfig, HttpServerConfig, OtlpJsonFileReceiverConfig, OtlpReceiverConfig, ReceiverConfig,
    StartAt,
};
pub use secret::Secret;
pub use telemetry::{LogEncoding, LogLevel, LogsConfig, MetricsConfig, MetricsLevel, TelemetryConfig};
pub use tls::{MinTlsVersion, ServerTlsConfig, TlsConfig};

#[cfg(test)]
pub(crate) use yaml::parse as parse_yaml;

/// A valid configuration. It holds exactly what is to run: components that no pipeline uses are left out.
#[derive(Clone, Debug)]
pub struct Config {
    /// The receivers.
    pub receivers: BTreeMap<ComponentId, ReceiverConfig>,
    /// The `wasm` processors, and those of the Collector that are a shipped plugin.
    pub plugins: BTreeMap<ComponentId, WasmProcessorConfig>,
    /// The other processors that change batches.
    pub processors: BTreeMap<ComponentId, NativeProcessorConfig>,
    /// The exporters.
    pub exporters: BTreeMap<ComponentId, ExporterConfig>,
    /// What weir may have in memory, if that is bounded.
    pub memory_limiter: Option<MemoryLimiterConfig>,
    /// The `file_storage` extensions in which queues are kept.
    pub file_storages: BTreeMap<ComponentId, FileStorageConfig>,
    /// Where weir says whether it is ready.
    pub health_check: HealthCheckConfig,
    /// The pipelines, in the order of the file. Every id in them is in the maps above.
    pub pipelines: Vec<PipelineConfig>,
    /// What weir says about itself.
    pub telemetry: TelemetryConfig,
}
