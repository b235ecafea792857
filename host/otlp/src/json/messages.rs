//! OTLP's messages as JSON sees them. One table serves both directions and the comparison.
//!
//! Source: opentelemetry-proto 1.11, `{common,resource,trace,metrics,logs}.proto`. The table of the walk
//! (`rows`) does not serve here: it knows no names, and gives the fields of several messages to one entity.

use super::enums::{SEVERITY_NUMBER, SPAN_KIND, STATUS_CODE, TEMPORALITY};
use super::schema::Kind::{self, Base64, Bool, Double, Enum, Fixed32, Fixed64, Hex, Int32, Int64, Nested};
use super::schema::Kind::{Sfixed64, Str, Uint32, Uint64, Zigzag32};
use super::schema::{Field, Message, Rule};
use crate::codes::Signal;

/// The export request of a signal; none for profiles, whose format is not stable.
pub(super) fn request(signal: Signal) -> Option<&'static Message> {
    match signal {
        Signal::Traces => Some(&TRACES),
        Signal::Metrics => Some(&METRICS),
        Signal::Logs => Some(&LOGS),
        Signal::Profiles => None,
    }
}

const fn field(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, rule: Rule::Plain }
}

const fn optional(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, rule: Rule::Optional }
}

const fn choice(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, rule: Rule::OneOf }
}

const fn list(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, rule: Rule::List }
}

const fn pairs(number: u32, name: &'static str) -> Field {
    Field { number, name, kind: Nested(&KEY_VALUE), rule: Rule::Pairs }
}

const fn message(fields: &'static [Field]) -> Message {
    Message { fields, is_container: false }
}

const TRACE_ID: Kind = Hex(16);
const SPAN_ID: Kind = Hex(8);

pub(super) static TRACES: Message = message(&[list(1, "resourceSpans", Nested(&RESOURCE_SPANS))]);
pub(super) static METRICS: Message = message(&[list(1, "resourceMetrics", Nested(&RESOURCE_METRICS))]);
pub(super) static LOGS: Message = message(&[list(1, "resourceLogs", Nested(&RESOURCE_LOGS))]);

pub(super) static ANY_VALUE: Message = message(&[
    choice(1, "stringValue", Str),
    choice(2, "boolValue", Bool),
    choice(3, "intValue", Int64),
    choice(4, "doubleValue", Double),
    choice(5, "arrayValue", Nested(&ARRAY_VALUE)),
    choice(6, "kvlistValue", Nested(&KEY_VALUE_LIST)),
    choice(7, "bytesValue", Base64),
    choice(8, "stringValueStrindex", Int32),
]);
pub(super) static ARRAY_VALUE: Message =
    Message { fields: &[list(1, "values", Nested(&ANY_VALUE))], is_container: true };
pub(super) static KEY_VALUE_LIST: Message = Message { fields: &[pairs(1, "values")], is_container: true };
pub(super) static KEY_VALUE: Message =
    message(&[field(1, "key", Str), field(2, "value", Nested(&ANY_VALUE)), field(3, "keyStrindex", Int32)]);

pub(super) static RESOURCE: Message = message(&[
    pairs(1, "attributes"),
    field(2, "droppedAttributesCount", Uint32),
    list(3, "entityRefs", Nested(&ENTITY_REF)),
]);
pub(super) static ENTITY_REF: Message = message(&[
    field(1, "schemaUrl", Str),
    field(2, "type", Str),
    list(3, "idKeys", Str),
    list(4, "descriptionKeys", Str),
]);
pub(super) static SCOPE: Message = message(&[
    field(1, "name", Str),
    field(2, "version", Str),
    pairs(3, "attributes"),
    field(4, "droppedAttributesCount", Uint32),
]);

pub(super) static RESOURCE_SPANS: Message = message(&[
    field(1, "resource", Nested(&RESOURCE)),
    list(2, "scopeSpans", Nested(&SCOPE_SPANS)),
    field(3, "schemaUrl", Str),
]);
pub(super) static SCOPE_SPANS: Message = message(&[
    field(1, "scope", Nested(&SCOPE)),
    list(2, "spans", Nested(&SPAN)),
    field(3, "schemaUrl", Str),
]);
pub(super) static SPAN: Message = message(&[
    field(1, "traceId", TRACE_ID),
    field(2, "spanId", SPAN_ID),
    field(3, "traceState", Str),
    field(4, "parentSpanId", SPAN_ID),
    field(16, "flags", Fixed32),
    field(5, "name", Str),
    field(6, "kind", Enum(SPAN_KIND)),
    field(7, "startTimeUnixNano", Fixed64),
    field(8, "endTimeUnixNano", Fixed64),
    pairs(9, "attributes"),
    field(10, "droppedAttributesCount", Uint32),
    list(11, "events", Nested(&EVENT)),
    field(12, "droppedEventsCount", Uint32),
    list(13, "links", Nested(&LINK)),
    field(14, "droppedLinksCount", Uint32),
    field(15, "status", Nested(&STATUS)),
]);
pub(super) static EVENT: Message = message(&[
    field(1, "timeUnixNano", Fixed64),
    field(2, "name", Str),
    pairs(3, "attributes"),
    field(4, "droppedAttributesCount", Uint32),
]);
pub(super) static LINK: Message = message(&[
    field(1, "traceId", TRACE_ID),
    field(2, "spanId", SPAN_ID),
    field(3, "traceState", Str),
    pairs(4, "attributes"),
    field(5, "droppedAttributesCount", Uint32),
    field(6, "flags", Fixed32),
]);
pub(super) static STATUS: Message = message(&[field(2, "message", Str), field(3, "code", Enum(STATUS_CODE))]);

