//! One value of JSON text: what may stand at a place of the schema, as a visitor of serde.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::decode::Decoder;
use super::error::Fault;
use super::number;
use super::schema::{Field, Kind, Message};

/// Where a value stands.
#[derive(Clone, Copy)]
pub(super) enum Place {
    Request(&'static Message),
    Field(&'static Field),
    Element(&'static Field),
}

impl Place {
    /// What is expected here.
    fn expected(self) -> &'static str {
        match self {
            Place::Request(_) => "an object",
            Place::Field(field) if field.is_list() => "a list",
            Place::Field(field) | Place::Element(field) => match field.kind {
                Kind::Str => "a string",
                Kind::Base64 => "a string in base64",
                Kind::Hex(_) => "a string of hexadecimal digits",
                Kind::Bool => "true or false",
                Kind::Nested(_) => "an object",
                _ => "a number",
            },
        }
    }

    /// The field of which one value stands here: not of a list of them.
    fn single(self) -> Option<&'static Field> {
        match self {
            Place::Field(field) if !field.is_list() => Some(field),
            Place::Element(field) => Some(field),
            _ => None,
        }
    }
}

/// Writes one value. Says whether there is one: null is none.
pub(super) struct Value<'d> {
    pub decoder: &'d mut Decoder,
    pub place: Place,
}

impl Value<'_> {
    /// A value of another type. It is not shown, which the default of serde would do.
    fn wrong<E: Error>(self) -> Result<bool, E> {
        Err(self.decoder.fail(Fault::Expected(self.place.expected())))
    }

    /// A number as it stands in the text.
    fn number<E: Error>(self, kind: Kind, raw: &str) -> Result<bool, E> {
        if raw == "null" {
            return self.visit_unit();
        }
        match number::parse(kind, raw) {
            Ok(bits) => {
                self.decoder.put_number(self.place, kind, bits);
                Ok(true)
            }
            Err(fault) => Err(self.decoder.fail(fault)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        match self.place.single() {
            Some(field) if field.kind.is_number() => {
                let raw: &RawValue = serde::Deserialize::deserialize(deserializer)?;
                self.number(field.kind, raw.get())
            }
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.place.expected())
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        match self.place {
            Place::Field(_) => Ok(false),
            Place::Element(_) => Err(self.decoder.fail(Fault::NullElement)),
            Place::Request(_) => self.wrong(),
        }
    }

    fn visit_bool<E: Error>(self, on: bool) -> Result<bool, E> {
        match self.place.single() {
            Some(field) if matches!(field.kind, Kind::Bool) => {
                self.decoder.put_number(self.place, Kind::Bool, on.into());
                Ok(true)
            }
            _ => self.wrong(),
        }
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<bool, E> {
        self.wrong()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<bool, E> {
        self.wrong()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<bool, E> {
        self.wrong()
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<bool, E> {
        match self.place.single() {
            Some(field) if matches!(field.kind, Kind::Str | Kind::Base64 | Kind::Hex(_)) => {
                match self.decoder.put_text(self.place, field, text) {
                    Ok(()) => Ok(true),
                    Err(fault) => Err(self.decoder.fail(fault)),
                }
            }
            _ => self.wrong(),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<bool, A::Error> {
        match self.place {
            Place::Field(field) if field.is_packed() => {
                let open = self.decoder.body.open(field.number);
                self.decoder.elements(field, seq)?;
                self.decoder.body.close_list(open);
                Ok(true)
            }
            Place::Field(field) if field.is_list() => {
                self.decoder.elements(field, seq)?;
                Ok(true)
            }
            _ => self.wrong(),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<bool, A::Error> {
        if let Place::Request(message) = self.place {
            self.decoder.fields(message, map)?;
            return Ok(true);
        }
        match self.place.single() {
            Some(Field { number, kind: Kind::Nested(message), .. }) => {
                self.decoder.message(*number, message, map)?;
                Ok(true)
            }
            _ => self.wrong(),
        }
    }
}

/// Reads a key: the place of its field in the message, or none if it is not known.
pub(super) struct Key(pub &'static Message);

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Option<usize>, E> {
        Ok(self.0.named(key))
    }
}
