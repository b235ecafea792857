//! One line an item: what it is, whose, and its attributes.

use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::{Metric, exemplar, metric, number_data_point};
use opentelemetry_proto::tonic::trace::v1::Span;

use super::Decoded;
use super::value::{attributes, enum_name, hex, push, value};

pub(super) fn write(text: &mut String, decoded: &Decoded) {
    match decoded {
        Decoded::Traces(request) => {
            let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
            scopes.flat_map(|scope| &scope.spans).for_each(|item| span(text, item));
        }
        Decoded::Metrics(request) => {
            let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
            scopes.flat_map(|scope| &scope.metrics).for_each(|item| metric_points(text, "  ", item));
        }
        Decoded::Logs(request) => {
            let scopes = request.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
            scopes.flat_map(|scope| &scope.log_records).for_each(|item| log_record(text, item));
        }
        Decoded::Profiles => {}
    }
}

fn span(text: &mut String, span: &Span) {
    let kind = enum_name(span.kind().as_str_name(), "SPAN_KIND_");
    let (trace_id, span_id) = (hex(&span.trace_id), hex(&span.span_id));
    push(text, format_args!("  span {:?} kind={kind} trace_id={trace_id} span_id={span_id}", span.name));
    if let Some(status) = &span.status {
        let code = enum_name(status.code().as_str_name(), "STATUS_CODE_");
        push(text, format_args!(" status={code}"));
    }
    attributes(text, &span.attributes);
    text.push('\n');
}

fn log_record(text: &mut String, record: &LogRecord) {
    push(text, format_args!("  log severity={} body=", record.severity_text));
    value(text, record.body.as_ref());
    attributes(text, &record.attributes);
    text.push('\n');
}

/// One line a data point, each with the metric's name.
pub(super) fn metric_points(text: &mut String, indent: &str, item: &Metric) {
    let mut line = |kind: &str, value: String, points: &[_]| {
        push(text, format_args!("{indent}{kind} {:?} {value}", item.name));
        attributes(text, points);
        text.push('\n');
    };
    match &item.data {
        None => line("metric", "without data".to_owned(), &[]),
        Some(metric::Data::Gauge(gauge)) => {
            for point in &gauge.data_points {
                line("gauge", format!("value={}", number(point.value)), &point.attributes);
            }
        }
        Some(metric::Data::Sum(sum)) => {
            for point in &sum.data_points {
                line("sum", format!("value={}", number(point.value)), &point.attributes);
            }
        }
        Some(metric::Data::Histogram(histogram)) => {
            for point in &histogram.data_points {
                let value = format!("count={} sum={}", point.count, optional(point.sum));
                line("histogram", value, &point.attributes);
            }
        }
        Some(metric::Data::ExponentialHistogram(histogram)) => {
            for point in &histogram.data_points {
                let value =
                    format!("count={} sum={} scale={}", point.count, optional(point.sum), point.scale);
                line("exponential_histogram", value, &point.attributes);
            }
        }
        Some(metric::Data::Summary(summary)) => {
            for point in &summary.data_points {
                line("summary", format!("count={} sum={:?}", point.count, point.sum), &point.attributes);
            }
        }
    }
}

fn number(value: Option<number_data_point::Value>) -> String {
    match value {
        None => "none".to_owned(),
        Some(number_data_point::Value::AsDouble(double)) => format!("{double:?}"),
        Some(number_data_point::Value::AsInt(int)) => int.to_string(),
    }
}

pub(super) fn exemplar_number(value: Option<exemplar::Value>) -> String {
    match value {
        None => "none".to_owned(),
        Some(exemplar::Value::AsDouble(double)) => format!("{double:?}"),
        Some(exemplar::Value::AsInt(int)) => int.to_string(),
    }
}

fn optional(value: Option<f64>) -> String {
    value.map_or("none".to_owned(), |value| format!("{value:?}"))
}
