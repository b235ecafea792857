//! What real backends have, after it went through weir: Jaeger, Loki, Prometheus and the Collector, and the Collector's generator as a sender.

use std::process::Stdio;

use prost::Message;
use serde_json::{Value, json};
use tokio::process::Command;
use weir_tests::backend::{Prometheus, found};
use weir_tests::requests::{gauge, log, logs, metrics, point, span, traces};
use weir_tests::weir::plain_grpc;
use weir_tests::{Backend, GrpcSender, Launch, Signal, Upstream, Weir, clock, wait};

async fn send_one(weir: &Weir, signal: Signal, id: &str) {
    let body = match signal {
        Signal::Traces => {
            let mut span = span(id);
            (span.start_time_unix_nano, span.end_time_unix_nano) = (clock::now() - 1_500_000, clock::now());
            traces(vec![span]).encode_to_vec()
        }
        Signal::Logs => {
            let mut record = log(id);
            (record.time_unix_nano, record.observed_time_unix_nano) = (clock::now(), clock::now());
            logs(vec![record]).encode_to_vec()
        }
        _ => {
            let mut point = point(id);
            point.time_unix_nano = clock::now();
            metrics(vec![gauge(vec![point])]).encode_to_vec()
        }
    };
    GrpcSender::new(weir.ports.grpc).send(signal, body).await.expect("weir takes it");
}

fn has_id(value: &Value, id: &str) -> bool {
    value.to_string().contains(id)
}

#[tokio::test]
async fn jaeger_has_a_trace_that_went_through_weir_over_grpc_and_over_http() {
    let Some(jaeger) = Backend::jaeger().await else { return };
    let address = |port: u16| format!("127.0.0.1:{port}");
    for launch in [Launch::new().to_grpc(&address(jaeger.grpc)), Launch::new().to_http(&address(jaeger.http))]
    {
        let weir = launch.start().await;
        let id = format!("jaeger-{}", weir.ports.grpc);
        send_one(&weir, Signal::Traces, &id).await;
        wait::until("Jaeger has the trace", async || {
            jaeger.traces("checkout").await.iter().any(|trace| has_id(trace, &id)).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn loki_has_a_record_that_went_through_weir() {
    let Some(loki) = Backend::loki(1000).await else { return };
    let endpoint = format!("http://127.0.0.1:{}/otlp", loki.api);
    let weir = Launch::new().exporter("otlp_http", json!({"endpoint": endpoint})).start().await;
    send_one(&weir, Signal::Logs, "loki-1").await;
    let streams = wait::until("Loki has the record", async || {
        let streams = loki.streams(r#"{service_name="checkout"}"#).await;
        streams.iter().any(|stream| has_id(stream, "loki-1")).then_some(streams)
    })
    .await;
    assert_eq!(streams[0]["values"][0][1], "cart loaded");
}

#[tokio::test]
async fn prometheus_has_a_metric_that_went_through_weir() {
    let options = Prometheus { is_recent: true, ..Prometheus::default() };
    let Some(prometheus) = Backend::prometheus(options).await else { return };
    let endpoint = format!("http://127.0.0.1:{}/api/v1/otlp", prometheus.api);
    let weir = Launch::new().exporter("otlp_http", json!({"endpoint": endpoint})).start().await;
    send_one(&weir, Signal::Metrics, "prometheus-1").await;
    let series = wait::until("Prometheus has the metric", async || {
        let series = prometheus.vector(r#"cart_size{job="checkout"}"#).await;
        series.iter().any(|series| has_id(series, "prometheus-1")).then_some(series)
    })
    .await;
    assert_eq!(series[0]["value"][1], "7");
}

#[tokio::test]
async fn prometheus_scrapes_weir() {
    let weir = Launch::new().exporter("nop", json!({})).start().await;
    let options = Prometheus { scrape: vec![("weir".into(), weir.ports.metrics)], ..Prometheus::default() };
    let Some(prometheus) = Backend::prometheus(options).await else { return };
    send_one(&weir, Signal::Traces, "scraped").await;
    wait::until("Prometheus has counted the span", async || {
        let sent = prometheus.vector("sum(otelcol_exporter_sent_spans_total{job='weir'})").await;
        (sent.first()?["value"][1] == "1").then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_collector_has_each_signal_that_went_through_weir() {
    let config = std::fs::read_to_string(weir_tests::build::source_file("backends/collector.yaml")).unwrap();
    let Some(collector) = Backend::collector(&config).await else { return };
    let weir = Launch::new()
        .exporter("otlp_grpc", plain_grpc(&format!("127.0.0.1:{}", collector.grpc)))
        .start()
        .await;
    for signal in Signal::READ {
        let id = format!("collector-{}", signal.items());
        send_one(&weir, signal, &id).await;
        wait::until(&format!("the Collector has the {}", signal.items()), async || {
            collector.output().contains(&id).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn weir_takes_what_the_collectors_generator_sends() {
    let Some(program) = found("telemetrygen") else { return };
    let upstream = Upstream::start().await;
    let weir = Launch::new().to_grpc(&upstream.address()).start().await;
    for (signal, count) in [("traces", "--traces"), ("metrics", "--metrics"), ("logs", "--logs")] {
        for (transport, port) in [("", weir.ports.grpc), ("--otlp-http", weir.ports.http)] {
            let mut command = Command::new(&program);
            command.args([signal, "--otlp-insecure", count, "20", "--rate", "0"]);
            command
                .arg(format!("--otlp-endpoint=127.0.0.1:{port}"))
                .args(Some(transport).filter(|flag| !flag.is_empty()));
            let output = command.stdin(Stdio::null()).output().await.expect("it runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
    let metrics = weir.metrics().await;
    for (items, least) in [("spans", 80.0), ("metric_points", 40.0), ("log_records", 40.0)] {
        let accepted = metrics.sum(&format!("otelcol_receiver_accepted_{items}_total"), &[]);
        assert!(accepted >= least, "{items}: {accepted}");
    }
}
