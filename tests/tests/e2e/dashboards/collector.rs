//! Rules that people have for the Collector find the same names in weir: both are asked side by side.

use serde_json::json;
use weir_tests::backend::Backend;
use weir_tests::metrics::Metrics;
use weir_tests::weir::plain_grpc;
use weir_tests::{GrpcSender, Launch, Signal, Upstream, http, requests, wait};

/// What the default rules of the Collector's Helm chart are about, with the labels by which they tell things apart. Those of refusals by a
/// full queue are made by the Collector when it has some.
const ASKED: [(&str, &[&str]); 14] = [
    ("otelcol_receiver_accepted_spans_total", &["receiver", "transport"]),
    ("otelcol_receiver_accepted_metric_points_total", &["receiver", "transport"]),
    ("otelcol_receiver_accepted_log_records_total", &["receiver", "transport"]),
    ("otelcol_receiver_refused_spans_total", &["receiver", "transport"]),
    ("otelcol_receiver_refused_metric_points_total", &["receiver", "transport"]),
    ("otelcol_receiver_refused_log_records_total", &["receiver", "transport"]),
    ("otelcol_exporter_sent_spans_total", &["exporter"]),
    ("otelcol_exporter_send_failed_spans_total", &["exporter"]),
    ("otelcol_exporter_send_failed_metric_points_total", &["exporter"]),
    ("otelcol_exporter_send_failed_log_records_total", &["exporter"]),
    ("otelcol_exporter_queue_size", &["exporter"]),
    ("otelcol_exporter_queue_capacity", &["exporter"]),
    ("otelcol_exporter_in_flight_requests", &["exporter"]),
    ("otelcol_process_uptime_seconds_total", &[]),
];

fn has(metrics: &Metrics, name: &str, labels: &[&str]) -> bool {
    metrics
        .samples()
        .iter()
        .any(|sample| sample.name == name && labels.iter().all(|label| sample.labels.contains_key(*label)))
}

#[tokio::test]
async fn what_the_rules_of_the_collectors_chart_ask_for_has_the_same_name_in_both() {
    // Nobody listens there, so that something fails.
    let nowhere = weir_tests::ports::free_port();
    let config = format!(
        r#"
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:${{env:GRPC}}"}}}}}}
exporters:
  debug: {{}}
  otlp_grpc: {{endpoint: "127.0.0.1:{nowhere}", tls: {{insecure: true}}, retry_on_failure: {{enabled: false}}}}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [debug, otlp_grpc]}}
    metrics: {{receivers: [otlp], exporters: [debug, otlp_grpc]}}
    logs: {{receivers: [otlp], exporters: [debug, otlp_grpc]}}
"#
    );
    let Some(collector) = Backend::collector(&config).await else { return };
    let upstream = Upstream::start().await;
    let failing = {
        let mut failing = plain_grpc(&format!("127.0.0.1:{nowhere}"));
        failing["retry_on_failure"] = json!({"enabled": false});
        failing
    };
    let weir =
        Launch::new().to_grpc(&upstream.address()).exporter("otlp_grpc/failing", failing).start().await;
    for port in [collector.grpc, weir.ports.grpc] {
        for signal in Signal::READ {
            drop(GrpcSender::new(port).send(signal, requests::unique(signal, signal.name(), 2)).await);
        }
    }
    let own = weir.metrics().await;
    for (name, labels) in ASKED {
        wait::until(&format!("the Collector has {name}"), async || {
            let metrics = Metrics::parse(&http::get(collector.api, "/metrics").await?.text());
            has(&metrics, name, labels).then_some(())
        })
        .await;
        assert!(has(&own, name, labels), "weir has no {name} with {labels:?}");
    }
}
