//! `service::telemetry`: what weir says about itself.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::at::At;
use super::diagnostic::Diagnostic;
use super::endpoint::HostPort;
use super::field::bounded;
use super::reader;

/// The port of the Collector's own metrics.
const METRICS_PORT: u16 = 8888;

/// What weir says about itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TelemetryConfig {
    /// Its logs.
    pub logs: LogsConfig,
    /// Its metrics, or `None` if they are off.
    pub metrics: Option<MetricsConfig>,
}

/// weir's own logs, which go to stderr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogsConfig {
    /// The least severe lines that are written.
    pub level: LogLevel,
    /// How a line looks.
    pub encoding: LogEncoding,
}

/// How severe a log line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// For those who look for a fault in weir.
    Debug,
    /// What an operator may want to know.
    #[default]
    Info,
    /// What an operator should look at.
    Warn,
    /// What is broken.
    Error,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogEncoding {
    /// For people.
    #[default]
    Console,
    /// One JSON object a line.
    Json,
}

/// weir's own metrics, for Prometheus to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricsConfig {
    /// How much is measured.
    pub level: MetricsLevel,
    /// Where to listen.
    pub endpoint: HostPort,
}

/// How much is measured. weir measures the same at every level but `none`: what it has is cheap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricsLevel {
    /// Nothing, and no port is opened.
    None,
    /// The least.
    Basic,
    /// The Collector's default.
    #[default]
    Normal,
    /// Everything.
    Detailed,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawTelemetry {
    logs: LogsConfig,
    metrics: RawMetrics,
    resource: BTreeMap<String, Option<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawMetrics {
    level: MetricsLevel,
    address: Option<HostPort>,
    readers: Option<Vec<MetricReader>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MetricReader {
    pull: PullReader,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PullReader {
    exporter: PullExporter,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PullExporter {
    prometheus: PrometheusReader,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PrometheusReader {
    host: String,
    #[serde(deserialize_with = "bounded::<0, 65535, _, _>")]
    port: u16,
    without_scope_info: bool,
    without_units: bool,
    without_type_suffix: bool,
}

impl Default for PrometheusReader {
    fn default() -> Self {
        // The last three are what weir's metrics look like, and all that it takes.
        PrometheusReader {
            host: "localhost".to_owned(),
            port: METRICS_PORT,
            without_scope_info: true,
            without_units: true,
            without_type_suffix: false,
        }
    }
}

impl TelemetryConfig {
    /// Reads and checks `service::telemetry`, which may be missing.
    pub(super) fn read(
        at: &At<'_>,
        problems: &mut Vec<Diagnostic>,
        warnings: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let raw: RawTelemetry = match at.node() {
            Some(node) => reader::read(node, &at.path, problems)?,
            None => RawTelemetry::default(),
        };
        let RawTelemetry { logs, metrics, resource } = raw;
        if !resource.is_empty() {
            let reason = "has no effect yet: weir's metrics and logs carry no resource";
            warnings.push(at.key("resource").problem(reason));
        }
        let metrics = metrics.check(&at.key("metrics"), problems);
        Some(TelemetryConfig { logs, metrics })
    }
}

impl RawMetrics {
    /// The older `address` and the newer `readers` say the same thing: where to listen.
    fn check(self, at: &At<'_>, problems: &mut Vec<Diagnostic>) -> Option<MetricsConfig> {
        let RawMetrics { level, address, readers } = self;
        let readers_at = at.key("readers");
        if address.is_some() && readers.is_some() {
            problems.push(at.key("address").problem("give address or readers, not both"));
        }
        let endpoint = match readers {
            None => Some(address.unwrap_or_else(|| HostPort::localhost(METRICS_PORT))),
            Some(readers) => {
                if readers.len() > 1 {
                    problems.push(readers_at.item(1).problem("weir has one reader; leave the others out"));
                }
                let reader_at = readers_at.item(0).key("pull").key("exporter").key("prometheus");
                readers
                    .into_iter()
                    .next()
                    .and_then(|MetricReader { pull }| pull.exporter.prometheus.check(&reader_at, problems))
            }
        };
        match level {
            MetricsLevel::None => None,
            level => endpoint.map(|endpoint| MetricsConfig { level, endpoint }),
        }
    }
}

impl PrometheusReader {
    fn check(self, at: &At<'_>, problems: &mut Vec<Diagnostic>) -> Option<HostPort> {
        let usual = PrometheusReader::default();
        for (key, is, only) in [
            ("without_scope_info", self.without_scope_info, usual.without_scope_info),
            ("without_units", self.without_units, usual.without_units),
            ("without_type_suffix", self.without_type_suffix, usual.without_type_suffix),
        ] {
            if is != only {
                problems.push(
                    at.key(key).problem(format!(
                        "{is} is not supported yet by weir; its metrics are as with {only}"
                    )),
                );
            }
        }
        let host = if self.host.contains(':') && !self.host.starts_with('[') {
            format!("[{}]", self.host)
        } else {
            self.host
        };
        let endpoint = HostPort::parse(&format!("{host}:{}", self.port));
        if endpoint.is_none() {
            problems.push(at.key("host").problem("expected a host name or an address"));
        }
        endpoint
    }
}
