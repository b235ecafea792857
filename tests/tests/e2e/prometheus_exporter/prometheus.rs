//! The real Prometheus scrapes the page: as text, as OpenMetrics, and as protobuf with native histograms.

use serde_json::{Value, json};
use weir_tests::backend::{Prometheus, encoded};
use weir_tests::{Backend, wait};

use super::Scraped;
use super::corpus::{DELTA, FOUND_OF_RICH, counter, exponential, of_service, point, rich};

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

async fn has_everything(prometheus: &Backend) {
    for (query, expected) in FOUND_OF_RICH {
        assert_eq!(prometheus.value(query).await, expected, "{query}");
    }
    let up = prometheus.value(r#"up{job="weir"}"#).await;
    assert_eq!(up, "1");
}

#[tokio::test]
async fn prometheus_scrapes_the_text_page_and_has_what_was_sent() {
    let scraped = Scraped::start(json!({})).await;
    scraped.send(&rich(), 0).await;
    let Some(prometheus) = scraping(&scraped, json!({}), false).await else { return };
    has_everything(&prometheus).await;
    assert_eq!(prometheus.value("rpc_latency_seconds_count").await, "12");
    assert_eq!(prometheus.value("rpc_latency_seconds_sum").await, "21.5");
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
    assert_eq!(prometheus.value("histogram_count(rpc_latency_seconds)").await, "12");
    assert_eq!(prometheus.value("histogram_sum(rpc_latency_seconds)").await, "21.5");
    // Seven of the values are a little above 1/2 (2 to the power of -1024/1024), three a little below -1.
    assert_eq!(prometheus.value("round(histogram_fraction(0.4, 0.6, rpc_latency_seconds) * 12)").await, "7");
    assert_eq!(prometheus.value("round(histogram_fraction(-1.2, -1, rpc_latency_seconds) * 12)").await, "3");
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
    assert_eq!(prometheus.value("histogram_count(rpc_latency_seconds)").await, "24");
    assert_eq!(prometheus.value("histogram_sum(rpc_latency_seconds)").await, "43");
}
