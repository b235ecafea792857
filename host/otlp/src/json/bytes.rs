//! Bytes as text: hexadecimal digits for ids, base64 for everything else.

use super::error::Fault;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Appends the bytes of an id, which has `len` bytes or none. Digits of both cases are accepted.
pub(super) fn read_hex(text: &str, len: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
    if !text.is_empty() && text.len() != 2 * len {
        return Err(Fault::HexLength(len));
    }
    for pair in text.as_bytes().chunks(2) {
        let byte = pair.iter().try_fold(0, |byte, digit| {
            let value = (*digit as char).to_digit(16).ok_or(Fault::HexDigit)?;
            Ok(byte << 4 | value as u8)
        })?;
        out.push(byte);
    }
    Ok(())
}

/// Appends the digits of an id.
pub(super) fn write_hex(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        out.extend([DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

/// Appends what a base64 text stands for. As protobuf has it, both alphabets are accepted, with padding or without it.
/// Bits at the end that belong to no byte have to be zero, so that no two texts are the same bytes by accident.
pub(super) fn read_base64(text: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    let text = text.as_bytes();
    let digits = match text {
        [digits @ .., b'=', b'='] | [digits @ .., b'='] if text.len().is_multiple_of(4) => digits,
        _ => text,
    };
    for group in digits.chunks(4) {
        let bits = group.iter().try_fold(0u32, |bits, digit| Ok(bits << 6 | sextet(*digit)?))?;
        let bits = bits << (6 * (4 - group.len()));
        let [_, bytes @ ..] = bits.to_be_bytes();
        let (bytes, rest) = bytes.split_at(group.len() * 6 / 8);
        if group.len() == 1 || rest.iter().any(|bits| *bits != 0) {
            return Err(Fault::Base64);
        }
        out.extend_from_slice(bytes);
    }
    Ok(())
}

fn sextet(digit: u8) -> Result<u32, Fault> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return Err(Fault::Base64),
    };
    Ok(value.into())
}

/// Appends base64 with padding.
pub fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    for group in bytes.chunks(3) {
        let mut padded = [0; 3];
        padded[..group.len()].copy_from_slice(group);
        let bits = u32::from(padded[0]) << 16 | u32::from(padded[1]) << 8 | u32::from(padded[2]);
        for place in 0..4 {
            let is_padding = place > group.len();
            let digit = ALPHABET[(bits >> (18 - 6 * place) & 63) as usize];
            out.push(if is_padding { b'=' } else { digit });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base64(text: &str) -> Result<Vec<u8>, Fault> {
        let mut out = Vec::new();
        read_base64(text, &mut out).map(|()| out)
    }

    #[test]
    fn base64_comes_back_at_every_length() {
        for len in 0..70u8 {
            let bytes: Vec<u8> = (0..len).map(|at| at.wrapping_mul(73) ^ 0xa5).collect();
            let mut text = Vec::new();
            write_base64(&bytes, &mut text);
            let text = String::from_utf8(text).unwrap();
            assert_eq!(text.len(), bytes.len().div_ceil(3) * 4);
            assert_eq!(base64(&text), Ok(bytes.clone()));
            assert_eq!(base64(text.trim_end_matches('=')), Ok(bytes.clone()));
            assert_eq!(base64(&text.replace('+', "-").replace('/', "_")), Ok(bytes));
        }
        let mut text = Vec::new();
        write_base64(b"fooba", &mut text);
        assert_eq!(text, b"Zm9vYmE=");
    }

    #[test]
    fn base64_of_a_wrong_length_or_alphabet_is_an_error() {
        for text in
            ["A", "AAAAA", "====", "A===", "AA=", "AAA==", "AA==AA==", "A A=", "AB==", "AAB=", "A\n=="]
        {
            assert_eq!(base64(text), Err(Fault::Base64), "{text}");
        }
    }

    #[test]
    fn an_id_has_its_length_or_none() {
        let hex = |text: &str| {
            let mut out = Vec::new();
            read_hex(text, 8, &mut out).map(|()| out)
        };
        assert_eq!(hex(""), Ok(vec![]));
        assert_eq!(hex("eee19b7EC3C1B174"), Ok(vec![0xee, 0xe1, 0x9b, 0x7e, 0xc3, 0xc1, 0xb1, 0x74]));
        assert_eq!(hex("eee19b7ec3c1b17"), Err(Fault::HexLength(8)));
        assert_eq!(hex("eee19b7ec3c1b17400"), Err(Fault::HexLength(8)));
        assert_eq!(hex("eee19b7ec3c1b17g"), Err(Fault::HexDigit));
        assert_eq!(hex("+ee19b7ec3c1b174"), Err(Fault::HexDigit));
        assert_eq!(hex("\u{20ac}\u{20ac}\u{20ac}\u{20ac}\u{20ac}x"), Err(Fault::HexDigit));
        let mut text = Vec::new();
        write_hex(&[0x00, 0x9f, 0xff], &mut text);
        assert_eq!(text, b"009fff");
    }
}
