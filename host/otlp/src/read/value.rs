//! `AnyValue`: what an attribute or the body of a log record may be.

use super::attributes::Attributes;
use super::field::{Body, Message, Repeated};
use crate::wire::Result;

/// A value of any type.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    /// None at all.
    Empty,
    /// Text.
    Text(&'a str),
    /// `true` or `false`.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A floating-point number.
    Double(f64),
    /// A list.
    Array(Array<'a>),
    /// Names and values.
    Map(Attributes<'a>),
    /// Bytes.
    Bytes(&'a [u8]),
}

/// A list of values.
#[derive(Clone, Copy)]
pub struct Array<'a>(Body<'a>);

impl<'a> Array<'a> {
    /// All of them.
    pub fn iter(&self) -> Repeated<'a, Value<'a>> {
        Repeated::new(self.0, 1)
    }
}

impl<'a> IntoIterator for Array<'a> {
    type Item = Result<Value<'a>>;
    type IntoIter = Repeated<'a, Value<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a> Message<'a> for Value<'a> {
    fn read(body: Body<'a>) -> Result<Self> {
        let mut value = Value::Empty;
        body.each(|field| {
            value = match field.number {
                1 => Value::Text(field.text()?),
                2 => Value::Bool(field.varint()? != 0),
                3 => Value::Int(field.varint()? as i64),
                4 => Value::Double(field.double()?),
                5 => Value::Array(Array(field.message()?)),
                6 => Value::Map(Attributes::of(field.message()?, 1)),
                7 => Value::Bytes(field.bytes()?),
                // A place in the table of strings, which profiles alone have.
                8 => Value::Empty,
                _ => value,
            };
            Ok(())
        })?;
        Ok(value)
    }
}
