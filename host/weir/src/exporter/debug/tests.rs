//! What the debug exporter prints for one batch of each signal.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric, number_data_point,
};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

use super::*;

fn text(string: &str) -> AnyValue {
    AnyValue { value: Some(Value::StringValue(string.to_owned())) }
}

fn attribute(key: &str, value: AnyValue) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(value), ..Default::default() }
}

fn batch(signal: Signal, message: &impl Message) -> Batch {
    let payload = message.encode_to_vec().into();
    Batch::new(signal, payload, 1)
}

fn spans() -> Batch {
    let span = Span {
        name: "GET /".to_owned(),
        trace_id: vec![0xab; 16],
        span_id: vec![1; 8],
        kind: 2,
        status: Some(Status { code: 2, message: "boom".to_owned() }),
        attributes: vec![attribute("user", text("ada"))],
        ..Default::default()
    };
    let scope = ScopeSpans { spans: vec![span], ..Default::default() };
    let resource_spans = vec![ResourceSpans { scope_spans: vec![scope], ..Default::default() }];
    batch(Signal::Traces, &ExportTraceServiceRequest { resource_spans })
}

fn logs() -> Batch {
    let nested = KeyValueList { values: vec![attribute("k", text("v"))] };
    let body = AnyValue { value: Some(Value::KvlistValue(nested)) };
    let record = LogRecord { body: Some(body), severity_text: "WARN".to_owned(), ..Default::default() };
    let scope = ScopeLogs { log_records: vec![record], ..Default::default() };
    let resource_logs = vec![ResourceLogs { scope_logs: vec![scope], ..Default::default() }];
    batch(Signal::Logs, &ExportLogsServiceRequest { resource_logs })
}

fn metrics() -> Batch {
    let point = NumberDataPoint { value: Some(number_data_point::Value::AsInt(7)), ..Default::default() };
    let data = metric::Data::Sum(Sum { data_points: vec![point], ..Default::default() });
    let metric = Metric { name: "requests".to_owned(), data: Some(data), ..Default::default() };
    let scope = ScopeMetrics { metrics: vec![metric], ..Default::default() };
    let resource_metrics = vec![ResourceMetrics { scope_metrics: vec![scope], ..Default::default() }];
    batch(Signal::Metrics, &ExportMetricsServiceRequest { resource_metrics })
}

#[test]
fn basic_is_one_line_and_shows_no_telemetry() {
    let batch = spans();
    let expected = format!("traces resources=1 spans=1 bytes={}\n", batch.payload.len());
    assert_eq!(render(&batch, Verbosity::Basic).unwrap(), expected);
}

#[test]
fn normal_is_one_line_an_item() {
    let line = |batch: Batch| render(&batch, Verbosity::Normal).unwrap().lines().nth(1).unwrap().to_owned();
    let (trace_id, span_id) = ("ab".repeat(16), "01".repeat(8));
    let span = format!(
        r#"  span "GET /" kind=server trace_id={trace_id} span_id={span_id} status=error user="ada""#
    );
    assert_eq!(line(spans()), span);
    assert_eq!(line(logs()), r#"  log severity=WARN body={"k": "v"}"#);
    assert_eq!(line(metrics()), r#"  sum "requests" value=7"#);
}

#[test]
fn detailed_shows_every_field() {
    let shown = render(&spans(), Verbosity::Detailed).unwrap();
    for field in ["kind: server", "status_message: boom", "user: \"ada\"", "  resource\n", "    scope\n"] {
        assert!(shown.contains(field), "{field} is missing in\n{shown}");
    }
    assert!(render(&metrics(), Verbosity::Detailed).unwrap().contains("metric \"requests\""));
    assert!(render(&logs(), Verbosity::Detailed).unwrap().contains("body: {\"k\": \"v\"}"));
}

#[tokio::test]
async fn a_batch_that_cannot_be_decoded_fails_for_good() {
    let broken = Batch { payload: vec![0xff; 3].into(), ..spans() };
    let exporter = DebugExporter::new(Verbosity::Basic, Vec::new());
    let error = exporter.export(broken).await.unwrap_err();
    assert!(!error.retryable);
    assert_eq!(error.message, "the traces cannot be decoded");
}
