//! The `otlp_grpc` exporter's configuration.

use std::time::Duration;

use serde::Deserialize;

use super::Compression;
use crate::config::at::At;
use crate::config::diagnostic::Diagnostic;
use crate::config::endpoint::GrpcEndpoint;
use crate::config::field::positive_duration;
use crate::config::headers::Headers;
use crate::config::queue::{RetryConfig, SendingQueueConfig};
use crate::config::reader;
use crate::config::tls::TlsConfig;

/// OTLP over gRPC to an upstream.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtlpGrpcExporterConfig {
    /// The upstream.
    pub endpoint: GrpcEndpoint,
    /// TLS; see [`OtlpGrpcExporterConfig::uses_tls`].
    #[serde(default)]
    pub tls: TlsConfig,
    /// Metadata to send with each request.
    #[serde(default)]
    pub headers: Headers,
    /// How to compress.
    #[serde(default)]
    pub compression: Compression,
    /// How long one attempt may take.
    #[serde(default = "timeout", deserialize_with = "positive_duration")]
    pub timeout: Duration,
    /// What to do when an attempt fails.
    #[serde(default)]
    pub retry_on_failure: RetryConfig,
    /// What waits to be sent.
    #[serde(default)]
    pub sending_queue: SendingQueueConfig,
}

/// The Collector's default for gRPC.
fn timeout() -> Duration {
    Duration::from_secs(5)
}

impl OtlpGrpcExporterConfig {
    /// Whether the connection is encrypted: the endpoint's scheme decides, and without one `tls.insecure`.
    pub fn uses_tls(&self) -> bool {
        self.endpoint.tls.unwrap_or(!self.tls.insecure)
    }

    /// Reads and checks one.
    pub(super) fn read(at: &At<'_>, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let config: Self = reader::read(at.node()?, &at.path, problems)?;
        let tls = at.key("tls");
        config.tls.check(&tls, problems);
        config.headers.check(&at.key("headers"), problems);
        config.retry_on_failure.check(&at.key("retry_on_failure"), problems);
        config.sending_queue.check(&at.key("sending_queue"), problems);
        if config.endpoint.tls == Some(true) && config.tls.insecure {
            let reason = "the endpoint is https, which insecure contradicts; change one of them";
            problems.push(tls.key("insecure").problem(reason));
        }
        Some(config)
    }
}
