//! The page in each format, read by Prometheus' parsers for Python and by `promtool`; what is refused; what becomes of deltas.

use std::process::Stdio;

use opentelemetry_proto::tonic::metrics::v1::{NumberDataPoint, number_data_point};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use weir_tests::backend::promtool;
use weir_tests::build::source_file;

use super::corpus::{self, DELTA, counter, gauge, of_service, point, rich, sum};
use super::{Scraped, scrape};

const OPENMETRICS: &str = "application/openmetrics-text;version=1.0.0";
const PROTOBUF: &str =
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

/// What a program makes of a page: its status and what it prints.
async fn fed(mut command: Command, page: &str) -> (bool, String) {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program runs");
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(page.as_bytes()).await.expect("it reads everything");
    drop(stdin);
    let output = child.wait_with_output().await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.success(), text(output.stdout) + &text(output.stderr))
}

/// The families of a page, by Prometheus' parser for Python. `None` if it is not there.
async fn parsed(format: &str, page: &str) -> Option<Vec<Value>> {
    let python = source_file(".cache/venv/bin/python");
    let has_parser = || {
        let check = std::process::Command::new(&python).args(["-c", "import prometheus_client"]).output();
        check.is_ok_and(|output| output.status.success())
    };
    if !python.exists() || !has_parser() {
        eprintln!("skipped: no prometheus-client for Python here, tests/python/setup.sh says why");
        return None;
    }
    let mut command = Command::new(python);
    command.arg(source_file("python/scraped.py")).arg(format);
    let (is_good, told) = fed(command, page).await;
    assert!(is_good, "{told}\n{page}");
    Some(serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told}")))
}

fn heads(families: &[Value]) -> Vec<String> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let head = |family: &Value| [&family["name"], &family["type"], &family["unit"]].map(word).join(" ");
    families.iter().map(|family| head(family).trim_end().to_owned()).collect()
}

#[tokio::test]
async fn the_text_page_is_what_prometheus_parser_reads_and_promtool_has_nothing_to_say() {
    let scraped = Scraped::start(json!({"namespace": "agentstack"})).await;
    scraped.send(&rich(), 0).await;
    let page = scraped.page("text/plain;version=0.0.4").await;
    assert_eq!(
        page.headers["content-type"],
        "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
    );
    if let Some(families) = parsed("text", &page.text()).await {
        assert_eq!(
            heads(&families),
            [
                "agentstack_agents_active gauge",
                "agentstack_chat_tokens counter",
                "agentstack_cpu_utilization_ratio gauge",
                "agentstack_http_request_duration_seconds histogram",
                "agentstack_http_requests counter",
                "agentstack_io_mebibytes counter",
                "agentstack_llm_call_duration_milliseconds histogram",
                "agentstack_memory_usage_bytes gauge",
                "agentstack_network_throughput_bytes_per_second gauge",
                "agentstack_rpc_latency_seconds histogram",
                "agentstack_rpc_quantiles_seconds summary",
                "agentstack_target_info gauge",
                "agentstack_time_seconds counter",
            ]
        );
        let tokens = &families[1]["samples"][0];
        assert_eq!(tokens["name"], "agentstack_chat_tokens_total");
        assert_eq!(tokens["labels"]["model"], "m\"1\\\n");
        assert_eq!(tokens["labels"]["job"], "shop/checkout");
        assert_eq!(tokens["labels"]["instance"], "pod-1");
        assert_eq!(tokens["labels"]["otel_scope_team"], "web");
    }
    if let Some(promtool) = promtool() {
        let mut command = Command::new(promtool);
        command.args(["check", "metrics"]);
        let (_, told) = fed(command, &page.text()).await;
        // It would have other units than those that the sender has chosen, and nothing else to say.
        let complaints: Vec<&str> = told.lines().filter(|line| !line.contains("base unit")).collect();
        assert!(complaints.is_empty(), "{told}");
    }
}

#[tokio::test]
async fn openmetrics_is_for_those_who_ask_and_a_strict_parser_finds_exemplars_and_units() {
    let scraped = Scraped::start(json!({"enable_open_metrics": true})).await;
    scraped.send(&rich(), 0).await;
    let page = scraped.page(OPENMETRICS).await;
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores";
    assert_eq!(page.headers["content-type"], content_type);
    let Some(families) = parsed("openmetrics", &page.text()).await else { return };
    let heads = heads(&families);
    for head in [
        "http_requests counter",
        "http_request_duration_seconds histogram seconds",
        "io_mebibytes counter mebibytes",
    ] {
        assert!(heads.iter().any(|own| own == head), "{head} in {heads:?}");
    }
    let named =
        |name: &str| families.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name}"));
    let exemplars = |name: &str| {
        let samples = named(name)["samples"].as_array().unwrap().clone();
        samples.into_iter().filter(|one| !one["exemplar"].is_null()).collect::<Vec<_>>()
    };
    let ids = json!({"trace_id": "0102030405060708090a0b0c0d0e0f10", "span_id": "0102030405060708"});
    assert_eq!(exemplars("http_requests")[0]["exemplar"]["labels"], ids);
    let of_buckets = exemplars("http_request_duration_seconds");
    let bounds: Vec<_> = of_buckets.iter().map(|one| one["labels"]["le"].as_str().unwrap()).collect();
    assert_eq!(bounds, ["0.1", "+Inf"]);
    let has_created = |name: &str| {
        named(name)["samples"].as_array().unwrap().iter().any(|one| one["name"] == format!("{name}_created"))
    };
    assert!(has_created("http_requests") && has_created("http_request_duration_seconds"));
    assert!(
        scraped.text().await.contains("# TYPE http_requests_total counter\n"),
        "text for those who want it"
    );
}

