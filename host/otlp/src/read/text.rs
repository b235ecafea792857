//! Values as text, for formats that have nothing else: labels of Prometheus, lines of Loki. As the Collector writes them: text as it
//! is, lists and maps as JSON with the members in the order of their names, bytes in base64.

use std::io::Write;

use super::attributes::{Attributes, KeyValue};
use super::value::{Array, Value};
use crate::json::write_base64;
use crate::wire::{DEPTH_MAX, Fault, Result, WireError};

impl Value<'_> {
    /// Appends the value as text.
    ///
    /// # Errors
    /// If a list or a map in it is no valid OTLP, or nested deeper than 100 levels.
    pub fn put_text(&self, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Value::Text(text) => out.extend_from_slice(text.as_bytes()),
            Value::Bytes(bytes) => write_base64(bytes, out),
            Value::Empty => {}
            other => put_json(out, other, 0)?,
        }
        Ok(())
    }

    /// Appends the value as JSON: numbers that JSON does not have are strings, and bytes are strings in base64.
    ///
    /// # Errors
    /// As [`Value::put_text`].
    pub fn put_json(&self, out: &mut Vec<u8>) -> Result<()> {
        put_json(out, self, 0)
    }
}

impl Attributes<'_> {
    /// Appends all of them as a JSON object. Of a key that is there twice the last one counts.
    ///
    /// # Errors
    /// As [`Value::put_text`].
    pub fn put_json(&self, out: &mut Vec<u8>) -> Result<()> {
        put_map(out, self, 0)
    }
}

fn put_json(out: &mut Vec<u8>, value: &Value<'_>, depth: u8) -> Result<()> {
    match value {
        Value::Empty => out.extend_from_slice(b"null"),
        Value::Text(text) => put_json_text(out, text),
        Value::Bool(value) => put(out, format_args!("{value}")),
        Value::Int(value) => put(out, format_args!("{value}")),
        Value::Double(value) if value.is_finite() => put_double(out, *value),
        Value::Double(value) => {
            out.push(b'"');
            put_double(out, *value);
            out.push(b'"');
        }
        Value::Array(array) => put_array(out, array, depth)?,
        Value::Map(map) => put_map(out, map, depth)?,
        Value::Bytes(bytes) => {
            out.push(b'"');
            write_base64(bytes, out);
            out.push(b'"');
        }
    }
    Ok(())
}

fn put_array(out: &mut Vec<u8>, array: &Array<'_>, depth: u8) -> Result<()> {
    let depth = deeper(depth)?;
    out.push(b'[');
    for (at, value) in array.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        put_json(out, &value?, depth)?;
    }
    out.push(b']');
    Ok(())
}

/// Maps with more members than this are written as they stand there: a member takes two bytes in a request, and thirty times as many in
/// a list to be sorted.
const SORTED_MAX: usize = 4096;

fn put_map(out: &mut Vec<u8>, map: &Attributes<'_>, depth: u8) -> Result<()> {
    let depth = deeper(depth)?;
    let mut members = map.iter().take(SORTED_MAX + 1).collect::<Result<Vec<KeyValue<'_>>>>()?;
    out.push(b'{');
    let mut is_first = true;
    let mut put = |member: &KeyValue<'_>| {
        if !std::mem::take(&mut is_first) {
            out.push(b',');
        }
        put_json_text(out, member.key);
        out.push(b':');
        put_json(out, &member.value, depth)
    };
    if members.len() > SORTED_MAX {
        map.iter().try_for_each(|member| put(&member?))?;
    } else {
        members.sort_by_key(|member| member.key);
        for (at, member) in members.iter().enumerate() {
            if members.get(at + 1).is_none_or(|next| next.key != member.key) {
                put(member)?;
            }
        }
    }
    out.push(b'}');
    Ok(())
}

fn deeper(depth: u8) -> Result<u8> {
    if depth < DEPTH_MAX { Ok(depth + 1) } else { Err(WireError::new(Fault::Depth, 0)) }
}

/// Appends text as a JSON string, with its quotes.
pub fn put_json_text(out: &mut Vec<u8>, text: &str) {
    // Writing to memory does not fail.
    let _ = serde_json::to_writer(out, text);
}

/// The shortest text that reads back as the same number, with an exponent where it is very large or very small.
fn put_double(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        return put(out, format_args!("NaN"));
    }
    if value.is_infinite() {
        return put(out, format_args!("{}Inf", if value > 0.0 { '+' } else { '-' }));
    }
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{value:e}");
        match text.split_once("e-").is_none().then(|| text.split_once('e')).flatten() {
            Some((digits, exponent)) => put(out, format_args!("{digits}e+{exponent}")),
            None => out.extend_from_slice(text.as_bytes()),
        }
    } else {
        put(out, format_args!("{value}"));
    }
}

fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to memory does not fail.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn double(value: f64) -> String {
        let mut out = Vec::new();
        put_double(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn doubles_are_written_as_the_collector_writes_them() {
        let cases = [
            (0.0, "0"),
            (1.0, "1"),
            (-2.5, "-2.5"),
            (0.000001, "0.000001"),
            (0.0000001, "1e-7"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-1.5e300, "-1.5e+300"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ];
        for (value, text) in cases {
            assert_eq!(double(value), text);
        }
    }

    #[test]
    fn json_text_is_what_a_reader_reads_back() {
        for text in ["", "plain", "a\"b\\c\nd\u{1}e", "gr\u{fc}n \u{1f600}", "\u{7f}\u{2028}"] {
            let mut out = Vec::new();
            put_json_text(&mut out, text);
            assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }
}
