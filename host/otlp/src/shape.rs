//! OTLP's messages as tables: for each message and tag byte, what stands there. One table serves the walk, the check
//! of edits and the splice. The rows of the tables are in `rows`.

use crate::codes::{Signal, level};
use crate::rows::{Row, rows};
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

pub(crate) const fn wire_of(role: Role) -> u8 {
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
    use crate::codes::field;

    #[test]
    fn a_known_field_with_another_wire_type_is_told_from_an_unknown_one() {
        assert_eq!(Shape::Span.table()[5 << 3], Role::WrongWire);
        assert_eq!(Shape::LogRecord.table()[4 << 3 | 2], Role::Unknown);
        assert_eq!(Shape::Span.wide(16 << 3 | 5), Role::Fixed32(field::FLAGS as u8));
        assert_eq!(Shape::Span.wide(16 << 3), Role::WrongWire);
        assert_eq!(Shape::Span.wide(99 << 3), Role::Unknown);
    }
}
