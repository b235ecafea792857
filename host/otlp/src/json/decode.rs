//! From OTLP/JSON to protobuf bytes, in one pass over the text and without anything between the two.
//!
//! Where the JSON mapping of protobuf leaves a choice:
//! - Both names of a field are read, `traceId` and `trace_id`: a name that is not known is ignored, so refusing the
//!   second form would lose data silently.
//! - A field that stands twice in an object is an error, as it is for protobuf's own parsers in Go, Java and
//!   Python, and so are two fields of one choice: whichever were kept, something else would be lost.
//! - `null` is absence, wherever a field stands; it is an error as an element of a list.
//! - Numbers of an enum that have no name are kept. Names that are not known are an error.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::body::Body;
use super::error::{Fault, JsonError, TEXT_MAX};
use super::path::Path;
use super::schema::{Field, Kind, Message, Rule};
use super::{bytes, messages, number};
use crate::codes::Signal;
use crate::wire::{DEPTH_MAX, put_len, put_tag, put_varint, wire_type};

/// Protobuf bytes of the export request that this OTLP/JSON text is. They are at most four times as long as the text.
///
/// Unknown fields are ignored. Nothing else is lost: what cannot be kept as it stands is an error.
///
/// # Errors
///
/// The text is not JSON or not UTF-8, or longer than 256 MiB; a value is of another type than its field, or out of its
/// range; an id has another length; a field stands twice; arrays and maps are nested deeper than 100 levels.
/// Profiles are not supported.
pub fn decode(signal: Signal, text: &[u8]) -> Result<Vec<u8>, JsonError> {
    let message = messages::request(signal).ok_or_else(JsonError::profiles)?;
    if text.len() > TEXT_MAX {
        return Err(JsonError::too_large());
    }
    if text.starts_with(b"\xef\xbb\xbf") {
        return Err(JsonError::byte_order_mark());
    }
    let text = std::str::from_utf8(text).map_err(JsonError::utf8)?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    // Its own limit counts brackets. Here only arrays and maps nest, which have a limit, and what is ignored is
    // passed over without recursion.
    deserializer.disable_recursion_limit();
    let mut decoder = Decoder { body: Body::default(), path: Path::default(), depth: 0, fault: None };
    let request = Value { decoder: &mut decoder, place: Place::Request(message) };
    match request.deserialize(&mut deserializer).and_then(|_| deserializer.end()) {
        Ok(()) => Ok(decoder.body.finish()),
        Err(error) => Err(JsonError::text(decoder.fault, &decoder.path, &error)),
    }
}

struct Decoder {
    body: Body,
    path: Path,
    /// How many arrays and maps are open.
    depth: u8,
    /// Why a value was refused. It is kept here because errors of serde are texts.
    fault: Option<Fault>,
}

impl Decoder {
    #[cold]
    fn fail<E: Error>(&mut self, fault: Fault) -> E {
        self.fault = Some(fault);
        E::custom("")
    }

    fn put_number(&mut self, place: Place, kind: Kind, bits: u64) {
        let out = &mut self.body.bytes;
        match place {
            Place::Field(field) if field.rule == Rule::Plain && bits == 0 => return,
            Place::Field(field) => put_tag(out, field.number, kind.wire()),
            // Lists of numbers are packed.
            _ => {}
        }
        match kind.wire() {
            wire_type::FIXED64 => out.extend(bits.to_le_bytes()),
            wire_type::FIXED32 => out.extend((bits as u32).to_le_bytes()),
            _ => put_varint(out, bits),
        }
    }

    /// A string, or bytes in the form of one.
    fn put_text(&mut self, place: Place, field: &Field, text: &str) -> Result<(), Fault> {
        if text.is_empty() && matches!(place, Place::Field(_)) && field.rule == Rule::Plain {
            return Ok(());
        }
        if matches!(field.kind, Kind::Str) {
            put_len(&mut self.body.bytes, field.number, text.as_bytes());
            return Ok(());
        }
        let open = self.body.open(field.number);
        match field.kind {
            Kind::Hex(len) => bytes::read_hex(text, len, &mut self.body.bytes)?,
            _ => bytes::read_base64(text, &mut self.body.bytes)?,
        }
        self.body.close(open);
        Ok(())
    }

    /// The fields of an object.
    fn fields<'de, A: MapAccess<'de>>(
        &mut self,
        message: &'static Message,
        mut map: A,
    ) -> Result<(), A::Error> {
        let (mut seen, mut has_choice) = (0u32, false);
        while let Some(place) = map.next_key_seed(Key(message))? {
            let Some((place, field)) = place.and_then(|place| Some((place, message.fields.get(place)?)))
            else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            self.path.enter(field.name);
            if map.next_value_seed(Value { decoder: self, place: Place::Field(field) })? {
                if seen >> place & 1 != 0 {
                    return Err(self.fail(Fault::Twice));
                }
                if has_choice && field.rule == Rule::OneOf {
                    return Err(self.fail(Fault::Choice));
                }
                seen |= 1 << place;
                has_choice |= field.rule == Rule::OneOf;
            }
            self.path.leave();
        }
        Ok(())
    }

    fn message<'de, A: MapAccess<'de>>(
        &mut self,
        number: u32,
        message: &'static Message,
        map: A,
    ) -> Result<(), A::Error> {
        if message.is_container {
            if self.depth >= DEPTH_MAX {
                return Err(self.fail(Fault::Depth));
            }
            self.depth += 1;
        }
        let open = self.body.open(number);
        self.fields(message, map)?;
        self.body.close(open);
        self.depth -= u8::from(message.is_container);
        Ok(())
    }

    fn elements<'de, A: SeqAccess<'de>>(
        &mut self,
        field: &'static Field,
        mut seq: A,
    ) -> Result<(), A::Error> {
        let mut index = 0;
        self.path.index(index);
        while seq.next_element_seed(Value { decoder: self, place: Place::Element(field) })?.is_some() {
            index += 1;
            self.path.index(index);
        }
        self.path.whole();
        Ok(())
    }
}

/// Where a value stands.
#[derive(Clone, Copy)]
enum Place {
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
struct Value<'d> {
    decoder: &'d mut Decoder,
    place: Place,
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
struct Key(&'static Message);

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
