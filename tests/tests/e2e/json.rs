//! OTLP/JSON over HTTP: it goes on as protobuf, through the same plugins, and its sender is answered in JSON.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use prost::Message;
use serde_json::{Value, json};
use weir_tests::build::{plugin, source_file};
use weir_tests::guest::Guest;
use weir_tests::http::Reply;
use weir_tests::requests::{log_records, spans, text_of};
use weir_tests::sender::{gzip, zstd};
use weir_tests::{Answer, HttpSender, Launch, Signal, Upstream, Weir};

const JSON: (&str, &str) = ("content-type", "application/json");

async fn plain() -> (Upstream, Weir, HttpSender) {
    let upstream = Upstream::start().await;
    let weir = Launch::new().to_grpc(&upstream.address()).start().await;
    let sender = HttpSender::new(weir.ports.http);
    (upstream, weir, sender)
}

async fn post(sender: &HttpSender, signal: Signal, body: impl Into<bytes::Bytes>) -> Reply {
    sender.post(signal.http_path(), &[JSON], body).await
}

/// One of the specification's own examples.
fn example(name: &str) -> Vec<u8> {
    std::fs::read(source_file(format!("../host/otlp/tests/examples/{name}.json"))).unwrap()
}

/// A request of one log record with this body and attribute.
fn log(body: &str, key: &str, value: &str) -> Vec<u8> {
    let attribute = json!({"key": key, "value": {"stringValue": value}});
    let record = json!({"body": {"stringValue": body}, "attributes": [attribute]});
    json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}).to_string().into_bytes()
}

fn taken(reply: &Reply) {
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(reply.text(), "{}");
}

/// The `google.rpc.Status` of a refusal.
fn status(reply: &Reply, http: u16, code: i32) -> Value {
    assert_eq!(reply.status, http, "{}", reply.text());
    assert_eq!(reply.header("content-type"), "application/json");
    let status: Value = serde_json::from_str(&reply.text()).unwrap();
    assert_eq!(status["code"], code, "{status}");
    assert!(!status["message"].as_str().unwrap().is_empty());
    status
}

#[tokio::test]
async fn the_official_examples_go_on_as_protobuf_and_are_counted() {
    let (upstream, weir, sender) = plain().await;
    for (signal, name) in [
        (Signal::Traces, "trace"),
        (Signal::Metrics, "metrics"),
        (Signal::Logs, "logs"),
        (Signal::Logs, "events"),
    ] {
        taken(&post(&sender, signal, example(name)).await);
    }
    let delivered = upstream.delivered();
    assert_eq!(delivered.len(), 4);
    let span = &spans(&delivered[0].body)[0];
    assert_eq!(span.name, "I'm a server span");
    assert_eq!(
        span.trace_id,
        [0x5b, 0x8e, 0xff, 0xf7, 0x98, 3, 0x81, 3, 0xd2, 0x69, 0xb6, 0x33, 0x81, 0x3f, 0xc6, 0xc]
    );
    assert_eq!(span.start_time_unix_nano, 1_544_712_660_000_000_000);
    let metrics = ExportMetricsServiceRequest::decode(&delivered[1].body[..]).unwrap();
    assert!(metrics.resource_metrics[0].scope_metrics[0].metrics.len() >= 4);
    assert_eq!(
        text_of(&log_records(&delivered[2].body)[0].attributes, "string.attribute"),
        Some("some string")
    );

    let metrics = weir.metrics().await;
    let accepted = |items: &str| metrics.sum(&format!("otelcol_receiver_accepted_{items}_total"), &[]);
    let sent = |items: &str| metrics.sum(&format!("otelcol_exporter_sent_{items}_total"), &[]);
    for items in ["spans", "metric_points", "log_records"] {
        assert!(accepted(items) >= 1.0, "{items}");
        assert_eq!(accepted(items), sent(items), "{items}");
    }
}

