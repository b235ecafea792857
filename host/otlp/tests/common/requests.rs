//! Arbitrary valid requests of all signals, as messages.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList, any_value::Value,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint,
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar, metric,
    number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span};
use prost::Message;
use weir_otlp::Signal;

use super::dice::Dice;

/// Keys are few, so that the same one turns up twice, and at several levels.
pub const KEYS: [&str; 9] = [
    "a",
    "b",
    "http.route",
    "http.method",
    "user.email",
    "gr\u{f6}\u{df}e",
    "",
    "k8s.pod.name",
    "a.key.that.takes.more.than.one.hundred.and.twenty.eight.bytes.so.that.its.length.is.not.one.byte.\
     and.so.is.the.one.of.the.pair.around",
];

const TEXTS: [&str; 8] =
    ["", "x", "checkout", "/api/v1/orders", "gr\u{fc}n \u{1f600}", "ada@example.org", "a\0b", "12345678"];

pub fn request(dice: &mut Dice, signal: Signal) -> Vec<u8> {
    match signal {
        Signal::Traces => traces(dice).encode_to_vec(),
        Signal::Metrics => metrics(dice).encode_to_vec(),
        _ => logs(dice).encode_to_vec(),
    }
}

fn some<T>(dice: &mut Dice, max: usize, mut one: impl FnMut(&mut Dice) -> T) -> Vec<T> {
    let count = dice.below(max + 1);
    (0..count).map(|_| one(dice)).collect()
}

fn maybe<T>(dice: &mut Dice, one: impl FnOnce(&mut Dice) -> T) -> Option<T> {
    dice.percent(70).then(|| one(dice))
}

pub fn text(dice: &mut Dice) -> String {
    let text = dice.pick(&TEXTS);
    if dice.percent(6) { text.repeat(40) } else { text.to_owned() }
}

pub fn number(dice: &mut Dice) -> u64 {
    let bits = dice.pick(&[0, 1, 7, 8, 32, 56, 63, 64]);
    if bits == 0 { 0 } else { dice.word() >> (64 - bits) }
}

fn double(dice: &mut Dice) -> f64 {
    dice.pick(&[0.0, 1.5, -3.25, f64::INFINITY, 1e300, -0.5])
}

fn id(dice: &mut Dice, len: usize) -> Vec<u8> {
    if dice.percent(20) { Vec::new() } else { (0..len).map(|_| dice.byte()).collect() }
}

pub fn any_value(dice: &mut Dice, depth: u32) -> AnyValue {
    let choices = if depth == 0 { 7 } else { 11 };
    let value = match dice.below(choices) {
        0 | 1 => Value::StringValue(text(dice)),
        2 => Value::IntValue(number(dice) as i64),
        3 => Value::BoolValue(dice.percent(50)),
        4 => Value::DoubleValue(double(dice)),
        5 => Value::BytesValue(id(dice, 11)),
        6 => return AnyValue { value: None },
        7 | 8 => Value::ArrayValue(ArrayValue { values: some(dice, 3, |d| any_value(d, depth - 1)) }),
        9 => Value::KvlistValue(KeyValueList { values: some(dice, 3, |d| key_value(d, depth - 1)) }),
        _ => Value::StringValueStrindex(dice.byte().into()),
    };
    AnyValue { value: Some(value) }
}

fn key_value(dice: &mut Dice, depth: u32) -> KeyValue {
    let key = dice.pick(&KEYS).to_owned();
    let value = (!dice.percent(5)).then(|| any_value(dice, depth));
    KeyValue { key, value, key_strindex: 0 }
}

fn attributes(dice: &mut Dice) -> Vec<KeyValue> {
    some(dice, 5, |dice| key_value(dice, 3))
}

