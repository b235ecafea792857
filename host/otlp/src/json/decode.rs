//! From OTLP/JSON to protobuf bytes, in one pass over the text and without anything between the two.
//!
//! Where the JSON mapping of protobuf leaves a choice:
//! - Both names of a field are read, `traceId` and `trace_id`: a name that is not known is ignored, so refusing the
//!   second form would lose data silently.
//! - A field that stands twice in an object is an error, as it is for protobuf's own parsers in Go, Java and
//!   Python, and so are two fields of one choice: whichever were kept, something else would be lost.
//! - `null` is absence, wherever a field stands; it is an error as an element of a list.
//! - Numbers of an enum that have no name are kept. Names that are not known are an error.

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess};

use super::body::Body;
use super::error::{Fault, JsonError, TEXT_MAX};
use super::path::Path;
use super::schema::{Field, Kind, Message, Rule};
use super::value::{Key, Place, Value};
use super::{bytes, messages};
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

/// What has been written, and where the reader is.
pub(super) struct Decoder {
    pub body: Body,
    path: Path,
    /// How many arrays and maps are open.
    depth: u8,
    /// Why a value was refused. It is kept here because errors of serde are texts.
    fault: Option<Fault>,
}

impl Decoder {
    #[cold]
    pub(super) fn fail<E: Error>(&mut self, fault: Fault) -> E {
        self.fault = Some(fault);
        E::custom("")
    }

    pub(super) fn put_number(&mut self, place: Place, kind: Kind, bits: u64) {
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
    pub(super) fn put_text(&mut self, place: Place, field: &Field, text: &str) -> Result<(), Fault> {
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
    pub(super) fn fields<'de, A: MapAccess<'de>>(
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

    pub(super) fn message<'de, A: MapAccess<'de>>(
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

    pub(super) fn elements<'de, A: SeqAccess<'de>>(
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