#[tokio::test]
async fn it_may_be_compressed_and_its_media_type_may_have_parameters_and_capitals() {
    let (upstream, _weir, sender) = plain().await;
    let body = log("a line", "k", "v");
    for (encoding, bytes) in [("gzip", gzip(&body)), ("zstd", zstd(&body)), ("identity", body.clone())] {
        let headers = [("content-type", "Application/JSON; charset=utf-8"), ("content-encoding", encoding)];
        taken(&sender.post("/v1/logs", &headers, bytes).await);
    }
    let bodies: Vec<_> = upstream.delivered().into_iter().map(|one| one.body).collect();
    assert_eq!(bodies.len(), 3);
    assert!(bodies.iter().all(|one| *one == bodies[0]));
    taken(&post(&sender, Signal::Logs, "{}").await);
    assert_eq!(upstream.delivered().len(), 3, "there is nothing in it to send");
}

#[tokio::test]
async fn a_large_request_arrives_whole() {
    let (upstream, _weir, sender) = plain().await;
    let records: Vec<Value> =
        (0..20_000).map(|i| json!({"body": {"stringValue": format!("line {i}")}})).collect();
    let body = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}).to_string();
    taken(&post(&sender, Signal::Logs, body).await);
    assert_eq!(log_records(&upstream.delivered()[0].body).len(), 20_000);
}

#[tokio::test]
async fn what_is_no_request_is_400_and_says_where_but_never_what_stands_there() {
    let (upstream, weir, sender) = plain().await;
    for (body, place) in [
        ("", "line 1"),
        ("{", "line 1"),
        ("[]", "line 1"),
        ("{\"resourceLogs\": 7}", "resourceLogs"),
        (
            "{\"resourceLogs\":\n [{\"scopeLogs\": [{\"logRecords\": [{\"traceId\": \"secret\"}]}]}]}",
            "traceId",
        ),
        (
            "{\"resourceLogs\": [{\"scopeLogs\": [{\"logRecords\": [{\"timeUnixNano\": 1.5}]}]}]}",
            "timeUnixNano",
        ),
        ("{\"resourceLogs\": []} secret", "line 1"),
    ] {
        let reply = post(&sender, Signal::Logs, body).await;
        let status = status(&reply, 400, 3);
        let message = status["message"].as_str().unwrap();
        assert!(message.contains(place), "{body}: {message}");
        assert!(!message.contains("secret"), "{message}");
    }
    // Protobuf that calls itself JSON is no JSON.
    let reply = post(&sender, Signal::Logs, weir_tests::requests::unique(Signal::Logs, "x", 1)).await;
    status(&reply, 400, 3);
    assert!(upstream.received().is_empty());
    let requests = [("outcome", "refused"), ("transport", "http")];
    assert_eq!(weir.metrics().await.sum("otelcol_receiver_requests_total", &requests), 8.0);
}

#[tokio::test]
async fn nesting_is_taken_to_the_bound_and_refused_beyond_without_harm() {
    let (upstream, weir, sender) = plain().await;
    let nested = |depth: usize| {
        let value = format!(
            "{}{{\"intValue\":\"1\"}}{}",
            "{\"arrayValue\":{\"values\":[".repeat(depth),
            "]}}".repeat(depth)
        );
        format!("{{\"resourceLogs\":[{{\"scopeLogs\":[{{\"logRecords\":[{{\"body\":{value}}}]}}]}}]}}")
    };
    taken(&post(&sender, Signal::Logs, nested(100)).await);
    status(&post(&sender, Signal::Logs, nested(101)).await, 400, 3);
    status(&post(&sender, Signal::Logs, nested(100_000)).await, 400, 3);
    assert_eq!(upstream.delivered().len(), 1);
    assert_eq!(weir.health().await, Some(200));
}

