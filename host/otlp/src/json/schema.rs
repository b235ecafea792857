//! What the codec knows of a message: name, number and type of every field. The messages themselves are in `messages`.

use super::enums::EnumNames;
use crate::wire::wire_type::{FIXED32, FIXED64, LEN, VARINT};

/// A message and its fields, in the order in which they are written.
pub(super) struct Message {
    /// At most 16, so that those seen fit into a mask.
    pub fields: &'static [Field],
    /// Whether values nest through it: arrays and maps, whose depth is bounded.
    pub is_container: bool,
}

/// A field of a message.
pub(super) struct Field {
    pub number: u32,
    /// In lowerCamelCase. The original name is made of it.
    pub name: &'static str,
    pub kind: Kind,
    pub rule: Rule,
}

/// The type of a field, and its form in JSON where that is not the usual one.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Str,
    /// `bytes`, as base64.
    Base64,
    /// `bytes` of this length or none, as hexadecimal digits.
    Hex(usize),
    Bool,
    Int32,
    Int64,
    Uint32,
    Uint64,
    /// `sint32`.
    Zigzag32,
    Fixed32,
    Fixed64,
    Sfixed64,
    Double,
    Enum(EnumNames),
    Nested(&'static Message),
}

/// How often a field stands, and what its absence means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// At most once; absence is the default.
    Plain,
    /// At most once; the default is another thing than absence.
    Optional,
    /// As `Optional`, and at most one field of the message that has this rule. No message has two such choices.
    OneOf,
    /// Any number of times.
    List,
    /// Any number of `KeyValue`s, whose order means nothing.
    Pairs,
}

impl Kind {
    /// The wire type of one value.
    pub(super) const fn wire(self) -> u8 {
        match self {
            Kind::Bool | Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 => VARINT,
            Kind::Zigzag32 | Kind::Enum(_) => VARINT,
            Kind::Fixed64 | Kind::Sfixed64 | Kind::Double => FIXED64,
            Kind::Fixed32 => FIXED32,
            Kind::Str | Kind::Base64 | Kind::Hex(_) | Kind::Nested(_) => LEN,
        }
    }

    /// Whether its values are numbers in JSON, or strings that hold them.
    pub(super) const fn is_number(self) -> bool {
        self.wire() != LEN && !matches!(self, Kind::Bool)
    }
}

impl Field {
    pub(super) const fn is_list(&self) -> bool {
        matches!(self.rule, Rule::List | Rule::Pairs)
    }

    /// Whether it is a list whose numbers stand in one record.
    pub(super) const fn is_packed(&self) -> bool {
        self.is_list() && self.kind.wire() != LEN
    }

    /// Whether this is its name in JSON, or its original name in the `.proto` file.
    pub(super) fn is_named(&self, key: &str) -> bool {
        self.name == key || is_original(self.name, key)
    }
}

impl Message {
    /// The place of the field that a key of JSON names.
    pub(super) fn named(&self, key: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.is_named(key))
    }

    /// The place of the field with a number.
    pub(super) fn numbered(&self, number: u32) -> Option<usize> {
        self.fields.iter().position(|field| field.number == number)
    }
}

/// Whether `key` is the snake_case form of a name in lowerCamelCase.
fn is_original(name: &str, key: &str) -> bool {
    let mut key = key.bytes();
    let is_prefix = name.bytes().all(|byte| match byte {
        b'A'..=b'Z' => key.next() == Some(b'_') && key.next() == Some(byte.to_ascii_lowercase()),
        _ => key.next() == Some(byte),
    });
    is_prefix && key.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_has_two_names() {
        let field = |name| Field { number: 1, name, kind: Kind::Bool, rule: Rule::Plain };
        let nano = field("startTimeUnixNano");
        assert!(nano.is_named("startTimeUnixNano") && nano.is_named("start_time_unix_nano"));
        for other in
            ["start_time_unix_nan", "start_time_unix_nano_", "starttimeunixnano", "start_timeUnixNano", ""]
        {
            assert!(!nano.is_named(other), "{other}");
        }
        assert!(field("key").is_named("key") && !field("key").is_named("keys"));
    }
}
