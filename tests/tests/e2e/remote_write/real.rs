//! The same with a real Prometheus 3. Where it is not in the cache a test says that it was skipped.

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use weir_tests::Backend;
use weir_tests::backend::{Prometheus, encoded};

use super::super::prometheus_exporter::corpus::{FOUND_OF_RICH, exponential};
use super::*;

/// A Prometheus that takes remote write, and a weir that writes to it.
async fn pair(settings: Value) -> Option<(Backend, Weir)> {
    let options = Prometheus { is_recent: true, ..Prometheus::default() };
    let prometheus = Backend::prometheus(options).await?;
    let weir = launch(&format!("http://127.0.0.1:{}/api/v1/write", prometheus.api), settings).start().await;
    Some((prometheus, weir))
}

#[tokio::test]
async fn prometheus_gives_back_metrics_of_every_kind() {
    let Some((prometheus, weir)) =
        pair(json!({"external_labels": {"cluster": "blue"}, "send_metadata": true})).await
    else {
        return;
    };
    taken(&weir, &rich()).await;
    let own = [
        (
            r#"http_requests_total{path="/a",status="200",job="shop/checkout",instance="pod-1",cluster="blue"}"#,
            "5",
        ),
        (r#"chat_tokens_total{gen_ai_system="x",model="m\"1\\\n"}"#, "12345"),
        ("histogram_count(rpc_latency_seconds)", "12"),
        ("histogram_sum(rpc_latency_seconds)", "21.5"),
        // Seven of the values are a little above 1/2 (2 to the power of -1024/1024), three a little below -1.
        ("round(histogram_fraction(0.4, 0.6, rpc_latency_seconds) * 12)", "7"),
        ("round(histogram_fraction(-1.2, -1, rpc_latency_seconds) * 12)", "3"),
    ];
    for (query, expected) in FOUND_OF_RICH.into_iter().chain(own) {
        assert_eq!(prometheus.value(query).await, expected, "{query}");
    }
    let query = encoded("http_requests_total");
    let found = wait::until("Prometheus has the exemplar", async || {
        let path = format!("/api/v1/query_exemplars?query={query}&start=0&end=9999999999");
        prometheus.get(&path).await?.pointer("/data/0/exemplars/0").cloned()
    })
    .await;
    assert_eq!(found["labels"]["trace_id"], "0102030405060708090a0b0c0d0e0f10");
}

#[tokio::test]
async fn series_without_a_recorded_value_are_gone_from_prometheus_at_once() {
    let Some((prometheus, weir)) = pair(json!({})).await else { return };
    let native = exponential("took", "s", CUMULATIVE);
    taken(&weir, &of_service(vec![gauge("level", "", vec![point(&[], 1.0)]), native.clone()])).await;
    assert_eq!(prometheus.value("level").await, "1");
    assert_eq!(prometheus.value("histogram_count(took_seconds)").await, "12");
    let gone = NumberDataPoint { flags: 1, value: None, ..point(&[], 0.0) };
    let mut later = native;
    if let Some(Data::ExponentialHistogram(histogram)) = &mut later.data {
        let point = &mut histogram.data_points[0];
        (point.flags, point.time_unix_nano) = (1, gone.time_unix_nano);
    }
    taken(&weir, &of_service(vec![gauge("level", "", vec![gone]), later])).await;
    for query in ["level", "took_seconds"] {
        wait::until("it is gone", async || prometheus.vector(query).await.is_empty().then_some(())).await;
    }
}

#[tokio::test]
async fn what_prometheus_refuses_is_told_in_its_own_words_and_what_it_has_may_come_again() {
    let Some((prometheus, weir)) = pair(json!({"max_batch_size_bytes": 1000})).await else { return };
    let request = wide(100);
    taken(&weir, &request).await;
    taken(&weir, &request).await;
    assert_eq!(prometheus.value("count(wide)").await, "100");
    assert_eq!(counts(&weir).await, (200.0, 0.0));
    // It takes nothing that is an hour older than what it has.
    let old = NumberDataPoint { time_unix_nano: 1_000_000_000, ..point(&[("at", "old")], 1.0) };
    let (status, _, message) = send(&weir, &metrics(vec![gauge("wide", "", vec![old])])).await;
    assert_eq!(status, 400, "{message}");
    assert!(message.contains("HTTP 400"), "{message}");
    assert_eq!(counts(&weir).await, (200.0, 1.0));
}
