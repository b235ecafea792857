//! A request as text that says what it means: attributes in the order of their keys, and no difference between a message that
//! is left out and an empty one, which the Collector writes.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Exemplar, Metric};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use weir_tests::Signal;

pub fn text(signal: Signal, body: &[u8]) -> String {
    match signal {
        Signal::Traces => {
            let mut request = ExportTraceServiceRequest::decode(body).expect("valid traces");
            for group in &mut request.resource_spans {
                resource(&mut group.resource);
                for group in &mut group.scope_spans {
                    scope(&mut group.scope);
                    group.spans.iter_mut().for_each(span);
                }
            }
            format!("{request:#?}")
        }
        Signal::Logs => {
            let mut request = ExportLogsServiceRequest::decode(body).expect("valid logs");
            for group in &mut request.resource_logs {
                resource(&mut group.resource);
                for group in &mut group.scope_logs {
                    scope(&mut group.scope);
                    for record in &mut group.log_records {
                        attributes(&mut record.attributes);
                        optional(&mut record.body);
                    }
                }
            }
            format!("{request:#?}")
        }
        _ => {
            let mut request = ExportMetricsServiceRequest::decode(body).expect("valid metrics");
            for group in &mut request.resource_metrics {
                resource(&mut group.resource);
                for group in &mut group.scope_metrics {
                    scope(&mut group.scope);
                    group.metrics.iter_mut().for_each(metric);
                }
            }
            format!("{request:#?}")
        }
    }
}

fn resource(resource: &mut Option<Resource>) {
    attributes(&mut resource.get_or_insert_default().attributes);
}

fn scope(scope: &mut Option<InstrumentationScope>) {
    attributes(&mut scope.get_or_insert_default().attributes);
}

fn span(span: &mut Span) {
    attributes(&mut span.attributes);
    span.status.get_or_insert_default();
    span.events.iter_mut().for_each(|event| attributes(&mut event.attributes));
    span.links.iter_mut().for_each(|link| attributes(&mut link.attributes));
}

fn metric(metric: &mut Metric) {
    attributes(&mut metric.metadata);
    match &mut metric.data {
        Some(Data::Gauge(data)) => {
            data.data_points
                .iter_mut()
                .for_each(|point| self::point(&mut point.attributes, &mut point.exemplars));
        }
        Some(Data::Sum(data)) => {
            data.data_points
                .iter_mut()
                .for_each(|point| self::point(&mut point.attributes, &mut point.exemplars));
        }
        Some(Data::Histogram(data)) => {
            data.data_points
                .iter_mut()
                .for_each(|point| self::point(&mut point.attributes, &mut point.exemplars));
        }
        Some(Data::ExponentialHistogram(data)) => {
            for point in &mut data.data_points {
                point.positive.get_or_insert_default();
                point.negative.get_or_insert_default();
                self::point(&mut point.attributes, &mut point.exemplars);
            }
        }
        Some(Data::Summary(data)) => {
            data.data_points.iter_mut().for_each(|point| attributes(&mut point.attributes));
        }
        None => {}
    }
}

fn point(of_point: &mut [KeyValue], exemplars: &mut [Exemplar]) {
    attributes(of_point);
    exemplars.iter_mut().for_each(|exemplar| attributes(&mut exemplar.filtered_attributes));
}

fn attributes(attributes: &mut [KeyValue]) {
    attributes.sort_by(|one, other| one.key.cmp(&other.key));
    attributes.iter_mut().for_each(|pair| optional(&mut pair.value));
}

/// Maps are in order too.
fn optional(value: &mut Option<AnyValue>) {
    match value.as_mut().and_then(|value| value.value.as_mut()) {
        None => *value = None,
        Some(Value::KvlistValue(list)) => attributes(&mut list.values),
        Some(Value::ArrayValue(array)) => {
            for element in &mut array.values {
                let mut inner = Some(std::mem::take(element));
                optional(&mut inner);
                *element = inner.unwrap_or_default();
            }
        }
        Some(_) => {}
    }
}
