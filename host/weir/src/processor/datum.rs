//! One value at work: still in the view, from the configuration, or just made.

use std::borrow::Cow;

use weir_otlp::kind;

use super::seen::{Cell, Seen};
use super::value::Value;

/// See the module.
#[derive(Clone)]
pub(super) enum Datum<'a> {
    Empty,
    Str(Cow<'a, str>),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(&'a [u8]),
    /// An array or a map of the configuration.
    Tree(&'a Value),
    /// An array or a map of the batch.
    Nested(Seen<'a>, Cell<'a>),
}

impl<'a> Datum<'a> {
    /// As the Collector writes it as text.
    pub fn to_text(&self) -> Cow<'a, str> {
        match self {
            Datum::Str(text) => text.clone(),
            other => other.to_value().to_text().into(),
        }
    }

    /// As a tree.
    pub fn to_value(&self) -> Value {
        match self {
            Datum::Empty => Value::Empty,
            Datum::Str(text) => Value::Str(text.clone().into_owned()),
            Datum::Bool(value) => Value::Bool(*value),
            Datum::Int(value) => Value::Int(*value),
            Datum::Double(value) => Value::Double(*value),
            Datum::Bytes(bytes) => Value::Bytes((*bytes).to_owned()),
            Datum::Tree(value) => (*value).clone(),
            Datum::Nested(seen, cell) => seen.tree(*cell),
        }
    }

    /// Whether both are the same, as far as it takes no work to see that: then nothing needs to be written.
    pub fn is_plainly_same(&self, other: &Datum<'_>) -> bool {
        match (self, other) {
            (Datum::Empty, Datum::Empty) => true,
            (Datum::Str(one), Datum::Str(other)) => one == other,
            (Datum::Bool(one), Datum::Bool(other)) => one == other,
            (Datum::Int(one), Datum::Int(other)) => one == other,
            (Datum::Double(one), Datum::Double(other)) => one.to_bits() == other.to_bits(),
            (Datum::Bytes(one), Datum::Bytes(other)) => one == other,
            _ => false,
        }
    }

    /// The kind of the value, and its bytes appended, as an edit has them.
    pub fn write(&self, out: &mut Vec<u8>) -> u8 {
        match self {
            Datum::Empty => kind::EMPTY,
            Datum::Str(text) => {
                out.extend_from_slice(text.as_bytes());
                kind::STRING
            }
            Datum::Bool(value) => {
                out.push(u8::from(*value));
                kind::BOOL
            }
            Datum::Int(value) => {
                out.extend_from_slice(&value.to_le_bytes());
                kind::INT
            }
            Datum::Double(value) => {
                out.extend_from_slice(&value.to_bits().to_le_bytes());
                kind::DOUBLE
            }
            Datum::Bytes(bytes) => {
                out.extend_from_slice(bytes);
                kind::BYTES
            }
            Datum::Tree(value) => {
                value.encode(out);
                kind::ENCODED
            }
            Datum::Nested(seen, cell) => {
                seen.tree(*cell).encode(out);
                kind::ENCODED
            }
        }
    }
}

impl<'a> From<&'a Value> for Datum<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Empty => Datum::Empty,
            Value::Str(text) => Datum::Str(text.into()),
            Value::Bool(value) => Datum::Bool(*value),
            Value::Int(value) => Datum::Int(*value),
            Value::Double(value) => Datum::Double(*value),
            Value::Bytes(bytes) => Datum::Bytes(bytes),
            Value::Array(_) | Value::Map(_) => Datum::Tree(value),
        }
    }
}