#[tokio::test]
async fn refusals_to_be_repeated_carry_the_time_to_wait_in_json_too() {
    let upstream = Upstream::start().await;
    let plugins = tempfile::tempdir().unwrap();
    let guest = Guest::Trap.install(plugins.path(), "guest");
    let launch = Launch::new().to_grpc(&upstream.address());
    let weir = launch.processor("wasm/guest", json!({"plugin": guest})).start().await;
    let sender = HttpSender::new(weir.ports.http);
    let reply = post(&sender, Signal::Logs, log("breaks it", "test.trigger", "now")).await;
    let refused = status(&reply, 503, 14);
    assert_eq!(reply.header("retry-after"), "1");
    let details = json!([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"}]);
    assert_eq!(refused["details"], details);
    upstream.always(Answer::Grpc(tonic::Code::InvalidArgument, None));
    status(&post(&sender, Signal::Logs, log("is refused upstream", "k", "v")).await, 400, 3);
}

#[tokio::test]
async fn personal_data_is_redacted_whatever_the_encoding() {
    let upstream = Upstream::start().await;
    let launch = Launch::new().to_grpc(&upstream.address());
    let weir = launch.processor("wasm/redact", json!({"plugin": plugin("redact")})).start().await;
    let sender = HttpSender::new(weir.ports.http);
    taken(&post(&sender, Signal::Logs, log("mail to bob@example.com", "password", "hunter2")).await);
    let body = &upstream.delivered()[0].body;
    let record = &log_records(body)[0];
    assert!(!body.windows(7).any(|window| window == b"hunter2"), "{record:?}");
    assert!(!body.windows(15).any(|window| window == b"bob@example.com"), "{record:?}");
}

/// As a browser sends it from a page.
fn from(origin: &'static str) -> [(&'static str, &'static str); 2] {
    [JSON, ("origin", origin)]
}

#[tokio::test]
async fn a_page_may_send_if_its_origin_is_allowed_and_its_browser_asks_first() {
    let upstream = Upstream::start().await;
    let mut launch = Launch::new().to_grpc(&upstream.address());
    launch.config["receivers"]["otlp"]["protocols"]["http"]["cors"] = json!({"allowed_origins": ["https://*.shop.example"], "allowed_headers": ["x-tenant"], "max_age": 60});
    let weir = launch.start().await;
    let sender = HttpSender::new(weir.ports.http);
    let ask = async |origin| {
        let asked = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "content-type,x-tenant"),
        ];
        let reply = sender.request("OPTIONS", "/v1/logs", &asked, "").await.unwrap();
        assert_eq!(reply.status, 204);
        reply
    };
    let told = ask("https://www.shop.example").await;
    assert_eq!(told.header("access-control-allow-origin"), "https://www.shop.example");
    assert_eq!(told.header("access-control-allow-headers"), "content-type,x-tenant");
    assert_eq!(
        (told.header("access-control-allow-methods"), told.header("access-control-max-age")),
        ("POST", "60")
    );
    let denied = ask("https://evil.example").await;
    assert_eq!(denied.header("access-control-allow-origin"), "");

    let sent = sender.post("/v1/logs", &from("https://www.shop.example"), log("from a page", "k", "v")).await;
    taken(&sent);
    assert_eq!(sent.header("access-control-allow-origin"), "https://www.shop.example");
    // A refusal is to be read as well.
    let refused = sender.post("/v1/logs", &from("https://www.shop.example"), "{").await;
    status(&refused, 400, 3);
    assert_eq!(refused.header("access-control-allow-origin"), "https://www.shop.example");
    let other = sender.post("/v1/logs", &from("https://evil.example"), log("not a browser", "k", "v")).await;
    assert_eq!((other.status, other.header("access-control-allow-origin")), (200, ""));
    assert_eq!(upstream.delivered().len(), 2);
}

#[tokio::test]
async fn without_allowed_origins_a_browser_is_told_nothing() {
    let (_upstream, _weir, sender) = plain().await;
    let asked = [("origin", "https://www.shop.example"), ("access-control-request-method", "POST")];
    let reply = sender.request("OPTIONS", "/v1/logs", &asked, "").await.unwrap();
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (405, ""));
    let sent = sender.post("/v1/logs", &from("https://www.shop.example"), log("a line", "k", "v")).await;
    assert_eq!((sent.status, sent.header("access-control-allow-origin")), (200, ""));
}
