//! The `otlp_http` exporter's configuration.

use std::time::Duration;

use serde::Deserialize;
use weir_otlp::Signal;

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

/// OTLP over HTTP to an upstream.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OtlpHttpExporterConfig {
    /// The upstream; the path of each signal is appended.
    pub endpoint: Option<HttpUrl>,
    /// Where traces go, taken as it is.
    pub traces_endpoint: Option<HttpUrl>,
    /// Where metrics go, taken as it is.
    pub metrics_endpoint: Option<HttpUrl>,
    /// Where logs go, taken as it is.
    pub logs_endpoint: Option<HttpUrl>,
    /// Where profiles go, taken as it is.
    pub profiles_endpoint: Option<HttpUrl>,
    /// How requests are encoded.
    pub encoding: Encoding,
    /// TLS, for `https` endpoints.
    pub tls: TlsConfig,
    /// Headers to send with each request.
    pub headers: Headers,
    /// The proxy to go through. Without one the environment says, by `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.
    pub proxy_url: Option<ProxyUrl>,
    /// How to compress.
    pub compression: Compression,
    /// How hard.
    pub compression_params: CompressionParams,
    /// How many connections are kept while nobody uses them; zero is as many as there were attempts at a time.
    #[serde(deserialize_with = "bounded::<0, 1000, _, _>")]
    pub max_idle_conns_per_host: usize,
    /// For how long. Zero, weir's default, is until the upstream closes them; the Collector's default is 90 s.
    #[serde(deserialize_with = "duration")]
    pub idle_conn_timeout: Duration,
    /// A connection for each request.
    pub disable_keep_alives: bool,
    /// How long one attempt may take.
    #[serde(deserialize_with = "positive_duration")]
    pub timeout: Duration,
    /// What to do when an attempt fails.
    pub retry_on_failure: RetryConfig,
    /// What waits to be sent.
    pub sending_queue: SendingQueueConfig,
}

/// How requests are encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Binary protobuf.
    #[default]
    Proto,
}

impl Default for OtlpHttpExporterConfig {
    fn default() -> Self {
        OtlpHttpExporterConfig {
            endpoint: None,
            traces_endpoint: None,
            metrics_endpoint: None,
            logs_endpoint: None,
            profiles_endpoint: None,
            encoding: Encoding::Proto,
            tls: TlsConfig::default(),
            headers: Headers::default(),
            proxy_url: None,
            compression: Compression::Gzip,
            compression_params: CompressionParams::default(),
            max_idle_conns_per_host: 0,
            idle_conn_timeout: Duration::ZERO,
            disable_keep_alives: false,
            // The Collector's default for HTTP.
            timeout: Duration::from_secs(30),
            retry_on_failure: RetryConfig::default(),
            sending_queue: SendingQueueConfig::default(),
        }
    }
}

impl OtlpHttpExporterConfig {
    /// Where a signal goes, or `None` if the configuration does not say.
    pub fn url(&self, signal: Signal) -> Option<HttpUrl> {
        let (own, path) = match signal {
            Signal::Traces => (&self.traces_endpoint, "/v1/traces"),
            Signal::Metrics => (&self.metrics_endpoint, "/v1/metrics"),
            Signal::Logs => (&self.logs_endpoint, "/v1/logs"),
            Signal::Profiles => (&self.profiles_endpoint, "/v1development/profiles"),
        };
        own.clone().or_else(|| self.endpoint.as_ref().map(|endpoint| endpoint.with_path(path)))
    }

    /// Reads and checks one.
    pub(super) fn read(at: &At<'_>, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let config: Self = reader::read(at.node()?, &at.path, problems)?;
        config.tls.check(&at.key("tls"), problems);
        config.headers.check(&at.key("headers"), problems);
        config.compression_params.check(config.compression, &at.key("compression_params"), problems);
        config.retry_on_failure.check(&at.key("retry_on_failure"), problems);
        config.sending_queue.check(&at.key("sending_queue"), problems);
        if Signal::ALL.iter().all(|signal| config.url(*signal).is_none()) {
            problems.push(at.problem("an endpoint is required, for all signals or for each"));
        }
        Some(config)
    }
}
