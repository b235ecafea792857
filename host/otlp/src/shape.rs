//! OTLP's messages as tables: for each message and tag byte, what stands there. One table serves the walk, the check
//! of edits and the splice.
//!
//! Source: opentelemetry-proto 1.11, `{common,resource,trace,metrics,logs}.proto`.

use crate::codes::{Signal, field, level};
use crate::wire::wire_type::{FIXED32, FIXED64, LEN, VARINT};

/// The messages that the walk enters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Shape {
    Group,
    Resource,
    EntityRef,
    Scope,
    SpanScope,
    LogScope,
    MetricScope,
    LogGroup,
    MetricGroup,
    Span,
    Status,
    Event,
    Link,
    LogRecord,
    Metric,
    NumberPoints,
    SumPoints,
    HistogramPoints,
    ExponentialPoints,
    SummaryPoints,
    NumberPoint,
    HistogramPoint,
    ExponentialPoint,
    Positive,
    Negative,
    SummaryPoint,
    Quantile,
    Exemplar,
}

pub(crate) const SHAPES: usize = Shape::Exemplar as usize + 1;

/// What a field of a message is, once its tag has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Not known to this weir: skipped and kept.
    Unknown,
    /// A known field number with another wire type than its own.
    WrongWire,
    /// A UTF-8 string.
    Str(u8),
    /// Bytes.
    Bytes(u8),
    /// A varint: unsigned or enum, or bool.
    Varint(u8),
    Bool(u8),
    /// A zigzag varint.
    Zigzag(u8),
    /// Eight bytes: integer; kept when zero if the flag says that the field has presence.
    Fixed64(u8, bool),
    Double(u8, bool),
    Fixed32(u8),
    /// `repeated fixed64` or `repeated double`, packed or one of them alone.
    Packed64(u8),
    Single64(u8),
    /// `repeated uint64`, packed or one of them alone.
    PackedVarint(u8),
    SingleVarint(u8),
    /// A `KeyValue` of the entity.
    Attribute,
    /// An `AnyValue` that is a field: the body.
    Value(u8),
    /// A message whose fields belong to the same entity.
    Inline(Shape),
    /// A message that is an entity of its own.
    Child(Shape),
}

/// One row: field number and role.
pub(crate) type Row = (u32, Role);

/// The rows of a message, by field number.
const fn rows(shape: Shape) -> &'static [Row] {
    let (outer, traces, logs) = (outer_rows(shape), trace_rows(shape), log_rows(shape));
    let (metrics, points) = (metric_rows(shape), point_rows(shape));
    // Exactly one of them knows the message.
    match () {
        () if !outer.is_empty() => outer,
        () if !traces.is_empty() => traces,
        () if !logs.is_empty() => logs,
        () if !metrics.is_empty() => metrics,
        () => points,
    }
}

/// Resources and scopes, of all signals.
const fn outer_rows(shape: Shape) -> &'static [Row] {
    use Role::*;
    use Shape as S;
    const RESOURCE: Row = (1, Inline(S::Resource));
    const SCOPE: Row = (1, Inline(S::Scope));
    const SCHEMA_URL: Row = (3, Str(field::SCHEMA_URL as u8));
    match shape {
        S::Group => &[RESOURCE, (2, Child(S::SpanScope)), SCHEMA_URL],
        S::LogGroup => &[RESOURCE, (2, Child(S::LogScope)), SCHEMA_URL],
        S::MetricGroup => &[RESOURCE, (2, Child(S::MetricScope)), SCHEMA_URL],
        S::Resource => {
            &[(1, Attribute), (2, Varint(field::DROPPED_ATTRIBUTES as u8)), (3, Inline(S::EntityRef))]
        }
        S::EntityRef => &[(1, Str(0)), (2, Str(0)), (3, Str(0)), (4, Str(0))],
        S::SpanScope => &[SCOPE, (2, Child(S::Span)), SCHEMA_URL],
        S::LogScope => &[SCOPE, (2, Child(S::LogRecord)), SCHEMA_URL],
        S::MetricScope => &[SCOPE, (2, Child(S::Metric)), SCHEMA_URL],
        S::Scope => &[
            (1, Str(field::NAME as u8)),
            (2, Str(field::VERSION as u8)),
            (3, Attribute),
            (4, Varint(field::DROPPED_ATTRIBUTES as u8)),
        ],
        _ => &[],
    }
}

