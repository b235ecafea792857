//! The `prometheusremotewrite` exporter's configuration.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::prometheus::{check_labels, check_resource_labels};
use super::{ResourceConstantLabelsConfig, ResourceToTelemetryConfig, TranslationStrategy};
use crate::config::at::At;
use crate::config::diagnostic::Diagnostic;
use crate::config::endpoint::HttpUrl;
use crate::config::field::{bounded, duration, positive_duration};
use crate::config::headers::Headers;
use crate::config::node::{Node, Value};
use crate::config::proxy::ProxyUrl;
use crate::config::queue::{RetryConfig, SendingQueueConfig};
use crate::config::reader;
use crate::config::tls::TlsConfig;

/// The Collector's default for the size of a request.
const BATCH_BYTES_MAX: usize = 3_000_000;

/// The Collector's default for the wait after the first failure.
const INITIAL_INTERVAL: Duration = Duration::from_millis(50);

/// The Collector's default.
const QUEUE_SIZE: u64 = 10_000;

/// The Collector's keys of the block `http`, which may stand outside of it too.
const HTTP_KEYS: [&str; 20] = [
    "endpoint",
    "proxy_url",
    "tls",
    "headers",
    "timeout",
    "compression",
    "compression_params",
    "max_idle_conns_per_host",
    "idle_conn_timeout",
    "disable_keep_alives",
    "auth",
    "cookies",
    "middlewares",
    "read_buffer_size",
    "write_buffer_size",
    "max_idle_conns",
    "max_conns_per_host",
    "http2_read_idle_timeout",
    "http2_ping_timeout",
    "force_attempt_http2",
];

/// Metrics to what takes Prometheus' remote write.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteWriteExporterConfig {
    /// The whole URL that is written to.
    pub endpoint: HttpUrl,
    /// Stands in front of every name.
    #[serde(default)]
    pub namespace: String,
    /// Labels of every series.
    #[serde(default)]
    pub external_labels: BTreeMap<String, String>,
    /// TLS, for an `https` endpoint.
    #[serde(default)]
    pub tls: TlsConfig,
    /// Headers to send with each request.
    #[serde(default)]
    pub headers: Headers,
    /// The proxy to go through. Without one the environment says, by `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.
    pub proxy_url: Option<ProxyUrl>,
    /// How requests are compressed, of which there is one way.
    #[serde(default)]
    pub compression: WriteCompression,
    /// How many connections are kept while nobody uses them; zero is as many as there were attempts at a time.
    #[serde(default, deserialize_with = "bounded::<0, 1000, _, _>")]
    pub max_idle_conns_per_host: usize,
    /// For how long. Zero, weir's default, is until the upstream closes them; the Collector's default is 90 s.
    #[serde(default, deserialize_with = "duration")]
    pub idle_conn_timeout: Duration,
    /// A connection for each request.
    #[serde(default)]
    pub disable_keep_alives: bool,
    /// How long one request may take.
    #[serde(default = "timeout", deserialize_with = "positive_duration")]
    pub timeout: Duration,
    /// Whether names get suffixes for units and types; deprecated: `translation_strategy` takes its place.
    #[serde(default = "yes")]
    pub add_metric_suffixes: bool,
    /// How names are translated.
    pub translation_strategy: Option<TranslationStrategy>,
    /// Attributes of resources as labels; deprecated: `resource_constant_labels` takes its place.
    #[serde(default)]
    pub resource_to_telemetry_conversion: ResourceToTelemetryConfig,
    /// Which attributes of resources are labels.
    #[serde(default)]
    pub resource_constant_labels: ResourceConstantLabelsConfig,
    /// Whether series have no labels of their scopes.
    #[serde(default)]
    pub disable_scope_info: bool,
    /// The series with the attributes of targets.
    #[serde(default)]
    pub target_info: TargetInfoConfig,
    /// Whether types, descriptions and units are sent too.
    #[serde(default)]
    pub send_metadata: bool,
    /// Bytes of one request, before it is compressed; zero: the default.
    #[serde(default, deserialize_with = "bounded::<0, 32_000_000, _, _>")]
    max_batch_size_bytes: usize,
    /// Which version of the protocol is spoken, of which there is one.
    #[serde(default)]
    pub protobuf_message: WriteMessage,
    /// What to do when an attempt fails.
    #[serde(default)]
    pub retry_on_failure: RetryConfig,
    /// What waits to be sent: the keys of `sending_queue`, which is called so in every other exporter.
    #[serde(default)]
    pub remote_write_queue: SendingQueueConfig,
    /// The Collector's log on disk, whose place `remote_write_queue::storage` takes.
    #[serde(default)]
    wal: IgnoredAny,
}

/// The series with the attributes of targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TargetInfoConfig {
    /// Whether there is one.
    pub enabled: bool,
}

/// How requests are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WriteCompression {
    /// By snappy, without frames.
    #[default]
    Snappy,
}

/// The message that is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum WriteMessage {
    /// That of version 1.
    #[default]
    #[serde(rename = "prometheus.WriteRequest")]
    V1,
}

fn yes() -> bool {
    true
}

/// The Collector's default.
fn timeout() -> Duration {
    Duration::from_secs(5)
}

impl Default for TargetInfoConfig {
    fn default() -> Self {
        TargetInfoConfig { enabled: true }
    }
}

