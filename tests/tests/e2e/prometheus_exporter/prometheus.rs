//! The real Prometheus scrapes the page: as text, as OpenMetrics, and as protobuf with native histograms.

use serde_json::{Value, json};
use weir_tests::backend::{Prometheus, encoded};
use weir_tests::{Backend, wait};

use super::Scraped;
use super::corpus::{DELTA, counter, exponential, of_service, point, rich};

/// Starts Prometheus on the page, waits until it has a series, and gives it.
async fn scraping(scraped: &Scraped, settings: Value, is_recent: bool) -> Option<Backend> {
    let scrape = vec![("weir".to_owned(), scraped.port)];
    let job_settings = with_honored_labels(settings);
    let options = Prometheus { scrape, job_settings, is_recent, ..Prometheus::default() };
    let prometheus = Backend::prometheus(options).await?;
    wait::until("Prometheus has scraped", async || {
        prometheus.vector("http_requests_total").await.first().cloned().map(drop)
    })
    .await;
    Some(prometheus)
}

/// The labels `job` and `instance` are those of the page.
fn with_honored_labels(mut settings: Value) -> Value {
    settings["honor_labels"] = json!(true);
    settings
}

/// The value of the only series that a query finds.
async fn value(prometheus: &Backend, query: &str) -> String {
    let found = prometheus.vector(query).await;
    assert_eq!(found.len(), 1, "{query}: {found:?}");
    found[0]["value"][1].as_str().unwrap().to_owned()
}

async fn has_everything(prometheus: &Backend) {
    for (query, expected) in [
        (r#"http_requests_total{path="/a",status="200",job="shop/checkout",instance="pod-1"}"#, "5"),
        (r#"http_requests_total{path="/b",otel_scope_name="lib.http",otel_scope_team="web"}"#, "1000000"),
        (r#"chat_tokens_total{gen_ai_system="x"}"#, "12345"),
        (r#"http_request_duration_seconds_bucket{le="0.005"}"#, "1"),
        (r#"http_request_duration_seconds_bucket{le="2.5"}"#, "6"),
        (r#"http_request_duration_seconds_bucket{le="+Inf"}"#, "10"),
        ("http_request_duration_seconds_sum", "12.75"),
        ("http_request_duration_seconds_count", "10"),
        ("agents_active", "-2"),
        (r#"cpu_utilization_ratio{cpu="1"}"#, "0.25"),
        ("memory_usage_bytes", "123456789"),
        (r#"rpc_quantiles_seconds{quantile="0.99"}"#, "2"),
        ("rpc_quantiles_seconds_count", "7"),
        (r#"target_info{service_version="1.2",process_pid="42",k8s_pod_name="checkout-1"}"#, "1"),
        ("memory_usage_bytes * on (job, instance) group_left (service_version) target_info", "123456789"),
    ] {
        assert_eq!(value(prometheus, query).await, expected, "{query}");
    }
    let up = value(prometheus, r#"up{job="weir"}"#).await;
    assert_eq!(up, "1");
}

#[tokio::test]
async fn prometheus_scrapes_the_text_page_and_has_what_was_sent() {
    let scraped = Scraped::start(json!({})).await;
    scraped.send(&rich(), 0).await;
    let Some(prometheus) = scraping(&scraped, json!({}), false).await else { return };
    has_everything(&prometheus).await;
    assert_eq!(value(&prometheus, "rpc_latency_seconds_count").await, "12");
    assert_eq!(value(&prometheus, "rpc_latency_seconds_sum").await, "21.5");
}

#[tokio::test]
async fn prometheus_scrapes_openmetrics_and_has_exemplars_too() {
    let scraped = Scraped::start(json!({"enable_open_metrics": true})).await;
    scraped.send(&rich(), 0).await;
    let Some(prometheus) = scraping(&scraped, json!({}), false).await else { return };
    has_everything(&prometheus).await;
    let query = encoded("http_requests_total");
    let path = format!("/api/v1/query_exemplars?query={query}&start=0&end=9999999999");
    let found = wait::until("Prometheus has the exemplar", async || {
        let answer = prometheus.get(&path).await?;
        answer.pointer("/data/0/exemplars/0").cloned()
    })
    .await;
    assert_eq!(found["labels"]["trace_id"], "0102030405060708090a0b0c0d0e0f10");
    assert_eq!(found["value"], "1");
}

#[tokio::test]
async fn prometheus_scrapes_protobuf_and_has_native_histograms() {
    let scraped = Scraped::start(json!({})).await;
    scraped.send(&rich(), 0).await;
    let native = json!({"scrape_native_histograms": true, "scrape_protocols": ["PrometheusProto"]});
    let Some(prometheus) = scraping(&scraped, native, true).await else { return };
    has_everything(&prometheus).await;
    assert_eq!(value(&prometheus, "histogram_count(rpc_latency_seconds)").await, "12");
    assert_eq!(value(&prometheus, "histogram_sum(rpc_latency_seconds)").await, "21.5");
    // Seven of the values are a little above 1/2 (2 to the power of -1024/1024), three a little below -1.
    assert_eq!(
        value(&prometheus, "round(histogram_fraction(0.4, 0.6, rpc_latency_seconds) * 12)").await,
        "7"
    );
    assert_eq!(
        value(&prometheus, "round(histogram_fraction(-1.2, -1, rpc_latency_seconds) * 12)").await,
        "3"
    );
}

#[tokio::test]
async fn native_histograms_that_come_as_deltas_add_up() {
    let scraped = Scraped::start(json!({})).await;
    let first = exponential("rpc.latency", "s", DELTA);
    let mut second = first.clone();
    if let (
        Some(opentelemetry_proto::tonic::metrics::v1::metric::Data::ExponentialHistogram(first)),
        Some(opentelemetry_proto::tonic::metrics::v1::metric::Data::ExponentialHistogram(second)),
    ) = (&first.data, &mut second.data)
    {
        second.data_points[0].start_time_unix_nano = first.data_points[0].time_unix_nano;
        second.data_points[0].time_unix_nano = first.data_points[0].time_unix_nano + 1_000_000;
    }
    let marker = counter("http_requests", "", vec![point(&[], 1.0)]);
    scraped.send(&of_service(vec![first, marker]), 0).await;
    scraped.send(&of_service(vec![second]), 0).await;
    let native = json!({"scrape_native_histograms": true, "scrape_protocols": ["PrometheusProto"]});
    let Some(prometheus) = scraping(&scraped, native, true).await else { return };
    assert_eq!(value(&prometheus, "histogram_count(rpc_latency_seconds)").await, "24");
    assert_eq!(value(&prometheus, "histogram_sum(rpc_latency_seconds)").await, "43");
}
