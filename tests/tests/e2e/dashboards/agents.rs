//! Every query of the dashboard of a platform of agents shows something: its services' metrics go through weir's `prometheus` exporter, as in
//! its own Collector file, and its logs through weir's `loki` exporter.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Histogram, HistogramDataPoint, Metric, NumberDataPoint, Sum, number_data_point,
};
use prost::Message;
use serde_json::json;
use weir_tests::backend::{Prometheus, encoded};
use weir_tests::ports::free_port;
use weir_tests::requests::{attribute, int, log, logs, metrics, text};
use weir_tests::{Backend, GrpcSender, Launch, Signal, clock, wait, weir};

use super::queries::{has_values, substituted, without_figures};
use super::{Asked, all, asked, list};

const DASHBOARD: &str = "agentstack.json";
/// AGGREGATION_TEMPORALITY_CUMULATIVE.
const CUMULATIVE: i32 = 2;
const HTTP_SECONDS: [f64; 5] = [0.005, 0.05, 0.5, 5.0, 10.0];
const LLM_SECONDS: [f64; 4] = [0.1, 1.0, 10.0, 60.0];

/// A configuration with one pipeline, to one exporter.
fn alone(signal: &str, exporter: &str, settings: serde_json::Value) -> Launch {
    let mut launch = Launch::new();
    launch.config["exporters"] = json!({exporter: settings});
    launch.config["service"]["pipelines"] = json!({signal: {"receivers": ["otlp"], "exporters": [exporter]}});
    launch
}

fn dashboard() -> (serde_json::Value, Vec<Asked>) {
    let (file, dashboard) = all().into_iter().find(|(file, _)| file == DASHBOARD).unwrap();
    let queries = asked(&file, &dashboard);
    (dashboard, queries)
}

/// Whether this weir has such an exporter; says that the test is skipped where it has not.
async fn has_exporter(name: &str) -> bool {
    let output = weir::run(&["components"], std::path::Path::new(".")).await;
    let components = String::from_utf8_lossy(&output.stdout).into_owned();
    let exporters = components.split("exporters:").nth(1).unwrap_or_default();
    let exporters: String =
        exporters.lines().skip(1).take_while(|line| line.starts_with([' ', '-'])).collect();
    let is_there = exporters.split_whitespace().any(|word| word == name);
    if !is_there {
        eprintln!("skipped: this weir has no {name} exporter");
    }
    is_there
}

fn sum(name: &str, unit: &str, is_monotonic: bool, points: Vec<(Vec<KeyValue>, i64)>) -> Metric {
    let point = |(attributes, value)| NumberDataPoint {
        attributes,
        start_time_unix_nano: clock::now() - 60_000_000_000,
        time_unix_nano: clock::now(),
        value: Some(number_data_point::Value::AsInt(value)),
        ..NumberDataPoint::default()
    };
    let data_points = points.into_iter().map(point).collect();
    let data = Sum { data_points, aggregation_temporality: CUMULATIVE, is_monotonic };
    Metric { name: name.into(), unit: unit.into(), data: Some(Data::Sum(data)), ..Metric::default() }
}

fn histogram(name: &str, bounds: &[f64], attributes: Vec<KeyValue>, each: u64) -> Metric {
    let buckets = bounds.len() + 1;
    let count = each * u64::try_from(buckets).unwrap();
    let point = HistogramDataPoint {
        attributes,
        start_time_unix_nano: clock::now() - 60_000_000_000,
        time_unix_nano: clock::now(),
        count,
        sum: Some(count as f64 / 4.0),
        bucket_counts: vec![each; buckets],
        explicit_bounds: bounds.to_vec(),
        ..HistogramDataPoint::default()
    };
    let data = Histogram { data_points: vec![point], aggregation_temporality: CUMULATIVE };
    Metric { name: name.into(), unit: "s".into(), data: Some(Data::Histogram(data)), ..Metric::default() }
}

