//! The `loki` exporter's configuration.

use std::time::Duration;

use serde::Deserialize;

use super::{Compression, CompressionParams};
use crate::config::at::At;
use crate::config::diagnostic::Diagnostic;
use crate::config::endpoint::HttpUrl;
use crate::config::field::{bounded, duration, positive_duration};
use crate::config::headers::Headers;
use crate::config::proxy::ProxyUrl;
use crate::config::queue::{RetryConfig, SendingQueueConfig};
use crate::config::reader;
use crate::config::tls::TlsConfig;

/// Logs to the push API of Loki.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LokiExporterConfig {
    /// The whole URL of the push API.
    pub endpoint: HttpUrl,
    /// Which labels are set without being asked for.
    #[serde(default)]
    pub default_labels_enabled: DefaultLabels,
    /// How pushes are encoded. Not a key of the Collector, which has protobuf alone.
    #[serde(default)]
    pub encoding: PushEncoding,
    /// Whether trace and span ids are sent as structured metadata too. Not a key of the Collector, which sends none: a Loki
    /// that does not allow it refuses every log that has some.
    #[serde(default = "yes")]
    pub structured_metadata: bool,
    /// TLS, for an `https` endpoint.
    #[serde(default)]
    pub tls: TlsConfig,
    /// Headers to send with each request.
    #[serde(default)]
    pub headers: Headers,
    /// The proxy to go through. Without one the environment says, by `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.
    pub proxy_url: Option<ProxyUrl>,
    /// How to compress, beside snappy, which is a part of the protobuf encoding.
    pub compression: Option<Compression>,
    /// How hard.
    #[serde(default)]
    pub compression_params: CompressionParams,
    /// How many connections are kept while nobody uses them; zero is as many as there were attempts at a time.
    #[serde(default, deserialize_with = "bounded::<0, 1000, _, _>")]
    pub max_idle_conns_per_host: usize,
    /// For how long. Zero, weir's default, is until Loki closes them; the Collector's default is 90 s.
    #[serde(default, deserialize_with = "duration")]
    pub idle_conn_timeout: Duration,
    /// A connection for each request.
    #[serde(default)]
    pub disable_keep_alives: bool,
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

/// The labels that are set unless they are turned off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DefaultLabels {
    /// `exporter`, which is always `OTLP`.
    pub exporter: bool,
    /// `job`, of `service.namespace` and `service.name`.
    pub job: bool,
    /// `instance`, of `service.instance.id`.
    pub instance: bool,
    /// `level`, of the severity.
    pub level: bool,
}

/// How pushes are encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PushEncoding {
    /// Protobuf, compressed by snappy.
    #[default]
    Proto,
    /// JSON, for what stands before Loki, or in its place, and takes nothing else.
    Json,
}

fn yes() -> bool {
    true
}

/// The Collector's default for HTTP.
fn timeout() -> Duration {
    Duration::from_secs(30)
}

impl Default for DefaultLabels {
    fn default() -> Self {
        DefaultLabels { exporter: true, job: true, instance: true, level: true }
    }
}

impl LokiExporterConfig {
    /// How requests are compressed: JSON shrinks, and what snappy has compressed does not.
    pub fn compression(&self) -> Compression {
        self.compression.unwrap_or(match self.encoding {
            PushEncoding::Proto => Compression::None,
            PushEncoding::Json => Compression::Gzip,
        })
    }

    /// Reads and checks one.
    pub(super) fn read(at: &At<'_>, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let config: Self = reader::read(at.node()?, &at.path, problems)?;
        config.tls.check(&at.key("tls"), problems);
        config.headers.check(&at.key("headers"), problems);
        if config.compression() == Compression::Zstd {
            problems.push(at.key("compression").problem("Loki's push API takes gzip or none"));
        }
        config.compression_params.check(config.compression(), &at.key("compression_params"), problems);
        config.retry_on_failure.check(&at.key("retry_on_failure"), problems);
        config.sending_queue.check(&at.key("sending_queue"), problems);
        if config.endpoint.has_no_path() {
            let reason = "it is the whole URL of the push API; Loki's own ends in /loki/api/v1/push";
            problems.push(at.key("endpoint").problem(reason));
        }
        Some(config)
    }
}
