//! The `loki` exporter: what it pushes to a Loki that looks closely, and what it makes of its answers.

mod real;

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::logs::v1::LogRecord;
use prost::Message;
use serde_json::{Value, json};
use weir_tests::loki::PushedStream;
use weir_tests::requests::{attribute, log, logs, map, text, unique_ids};
use weir_tests::{FakeLoki, GrpcSender, Ids, Launch, Proxy, Signal, Weir, ids};

/// Loki judges logs by their age, so that a fixed time will not do.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    u64::try_from(since.as_nanos()).expect("a clock before 2554")
}

fn record(id: &str) -> LogRecord {
    let now = now();
    LogRecord { time_unix_nano: now, observed_time_unix_nano: now, ..log(id) }
}

fn records(tag: &str, count: usize) -> Vec<LogRecord> {
    unique_ids(tag, count).iter().map(|id| record(id)).collect()
}

/// A weir whose only pipeline is one of logs to a `loki` exporter.
fn launch(endpoint: &str, settings: Value) -> Launch {
    let mut launch = Launch::new();
    let exporter = &mut launch.config["exporters"]["loki"];
    *exporter = settings;
    exporter["endpoint"] = json!(endpoint);
    let pipeline = json!({"receivers": ["otlp"], "exporters": ["loki"]});
    launch.config["service"]["pipelines"] = json!({"logs": pipeline});
    launch
}

async fn send(weir: &Weir, records: Vec<LogRecord>) -> Result<(), tonic::Status> {
    GrpcSender::new(weir.ports.grpc).send(Signal::Logs, logs(records).encode_to_vec()).await.map(drop)
}

