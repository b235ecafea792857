//! Where the fields of an entity stand in its message, what values they can hold, and at which levels they exist.

use crate::codes::{Signal, field, kind};
use crate::shape::{Role, Shape};

/// Where a field stands in an entity's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    /// The field number of the inline message that holds it (resource, scope, status).
    pub via: Option<u32>,
    pub number: u32,
    pub role: Role,
}

impl Slot {
    /// Whether the field holds an `AnyValue`.
    pub(crate) fn is_value(self) -> bool {
        matches!(self.role, Role::Value(_))
    }

    /// Whether zero, or nothing, is a value of the field like others. If not, it is the same as an absent field.
    pub(crate) fn keeps_zero(self) -> bool {
        match self.role {
            Role::Fixed64(_, has_presence) | Role::Double(_, has_presence) => has_presence,
            Role::Attribute | Role::Value(_) => true,
            _ => false,
        }
    }
}

/// Mask of the levels at which a field exists in a signal.
pub(crate) fn levels_with(signal: Signal, code: u32) -> u32 {
    let has = |shape: &&Shape| {
        if code == field::ATTRIBUTE { shape.attributes().is_some() } else { shape.has(code) }
    };
    Shape::entities(signal).iter().filter(has).fold(0, |mask, shape| mask | 1 << shape.level())
}

impl Shape {
    /// Whether the entity has the field, be it read-only.
    fn has(self, code: u32) -> bool {
        if code == field::DATA_TYPE {
            return self == Shape::Metric;
        }
        self.rows().iter().any(|&(_, role)| match role {
            Role::Inline(inner) => inner.has(code),
            _ => role.code() == Some(code),
        })
    }

    /// Where attributes of the entity stand: the inline message that holds them, if not the entity
    /// itself, and their field number.
    pub(crate) fn attributes(self) -> Option<Slot> {
        self.slot_by(|role| matches!(role, Role::Attribute))
    }

    /// Where a field of the entity is written. None if it has no such field or the field is read-only.
    pub(crate) fn slot(self, code: u32) -> Option<Slot> {
        if code == field::VALUE || !is_writable(code) {
            // A number's field depends on its kind; `value_slot` knows.
            return None;
        }
        self.slot_by(|role| role.code() == Some(code))
    }

    /// Where a point's or exemplar's number of this kind is written.
    pub(crate) fn value_slot(self, kind: u8) -> Option<Slot> {
        self.slot_by(|role| match role {
            Role::Double(code, _) => u32::from(code) == field::VALUE && kind == kind::DOUBLE,
            Role::Fixed64(code, _) => u32::from(code) == field::VALUE && kind == kind::INT,
            _ => false,
        })
    }

    fn slot_by(self, wanted: impl Fn(Role) -> bool) -> Option<Slot> {
        for &(number, role) in self.rows() {
            if wanted(role) {
                return Some(Slot { via: None, number, role });
            }
        }
        for &(via, role) in self.rows() {
            if let Role::Inline(inner @ (Shape::Resource | Shape::Scope | Shape::Status)) = role {
                let found = inner.rows().iter().find(|(_, role)| wanted(*role));
                if let Some(&(number, role)) = found {
                    return Some(Slot { via: Some(via), number, role });
                }
            }
        }
        None
    }

    /// Where any field of the entity is written, given the kind of the value.
    pub(crate) fn slot_for(self, number: u32, kind: u8) -> Option<Slot> {
        match number {
            field::NAMED.. => self.attributes(),
            field::VALUE => self.value_slot(kind),
            _ => self.slot(number),
        }
    }

    /// Whether the field of the entity, or its attributes, may be written by anyone.
    pub(crate) fn may_write(self, number: u32) -> bool {
        let kind = if number == field::VALUE { kind::INT } else { kind::NONE };
        self.slot_for(number, kind).is_some()
    }
}

impl Role {
    fn code(self) -> Option<u32> {
        match self {
            Role::Str(c) | Role::Bytes(c) | Role::Varint(c) | Role::Bool(c) | Role::Zigzag(c) => {
                Some(c.into())
            }
            Role::Fixed64(c, _) | Role::Double(c, _) => Some(c.into()),
            Role::Fixed32(c) | Role::Value(c) => Some(c.into()),
            Role::Packed64(c) | Role::PackedVarint(c) => Some(c.into()),
            _ => None,
        }
    }

    /// Whether a field of this role can hold a value of the kind.
    pub(crate) fn takes(self, value: u8) -> bool {
        match self {
            Role::Str(_) => value == kind::STRING,
            Role::Bytes(_) => value == kind::BYTES,
            Role::Varint(_) | Role::Zigzag(_) | Role::Fixed64(..) | Role::Fixed32(_) => value == kind::INT,
            Role::Bool(_) => value == kind::BOOL,
            Role::Double(..) => value == kind::DOUBLE,
            Role::Attribute | Role::Value(_) => matches!(
                value,
                kind::STRING
                    | kind::BOOL
                    | kind::INT
                    | kind::DOUBLE
                    | kind::BYTES
                    | kind::EMPTY
                    | kind::ENCODED
            ),
            _ => false,
        }
    }
}

/// Fields that describe how a metric was made cannot be changed one by one without making it wrong.
fn is_writable(code: u32) -> bool {
    code < field::BUCKET_COUNTS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::level;

    #[test]
    fn fields_are_found_where_the_protocol_has_them() {
        let status = Shape::Span.slot(field::STATUS_MESSAGE).unwrap();
        assert_eq!((status.via, status.number), (Some(15), 2));
        let resource = Shape::LogGroup.attributes().unwrap();
        assert_eq!((resource.via, resource.number), (Some(1), 1));
        let scope = Shape::MetricScope.attributes().unwrap();
        assert_eq!((scope.via, scope.number), (Some(1), 3));
        assert_eq!(Shape::Metric.attributes().unwrap().number, 12);
        assert_eq!(Shape::ExponentialPoint.attributes().unwrap().number, 1);
        assert_eq!(Shape::Span.slot(field::FLAGS).unwrap().number, 16);
        assert_eq!(Shape::NumberPoint.value_slot(kind::INT).unwrap().number, 6);
        assert_eq!(Shape::HistogramPoint.slot(field::BUCKET_COUNTS), None);
        assert_eq!(Shape::Metric.slot(field::TEMPORALITY), None);
    }

    #[test]
    fn levels_are_those_that_have_the_field() {
        let bits = |levels: &[u8]| levels.iter().fold(0, |mask, level| mask | 1 << level);
        assert_eq!(levels_with(Signal::Logs, field::BODY), bits(&[level::ITEM]));
        assert_eq!(levels_with(Signal::Traces, field::BODY), 0);
        assert_eq!(levels_with(Signal::Traces, field::TRACE_STATE), bits(&[level::ITEM, level::LINK]));
        assert_eq!(levels_with(Signal::Metrics, field::TEMPORALITY), bits(&[level::METRIC]));
        assert_eq!(levels_with(Signal::Metrics, field::VALUE), bits(&[level::ITEM, level::EXEMPLAR]));
        assert_eq!(levels_with(Signal::Metrics, field::QUANTILES), bits(&[level::ITEM]));
        let all = bits(&[level::RESOURCE, level::SCOPE, level::METRIC, level::ITEM, level::EXEMPLAR]);
        assert_eq!(levels_with(Signal::Metrics, field::ATTRIBUTE), all);
        assert_eq!(levels_with(Signal::Profiles, field::ATTRIBUTE), 0);
    }
}
