//! The `prometheus` exporter's configuration.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::config::at::At;
use crate::config::diagnostic::Diagnostic;
use crate::config::field::{bounded, duration, positive_duration};
use crate::config::headers::Headers;
use crate::config::listening::{ServerEndpoint, Transport};
use crate::config::reader;
use crate::config::tls::ServerTlsConfig;

/// How long a series stays without a new value, as in the Collector.
const METRIC_EXPIRATION: Duration = Duration::from_secs(300);

/// How long a reader may take for the head of a request.
const READ_HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection is kept without a request: longer than the minute between two scrapes that many have.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// A page of metrics for Prometheus to scrape.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrometheusExporterConfig {
    /// Where to listen; required.
    pub endpoint: Option<ServerEndpoint>,
    /// Over what.
    pub transport: Transport,
    /// TLS, if it is on.
    pub tls: Option<ServerTlsConfig>,
    /// How long a reader may take for the head of a request.
    #[serde(deserialize_with = "positive_duration")]
    pub read_header_timeout: Duration,
    /// How long a reader may take none of its answer; 0: half a minute.
    #[serde(deserialize_with = "duration")]
    pub write_timeout: Duration,
    /// How long a connection is kept without a request; 0: for as long as the reader likes.
    #[serde(deserialize_with = "duration")]
    pub idle_timeout: Duration,
    /// Whether a connection may carry another request.
    pub keep_alives_enabled: bool,
    /// Headers of every answer.
    pub response_headers: Headers,
    /// Stands in front of every name.
    pub namespace: String,
    /// Labels of every series.
    pub const_labels: BTreeMap<String, String>,
    /// Whether samples have the time of their points.
    pub send_timestamps: bool,
    /// How long a series stays without a new point.
    #[serde(deserialize_with = "positive_duration")]
    pub metric_expiration: Duration,
    /// Whether OpenMetrics, with its exemplars, is given to those who ask for it.
    pub enable_open_metrics: bool,
    /// Whether names get suffixes for units and types; deprecated: `translation_strategy` takes its place.
    pub add_metric_suffixes: bool,
    /// How names are translated.
    pub translation_strategy: Option<TranslationStrategy>,
    /// Attributes of resources as labels; deprecated: `resource_constant_labels` takes its place.
    pub resource_to_telemetry_conversion: ResourceToTelemetryConfig,
    /// Which attributes of resources are labels.
    pub resource_constant_labels: ResourceConstantLabelsConfig,
    /// Whether series have no labels of their scopes.
    pub without_scope_info: bool,
    /// How many series there may be; weir's own.
    #[serde(deserialize_with = "bounded::<1, 10_000_000, _, _>")]
    pub max_series: usize,
}

/// How names are translated, in the Collector's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum TranslationStrategy {
    /// Characters become underscores, and units and types suffixes. What is done unless something else is said.
    UnderscoreEscapingWithSuffixes,
    /// Characters become underscores.
    UnderscoreEscapingWithoutSuffixes,
    /// Units and types become suffixes.
    NoUTF8EscapingWithSuffixes,
    /// Names stay what they are.
    NoTranslation,
}

/// Attributes of resources as labels, the older way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResourceToTelemetryConfig {
    /// Whether all are.
    pub enabled: bool,
    /// But for those that `job` and `instance` are made of.
    pub exclude_service_attributes: bool,
}

/// Which attributes of resources are labels: patterns with `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResourceConstantLabelsConfig {
    /// Those that are. Empty: all, if something is excluded.
    pub included: Vec<String>,
    /// Those that are not.
    pub excluded: Vec<String>,
}

impl Default for PrometheusExporterConfig {
    fn default() -> Self {
        PrometheusExporterConfig {
            endpoint: None,
            transport: Transport::Tcp,
            tls: None,
            read_header_timeout: READ_HEADER_TIMEOUT,
            write_timeout: Duration::ZERO,
            idle_timeout: IDLE_TIMEOUT,
            keep_alives_enabled: true,
            response_headers: Headers::default(),
            namespace: String::new(),
            const_labels: BTreeMap::new(),
            send_timestamps: false,
            metric_expiration: METRIC_EXPIRATION,
            enable_open_metrics: false,
            add_metric_suffixes: true,
            translation_strategy: None,
            resource_to_telemetry_conversion: ResourceToTelemetryConfig::default(),
            resource_constant_labels: ResourceConstantLabelsConfig::default(),
            without_scope_info: false,
            max_series: crate::exporter::PROMETHEUS_SERIES_MAX,
        }
    }
}

impl PrometheusExporterConfig {
    /// Reads and checks one.
    pub(super) fn read(at: &At<'_>, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        // With nothing behind it the endpoint is still missing.
        let config: Self = reader::read(at.node()?, &at.path, problems)?;
        match &config.endpoint {
            Some(endpoint) => endpoint.check(config.transport, at, problems),
            None => problems.push(at.problem(
                "an endpoint is required: where Prometheus finds the metrics, such as 0.0.0.0:8889",
            )),
        }
        if let Some(tls) = &config.tls {
            tls.check(&at.key("tls"), problems);
        }
        config.response_headers.check(&at.key("response_headers"), problems);
        check_labels(&config.const_labels, &at.key("const_labels"), problems);
        let resources = (&config.resource_to_telemetry_conversion, &config.resource_constant_labels);
        check_resource_labels(resources, at, problems);
        Some(config)
    }

