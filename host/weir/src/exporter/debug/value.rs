//! How values, attributes, ids and enums are written.

use std::fmt::Write;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};

/// `key=value` pairs, each with a blank before it.
pub(super) fn attributes(text: &mut String, attributes: &[KeyValue]) {
    for attribute in attributes {
        text.push(' ');
        text.push_str(&attribute.key);
        text.push('=');
        value(text, attribute.value.as_ref());
    }
}

/// Strings in quotes, everything nested as JSON would have it, bytes as hex digits.
pub(super) fn value(text: &mut String, value: Option<&AnyValue>) {
    match value.and_then(|value| value.value.as_ref()) {
        None => text.push_str("null"),
        Some(Value::StringValue(string)) => push(text, format_args!("{string:?}")),
        Some(Value::BoolValue(bool)) => push(text, format_args!("{bool}")),
        Some(Value::IntValue(int)) => push(text, format_args!("{int}")),
        Some(Value::DoubleValue(double)) => push(text, format_args!("{double:?}")),
        Some(Value::BytesValue(bytes)) => push(text, format_args!("0x{}", hex(bytes))),
        Some(Value::ArrayValue(array)) => {
            list(text, ['[', ']'], &array.values, |text, element| self::value(text, Some(element)));
        }
        Some(Value::KvlistValue(map)) => list(text, ['{', '}'], &map.values, |text, pair| {
            push(text, format_args!("{:?}: ", pair.key));
            self::value(text, pair.value.as_ref());
        }),
        Some(other) => push(text, format_args!("{other:?}")),
    }
}

fn list<T>(text: &mut String, [open, close]: [char; 2], elements: &[T], write: impl Fn(&mut String, &T)) {
    text.push(open);
    for (index, element) in elements.iter().enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        write(text, element);
    }
    text.push(close);
}

/// Formatted text at the end. Writing into a string cannot fail.
pub(super) fn push(text: &mut String, formatted: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(formatted);
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        push(&mut digits, format_args!("{byte:02x}"));
    }
    digits
}

/// The end of a protobuf enum name behind its prefix, in lower case: `SPAN_KIND_SERVER` is `server`.
pub(super) fn enum_name(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_ascii_lowercase()
}
