//! Tests of what is read, what is refused and what is said of it.

use super::*;
use crate::config::testing::{OTLP, config, loaded, problems, text, with};
use crate::config::{ExporterConfig, load_sources};

const ENDPOINT: &str = "endpoint: 'http://prometheus:9090/api/v1/write'";

fn yaml(keys: &str) -> String {
    let service = "{pipelines: {metrics: {receivers: [otlp], exporters: [prometheusremotewrite]}}}";
    with(OTLP, "", &format!("{{prometheusremotewrite: {{{keys}}}}}"), service)
}

fn read(keys: &str) -> RemoteWriteExporterConfig {
    match config(&yaml(keys)).exporters.into_values().next() {
        Some(ExporterConfig::RemoteWrite(exporter)) => *exporter,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_left_out_is_as_in_the_collector_but_for_the_one_consumer() {
    let config = read(ENDPOINT);
    assert_eq!(config.endpoint.as_str(), "http://prometheus:9090/api/v1/write");
    assert_eq!((config.timeout, config.max_batch_size_bytes()), (Duration::from_secs(5), 3_000_000));
    assert!(config.target_info.enabled && !config.send_metadata && !config.disable_scope_info);
    assert!(!config.is_without_suffixes());
    let queue = &config.remote_write_queue;
    assert_eq!((queue.enabled, queue.queue_size, queue.num_consumers), (true, 10_000, 1));
    assert!(queue.wait_for_result());
    assert_eq!(config.retry_on_failure.initial_interval, Duration::from_millis(50));
    assert_eq!(config.retry_on_failure.max_interval, Duration::from_secs(30));
}

#[test]
fn every_key_that_weir_has_is_read() {
    let config = read(&format!(
        "{ENDPOINT}, namespace: shop, external_labels: {{cluster: a, __replica__: b}}, headers: {{X-Scope-OrgID: acme}}, \
         tls: {{insecure: true}}, proxy_url: 'http://proxy:3128', timeout: 7s, compression: snappy, add_metric_suffixes: false, \
         resource_to_telemetry_conversion: {{enabled: true, exclude_service_attributes: true}}, target_info: {{enabled: false}}, \
         send_metadata: true, max_batch_size_bytes: 500000, retry_on_failure: {{initial_interval: 2s}}, disable_scope_info: true, \
         protobuf_message: prometheus.WriteRequest, remote_write_queue: {{enabled: true, queue_size: 7, num_consumers: 3}}",
    ));
    assert_eq!((config.namespace.as_str(), config.timeout), ("shop", Duration::from_secs(7)));
    assert_eq!(config.external_labels["__replica__"], "b");
    assert!(config.is_without_suffixes() && config.send_metadata && !config.target_info.enabled);
    let queue = &config.remote_write_queue;
    assert_eq!((queue.queue_size, queue.num_consumers), (7, 3));
    assert_eq!(config.retry_on_failure.initial_interval, Duration::from_secs(2));
    assert_eq!(config.max_batch_size_bytes(), 500_000);
    let both = read(&format!(
        "{ENDPOINT}, add_metric_suffixes: false, translation_strategy: UnderscoreEscapingWithSuffixes"
    ));
    assert!(!both.is_without_suffixes());
}

#[test]
fn the_keys_of_the_block_http_mean_the_same_in_it_and_outside() {
    let inside = read(&format!("http: {{{ENDPOINT}, headers: {{a: b}}, timeout: 9s}}, namespace: shop"));
    let outside = read(&format!("{ENDPOINT}, headers: {{a: b}}, timeout: 9s, namespace: shop"));
    assert_eq!(inside, outside);
    assert_eq!(read(&format!("{ENDPOINT}, http: ")), read(ENDPOINT));
}

#[test]
fn each_mistake_has_its_own_words() {
    for (keys, reason) in [
        (String::new(), "exporters::prometheusremotewrite: the key \"endpoint\" is required"),
        ("endpoint: 'http://prometheus:9090'".to_owned(), "endpoint: it is the whole URL that is written to"),
        (format!("{ENDPOINT}, wal: {{directory: /x}}"), "wal: weir has a durable queue in its place"),
        (format!("{ENDPOINT}, auth: {{authenticator: x}}"), "auth: not supported yet by weir; leave it out"),
        (
            format!("{ENDPOINT}, include_metadata_keys: [a]"),
            "include_metadata_keys: not supported yet by weir",
        ),
        (
            format!("{ENDPOINT}, protobuf_message: io.prometheus.write.v2.Request"),
            "protobuf_message: \"io.prometheus.write.v2.request\" is not supported yet by weir (valid: prometheus.WriteRequest)",
        ),
        (format!("{ENDPOINT}, compression: gzip"), "compression: unknown value \"gzip\" (valid: snappy)"),
        (
            format!("{ENDPOINT}, translation_strategy: NoTranslation"),
            "translation_strategy: remote write 1.0 takes no such names",
        ),
        (format!("{ENDPOINT}, max_batch_size_bytes: 10"), "max_batch_size_bytes: must be 1000 or more"),
        (
            format!("{ENDPOINT}, headers: {{X-Prometheus-Remote-Write-Version: '2'}}"),
            "headers::x-prometheus-remote-write-version: the header x-prometheus-remote-write-version is weir's own to set",
        ),
        (format!("{ENDPOINT}, external_labels: {{__name__: x}}"), "the label __name__ is Prometheus' own"),
        (
            format!("{ENDPOINT}, external_labels: {{__a.b: x}}"),
            "external_labels::__a.b: a label that begins with two underscores",
        ),
        (
            format!("{ENDPOINT}, remote_write_queue: {{queue_size: 0}}"),
            "queue_size: expected a whole number from 1",
        ),
        (format!("{ENDPOINT}, sending_queue: {{}}"), "unknown key \"sending_queue\""),
        (
            format!("{ENDPOINT}, remote_write_queue: {{storage: file_storage}}"),
            "remote_write_queue::storage: references extension",
        ),
        (
            format!("{ENDPOINT}, http: {{{ENDPOINT}}}"),
            "http::endpoint: it stands outside of http too; give it once",
        ),
        (format!("{ENDPOINT}, http: {{namespace: x}}"), "http::namespace: unknown key \"namespace\""),
        (format!("{ENDPOINT}, http: 7"), "http: expected a map"),
        (
            format!(
                "{ENDPOINT}, resource_to_telemetry_conversion: {{enabled: true}}, resource_constant_labels: {{included: ['*']}}"
            ),
            "give one of them",
        ),
    ] {
        let found = problems(&yaml(&keys));
        assert!(found.iter().any(|problem| problem.contains(reason)), "{keys}: {found:?}");
    }
}

#[test]
fn a_key_of_an_expanded_block_is_not_shown() {
    let environment =
        [("HTTP".to_owned(), "{hunter2: 1}".to_owned())].into_iter().collect::<BTreeMap<_, _>>();
    let found = load_sources(&[text(&yaml("http: '${env:HTTP}'"))], &environment).unwrap_err();
    let found: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert!(
        found.iter().any(|problem| problem.contains("http: unknown key in a map from ${env:HTTP}")),
        "{found:?}"
    );
    assert!(!found.iter().any(|problem| problem.contains("hunter2")), "{found:?}");
}

#[test]
fn what_changes_no_data_is_left_out_with_a_warning() {
    for keys in
        ["max_batch_request_parallelism: 4", "write_buffer_size: 524288", "http: {read_buffer_size: 1}"]
    {
        let keys = if keys.starts_with("http") {
            keys.replace('}', &format!(", {ENDPOINT}}}"))
        } else {
            format!("{ENDPOINT}, {keys}")
        };
        let warnings: Vec<_> = loaded(&yaml(&keys)).warnings.iter().map(ToString::to_string).collect();
        assert!(
            warnings.len() == 1 && warnings[0].contains("left out, since no data depends on it"),
            "{warnings:?}"
        );
    }
}

#[test]
fn other_signals_than_metrics_are_not_written() {
    let service = "{pipelines: {logs: {receivers: [otlp], exporters: [prometheusremotewrite]}}}";
    let found = problems(&with(OTLP, "", &format!("{{prometheusremotewrite: {{{ENDPOINT}}}}}"), service));
    assert!(found[0].ends_with("exporter \"prometheusremotewrite\" takes metrics and no logs"), "{found:?}");
}