    /// How names are translated.
    pub fn strategy(&self) -> TranslationStrategy {
        match (self.translation_strategy, self.add_metric_suffixes) {
            (Some(strategy), _) => strategy,
            (None, true) => TranslationStrategy::UnderscoreEscapingWithSuffixes,
            (None, false) => TranslationStrategy::UnderscoreEscapingWithoutSuffixes,
        }
    }
}

/// Checks the names of labels that every series has.
pub(super) fn check_labels(labels: &BTreeMap<String, String>, at: &At<'_>, problems: &mut Vec<Diagnostic>) {
    for name in labels.keys() {
        let at = at.key(name);
        if name.is_empty() {
            problems.push(at.problem("a label needs a name"));
        } else if matches!(name.as_str(), "le" | "quantile" | "__name__") {
            problems.push(at.problem(format!("the label {name} is Prometheus' own")));
        }
    }
}

/// Checks that the attributes of resources that are labels are named in one way.
pub(super) fn check_resource_labels(
    (older, newer): (&ResourceToTelemetryConfig, &ResourceConstantLabelsConfig),
    at: &At<'_>,
    problems: &mut Vec<Diagnostic>,
) {
    if *older != ResourceToTelemetryConfig::default() && *newer != ResourceConstantLabelsConfig::default() {
        let reason =
            "resource_constant_labels takes the place of resource_to_telemetry_conversion: give one of them";
        problems.push(at.key("resource_to_telemetry_conversion").problem(reason));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ExporterConfig;
    use crate::config::testing::{OTLP, config, problems, with};

    fn yaml(keys: &str) -> String {
        let service = "{pipelines: {metrics: {receivers: [otlp], exporters: [prometheus]}}}";
        with(OTLP, "", &format!("{{prometheus: {keys}}}"), service)
    }

    fn read(keys: &str) -> PrometheusExporterConfig {
        match config(&yaml(keys)).exporters.into_values().next() {
            Some(ExporterConfig::Prometheus(exporter)) => *exporter,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_left_out_is_as_in_the_collector() {
        let config = read("{endpoint: '0.0.0.0:8889'}");
        assert_eq!(config.metric_expiration, Duration::from_secs(300));
        assert_eq!(config.strategy(), TranslationStrategy::UnderscoreEscapingWithSuffixes);
        assert!(!config.send_timestamps && !config.enable_open_metrics && !config.without_scope_info);
        assert_eq!(config.max_series, 20_000);
    }

    #[test]
    fn every_key_of_the_collectors_example_is_taken() {
        let config = read(
            "{endpoint: '1.2.3.4:1234', namespace: test-space, const_labels: {label1: value1, another label: spaced value}, \
             send_timestamps: true, metric_expiration: 180m, enable_open_metrics: true, add_metric_suffixes: false, \
             resource_to_telemetry_conversion: {enabled: true}}",
        );
        assert_eq!(config.const_labels["another label"], "spaced value");
        assert_eq!(config.strategy(), TranslationStrategy::UnderscoreEscapingWithoutSuffixes);
        assert!(config.resource_to_telemetry_conversion.enabled);
        let both = read("{endpoint: ':1', add_metric_suffixes: false, translation_strategy: NoTranslation}");
        assert_eq!(both.strategy(), TranslationStrategy::NoTranslation);
    }

    #[test]
    fn what_cannot_be_served_is_refused_with_the_reason() {
        for (keys, reason) in [
            ("", "an endpoint is required"),
            ("{}", "an endpoint is required"),
            ("{endpoint: nowhere}", "expected host:port"),
            ("{endpoint: ':1', metric_expiration: 0}", "metric_expiration: expected a duration above zero"),
            ("{endpoint: ':1', max_series: 0}", "max_series: expected a whole number from 1"),
            ("{endpoint: ':1', translation_strategy: None}", "translation_strategy: "),
            ("{endpoint: ':1', const_labels: {le: x}}", "the label le is Prometheus' own"),
            ("{endpoint: ':1', auth: {}}", "auth: not supported yet by weir"),
            ("{endpoint: ':1', sending_queue: {}}", "sending_queue: not supported yet by weir"),
            (
                "{endpoint: ':1', resource_to_telemetry_conversion: {enabled: true}, resource_constant_labels: {included: ['*']}}",
                "give one of them",
            ),
        ] {
            let found = problems(&yaml(keys));
            assert!(found.iter().any(|problem| problem.contains(reason)), "{keys}: {found:?}");
        }
    }

    #[test]
    fn other_signals_than_metrics_have_no_page() {
        let service = "{pipelines: {traces: {receivers: [otlp], exporters: [prometheus]}}}";
        let found = problems(&with(OTLP, "", "{prometheus: {endpoint: ':1'}}", service));
        assert!(found[0].ends_with("exporter \"prometheus\" takes metrics and no traces"), "{found:?}");
    }

    #[test]
    fn two_servers_cannot_have_one_endpoint() {
        let found = problems(&yaml("{endpoint: 'localhost:4317'}"));
        assert!(found[0].contains("is that of receivers::otlp::protocols::grpc already"), "{found:?}");
    }
}