/// What the platform has counted after so many rounds.
fn counted(round: u64) -> Vec<u8> {
    let value = |each: i64| each * i64::try_from(round).unwrap();
    let http = |status: i64| {
        vec![
            attribute("method", text("POST")),
            attribute("path", text("/chat")),
            attribute("status", int(status)),
        ]
    };
    let agent = || {
        vec![
            attribute("agent.id", text("a-1")),
            attribute("project.id", text("p-1")),
            attribute("model", text("large")),
        ]
    };
    let by_agent = |name: &str, unit: &str, each: i64| sum(name, unit, true, vec![(agent(), value(each))]);
    metrics(vec![
        sum("http_requests_total", "{request}", true, vec![(http(200), value(9)), (http(503), value(1))]),
        histogram("http_request_duration_seconds", &HTTP_SECONDS, http(200), round),
        histogram("llm_call_duration_seconds", &LLM_SECONDS, agent(), round),
        by_agent("chat_tokens_total", "{token}", 300),
        by_agent("llm_calls_total", "{request}", 2),
        by_agent("llm_tokens_in_total", "{token}", 200),
        by_agent("llm_tokens_out_total", "{token}", 100),
        sum("agents_active", "{agent}", false, vec![(agent(), 3)]),
    ])
    .encode_to_vec()
}

#[tokio::test]
async fn every_query_over_the_metrics_of_agents_shows_something() {
    if !has_exporter("prometheus").await {
        return;
    }
    let port = free_port();
    let exporter = json!({"endpoint": format!("127.0.0.1:{port}"), "namespace": "agentstack"});
    let weir = alone("metrics", "prometheus", exporter).start().await;
    let options = Prometheus { scrape: vec![("agentstack".into(), port)], ..Prometheus::default() };
    let Some(prometheus) = Backend::prometheus(options).await else { return };
    let (dashboard, mut queries) = dashboard();
    queries.retain(|one| one.kind == "prometheus");
    let sender = GrpcSender::new(weir.ports.grpc);
    // Rates need counters that rise between two scrapes.
    for round in 1..=3 {
        sender.send(Signal::Metrics, counted(round)).await.unwrap();
        let tokens = format!("max(agentstack_llm_tokens_in_total) >= {}", 200 * round);
        wait::until(&format!("Prometheus has seen round {round}: {tokens}"), async || {
            prometheus.vector(&tokens).await.first().map(drop)
        })
        .await;
    }
    for variable in list(&dashboard["templating"]["list"]).filter(|one| one["type"] == "query") {
        assert!(has_values(&prometheus, variable).await, "{variable}");
    }
    assert!(queries.len() > 20);
    assert_eq!(without_figures(&prometheus, &queries, &[]).await, Vec::<String>::new());
}

#[tokio::test]
async fn every_query_over_the_logs_of_agents_shows_something() {
    if !has_exporter("loki").await {
        return;
    }
    let Some(loki) = Backend::loki(1000).await else { return };
    let endpoint = format!("http://127.0.0.1:{}/loki/api/v1/push", loki.api);
    let weir = alone("logs", "loki", json!({"endpoint": endpoint})).start().await;
    let sender = GrpcSender::new(weir.ports.grpc);
    let mut record = log("failed");
    (record.severity_number, record.severity_text) = (17, "ERROR".into());
    (record.time_unix_nano, record.observed_time_unix_nano) = (clock::now(), clock::now());
    sender.send(Signal::Logs, logs(vec![record]).encode_to_vec()).await.unwrap();
    let (_, mut queries) = dashboard();
    queries.retain(|one| one.kind == "loki");
    assert!(queries.len() >= 3);
    for one in &queries {
        let query = substituted(&one.expr);
        let path = format!("/loki/api/v1/query_range?limit=100&since=5m&step=1&query={}", encoded(&query));
        wait::until(&format!("{}: {query}", one.panel), async || {
            let answer = loki.get(&path).await?;
            answer.pointer("/data/result")?.as_array()?.first().map(drop)
        })
        .await;
    }
    let errors = queries.iter().find(|one| one.expr.contains("ERROR")).unwrap();
    let streams = loki.streams(&errors.expr).await;
    let trace = streams[0]["stream"]["traceid"].as_str().unwrap_or_default();
    assert_eq!(trace.len(), 32, "the trace that the table leads to: {}", streams[0]);
}
