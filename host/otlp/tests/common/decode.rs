//! The tree of a request, from opentelemetry-proto's messages.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint, SummaryDataPoint,
    exemplar, metric::Data, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use weir_otlp::{Signal, field};

use super::model::{Entity, Field, Id, Leaf, Model, Name, Value, What};

/// The tree of an encoded request; an error is prost's.
pub fn model(signal: Signal, request: &[u8]) -> Result<Model, prost::DecodeError> {
    let mut ids = Ids(0);
    let groups = match signal {
        Signal::Traces => traces(&mut ids, ExportTraceServiceRequest::decode(request)?),
        Signal::Metrics => metrics(&mut ids, ExportMetricsServiceRequest::decode(request)?),
        _ => logs(&mut ids, ExportLogsServiceRequest::decode(request)?),
    };
    Ok(Model { signal, groups })
}

pub struct Ids(pub u32);

impl Ids {
    pub fn next(&mut self) -> Id {
        self.0 += 1;
        Id(self.0)
    }

    pub fn leaf(&mut self, value: Value) -> Leaf {
        Leaf { id: self.next(), value }
    }

    fn entity(&mut self, what: What) -> Entity {
        Entity { id: self.next(), what, fields: Vec::new(), children: Vec::new() }
    }

    pub fn any(&mut self, value: &AnyValue) -> Leaf {
        use any_value::Value as Any;
        let value = match &value.value {
            None => Value::Empty,
            Some(Any::StringValue(text)) => Value::Str(text.clone()),
            Some(Any::BoolValue(on)) => Value::Bool(*on),
            Some(Any::IntValue(int)) => Value::Int(*int as u64),
            Some(Any::DoubleValue(double)) => Value::Double(double.to_bits()),
            Some(Any::BytesValue(bytes)) => Value::Bytes(bytes.clone()),
            Some(Any::ArrayValue(array)) => Value::Array(array.values.iter().map(|v| self.any(v)).collect()),
            Some(Any::KvlistValue(map)) => {
                let mut member = |pair: &KeyValue| (pair.key.clone(), self.maybe_any(pair.value.as_ref()));
                Value::Map(map.values.iter().map(&mut member).collect())
            }
            Some(Any::StringValueStrindex(_)) => Value::Opaque,
        };
        self.leaf(value)
    }

    fn maybe_any(&mut self, value: Option<&AnyValue>) -> Leaf {
        match value {
            Some(value) => self.any(value),
            None => self.leaf(Value::Empty),
        }
    }

    /// A field that has no cell if it is zero.
    fn put(&mut self, entity: &mut Entity, code: u32, value: Value) {
        if !value.is_zero() {
            self.keep(entity, code, Some(value));
        }
    }

    /// A field with presence.
    fn keep(&mut self, entity: &mut Entity, code: u32, value: Option<Value>) {
        if let Some(value) = value {
            let leaf = self.leaf(value);
            entity.fields.push(Field { name: Name::Code(code), leaf });
        }
    }

    fn text(&mut self, entity: &mut Entity, code: u32, text: &str) {
        self.put(entity, code, Value::Str(text.to_owned()));
    }

    fn int(&mut self, entity: &mut Entity, code: u32, int: u64) {
        self.put(entity, code, Value::Int(int));
    }

    fn bytes(&mut self, entity: &mut Entity, code: u32, bytes: &[u8]) {
        self.put(entity, code, Value::Bytes(bytes.to_vec()));
    }

    fn uints(&mut self, entity: &mut Entity, code: u32, list: &[u64]) {
        if !list.is_empty() {
            self.keep(entity, code, Some(Value::Uints(list.to_vec())));
        }
    }

    fn doubles(&mut self, entity: &mut Entity, code: u32, list: impl Iterator<Item = f64>) {
        let list: Vec<u64> = list.map(f64::to_bits).collect();
        if !list.is_empty() {
            self.keep(entity, code, Some(Value::Doubles(list)));
        }
    }

    /// Fields are complete: brings them into their order, and adds the attributes.
    fn close(&mut self, entity: &mut Entity, attributes: &[KeyValue]) {
        entity.fields.sort_by(|a, b| a.name.cmp(&b.name));
        for pair in attributes {
            let leaf = self.maybe_any(pair.value.as_ref());
            entity.fields.push(Field { name: Name::Key(pair.key.clone()), leaf });
        }
    }

