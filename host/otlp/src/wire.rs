//! Protobuf's wire format, forwards: tags, varints, lengths, skipping. Every read is checked against an end.

/// Wire types of protobuf that OTLP uses, and the two of groups, which are only ever skipped.
pub(crate) mod wire_type {
    pub const VARINT: u8 = 0;
    pub const FIXED64: u8 = 1;
    pub const LEN: u8 = 2;
    pub const START_GROUP: u8 = 3;
    pub const END_GROUP: u8 = 4;
    pub const FIXED32: u8 = 5;
}

/// How deep arrays and maps, or unknown groups, may be nested. Protobuf decoders of upstreams stop near it, too.
pub const DEPTH_MAX: u8 = 100;

/// What is wrong with a request's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Truncated,
    Varint,
    Tag,
    WireType,
    Utf8,
    Depth,
    TooLarge,
    TooMany,
}

/// The bytes are not a valid OTLP request: what is wrong, and where. Never shows what stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireError {
    pub(crate) fault: Fault,
    pub(crate) at: u32,
}

impl WireError {
    #[cold]
    pub(crate) fn new(fault: Fault, at: usize) -> Self {
        WireError { fault, at: u32::try_from(at).unwrap_or(u32::MAX) }
    }
}

impl WireError {
    /// Whether the request is only too large, and would be accepted in parts.
    pub fn is_too_large(&self) -> bool {
        matches!(self.fault, Fault::TooLarge | Fault::TooMany)
    }
}

impl std::fmt::Display for WireError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self.fault {
            Fault::Truncated => "a field runs past the end of its message",
            Fault::Varint => "a varint is longer than ten bytes",
            Fault::Tag => "a field has an invalid tag",
            Fault::WireType => "a field has another wire type than its type in OTLP",
            Fault::Utf8 => "a string is not UTF-8",
            Fault::Depth => "values are nested deeper than 100 levels",
            Fault::TooLarge => return f.write_str("the request is larger than 1 GiB"),
            Fault::TooMany => {
                return f.write_str("the request holds more than 4194304 fields; send smaller requests");
            }
        };
        write!(f, "malformed OTLP: {what}, at byte {}", self.at)
    }
}

impl std::error::Error for WireError {}

pub(crate) type Result<T> = std::result::Result<T, WireError>;

/// Reads the records of one message, forwards. It can never leave the message.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    /// Where the message ends in the request.
    end: usize,
}

impl<'a> Reader<'a> {
    /// Of nothing.
    pub(crate) const EMPTY: Reader<'static> = Reader { rest: &[], end: 0 };

    /// Reads `source[from..to]`; nothing if there is no such range.
    #[inline(always)]
    pub(crate) fn new(source: &'a [u8], from: usize, to: usize) -> Self {
        Reader { rest: source.get(from..to).unwrap_or_default(), end: to }
    }

    /// Where the next byte stands in the request.
    #[inline(always)]
    pub(crate) fn pos(&self) -> usize {
        self.end - self.rest.len()
    }

    /// Where the message ends in the request.
    #[inline(always)]
    pub(crate) fn end(&self) -> usize {
        self.end
    }

    /// What has not been read yet.
    #[inline(always)]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Passes over bytes that the caller has looked at.
    #[inline(always)]
    pub(crate) fn advance(&mut self, by: usize) {
        self.rest = self.rest.get(by..).unwrap_or_default();
    }

    /// Passes over everything before a position in the request.
    #[inline(always)]
    pub(crate) fn go_to(&mut self, pos: usize) {
        self.advance(pos - self.pos());
    }

    /// Reads a varint.
    #[inline(always)]
    pub(crate) fn varint(&mut self) -> Result<u64> {
        match self.rest.split_first() {
            Some((&first, rest)) if first < 0x80 => {
                self.rest = rest;
                Ok(u64::from(first))
            }
            _ => {
                let (value, len) = varint_long(*self)?;
                self.advance(len);
                Ok(value)
            }
        }
    }

    /// Reads a tag: field number and wire type.
    #[inline(always)]
    pub(crate) fn tag(&mut self) -> Result<u32> {
        let at = self.pos();
        let tag = self.varint()?;
        if (8..1 << 32).contains(&tag) { Ok(tag as u32) } else { Err(WireError::new(Fault::Tag, at)) }
    }

    /// Reads a length and what it announces: a string, bytes or the records of a message.
    #[inline(always)]
    pub(crate) fn delimited(&mut self) -> Result<Reader<'a>> {
        let at = self.pos();
        let len = self.varint()?;
        let split = usize::try_from(len).ok().and_then(|len| self.rest.split_at_checked(len));
        let Some((inner, rest)) = split else { return Err(WireError::new(Fault::Truncated, at)) };
        self.rest = rest;
        Ok(Reader { rest: inner, end: self.end - rest.len() })
    }

    /// Reads eight bytes, little-endian.
    #[inline(always)]
    pub(crate) fn fixed64(&mut self) -> Result<u64> {
        let Some((chunk, rest)) = self.rest.split_first_chunk::<8>() else {
            return Err(WireError::new(Fault::Truncated, self.pos()));
        };
        self.rest = rest;
        Ok(u64::from_le_bytes(*chunk))
    }

    /// Reads four bytes, little-endian.
    #[inline(always)]
    pub(crate) fn fixed32(&mut self) -> Result<u32> {
        let Some((chunk, rest)) = self.rest.split_first_chunk::<4>() else {
            return Err(WireError::new(Fault::Truncated, self.pos()));
        };
        self.rest = rest;
        Ok(u32::from_le_bytes(*chunk))
    }

    /// Skips the value of an unknown field.
    #[inline(always)]
    pub(crate) fn skip(&mut self, tag: u32) -> Result<()> {
        let next = skip(*self, tag, 0)?;
        self.go_to(next);
        Ok(())
    }

    /// Checks that what has not been read is UTF-8, of any length and in any script.
    #[cold]
    pub(crate) fn utf8(self) -> Result<()> {
        match std::str::from_utf8(self.rest) {
            Ok(_) => Ok(()),
            Err(error) => Err(WireError::new(Fault::Utf8, self.pos() + error.valid_up_to())),
        }
    }
}

