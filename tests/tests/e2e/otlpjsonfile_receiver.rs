//! The `otlp_json_file` receiver: what was recorded comes again, once, whatever becomes of the files and of weir; and nothing that
//! stands in a file stops it.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use serde_json::{Value, json};
use tonic::Code;
use weir_tests::build::source_file;
use weir_tests::lines::{append, line, reader};
use weir_tests::{Answer, GrpcSender, Launch, Received, Signal, Upstream, Weir, requests, wait};

/// Files that are read from their beginning.
fn whole(include: &Path) -> Value {
    json!({"include": [include], "start_at": "beginning"})
}

fn to(upstream: &Upstream, launch: Launch) -> Launch {
    launch.to_grpc(&upstream.address())
}

/// Waits until these items have come, and no others, none of them twice.
async fn arrive_once(upstream: &Upstream, tags: impl IntoIterator<Item = String>) {
    let expected: std::collections::BTreeSet<String> = tags.into_iter().collect();
    wait::until("everything arrives", async || {
        (upstream.delivered_ids().len() >= expected.len()).then_some(())
    })
    .await;
    let ids = upstream.delivered_ids();
    assert_eq!(ids.iter().map(str::to_owned).collect::<std::collections::BTreeSet<_>>(), expected);
    assert_eq!(ids.doubled(), Vec::<&str>::new());
}

fn tags(tag: &str, numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|number| format!("{tag}{number}-0")).collect()
}

/// Lines of one item each.
fn lines(tag: &str, numbers: std::ops::Range<usize>) -> Vec<u8> {
    numbers.flat_map(|number| line(Signal::Logs, &format!("{tag}{number}"), 1)).collect()
}

/// What a request says, whatever the order of its bytes.
fn meaning(signal: Signal, body: &[u8]) -> String {
    match signal {
        Signal::Traces => format!("{:?}", ExportTraceServiceRequest::decode(body).unwrap()),
        Signal::Metrics => format!("{:?}", ExportMetricsServiceRequest::decode(body).unwrap()),
        Signal::Logs | Signal::Profiles => format!("{:?}", ExportLogsServiceRequest::decode(body).unwrap()),
    }
}

fn meanings(requests: impl IntoIterator<Item = (Signal, Bytes)>) -> Vec<String> {
    let mut all: Vec<_> = requests.into_iter().map(|(signal, body)| meaning(signal, &body)).collect();
    all.sort();
    all
}

async fn refused(weir: &Weir) -> f64 {
    let labels = [("receiver", "otlp_json_file"), ("outcome", "refused")];
    weir.metrics().await.sum("otelcol_receiver_requests_total", &labels)
}

#[tokio::test]
async fn what_is_recorded_and_replayed_says_what_was_sent() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("recorded.jsonl");
    let mut weir = Launch::new().exporter("file", json!({"path": path})).start().await;
    let sender = GrpcSender::new(weir.ports.grpc);
    let mut sent: Vec<(Signal, Bytes)> = Vec::new();
    for (signal, name) in [
        (Signal::Traces, "traces-1"),
        (Signal::Traces, "traces-2"),
        (Signal::Metrics, "metrics-1"),
        (Signal::Logs, "logs-1"),
        (Signal::Logs, "logs-2"),
    ] {
        // Requests of the Python SDK.
        sent.push((signal, std::fs::read(source_file(format!("recorded/{name}.bin"))).unwrap().into()));
    }
    for signal in Signal::READ {
        sent.push((signal, requests::unique(signal, signal.name(), 100)));
    }
    for (signal, body) in &sent {
        sender.send(*signal, body.clone()).await.unwrap();
    }
    weir.settle().await;
    weir.stop().await;

    let upstream = Upstream::start().await;
    let weir = to(&upstream, reader(whole(&path))).start().await;
    let replayed = upstream.deliveries(sent.len()).await;
    let replayed = replayed.into_iter().map(|Received { signal, body, .. }| (signal, body));
    assert_eq!(meanings(replayed), meanings(sent));
    let metrics = weir.metrics().await;
    let labels = [("receiver", "otlp_json_file"), ("transport", "file")];
    assert!(metrics.sum("otelcol_receiver_accepted_spans_total", &labels) >= 100.0);
}

