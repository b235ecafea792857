//! What the bytes of one message say, field by field: as decoders have it, wherever the fields stand and in however many
//! records they come.

use super::schema::{Field, Kind, Message, Rule};
use crate::wire::{Fault, Reader, Result, WireError, wire_type};

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

    fn add(self, part: Reader<'a>) -> Self {
        match self {
            Payload::One(first) => Payload::Many(vec![first, part]),
            Payload::Many(mut parts) => {
                parts.push(part);
                Payload::Many(parts)
            }
        }
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
    Numbers(Vec<u64>),
    Texts(Vec<&'a [u8]>),
    Messages(Vec<Payload<'a>>),
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
    let start = at.pos();
    let tag = at.tag()?;
    let wire = (tag & 7) as u8;
    let Some(place) = message.numbered(tag >> 3) else { return at.skip(tag) };
    let field = &message.fields[place];
    let is_packed = field.is_packed() && wire == wire_type::LEN;
    if wire != field.kind.wire() && !is_packed {
        return Err(WireError::new(Fault::WireType, start));
    }
    if field.rule == Rule::OneOf {
        clear_choice(message, place, contents);
    }
    let content = &mut contents[place];
    if is_packed {
        let mut list = at.delimited()?;
        while !list.is_empty() {
            let one = number(field.kind, &mut list)?;
            push(content, Content::Number(one));
        }
        return Ok(());
    }
    let one = value(field, at)?;
    match one {
        one if field.is_list() => push(content, one),
        Content::Message(Payload::One(part)) => {
            *content = match std::mem::replace(content, Content::Absent) {
                Content::Message(before) => Content::Message(before.add(part)),
                _ => one,
            }
        }
        one => *content = one,
    }
    Ok(())
}

/// Of a choice the last field counts.
fn clear_choice(message: &Message, keep: usize, contents: &mut [Content]) {
    for (place, (field, content)) in message.fields.iter().zip(contents).enumerate() {
        if field.rule == Rule::OneOf && place != keep {
            *content = Content::Absent;
        }
    }
}

fn push<'a>(list: &mut Content<'a>, one: Content<'a>) {
    match (list, one) {
        (Content::Numbers(list), Content::Number(one)) => list.push(one),
        (Content::Texts(list), Content::Bytes(one)) => list.push(one),
        (Content::Messages(list), Content::Message(one)) => list.push(one),
        (list, Content::Number(one)) => *list = Content::Numbers(vec![one]),
        (list, Content::Bytes(one)) => *list = Content::Texts(vec![one]),
        (list, Content::Message(one)) => *list = Content::Messages(vec![one]),
        // One value is none of the others.
        _ => {}
    }
}

fn value<'a>(field: &Field, at: &mut Reader<'a>) -> Result<Content<'a>> {
    match field.kind {
        Kind::Nested(_) => Ok(Content::Message(Payload::One(at.delimited()?))),
        Kind::Str => {
            let text = at.delimited()?;
            text.utf8()?;
            Ok(Content::Bytes(text.rest()))
        }
        Kind::Base64 | Kind::Hex(_) => Ok(Content::Bytes(at.delimited()?.rest())),
        kind => Ok(Content::Number(number(kind, at)?)),
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