    fn group(&mut self, resource: Option<Resource>, schema_url: &str) -> Entity {
        let resource = resource.unwrap_or_default();
        let mut group = self.entity(What::Resource);
        self.text(&mut group, field::SCHEMA_URL, schema_url);
        self.int(&mut group, field::DROPPED_ATTRIBUTES, resource.dropped_attributes_count.into());
        self.close(&mut group, &resource.attributes);
        group
    }

    fn scope(&mut self, scope: Option<InstrumentationScope>, schema_url: &str) -> Entity {
        let scope = scope.unwrap_or_default();
        let mut entity = self.entity(What::Scope);
        self.text(&mut entity, field::SCHEMA_URL, schema_url);
        self.text(&mut entity, field::NAME, &scope.name);
        self.text(&mut entity, field::VERSION, &scope.version);
        self.int(&mut entity, field::DROPPED_ATTRIBUTES, scope.dropped_attributes_count.into());
        self.close(&mut entity, &scope.attributes);
        entity
    }
}

fn traces(ids: &mut Ids, request: ExportTraceServiceRequest) -> Vec<Entity> {
    let mut groups = Vec::new();
    for group in request.resource_spans {
        let mut entity = ids.group(group.resource, &group.schema_url);
        for scope in group.scope_spans {
            let mut inner = ids.scope(scope.scope, &scope.schema_url);
            inner.children = scope.spans.iter().map(|span| self::span(ids, span)).collect();
            entity.children.push(inner);
        }
        groups.push(entity);
    }
    groups
}

fn span(ids: &mut Ids, span: &Span) -> Entity {
    let mut entity = ids.entity(What::Span);
    let e = &mut entity;
    let status = span.status.clone().unwrap_or_default();
    ids.bytes(e, field::TRACE_ID, &span.trace_id);
    ids.bytes(e, field::SPAN_ID, &span.span_id);
    ids.bytes(e, field::PARENT_SPAN_ID, &span.parent_span_id);
    ids.text(e, field::TRACE_STATE, &span.trace_state);
    ids.text(e, field::NAME, &span.name);
    ids.text(e, field::STATUS_MESSAGE, &status.message);
    ids.int(e, field::STATUS_CODE, (status.code as u32).into());
    ids.int(e, field::KIND, (span.kind as u32).into());
    ids.int(e, field::FLAGS, span.flags.into());
    ids.int(e, field::START_TIME, span.start_time_unix_nano);
    ids.int(e, field::END_TIME, span.end_time_unix_nano);
    ids.int(e, field::DROPPED_ATTRIBUTES, span.dropped_attributes_count.into());
    ids.int(e, field::DROPPED_EVENTS, span.dropped_events_count.into());
    ids.int(e, field::DROPPED_LINKS, span.dropped_links_count.into());
    ids.close(e, &span.attributes);
    for event in &span.events {
        let mut inner = ids.entity(What::Event);
        ids.int(&mut inner, field::TIME, event.time_unix_nano);
        ids.text(&mut inner, field::NAME, &event.name);
        ids.int(&mut inner, field::DROPPED_ATTRIBUTES, event.dropped_attributes_count.into());
        ids.close(&mut inner, &event.attributes);
        e.children.push(inner);
    }
    for link in &span.links {
        let mut inner = ids.entity(What::Link);
        ids.bytes(&mut inner, field::TRACE_ID, &link.trace_id);
        ids.bytes(&mut inner, field::SPAN_ID, &link.span_id);
        ids.text(&mut inner, field::TRACE_STATE, &link.trace_state);
        ids.int(&mut inner, field::FLAGS, link.flags.into());
        ids.int(&mut inner, field::DROPPED_ATTRIBUTES, link.dropped_attributes_count.into());
        ids.close(&mut inner, &link.attributes);
        e.children.push(inner);
    }
    entity
}

fn logs(ids: &mut Ids, request: ExportLogsServiceRequest) -> Vec<Entity> {
    let mut groups = Vec::new();
    for group in request.resource_logs {
        let mut entity = ids.group(group.resource, &group.schema_url);
        for scope in group.scope_logs {
            let mut inner = ids.scope(scope.scope, &scope.schema_url);
            inner.children = scope.log_records.iter().map(|record| log(ids, record)).collect();
            entity.children.push(inner);
        }
        groups.push(entity);
    }
    groups
}

