//! The real Python SDK over gRPC and HTTP.

use std::collections::BTreeSet;

use serde_json::json;
use weir_tests::build::plugin;
use weir_tests::{Client, Launch, Signal, Upstream, Weir, requests};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use prost::Message;

/// What `tests/python/emit.py` sends.
const SPANS: usize = 72;
const LOGS: usize = 30;

/// Runs emit.py; `None` if there is no Python environment here.
async fn emit(weir: &Weir, protocol: &str, compression: &str) -> Option<()> {
    let port = if protocol == "grpc" { weir.ports.grpc } else { weir.ports.http };
    let arguments = [protocol, &format!("http://127.0.0.1:{port}"), compression];
    Client::Python("python/emit.py").run(&arguments, &[]).await.map(drop)
}

async fn everything_arrives(protocol: &str, compression: &str) {
    let upstream = Upstream::start().await;
    let weir = Launch::new().to_grpc(&upstream.address()).start().await;
    if emit(&weir, protocol, compression).await.is_none() {
        return;
    }
    let delivered = upstream.delivered();
    let of = |signal: Signal| delivered.iter().filter(move |one| one.signal == signal);
    let spans: Vec<_> = of(Signal::Traces).flat_map(|one| requests::spans(&one.body)).collect();
    let ids: BTreeSet<_> = spans.iter().map(|span| span.span_id.clone()).collect();
    assert_eq!((spans.len(), ids.len()), (SPANS, SPANS));
    assert_eq!(of(Signal::Logs).flat_map(|one| requests::log_records(&one.body)).count(), LOGS);
    let mut names = BTreeSet::new();
    for one in of(Signal::Metrics) {
        let request = ExportMetricsServiceRequest::decode(&one.body[..]).unwrap();
        for scope in request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics) {
            names.extend(scope.metrics.into_iter().map(|metric| metric.name));
        }
    }
    for name in ["shop.orders", "shop.carts", "shop.payload.size", "shop.queue.length"] {
        assert!(names.contains(name), "{name} in {names:?}");
    }
    let metrics = weir.metrics().await;
    assert_eq!(metrics.sum("otelcol_receiver_accepted_spans_total", &[]), SPANS as f64);
    assert_eq!(metrics.sum("otelcol_receiver_refused_spans_total", &[]), 0.0);
}

#[tokio::test]
async fn everything_that_the_python_sdk_sends_over_grpc_arrives() {
    everything_arrives("grpc", "none").await;
}

#[tokio::test]
async fn everything_that_the_python_sdk_sends_over_grpc_with_gzip_arrives() {
    everything_arrives("grpc", "gzip").await;
}

#[tokio::test]
async fn everything_that_the_python_sdk_sends_over_http_arrives() {
    everything_arrives("http", "none").await;
}

#[tokio::test]
async fn everything_that_the_python_sdk_sends_over_http_with_gzip_arrives() {
    everything_arrives("http", "gzip").await;
}

#[tokio::test]
async fn what_the_python_sdk_says_about_people_is_masked() {
    let upstream = Upstream::start().await;
    let weir = Launch::new()
        .to_grpc(&upstream.address())
        .processor("wasm/redact", json!({"plugin": plugin("redact")}))
        .start()
        .await;
    if emit(&weir, "grpc", "none").await.is_none() {
        return;
    }
    let delivered = upstream.delivered();
    assert!(!delivered.is_empty());
    for one in delivered {
        for secret in ["ada.lovelace", "1111 1111", "AKIAQ3EGRL7XTNB2WMZV", "dGhpcyBpcyBub3Qg"] {
            let found = one.body.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} in {:?}", one.signal);
        }
    }
}
