//! The `prometheusremotewrite` exporter: what it writes to an upstream that looks closely, and what it makes of its answers.

mod real;

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::metrics::v1::NumberDataPoint;
use prost::Message;
use serde_json::{Value, json};
use weir_tests::remote_write::WrittenSeries;
use weir_tests::requests::{attribute, metrics, text};
use weir_tests::{FakeRemoteWrite, HttpSender, Launch, Proxy, Signal, Weir, wait};

use super::prometheus_exporter::corpus::{CUMULATIVE, DELTA, counter, gauge, of_service, point, rich, sum};

/// A weir whose only pipeline is one of metrics to this exporter.
fn launch(endpoint: &str, settings: Value) -> Launch {
    let mut launch = Launch::new();
    let exporter = &mut launch.config["exporters"]["prometheusremotewrite"];
    *exporter = settings;
    exporter["endpoint"] = json!(endpoint);
    let pipeline = json!({"receivers": ["otlp"], "exporters": ["prometheusremotewrite"]});
    launch.config["service"]["pipelines"] = json!({"metrics": pipeline});
    launch
}

/// Sends metrics. The status, and what the sender is told: how many points are rejected, and why.
async fn send(weir: &Weir, request: &ExportMetricsServiceRequest) -> (u16, i64, String) {
    let reply = HttpSender::new(weir.ports.http).send(Signal::Metrics, request.encode_to_vec()).await;
    if reply.status != 200 {
        return (reply.status, 0, reply.text());
    }
    let answer =
        ExportMetricsServiceResponse::decode(reply.body).unwrap().partial_success.unwrap_or_default();
    (200, answer.rejected_data_points, answer.error_message)
}

async fn taken(weir: &Weir, request: &ExportMetricsServiceRequest) {
    assert_eq!(send(weir, request).await, (200, 0, String::new()));
}

/// The points that were sent, and those that were not.
async fn counts(weir: &Weir) -> (f64, f64) {
    let metrics = weir.metrics().await;
    let labels = [("exporter", "prometheusremotewrite")];
    let count = |what: &str| metrics.sum(&format!("otelcol_exporter_{what}_metric_points_total"), &labels);
    (count("sent"), count("send_failed"))
}

/// A gauge with so many series.
fn wide(count: usize) -> ExportMetricsServiceRequest {
    let tagged = |at: usize| point(&[("at", &format!("{at:0>80}"))], at as f64);
    metrics(vec![gauge("wide", "", (0..count).map(tagged).collect())])
}

/// The last value of the series with this name and these labels.
fn value(series: &[WrittenSeries], name: &str, with: &[(&str, &str)]) -> Option<f64> {
    let fits = |series: &&WrittenSeries| {
        series.name() == name
            && with.iter().all(|(key, value)| series.labels.get(*key).is_some_and(|own| own == value))
    };
    let found: Vec<_> = series.iter().filter(fits).collect();
    assert_eq!(found.len(), 1, "{name} {with:?}: {found:?}");
    found[0].samples.last().unwrap().value
}

#[tokio::test]
async fn metrics_of_every_kind_are_written_as_series_that_keep_the_rules() {
    let upstream = FakeRemoteWrite::start().await;
    let settings = json!({
        "external_labels": {"cluster": "blue", "__replica__": "r1"}, "headers": {"X-Scope-OrgID": "acme"},
    });
    let weir = launch(&upstream.endpoint(), settings).start().await;
    taken(&weir, &rich()).await;
    let series = upstream.taken();
    for (name, with, expected) in [
        ("http_requests_total", &[("path", "/a"), ("status", "200"), ("job", "shop/checkout")][..], 5.0),
        ("chat_tokens_total", &[("gen_ai_system", "x"), ("otel_scope_name", "lib.http")], 12345.0),
        ("http_request_duration_seconds_bucket", &[("le", "0.005")], 1.0),
        ("http_request_duration_seconds_bucket", &[("le", "+Inf"), ("cluster", "blue")], 10.0),
        ("http_request_duration_seconds_sum", &[("__replica__", "r1")], 12.75),
        ("llm_call_duration_milliseconds_count", &[("model", "m")], 10.0),
        ("agents_active", &[("agent_id", "7")], -2.0),
        ("rpc_quantiles_seconds", &[("quantile", "0.99")], 2.0),
        ("target_info", &[("service_version", "1.2"), ("job", "shop/checkout"), ("instance", "pod-1")], 1.0),
    ] {
        assert_eq!(value(&series, name, with), Some(expected), "{name} {with:?}");
    }
    assert_eq!(value(&series, "rpc_latency_seconds", &[]), None, "a native histogram");
    let with_exemplars = series.iter().filter(|series| !series.exemplars.is_empty()).count();
    assert_eq!(with_exemplars, 1 + 2 * 2, "a counter's, and two of each histogram");
    assert_eq!(upstream.written()[0].headers["x-scope-orgid"], "acme");
}

