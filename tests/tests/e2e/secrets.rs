//! Secrets and telemetry stay out of logs, metrics and messages.

mod everywhere;

use serde_json::json;
use tonic::Code;
use weir_tests::build::plugin;
use weir_tests::guest::Guest;
use weir_tests::requests::{attribute, log, logs, text};
use weir_tests::weir::plain_grpc;
use weir_tests::{Answer, GrpcSender, HttpSender, Launch, Signal, Upstream, http, weir};

use prost::Message;

const TOKEN: &str = "Bearer hush-hush-hush";
const VALUE: &str = "ada.lovelace@example.org";

#[tokio::test]
async fn headers_reach_the_upstream_and_nobody_else() {
    let upstream = Upstream::start().await;
    let mut settings = plain_grpc(&upstream.address());
    settings["headers"] = json!({"authorization": "${env:TOKEN}", "x-scope-orgid": "tenant-1"});
    let mut launch = Launch::new().exporter("otlp_grpc", settings);
    launch.env = vec![("TOKEN".into(), TOKEN.into())];
    launch.config["service"]["telemetry"]["logs"] = json!({"level": "debug", "encoding": "json"});
    let weir = launch.start().await;
    upstream.script([Answer::Ok, Answer::Grpc(Code::Unauthenticated, None), Answer::Reset]);
    let mut messages = String::new();
    for _ in 0..3 {
        let body = weir_tests::requests::unique(Signal::Logs, "secret", 1);
        let reply = HttpSender::new(weir.ports.http).send(Signal::Logs, body).await;
        messages.push_str(&reply.text());
    }
    let received = upstream.received();
    assert_eq!(received[0].headers.get("authorization").unwrap(), TOKEN);
    assert_eq!(received[0].headers.get("x-scope-orgid").unwrap(), "tenant-1");
    let metrics = http::get(weir.ports.metrics, "/metrics").await.unwrap().text();
    for told in [&weir.stderr(), &weir.stdout(), &metrics, &messages] {
        assert!(!told.contains("hush-hush"), "{told}");
    }
}

/// A configuration whose exporter has a mistake right beside its secrets.
fn with_mistake(mistake: &str) -> String {
    let secret = format!("authorization: {TOKEN}");
    format!(
        "receivers: {{otlp: {{protocols: {{grpc: }}}}}}
exporters:
  otlp_grpc:
    endpoint: x:1
    headers: {{{secret}}}
    {mistake}
service: {{pipelines: {{logs: {{receivers: [otlp], exporters: [otlp_grpc]}}}}}}
"
    )
}

#[tokio::test]
async fn a_mistake_in_or_beside_a_secret_does_not_show_it() {
    let mistakes = [
        ("timeout: ${env:TOKEN}".to_owned(), "timeout"),
        (format!("tls: {{key_pem: {TOKEN}, cret_pem: x}}"), "cret_pem"),
        (format!("retry_on_failure: {TOKEN}"), "retry_on_failure"),
        ("sending_queue: {queue_size: \"${env:TOKEN}\"}".to_owned(), "queue_size"),
        ("endpoint: ${env:TOKEN}".to_owned(), "endpoint"),
    ];
    for (mistake, named) in mistakes {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("weir.yaml"), with_mistake(&mistake)).unwrap();
        let mut command = weir::command(None);
        command.args(["validate", "--config", "weir.yaml"]).current_dir(dir.path()).env("TOKEN", TOKEN);
        let output = command.output().await.unwrap();
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8_lossy(&told);
        assert_eq!(output.status.code(), Some(64), "{told}");
        assert!(told.contains(named), "{told}");
        assert!(!told.contains("hush-hush"), "{told}");
    }
}

#[tokio::test]
async fn telemetry_values_are_in_no_log_line_and_no_refusal_whatever_fails() {
    for guest in [Guest::Trap, Guest::Fail, Guest::BadEdit] {
        let upstream = Upstream::start().await;
        let plugins = tempfile::tempdir().unwrap();
        let failing = guest.install(plugins.path(), "failing");
        let mut launch = Launch::new()
            .to_grpc(&upstream.address())
            .processor("wasm/redact", json!({"plugin": plugin("redact")}))
            .processor("wasm/failing", json!({"plugin": failing}));
        launch.config["service"]["telemetry"]["logs"] = json!({"level": "debug"});
        let weir = launch.start().await;
        let mut record = log("told");
        record.body = Some(text(VALUE));
        record.attributes.push(attribute("test.trigger", text(VALUE)));
        record.attributes.push(attribute(VALUE, text("a key that is a value")));
        let whole = logs(vec![record]).encode_to_vec();
        let cut = whole[..whole.len() - 1].to_vec();
        let mut told = String::new();
        for body in [whole, cut] {
            told.push_str(
                GrpcSender::new(weir.ports.grpc).send(Signal::Logs, body).await.unwrap_err().message(),
            );
        }
        told.push_str(&http::get(weir.ports.metrics, "/metrics").await.unwrap().text());
        told.push_str(&weir.stderr());
        told.push_str(&weir.stdout());
        assert!(!told.contains("ada.lovelace"), "{guest:?}: {told}");
    }
}

#[tokio::test]
async fn the_debug_exporter_prints_telemetry_to_stdout_only() {
    let weir = Launch::new().exporter("debug", json!({"verbosity": "detailed"})).start().await;
    let mut record = log("printed");
    record.body = Some(text(VALUE));
    GrpcSender::new(weir.ports.grpc).send(Signal::Logs, logs(vec![record]).encode_to_vec()).await.unwrap();
    weir_tests::wait::until("it is printed", async || weir.stdout().contains(VALUE).then_some(())).await;
    assert!(!weir.stderr().contains(VALUE));
}
