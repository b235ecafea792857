//! Requests as flat items, for people and for the check: every string-bearing place of a span, log record or data point
//! with its value.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, SeverityNumber};
use opentelemetry_proto::tonic::metrics::v1::{Exemplar, Metric, metric::Data};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use weir_otlp::Signal;

/// One span, log record or data point.
pub(super) struct Item {
    pub signal: Signal,
    /// What it is called: a span's or metric's name, a log record's severity.
    pub title: String,
    /// The same before and after weir. Log records have no id of their own, so two of them may share one.
    pub id: Vec<u8>,
    pub trace_id: Vec<u8>,
    pub is_error: bool,
    /// Place and value, in the order of the item.
    pub fields: Vec<(String, String)>,
}

/// The items of a request.
pub(super) fn of(signal: Signal, payload: &[u8]) -> Result<Vec<Item>, prost::DecodeError> {
    let mut items = Vec::new();
    match signal {
        Signal::Traces => {
            for group in ExportTraceServiceRequest::decode(payload)?.resource_spans {
                for span in group.scope_spans.iter().flat_map(|scope| &scope.spans) {
                    items.push(of_span(group.resource.as_ref(), span));
                }
            }
        }
        Signal::Logs => {
            for group in ExportLogsServiceRequest::decode(payload)?.resource_logs {
                for record in group.scope_logs.iter().flat_map(|scope| &scope.log_records) {
                    items.push(of_log(group.resource.as_ref(), record));
                }
            }
        }
        Signal::Metrics => {
            for group in ExportMetricsServiceRequest::decode(payload)?.resource_metrics {
                for metric in group.scope_metrics.iter().flat_map(|scope| &scope.metrics) {
                    add_points(&mut items, group.resource.as_ref(), metric);
                }
            }
        }
        Signal::Profiles => {}
    }
    Ok(items)
}

fn of_span(resource: Option<&Resource>, span: &Span) -> Item {
    let mut fields = resource_fields(resource);
    if !span.trace_state.is_empty() {
        fields.push(("trace state".to_owned(), span.trace_state.clone()));
    }
    add(&mut fields, "attribute", &span.attributes);
    for event in &span.events {
        add(&mut fields, &format!("event {}", event.name), &event.attributes);
    }
    for link in &span.links {
        add(&mut fields, "link", &link.attributes);
    }
    let status = span.status.as_ref();
    if let Some(status) = status.filter(|status| !status.message.is_empty()) {
        fields.push(("status".to_owned(), status.message.clone()));
    }
    Item {
        signal: Signal::Traces,
        title: span.name.clone(),
        id: span.span_id.clone(),
        trace_id: span.trace_id.clone(),
        is_error: status.is_some_and(|status| status.code == 2),
        fields,
    }
}

fn of_log(resource: Option<&Resource>, record: &LogRecord) -> Item {
    let mut fields = resource_fields(resource);
    if let Some(body) = &record.body {
        fields.push(("body".to_owned(), text(body)));
    }
    add(&mut fields, "attribute", &record.attributes);
    let mut id = record.span_id.clone();
    id.extend(record.time_unix_nano.to_be_bytes());
    id.extend(record.severity_number.to_be_bytes());
    Item {
        signal: Signal::Logs,
        title: record.severity_text.clone(),
        id,
        trace_id: record.trace_id.clone(),
        is_error: record.severity_number >= SeverityNumber::Error as i32,
        fields,
    }
}

fn add_points(items: &mut Vec<Item>, resource: Option<&Resource>, metric: &Metric) {
    let mut point = |attributes: &[KeyValue], exemplars: &[Exemplar]| {
        let mut fields = resource_fields(resource);
        add(&mut fields, "attribute", attributes);
        for exemplar in exemplars {
            add(&mut fields, "exemplar", &exemplar.filtered_attributes);
        }
        let id = format!("{} {}", metric.name, items.len()).into_bytes();
        let title = metric.name.clone();
        let signal = Signal::Metrics;
        items.push(Item { signal, title, id, trace_id: Vec::new(), is_error: false, fields });
    };
    match &metric.data {
        Some(Data::Gauge(data)) => data.data_points.iter().for_each(|p| point(&p.attributes, &p.exemplars)),
        Some(Data::Sum(data)) => data.data_points.iter().for_each(|p| point(&p.attributes, &p.exemplars)),
        Some(Data::Histogram(data)) => {
            data.data_points.iter().for_each(|p| point(&p.attributes, &p.exemplars));
        }
        Some(Data::ExponentialHistogram(data)) => {
            data.data_points.iter().for_each(|p| point(&p.attributes, &p.exemplars));
        }
        Some(Data::Summary(data)) => data.data_points.iter().for_each(|p| point(&p.attributes, &[])),
        None => {}
    }
}

fn resource_fields(resource: Option<&Resource>) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    add(&mut fields, "resource", resource.map_or(&[], |resource| &resource.attributes));
    fields
}

fn add(fields: &mut Vec<(String, String)>, place: &str, attributes: &[KeyValue]) {
    for attribute in attributes {
        let value = attribute.value.as_ref().map(text).unwrap_or_default();
        fields.push((format!("{place} {}", attribute.key), value));
    }
}

/// A value as people write it.
fn text(value: &AnyValue) -> String {
    match &value.value {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::BoolValue(value)) => value.to_string(),
        Some(Value::IntValue(value)) => value.to_string(),
        Some(Value::DoubleValue(value)) => value.to_string(),
        Some(Value::BytesValue(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        Some(Value::ArrayValue(array)) => {
            let values: Vec<String> = array.values.iter().map(text).collect();
            format!("[{}]", values.join(", "))
        }
        Some(Value::KvlistValue(map)) => {
            let member =
                |m: &KeyValue| format!("{}: {}", m.key, m.value.as_ref().map(text).unwrap_or_default());
            let members: Vec<String> = map.values.iter().map(member).collect();
            format!("{{{}}}", members.join(", "))
        }
        _ => String::new(),
    }
}