const fn trace_rows(shape: Shape) -> &'static [Row] {
    use Role::*;
    use Shape as S;
    match shape {
        S::Span => &[
            (1, Bytes(field::TRACE_ID as u8)),
            (2, Bytes(field::SPAN_ID as u8)),
            (3, Str(field::TRACE_STATE as u8)),
            (4, Bytes(field::PARENT_SPAN_ID as u8)),
            (5, Str(field::NAME as u8)),
            (6, Varint(field::KIND as u8)),
            (7, Fixed64(field::START_TIME as u8, false)),
            (8, Fixed64(field::END_TIME as u8, false)),
            (9, Attribute),
            (10, Varint(field::DROPPED_ATTRIBUTES as u8)),
            (11, Child(S::Event)),
            (12, Varint(field::DROPPED_EVENTS as u8)),
            (13, Child(S::Link)),
            (14, Varint(field::DROPPED_LINKS as u8)),
            (15, Inline(S::Status)),
            (16, Fixed32(field::FLAGS as u8)),
        ],
        S::Status => &[(2, Str(field::STATUS_MESSAGE as u8)), (3, Varint(field::STATUS_CODE as u8))],
        S::Event => &[
            (1, Fixed64(field::TIME as u8, false)),
            (2, Str(field::NAME as u8)),
            (3, Attribute),
            (4, Varint(field::DROPPED_ATTRIBUTES as u8)),
        ],
        S::Link => &[
            (1, Bytes(field::TRACE_ID as u8)),
            (2, Bytes(field::SPAN_ID as u8)),
            (3, Str(field::TRACE_STATE as u8)),
            (4, Attribute),
            (5, Varint(field::DROPPED_ATTRIBUTES as u8)),
            (6, Fixed32(field::FLAGS as u8)),
        ],
        _ => &[],
    }
}

const fn log_rows(shape: Shape) -> &'static [Row] {
    use Role::*;
    use Shape as S;
    match shape {
        S::LogRecord => &[
            (1, Fixed64(field::TIME as u8, false)),
            (2, Varint(field::SEVERITY_NUMBER as u8)),
            (3, Str(field::SEVERITY_TEXT as u8)),
            (5, Value(field::BODY as u8)),
            (6, Attribute),
            (7, Varint(field::DROPPED_ATTRIBUTES as u8)),
            (8, Fixed32(field::FLAGS as u8)),
            (9, Bytes(field::TRACE_ID as u8)),
            (10, Bytes(field::SPAN_ID as u8)),
            (11, Fixed64(field::OBSERVED_TIME as u8, false)),
            (12, Str(field::EVENT_NAME as u8)),
        ],
        _ => &[],
    }
}

const fn metric_rows(shape: Shape) -> &'static [Row] {
    use Role::*;
    use Shape as S;
    const TEMPORALITY: Row = (2, Varint(field::TEMPORALITY as u8));
    match shape {
        S::Metric => &[
            (1, Str(field::NAME as u8)),
            (2, Str(field::DESCRIPTION as u8)),
            (3, Str(field::UNIT as u8)),
            (5, Inline(S::NumberPoints)),
            (7, Inline(S::SumPoints)),
            (9, Inline(S::HistogramPoints)),
            (10, Inline(S::ExponentialPoints)),
            (11, Inline(S::SummaryPoints)),
            (12, Attribute),
        ],
        S::NumberPoints => &[(1, Child(S::NumberPoint))],
        S::SumPoints => &[(1, Child(S::NumberPoint)), TEMPORALITY, (3, Bool(field::MONOTONIC as u8))],
        S::HistogramPoints => &[(1, Child(S::HistogramPoint)), TEMPORALITY],
        S::ExponentialPoints => &[(1, Child(S::ExponentialPoint)), TEMPORALITY],
        S::SummaryPoints => &[(1, Child(S::SummaryPoint))],
        _ => &[],
    }
}

