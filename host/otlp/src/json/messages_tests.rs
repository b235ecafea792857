//! The table against the two others that there are: the official descriptors, and the rows of the walk.

use std::collections::{BTreeMap, HashMap};

use prost::Message as _;

use super::*;
use crate::shape::{Role, Shape, wire_of};

/// Every message with its name in the `.proto` files, below `opentelemetry.proto.`.
fn all() -> Vec<(&'static str, &'static Message)> {
    vec![
        ("collector.trace.v1.ExportTraceServiceRequest", &TRACES),
        ("collector.metrics.v1.ExportMetricsServiceRequest", &METRICS),
        ("collector.logs.v1.ExportLogsServiceRequest", &LOGS),
        ("common.v1.AnyValue", &ANY_VALUE),
        ("common.v1.ArrayValue", &ARRAY_VALUE),
        ("common.v1.KeyValueList", &KEY_VALUE_LIST),
        ("common.v1.KeyValue", &KEY_VALUE),
        ("common.v1.EntityRef", &ENTITY_REF),
        ("common.v1.InstrumentationScope", &SCOPE),
        ("resource.v1.Resource", &RESOURCE),
        ("trace.v1.ResourceSpans", &RESOURCE_SPANS),
        ("trace.v1.ScopeSpans", &SCOPE_SPANS),
        ("trace.v1.Span", &SPAN),
        ("trace.v1.Span.Event", &EVENT),
        ("trace.v1.Span.Link", &LINK),
        ("trace.v1.Status", &STATUS),
        ("logs.v1.ResourceLogs", &RESOURCE_LOGS),
        ("logs.v1.ScopeLogs", &SCOPE_LOGS),
        ("logs.v1.LogRecord", &LOG_RECORD),
        ("metrics.v1.ResourceMetrics", &RESOURCE_METRICS),
        ("metrics.v1.ScopeMetrics", &SCOPE_METRICS),
        ("metrics.v1.Metric", &METRIC),
        ("metrics.v1.Gauge", &GAUGE),
        ("metrics.v1.Sum", &SUM),
        ("metrics.v1.Histogram", &HISTOGRAM),
        ("metrics.v1.ExponentialHistogram", &EXPONENTIAL_HISTOGRAM),
        ("metrics.v1.Summary", &SUMMARY),
        ("metrics.v1.NumberDataPoint", &NUMBER_POINT),
        ("metrics.v1.HistogramDataPoint", &HISTOGRAM_POINT),
        ("metrics.v1.ExponentialHistogramDataPoint", &EXPONENTIAL_POINT),
        ("metrics.v1.ExponentialHistogramDataPoint.Buckets", &BUCKETS),
        ("metrics.v1.SummaryDataPoint", &SUMMARY_POINT),
        ("metrics.v1.SummaryDataPoint.ValueAtQuantile", &QUANTILE),
        ("metrics.v1.Exemplar", &EXEMPLAR),
    ]
}

// What is needed of `google/protobuf/descriptor.proto`.

#[derive(Clone, PartialEq, prost::Message)]
struct FileSet {
    #[prost(message, repeated, tag = "1")]
    file: Vec<File>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct File {
    #[prost(string, tag = "2")]
    package: String,
    #[prost(message, repeated, tag = "4")]
    messages: Vec<Described>,
    #[prost(message, repeated, tag = "5")]
    enums: Vec<DescribedEnum>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Described {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    fields: Vec<DescribedField>,
    #[prost(message, repeated, tag = "3")]
    messages: Vec<Described>,
    #[prost(message, repeated, tag = "4")]
    enums: Vec<DescribedEnum>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct DescribedField {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int32, tag = "3")]
    number: i32,
    #[prost(int32, tag = "4")]
    label: i32,
    #[prost(int32, tag = "5")]
    r#type: i32,
    #[prost(string, tag = "6")]
    type_name: String,
    #[prost(int32, optional, tag = "9")]
    oneof_index: Option<i32>,
    #[prost(string, tag = "10")]
    json_name: String,
    #[prost(bool, tag = "17")]
    proto3_optional: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct DescribedEnum {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    values: Vec<DescribedValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct DescribedValue {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int32, tag = "2")]
    number: i32,
}

/// Messages and enums of the official descriptors, by full name.
#[derive(Default)]
struct Official {
    messages: HashMap<String, Described>,
    enums: HashMap<String, DescribedEnum>,
}

impl Official {
    fn read() -> Official {
        let mut official = Official::default();
        for file in FileSet::decode(opentelemetry_proto::DESCRIPTORS).unwrap().file {
            official.add(&file.package, file.messages, file.enums);
        }
        official
    }

