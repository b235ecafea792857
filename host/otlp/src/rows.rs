//! The fields of OTLP's messages that the walk knows, by number.
//!
//! Source: opentelemetry-proto 1.11, `{common,resource,trace,metrics,logs}.proto`.

use crate::codes::field;
use crate::shape::{Role, Shape};

/// One row: field number and role.
pub(crate) type Row = (u32, Role);

/// The rows of a message, by field number.
pub(crate) const fn rows(shape: Shape) -> &'static [Row] {
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

const START: Row = (2, Role::Fixed64(field::START_TIME as u8, false));
const TIME: Row = (3, Role::Fixed64(field::TIME as u8, false));
const HISTOGRAM_COUNT: Row = (4, Role::Fixed64(field::COUNT as u8, false));

/// Data points and exemplars.
const fn point_rows(shape: Shape) -> &'static [Row] {
    use Role::*;
    use Shape as S;
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