fn log(ids: &mut Ids, record: &LogRecord) -> Entity {
    let mut entity = ids.entity(What::Log);
    let e = &mut entity;
    if let Some(body) = &record.body {
        let leaf = ids.any(body);
        e.fields.push(Field { name: Name::Code(field::BODY), leaf });
    }
    ids.int(e, field::TIME, record.time_unix_nano);
    ids.int(e, field::OBSERVED_TIME, record.observed_time_unix_nano);
    ids.int(e, field::SEVERITY_NUMBER, (record.severity_number as u32).into());
    ids.text(e, field::SEVERITY_TEXT, &record.severity_text);
    ids.text(e, field::EVENT_NAME, &record.event_name);
    ids.int(e, field::DROPPED_ATTRIBUTES, record.dropped_attributes_count.into());
    ids.int(e, field::FLAGS, record.flags.into());
    ids.bytes(e, field::TRACE_ID, &record.trace_id);
    ids.bytes(e, field::SPAN_ID, &record.span_id);
    ids.close(e, &record.attributes);
    entity
}

fn metrics(ids: &mut Ids, request: ExportMetricsServiceRequest) -> Vec<Entity> {
    let mut groups = Vec::new();
    for group in request.resource_metrics {
        let mut entity = ids.group(group.resource, &group.schema_url);
        for scope in group.scope_metrics {
            let mut inner = ids.scope(scope.scope, &scope.schema_url);
            inner.children = scope.metrics.iter().map(|metric| self::metric(ids, metric)).collect();
            entity.children.push(inner);
        }
        groups.push(entity);
    }
    groups
}

fn metric(ids: &mut Ids, metric: &Metric) -> Entity {
    let mut entity = ids.entity(What::Metric);
    let e = &mut entity;
    ids.text(e, field::NAME, &metric.name);
    ids.text(e, field::DESCRIPTION, &metric.description);
    ids.text(e, field::UNIT, &metric.unit);
    let (data_type, temporality) = match &metric.data {
        None => (0, 0),
        Some(Data::Gauge(_)) => (1, 0),
        Some(Data::Sum(sum)) => (2, sum.aggregation_temporality),
        Some(Data::Histogram(histogram)) => (3, histogram.aggregation_temporality),
        Some(Data::ExponentialHistogram(histogram)) => (4, histogram.aggregation_temporality),
        Some(Data::Summary(_)) => (5, 0),
    };
    ids.int(e, field::DATA_TYPE, data_type);
    ids.int(e, field::TEMPORALITY, (temporality as u32).into());
    if let Some(Data::Sum(sum)) = &metric.data {
        ids.put(e, field::MONOTONIC, Value::Bool(sum.is_monotonic));
    }
    ids.close(e, &metric.metadata);
    e.children = match &metric.data {
        None => Vec::new(),
        Some(Data::Gauge(gauge)) => gauge.data_points.iter().map(|p| number(ids, p)).collect(),
        Some(Data::Sum(sum)) => sum.data_points.iter().map(|p| number(ids, p)).collect(),
        Some(Data::Histogram(data)) => data.data_points.iter().map(|p| histogram(ids, p)).collect(),
        Some(Data::ExponentialHistogram(data)) => {
            data.data_points.iter().map(|p| exponential(ids, p)).collect()
        }
        Some(Data::Summary(data)) => data.data_points.iter().map(|p| summary(ids, p)).collect(),
    };
    entity
}

fn number(ids: &mut Ids, point: &NumberDataPoint) -> Entity {
    let mut entity = ids.entity(What::Number);
    let e = &mut entity;
    let value = point.value.as_ref().map(|value| match value {
        number_data_point::Value::AsInt(int) => Value::Int(*int as u64),
        number_data_point::Value::AsDouble(double) => Value::Double(double.to_bits()),
    });
    ids.keep(e, field::VALUE, value);
    ids.int(e, field::FLAGS, point.flags.into());
    ids.int(e, field::START_TIME, point.start_time_unix_nano);
    ids.int(e, field::TIME, point.time_unix_nano);
    ids.close(e, &point.attributes);
    e.children = point.exemplars.iter().map(|one| exemplar(ids, one)).collect();
    entity
}

