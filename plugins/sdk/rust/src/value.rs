//! Values: what a cell holds, and what an edit gives a field.

use crate::batch::Cell;
use crate::codes::Kind;

/// What a cell holds, borrowed from the batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Text.
    Str(&'a str),
    /// True or false.
    Bool(bool),
    /// An integer; unsigned OTLP fields keep their bits.
    Int(i64),
    /// A floating-point number.
    Double(f64),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A list: iterate with [`Cell::children`].
    Array(Cell<'a>),
    /// Keys with values: iterate with [`Cell::children`].
    Map(Cell<'a>),
    /// An attribute or element without a value.
    Empty,
    /// Unsigned integers, such as bucket counts.
    UInts(Words<'a>),
    /// Floating-point numbers, such as bucket bounds.
    Doubles(Words<'a>),
    /// A kind that this SDK does not know, or bytes that do not fit the kind.
    Other,
}

impl<'a> Value<'a> {
    pub(crate) fn of(cell: Cell<'a>) -> Value<'a> {
        let bytes = cell.bytes();
        match cell.kind() {
            Kind::STRING => std::str::from_utf8(bytes).map_or(Value::Other, Value::Str),
            Kind::BOOL => bytes.first().map_or(Value::Other, |byte| Value::Bool(*byte != 0)),
            Kind::INT => eight(bytes).map_or(Value::Other, |b| Value::Int(i64::from_le_bytes(b))),
            Kind::DOUBLE => eight(bytes).map_or(Value::Other, |b| Value::Double(f64::from_le_bytes(b))),
            Kind::BYTES => Value::Bytes(bytes),
            Kind::ARRAY => Value::Array(cell),
            Kind::MAP => Value::Map(cell),
            Kind::EMPTY => Value::Empty,
            Kind::UINTS => Value::UInts(Words { bytes }),
            Kind::DOUBLES => Value::Doubles(Words { bytes }),
            _ => Value::Other,
        }
    }
}

/// A packed list of 64-bit numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Words<'a> {
    bytes: &'a [u8],
}

impl<'a> Words<'a> {
    /// How many there are.
    pub fn len(self) -> usize {
        self.bytes.len() / 8
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The numbers as unsigned integers.
    pub fn uints(self) -> impl Iterator<Item = u64> + 'a {
        self.bytes.as_chunks().0.iter().map(|chunk| u64::from_le_bytes(*chunk))
    }

    /// The numbers as floating-point numbers.
    pub fn doubles(self) -> impl Iterator<Item = f64> + 'a {
        self.uints().map(f64::from_bits)
    }
}

/// What an edit gives a field. Most are made by `From`: `edits.set(item, field, "text")`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NewValue<'a> {
    /// Text.
    Str(&'a str),
    /// True or false.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A floating-point number.
    Double(f64),
    /// Bytes.
    Bytes(&'a [u8]),
    /// An attribute without a value.
    Empty,
    /// Any value, a list or a map for example, encoded by [`AnyValue::encode`](crate::AnyValue::encode).
    Encoded(&'a [u8]),
}

impl NewValue<'_> {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            NewValue::Str(_) => Kind::STRING,
            NewValue::Bool(_) => Kind::BOOL,
            NewValue::Int(_) => Kind::INT,
            NewValue::Double(_) => Kind::DOUBLE,
            NewValue::Bytes(_) => Kind::BYTES,
            NewValue::Empty => Kind::EMPTY,
            NewValue::Encoded(_) => Kind::ENCODED,
        }
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            NewValue::Str(text) => out.extend_from_slice(text.as_bytes()),
            NewValue::Bool(on) => out.push(u8::from(*on)),
            NewValue::Int(number) => out.extend_from_slice(&number.to_le_bytes()),
            NewValue::Double(number) => out.extend_from_slice(&number.to_le_bytes()),
            NewValue::Bytes(bytes) | NewValue::Encoded(bytes) => out.extend_from_slice(bytes),
            NewValue::Empty => {}
        }
    }
}

impl<'a> From<&'a str> for NewValue<'a> {
    fn from(text: &'a str) -> Self {
        NewValue::Str(text)
    }
}

impl<'a> From<&'a String> for NewValue<'a> {
    fn from(text: &'a String) -> Self {
        NewValue::Str(text)
    }
}

impl<'a> From<&'a [u8]> for NewValue<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        NewValue::Bytes(bytes)
    }
}

impl From<bool> for NewValue<'_> {
    fn from(on: bool) -> Self {
        NewValue::Bool(on)
    }
}

impl From<i64> for NewValue<'_> {
    fn from(number: i64) -> Self {
        NewValue::Int(number)
    }
}

impl From<f64> for NewValue<'_> {
    fn from(number: f64) -> Self {
        NewValue::Double(number)
    }
}

pub(crate) fn eight(bytes: &[u8]) -> Option<[u8; 8]> {
    bytes.try_into().ok()
}