impl RemoteWriteExporterConfig {
    /// Reads and checks one.
    pub(super) fn read(at: &At<'_>, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let flat = without_http_block(at, problems)?;
        let at = &at.with(&flat);
        let mut config: Self = reader::read(&flat, &at.path, problems)?;
        config.set_defaults(at);
        config.tls.check(&at.key("tls"), problems);
        config.headers.check(&at.key("headers"), problems);
        config.retry_on_failure.check(&at.key("retry_on_failure"), problems);
        config.remote_write_queue.check(&at.key("remote_write_queue"), problems);
        check_labels(&config.external_labels, &at.key("external_labels"), problems);
        let resources = (&config.resource_to_telemetry_conversion, &config.resource_constant_labels);
        check_resource_labels(resources, at, problems);
        config.check_own(at, problems);
        Some(config)
    }

    /// The defaults that differ from those of other exporters.
    fn set_defaults(&mut self, at: &At<'_>) {
        let queue = at.key("remote_write_queue");
        // Samples of a series have to come in the order of their times.
        if !queue.key("num_consumers").is_given() {
            self.remote_write_queue.num_consumers = 1;
        }
        if !queue.key("queue_size").is_given() {
            self.remote_write_queue.queue_size = QUEUE_SIZE;
        }
        if !at.key("retry_on_failure").key("initial_interval").is_given() {
            self.retry_on_failure.initial_interval = INITIAL_INTERVAL;
        }
    }

    fn check_own(&self, at: &At<'_>, problems: &mut Vec<Diagnostic>) {
        if self.endpoint.has_no_path() {
            let reason = "it is the whole URL that is written to; Prometheus' own ends in /api/v1/write";
            problems.push(at.key("endpoint").problem(reason));
        }
        let keeps_utf8 =
            [TranslationStrategy::NoUTF8EscapingWithSuffixes, TranslationStrategy::NoTranslation];
        if self.translation_strategy.is_some_and(|strategy| keeps_utf8.contains(&strategy)) {
            let reason = "remote write 1.0 takes no such names; UnderscoreEscapingWithSuffixes and \
                          UnderscoreEscapingWithoutSuffixes are those that it takes";
            problems.push(at.key("translation_strategy").problem(reason));
        }
        if (1..1000).contains(&self.max_batch_size_bytes) {
            problems
                .push(at.key("max_batch_size_bytes").problem("must be 1000 or more, or 0 for the default"));
        }
        for (name, _) in
            self.headers.iter().filter(|(name, _)| name.starts_with("x-prometheus-remote-write-"))
        {
            let at = at.key("headers").key(name);
            problems.push(at.problem(format!("the header {name} is weir's own to set")));
        }
        let is_name_char = |c: char| c.is_ascii_alphanumeric() || c == '_';
        for name in self.external_labels.keys().filter(|name| name.starts_with("__")) {
            if !name.chars().all(is_name_char) {
                let reason = "a label that begins with two underscores is sent as it is, and has letters, digits and underscores alone";
                problems.push(at.key("external_labels").key(name).problem(reason));
            }
        }
        if at.key("wal").is_given() {
            let reason =
                "weir has a durable queue in its place: name a file_storage in remote_write_queue::storage";
            problems.push(at.key("wal").problem(reason));
        }
    }

    /// Bytes of one request, before it is compressed.
    pub fn max_batch_size_bytes(&self) -> usize {
        if self.max_batch_size_bytes == 0 { BATCH_BYTES_MAX } else { self.max_batch_size_bytes }
    }

    /// Whether names get no suffixes for units and types.
    pub fn is_without_suffixes(&self) -> bool {
        match self.translation_strategy {
            None => !self.add_metric_suffixes,
            Some(strategy) => strategy == TranslationStrategy::UnderscoreEscapingWithoutSuffixes,
        }
    }
}

/// The exporter's keys with those of its block `http` among them. The Collector takes either, and `http` alone if there are both: what
/// it would ignore is a mistake here.
fn without_http_block(at: &At<'_>, problems: &mut Vec<Diagnostic>) -> Option<Node> {
    let node = at.node()?;
    let http = at.key("http");
    let Some(block) = http.node() else { return Some(node.clone()) };
    if !matches!(block.value, Value::Map(_) | Value::Null) {
        problems.push(http.problem("expected a map"));
        return None;
    }
    for entry in block.entries() {
        let key = entry.key.as_str();
        if !HTTP_KEYS.contains(&key) {
            // Keys of an expanded value may be parts of a secret that only looks like a map.
            let unknown = match block.origin {
                Some(_) => {
                    http.problem(format!("unknown key in {}", block.describe())).with_valid("", HTTP_KEYS)
                }
                None => http.key(key).problem(format!("unknown key \"{key}\"")).with_valid(key, HTTP_KEYS),
            };
            problems.push(unknown);
        } else if at.key(key).is_given() {
            problems.push(http.key(key).problem("it stands outside of http too; give it once"));
        }
    }
    let is_own = |key: &str| key != "http" && !block.entries().iter().any(|entry| entry.key == key);
    let own = node.entries().iter().filter(|entry| is_own(&entry.key));
    let lifted = block.entries().iter().filter(|entry| HTTP_KEYS.contains(&entry.key.as_str()));
    Some(Node { value: Value::Map(own.chain(lifted).cloned().collect()), ..node.clone() })
}

#[cfg(test)]
mod tests;
