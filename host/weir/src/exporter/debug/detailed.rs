//! Everything: resources and scopes as headings, each field of an item on its own line.

use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::{Exemplar, Metric, metric};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;

use super::Decoded;
use super::normal::{exemplar_number, metric_points};
use super::value::{attributes as inline, enum_name, hex, push, value};

pub(super) fn write(text: &mut String, decoded: &Decoded) {
    match decoded {
        Decoded::Traces(request) => {
            for of_resource in &request.resource_spans {
                resource(text, of_resource.resource.as_ref(), &of_resource.schema_url);
                for of_scope in &of_resource.scope_spans {
                    scope(text, of_scope.scope.as_ref(), &of_scope.schema_url);
                    of_scope.spans.iter().for_each(|item| span(text, item));
                }
            }
        }
        Decoded::Metrics(request) => {
            for of_resource in &request.resource_metrics {
                resource(text, of_resource.resource.as_ref(), &of_resource.schema_url);
                for of_scope in &of_resource.scope_metrics {
                    scope(text, of_scope.scope.as_ref(), &of_scope.schema_url);
                    of_scope.metrics.iter().for_each(|item| metric(text, item));
                }
            }
        }
        Decoded::Logs(request) => {
            for of_resource in &request.resource_logs {
                resource(text, of_resource.resource.as_ref(), &of_resource.schema_url);
                for of_scope in &of_resource.scope_logs {
                    scope(text, of_scope.scope.as_ref(), &of_scope.schema_url);
                    of_scope.log_records.iter().for_each(|item| log_record(text, item));
                }
            }
        }
        Decoded::Profiles => {}
    }
}

fn resource(text: &mut String, resource: Option<&Resource>, schema_url: &str) {
    text.push_str("  resource\n");
    field(text, 4, "schema_url", schema_url);
    if let Some(resource) = resource {
        attributes(text, 4, &resource.attributes, resource.dropped_attributes_count);
    }
}

fn scope(text: &mut String, scope: Option<&InstrumentationScope>, schema_url: &str) {
    text.push_str("    scope\n");
    field(text, 6, "schema_url", schema_url);
    if let Some(scope) = scope {
        field(text, 6, "name", &scope.name);
        field(text, 6, "version", &scope.version);
        attributes(text, 6, &scope.attributes, scope.dropped_attributes_count);
    }
}

fn span(text: &mut String, span: &Span) {
    push(text, format_args!("      span {:?}\n", span.name));
    field(text, 8, "trace_id", &hex(&span.trace_id));
    field(text, 8, "span_id", &hex(&span.span_id));
    field(text, 8, "parent_span_id", &hex(&span.parent_span_id));
    field(text, 8, "trace_state", &span.trace_state);
    number(text, 8, "flags", u64::from(span.flags));
    field(text, 8, "kind", &enum_name(span.kind().as_str_name(), "SPAN_KIND_"));
    number(text, 8, "start_time_unix_nano", span.start_time_unix_nano);
    number(text, 8, "end_time_unix_nano", span.end_time_unix_nano);
    if let Some(status) = &span.status {
        field(text, 8, "status", &enum_name(status.code().as_str_name(), "STATUS_CODE_"));
        field(text, 8, "status_message", &status.message);
    }
    attributes(text, 8, &span.attributes, span.dropped_attributes_count);
    for event in &span.events {
        push(text, format_args!("        event {:?}\n", event.name));
        number(text, 10, "time_unix_nano", event.time_unix_nano);
        attributes(text, 10, &event.attributes, event.dropped_attributes_count);
    }
    number(text, 8, "dropped_events", u64::from(span.dropped_events_count));
    for link in &span.links {
        text.push_str("        link\n");
        field(text, 10, "trace_id", &hex(&link.trace_id));
        field(text, 10, "span_id", &hex(&link.span_id));
        field(text, 10, "trace_state", &link.trace_state);
        number(text, 10, "flags", u64::from(link.flags));
        attributes(text, 10, &link.attributes, link.dropped_attributes_count);
    }
    number(text, 8, "dropped_links", u64::from(span.dropped_links_count));
}