fn resource(dice: &mut Dice) -> Resource {
    let entity = |dice: &mut Dice| EntityRef { r#type: text(dice), ..EntityRef::default() };
    Resource {
        attributes: attributes(dice),
        dropped_attributes_count: number(dice) as u32,
        entity_refs: some(dice, 1, entity),
    }
}

fn scope(dice: &mut Dice) -> InstrumentationScope {
    InstrumentationScope {
        name: text(dice),
        version: text(dice),
        attributes: attributes(dice),
        dropped_attributes_count: number(dice) as u32,
    }
}

fn traces(dice: &mut Dice) -> ExportTraceServiceRequest {
    let scope_spans = |dice: &mut Dice| ScopeSpans {
        scope: maybe(dice, scope),
        spans: some(dice, 3, span),
        schema_url: text(dice),
    };
    let group = |dice: &mut Dice| ResourceSpans {
        resource: maybe(dice, resource),
        scope_spans: some(dice, 2, scope_spans),
        schema_url: text(dice),
    };
    ExportTraceServiceRequest { resource_spans: some(dice, 3, group) }
}

fn span(dice: &mut Dice) -> Span {
    Span {
        trace_id: id(dice, 16),
        span_id: id(dice, 8),
        trace_state: text(dice),
        parent_span_id: id(dice, 8),
        flags: number(dice) as u32,
        name: text(dice),
        kind: dice.below(6) as i32,
        start_time_unix_nano: number(dice),
        end_time_unix_nano: number(dice),
        attributes: attributes(dice),
        dropped_attributes_count: number(dice) as u32,
        events: some(dice, 2, |dice| span::Event {
            time_unix_nano: number(dice),
            name: text(dice),
            attributes: attributes(dice),
            dropped_attributes_count: number(dice) as u32,
        }),
        dropped_events_count: number(dice) as u32,
        links: some(dice, 2, |dice| span::Link {
            trace_id: id(dice, 16),
            span_id: id(dice, 8),
            trace_state: text(dice),
            attributes: attributes(dice),
            dropped_attributes_count: number(dice) as u32,
            flags: number(dice) as u32,
        }),
        dropped_links_count: number(dice) as u32,
        status: maybe(dice, |dice| Status { message: text(dice), code: dice.below(3) as i32 }),
    }
}

fn logs(dice: &mut Dice) -> ExportLogsServiceRequest {
    let scope_logs = |dice: &mut Dice| ScopeLogs {
        scope: maybe(dice, scope),
        log_records: some(dice, 3, log_record),
        schema_url: text(dice),
    };
    let group = |dice: &mut Dice| ResourceLogs {
        resource: maybe(dice, resource),
        scope_logs: some(dice, 2, scope_logs),
        schema_url: text(dice),
    };
    ExportLogsServiceRequest { resource_logs: some(dice, 3, group) }
}

fn log_record(dice: &mut Dice) -> LogRecord {
    LogRecord {
        time_unix_nano: number(dice),
        observed_time_unix_nano: number(dice),
        severity_number: dice.below(25) as i32,
        severity_text: text(dice),
        body: maybe(dice, |dice| any_value(dice, 3)),
        attributes: attributes(dice),
        dropped_attributes_count: number(dice) as u32,
        flags: number(dice) as u32,
        trace_id: id(dice, 16),
        span_id: id(dice, 8),
        event_name: text(dice),
    }
}

fn metrics(dice: &mut Dice) -> ExportMetricsServiceRequest {
    let scope_metrics = |dice: &mut Dice| ScopeMetrics {
        scope: maybe(dice, scope),
        metrics: some(dice, 3, metric),
        schema_url: text(dice),
    };
    let group = |dice: &mut Dice| ResourceMetrics {
        resource: maybe(dice, resource),
        scope_metrics: some(dice, 2, scope_metrics),
        schema_url: text(dice),
    };
    ExportMetricsServiceRequest { resource_metrics: some(dice, 3, group) }
}

fn metric(dice: &mut Dice) -> Metric {
    let aggregation_temporality = dice.below(3) as i32;
    let data = match dice.below(6) {
        0 => metric::Data::Gauge(Gauge { data_points: some(dice, 3, number_point) }),
        1 => metric::Data::Sum(Sum {
            data_points: some(dice, 3, number_point),
            aggregation_temporality,
            is_monotonic: dice.percent(50),
        }),
        2 => metric::Data::Histogram(Histogram {
            data_points: some(dice, 3, histogram_point),
            aggregation_temporality,
        }),
        3 => metric::Data::ExponentialHistogram(ExponentialHistogram {
            data_points: some(dice, 3, exponential_point),
            aggregation_temporality,
        }),
        4 => metric::Data::Summary(Summary { data_points: some(dice, 3, summary_point) }),
        _ => return Metric { name: text(dice), ..Metric::default() },
    };
    Metric {
        name: text(dice),
        description: text(dice),
        unit: text(dice),
        metadata: attributes(dice),
        data: Some(data),
    }
}

fn number_point(dice: &mut Dice) -> NumberDataPoint {
    let value = match dice.below(3) {
        0 => Some(number_data_point::Value::AsInt(number(dice) as i64)),
        1 => Some(number_data_point::Value::AsDouble(double(dice))),
        _ => None,
    };
    NumberDataPoint {
        attributes: attributes(dice),
        start_time_unix_nano: number(dice),
        time_unix_nano: number(dice),
        exemplars: some(dice, 2, exemplar),
        flags: number(dice) as u32,
        value,
    }
}

fn exemplar(dice: &mut Dice) -> Exemplar {
    let value = match dice.below(3) {
        0 => Some(exemplar::Value::AsInt(number(dice) as i64)),
        1 => Some(exemplar::Value::AsDouble(double(dice))),
        _ => None,
    };
    Exemplar {
        filtered_attributes: attributes(dice),
        time_unix_nano: number(dice),
        span_id: id(dice, 8),
        trace_id: id(dice, 16),
        value,
    }
}

fn histogram_point(dice: &mut Dice) -> HistogramDataPoint {
    HistogramDataPoint {
        attributes: attributes(dice),
        start_time_unix_nano: number(dice),
        time_unix_nano: number(dice),
        count: number(dice),
        sum: maybe(dice, double),
        bucket_counts: some(dice, 4, number),
        explicit_bounds: some(dice, 3, double),
        exemplars: some(dice, 2, exemplar),
        flags: number(dice) as u32,
        min: maybe(dice, double),
        max: maybe(dice, double),
    }
}

fn exponential_point(dice: &mut Dice) -> ExponentialHistogramDataPoint {
    let buckets =
        |dice: &mut Dice| Buckets { offset: number(dice) as i32, bucket_counts: some(dice, 4, number) };
    ExponentialHistogramDataPoint {
        attributes: attributes(dice),
        start_time_unix_nano: number(dice),
        time_unix_nano: number(dice),
        count: number(dice),
        sum: maybe(dice, double),
        scale: number(dice) as i32,
        zero_count: number(dice),
        positive: maybe(dice, buckets),
        negative: maybe(dice, buckets),
        flags: number(dice) as u32,
        exemplars: some(dice, 2, exemplar),
        min: maybe(dice, double),
        max: maybe(dice, double),
        zero_threshold: double(dice),
    }
}

fn summary_point(dice: &mut Dice) -> SummaryDataPoint {
    SummaryDataPoint {
        attributes: attributes(dice),
        start_time_unix_nano: number(dice),
        time_unix_nano: number(dice),
        count: number(dice),
        sum: double(dice),
        quantile_values: some(dice, 3, |dice| ValueAtQuantile {
            quantile: double(dice),
            value: double(dice),
        }),
        flags: number(dice) as u32,
    }
}
