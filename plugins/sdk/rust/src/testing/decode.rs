//! Decodes an encoded `AnyValue`, so that a test can compare what a plugin has set.

use crate::any_value::AnyValue;

/// None if the bytes are not an `AnyValue`.
pub(super) fn any_value(mut bytes: &[u8]) -> Option<AnyValue> {
    let mut value = AnyValue::Empty;
    while !bytes.is_empty() {
        value = match tag(&mut bytes)? {
            (1, 2) => AnyValue::Str(String::from_utf8(block(&mut bytes)?.to_vec()).ok()?),
            (2, 0) => AnyValue::Bool(varint(&mut bytes)? != 0),
            (3, 0) => AnyValue::Int(varint(&mut bytes)?.cast_signed()),
            (4, 1) => {
                let (number, rest) = bytes.split_first_chunk()?;
                bytes = rest;
                AnyValue::Double(f64::from_le_bytes(*number))
            }
            (5, 2) => AnyValue::Array(repeated(block(&mut bytes)?, any_value)?),
            (6, 2) => AnyValue::Map(repeated(block(&mut bytes)?, member)?),
            (7, 2) => AnyValue::Bytes(block(&mut bytes)?.to_vec()),
            _ => return None,
        };
    }
    Some(value)
}

fn member(mut bytes: &[u8]) -> Option<(String, AnyValue)> {
    let mut member = (String::new(), AnyValue::Empty);
    while !bytes.is_empty() {
        match tag(&mut bytes)? {
            (1, 2) => member.0 = String::from_utf8(block(&mut bytes)?.to_vec()).ok()?,
            (2, 2) => member.1 = any_value(block(&mut bytes)?)?,
            _ => return None,
        }
    }
    Some(member)
}

fn repeated<T>(mut bytes: &[u8], decode: impl Fn(&[u8]) -> Option<T>) -> Option<Vec<T>> {
    let mut decoded = Vec::new();
    while !bytes.is_empty() {
        if tag(&mut bytes)? != (1, 2) {
            return None;
        }
        decoded.push(decode(block(&mut bytes)?)?);
    }
    Some(decoded)
}

fn tag(bytes: &mut &[u8]) -> Option<(u64, u64)> {
    let tag = varint(bytes)?;
    Some((tag >> 3, tag & 7))
}

fn block<'b>(bytes: &mut &'b [u8]) -> Option<&'b [u8]> {
    let length = usize::try_from(varint(bytes)?).ok()?;
    let (block, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(block)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        let values = [
            AnyValue::Empty,
            AnyValue::Int(-3),
            AnyValue::Double(0.5),
            AnyValue::Bytes(vec![0, 255]),
            AnyValue::Array(vec![AnyValue::Str("x".into()), AnyValue::Array(vec![])]),
            AnyValue::Map(vec![("k".into(), AnyValue::Bool(true)), ("".into(), AnyValue::Empty)]),
        ];
        for value in values {
            assert_eq!(any_value(&value.encode()), Some(value));
        }
    }

    #[test]
    fn what_is_cut_is_not_a_value() {
        assert_eq!(any_value(&[0x0a, 5, b'a']), None);
        assert_eq!(any_value(&[0x18]), None);
    }
}