#[tokio::test]
async fn whatever_a_point_holds_the_request_is_one_that_prometheus_takes() {
    let hostile = "\"}\n,{a=\"\\\t\u{1}\u{7f}\u{85}\u{fffd}\u{2028}";
    let upstream = FakeRemoteWrite::start().await;
    let settings = json!({"resource_to_telemetry_conversion": {"enabled": true}, "send_metadata": true});
    let weir = launch(&upstream.endpoint(), settings).start().await;
    let names = ["__name__", "le", "job", "a.b", "a_b", "7", "", " ", "\u{fc}", hostile];
    let attributes = names.iter().map(|name| attribute(name, text(hostile))).collect::<Vec<_>>();
    let odd = |time_unix_nano| NumberDataPoint {
        attributes: attributes.clone(),
        time_unix_nano,
        ..point(&[], f64::NAN)
    };
    let mut request = rich();
    let resource = &mut request.resource_metrics[0];
    resource.resource.as_mut().unwrap().attributes.extend(attributes.clone());
    let metrics = &mut resource.scope_metrics[0].metrics;
    metrics.push(gauge(hostile, hostile, vec![odd(0), odd(u64::MAX), odd(5), odd(5)]));
    metrics.push(gauge(" ", "", vec![point(&[], 1.0)]));
    let (status, rejected, message) = send(&weir, &request).await;
    assert_eq!((status, rejected), (200, 1), "{message}");
    assert!(message.contains("a metric's name is empty"), "{message}");
    let series = upstream.taken();
    assert!(series.iter().any(|series| series.samples.len() == 3 && series.labels["a_b"].contains(';')));
}

#[tokio::test]
async fn what_may_pass_is_sent_again_and_what_may_not_is_told_and_counted() {
    let upstream = FakeRemoteWrite::start().await;
    let settings = json!({"headers": {"Authorization": "Bearer hush-hush"}});
    let weir = launch(&upstream.endpoint(), settings).start().await;
    upstream.script([(429, "slow down"), (500, "an ingester is away"), (503, "")]);
    taken(&weir, &wide(3)).await;
    assert_eq!(upstream.written().len(), 4);
    assert_eq!(counts(&weir).await, (3.0, 0.0));
    for status in [400, 401, 404, 413] {
        upstream.script([(status, "no, not with hush-hush: hunter2")]);
        let (got, _, message) = send(&weir, &wide(2)).await;
        assert_eq!(got, status, "{message}");
        assert!(message.contains("no, not with [REDACTED]: hunter2"), "{message}");
    }
    assert_eq!(counts(&weir).await, (3.0, 8.0));
    weir.stderr_says("could not send a batch").await;
    let said = weir.stderr();
    assert!(!said.contains("hunter2") && !said.contains("hush-hush"), "{said}");
    assert_eq!(upstream.faults(), Vec::<String>::new());
}

#[tokio::test]
async fn large_requests_are_split_and_what_one_part_loses_costs_no_other() {
    let upstream = FakeRemoteWrite::start().await;
    let weir = launch(&upstream.endpoint(), json!({"max_batch_size_bytes": 4000})).start().await;
    upstream.script([(204, ""), (400, "too old"), (204, "")]);
    let (status, rejected, message) = send(&weir, &wide(200)).await;
    let written = upstream.written();
    assert!(written.len() > 3, "{}", written.len());
    assert!(written.iter().all(|one| one.bytes <= 4000));
    let lost = written[1].series.len();
    assert_eq!((status, rejected), (200, lost as i64), "{message}");
    assert!(message.contains("too old"), "{message}");
    assert_eq!(upstream.taken().len(), 200 - lost);
    assert_eq!(counts(&weir).await, ((200 - lost) as f64, lost as f64));

    // One that may pass ends the attempt, and all of it is sent again: what is there already is no news.
    let before = written.len();
    upstream.script([(204, ""), (503, "later")]);
    taken(&weir, &wide(200)).await;
    assert_eq!(upstream.written().len(), before + 2 + before);
    assert_eq!(upstream.faults(), Vec::<String>::new());
}