pub(super) static RESOURCE_LOGS: Message = message(&[
    field(1, "resource", Nested(&RESOURCE)),
    list(2, "scopeLogs", Nested(&SCOPE_LOGS)),
    field(3, "schemaUrl", Str),
]);
pub(super) static SCOPE_LOGS: Message = message(&[
    field(1, "scope", Nested(&SCOPE)),
    list(2, "logRecords", Nested(&LOG_RECORD)),
    field(3, "schemaUrl", Str),
]);
pub(super) static LOG_RECORD: Message = message(&[
    field(1, "timeUnixNano", Fixed64),
    field(11, "observedTimeUnixNano", Fixed64),
    field(2, "severityNumber", Enum(SEVERITY_NUMBER)),
    field(3, "severityText", Str),
    field(5, "body", Nested(&ANY_VALUE)),
    pairs(6, "attributes"),
    field(7, "droppedAttributesCount", Uint32),
    field(8, "flags", Fixed32),
    field(9, "traceId", TRACE_ID),
    field(10, "spanId", SPAN_ID),
    field(12, "eventName", Str),
]);

pub(super) static RESOURCE_METRICS: Message = message(&[
    field(1, "resource", Nested(&RESOURCE)),
    list(2, "scopeMetrics", Nested(&SCOPE_METRICS)),
    field(3, "schemaUrl", Str),
]);
pub(super) static SCOPE_METRICS: Message = message(&[
    field(1, "scope", Nested(&SCOPE)),
    list(2, "metrics", Nested(&METRIC)),
    field(3, "schemaUrl", Str),
]);
pub(super) static METRIC: Message = message(&[
    field(1, "name", Str),
    field(2, "description", Str),
    field(3, "unit", Str),
    choice(5, "gauge", Nested(&GAUGE)),
    choice(7, "sum", Nested(&SUM)),
    choice(9, "histogram", Nested(&HISTOGRAM)),
    choice(10, "exponentialHistogram", Nested(&EXPONENTIAL_HISTOGRAM)),
    choice(11, "summary", Nested(&SUMMARY)),
    pairs(12, "metadata"),
]);
pub(super) static GAUGE: Message = message(&[list(1, "dataPoints", Nested(&NUMBER_POINT))]);
pub(super) static SUM: Message = message(&[
    list(1, "dataPoints", Nested(&NUMBER_POINT)),
    field(2, "aggregationTemporality", Enum(TEMPORALITY)),
    field(3, "isMonotonic", Bool),
]);
pub(super) static HISTOGRAM: Message = message(&[
    list(1, "dataPoints", Nested(&HISTOGRAM_POINT)),
    field(2, "aggregationTemporality", Enum(TEMPORALITY)),
]);
pub(super) static EXPONENTIAL_HISTOGRAM: Message = message(&[
    list(1, "dataPoints", Nested(&EXPONENTIAL_POINT)),
    field(2, "aggregationTemporality", Enum(TEMPORALITY)),
]);
pub(super) static SUMMARY: Message = message(&[list(1, "dataPoints", Nested(&SUMMARY_POINT))]);
pub(super) static NUMBER_POINT: Message = message(&[
    pairs(7, "attributes"),
    field(2, "startTimeUnixNano", Fixed64),
    field(3, "timeUnixNano", Fixed64),
    choice(4, "asDouble", Double),
    choice(6, "asInt", Sfixed64),
    list(5, "exemplars", Nested(&EXEMPLAR)),
    field(8, "flags", Uint32),
]);
pub(super) static HISTOGRAM_POINT: Message = message(&[
    pairs(9, "attributes"),
    field(2, "startTimeUnixNano", Fixed64),
    field(3, "timeUnixNano", Fixed64),
    field(4, "count", Fixed64),
    optional(5, "sum", Double),
    list(6, "bucketCounts", Fixed64),
    list(7, "explicitBounds", Double),
    list(8, "exemplars", Nested(&EXEMPLAR)),
    field(10, "flags", Uint32),
    optional(11, "min", Double),
    optional(12, "max", Double),
]);
pub(super) static EXPONENTIAL_POINT: Message = message(&[
    pairs(1, "attributes"),
    field(2, "startTimeUnixNano", Fixed64),
    field(3, "timeUnixNano", Fixed64),
    field(4, "count", Fixed64),
    optional(5, "sum", Double),
    field(6, "scale", Zigzag32),
    field(7, "zeroCount", Fixed64),
    field(8, "positive", Nested(&BUCKETS)),
    field(9, "negative", Nested(&BUCKETS)),
    field(10, "flags", Uint32),
    list(11, "exemplars", Nested(&EXEMPLAR)),
    optional(12, "min", Double),
    optional(13, "max", Double),
    field(14, "zeroThreshold", Double),
]);
pub(super) static BUCKETS: Message =
    message(&[field(1, "offset", Zigzag32), list(2, "bucketCounts", Uint64)]);
pub(super) static SUMMARY_POINT: Message = message(&[
    pairs(7, "attributes"),
    field(2, "startTimeUnixNano", Fixed64),
    field(3, "timeUnixNano", Fixed64),
    field(4, "count", Fixed64),
    field(5, "sum", Double),
    list(6, "quantileValues", Nested(&QUANTILE)),
    field(8, "flags", Uint32),
]);
pub(super) static QUANTILE: Message = message(&[field(1, "quantile", Double), field(2, "value", Double)]);
pub(super) static EXEMPLAR: Message = message(&[
    pairs(7, "filteredAttributes"),
    field(2, "timeUnixNano", Fixed64),
    choice(3, "asDouble", Double),
    choice(6, "asInt", Sfixed64),
    field(4, "spanId", SPAN_ID),
    field(5, "traceId", TRACE_ID),
]);

#[cfg(test)]
#[path = "messages_tests.rs"]
mod tests;
