//! Values as text, in the Collector's form, on which hashes and patterns depend.

use std::fmt::Write;

use super::value::{Value, sorted};

/// A number as JavaScript writes it, and with it the Collector: without an exponent between 1e-6 and 1e21.
pub(super) fn double(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let size = value.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return value.to_string();
    }
    // Rust leaves the sign of a positive exponent out.
    let text = format!("{value:e}");
    if size >= 1e21 { text.replace('e', "e+") } else { text }
}

/// A number as Go's `%f` has it, with as many digits as are needed.
pub(super) fn plain_double(value: f64) -> String {
    match value {
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        _ => value.to_string(),
    }
}

/// A decimal number, as Go reads it: one that is too large for the type is none, and so is a signed "nan".
pub(super) fn parse_double(text: &str) -> Option<f64> {
    let value: f64 = text.parse().ok()?;
    let has_digits = text.bytes().any(|b| b.is_ascii_digit());
    match (value.is_infinite(), value.is_nan()) {
        (true, _) if has_digits => None,
        (_, true) if text.len() != 3 => None,
        _ => Some(value),
    }
}

/// Base64 with padding.
pub(super) fn base64(bytes: &[u8]) -> String {
    let mut out = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    weir_otlp::json::write_base64(bytes, &mut out);
    out.into_iter().map(char::from).collect()
}

/// A tree as JSON, the keys of maps in order. `None` if it holds a number that JSON does not have.
pub(super) fn json(value: &Value) -> Option<String> {
    let mut out = String::new();
    write_json(value, &mut out)?;
    Some(out)
}

fn write_json(value: &Value, out: &mut String) -> Option<()> {
    match value {
        Value::Empty => out.push_str("null"),
        Value::Str(text) => quote(text, out),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(value) => write!(out, "{value}").ok()?,
        Value::Double(value) if value.is_finite() => out.push_str(&double(*value)),
        Value::Double(_) => return None,
        Value::Bytes(bytes) => quote(&base64(bytes), out),
        Value::Array(values) => {
            out.push('[');
            for (place, value) in values.iter().enumerate() {
                out.push_str(if place == 0 { "" } else { "," });
                write_json(value, out)?;
            }
            out.push(']');
        }
        Value::Map(members) => {
            out.push('{');
            for (place, (key, value)) in sorted(members).into_iter().enumerate() {
                out.push_str(if place == 0 { "" } else { "," });
                quote(key, out);
                out.push(':');
                write_json(value, out)?;
            }
            out.push('}');
        }
    }
    Some(())
}

/// A string of JSON. Go also escapes the two characters that JavaScript takes for ends of lines.
fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_collector_writes_them() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (1.5, "1.5"),
            (-0.25, "-0.25"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-1.25e22, "-1.25e+22"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (1.5e-10, "1.5e-10"),
            (1e100, "1e+100"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(double(value), expected);
        }
        assert_eq!([plain_double(1e21), plain_double(f64::INFINITY)], ["1000000000000000000000", "+Inf"]);
    }

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        for (text, expected) in [
            ("1.5", Some(1.5)),
            ("+1e3", Some(1000.0)),
            (".5", Some(0.5)),
            ("5.", Some(5.0)),
            ("-inf", Some(f64::NEG_INFINITY)),
            ("Infinity", Some(f64::INFINITY)),
            ("1e400", None),
            ("-nan", None),
            ("", None),
            (" 1", None),
            ("1_000", None),
            ("0x10", None),
        ] {
            assert_eq!(parse_double(text), expected, "{text}");
        }
        assert!(parse_double("NaN").is_some_and(f64::is_nan));
    }

    #[test]
    fn a_tree_is_json_with_its_keys_in_order() {
        let member = |key: &str, value| (key.to_owned(), value);
        let tree = Value::Map(vec![
            member("b", Value::Array(vec![Value::Int(1), Value::Empty, Value::Double(2.5)])),
            member("a", Value::Str("<&>\"\\\n\u{1}\u{2028}\u{e4}".to_owned())),
            member("c", Value::Bytes(vec![1, 2, 3, 4])),
            member("b", Value::Bool(false)),
        ]);
        assert_eq!(
            tree.to_text(),
            "{\"a\":\"<&>\\\"\\\\\\n\\u0001\\u2028\u{e4}\",\"b\":false,\"c\":\"AQIDBA==\"}"
        );
        assert_eq!(Value::Array(vec![Value::Double(f64::NAN)]).to_text(), "");
    }
}
