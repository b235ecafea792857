//! Exporters: what sends a batch to one upstream, one attempt a call. Queue and retry are weir-pipeline's.
//!
//! - `otlp_grpc` and `otlp_http` forward the request's bytes as they are; a batch is not decoded on its way out.
//! - `file` writes requests to a file.
//! - `loki` reads logs from the bytes and writes them as lines.
//! - `debug` prints telemetry to stdout, the only place in weir that ever does.
//! - `prometheus` keeps the last value of every series on a page, to be scraped.
//! - `prometheusremotewrite` reads points from the bytes and writes them as series.
//! - `nop` takes everything and sends it nowhere.

mod client;
mod compress;
mod debug;
mod dial;
mod file;
mod hide;
mod http_client;
mod loki;
mod no_proxy;
mod nop;
mod otlp_grpc;
mod otlp_http;
mod prometheus;
mod proxy;
mod remote_write;
mod response;
mod status;
mod tally;
mod target;
mod tls;
mod tls_source;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use weir_pipeline::Exporter;

pub use client::PoolSettings;
pub use compress::Compression;
pub use debug::{DebugExporter, Verbosity};
pub use file::{FileFormat, FileSettings, Form, OpenFiles, Opening, Rotation};
pub use http_client::HttpClientSettings;
pub use loki::{DefaultLabels, LokiSettings, PushEncoding};
pub use prometheus::{
    PrometheusExporter, PrometheusSettings, Refused as PrometheusRefused, ResourceLabels,
    SERIES_MAX as PROMETHEUS_SERIES_MAX, ScrapeSettings, Strategy,
};
pub use proxy::{EnvironmentProxies, ProxySettings, ProxyUrl};
pub use remote_write::RemoteWriteSettings;
pub use tls::TlsSettings;

/// Sent with every request.
const USER_AGENT: &str = concat!("weir/", env!("CARGO_PKG_VERSION"));

/// One exporter, of any type.
#[derive(Clone, Debug)]
pub enum ExporterSettings {
    /// OTLP over gRPC.
    OtlpGrpc(OtlpGrpcSettings),
    /// OTLP over HTTP.
    OtlpHttp(OtlpHttpSettings),
    /// Loki's push API.
    Loki(Box<LokiSettings>),
    /// Prints to stdout.
    Debug(Verbosity),
    /// Writes to a file.
    File(Box<FileSettings>),
    /// Is scraped.
    Prometheus(Box<PrometheusSettings>),
    /// Prometheus' remote write.
    RemoteWrite(Box<RemoteWriteSettings>),
    /// Discards.
    Nop,
}

/// `otlp_grpc`.
#[derive(Clone, Debug)]
pub struct OtlpGrpcSettings {
    /// `host:port`, `http://host:port`, `https://host:port` or `unix:///path`. Without a scheme that says it, TLS is used
    /// unless it is `insecure`.
    pub endpoint: String,
    /// How the connection is protected.
    pub tls: TlsSettings,
    /// Sent as metadata with every request; names that end in `-bin` carry bytes.
    pub headers: Headers,
    /// How requests are compressed.
    pub compression: Compression,
    /// How long one attempt may take.
    pub timeout: Duration,
}

/// `otlp_http`.
#[derive(Clone, Debug)]
pub struct OtlpHttpSettings {
    /// The base to which `/v1/traces` and so on are appended.
    pub endpoint: Option<String>,
    /// Used as they are, in place of the base.
    pub signal_endpoints: SignalEndpoints,
    /// How they are reached.
    pub client: HttpClientSettings,
}

/// One URL a signal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignalEndpoints {
    /// `traces_endpoint`
    pub traces: Option<String>,
    /// `metrics_endpoint`
    pub metrics: Option<String>,
    /// `logs_endpoint`
    pub logs: Option<String>,
    /// `profiles_endpoint`
    pub profiles: Option<String>,
}

/// Configured headers. Their values are secrets and are never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(pub Vec<(String, String)>);

/// An exporter that cannot be built from its settings.
#[derive(Debug, thiserror::Error)]
#[error("exporter {id}: {reason}")]
pub struct ExporterError {
    id: String,
    reason: String,
}