    fn add(&mut self, outer: &str, messages: Vec<Described>, enums: Vec<DescribedEnum>) {
        for one in enums {
            self.enums.insert(format!("{outer}.{}", one.name), one);
        }
        for one in messages {
            let name = format!("{outer}.{}", one.name);
            self.add(&name, one.messages.clone(), one.enums.clone());
            self.messages.insert(name, one);
        }
    }
}

/// The number of the kind's type in `FieldDescriptorProto.Type`.
fn type_of(kind: Kind) -> i32 {
    match kind {
        Double => 1,
        Int64 => 3,
        Uint64 => 4,
        Int32 => 5,
        Fixed64 => 6,
        Fixed32 => 7,
        Bool => 8,
        Str => 9,
        Nested(_) => 11,
        Base64 | Hex(_) => 12,
        Uint32 => 13,
        Enum(_) => 14,
        Sfixed64 => 16,
        Kind::Zigzag32 => 17,
    }
}

fn rule_of(field: &DescribedField) -> Rule {
    const REPEATED: i32 = 3;
    match field {
        field if field.label == REPEATED && field.type_name.ends_with(".KeyValue") => Rule::Pairs,
        field if field.label == REPEATED => Rule::List,
        field if field.proto3_optional => Rule::Optional,
        field if field.oneof_index.is_some() => Rule::OneOf,
        _ => Rule::Plain,
    }
}

#[test]
fn the_table_has_what_the_official_descriptors_have() {
    let official = Official::read();
    let all = all();
    for (name, message) in &all {
        let described = &official.messages[&format!("opentelemetry.proto.{name}")];
        let numbers = |numbers: Vec<u32>| numbers.into_iter().collect::<std::collections::BTreeSet<_>>();
        assert_eq!(
            numbers(message.fields.iter().map(|field| field.number).collect()),
            numbers(described.fields.iter().map(|field| field.number as u32).collect()),
            "{name}"
        );
        assert!(message.fields.len() <= 16, "{name}");
        for theirs in &described.fields {
            let ours = &message.fields[message.numbered(theirs.number as u32).unwrap()];
            let what = format!("{name}.{}", theirs.name);
            assert_eq!(ours.name, theirs.json_name, "{what}");
            assert!(ours.is_named(&theirs.name), "{what}");
            assert_eq!(type_of(ours.kind), theirs.r#type, "{what}");
            assert_eq!(ours.rule, rule_of(theirs), "{what}");
            match ours.kind {
                Nested(inner) => {
                    let (name, _) = all.iter().find(|(_, message)| std::ptr::eq(*message, inner)).unwrap();
                    assert_eq!(theirs.type_name, format!(".opentelemetry.proto.{name}"), "{what}");
                }
                Enum(names) => {
                    let values = &official.enums[theirs.type_name.trim_start_matches('.')].values;
                    let theirs: BTreeMap<i32, &str> =
                        values.iter().map(|value| (value.number, &*value.name)).collect();
                    let ours: BTreeMap<i32, &str> = (0..).zip(names.iter().copied()).collect();
                    assert_eq!(ours, theirs, "{what}");
                }
                Hex(_) => assert!(ours.name.ends_with("Id"), "{what}"),
                _ => assert!(!ours.name.ends_with("Id"), "{what}"),
            }
        }
        let choices: std::collections::BTreeSet<_> = described
            .fields
            .iter()
            .filter(|field| !field.proto3_optional)
            .filter_map(|field| field.oneof_index)
            .collect();
        assert!(choices.len() <= 1, "{name} has two choices");
    }
}

#[test]
fn the_table_has_the_numbers_and_wire_types_of_the_walk() {
    use Shape as S;
    let shapes: [(Shape, &Message); 28] = [
        (S::Group, &RESOURCE_SPANS),
        (S::Resource, &RESOURCE),
        (S::EntityRef, &ENTITY_REF),
        (S::Scope, &SCOPE),
        (S::SpanScope, &SCOPE_SPANS),
        (S::LogScope, &SCOPE_LOGS),
        (S::MetricScope, &SCOPE_METRICS),
        (S::LogGroup, &RESOURCE_LOGS),
        (S::MetricGroup, &RESOURCE_METRICS),
        (S::Span, &SPAN),
        (S::Status, &STATUS),
        (S::Event, &EVENT),
        (S::Link, &LINK),
        (S::LogRecord, &LOG_RECORD),
        (S::Metric, &METRIC),
        (S::NumberPoints, &GAUGE),
        (S::SumPoints, &SUM),
        (S::HistogramPoints, &HISTOGRAM),
        (S::ExponentialPoints, &EXPONENTIAL_HISTOGRAM),
        (S::SummaryPoints, &SUMMARY),
        (S::NumberPoint, &NUMBER_POINT),
        (S::HistogramPoint, &HISTOGRAM_POINT),
        (S::ExponentialPoint, &EXPONENTIAL_POINT),
        (S::Positive, &BUCKETS),
        (S::Negative, &BUCKETS),
        (S::SummaryPoint, &SUMMARY_POINT),
        (S::Quantile, &QUANTILE),
        (S::Exemplar, &EXEMPLAR),
    ];
    assert_eq!(shapes.len(), crate::shape::SHAPES);
    for (shape, message) in shapes {
        let wire =
            |field: &Field| if field.is_packed() { crate::wire::wire_type::LEN } else { field.kind.wire() };
        let ours: BTreeMap<u32, u8> =
            message.fields.iter().map(|field| (field.number, wire(field))).collect();
        let walk: BTreeMap<u32, u8> =
            shape.rows().iter().map(|&(number, role): &(u32, Role)| (number, wire_of(role))).collect();
        assert_eq!(ours, walk, "{shape:?}");
    }
}