/// Data points and exemplars.
const fn point_rows(shape: Shape) -> &'static [Row] {
    use Role::*;
    use Shape as S;
    const START: Row = (2, Fixed64(field::START_TIME as u8, false));
    const TIME: Row = (3, Fixed64(field::TIME as u8, false));
    const HISTOGRAM_COUNT: Row = (4, Fixed64(field::COUNT as u8, false));
    match shape {
        S::NumberPoint => &[
            START,
            TIME,
            (4, Double(field::VALUE as u8, true)),
            (5, Child(S::Exemplar)),
            (6, Fixed64(field::VALUE as u8, true)),
            (7, Attribute),
            (8, Varint(field::FLAGS as u8)),
        ],
        S::HistogramPoint => &[
            START,
            TIME,
            HISTOGRAM_COUNT,
            (5, Double(field::SUM as u8, true)),
            (6, Packed64(field::BUCKET_COUNTS as u8)),
            (7, Packed64(field::EXPLICIT_BOUNDS as u8)),
            (8, Child(S::Exemplar)),
            (9, Attribute),
            (10, Varint(field::FLAGS as u8)),
            (11, Double(field::MIN as u8, true)),
            (12, Double(field::MAX as u8, true)),
        ],
        S::ExponentialPoint => &[
            (1, Attribute),
            START,
            TIME,
            HISTOGRAM_COUNT,
            (5, Double(field::SUM as u8, true)),
            (6, Zigzag(field::SCALE as u8)),
            (7, Fixed64(field::ZERO_COUNT as u8, false)),
            (8, Inline(S::Positive)),
            (9, Inline(S::Negative)),
            (10, Varint(field::FLAGS as u8)),
            (11, Child(S::Exemplar)),
            (12, Double(field::MIN as u8, true)),
            (13, Double(field::MAX as u8, true)),
            (14, Double(field::ZERO_THRESHOLD as u8, false)),
        ],
        S::Positive => {
            &[(1, Zigzag(field::POSITIVE_OFFSET as u8)), (2, PackedVarint(field::POSITIVE_COUNTS as u8))]
        }
        S::Negative => {
            &[(1, Zigzag(field::NEGATIVE_OFFSET as u8)), (2, PackedVarint(field::NEGATIVE_COUNTS as u8))]
        }
        S::SummaryPoint => &[
            START,
            TIME,
            HISTOGRAM_COUNT,
            (5, Double(field::SUM as u8, false)),
            (6, Inline(S::Quantile)),
            (7, Attribute),
            (8, Varint(field::FLAGS as u8)),
        ],
        S::Quantile => {
            &[(1, Double(field::QUANTILES as u8, true)), (2, Double(field::QUANTILE_VALUES as u8, true))]
        }
        S::Exemplar => &[
            (2, Fixed64(field::TIME as u8, false)),
            (3, Double(field::VALUE as u8, true)),
            (4, Bytes(field::SPAN_ID as u8)),
            (5, Bytes(field::TRACE_ID as u8)),
            (6, Fixed64(field::VALUE as u8, true)),
            (7, Attribute),
        ],
        _ => &[],
    }
}

const ALL: [Shape; SHAPES] = {
    use Shape::*;
    [
        Group,
        Resource,
        EntityRef,
        Scope,
        SpanScope,
        LogScope,
        MetricScope,
        LogGroup,
        MetricGroup,
        Span,
        Status,
        Event,
        Link,
        LogRecord,
        Metric,
        NumberPoints,
        SumPoints,
        HistogramPoints,
        ExponentialPoints,
        SummaryPoints,
        NumberPoint,
        HistogramPoint,
        ExponentialPoint,
        Positive,
        Negative,
        SummaryPoint,
        Quantile,
        Exemplar,
    ]
};

const fn wire_of(role: Role) -> u8 {
    match role {
        Role::Varint(_) | Role::Bool(_) | Role::Zigzag(_) | Role::SingleVarint(_) => VARINT,
        Role::Fixed64(..) | Role::Double(..) | Role::Single64(_) => FIXED64,
        Role::Fixed32(_) => FIXED32,
        _ => LEN,
    }
}