fn pushed_ids(streams: &[PushedStream]) -> Ids {
    let entries = streams.iter().flat_map(|stream| &stream.entries);
    entries.map(|entry| entry.json()["attributes"][ids::KEY].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn logs_are_pushed_in_either_encoding_as_loki_wants_them() {
    for settings in [
        json!({}),
        json!({"encoding": "json"}),
        json!({"compression": "gzip"}),
        json!({"encoding": "json", "compression": "none"}),
    ] {
        let loki = FakeLoki::start().await;
        let weir = launch(&loki.endpoint(), settings).start().await;
        let mut records = records("pushed", 500);
        // Older ones come later.
        records.reverse();
        records[3].severity_number = 17;
        send(&weir, records).await.unwrap();
        let streams = loki.taken();
        let levels: Vec<_> = streams.iter().map(|stream| stream.labels["level"].as_str()).collect();
        assert_eq!(levels, ["INFO", "ERROR"]);
        assert_eq!((streams[0].labels["job"].as_str(), streams[0].labels.len()), ("checkout", 3));
        let ids = pushed_ids(&streams);
        assert_eq!((ids.len(), ids.doubled().len()), (500, 0));
        let entry = &streams[0].entries[0];
        let line = entry.json();
        assert_eq!((line["body"].as_str(), line["severity"].as_str()), (Some("cart loaded"), Some("INFO")));
        assert_eq!(line["traceid"].as_str(), Some(entry.metadata["trace_id"].as_str()));
        assert_eq!(line["spanid"].as_str(), Some(entry.metadata["span_id"].as_str()));
    }
}

#[tokio::test]
async fn whatever_a_log_holds_the_push_is_one_that_loki_takes() {
    let hostile = "\"}\n,{a=\"\\\t\u{1}\u{7f}\u{85}\u{fffd}\u{2028}";
    for encoding in ["proto", "json"] {
        let loki = FakeLoki::start().await;
        let weir = launch(&loki.endpoint(), json!({"encoding": encoding})).start().await;
        let mut all = Vec::new();
        for (at, format) in ["json", "logfmt", "raw"].into_iter().enumerate() {
            let mut record = record(&format!("hostile-{at}"));
            let names =
                [hostile, "ok.name", "__name__", "7", "empty", "long", "deep.er", "", " , ,"].join(",");
            record.attributes.extend([
                attribute("loki.attribute.labels", text(names)),
                attribute("loki.format", text(format)),
                attribute(hostile, text(hostile)),
                attribute("ok.name", text(hostile)),
                attribute("__name__", text("x")),
                attribute("7", text("days")),
                attribute("empty", text("")),
                attribute("long", text("x".repeat(5000))),
                attribute("deep", map([("er", text(hostile)), (hostile, text("y"))])),
            ]);
            record.body = Some(text(hostile));
            all.push(record);
        }
        // Neither of these is a time that Loki could read.
        let mut no_time = record("hostile-time");
        (no_time.time_unix_nano, no_time.observed_time_unix_nano) = (u64::MAX, 0);
        no_time.trace_id = vec![7; 100];
        no_time.severity_number = -5;
        all.push(no_time);
        send(&weir, all).await.unwrap();
        let streams = loki.taken();
        assert_eq!(streams.iter().map(|stream| stream.entries.len()).sum::<usize>(), 4);
        let stream = streams.iter().find(|stream| stream.labels.contains_key("ok_name")).unwrap();
        assert_eq!(stream.labels["ok_name"], hostile.replace('\u{fffd}', "?"));
        assert_eq!(stream.labels["key__name__"], "x");
        assert_eq!(stream.labels["key_7"], "days");
        let raw = streams.iter().flat_map(|stream| &stream.entries).any(|entry| entry.line == hostile);
        assert!(raw, "the line is the body as it was");
    }
}

#[tokio::test]
async fn more_labels_than_loki_takes_stay_in_the_line() {
    let loki = FakeLoki::start().await;
    let weir = launch(&loki.endpoint(), json!({"default_labels_enabled": {"exporter": false}})).start().await;
    let mut record = record("labels");
    let names: Vec<String> = (10..30).map(|at| format!("label.{at}")).collect();
    record.attributes.push(attribute("loki.attribute.labels", text(names.join(", "))));
    record.attributes.extend(names.iter().map(|name| attribute(name, text("x"))));
    send(&weir, vec![record]).await.unwrap();
    let streams = loki.taken();
    assert_eq!((streams[0].labels.len(), streams[0].labels["level"].as_str()), (15, "INFO"));
    let line = streams[0].entries[0].json();
    let in_line = names.iter().filter(|name| line["attributes"][name.as_str()] == "x");
    let as_label = names.iter().filter(|name| streams[0].labels.contains_key(&name.replace('.', "_")));
    assert_eq!(in_line.count() + as_label.count(), names.len(), "each is in one place");
}

#[tokio::test]
async fn a_push_that_may_pass_is_sent_again_and_one_that_may_not_is_told() {
    let loki = FakeLoki::start().await;
    let weir =
        launch(&loki.endpoint(), json!({"retry_on_failure": {"initial_interval": "10ms"}})).start().await;
    loki.script([(429, "Ingestion rate limit exceeded for user fake"), (500, "no ingesters"), (503, "")]);
    send(&weir, records("retried", 3)).await.unwrap();
    assert_eq!(loki.pushed().len(), 4);
    let said = "entry for stream '{job=\"checkout\"}' has timestamp too old: hunter2";
    for (status, code) in [
        (260, tonic::Code::PermissionDenied),
        (400, tonic::Code::InvalidArgument),
        (401, tonic::Code::Unauthenticated),
        (413, tonic::Code::ResourceExhausted),
    ] {
        loki.script([(status, said)]);
        let refusal = send(&weir, records("refused", 2)).await.unwrap_err();
        assert_eq!(refusal.code(), code, "{status}");
        assert!(refusal.message().contains(said), "{}", refusal.message());
    }
    weir.stderr_says("could not send a batch").await;
    assert!(!weir.stderr().contains("hunter2"), "Loki's words are for the sender alone: {}", weir.stderr());
    assert_eq!(loki.faults(), Vec::<String>::new());
}

#[tokio::test]
async fn the_logs_of_each_tenant_go_under_its_name_and_one_that_is_refused_costs_no_other() {
    let loki = FakeLoki::start().await;
    let weir = launch(&loki.endpoint(), json!({"headers": {"X-Scope-OrgID": "everybody"}})).start().await;
    let of = |tenant: &str| {
        let mut record = record(&format!("of-{tenant}"));
        record.attributes.push(attribute("loki.tenant", text("team")));
        record.attributes.push(attribute("team", text(tenant)));
        record
    };
    loki.script([(204, ""), (400, "too old"), (204, "")]);
    let all = vec![of("red"), of("blue"), record("of-nobody"), of("red"), of("not a name")];
    let answer =
        GrpcSender::new(weir.ports.grpc).send(Signal::Logs, logs(all).encode_to_vec()).await.unwrap();
    let pushed = loki.pushed();
    let tenants: Vec<_> = pushed.iter().map(|one| one.headers["x-scope-orgid"].to_str().unwrap()).collect();
    assert_eq!(tenants, ["red", "blue", "everybody"]);
    assert_eq!(loki.taken().iter().map(|stream| stream.entries.len()).sum::<usize>(), 3);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.contains("too old"), "the sender is told of the two that are lost: {answer:?}");
    let metrics = weir.metrics().await;
    let failed = metrics.sum("otelcol_exporter_send_failed_log_records_total", &[("exporter", "loki")]);
    assert_eq!(failed, 2.0);
}

#[tokio::test]
async fn it_has_a_proxy_a_durable_queue_and_batches_as_every_exporter_has() {
    let (loki, home) = (FakeLoki::start().await, tempfile::tempdir().unwrap());
    let port: u16 = loki.endpoint().split(['/', ':']).nth(4).unwrap().parse().unwrap();
    let proxy = Proxy::start(port, None).await;
    let queue = json!({"storage": "file_storage", "batch": {"flush_timeout": "60s", "min_size": 30}});
    let settings = json!({"proxy_url": format!("http://{}", proxy.address()), "sending_queue": queue});
    let mut launch = launch("http://loki.invalid/loki/api/v1/push", settings);
    launch.config["extensions"]["file_storage"] = json!({"directory": home.path(), "create_directory": true});
    launch.config["service"]["extensions"] = json!(["health_check", "file_storage"]);
    let weir = launch.start().await;
    for tag in ["a", "b", "c"] {
        send(&weir, records(tag, 10)).await.unwrap();
    }
    loki.pushes(1).await;
    let ids = pushed_ids(&loki.taken());
    assert_eq!((ids.len(), ids.doubled().len()), (30, 0));
    assert!(proxy.heads()[0].starts_with("POST http://loki.invalid/loki/api/v1/push"), "{:?}", proxy.heads());
}

#[tokio::test]
async fn logs_alone_can_go_there() {
    let dir = tempfile::tempdir().unwrap();
    let mut launch = launch("http://loki:3100/loki/api/v1/push", json!({}));
    let pipelines = &mut launch.config["service"]["pipelines"];
    pipelines["metrics"] = pipelines["logs"].clone();
    let file = dir.path().join("weir.yaml");
    std::fs::write(&file, launch.config.to_string()).unwrap();
    let output = weir_tests::weir::run(&["validate", "--config", file.to_str().unwrap()], dir.path()).await;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(
        told.contains("service::pipelines::metrics: exporter \"loki\" takes logs and no metrics"),
        "{told}"
    );
}
