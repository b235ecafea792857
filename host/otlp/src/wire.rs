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

/// Reads one byte below `end`.
#[inline(always)]
fn byte(src: &[u8], pos: &mut usize, end: usize) -> Result<u8> {
    match src.get(*pos) {
        Some(&b) if *pos < end => {
            *pos += 1;
            Ok(b)
        }
        _ => Err(WireError::new(Fault::Truncated, *pos)),
    }
}

/// Reads a varint that ends at or before `end`.
#[inline(always)]
pub(crate) fn varint(src: &[u8], pos: &mut usize, end: usize) -> Result<u64> {
    let first = byte(src, pos, end)?;
    if first < 0x80 { Ok(u64::from(first)) } else { varint_long(src, pos, end, first) }
}

#[inline(never)]
fn varint_long(src: &[u8], pos: &mut usize, end: usize, first: u8) -> Result<u64> {
    let mut value = u64::from(first & 0x7f);
    let mut shift = 7;
    loop {
        let b = byte(src, pos, end)?;
        // The tenth byte holds one bit; decoders refuse more.
        if shift == 63 && b > 1 {
            return Err(WireError::new(Fault::Varint, *pos));
        }
        value |= u64::from(b & 0x7f) << shift;
        if b < 0x80 {
            return Ok(value);
        }
        shift += 7;
    }
}

/// Reads a length and returns the end of what it announces, which lies at or before `end`.
#[inline(always)]
pub(crate) fn length(src: &[u8], pos: &mut usize, end: usize) -> Result<usize> {
    let at = *pos;
    let len = varint(src, pos, end)?;
    if len > (end - *pos) as u64 {
        return Err(WireError::new(Fault::Truncated, at));
    }
    Ok(*pos + len as usize)
}

/// Reads eight bytes, little-endian.
#[inline(always)]
pub(crate) fn fixed64(src: &[u8], pos: &mut usize, end: usize) -> Result<u64> {
    match src.get(*pos..end).and_then(|rest| rest.first_chunk::<8>()) {
        Some(chunk) => {
            *pos += 8;
            Ok(u64::from_le_bytes(*chunk))
        }
        None => Err(WireError::new(Fault::Truncated, *pos)),
    }
}

/// Reads four bytes, little-endian.
#[inline(always)]
pub(crate) fn fixed32(src: &[u8], pos: &mut usize, end: usize) -> Result<u32> {
    match src.get(*pos..end).and_then(|rest| rest.first_chunk::<4>()) {
        Some(chunk) => {
            *pos += 4;
            Ok(u32::from_le_bytes(*chunk))
        }
        None => Err(WireError::new(Fault::Truncated, *pos)),
    }
}

/// Reads a tag: field number and wire type.
#[inline(always)]
pub(crate) fn tag(src: &[u8], pos: &mut usize, end: usize) -> Result<u32> {
    let at = *pos;
    let tag = varint(src, pos, end)?;
    if (8..1 << 32).contains(&tag) { Ok(tag as u32) } else { Err(WireError::new(Fault::Tag, at)) }
}

/// Skips the value of an unknown field.
pub(crate) fn skip(src: &[u8], pos: &mut usize, end: usize, tag: u32, depth: u8) -> Result<()> {
    match (tag & 7) as u8 {
        wire_type::VARINT => varint(src, pos, end).map(drop),
        wire_type::FIXED64 => fixed64(src, pos, end).map(drop),
        wire_type::LEN => {
            *pos = length(src, pos, end)?;
            Ok(())
        }
        wire_type::FIXED32 => fixed32(src, pos, end).map(drop),
        wire_type::START_GROUP => skip_group(src, pos, end, tag, depth),
        _ => Err(WireError::new(Fault::Tag, *pos)),
    }
}

fn skip_group(src: &[u8], pos: &mut usize, end: usize, start: u32, depth: u8) -> Result<()> {
    if depth >= DEPTH_MAX {
        return Err(WireError::new(Fault::Depth, *pos));
    }
    loop {
        let inner = tag(src, pos, end)?;
        if (inner & 7) as u8 == wire_type::END_GROUP {
            let matches = inner >> 3 == start >> 3;
            return if matches { Ok(()) } else { Err(WireError::new(Fault::Tag, *pos)) };
        }
        skip(src, pos, end, inner, depth + 1)?;
    }
}

/// Checks that `src[from..to]` is UTF-8. Short ASCII is the common case: eight bytes a step.
#[inline(always)]
pub(crate) fn utf8(src: &[u8], from: usize, to: usize) -> Result<()> {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let Some(text) = src.get(from..to) else {
        return Err(WireError::new(Fault::Truncated, from));
    };
    let (words, rest) = text.as_chunks::<8>();
    let mut seen = 0;
    for word in words {
        seen |= u64::from_le_bytes(*word);
    }
    for &b in rest {
        seen |= u64::from(b);
    }
    if seen & HIGH == 0 { Ok(()) } else { utf8_full(text, from) }
}

#[inline(never)]
fn utf8_full(text: &[u8], from: usize) -> Result<()> {
    match std::str::from_utf8(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(WireError::new(Fault::Utf8, from + error.valid_up_to())),
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

    #[test]
    fn varints_of_every_length_come_back() {
        for shift in 0..64 {
            for value in [1u64 << shift, (1u64 << shift) - 1, (1u64 << shift) | 1] {
                let mut out = Vec::new();
                put_varint(&mut out, value);
                assert_eq!(out.len(), varint_len(value));
                let mut pos = 0;
                assert_eq!(varint(&out, &mut pos, out.len()), Ok(value));
                assert_eq!(pos, out.len());
            }
        }
    }

    #[test]
    fn an_overlong_varint_is_refused() {
        let bytes = [0xff; 11];
        assert!(varint(&bytes, &mut 0, bytes.len()).is_err());
        let eleven_bits = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02];
        assert_eq!(varint(&eleven_bits, &mut 0, 10).unwrap_err().fault, Fault::Varint);
    }

    #[test]
    fn a_length_past_the_end_is_refused() {
        assert_eq!(length(&[5, 0, 0], &mut 0, 3).unwrap_err().fault, Fault::Truncated);
        let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert!(length(&huge, &mut 0, huge.len()).is_err());
    }

    #[test]
    fn groups_are_skipped_and_bounded() {
        let mut nested = vec![0x0b; 99];
        nested.extend(vec![0x0c; 99]);
        let mut pos = 1;
        assert!(skip(&nested, &mut pos, nested.len(), 0x0b, 0).is_ok());
        assert_eq!(pos, nested.len());
        let deep = vec![0x0b; 4096];
        assert_eq!(skip(&deep, &mut 1, deep.len(), 0x0b, 0).unwrap_err().fault, Fault::Depth);
    }

    #[test]
    fn utf8_is_checked_at_every_length() {
        for len in 0..40 {
            let mut text = vec![b'a'; len];
            assert!(utf8(&text, 0, len).is_ok());
            for at in 0..len {
                text[at] = 0xff;
                assert_eq!(utf8(&text, 0, len).unwrap_err().at as usize, at);
                text[at] = b'a';
            }
        }
        assert!(utf8("gr\u{fc}n und \u{1f600} mehr".as_bytes(), 0, 19).is_ok());
    }
}
