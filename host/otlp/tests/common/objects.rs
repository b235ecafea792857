//! Single objects of OTLP/JSON, as opentelemetry-proto has them after `decode`, and the other way round.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use weir_otlp::{Signal, json};

pub fn decoded(signal: Signal, text: &str) -> Result<Vec<u8>, String> {
    json::decode(signal, text.as_bytes()).map_err(|error| error.to_string())
}

/// The log record that this object is.
pub fn record(object: &str) -> Result<LogRecord, String> {
    let text = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{object}]}}]}}]}}"#);
    let bytes = decoded(Signal::Logs, &text)?;
    let mut request = ExportLogsServiceRequest::decode(&*bytes).unwrap();
    Ok(request.resource_logs.remove(0).scope_logs.remove(0).log_records.remove(0))
}

pub fn span(object: &str) -> Result<Span, String> {
    let text = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{object}]}}]}}]}}"#);
    let bytes = decoded(Signal::Traces, &text)?;
    let mut request = ExportTraceServiceRequest::decode(&*bytes).unwrap();
    Ok(request.resource_spans.remove(0).scope_spans.remove(0).spans.remove(0))
}

pub fn metric(object: &str) -> Result<Metric, String> {
    let text = format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{object}]}}]}}]}}"#);
    let bytes = decoded(Signal::Metrics, &text)?;
    let mut request = ExportMetricsServiceRequest::decode(&*bytes).unwrap();
    Ok(request.resource_metrics.remove(0).scope_metrics.remove(0).metrics.remove(0))
}

/// The `AnyValue` that this object is, as a body.
pub fn value(object: &str) -> Result<Option<Value>, String> {
    Ok(record(&format!(r#"{{"body":{object}}}"#))?.body.unwrap().value)
}

/// The JSON of a log record, cut out of its request.
pub fn written(record: LogRecord) -> String {
    let scope_logs = vec![ScopeLogs { log_records: vec![record], ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
    let request = ExportLogsServiceRequest { resource_logs }.encode_to_vec();
    let mut out = Vec::new();
    json::encode(Signal::Logs, &request, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let inner = text.strip_prefix(r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":["#).unwrap();
    inner.strip_suffix("]}]}]}").unwrap().to_owned()
}

pub fn written_value(value: Value) -> String {
    let body = Some(AnyValue { value: Some(value) });
    let text = written(LogRecord { body, ..LogRecord::default() });
    text.strip_prefix(r#"{"body":"#).unwrap().strip_suffix('}').unwrap().to_owned()
}
