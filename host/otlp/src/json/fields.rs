//! What the bytes of one message say, field by field: as decoders have it, wherever the fields stand and in however many
//! records they come. Lists are not gathered, but read again where they are wanted: a list of two-byte messages would
//! take twenty times its size.

use super::schema::{Field, Kind, Message, Rule};
use crate::tape::CELLS_MAX;
use crate::wire::{Fault, Reader, Result, WireError, wire_type};

/// In how many records a field that is one message may come. Hardly any sender uses two.
const PARTS_MAX: usize = CELLS_MAX;

/// The bytes of a message. Records of the same field are merged by reading one behind the other.
#[derive(Clone)]
pub(super) enum Payload<'a> {
    One(Reader<'a>),
    Many(Vec<Reader<'a>>),
}

impl<'a> Payload<'a> {
    pub(super) const EMPTY: Payload<'static> = Payload::Many(Vec::new());

    pub(super) fn whole(bytes: &'a [u8]) -> Self {
        Payload::One(Reader::new(bytes, 0, bytes.len()))
    }

    fn parts(&self) -> &[Reader<'a>] {
        match self {
            Payload::One(part) => std::slice::from_ref(part),
            Payload::Many(parts) => parts,
        }
    }

    fn add(self, part: Reader<'a>) -> Result<Self> {
        let mut parts = match self {
            Payload::One(first) => vec![first],
            Payload::Many(parts) => parts,
        };
        if parts.len() >= PARTS_MAX {
            return Err(WireError::new(Fault::TooMany, part.pos()));
        }
        parts.push(part);
        Ok(Payload::Many(parts))
    }

    /// Where the message begins in the request.
    pub(super) fn pos(&self) -> usize {
        self.parts().first().map_or(0, Reader::pos)
    }
}

/// What a field says.
#[derive(Clone)]
pub(super) enum Content<'a> {
    Absent,
    /// A number of any kind, as 64 bits: those with a sign are extended, `sint32` stays in zigzag.
    Number(u64),
    /// A string or bytes.
    Bytes(&'a [u8]),
    Message(Payload<'a>),
    /// At least one element, for `Elements` to read.
    List,
}

/// What each field of a message says, in the order of the schema. A field that has its default is absent where its rule
/// says so. Unknown fields are passed over.
///
/// # Errors
///
/// The records are not well formed, a known field has another wire type, or a string is not UTF-8. Nested messages
/// are not looked into.
pub(super) fn read<'a>(message: &Message, payload: &Payload<'a>) -> Result<Vec<Content<'a>>> {
    let mut contents = vec![Content::Absent; message.fields.len()];
    for part in payload.parts() {
        let mut at = *part;
        while !at.is_empty() {
            record(message, &mut at, &mut contents)?;
        }
    }
    for (field, content) in message.fields.iter().zip(&mut contents) {
        if field.rule == Rule::Plain && matches!(content, Content::Number(0) | Content::Bytes([])) {
            *content = Content::Absent;
        }
    }
    Ok(contents)
}

fn record<'a>(message: &Message, at: &mut Reader<'a>, contents: &mut [Content<'a>]) -> Result<()> {
    let (start, tag) = (at.pos(), at.tag()?);
    let Some(place) = message.numbered(tag >> 3) else { return at.skip(tag) };
    let field = &message.fields[place];
    if field.rule == Rule::OneOf {
        clear_choice(message, place, contents);
    }
    let content = &mut contents[place];
    if is_packed(field, tag) {
        let mut list = at.delimited()?;
        while !list.is_empty() {
            number(field.kind, &mut list)?;
            *content = Content::List;
        }
        return Ok(());
    }
    if (tag & 7) as u8 != field.kind.wire() {
        return Err(WireError::new(Fault::WireType, start));
    }
    let one = value(field.kind, at)?;
    *content = match (std::mem::replace(content, Content::Absent), one) {
        _ if field.is_list() => Content::List,
        (Content::Message(before), Content::Message(Payload::One(part))) => {
            Content::Message(before.add(part)?)
        }
        (_, one) => one,
    };
    Ok(())
}

/// Whether a record holds several numbers. Those of a list may also come one by one.
fn is_packed(field: &Field, tag: u32) -> bool {
    field.is_packed() && (tag & 7) as u8 == wire_type::LEN
}

/// Of a choice the last field counts.
fn clear_choice(message: &Message, keep: usize, contents: &mut [Content]) {
    for (place, (field, content)) in message.fields.iter().zip(contents).enumerate() {
        if field.rule == Rule::OneOf && place != keep {
            *content = Content::Absent;
        }
    }
}

/// Reads the elements of a list, in however many records it comes.
pub(super) struct Elements<'p, 'a> {
    field: &'static Field,
    /// What is read now, and what comes after it.
    at: Reader<'a>,
    rest: std::slice::Iter<'p, Reader<'a>>,
    /// The numbers of the record that is read now.
    packed: Reader<'a>,
}

impl<'p, 'a> Elements<'p, 'a> {
    /// The elements of one field of a message.
    pub(super) fn new(field: &'static Field, payload: &'p Payload<'a>) -> Self {
        let nothing = Reader::new(&[], 0, 0);
        Elements { field, at: nothing, rest: payload.parts().iter(), packed: nothing }
    }

