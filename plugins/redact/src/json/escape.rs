//! The escapes of JSON strings: reading them, writing them, and finding in the escaped text the place that
//! belongs to one in the decoded text.

use std::ops::Range;

/// What one step of reading takes and gives.
struct Piece {
    /// Bytes of the escaped text.
    taken: usize,
    /// The decoded bytes, unless they are the escaped ones.
    decoded: Option<([u8; 4], usize)>,
}

/// The piece at `at`: text without escapes, or one escape. A wrong escape stands for itself.
fn piece(text: &[u8], at: usize) -> Option<Piece> {
    let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
    if rest.first() != Some(&b'\\') {
        return Some(Piece { taken: memchr::memchr(b'\\', rest).unwrap_or(rest.len()), decoded: None });
    }
    let one = |byte: u8| Some(Piece { taken: 2, decoded: Some(([byte, 0, 0, 0], 1)) });
    match rest.get(1) {
        Some(byte @ (b'"' | b'\\' | b'/')) => one(*byte),
        Some(b'n') => one(b'\n'),
        Some(b't') => one(b'\t'),
        Some(b'r') => one(b'\r'),
        Some(b'b') => one(8),
        Some(b'f') => one(12),
        Some(b'u') => Some(unicode(rest)),
        _ => Some(Piece { taken: 1, decoded: None }),
    }
}

fn unicode(rest: &[u8]) -> Piece {
    let unit = |at: usize| {
        let digits = rest.get(at..)?.strip_prefix(b"\\u")?.get(..4)?;
        digits.iter().try_fold(0u32, |all, digit| Some(all << 4 | char::from(*digit).to_digit(16)?))
    };
    let Some(first) = unit(0) else { return Piece { taken: 1, decoded: None } };
    let (code, taken) = match (first, unit(6)) {
        (0xd800..=0xdbff, Some(second @ 0xdc00..=0xdfff)) => {
            (0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00), 12)
        }
        _ => (first, 6),
    };
    let mut bytes = [0; 4];
    let length = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER).encode_utf8(&mut bytes).len();
    Piece { taken, decoded: Some((bytes, length)) }
}

/// The text that the escaped one stands for.
pub fn decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(piece) = piece(text, at) {
        match piece.decoded {
            Some((bytes, length)) => decoded.extend_from_slice(bytes.get(..length).unwrap_or(&[])),
            None => decoded.extend_from_slice(text.get(at..at + piece.taken).unwrap_or(&[])),
        }
        at += piece.taken;
    }
    decoded
}

/// Turns ranges of the decoded text, in order and apart, into those of the escaped one.
pub fn locate<'r>(text: &[u8], ranges: impl Iterator<Item = &'r mut Range<usize>>) {
    let (mut at, mut decoded_at) = (0, 0);
    let mut find = |wanted: usize| {
        while let Some(piece) = piece(text, at) {
            let length = piece.decoded.map_or(piece.taken, |(_, length)| length);
            if decoded_at + length > wanted {
                // Inside an escape's character there is no place but its start.
                return if piece.decoded.is_some() { at } else { at + (wanted - decoded_at) };
            }
            at += piece.taken;
            decoded_at += length;
        }
        text.len()
    };
    for range in ranges {
        let start = find(range.start);
        *range = start..find(range.end);
    }
}

/// Appends text so that it may stand in a JSON string.
pub fn encode(text: &[u8], out: &mut Vec<u8>) {
    for byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(*byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_and_wrong_ones_stand_for_themselves() {
        assert_eq!(decode(br#"a\n\u0040\/\"\\"#), b"a\n@/\"\\");
        assert_eq!(decode(br"\ud83d\ude00"), "\u{1f600}".as_bytes());
        assert_eq!(decode(br"\ud83dx"), "\u{fffd}x".as_bytes());
        assert_eq!(decode(br"\q\u00g1\"), br"\q\u00g1\");
    }

    #[test]
    fn places_are_found_again_in_the_escaped_text() {
        let text = br"x\n\u0040yz\/w";
        let mut ranges = [0..1, 2..4, 5..7];
        assert_eq!(decode(text), b"x\n@yz/w");
        locate(text, ranges.iter_mut());
        assert_eq!(ranges, [0..1, 3..10, 11..14]);
    }

    #[test]
    fn what_is_encoded_decodes_to_the_same() {
        let text: Vec<u8> = (0..128).collect();
        let mut encoded = Vec::new();
        encode(&text, &mut encoded);
        assert_eq!(decode(&encoded), text);
    }
}
