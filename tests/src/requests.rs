//! Export requests for tests, made of opentelemetry-proto's messages.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;
use serde_json::json;

use crate::{Signal, ids};

/// A moment in November 2026, in unix nanoseconds.
pub const NOW: u64 = 1_795_000_000_000_000_000;

/// A string value.
pub fn text(value: impl Into<String>) -> AnyValue {
    AnyValue { value: Some(Value::StringValue(value.into())) }
}

/// An int value.
pub fn int(value: i64) -> AnyValue {
    AnyValue { value: Some(Value::IntValue(value)) }
}

/// An array value.
pub fn array(values: impl IntoIterator<Item = AnyValue>) -> AnyValue {
    AnyValue { value: Some(Value::ArrayValue(ArrayValue { values: values.into_iter().collect() })) }
}

/// A map value.
pub fn map<'a>(members: impl IntoIterator<Item = (&'a str, AnyValue)>) -> AnyValue {
    let values = members.into_iter().map(|(key, value)| attribute(key, value)).collect();
    AnyValue { value: Some(Value::KvlistValue(KeyValueList { values })) }
}

/// One attribute.
pub fn attribute(key: &str, value: AnyValue) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

/// The string that an attribute holds; `None` if it is not there or no string.
pub fn text_of<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    match attributes.iter().find(|one| one.key == key)?.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

fn resource() -> Option<Resource> {
    Some(Resource { attributes: vec![attribute("service.name", text("checkout"))], ..Resource::default() })
}

fn scope() -> Option<InstrumentationScope> {
    Some(InstrumentationScope { name: "test.scope".into(), version: "1.2.3".into(), ..Default::default() })
}

/// A request with these spans under one resource and scope.
pub fn traces(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope_spans = vec![ScopeSpans { scope: scope(), spans, ..ScopeSpans::default() }];
    let resource_spans =
        vec![ResourceSpans { resource: resource(), scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }
}

/// A request with these log records under one resource and scope.
pub fn logs(log_records: Vec<LogRecord>) -> ExportLogsServiceRequest {
    let scope_logs = vec![ScopeLogs { scope: scope(), log_records, ..ScopeLogs::default() }];
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs { resource: resource(), scope_logs, ..ResourceLogs::default() }],
    }
}

/// A request with these metrics under one resource and scope.
pub fn metrics(metrics: Vec<Metric>) -> ExportMetricsServiceRequest {
    let scope_metrics = vec![ScopeMetrics { scope: scope(), metrics, ..ScopeMetrics::default() }];
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics { resource: resource(), scope_metrics, ..Default::default() }],
    }
}

/// A span with this id in its attributes, in a trace of its own.
pub fn span(id: &str) -> Span {
    Span {
        trace_id: trace_id(id).to_vec(),
        span_id: trace_id(id)[..8].to_vec(),
        name: "GET /cart".into(),
        kind: 2,
        start_time_unix_nano: NOW,
        end_time_unix_nano: NOW + 1_500_000,
        attributes: vec![attribute(ids::KEY, text(id)), attribute("http.request.method", text("GET"))],
        status: Some(Status::default()),
        ..Span::default()
    }
}

/// A log record with this id in its attributes.
pub fn log(id: &str) -> LogRecord {
    LogRecord {
        time_unix_nano: NOW,
        observed_time_unix_nano: NOW + 1,
        severity_number: 9,
        severity_text: "INFO".into(),
        body: Some(text("cart loaded")),
        attributes: vec![attribute(ids::KEY, text(id)), attribute("http.request.method", text("GET"))],
        trace_id: trace_id(id).to_vec(),
        span_id: trace_id(id)[..8].to_vec(),
        ..LogRecord::default()
    }
}

/// A data point with this id in its attributes.
pub fn point(id: &str) -> NumberDataPoint {
    NumberDataPoint {
        attributes: vec![attribute(ids::KEY, text(id)), attribute("http.request.method", text("GET"))],
        time_unix_nano: NOW,
        value: Some(number_data_point::Value::AsInt(7)),
        ..NumberDataPoint::default()
    }
}