#[tokio::test]
async fn deltas_are_refused_with_what_to_do_and_the_rest_is_written() {
    let upstream = FakeRemoteWrite::start().await;
    let weir = launch(&upstream.endpoint(), json!({})).start().await;
    let delta = sum("jobs", "", DELTA, true, vec![point(&[], 1.0), point(&[("tag", "x")], 1.0)]);
    let request = of_service(vec![delta, counter("kept", "", vec![point(&[], 7.0)])]);
    let (status, rejected, message) = send(&weir, &request).await;
    assert_eq!((status, rejected), (200, 2));
    assert!(message.contains("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative"), "{message}");
    let names: Vec<_> = upstream.taken().iter().map(|series| series.name().to_owned()).collect();
    assert_eq!(names, ["kept_total", "target_info"]);
    assert_eq!(counts(&weir).await, (1.0, 2.0));
}

#[tokio::test]
async fn the_samples_of_a_series_arrive_in_their_order_though_the_upstream_fails_in_between() {
    let upstream = FakeRemoteWrite::start().await;
    let settings = json!({"remote_write_queue": {"wait_for_result": false}});
    let weir = launch(&upstream.endpoint(), settings).start().await;
    upstream.script([(204, ""), (503, ""), (503, ""), (204, ""), (500, "")]);
    let start = 1_795_000_000_000_000_000_u64;
    for at in 0..30_u64 {
        let time_unix_nano = start + at * 1_000_000_000;
        let counted = NumberDataPoint { time_unix_nano, ..point(&[], at as f64) };
        taken(&weir, &metrics(vec![sum("steps", "", CUMULATIVE, true, vec![counted])])).await;
    }
    wait::until("all of it is written", async || (upstream.taken().len() == 30).then_some(())).await;
    let values: Vec<_> = upstream.taken().iter().map(|series| series.samples[0].value.unwrap()).collect();
    assert!(values.is_sorted(), "{values:?}");
}

#[tokio::test]
async fn it_has_a_proxy_a_durable_queue_and_batches_as_every_exporter_has() {
    let (upstream, home) = (FakeRemoteWrite::start().await, tempfile::tempdir().unwrap());
    let port: u16 = upstream.endpoint().split(['/', ':']).nth(4).unwrap().parse().unwrap();
    let proxy = Proxy::start(port, None).await;
    let queue = json!({"storage": "file_storage", "batch": {"flush_timeout": "60s", "min_size": 30}});
    let settings = json!({"proxy_url": format!("http://{}", proxy.address()), "remote_write_queue": queue});
    let mut launch = launch("http://prometheus.invalid/api/v1/write", settings);
    launch.config["extensions"]["file_storage"] = json!({"directory": home.path(), "create_directory": true});
    launch.config["service"]["extensions"] = json!(["health_check", "file_storage"]);
    let weir = launch.start().await;
    for tag in ["a", "b", "c"] {
        let points = (0..10).map(|at| point(&[("tag", tag), ("at", &at.to_string())], 1.0)).collect();
        taken(&weir, &metrics(vec![gauge("many", "", points)])).await;
    }
    let written =
        wait::until("it is written", async || Some(upstream.written()).filter(|all| !all.is_empty())).await;
    assert_eq!((written.len(), upstream.taken().len()), (1, 30));
    let head = &proxy.heads()[0];
    assert!(head.starts_with("POST http://prometheus.invalid/api/v1/write"), "{head}");
}

#[tokio::test]
async fn a_collectors_file_is_taken_with_its_block_http_and_what_changes_no_data_is_a_warning() {
    let upstream = FakeRemoteWrite::start().await;
    let mut launch = launch("", json!({"max_batch_request_parallelism": 4, "add_metric_suffixes": false}));
    let exporter = &mut launch.config["exporters"]["prometheusremotewrite"];
    exporter["http"] = json!({"endpoint": upstream.endpoint(), "tls": {"insecure": true}});
    exporter.as_object_mut().unwrap().remove("endpoint");
    let weir = launch.start().await;
    taken(&weir, &metrics(vec![counter("jobs", "s", vec![point(&[], 1.0)])])).await;
    let totals: BTreeMap<_, _> =
        upstream.taken().iter().map(|series| (series.name().to_owned(), series.samples.len())).collect();
    assert_eq!(totals, BTreeMap::from([("jobs".to_owned(), 1)]));
    weir.stderr_says("max_batch_request_parallelism: left out, since no data depends on it").await;
}