/// The roles of a message by tag byte, for field numbers 1 to 15.
pub(crate) type Table = [Role; 128];

const fn table(shape: Shape) -> Table {
    let mut table = [Role::Unknown; 128];
    let rows = rows(shape);
    let mut i = 0;
    while i < rows.len() {
        let (number, role) = rows[i];
        if number < 16 {
            let base = (number << 3) as usize;
            let mut wire = 0;
            while wire < 8 {
                table[base + wire] = Role::WrongWire;
                wire += 1;
            }
            table[base + wire_of(role) as usize] = role;
            match role {
                Role::Packed64(code) => table[base + FIXED64 as usize] = Role::Single64(code),
                Role::PackedVarint(code) => table[base + VARINT as usize] = Role::SingleVarint(code),
                _ => {}
            }
        }
        i += 1;
    }
    table
}

static TABLES: [Table; SHAPES] = {
    let mut tables = [[Role::Unknown; 128]; SHAPES];
    let mut i = 0;
    while i < SHAPES {
        assert!(ALL[i] as usize == i, "the list of shapes must follow their order");
        tables[i] = table(ALL[i]);
        i += 1;
    }
    tables
};

impl Shape {
    /// The roles by tag byte.
    #[inline(always)]
    pub(crate) fn table(self) -> &'static Table {
        &TABLES[self as usize]
    }

    /// The role of a tag that takes more than one byte.
    #[inline(never)]
    pub(crate) fn wide(self, tag: u32) -> Role {
        if let Some(&role) = self.table().get(tag as usize) {
            // A small number, written longer than it need be.
            return role;
        }
        match rows(self).iter().find(|(number, _)| *number == tag >> 3) {
            Some(&(_, role)) if wire_of(role) == (tag & 7) as u8 => role,
            Some(_) => Role::WrongWire,
            None => Role::Unknown,
        }
    }

    /// The rows of this message.
    pub(crate) const fn rows(self) -> &'static [Row] {
        rows(self)
    }

    /// The messages of a signal that are entities.
    pub(crate) const fn entities(signal: Signal) -> &'static [Shape] {
        use Shape::*;
        match signal {
            Signal::Traces => &[Group, SpanScope, Span, Event, Link],
            Signal::Logs => &[LogGroup, LogScope, LogRecord],
            Signal::Metrics => &[
                MetricGroup,
                MetricScope,
                Metric,
                NumberPoint,
                HistogramPoint,
                ExponentialPoint,
                SummaryPoint,
                Exemplar,
            ],
            Signal::Profiles => &[],
        }
    }

    /// The level of the entity that this message is, if it is one.
    pub(crate) const fn level(self) -> u8 {
        match self {
            Shape::Group | Shape::LogGroup | Shape::MetricGroup => level::RESOURCE,
            Shape::SpanScope | Shape::LogScope | Shape::MetricScope => level::SCOPE,
            Shape::Metric => level::METRIC,
            Shape::Event => level::EVENT,
            Shape::Link => level::LINK,
            Shape::Exemplar => level::EXEMPLAR,
            _ => level::ITEM,
        }
    }

    /// `data_type` of a metric, if this message holds a metric's points.
    pub(crate) const fn data_type(self) -> Option<u64> {
        match self {
            Shape::NumberPoints => Some(1),
            Shape::SumPoints => Some(2),
            Shape::HistogramPoints => Some(3),
            Shape::ExponentialPoints => Some(4),
            Shape::SummaryPoints => Some(5),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_field_with_another_wire_type_is_told_from_an_unknown_one() {
        assert_eq!(Shape::Span.table()[5 << 3], Role::WrongWire);
        assert_eq!(Shape::LogRecord.table()[4 << 3 | 2], Role::Unknown);
        assert_eq!(Shape::Span.wide(16 << 3 | 5), Role::Fixed32(field::FLAGS as u8));
        assert_eq!(Shape::Span.wide(16 << 3), Role::WrongWire);
        assert_eq!(Shape::Span.wide(99 << 3), Role::Unknown);
    }
}