// Readers are handed over as values, and positions come back: so they stay in registers where they are used most.

/// A varint of any length, and how many bytes it takes.
#[inline(never)]
fn varint_long(at: Reader) -> Result<(u64, usize)> {
    let mut value = 0;
    for (place, &b) in at.rest.iter().enumerate() {
        // The tenth byte holds one bit; decoders refuse more.
        if place == 9 && b > 1 {
            return Err(WireError::new(Fault::Varint, at.pos() + place));
        }
        value |= u64::from(b & 0x7f) << (7 * place);
        if b < 0x80 {
            return Ok((value, place + 1));
        }
    }
    Err(WireError::new(Fault::Truncated, at.end))
}

/// Where the value of a field with this tag ends.
#[inline(never)]
fn skip(mut at: Reader, tag: u32, depth: u8) -> Result<usize> {
    match (tag & 7) as u8 {
        wire_type::VARINT => drop(at.varint()?),
        wire_type::FIXED64 => drop(at.fixed64()?),
        wire_type::LEN => drop(at.delimited()?),
        wire_type::FIXED32 => drop(at.fixed32()?),
        wire_type::START_GROUP => return skip_group(at, tag, depth),
        _ => return Err(WireError::new(Fault::Tag, at.pos())),
    }
    Ok(at.pos())
}

fn skip_group(mut at: Reader, start: u32, depth: u8) -> Result<usize> {
    if depth >= DEPTH_MAX {
        return Err(WireError::new(Fault::Depth, at.pos()));
    }
    loop {
        let inner = at.tag()?;
        if (inner & 7) as u8 == wire_type::END_GROUP {
            let matches = inner >> 3 == start >> 3;
            return if matches { Ok(at.pos()) } else { Err(WireError::new(Fault::Tag, at.pos())) };
        }
        let next = skip(at, inner, depth + 1)?;
        at.go_to(next);
    }
}

/// How many bytes a varint takes.
#[inline]
pub(crate) fn varint_len(value: u64) -> usize {
    (70 - (value | 1).leading_zeros() as usize) / 7
}

/// Appends a varint.
#[inline]
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends the tag of a field.
#[inline]
pub(crate) fn put_tag(out: &mut Vec<u8>, number: u32, wire: u8) {
    put_varint(out, u64::from(number << 3 | u32::from(wire)));
}

/// Appends a length-delimited field.
pub(crate) fn put_len(out: &mut Vec<u8>, number: u32, payload: &[u8]) {
    put_tag(out, number, wire_type::LEN);
    put_varint(out, payload.len() as u64);
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(bytes: &[u8]) -> Reader<'_> {
        Reader::new(bytes, 0, bytes.len())
    }

    #[test]
    fn varints_of_every_length_come_back() {
        for shift in 0..64 {
            for value in [1u64 << shift, (1u64 << shift) - 1, (1u64 << shift) | 1] {
                let mut out = Vec::new();
                put_varint(&mut out, value);
                assert_eq!(out.len(), varint_len(value));
                let mut at = reader(&out);
                assert_eq!(at.varint(), Ok(value));
                assert!(at.is_empty());
            }
        }
    }

    #[test]
    fn an_overlong_varint_is_refused() {
        assert!(reader(&[0xff; 11]).varint().is_err());
        let eleven_bits = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02];
        assert_eq!(reader(&eleven_bits).varint().unwrap_err().fault, Fault::Varint);
    }

    #[test]
    fn a_length_past_the_end_is_refused() {
        assert_eq!(reader(&[5, 0, 0]).delimited().map(drop).unwrap_err().fault, Fault::Truncated);
        let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert!(reader(&huge).delimited().is_err());
    }

    #[test]
    fn a_reader_knows_where_it_stands_in_the_request() {
        let bytes = [0, 0, 0x0a, 3, 1, 2, 3, 9];
        let mut outer = Reader::new(&bytes, 2, 8);
        assert_eq!((outer.tag(), outer.pos()), (Ok(0x0a), 3));
        let inner = outer.delimited().unwrap();
        assert_eq!((inner.pos(), inner.end(), inner.rest()), (4, 7, &[1, 2, 3][..]));
        assert_eq!((outer.pos(), outer.end()), (7, 8));
    }

    #[test]
    fn groups_are_skipped_and_bounded() {
        let mut nested = vec![0x0b; 99];
        nested.extend(vec![0x0c; 99]);
        let mut at = Reader::new(&nested, 1, nested.len());
        assert!(at.skip(0x0b).is_ok());
        assert!(at.is_empty());
        let deep = vec![0x0b; 4096];
        assert_eq!(reader(&deep).skip(0x0b).unwrap_err().fault, Fault::Depth);
    }

    #[test]
    fn utf8_is_checked_at_every_length() {
        for len in 0..40 {
            let mut text = vec![b'a'; len];
            assert!(reader(&text).utf8().is_ok());
            for at in 0..len {
                text[at] = 0xff;
                assert_eq!(reader(&text).utf8().unwrap_err().at as usize, at);
                text[at] = b'a';
            }
        }
        assert!(reader("gr\u{fc}n und \u{1f600} mehr".as_bytes()).utf8().is_ok());
    }
}