/// A gauge with these points.
pub fn gauge(data_points: Vec<NumberDataPoint>) -> Metric {
    Metric { name: "cart.size".into(), data: Some(Data::Gauge(Gauge { data_points })), ..Metric::default() }
}

/// Sixteen bytes that look random and depend on the id alone.
pub fn trace_id(id: &str) -> [u8; 16] {
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    let mut bytes = [0; 16];
    for (at, byte) in bytes.iter_mut().enumerate() {
        // FNV-1a over the id and the position, with the multiply-shift finish of splitmix64.
        for input in id.bytes().chain([at as u8]) {
            state = (state ^ u64::from(input)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        *byte = (state.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 56) as u8;
    }
    bytes
}

/// The ids that [`unique`] gives to the items of a request.
pub fn unique_ids(tag: &str, items: usize) -> Vec<String> {
    (0..items).map(|item| format!("{tag}-{item}")).collect()
}

/// A request of `items` items whose ids start with `tag`. Panics for profiles, of which there are none here.
pub fn unique(signal: Signal, tag: &str, items: usize) -> Bytes {
    let ids = unique_ids(tag, items);
    match signal {
        Signal::Traces => traces(ids.iter().map(|id| span(id)).collect()).encode_to_vec().into(),
        Signal::Logs => logs(ids.iter().map(|id| log(id)).collect()).encode_to_vec().into(),
        Signal::Metrics => {
            metrics(vec![gauge(ids.iter().map(|id| point(id)).collect())]).encode_to_vec().into()
        }
        Signal::Profiles => panic!("profiles have no builder: send bytes"),
    }
}

/// The same items as OTLP/JSON, with the fields that an SDK fills. Panics for profiles.
pub fn unique_json(signal: Signal, tag: &str, items: usize) -> Bytes {
    let items: Vec<_> = unique_ids(tag, items).iter().map(|id| json_item(signal, id)).collect();
    let request = match signal {
        Signal::Traces => json!({"resourceSpans": [{"scopeSpans": [{"spans": items}]}]}),
        Signal::Logs => json!({"resourceLogs": [{"scopeLogs": [{"logRecords": items}]}]}),
        Signal::Metrics => {
            let metric = json!({"name": "cart.size", "gauge": {"dataPoints": items}});
            json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]})
        }
        Signal::Profiles => panic!("profiles have no builder: send bytes"),
    };
    request.to_string().into()
}

fn json_item(signal: Signal, id: &str) -> serde_json::Value {
    let attributes = json!([{"key": ids::KEY, "value": {"stringValue": id}}]);
    let time = NOW.to_string();
    match signal {
        Signal::Traces => {
            let trace: String = trace_id(id).iter().map(|byte| format!("{byte:02x}")).collect();
            json!({
                "traceId": trace, "spanId": trace[..16], "name": "GET /cart", "kind": 2,
                "startTimeUnixNano": time, "endTimeUnixNano": time, "attributes": attributes,
            })
        }
        Signal::Logs => {
            json!({"timeUnixNano": time, "body": {"stringValue": "cart loaded"}, "attributes": attributes})
        }
        Signal::Metrics | Signal::Profiles => {
            json!({"timeUnixNano": time, "asInt": "7", "attributes": attributes})
        }
    }
}

/// The log records of a request. Panics if the bytes are none: weir must never send such.
pub fn log_records(body: &[u8]) -> Vec<LogRecord> {
    let request = ExportLogsServiceRequest::decode(body).expect("valid logs");
    let scopes = request.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
    scopes.flat_map(|scope| scope.log_records).collect()
}

/// The spans of a request. Panics if the bytes are none: weir must never send such.
pub fn spans(body: &[u8]) -> Vec<Span> {
    let request = ExportTraceServiceRequest::decode(body).expect("valid traces");
    let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    scopes.flat_map(|scope| scope.spans).collect()
}

/// The attributes of the first resource of a request for logs.
pub fn log_resource(body: &[u8]) -> Vec<KeyValue> {
    let request = ExportLogsServiceRequest::decode(body).expect("valid logs");
    let first = request.resource_logs.into_iter().next().and_then(|one| one.resource);
    first.map(|resource| resource.attributes).unwrap_or_default()
}