#[tokio::test]
async fn what_the_collectors_file_exporter_writes_is_read() {
    let upstream = Upstream::start().await;
    let path = source_file("recorded/collector-file.jsonl");
    let weir = to(&upstream, reader(whole(&path))).start().await;
    let received = upstream.deliveries(3).await;
    let items = |signal: Signal| received.iter().filter(|one| one.signal == signal).count();
    assert_eq!(Signal::READ.map(items), [1, 1, 1]);
    let spans = requests::spans(&received.iter().find(|one| one.signal == Signal::Traces).unwrap().body);
    assert_eq!((spans.len(), spans[0].name.as_str(), spans[0].trace_id.len()), (2, "operationA", 16));
    assert_eq!(refused(&weir).await, 0.0);
}

#[tokio::test]
async fn a_recording_is_followed_over_its_rotations() {
    let (upstream, home) = (Upstream::start().await, tempfile::tempdir().unwrap());
    let file = json!({"path": home.path().join("data.jsonl"), "rotation": {"max_megabytes": 1}});
    let recorder = Launch::new().exporter("file", file).start().await;
    let _reader = to(&upstream, reader(whole(&home.path().join("*.jsonl")))).start().await;
    let sender = GrpcSender::new(recorder.ports.grpc);
    let mut sent = Vec::new();
    for number in 0..40 {
        let tag = format!("rotated{number}-");
        sender.send(Signal::Logs, requests::unique(Signal::Logs, &tag, 200)).await.unwrap();
        sent.extend(requests::unique_ids(&tag, 200));
    }
    arrive_once(&upstream, sent).await;
    assert!(std::fs::read_dir(home.path()).unwrap().count() > 2);
}

#[tokio::test]
async fn a_file_that_is_moved_away_is_read_to_its_end_and_one_that_is_cut_short_from_its_beginning() {
    let (upstream, home) = (Upstream::start().await, tempfile::tempdir().unwrap());
    let path = home.path().join("data.jsonl");
    append(&path, &lines("a", 0..3));
    let _weir = to(&upstream, reader(whole(&path))).start().await;
    arrive_once(&upstream, tags("a", 0..3)).await;
    // Added and moved away in one go.
    append(&path, &lines("b", 0..3));
    std::fs::rename(&path, home.path().join("data.jsonl.1")).unwrap();
    append(&path, &lines("c", 0..3));
    arrive_once(&upstream, [tags("a", 0..3), tags("b", 0..3), tags("c", 0..3)].concat()).await;
    std::fs::write(&path, lines("d", 0..1)).unwrap();
    let all = [tags("a", 0..3), tags("b", 0..3), tags("c", 0..3), tags("d", 0..1)].concat();
    arrive_once(&upstream, all.clone()).await;
    // A line that is not whole yet waits for its rest.
    let whole = line(Signal::Logs, "e0", 1);
    let (beginning, end) = whole.split_at(30);
    append(&path, beginning);
    tokio::time::sleep(Duration::from_millis(300)).await;
    append(&path, end);
    arrive_once(&upstream, [all, tags("e", 0..1)].concat()).await;
}

