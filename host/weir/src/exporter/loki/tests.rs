//! What becomes of logs: the pushes, read back as Loki reads them.

mod mutations;
mod sending;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use serde_json::{Value as Json, json};

use super::*;
use crate::exporter::loki::refused::Refused;

const RECEIVED: u64 = 1_700_000_000_123_456_789;

const LAYOUT: Layout = Layout {
    default_labels: DefaultLabels { exporter: true, job: true, instance: true, level: true },
    encoding: PushEncoding::Proto,
    structured_metadata: true,
};

// === Loki's push.proto ===

#[derive(Clone, PartialEq, Message)]
struct PushRequest {
    #[prost(message, repeated, tag = "1")]
    streams: Vec<Stream>,
}

#[derive(Clone, PartialEq, Message)]
struct Stream {
    #[prost(string, tag = "1")]
    labels: String,
    #[prost(message, repeated, tag = "2")]
    entries: Vec<Entry>,
}

#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(message, optional, tag = "1")]
    timestamp: Option<Timestamp>,
    #[prost(string, tag = "2")]
    line: String,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<Pair>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Timestamp {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Pair {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

impl Entry {
    fn time(&self) -> i64 {
        let timestamp = self.timestamp.unwrap_or_default();
        timestamp.seconds * 1_000_000_000 + i64::from(timestamp.nanos)
    }

    fn json(&self) -> Json {
        serde_json::from_str(&self.line).unwrap()
    }
}

// === requests ===

fn any_value(value: Any) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn text(text: &str) -> AnyValue {
    any_value(Any::StringValue(text.to_owned()))
}

fn attribute(key: &str, value: AnyValue) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

fn attributes(pairs: &[(&str, &str)]) -> Vec<KeyValue> {
    pairs.iter().map(|(key, value)| attribute(key, text(value))).collect()
}

fn request(resource: Vec<KeyValue>, log_records: Vec<LogRecord>) -> Vec<u8> {
    let scope = InstrumentationScope {
        name: "zap".to_owned(),
        version: "1.27".to_owned(),
        ..InstrumentationScope::default()
    };
    let scope_logs = vec![ScopeLogs { scope: Some(scope), log_records, ..ScopeLogs::default() }];
    let resource = Some(Resource { attributes: resource, ..Resource::default() });
    let resource_logs = vec![ResourceLogs { resource, scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }.encode_to_vec()
}

fn log(body: AnyValue, pairs: &[(&str, &str)]) -> LogRecord {
    LogRecord {
        time_unix_nano: RECEIVED - 5,
        severity_number: 9,
        severity_text: "info".to_owned(),
        body: Some(body),
        attributes: attributes(pairs),
        trace_id: (1..=16).collect(),
        span_id: (1..=8).collect(),
        flags: 1,
        ..LogRecord::default()
    }
}

fn converted(request: &[u8], layout: Layout) -> Converted {
    convert(request, layout, RECEIVED, &Charge::default()).unwrap()
}

fn decoded(push: &Push) -> PushRequest {
    let request = snap::raw::Decoder::new().decompress_vec(&push.body).unwrap();
    PushRequest::decode(&*request).unwrap()
}

/// The streams of the only tenant.
fn streams(request: &[u8], layout: Layout) -> Vec<Stream> {
    let converted = converted(request, layout);
    assert_eq!((converted.pushes.len(), converted.unlabelled), (1, 0));
    decoded(&converted.pushes[0]).streams
}

/// The only entry of the only stream, and its labels.
fn entry(request: &[u8], layout: Layout) -> (String, Entry) {
    let mut streams = streams(request, layout);
    assert_eq!((streams.len(), streams[0].entries.len()), (1, 1));
    let Stream { labels, mut entries } = streams.remove(0);
    (labels, entries.remove(0))
}

const SERVICE: [(&str, &str); 3] =
    [("service.name", "cart"), ("service.namespace", "shop"), ("service.instance.id", "cart-7")];

#[test]
fn a_log_is_laid_out_as_the_collector_did() {
    let request = request(attributes(&SERVICE), vec![log(text("loaded \"x\""), &[("user.id", "u-1")])]);
    let (labels, entry) = entry(&request, LAYOUT);
    assert_eq!(labels, r#"{exporter="OTLP",instance="cart-7",job="shop/cart",level="INFO"}"#);
    assert_eq!(
        entry.json(),
        json!({
            "body": "loaded \"x\"",
            "traceid": "0102030405060708090a0b0c0d0e0f10",
            "spanid": "0102030405060708",
            "severity": "info",
            "flags": 1,
            "attributes": {"user.id": "u-1"},
            "resources": {
                "service.name": "cart", "service.namespace": "shop", "service.instance.id": "cart-7",
            },
            "instrumentation_scope": {"name": "zap", "version": "1.27"},
        })
    );
    assert_eq!(entry.time() as u64, RECEIVED - 5);
    let metadata: Vec<_> = entry.metadata.iter().map(|pair| (&*pair.name, &*pair.value)).collect();
    assert_eq!(metadata, [("trace_id", "0102030405060708090a0b0c0d0e0f10"), ("span_id", "0102030405060708")]);
}

#[test]
fn an_empty_log_has_the_label_of_the_exporter_alone() {
    let empty = request(Vec::new(), vec![LogRecord::default()]);
    let (labels, entry) = entry(&empty, LAYOUT);
    assert_eq!(labels, r#"{exporter="OTLP"}"#);
    assert_eq!(entry.line, r#"{"instrumentation_scope":{"name":"zap","version":"1.27"}}"#);
    assert_eq!((entry.time() as u64, entry.metadata.len()), (RECEIVED, 0));
}

#[test]
fn hints_make_labels_of_attributes_and_take_them_out_of_the_line() {
    let mut resource = attributes(&SERVICE);
    resource.extend(attributes(&[
        ("loki.resource.labels", "service.name, k8s.pod.name,absent"),
        ("k8s.pod.name", "cart-7-abc"),
        ("host.name", "n1"),
    ]));
    let http = Any::KvlistValue(KeyValueList { values: attributes(&[("method", "GET")]) });
    let mut record = log(text("x"), &[("event.domain", "shop"), ("loki.resource.labels", "host.name")]);
    record.attributes.push(attribute("http", any_value(http)));
    let names = ["event.domain", "http.method"].map(text).to_vec();
    record
        .attributes
        .push(attribute("loki.attribute.labels", any_value(Any::ArrayValue(ArrayValue { values: names }))));
    let (labels, entry) = entry(&request(resource, vec![record]), LAYOUT);
    assert_eq!(
        labels,
        r#"{event_domain="shop",exporter="OTLP",host_name="n1",http_method="GET",instance="cart-7",job="shop/cart",k8s_pod_name="cart-7-abc",level="INFO",service_name="cart"}"#
    );
    let line = entry.json();
    assert_eq!(line["attributes"], json!({"http": {"method": "GET"}}));
    assert_eq!(line["resources"], json!({"service.namespace": "shop", "service.instance.id": "cart-7"}));
}

#[test]
fn a_level_of_the_logs_own_takes_the_place_of_its_severity() {
    let of = |record: LogRecord| {
        let (labels, entry) = entry(&request(Vec::new(), vec![record]), LAYOUT);
        (labels, entry.json()["attributes"].clone())
    };
    let own = log(text("x"), &[("level", "notice")]);
    assert_eq!(of(own.clone()), (r#"{exporter="OTLP",level="notice"}"#.to_owned(), Json::Null));
    // Without a severity nothing is made of it, as in the Collector.
    let unspecified = LogRecord { severity_number: 0, ..own };
    assert_eq!(of(unspecified), (r#"{exporter="OTLP"}"#.to_owned(), json!({"level": "notice"})));
    for (severity_number, level) in [(1, "TRACE"), (16, "WARN4"), (24, "FATAL4")] {
        let record = LogRecord { severity_number, ..log(text("x"), &[]) };
        assert_eq!(of(record).0, format!(r#"{{exporter="OTLP",level="{level}"}}"#));
    }
    for severity_number in [-1, 25, i32::MIN, i32::MAX] {
        let record = LogRecord { severity_number, ..log(text("x"), &[]) };
        assert_eq!(of(record).0, r#"{exporter="OTLP"}"#);
    }
}

#[test]
fn default_labels_can_be_turned_off_and_a_log_without_any_is_not_sent() {
    let none = DefaultLabels { exporter: false, job: false, instance: false, level: false };
    let layout = Layout { default_labels: none, ..LAYOUT };
    let hinted = log(text("x"), &[("a", "1"), ("loki.attribute.labels", "a")]);
    let request = request(attributes(&SERVICE), vec![log(text("x"), &[]), hinted]);
    let converted = converted(&request, layout);
    assert_eq!((converted.pushes[0].items, converted.unlabelled), (1, 1));
    assert_eq!(decoded(&converted.pushes[0]).streams[0].labels, r#"{a="1"}"#);
}

#[test]
fn a_job_takes_a_name_and_may_do_without_a_namespace() {
    for (resource, labels) in [
        (&SERVICE[..1], r#"{exporter="OTLP",job="cart",level="INFO"}"#),
        (&SERVICE[1..2], r#"{exporter="OTLP",level="INFO"}"#),
    ] {
        assert_eq!(entry(&request(attributes(resource), vec![log(text("x"), &[])]), LAYOUT).0, labels);
    }
}

#[test]
fn lines_may_be_logfmt_or_the_bare_body() {
    let nested = Any::KvlistValue(KeyValueList { values: attributes(&[("b", "two words")]) });
    for (format, body, line) in [
        (
            "logfmt",
            text("msg=\"cart loaded\" severity=low"),
            "msg=\"cart loaded\" traceID=0102030405060708090a0b0c0d0e0f10 spanID=0102030405060708 severity=info \
             flags=1 attribute_user.id=u-1 resource_service.name=cart instrumentation_scope_name=zap \
             instrumentation_scope_version=1.27",
        ),
        (
            "logfmt",
            any_value(nested.clone()),
            "b=\"two words\" traceID=0102030405060708090a0b0c0d0e0f10 spanID=0102030405060708 severity=info \
             flags=1 attribute_user.id=u-1 resource_service.name=cart instrumentation_scope_name=zap \
             instrumentation_scope_version=1.27",
        ),
        ("raw", text("cart loaded\nwell"), "cart loaded\nwell"),
        ("raw", any_value(nested), "{\"b\":\"two words\"}"),
        ("raw", any_value(Any::BytesValue(vec![0, 255])), "AP8="),
    ] {
        let mut resource = attributes(&SERVICE[..1]);
        resource.push(attribute("loki.format", text(format)));
        let (_, entry) = entry(&request(resource, vec![log(body, &[("user.id", "u-1")])]), LAYOUT);
        assert_eq!(entry.line, line);
        assert_eq!(entry.metadata.len(), 2, "the ids are kept whatever the line");
    }
    let unknown = log(text("x"), &[("loki.format", "xml")]);
    assert_eq!(entry(&request(Vec::new(), vec![unknown]), LAYOUT).1.json()["body"], "x");
}

#[test]
fn each_tenant_has_a_push_of_its_own() {
    let of = |user: &str| log(text(user), &[("user", user), ("loki.tenant", "user")]);
    let plain = log(text("nobody"), &[]);
    let logs = request(Vec::new(), vec![of("a"), plain.clone(), of("b"), of("a")]);
    let converted = converted(&logs, LAYOUT);
    let pushes: Vec<_> = converted.pushes.iter().map(|push| (push.tenant.as_str(), push.items)).collect();
    assert_eq!(pushes, [("a", 2), ("", 1), ("b", 1)]);
    // What the resource says comes first.
    let resource = attributes(&[("loki.tenant", "team"), ("team", "blue")]);
    let logs = request(resource, vec![of("a"), plain]);
    let push = &convert(&logs, LAYOUT, RECEIVED, &Charge::default()).unwrap().pushes[0];
    assert_eq!((push.tenant.as_str(), push.items), ("blue", 2));
    let many: Vec<_> = (0..101).map(|at| of(&format!("u{at}"))).collect();
    let refused = convert(&request(Vec::new(), many), LAYOUT, RECEIVED, &Charge::default()).unwrap_err();
    assert_eq!(refused, Refused::TooManyTenants);
}

#[test]
fn the_entries_of_a_stream_are_in_the_order_of_their_times() {
    let at = |time_unix_nano: u64, observed_time_unix_nano: u64, body: &str| LogRecord {
        time_unix_nano,
        observed_time_unix_nano,
        ..log(text(body), &[("loki.format", "raw")])
    };
    let logs = vec![
        at(30, 0, "c"),
        at(10, 99, "a"),
        at(30, 0, "d"),
        at(0, 20, "b"),
        at(u64::MAX, 0, "now"),
        at(u64::MAX, 25, "bb"),
    ];
    let streams = streams(&request(Vec::new(), logs), LAYOUT);
    let entries: Vec<_> = streams[0].entries.iter().map(|entry| (entry.time(), &*entry.line)).collect();
    let expected = [(10, "a"), (20, "b"), (25, "bb"), (30, "c"), (30, "d"), (RECEIVED as i64, "now")];
    assert_eq!(entries, expected);
}

#[test]
fn a_push_in_json_says_the_same() {
    let layout = Layout { encoding: PushEncoding::Json, ..LAYOUT };
    let mut debug = log(text("two"), &[("loki.format", "raw")]);
    debug.severity_number = 5;
    debug.trace_id = vec![0; 16];
    debug.span_id.clear();
    let raw = log(text("one \"1\""), &[("loki.format", "raw")]);
    let converted = converted(&request(attributes(&SERVICE[..1]), vec![raw.clone(), debug, raw]), layout);
    let push: Json = serde_json::from_slice(&converted.pushes[0].body).unwrap();
    let ids = json!({"trace_id": "0102030405060708090a0b0c0d0e0f10", "span_id": "0102030405060708"});
    let time = (RECEIVED - 5).to_string();
    assert_eq!(
        push,
        json!({"streams": [
            {
                "stream": {"exporter": "OTLP", "job": "cart", "level": "INFO"},
                "values": [[time, "one \"1\"", ids], [time, "one \"1\"", ids]],
            },
            {
                "stream": {"exporter": "OTLP", "job": "cart", "level": "DEBUG"},
                "values": [[time, "two"]],
            },
        ]})
    );
}

#[test]
fn ids_that_a_logger_has_made_attributes_of_are_structured_metadata_too() {
    let of = |pairs: &[(&str, &str)]| {
        let bare = LogRecord { trace_id: Vec::new(), span_id: vec![0; 8], ..log(text("x"), pairs) };
        let (_, entry) = entry(&request(Vec::new(), vec![bare]), LAYOUT);
        assert_eq!(entry.json()["traceid"], Json::Null, "the line has what the record has");
        entry.metadata.into_iter().map(|pair| (pair.name, pair.value)).collect::<Vec<_>>()
    };
    let (trace, span) = ("0AF7651916CD43DD8448EB211C80319C", "b7ad6b7169203331");
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let both = [pair("trace_id", &trace.to_ascii_lowercase()), pair("span_id", span)];
    assert_eq!(of(&[("trace_id", trace), ("span_id", span)]), both);
    assert_eq!(of(&[("trace_id", "none"), ("span_id", span)]), both[1..]);
    assert_eq!(of(&[("trace_id", &"0".repeat(32)), ("span_id", "gggggggggggggggg")]), []);
}

#[test]
fn structured_metadata_can_be_left_out() {
    let layout = Layout { structured_metadata: false, ..LAYOUT };
    let (_, entry) = entry(&request(Vec::new(), vec![log(text("x"), &[])]), layout);
    assert_eq!((entry.metadata.len(), entry.json()["spanid"].as_str()), (0, Some("0102030405060708")));
}

#[test]
fn what_would_grow_beyond_measure_is_refused_before_it_does() {
    let huge = attributes(&[("x", &"y".repeat(1 << 20))]);
    let many = vec![log(text("x"), &[]); 1000];
    let long_key = "k".repeat(1 << 20);
    let leaves = KeyValueList { values: vec![attribute("", any_value(Any::BoolValue(true))); 1000] };
    let mut nested = log(text("x"), &[("loki.format", "logfmt")]);
    nested.attributes.push(attribute(&long_key, any_value(Any::KvlistValue(leaves))));
    let labels: Vec<_> = (0..40_000)
        .map(|at| log(text(""), &[("a", &at.to_string()), ("loki.attribute.labels", "a")]))
        .collect();
    let mut labelled: Vec<_> =
        (0..9).map(|at| attribute(&format!("l{at}"), text(&"z".repeat(2000)))).collect();
    labelled.push(attribute("loki.resource.labels", text("l0,l1,l2,l3,l4,l5,l6,l7,l8")));
    for request in [
        request(huge, many),
        request(Vec::new(), vec![nested]),
        request(labelled, labels),
        vec![0; PUSH_BYTES_MAX + 1],
    ] {
        let refused = convert(&request, LAYOUT, RECEIVED, &Charge::default()).unwrap_err();
        assert_eq!(refused, Refused::TooLarge);
    }
    let attributes = vec![attribute("a", text("")); 16_385];
    let refused = convert(&request(attributes, Vec::new()), LAYOUT, RECEIVED, &Charge::default());
    assert_eq!(refused.unwrap_err(), Refused::TooManyAttributes);
}

#[test]
fn what_a_conversion_takes_is_charged_and_given_back() {
    let budget = weir_pipeline::Budget::new(1 << 30);
    let charge = budget.charge();
    let request = request(attributes(&SERVICE), vec![log(text("x"), &[]); 1000]);
    let converted = convert(&request, LAYOUT, RECEIVED, &charge).unwrap();
    let body = converted.pushes[0].body.len() as u64;
    assert!(budget.used() >= body && budget.used() <= 2 * body, "{}", budget.used());
    drop(charge);
    assert_eq!(budget.used(), 0);
}