/// An exporter, and its page.
pub struct Built {
    /// What takes batches.
    pub exporter: Arc<dyn Exporter>,
    /// The same one if it has a page to be scraped.
    pub scraped: Option<Arc<PrometheusExporter>>,
}

/// Builds an exporter. Nothing is connected yet; an upstream that is down is no error here.
///
/// # Errors
/// If an endpoint, a header or a certificate is not usable.
pub fn build(id: &str, settings: &ExporterSettings) -> Result<Arc<dyn Exporter>, ExporterError> {
    Ok(build_with_page(id, settings)?.exporter)
}

/// The same, with the page of one that is scraped.
///
/// # Errors
/// As [`build`].
pub fn build_with_page(id: &str, settings: &ExporterSettings) -> Result<Built, ExporterError> {
    let fail = |reason| ExporterError { id: id.to_owned(), reason };
    let mut scraped = None;
    let exporter: Arc<dyn Exporter> = match settings {
        ExporterSettings::OtlpGrpc(settings) => {
            Arc::new(otlp_grpc::OtlpGrpcExporter::new(id, settings).map_err(fail)?)
        }
        ExporterSettings::OtlpHttp(settings) => {
            Arc::new(otlp_http::OtlpHttpExporter::new(id, settings).map_err(fail)?)
        }
        ExporterSettings::Loki(settings) => Arc::new(loki::LokiExporter::new(id, settings).map_err(fail)?),
        ExporterSettings::Debug(verbosity) => Arc::new(DebugExporter::to_stdout(*verbosity)),
        ExporterSettings::File(settings) => Arc::new(file::FileExporter::new(settings).map_err(fail)?),
        ExporterSettings::Prometheus(settings) => {
            let exporter = scraped.insert(PrometheusExporter::new(id, settings));
            Arc::new(Arc::clone(exporter).sink())
        }
        ExporterSettings::RemoteWrite(settings) => {
            Arc::new(remote_write::RemoteWriteExporter::new(id, settings).map_err(fail)?)
        }
        ExporterSettings::Nop => Arc::new(nop::NopExporter),
    };
    Ok(Built { exporter, scraped })
}

// === impl OtlpGrpcSettings ===

impl OtlpGrpcSettings {
    /// The Collector's defaults for this endpoint.
    pub fn new(endpoint: impl Into<String>) -> Self {
        OtlpGrpcSettings {
            endpoint: endpoint.into(),
            tls: TlsSettings::default(),
            headers: Headers::default(),
            compression: Compression::Gzip,
            timeout: Duration::from_secs(5),
        }
    }
}

// === impl OtlpHttpSettings ===

impl OtlpHttpSettings {
    /// The Collector's defaults for this base.
    pub fn new(endpoint: impl Into<String>) -> Self {
        OtlpHttpSettings {
            endpoint: Some(endpoint.into()),
            signal_endpoints: SignalEndpoints::default(),
            client: HttpClientSettings::default(),
        }
    }
}

// === impl Headers ===

impl Headers {
    /// As they are sent. `-bin` values are encoded as gRPC wants them if `is_grpc`.
    fn to_map(&self, is_grpc: bool) -> Result<HeaderMap, String> {
        let mut map = HeaderMap::with_capacity(self.0.len());
        for (name, value) in &self.0 {
            let name = HeaderName::try_from(name.as_str())
                .map_err(|_| format!("headers: {name:?} is not a header name"))?;
            let mut value = match is_grpc && name.as_str().ends_with("-bin") {
                true => {
                    let value = tonic::metadata::BinaryMetadataValue::from_bytes(value.as_bytes());
                    HeaderValue::from_bytes(value.as_encoded_bytes())
                }
                false => HeaderValue::try_from(value.as_str()),
            }
            .map_err(|_| format!("headers: the value of {name:?} holds a byte that no header may hold"))?;
            value.set_sensitive(true);
            map.append(name, value);
        }
        Ok(map)
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, _)| (name, "[REDACTED]"))).finish()
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;