#[tokio::test]
async fn no_line_stops_it_whatever_stands_in_it() {
    let (upstream, home) = (Upstream::start().await, tempfile::tempdir().unwrap());
    let path = home.path().join("hostile.jsonl");
    let secret = "s3cret-telemetry";
    let deep = format!("{{\"resourceLogs\":{}\n", "[".repeat(1 << 20));
    let nested = {
        let (open, close) = ("{\"arrayValue\":{\"values\":[".repeat(500), "]}}".repeat(500));
        format!(
            "{{\"resourceLogs\":[{{\"scopeLogs\":[{{\"logRecords\":[{{\"body\":{open}{close}}}]}}]}}]}}\n"
        )
    };
    let huge = format!("{{\"resourceLogs\":[],\"x\":\"{}\"}}\n", "y".repeat(3 << 20));
    let bad: Vec<Vec<u8>> = vec![
        format!("{secret}\n").into_bytes(),
        b"\xff\xfe\x00\n".to_vec(),
        b"{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"severityText\":\"\xff\"}]}]}]}\n".to_vec(),
        format!("{{\"resourceLogs\":\"{secret}\"}}\n").into_bytes(),
        format!("{{\"{secret}\":1}}\n").into_bytes(),
        b"\xef\xbb\xbf{\"resourceLogs\":[]}\n".to_vec(),
        deep.into_bytes(),
        nested.into_bytes(),
        huge.into_bytes(),
        b"[]\n".to_vec(),
        b"{\"resourceSpans\":[],\"resourceLogs\":[]}\n".to_vec(),
        vec![b'\0'; 1000].into_iter().chain(*b"\n").collect(),
    ];
    // A mark and a carriage return are no part of the first line, and empty lines are nothing.
    append(&path, b"\xef\xbb\xbf");
    let first = line(Signal::Logs, "good0", 1);
    append(&path, &[first.trim_ascii_end(), b"\r\n\r\n\n"].concat());
    for (number, bad) in bad.iter().enumerate() {
        append(&path, bad);
        append(&path, &lines("good", number + 1..number + 2));
    }
    let mut settings = whole(&path);
    settings["max_log_size"] = json!("2MiB");
    let weir = to(&upstream, reader(settings)).start().await;
    arrive_once(&upstream, tags("good", 0..bad.len() + 1)).await;
    assert_eq!(refused(&weir).await, bad.len() as f64);
    weir.stderr_says("lines that are no requests are passed over").await;
    assert!(!weir.stderr().contains(secret), "{}", weir.stderr());
    assert!(weir.stderr().matches("are passed over").count() <= 2, "it is told once in a while");
}

#[tokio::test]
async fn while_the_upstream_is_away_lines_wait_and_none_is_lost() {
    let (upstream, home) = (Upstream::start().await, tempfile::tempdir().unwrap());
    let path = home.path().join("data.jsonl");
    append(&path, &lines("w", 0..200));
    upstream.always(Answer::Grpc(Code::Unavailable, None));
    let weir = to(&upstream, reader(whole(&path))).start().await;
    upstream.arrivals(40).await;
    let waiting = weir.metrics().await.sum("otelcol_exporter_queue_size", &[]);
    assert!(waiting <= 32.0, "{waiting} lines are under way");
    upstream.always(Answer::Ok);
    arrive_once(&upstream, tags("w", 0..200)).await;
}