    /// The next element, which is a number, bytes or a message.
    pub(super) fn next(&mut self) -> Result<Option<Content<'a>>> {
        loop {
            if !self.packed.is_empty() {
                return Ok(Some(Content::Number(number(self.field.kind, &mut self.packed)?)));
            }
            if self.at.is_empty() {
                let Some(next) = self.rest.next() else { return Ok(None) };
                self.at = *next;
                continue;
            }
            let tag = self.at.tag()?;
            if tag >> 3 != self.field.number {
                self.at.skip(tag)?;
            } else if is_packed(self.field, tag) {
                self.packed = self.at.delimited()?;
            } else {
                return value(self.field.kind, &mut self.at).map(Some);
            }
        }
    }
}

fn value<'a>(kind: Kind, at: &mut Reader<'a>) -> Result<Content<'a>> {
    match kind {
        Kind::Nested(_) => Ok(Content::Message(Payload::One(at.delimited()?))),
        Kind::Str => {
            let text = at.delimited()?;
            text.utf8()?;
            Ok(Content::Bytes(text.rest()))
        }
        Kind::Base64 | Kind::Hex(_) => Ok(Content::Bytes(at.delimited()?.rest())),
        _ => Ok(Content::Number(number(kind, at)?)),
    }
}

fn number(kind: Kind, at: &mut Reader) -> Result<u64> {
    Ok(match kind.wire() {
        wire_type::FIXED64 => at.fixed64()?,
        wire_type::FIXED32 => at.fixed32()?.into(),
        _ => {
            let bits = at.varint()?;
            match kind {
                Kind::Bool => u64::from(bits != 0),
                Kind::Int32 | Kind::Enum(_) => i64::from(bits as i32) as u64,
                Kind::Uint32 | Kind::Zigzag32 => u64::from(bits as u32),
                _ => bits,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::messages::{ANY_VALUE, HISTOGRAM_POINT, KEY_VALUE, LOG_RECORD};
    use super::*;

    fn contents<'a>(message: &Message, bytes: &'a [u8]) -> Vec<Content<'a>> {
        read(message, &Payload::whole(bytes)).unwrap()
    }

    fn fault(message: &Message, bytes: &[u8]) -> Fault {
        read(message, &Payload::whole(bytes)).map(drop).unwrap_err().fault
    }

    #[test]
    fn the_last_record_of_a_field_counts_and_unknown_ones_are_passed_over() {
        let bytes = [0x0a, 1, b'a', 0xf8, 1, 7, 0x0a, 1, b'b', 0x18, 0];
        let [Content::Bytes(b"b"), Content::Absent, Content::Absent] = *contents(&KEY_VALUE, &bytes) else {
            panic!("the key is b")
        };
    }

    #[test]
    fn of_a_choice_the_last_field_counts_also_with_its_default() {
        let bytes = [0x0a, 1, b'a', 0x18, 0];
        let said = contents(&ANY_VALUE, &bytes);
        assert!(matches!((&said[0], &said[2]), (Content::Absent, Content::Number(0))));
    }

    #[test]
    fn a_message_in_two_records_is_merged() {
        let bytes = [0x2a, 3, 0x0a, 1, b'a', 0x2a, 2, 0x18, 5];
        let said = contents(&LOG_RECORD, &bytes);
        let body = said.iter().find_map(|content| match content {
            Content::Message(payload) => Some(payload),
            _ => None,
        });
        let value = read(&ANY_VALUE, body.unwrap()).unwrap();
        assert!(matches!((&value[0], &value[2]), (Content::Absent, Content::Number(5))));
    }

    #[test]
    fn a_list_of_numbers_may_come_packed_one_by_one_or_both() {
        let mut bytes = vec![0x32, 16];
        bytes.extend([1u64.to_le_bytes(), 2u64.to_le_bytes()].concat());
        bytes.extend([0x50, 9, 0x32, 0, 0x31]);
        bytes.extend(3u64.to_le_bytes());
        let place = HISTOGRAM_POINT.numbered(6).unwrap();
        assert!(matches!(contents(&HISTOGRAM_POINT, &bytes)[place], Content::List));
        let payload = Payload::whole(&bytes);
        let mut elements = Elements::new(&HISTOGRAM_POINT.fields[place], &payload);
        let mut numbers = Vec::new();
        while let Some(Content::Number(number)) = elements.next().unwrap() {
            numbers.push(number);
        }
        assert_eq!(numbers, [1, 2, 3]);
        assert!(matches!(contents(&HISTOGRAM_POINT, &[0x32, 0])[place], Content::Absent));
    }

    #[test]
    fn wrong_types_and_broken_records_are_errors() {
        assert_eq!(fault(&KEY_VALUE, &[0x08, 1]), Fault::WireType);
        assert_eq!(fault(&KEY_VALUE, &[0x0a, 1, 0xff]), Fault::Utf8);
        assert_eq!(fault(&KEY_VALUE, &[0x0a, 2, b'a']), Fault::Truncated);
        assert_eq!(fault(&HISTOGRAM_POINT, &[0x32, 7, 0, 0, 0, 0, 0, 0, 0]), Fault::Truncated);
        assert_eq!(fault(&HISTOGRAM_POINT, &[0x30, 1]), Fault::WireType);
    }
}
