//! From protobuf bytes to OTLP/JSON: ids in hexadecimal digits, 64-bit integers as strings, enums as numbers, fields that
//! have their default left out.

use std::io::Write;

use super::error::JsonError;
use super::fields::{Content, Elements, Payload, read};
use super::schema::{Kind, Message};
use super::{bytes, messages};
use crate::codes::Signal;
use crate::wire::{DEPTH_MAX, Fault, Result, WireError};

/// Appends the OTLP/JSON of valid protobuf bytes; unknown fields are left out. It is at most sixteen times as long as
/// the bytes: two of them may be a field with a long name.
///
/// Ids are written as they are, also with a length that OTLP does not have and that [`decode`](super::decode()) refuses.
///
/// # Errors
///
/// The bytes are not a valid request. Nothing is appended then. Profiles are not supported.
pub fn encode(signal: Signal, request: &[u8], out: &mut Vec<u8>) -> std::result::Result<(), JsonError> {
    let message = messages::request(signal).ok_or_else(JsonError::profiles)?;
    let start = out.len();
    let result = Encoder { out, depth: 0 }.message(message, &Payload::whole(request));
    if result.is_err() {
        out.truncate(start);
    }
    Ok(result?)
}

/// Writes JSON. The methods are told what the schema says of what they write.
pub(super) struct Encoder<'o> {
    pub out: &'o mut Vec<u8>,
    /// How many arrays and maps are open.
    pub depth: u8,
}

impl Encoder<'_> {
    pub(super) fn message(&mut self, message: &'static Message, payload: &Payload) -> Result<()> {
        if message.is_container {
            if self.depth >= DEPTH_MAX {
                return Err(WireError::new(Fault::Depth, payload.pos()));
            }
            self.depth += 1;
        }
        self.out.push(b'{');
        let mut is_first = true;
        for (field, content) in message.fields.iter().zip(read(message, payload)?) {
            if matches!(content, Content::Absent) {
                continue;
            }
            self.comma(&mut is_first);
            self.out.push(b'"');
            self.out.extend_from_slice(field.name.as_bytes());
            self.out.extend_from_slice(b"\":");
            match content {
                Content::List => self.list(Elements::new(field, payload), field.kind)?,
                one => self.value(field.kind, &one)?,
            }
        }
        self.out.push(b'}');
        self.depth -= u8::from(message.is_container);
        Ok(())
    }

    fn list(&mut self, mut elements: Elements, kind: Kind) -> Result<()> {
        self.out.push(b'[');
        let mut is_first = true;
        while let Some(element) = elements.next()? {
            self.comma(&mut is_first);
            self.value(kind, &element)?;
        }
        self.out.push(b']');
        Ok(())
    }

    /// One value: what a field says, or an element of a list.
    pub(super) fn value(&mut self, kind: Kind, content: &Content) -> Result<()> {
        match (content, kind) {
            (Content::Number(bits), _) => self.number(kind, *bits),
            (Content::Bytes(bytes), _) => self.text(kind, bytes),
            (Content::Message(payload), Kind::Nested(message)) => self.message(message, payload)?,
            // Only nested messages have a payload, and neither absence nor a list is a value.
            _ => {}
        }
        Ok(())
    }

    fn comma(&mut self, is_first: &mut bool) {
        if !std::mem::replace(is_first, false) {
            self.out.push(b',');
        }
    }

    fn number(&mut self, kind: Kind, bits: u64) {
        match kind {
            Kind::Bool => self.put(format_args!("{}", bits != 0)),
            Kind::Int64 | Kind::Sfixed64 => self.put(format_args!("\"{}\"", bits as i64)),
            Kind::Uint64 | Kind::Fixed64 => self.put(format_args!("\"{bits}\"")),
            Kind::Int32 | Kind::Enum(_) => self.put(format_args!("{}", bits as i64)),
            Kind::Zigzag32 => self.put(format_args!("{}", (bits >> 1) as i32 ^ -((bits & 1) as i32))),
            Kind::Double => self.double(f64::from_bits(bits)),
            _ => self.put(format_args!("{bits}")),
        }
    }

    fn double(&mut self, value: f64) {
        match value {
            _ if value.is_nan() => self.out.extend_from_slice(b"\"NaN\""),
            f64::INFINITY => self.out.extend_from_slice(b"\"Infinity\""),
            f64::NEG_INFINITY => self.out.extend_from_slice(b"\"-Infinity\""),
            // The shortest digits that come back as the same number, with an exponent where they would be many.
            _ => self.put(format_args!("{value:?}")),
        }
    }

    fn put(&mut self, text: std::fmt::Arguments) {
        // A `Vec` takes everything.
        let _ = self.out.write_fmt(text);
    }

    fn text(&mut self, kind: Kind, value: &[u8]) {
        self.out.push(b'"');
        match kind {
            Kind::Hex(_) => bytes::write_hex(value, self.out),
            Kind::Base64 => bytes::write_base64(value, self.out),
            _ => self.escaped(value),
        }
        self.out.push(b'"');
    }

    /// A string, which is UTF-8: only quotes, backslashes and control characters need an escape.
    fn escaped(&mut self, text: &[u8]) {
        let mut from = 0;
        for (at, byte) in text.iter().enumerate() {
            if *byte >= 0x20 && *byte != b'"' && *byte != b'\\' {
                continue;
            }
            self.out.extend_from_slice(text.get(from..at).unwrap_or_default());
            from = at + 1;
            match byte {
                b'"' | b'\\' => self.out.extend([b'\\', *byte]),
                b'\n' => self.out.extend_from_slice(b"\\n"),
                b'\r' => self.out.extend_from_slice(b"\\r"),
                b'\t' => self.out.extend_from_slice(b"\\t"),
                _ => self.put(format_args!("\\u{byte:04x}")),
            }
        }
        self.out.extend_from_slice(text.get(from..).unwrap_or_default());
    }
}