fn log_record(text: &mut String, record: &LogRecord) {
    text.push_str("      log\n");
    number(text, 8, "time_unix_nano", record.time_unix_nano);
    number(text, 8, "observed_time_unix_nano", record.observed_time_unix_nano);
    number(text, 8, "severity_number", u64::try_from(record.severity_number).unwrap_or_default());
    field(text, 8, "severity_text", &record.severity_text);
    field(text, 8, "event_name", &record.event_name);
    any(text, 8, "body", record.body.as_ref());
    field(text, 8, "trace_id", &hex(&record.trace_id));
    field(text, 8, "span_id", &hex(&record.span_id));
    number(text, 8, "flags", u64::from(record.flags));
    attributes(text, 8, &record.attributes, record.dropped_attributes_count);
}

fn metric(text: &mut String, metric: &Metric) {
    push(text, format_args!("      metric {:?}\n", metric.name));
    field(text, 8, "description", &metric.description);
    field(text, 8, "unit", &metric.unit);
    attributes(text, 8, &metric.metadata, 0);
    metric_points(text, "        ", metric);
    match &metric.data {
        Some(metric::Data::Gauge(gauge)) => {
            gauge.data_points.iter().for_each(|point| exemplars(text, &point.exemplars));
        }
        Some(metric::Data::Sum(sum)) => {
            sum.data_points.iter().for_each(|point| exemplars(text, &point.exemplars));
        }
        Some(metric::Data::Histogram(histogram)) => {
            for point in &histogram.data_points {
                push(text, format_args!("          buckets={:?}", point.bucket_counts));
                push(text, format_args!(" bounds={:?}\n", point.explicit_bounds));
                exemplars(text, &point.exemplars);
            }
        }
        Some(metric::Data::ExponentialHistogram(histogram)) => {
            for point in &histogram.data_points {
                for (name, buckets) in [("positive", &point.positive), ("negative", &point.negative)] {
                    if let Some(buckets) = buckets {
                        let (offset, counts) = (buckets.offset, &buckets.bucket_counts);
                        push(text, format_args!("          {name} offset={offset} buckets={counts:?}\n"));
                    }
                }
                number(text, 10, "zero_count", point.zero_count);
                exemplars(text, &point.exemplars);
            }
        }
        Some(metric::Data::Summary(summary)) => {
            for quantile in summary.data_points.iter().flat_map(|point| &point.quantile_values) {
                let (quantile, value) = (quantile.quantile, quantile.value);
                push(text, format_args!("          quantile {quantile:?} value={value:?}\n"));
            }
        }
        None => {}
    }
}

fn exemplars(text: &mut String, exemplars: &[Exemplar]) {
    for exemplar in exemplars {
        let (trace_id, span_id) = (hex(&exemplar.trace_id), hex(&exemplar.span_id));
        push(text, format_args!("          exemplar value={}", exemplar_number(exemplar.value)));
        push(text, format_args!(" trace_id={trace_id} span_id={span_id}"));
        inline(text, &exemplar.filtered_attributes);
        text.push('\n');
    }
}

fn attributes(text: &mut String, indent: usize, attributes: &[KeyValue], dropped: u32) {
    for attribute in attributes {
        any(text, indent, &attribute.key, attribute.value.as_ref());
    }
    number(text, indent, "dropped_attributes", u64::from(dropped));
}

fn any(text: &mut String, indent: usize, name: &str, content: Option<&AnyValue>) {
    push(text, format_args!("{:indent$}{name}: ", ""));
    value(text, content);
    text.push('\n');
}

/// Empty fields are left out, as in the encoding itself.
fn field(text: &mut String, indent: usize, name: &str, content: &str) {
    if !content.is_empty() {
        push(text, format_args!("{:indent$}{name}: {content}\n", ""));
    }
}

fn number(text: &mut String, indent: usize, name: &str, content: u64) {
    if content != 0 {
        push(text, format_args!("{:indent$}{name}: {content}\n", ""));
    }
}
