//! The shipped redactor on every place of OTLP that holds text.

use bytes::Bytes;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Exemplar, Histogram, HistogramDataPoint, Metric};
use opentelemetry_proto::tonic::trace::v1::{Status, span};
use prost::Message;
use serde_json::json;
use weir_tests::build::{plugin, source_file};
use weir_tests::requests::{self, array, attribute, log, logs, map, metrics, spans, text, text_of, traces};
use weir_tests::{GrpcSender, Launch, Signal, Upstream, Weir};

const EMAIL: &str = "ada.lovelace@example.org";
const CARD: &str = "4111 1111 1111 1111";
const KEY: &str = "AKIAQ3EGRL7XTNB2WMZV";

async fn redacting() -> (Upstream, Weir) {
    let upstream = Upstream::start().await;
    let launch = Launch::new().to_grpc(&upstream.address());
    let weir = launch.processor("wasm/redact", json!({"plugin": plugin("redact")})).start().await;
    (upstream, weir)
}

async fn through(upstream: &Upstream, weir: &Weir, signal: Signal, body: impl Into<Bytes>) -> Bytes {
    GrpcSender::new(weir.ports.grpc).send(signal, body).await.unwrap();
    upstream.delivered().pop().unwrap().body
}

#[track_caller]
fn is_clean(body: &[u8]) {
    for secret in [EMAIL, "ada.lovelace", CARD, "1111 1111", KEY, "dGhpcyBpcyBub3Qg"] {
        let found = body.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{secret} came through");
    }
}

#[tokio::test]
async fn every_place_of_a_span_is_masked_and_what_stands_around_is_kept() {
    let (upstream, weir) = redacting().await;
    let mut span = requests::span("every-place");
    span.name = format!("mail {EMAIL}");
    span.status = Some(Status { code: 2, message: format!("card {CARD} declined") });
    span.attributes.push(attribute("note", text(format!("before {EMAIL} after"))));
    span.attributes.push(attribute("list", array([text(CARD), text("harmless")])));
    span.attributes
        .push(attribute("tree", map([("who", map([("mail", text(EMAIL))])), ("kept", text("yes"))])));
    span.attributes.push(attribute("json", text(json!({"mail": EMAIL, "n": 1}).to_string())));
    span.events.push(span::Event {
        name: format!("charged {CARD}"),
        attributes: vec![attribute("exception.message", text(format!("key {KEY} expired")))],
        ..Default::default()
    });
    span.links.push(span::Link {
        trace_id: span.trace_id.clone(),
        span_id: span.span_id.clone(),
        attributes: vec![attribute("by", text(EMAIL))],
        ..Default::default()
    });
    let mut request = traces(vec![span.clone()]);
    let resource = request.resource_spans[0].resource.as_mut().unwrap();
    resource.attributes.push(attribute("owner", text(EMAIL)));
    let scope = request.resource_spans[0].scope_spans[0].scope.as_mut().unwrap();
    scope.attributes.push(attribute("author", text(EMAIL)));

    let body = through(&upstream, &weir, Signal::Traces, request.encode_to_vec()).await;
    is_clean(&body);
    let arrived = spans(&body).remove(0);
    assert_eq!((arrived.trace_id, arrived.start_time_unix_nano), (span.trace_id, span.start_time_unix_nano));
    assert!(arrived.name.starts_with("mail "));
    let note = text_of(&arrived.attributes, "note").unwrap();
    assert!(note.starts_with("before ") && note.ends_with(" after"), "{note}");
    let json: serde_json::Value =
        serde_json::from_str(text_of(&arrived.attributes, "json").unwrap()).unwrap();
    assert_eq!(json["n"], 1);
    assert_ne!(json["mail"], EMAIL);
    assert_eq!(text_of(&arrived.attributes, "http.request.method"), Some("GET"));
    assert_eq!((arrived.events.len(), arrived.links.len()), (1, 1));
}

#[tokio::test]
async fn log_bodies_are_masked_as_text_as_a_tree_and_as_json_and_keep_their_type() {
    let (upstream, weir) = redacting().await;
    let mut records = [log("text"), log("tree"), log("json")];
    records[0].body = Some(text(format!("paid by {EMAIL} with {CARD}")));
    records[1].body = Some(map([("user", map([("mail", text(EMAIL))])), ("list", array([text(KEY)]))]));
    let inner = json!({"card": CARD}).to_string();
    records[2].body = Some(text(json!({"payload": inner, "ok": true}).to_string()));
    records[2].attributes.push(attribute("authorization", text("Bearer dGhpcyBpcyBub3QgYSByZWFsIHRva2Vu")));
    let body = through(&upstream, &weir, Signal::Logs, logs(records.to_vec()).encode_to_vec()).await;
    is_clean(&body);
    let arrived = requests::log_records(&body);
    let body_of = |record: usize| arrived[record].body.clone().unwrap().value.unwrap();
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    assert!(matches!(body_of(0), Value::StringValue(text) if text.starts_with("paid by ")));
    assert!(matches!(body_of(1), Value::KvlistValue(tree) if tree.values.len() == 2));
    let Value::StringValue(outer) = body_of(2) else { panic!("a string stays a string") };
    let outer: serde_json::Value = serde_json::from_str(&outer).unwrap();
    assert_eq!(outer["ok"], true);
    let inner: serde_json::Value = serde_json::from_str(outer["payload"].as_str().unwrap()).unwrap();
    assert!(inner["card"].is_string());
}

#[tokio::test]
async fn data_points_and_exemplars_are_masked() {
    let (upstream, weir) = redacting().await;
    let point = HistogramDataPoint {
        attributes: vec![attribute("customer", text(EMAIL)), attribute("route", text("/cart"))],
        count: 1,
        sum: Some(0.5),
        bucket_counts: vec![1, 0],
        explicit_bounds: vec![1.0],
        exemplars: vec![Exemplar {
            filtered_attributes: vec![attribute("card", text(CARD))],
            ..Exemplar::default()
        }],
        ..HistogramDataPoint::default()
    };
    let data = Data::Histogram(Histogram { data_points: vec![point], aggregation_temporality: 2 });
    let metric = Metric { name: "latency".into(), data: Some(data), ..Metric::default() };
    let body = through(&upstream, &weir, Signal::Metrics, metrics(vec![metric]).encode_to_vec()).await;
    is_clean(&body);
    assert!(body.windows(5).any(|window| window == b"/cart"), "the rest is kept");
}

#[tokio::test]
async fn nothing_secret_of_the_recorded_requests_comes_through() {
    let (upstream, weir) = redacting().await;
    for (signal, name) in [
        (Signal::Traces, "traces-1"),
        (Signal::Traces, "traces-2"),
        (Signal::Logs, "logs-1"),
        (Signal::Logs, "logs-2"),
        (Signal::Metrics, "metrics-1"),
    ] {
        let recorded = std::fs::read(source_file(format!("recorded/{name}.bin"))).unwrap();
        assert!(
            recorded.windows(EMAIL.len()).any(|window| window == EMAIL.as_bytes()),
            "{name} has a secret"
        );
        is_clean(&through(&upstream, &weir, signal, recorded).await);
    }
    assert!(weir.metrics().await.sum("weir_plugin_edits_total", &[("plugin", "redact")]) > 0.0);
}

#[tokio::test]
async fn clean_data_is_not_changed_by_a_byte() {
    let (upstream, weir) = redacting().await;
    for signal in Signal::READ {
        let body = requests::unique(signal, "clean", 30);
        assert_eq!(through(&upstream, &weir, signal, body.clone()).await, body);
    }
}
