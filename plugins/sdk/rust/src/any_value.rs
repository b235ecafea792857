//! Values with structure, owned, and their protobuf form for edits.

use crate::value::NewValue;

/// A value that an edit can set where a plain [`NewValue`] is not enough: lists and maps.
///
/// Encode it once, in `configure`, and set the bytes for each item:
/// `edits.set(item, field, NewValue::Encoded(&bytes))`.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyValue {
    /// Without a value.
    Empty,
    /// Text.
    Str(String),
    /// True or false.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A floating-point number.
    Double(f64),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A list.
    Array(Vec<AnyValue>),
    /// Keys with values, in order.
    Map(Vec<(String, AnyValue)>),
}

impl AnyValue {
    /// The value as an encoded `opentelemetry.proto.common.v1.AnyValue`, for [`NewValue::Encoded`].
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            AnyValue::Empty => {}
            AnyValue::Str(text) => put_bytes(&mut out, 1, text.as_bytes()),
            AnyValue::Bool(on) => {
                put_tag(&mut out, 2, 0);
                out.push(u8::from(*on));
            }
            AnyValue::Int(number) => {
                put_tag(&mut out, 3, 0);
                put_varint(&mut out, number.cast_unsigned());
            }
            AnyValue::Double(number) => {
                put_tag(&mut out, 4, 1);
                out.extend_from_slice(&number.to_le_bytes());
            }
            AnyValue::Array(values) => {
                let mut list = Vec::new();
                values.iter().for_each(|value| put_bytes(&mut list, 1, &value.encode()));
                put_bytes(&mut out, 5, &list);
            }
            AnyValue::Map(members) => {
                let mut list = Vec::new();
                for (key, value) in members {
                    let mut member = Vec::new();
                    put_bytes(&mut member, 1, key.as_bytes());
                    put_bytes(&mut member, 2, &value.encode());
                    put_bytes(&mut list, 1, &member);
                }
                put_bytes(&mut out, 6, &list);
            }
            AnyValue::Bytes(bytes) => put_bytes(&mut out, 7, bytes),
        }
        out
    }

    /// The value as one of an edit, if it needs no encoding.
    pub fn as_plain(&self) -> Option<NewValue<'_>> {
        match self {
            AnyValue::Empty => Some(NewValue::Empty),
            AnyValue::Str(text) => Some(NewValue::Str(text)),
            AnyValue::Bool(on) => Some(NewValue::Bool(*on)),
            AnyValue::Int(number) => Some(NewValue::Int(*number)),
            AnyValue::Double(number) => Some(NewValue::Double(*number)),
            AnyValue::Bytes(bytes) => Some(NewValue::Bytes(bytes)),
            AnyValue::Array(_) | AnyValue::Map(_) => None,
        }
    }
}

fn put_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    put_tag(out, field, 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// A field number below 16 and its wire type fit one byte; `AnyValue` has no others.
fn put_tag(out: &mut Vec<u8>, field: u8, wire_type: u8) {
    out.push(field << 3 | wire_type);
}

fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_encoded_as_protobuf_says() {
        assert_eq!(AnyValue::Str("ab".into()).encode(), [0x0a, 2, b'a', b'b']);
        assert_eq!(AnyValue::Bool(true).encode(), [0x10, 1]);
        assert_eq!(AnyValue::Int(300).encode(), [0x18, 0xac, 0x02]);
        assert_eq!(AnyValue::Int(-1).encode(), [0x18, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]);
        assert_eq!(AnyValue::Double(1.0).encode(), [0x21, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
        assert_eq!(AnyValue::Bytes(vec![9]).encode(), [0x3a, 1, 9]);
        assert!(AnyValue::Empty.encode().is_empty());
    }

    #[test]
    fn lists_and_maps_nest() {
        let list = AnyValue::Array(vec![AnyValue::Str("a".into()), AnyValue::Bool(false)]);
        assert_eq!(list.encode(), [0x2a, 9, 0x0a, 3, 0x0a, 1, b'a', 0x0a, 2, 0x10, 0]);
        let map = AnyValue::Map(vec![("k".into(), AnyValue::Int(1))]);
        assert_eq!(map.encode(), [0x32, 9, 0x0a, 7, 0x0a, 1, b'k', 0x12, 2, 0x18, 1]);
    }
}
