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

    #[inline(always)]
    fn byte(&mut self) -> Result<u8> {
        match self.rest.split_first() {
            Some((&b, rest)) => {
                self.rest = rest;
                Ok(b)
            }
            None => Err(WireError::new(Fault::Truncated, self.end)),
        }
    }

    /// Reads a varint.
    #[inline(always)]
    pub(crate) fn varint(&mut self) -> Result<u64> {
        let first = self.byte()?;
        if first < 0x80 { Ok(u64::from(first)) } else { self.varint_long(first) }
    }

    #[inline(never)]
    fn varint_long(&mut self, first: u8) -> Result<u64> {
        let mut value = u64::from(first & 0x7f);
        let mut shift = 7;
        loop {
            let b = self.byte()?;
            // The tenth byte holds one bit; decoders refuse more.
            if shift == 63 && b > 1 {
                return Err(WireError::new(Fault::Varint, self.pos()));
            }
            value |= u64::from(b & 0x7f) << shift;
            if b < 0x80 {
                return Ok(value);
            }
            shift += 7;
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
    pub(crate) fn skip(&mut self, tag: u32) -> Result<()> {
        self.skip_at(tag, 0)
    }

    fn skip_at(&mut self, tag: u32, depth: u8) -> Result<()> {
        match (tag & 7) as u8 {
            wire_type::VARINT => self.varint().map(drop),
            wire_type::FIXED64 => self.fixed64().map(drop),
            wire_type::LEN => self.delimited().map(drop),
            wire_type::FIXED32 => self.fixed32().map(drop),
            wire_type::START_GROUP => self.skip_group(tag, depth),
            _ => Err(WireError::new(Fault::Tag, self.pos())),
        }
    }

    fn skip_group(&mut self, start: u32, depth: u8) -> Result<()> {
        if depth >= DEPTH_MAX {
            return Err(WireError::new(Fault::Depth, self.pos()));
        }
        loop {
            let inner = self.tag()?;
            if (inner & 7) as u8 == wire_type::END_GROUP {
                let matches = inner >> 3 == start >> 3;
                return if matches { Ok(()) } else { Err(WireError::new(Fault::Tag, self.pos())) };
            }
            self.skip_at(inner, depth + 1)?;
        }
    }

    /// Checks that what has not been read is UTF-8.
    #[inline(always)]
    pub(crate) fn utf8(&self) -> Result<()> {
        if is_ascii(self.rest) { Ok(()) } else { self.utf8_full() }
    }

    #[inline(never)]
    fn utf8_full(&self) -> Result<()> {
        match std::str::from_utf8(self.rest) {
            Ok(_) => Ok(()),
            Err(error) => Err(WireError::new(Fault::Utf8, self.pos() + error.valid_up_to())),
        }
    }
}

/// Whether no byte has its highest bit set. Made for short texts: eight bytes a step, and the last step overlaps
/// the one before it.
#[inline(always)]
pub(crate) fn is_ascii(text: &[u8]) -> bool {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let Some(last) = text.last_chunk::<8>() else {
        return text.iter().fold(0, |seen, b| seen | b) < 0x80;
    };
    let (words, _) = text.as_chunks::<8>();
    let mut seen = u64::from_le_bytes(*last);
    for word in words {
        seen |= u64::from_le_bytes(*word);
    }
    seen & HIGH == 0
}

/// Whether two texts are the same. Inlined, since keys are short and a call costs as much as the comparison.
#[inline(always)]
pub(crate) fn is_same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let (Some(a_last), Some(b_last)) = (a.last_chunk::<8>(), b.last_chunk::<8>()) else {
        return a == b;
    };
    let mut differs = u64::from_le_bytes(*a_last) ^ u64::from_le_bytes(*b_last);
    for (a, b) in a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0) {
        differs |= u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
    }
    differs == 0
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

    #[test]
    fn texts_that_differ_in_one_byte_are_told_apart() {
        for len in 0..40 {
            let text = vec![b'a'; len];
            assert!(is_same(&text, &text.clone()));
            assert!(!is_same(&text, &vec![b'a'; len + 1]));
            for at in 0..len {
                let mut other = text.clone();
                other[at] = b'b';
                assert!(!is_same(&text, &other));
            }
        }
    }
}
