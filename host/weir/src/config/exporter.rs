//! The exporters' part of the configuration.

mod debug;
mod file;
mod loki;
mod otlp_grpc;
mod otlp_http;
mod prometheus;
mod remote_write;

use serde::Deserialize;

pub use debug::{DebugExporterConfig, Verbosity};
pub use file::{FileCompression, FileExporterConfig, FileFormat, RotationConfig};
pub use loki::{LokiExporterConfig, PushEncoding};
pub use otlp_grpc::OtlpGrpcExporterConfig;
pub use otlp_http::{Encoding, OtlpHttpExporterConfig};
pub use prometheus::{
    PrometheusExporterConfig, ResourceConstantLabelsConfig, ResourceToTelemetryConfig, TranslationStrategy,
};
pub use remote_write::RemoteWriteExporterConfig;

use super::at::At;
use super::diagnostic::Diagnostic;
use super::queue::SendingQueueConfig;
use super::reader;

/// One exporter.
#[derive(Clone, Debug, PartialEq)]
pub enum ExporterConfig {
    /// `otlp_grpc`, or `otlp`.
    OtlpGrpc(Box<OtlpGrpcExporterConfig>),
    /// `otlp_http`, or `otlphttp`.
    OtlpHttp(Box<OtlpHttpExporterConfig>),
    /// `loki`.
    Loki(Box<LokiExporterConfig>),
    /// `debug`.
    Debug(DebugExporterConfig),
    /// `file`
    File(Box<FileExporterConfig>),
    /// `prometheus`: is scraped.
    Prometheus(Box<PrometheusExporterConfig>),
    /// `prometheusremotewrite`.
    RemoteWrite(Box<RemoteWriteExporterConfig>),
    /// `nop`: takes everything, sends nothing.
    Nop,
}

/// How requests are compressed on their way to an upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// The Collector's default.
    #[default]
    Gzip,
    /// Less CPU and smaller, where the upstream takes it.
    Zstd,
    /// Not at all.
    None,
}

/// How hard to compress.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CompressionParams {
    /// The level of gzip or zstd.
    pub level: Option<i32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NopExporterConfig {}

impl CompressionParams {
    /// Checks that the compression has the level.
    fn check(&self, compression: Compression, at: &At<'_>, problems: &mut Vec<Diagnostic>) {
        let (levels, what) = match compression {
            Compression::Gzip => (-1..=9, "gzip has levels from 0 to 9, and -1 for its default"),
            // The Collector has four, with these as the slowest and the fastest. Higher ones take hundreds of MiB.
            Compression::Zstd => (1..=11, "zstd has levels from 1 to 11"),
            Compression::None => (0..=0, "nothing is compressed, so there is no level"),
        };
        if self.level.is_some_and(|level| !levels.contains(&level)) {
            problems.push(at.key("level").problem(what));
        }
    }
}

impl ExporterConfig {
    /// What waits to be sent, where there is an upstream that could be away.
    pub fn sending_queue(&self) -> Option<&SendingQueueConfig> {
        match self {
            ExporterConfig::OtlpGrpc(grpc) => Some(&grpc.sending_queue),
            ExporterConfig::OtlpHttp(http) => Some(&http.sending_queue),
            ExporterConfig::Loki(loki) => Some(&loki.sending_queue),
            ExporterConfig::RemoteWrite(write) => Some(&write.remote_write_queue),
            ExporterConfig::Debug(_)
            | ExporterConfig::File(_)
            | ExporterConfig::Prometheus(_)
            | ExporterConfig::Nop => None,
        }
    }

    /// The key of that block.
    pub fn queue_key(&self) -> &'static str {
        match self {
            ExporterConfig::RemoteWrite(_) => "remote_write_queue",
            _ => "sending_queue",
        }
    }

    /// Reads and checks one of type `name`, which is the type's first name, not an alias.
    pub(super) fn read(name: &str, at: &At<'_>, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        match name {
            "otlp_grpc" => {
                OtlpGrpcExporterConfig::read(at, problems).map(|config| Self::OtlpGrpc(Box::new(config)))
            }
            "otlp_http" => {
                OtlpHttpExporterConfig::read(at, problems).map(|config| Self::OtlpHttp(Box::new(config)))
            }
            "loki" => LokiExporterConfig::read(at, problems).map(|config| Self::Loki(Box::new(config))),
            "debug" => reader::read(at.node()?, &at.path, problems).map(Self::Debug),
            "file" => FileExporterConfig::read(at, problems).map(|config| Self::File(Box::new(config))),
            "prometheus" => {
                PrometheusExporterConfig::read(at, problems).map(|config| Self::Prometheus(Box::new(config)))
            }
            "prometheusremotewrite" => RemoteWriteExporterConfig::read(at, problems)
                .map(|config| Self::RemoteWrite(Box::new(config))),
            "nop" => reader::read(at.node()?, &at.path, problems).map(|NopExporterConfig {}| Self::Nop),
            // The catalogue names the types, so this is a type that the catalogue has and this match lacks.
            _ => {
                problems.push(at.problem("this exporter cannot be configured"));
                None
            }
        }
    }
}
