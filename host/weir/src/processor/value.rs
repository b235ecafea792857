//! An attribute's value as a tree: what a configuration gives, and what was read of an array or a map.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::text;

/// A value of any type that OTLP has.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// None at all.
    Empty,
    /// Text.
    Str(String),
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Double(f64),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A list.
    Array(Vec<Value>),
    /// Keys and values.
    Map(Vec<(String, Value)>),
}

impl Value {
    /// The value as text, as the Collector has it: arrays and maps are JSON, bytes are base64.
    pub fn to_text(&self) -> String {
        match self {
            Value::Empty => String::new(),
            Value::Str(text) => text.clone(),
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Double(value) => text::double(*value),
            Value::Bytes(bytes) => text::base64(bytes),
            // As in the Collector, a number that JSON does not have leaves nothing of it.
            Value::Array(_) | Value::Map(_) => text::json(self).unwrap_or_default(),
        }
    }

    /// Whether both say the same. The order of a map's keys does not matter, and of one key the last value counts.
    pub fn is_same(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Array(one), Value::Array(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.is_same(other))
            }
            (Value::Map(one), Value::Map(other)) => {
                let (one, other) = (sorted(one), sorted(other));
                one.len() == other.len()
                    && one.iter().zip(&other).all(|((a, one), (b, other))| a == b && one.is_same(other))
            }
            _ => self == other,
        }
    }

    /// Appends the payload of its `AnyValue`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Value::Empty => {}
            Value::Str(text) => put_bytes(out, 0x0a, text.as_bytes()),
            Value::Bool(value) => out.extend([0x10, u8::from(*value)]),
            Value::Int(value) => {
                out.push(0x18);
                put_varint(out, *value as u64);
            }
            Value::Double(value) => {
                out.push(0x21);
                out.extend(value.to_bits().to_le_bytes());
            }
            Value::Bytes(bytes) => put_bytes(out, 0x3a, bytes),
            Value::Array(values) => {
                let (mut inner, mut one) = (Vec::new(), Vec::new());
                for value in values {
                    one.clear();
                    value.encode(&mut one);
                    put_bytes(&mut inner, 0x0a, &one);
                }
                put_bytes(out, 0x2a, &inner);
            }
            Value::Map(members) => {
                let (mut inner, mut pair, mut one) = (Vec::new(), Vec::new(), Vec::new());
                for (key, value) in members {
                    pair.clear();
                    one.clear();
                    value.encode(&mut one);
                    put_bytes(&mut pair, 0x0a, key.as_bytes());
                    put_bytes(&mut pair, 0x12, &one);
                    put_bytes(&mut inner, 0x0a, &pair);
                }
                put_bytes(out, 0x32, &inner);
            }
        }
    }
}

/// A map by its keys, of each the last value.
pub(super) fn sorted(members: &[(String, Value)]) -> BTreeMap<&str, &Value> {
    members.iter().map(|(key, value)| (key.as_str(), value)).collect()
}

fn put_bytes(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// As YAML types it.
impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Empty)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        // As in the Collector, the bits are kept.
        Ok(Value::Int(value as i64))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Double(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Str(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = entries.next_entry()? {
            members.push(member);
        }
        Ok(Value::Map(members))
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value};
    use prost::Message;

    use super::*;

    #[test]
    fn a_tree_is_encoded_as_protobuf_has_it() {
        let map = |members: &[(&str, Value)]| {
            Value::Map(members.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
        };
        let tree = map(&[
            ("list", Value::Array(vec![Value::Int(-1), Value::Empty, Value::Bool(true)])),
            ("text", Value::Str("x".repeat(300))),
            ("more", map(&[("double", Value::Double(1.5)), ("bytes", Value::Bytes(vec![1, 2]))])),
        ]);
        let mut bytes = Vec::new();
        tree.encode(&mut bytes);
        let decoded = AnyValue::decode(bytes.as_slice()).unwrap();
        assert_eq!(decoded.encode_to_vec(), bytes);
        let Some(any_value::Value::KvlistValue(list)) = decoded.value else { panic!("a map") };
        assert_eq!(list.values.len(), 3);
        assert_eq!(
            list.values[1].value.as_ref().unwrap().value,
            Some(any_value::Value::StringValue("x".repeat(300)))
        );
    }

    #[test]
    fn maps_are_the_same_in_any_order_of_their_keys() {
        let map = |keys: &[(&str, i64)]| {
            Value::Map(keys.iter().map(|(key, value)| ((*key).to_owned(), Value::Int(*value))).collect())
        };
        assert!(map(&[("a", 1), ("b", 2)]).is_same(&map(&[("b", 2), ("a", 1)])));
        assert!(!map(&[("a", 1)]).is_same(&map(&[("a", 2)])));
        assert!(!map(&[("a", 1)]).is_same(&map(&[("b", 1)])));
        assert!(!Value::Array(vec![map(&[])]).is_same(&Value::Array(vec![])));
        assert!(!Value::Int(1).is_same(&Value::Double(1.0)));
    }
}