#[tokio::test]
async fn a_reload_that_leaves_it_alone_and_one_that_changes_it_neither_lose_nor_double_a_line() {
    let (upstream, home) = (Upstream::start().await, tempfile::tempdir().unwrap());
    let path = home.path().join("data.jsonl");
    append(&path, &lines("r", 0..500));
    let launch = to(&upstream, reader(whole(&path)));
    let mut config = launch.config.clone();
    let weir = launch.start().await;
    let file = path.clone();
    let writer = tokio::spawn(async move {
        for number in 500..1500 {
            append(&file, &lines("r", number..number + 1));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    for reload in 1..=6_u32 {
        if reload % 2 == 0 {
            let level = if reload == 2 { "debug" } else { "info" };
            config["exporters"]["otlp_grpc"]["timeout"] = json!(format!("{}s", 5 + reload));
            config["service"]["telemetry"]["logs"] = json!({"level": level, "encoding": "console"});
        } else {
            config["receivers"]["otlp_json_file"]["max_concurrent_files"] = json!(100 + reload);
        }
        weir.reconfigure(&config);
        weir.reloads("success", reload).await;
    }
    writer.await.unwrap();
    arrive_once(&upstream, tags("r", 0..1500)).await;
}

#[tokio::test]
async fn with_a_storage_a_restart_goes_on_and_a_kill_costs_no_line() {
    let (upstream, home) = (Upstream::start().await, tempfile::tempdir().unwrap());
    let path = home.path().join("data.jsonl");
    append(&path, &lines("k", 0..3000));
    let launch = || {
        let mut settings = whole(&path);
        settings["storage"] = json!("file_storage");
        let mut launch = to(&upstream, reader(settings));
        launch.config["extensions"]["file_storage"] = json!({"directory": home.path().join("kept")});
        launch.config["service"]["extensions"] = json!(["health_check", "file_storage"]);
        launch
    };
    // A stop answers what is under way and keeps how far that was.
    let mut weir = launch().start().await;
    upstream.deliveries(50).await;
    weir.stop().await;
    let before = upstream.delivered().len();
    append(&path, &lines("k", 3000..6000));
    let mut weir = launch().start().await;
    upstream.deliveries(before + 50).await;
    assert_eq!(upstream.delivered_ids().doubled(), Vec::<&str>::new(), "nothing again after a stop");
    weir.signal("KILL");
    weir.wait().await;
    append(&path, &lines("k", 6000..6100));
    let _weir = launch().start().await;
    let expected: std::collections::BTreeSet<String> = tags("k", 0..6100).into_iter().collect();
    wait::until("every line arrives", async || {
        let ids = upstream.delivered_ids();
        (ids.iter().map(str::to_owned).collect::<std::collections::BTreeSet<_>>() == expected).then_some(())
    })
    .await;
    assert!(home.path().join("kept/receiver.otlp_json_file.json").exists());
}

#[tokio::test]
async fn by_default_only_what_is_added_is_read() {
    let (upstream, home) = (Upstream::start().await, tempfile::tempdir().unwrap());
    let path = home.path().join("data.jsonl");
    append(&path, &lines("old", 0..3));
    let settings = json!({"include": [home.path().join("*.jsonl")], "exclude": [home.path().join("x*")]});
    let weir = to(&upstream, reader(settings)).start().await;
    weir.stderr_says("reading files").await;
    append(&path, &lines("new", 0..3));
    append(&home.path().join("x.jsonl"), &lines("excluded", 0..3));
    append(&home.path().join("later.jsonl"), &lines("later", 0..3));
    arrive_once(&upstream, [tags("new", 0..3), tags("later", 0..3)].concat()).await;
}

#[tokio::test]
async fn a_line_of_many_megabytes_comes_whole_and_lines_of_a_signal_that_nobody_takes_are_told() {
    let (upstream, home) = (Upstream::start().await, tempfile::tempdir().unwrap());
    let path = home.path().join("data.jsonl");
    append(&path, &line(Signal::Traces, "nobody", 1));
    append(&path, &line(Signal::Logs, "large", 60_000));
    append(&path, &lines("small", 0..1));
    let mut launch = to(&upstream, reader(whole(&path)));
    launch.config["service"]["pipelines"].as_object_mut().unwrap().remove("traces");
    let weir = launch.start().await;
    arrive_once(&upstream, [requests::unique_ids("large", 60_000), tags("small", 0..1)].concat()).await;
    weir.stderr_says("lines of a signal that no pipeline takes").await;
}

#[tokio::test]
async fn a_replay_comes_again_and_again() {
    let (upstream, home) = (Upstream::start().await, tempfile::tempdir().unwrap());
    let path = home.path().join("data.jsonl");
    append(&path, &lines("again", 0..2));
    let settings = json!({"include": [path], "replay_file": true, "poll_interval": "10ms"});
    let _weir = to(&upstream, reader(settings)).start().await;
    upstream.deliveries(6).await;
    assert_eq!(upstream.delivered_ids().len(), 2);
}
