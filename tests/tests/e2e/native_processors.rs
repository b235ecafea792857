//! weir's own processors in the real binary: in their place among plugins, on all signals, through a reload.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use serde_json::{Value, json};
use weir_tests::guest::Guest;
use weir_tests::requests::{attribute, int, log, log_records, log_resource, logs, spans, text, text_of};
use weir_tests::{GrpcSender, Launch, Signal, Upstream, Weir, requests, weir};

/// The SHA-256 of `one`, in hexadecimal digits.
const HASH_OF_ONE: &str = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";

async fn through(upstream: &Upstream, weir: &Weir, signal: Signal, body: impl Into<Bytes>) -> Bytes {
    GrpcSender::new(weir.ports.grpc).send(signal, body).await.unwrap();
    upstream.delivered().pop().unwrap().body
}

fn upsert(key: &str, value: Value) -> Value {
    json!({"attributes": [{"key": key, "action": "upsert", "value": value}]})
}

#[tokio::test]
async fn every_signal_is_changed_and_counted_under_the_names_of_the_processors() {
    let upstream = Upstream::start().await;
    let launch = Launch::new().to_grpc(&upstream.address());
    let launch = launch
        .processor("resource", upsert("deployment.environment.name", json!("prod")))
        .processor("attributes/a", json!({"actions": [{"key": "http.request.method", "action": "delete"}]}))
        .processor("redaction", json!({"allow_all_keys": true, "blocked_values": ["-[0-9]$"]}));
    let weir = launch.start().await;
    for signal in Signal::READ {
        let body = through(&upstream, &weir, signal, requests::unique(signal, "own", 3)).await;
        let has = |text: &str| body.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(has("deployment.environment.name") && has("prod"), "{signal:?}");
        assert!(!has("http.request.method"), "{signal:?}");
        assert!(has("own****") && !has("own-1"), "{signal:?}");
    }
    let metrics = weir.metrics().await;
    for processor in ["resource", "attributes/a", "redaction"] {
        for direction in ["incoming", "outgoing"] {
            let name = format!("otelcol_processor_{direction}_items_total");
            assert_eq!(metrics.sum(&name, &[("processor", processor)]), 9.0, "{name} {processor}");
        }
    }
}

#[tokio::test]
async fn processors_and_plugins_run_in_the_order_of_the_pipeline() {
    let dir = tempfile::tempdir().unwrap();
    let plugin = Guest::Tag("test.tag", "one").install(dir.path(), "tag");
    let hash = json!({"attributes": [{"key": "test.tag", "action": "hash"}]});
    let copy = |to: &str| json!({"attributes": [{"key": to, "action": "insert", "from_attribute": "test.tag", "default_value": "none"}]});
    let upstream = Upstream::start().await;
    let launch = Launch::new().to_grpc(&upstream.address());
    let launch = launch
        .processor("resource/first", copy("before"))
        .processor("wasm/tag", json!({"plugin": plugin}))
        .processor("resource/second", hash)
        .processor("resource/third", copy("after"));
    let weir = launch.start().await;
    let body = through(&upstream, &weir, Signal::Logs, requests::unique(Signal::Logs, "order", 1)).await;
    let resource = log_resource(&body);
    assert_eq!(text_of(&resource, "before"), Some("none"), "the plugin has not run yet");
    assert_eq!(text_of(&resource, "test.tag"), Some(HASH_OF_ONE));
    assert_eq!(text_of(&resource, "after"), Some(HASH_OF_ONE));
}

#[tokio::test]
async fn a_reload_changes_what_changed_and_keeps_the_rest() {
    let upstream = Upstream::start().await;
    let launch = Launch::new().to_grpc(&upstream.address());
    let launch = launch
        .processor("resource/a", upsert("a", json!(1)))
        .processor("resource/b", upsert("b", json!("one")));
    let mut config = launch.config.clone();
    let weir = launch.start().await;
    let b = async || {
        let body = through(&upstream, &weir, Signal::Logs, requests::unique(Signal::Logs, "reload", 1)).await;
        text_of(&log_resource(&body), "b").map(str::to_owned)
    };
    assert_eq!(b().await.as_deref(), Some("one"));

    config["processors"]["resource/b"] = json!({"attributes": [{"key": "b", "action": "upsert"}]});
    weir.reconfigure(&config);
    weir.signal("HUP");
    weir.reloads("failure", 1).await;
    assert_eq!(b().await.as_deref(), Some("one"), "a failed reload changes nothing");

    config["processors"]["resource/b"] = upsert("b", json!("two"));
    weir.reconfigure(&config);
    weir.signal("HUP");
    weir.reloads("success", 1).await;
    assert_eq!(b().await.as_deref(), Some("two"));
    let said = weir.stderr();
    let line = said.lines().rfind(|line| line.contains("configuration reloaded")).unwrap();
    let kept = line.split("kept=").nth(1).unwrap();
    assert!(kept.contains("processors::resource/a"), "{line}");
    assert!(!kept.contains("processors::resource/b"), "{line}");
}