#[tokio::test]
async fn openmetrics_is_not_given_unless_it_is_enabled_and_protobuf_always_is() {
    let scraped = Scraped::start(json!({})).await;
    scraped.send(&rich(), 0).await;
    let page = scraped.page(OPENMETRICS).await;
    assert_eq!(
        page.headers["content-type"],
        "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
    );
    let page = scraped.page(PROTOBUF).await;
    let content_type = format!("{}; escaping=underscores", PROTOBUF.replace(';', "; "));
    assert_eq!(page.headers["content-type"], content_type.as_str());
    assert!(page.body.len() > 1000);
}

#[tokio::test]
async fn a_page_is_compressed_for_those_who_take_that() {
    let scraped = Scraped::start(json!({})).await;
    scraped.send(&rich(), 0).await;
    let plain = scraped.text().await;
    let reply = scrape(scraped.port, &[("accept-encoding", "zstd, gzip")]).await;
    assert_eq!(reply.headers["content-encoding"], "gzip");
    assert!(reply.body.len() < plain.len() / 2);
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&reply.body[..]), &mut text).unwrap();
    assert_eq!(text, plain, "the same page, in the same order");
}

#[tokio::test]
async fn what_has_no_place_on_the_page_is_told_to_the_sender_and_counted_by_its_rule() {
    let scraped = Scraped::start(json!({"max_series": 3})).await;
    let two = || vec![point(&[("a", "1")], 1.0), point(&[("a", "2")], 2.0)];
    // The target's own series is the third.
    scraped.send(&of_service(vec![gauge("level", "", two())]), 0).await;
    let message =
        scraped.send(&of_service(vec![counter("more", "", two()), gauge("level", "", two())]), 2).await;
    assert!(message.contains("as many series as max_series allows"), "{message}");
    scraped
        .send(&of_service(vec![counter("level", "", two()), sum("level", "", DELTA, false, two())]), 4)
        .await;
    let metrics = scraped.weir.metrics().await;
    let refused = |rule| {
        let labels = [("exporter", "prometheus"), ("rule", rule)];
        metrics.sum("weir_prometheus_exporter_refused_points_total", &labels)
    };
    assert_eq!(["series_limit", "temporality", "overlap"].map(refused), [4.0, 2.0, 0.0]);
    let of_exporter = |name: &str| metrics.sum(name, &[("exporter", "prometheus")]);
    assert_eq!(of_exporter("weir_prometheus_exporter_series"), 3.0);
    assert_eq!(of_exporter("otelcol_exporter_sent_metric_points_total"), 4.0);
    assert_eq!(of_exporter("otelcol_exporter_send_failed_metric_points_total"), 6.0);
    assert!(scraped.weir.stderr().contains("data points were refused"), "{}", scraped.weir.stderr());
}

#[tokio::test]
async fn deltas_add_up_also_when_they_are_sent_one_after_the_other_by_several() {
    let scraped = Scraped::start(json!({"without_scope_info": true})).await;
    let start = corpus::now() - 60_000_000_000;
    for step in 0..10 {
        let times = (start + step * 1_000_000_000, start + (step + 1) * 1_000_000_000);
        let one = |name: &str| NumberDataPoint {
            start_time_unix_nano: times.0,
            time_unix_nano: times.1,
            value: Some(number_data_point::Value::AsInt(3)),
            ..point(&[("of", name)], 0.0)
        };
        scraped.send(&of_service(vec![sum("done", "", DELTA, true, vec![one("a"), one("b")])]), 0).await;
    }
    let page = scraped.text().await;
    for of in ["a", "b"] {
        let line = format!("done_total{{instance=\"pod-1\",job=\"shop/checkout\",of=\"{of}\"}} 30\n");
        assert!(page.contains(&line), "{line} in {page}");
    }
}

#[tokio::test]
async fn a_series_that_gets_no_point_any_more_leaves_the_page() {
    let scraped = Scraped::start(json!({"metric_expiration": "300ms"})).await;
    scraped.send(&of_service(vec![gauge("level", "", vec![point(&[], 1.0)])]), 0).await;
    let series = scraped.weir.metrics().await.sum("weir_prometheus_exporter_series", &[]);
    assert_eq!(series, 2.0, "it and its target");
    weir_tests::wait::until("the page is empty", async || scraped.text().await.is_empty().then_some(()))
        .await;
}