fn exemplar(ids: &mut Ids, exemplar: &Exemplar) -> Entity {
    let mut entity = ids.entity(What::Exemplar);
    let e = &mut entity;
    let value = exemplar.value.as_ref().map(|value| match value {
        exemplar::Value::AsInt(int) => Value::Int(*int as u64),
        exemplar::Value::AsDouble(double) => Value::Double(double.to_bits()),
    });
    ids.keep(e, field::VALUE, value);
    ids.int(e, field::TIME, exemplar.time_unix_nano);
    ids.bytes(e, field::SPAN_ID, &exemplar.span_id);
    ids.bytes(e, field::TRACE_ID, &exemplar.trace_id);
    ids.close(e, &exemplar.filtered_attributes);
    entity
}

fn double(value: Option<f64>) -> Option<Value> {
    value.map(|value| Value::Double(value.to_bits()))
}

fn histogram(ids: &mut Ids, point: &HistogramDataPoint) -> Entity {
    let mut entity = ids.entity(What::Histogram);
    let e = &mut entity;
    ids.int(e, field::FLAGS, point.flags.into());
    ids.int(e, field::START_TIME, point.start_time_unix_nano);
    ids.int(e, field::TIME, point.time_unix_nano);
    ids.int(e, field::COUNT, point.count);
    ids.keep(e, field::SUM, double(point.sum));
    ids.keep(e, field::MIN, double(point.min));
    ids.keep(e, field::MAX, double(point.max));
    ids.uints(e, field::BUCKET_COUNTS, &point.bucket_counts);
    ids.doubles(e, field::EXPLICIT_BOUNDS, point.explicit_bounds.iter().copied());
    ids.close(e, &point.attributes);
    e.children = point.exemplars.iter().map(|one| exemplar(ids, one)).collect();
    entity
}

fn exponential(ids: &mut Ids, point: &ExponentialHistogramDataPoint) -> Entity {
    let mut entity = ids.entity(What::Exponential);
    let e = &mut entity;
    ids.int(e, field::FLAGS, point.flags.into());
    ids.int(e, field::START_TIME, point.start_time_unix_nano);
    ids.int(e, field::TIME, point.time_unix_nano);
    ids.int(e, field::COUNT, point.count);
    ids.keep(e, field::SUM, double(point.sum));
    ids.keep(e, field::MIN, double(point.min));
    ids.keep(e, field::MAX, double(point.max));
    ids.int(e, field::SCALE, i64::from(point.scale) as u64);
    ids.int(e, field::ZERO_COUNT, point.zero_count);
    ids.put(e, field::ZERO_THRESHOLD, Value::Double(point.zero_threshold.to_bits()));
    let mut buckets = |buckets: &Option<Buckets>, offset: u32, counts: u32| {
        let buckets = buckets.clone().unwrap_or_default();
        ids.int(e, offset, i64::from(buckets.offset) as u64);
        ids.uints(e, counts, &buckets.bucket_counts);
    };
    buckets(&point.positive, field::POSITIVE_OFFSET, field::POSITIVE_COUNTS);
    buckets(&point.negative, field::NEGATIVE_OFFSET, field::NEGATIVE_COUNTS);
    ids.close(e, &point.attributes);
    e.children = point.exemplars.iter().map(|one| exemplar(ids, one)).collect();
    entity
}

fn summary(ids: &mut Ids, point: &SummaryDataPoint) -> Entity {
    let mut entity = ids.entity(What::Summary);
    let e = &mut entity;
    ids.int(e, field::FLAGS, point.flags.into());
    ids.int(e, field::START_TIME, point.start_time_unix_nano);
    ids.int(e, field::TIME, point.time_unix_nano);
    ids.int(e, field::COUNT, point.count);
    ids.put(e, field::SUM, Value::Double(point.sum.to_bits()));
    let quantiles = &point.quantile_values;
    ids.doubles(e, field::QUANTILES, quantiles.iter().map(|at| at.quantile));
    ids.doubles(e, field::QUANTILE_VALUES, quantiles.iter().map(|at| at.value));
    ids.close(e, &point.attributes);
    entity
}