#[tokio::test]
async fn large_requests_leave_the_threads_that_serve_sockets_and_come_out_the_same() {
    let upstream = Upstream::start().await;
    let launch = Launch::new().to_grpc(&upstream.address());
    let actions = json!({"actions": [{"key": "test.id", "action": "hash"}, {"key": "n", "action": "insert", "value": 1}]});
    let weir = launch.processor("attributes", actions).start().await;
    for items in [1, 20_000] {
        let body =
            through(&upstream, &weir, Signal::Traces, requests::unique(Signal::Traces, "large", items)).await;
        let spans = spans(&body);
        assert_eq!(spans.len(), items);
        assert!(spans.iter().all(|span| span.attributes.iter().any(|one| one == &attribute("n", int(1)))));
    }
}

#[tokio::test]
async fn what_cannot_be_redacted_is_refused_and_nothing_of_it_goes_on() {
    let upstream = Upstream::start().await;
    let launch = Launch::new().to_grpc(&upstream.address());
    let redaction = json!({"allow_all_keys": true, "blocked_values": ["."], "hash_function": "sha3"});
    let weir = launch.processor("redaction", redaction).start().await;
    let mut record = log("large");
    record.body = Some(text("1".repeat(2 << 20)));
    let outcome =
        GrpcSender::new(weir.ports.grpc).send(Signal::Logs, logs(vec![record]).encode_to_vec()).await;
    assert!(outcome.is_err());
    let malformed = GrpcSender::new(weir.ports.grpc).send(Signal::Logs, vec![0x0a, 2, 0x12, 9]).await;
    assert!(malformed.is_err());
    assert!(upstream.delivered().is_empty());
    let body = through(&upstream, &weir, Signal::Logs, requests::unique(Signal::Logs, "after", 1)).await;
    assert_eq!(log_records(&body).len(), 1, "the next one is not concerned");
}

#[tokio::test]
async fn what_no_rule_is_about_is_not_changed_by_a_byte() {
    let upstream = Upstream::start().await;
    let launch = Launch::new().to_grpc(&upstream.address());
    let launch = launch
        .processor("attributes", json!({"actions": [{"key": "none", "action": "delete"}]}))
        .processor("redaction", json!({"allow_all_keys": true, "blocked_values": ["nothing of this"]}));
    let weir = launch.start().await;
    // Left out, a resource is not put in.
    let mut request = ExportTraceServiceRequest::decode(requests::unique(Signal::Traces, "same", 2)).unwrap();
    request.resource_spans[0].resource = None;
    let body = request.encode_to_vec();
    assert_eq!(through(&upstream, &weir, Signal::Traces, body.clone()).await, body);
}

#[tokio::test]
async fn validate_says_what_is_wrong_and_where() {
    let config = |processors: &str, signal: &str| {
        format!(
            "receivers: {{otlp: {{protocols: {{grpc: }}}}}}\nexporters: {{nop: }}\nprocessors:\n  {processors}\n\
             service: {{pipelines: {{{signal}: {{receivers: [otlp], processors: [{}], exporters: [nop]}}}}}}\n",
            processors.split(':').next().unwrap()
        )
    };
    for (processors, signal, expected) in [
        (
            "redaction: {blocked_values: ['4[0-9']}",
            "logs",
            "at character 2 of the regular expression: this [ is not closed",
        ),
        ("redaction: {db_sanitizer: {sql: {enabled: true}}}", "logs", "the redact plugin"),
        ("redaction: {hash_function: hmac-sha256, hmac_key: short}", "logs", "at least 32 bytes"),
        ("redaction: {allow_all_keys: true}", "profiles", "takes logs, metrics, traces and no profiles"),
        (
            "attributes: {actions: [{key: a, action: insert, from_context: metadata.tenant}]}",
            "logs",
            "from_context",
        ),
        (
            "attributes: {actions: [{key: a, action: delete}], include: {match_type: strict, span_names: [a]}}",
            "logs",
            "is for traces alone",
        ),
        ("resource: {attributes: []}", "logs", "at least one action"),
        ("resource: {attributes: [{key: a, action: rename}]}", "logs", "unknown value \"rename\""),
    ] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("weir.yaml"), config(processors, signal)).unwrap();
        let output = weir::run(&["validate", "--config", "weir.yaml"], dir.path()).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{processors}: {said}");
        assert!(said.contains(expected) && said.contains("weir.yaml:"), "{processors}: {said}");
    }
}
