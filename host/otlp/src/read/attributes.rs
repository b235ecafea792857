//! Lists of attributes.

use super::field::{Body, Message, Repeated, next_of};
use super::value::Value;
use crate::wire::Result;

/// Attributes, in the order in which they stand there. Nothing keeps a key from being there twice.
#[derive(Clone, Copy)]
pub struct Attributes<'a> {
    body: Body<'a>,
    /// The field of the message that holds them; zero if `body` is that message.
    around: u32,
    number: u32,
}

/// One attribute, or one member of a map.
#[derive(Clone, Copy)]
pub struct KeyValue<'a> {
    /// Its name.
    pub key: &'a str,
    /// Its value.
    pub value: Value<'a>,
}

/// The attributes of a list, one after the other. The first error is the last thing that it gives.
#[derive(Clone, Copy)]
pub struct AttributesIter<'a> {
    outer: Body<'a>,
    around: u32,
    inner: Repeated<'a, KeyValue<'a>>,
    number: u32,
}

impl<'a> Attributes<'a> {
    /// Those that are fields of this number of a message.
    pub(crate) fn of(body: Body<'a>, number: u32) -> Self {
        Attributes { body, around: 0, number }
    }

    /// Those of a message that is a field of this one.
    pub(super) fn below(body: Body<'a>, around: u32, number: u32) -> Self {
        Attributes { body, around, number }
    }

    /// All of them.
    pub fn iter(&self) -> AttributesIter<'a> {
        let nothing = Body::EMPTY;
        let (outer, inner) = if self.around == 0 { (nothing, self.body) } else { (self.body, nothing) };
        AttributesIter {
            outer,
            around: self.around,
            inner: Repeated::new(inner, self.number),
            number: self.number,
        }
    }

    /// The value of a key, if it is there: the first one.
    ///
    /// # Errors
    /// If the bytes up to it are no attributes.
    pub fn get(&self, key: &str) -> Result<Option<Value<'a>>> {
        for attribute in self.iter() {
            let attribute = attribute?;
            if attribute.key == key {
                return Ok(Some(attribute.value));
            }
        }
        Ok(None)
    }
}

impl<'a> IntoIterator for Attributes<'a> {
    type Item = Result<KeyValue<'a>>;
    type IntoIter = AttributesIter<'a>;

    fn into_iter(self) -> AttributesIter<'a> {
        self.iter()
    }
}

impl<'a> Iterator for AttributesIter<'a> {
    type Item = Result<KeyValue<'a>>;

    fn next(&mut self) -> Option<Result<KeyValue<'a>>> {
        loop {
            match self.inner.next() {
                Some(Ok(attribute)) => return Some(Ok(attribute)),
                Some(Err(error)) => {
                    self.outer = Body::EMPTY;
                    return Some(Err(error));
                }
                None => {}
            }
            match next_of(&mut self.outer, self.around) {
                Ok(Some(body)) => self.inner = Repeated::new(body, self.number),
                Ok(None) => return None,
                Err(error) => {
                    self.outer = Body::EMPTY;
                    return Some(Err(error));
                }
            }
        }
    }
}

impl<'a> Message<'a> for KeyValue<'a> {
    fn read(body: Body<'a>) -> Result<Self> {
        let mut attribute = KeyValue { key: "", value: Value::Empty };
        body.each(|field| {
            match field.number {
                1 => attribute.key = field.text()?,
                2 => attribute.value = Value::read(field.message()?)?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(attribute)
    }
}
