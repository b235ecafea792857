//! Lines of logfmt: `key=value` pairs, with quotes where they are needed. What is nested is flattened, its keys joined by underscores.

use weir_otlp::DEPTH_MAX;
use weir_otlp::read::{KeyValue, Value, put_json_text};

use super::PUSH_BYTES_MAX;
use super::line::{Ids, Source};
use super::refused::Refused;

/// Appends a line.
pub(super) fn put_line(
    out: &mut Vec<u8>,
    source: &Source<'_, '_>,
    ids: Ids,
    resource: &[u8],
) -> Result<(), Refused> {
    let Source { record, attributes, scope, promoted } = source;
    let mut own: Vec<(&str, Value<'_>)> = Vec::with_capacity(5);
    for (key, digits) in ids.named_as("traceID", "spanID") {
        own.push((key, Value::Text(std::str::from_utf8(digits).unwrap_or_default())));
    }
    for (key, text) in [("severity", record.severity_text), ("event_name", record.event_name)] {
        own.extend((!text.is_empty()).then_some((key, Value::Text(text))));
    }
    own.extend((record.flags != 0).then_some(("flags", Value::Int(record.flags.into()))));

    put_body(out, record.body, &own)?;
    for (key, value) in own {
        put_value(out, &mut key.as_bytes().to_vec(), value, 0)?;
    }
    put_attributes(out, "attribute_", attributes.without(promoted))?;
    out.extend_from_slice(resource);
    for (key, text) in
        [("instrumentation_scope_name", scope.name), ("instrumentation_scope_version", scope.version)]
    {
        if !text.is_empty() {
            put_value(out, &mut key.as_bytes().to_vec(), Value::Text(text), 0)?;
        }
    }
    // Each pair has a space before it.
    if out.first() == Some(&b' ') {
        out.remove(0);
    }
    Ok(())
}

/// Appends attributes, each behind a space.
pub(super) fn put_attributes<'s, 'a: 's>(
    out: &mut Vec<u8>,
    prefix: &str,
    attributes: impl Iterator<Item = &'s KeyValue<'a>>,
) -> Result<(), Refused> {
    let mut key = prefix.as_bytes().to_vec();
    for attribute in attributes {
        key.truncate(prefix.len());
        key.extend_from_slice(attribute.key.as_bytes());
        put_value(out, &mut key, attribute.value, 0)?;
    }
    Ok(())
}

/// What a record says: pairs as they are if it is logfmt itself, but for those that the record has of its own, and else as `msg`.
fn put_body(out: &mut Vec<u8>, body: Value<'_>, own: &[(&str, Value<'_>)]) -> Result<(), Refused> {
    match body {
        Value::Text(text) if is_logfmt(text) => {
            let mut rest = text;
            while let Some(Pair { key, whole, behind }) = next_pair(rest) {
                if !own.iter().any(|(own, _)| *own == key) {
                    out.push(b' ');
                    out.extend_from_slice(whole.as_bytes());
                }
                rest = behind;
            }
            Ok(())
        }
        Value::Map(_) => put_value(out, &mut Vec::new(), body, 0),
        Value::Array(_) => put_value(out, &mut b"body".to_vec(), body, 0),
        body => put_value(out, &mut b"msg".to_vec(), body, 0),
    }
}

/// Appends one value, or what is in it. The key is as it was afterwards.
fn put_value(out: &mut Vec<u8>, key: &mut Vec<u8>, value: Value<'_>, depth: u8) -> Result<(), Refused> {
    // The keys around a value are in front of each value in it: what is small as OTLP may be huge here.
    if out.len() > PUSH_BYTES_MAX || depth > DEPTH_MAX {
        return Err(Refused::TooLarge);
    }
    let around = key.len();
    match value {
        Value::Empty => {}
        Value::Map(map) => {
            for member in map {
                let member = member?;
                put_member(out, key, member.key.as_bytes(), member.value, depth)?;
                key.truncate(around);
            }
        }
        Value::Array(array) => {
            for (at, element) in array.iter().enumerate() {
                put_member(out, key, at.to_string().as_bytes(), element?, depth)?;
                key.truncate(around);
            }
        }
        value => {
            put_key(out, key);
            match value {
                Value::Text(text) if needs_quotes(text) => put_json_text(out, text),
                value => value.put_text(out)?,
            }
        }
    }
    Ok(())
}

fn put_member(
    out: &mut Vec<u8>,
    key: &mut Vec<u8>,
    name: &[u8],
    value: Value<'_>,
    depth: u8,
) -> Result<(), Refused> {
    if !key.is_empty() {
        key.push(b'_');
    }
    key.extend_from_slice(name);
    put_value(out, key, value, depth + 1)
}

/// Appends a space, a key and `=`. What a key may not hold is left out.
fn put_key(out: &mut Vec<u8>, key: &[u8]) {
    out.push(b' ');
    let start = out.len();
    out.extend(key.iter().filter(|&&byte| byte > b' ' && !matches!(byte, b'=' | b'"' | b'\x7f')));
    if out.len() == start {
        out.push(b'_');
    }
    out.push(b'=');
}

fn needs_quotes(text: &str) -> bool {
    text == "null" || text.chars().any(|c| c <= ' ' || matches!(c, '=' | '"' | '\x7f' | '\u{fffd}'))
}

/// One pair of a text.
struct Pair<'a> {
    key: &'a str,
    /// Key and value, as they stand there.
    whole: &'a str,
    behind: &'a str,
}

/// Whether a text is pairs and nothing else.
fn is_logfmt(text: &str) -> bool {
    let mut rest = text;
    while let Some(Pair { behind, .. }) = next_pair(rest) {
        if behind.trim_matches(' ').is_empty() {
            return true;
        }
        rest = behind;
    }
    false
}

fn next_pair(text: &str) -> Option<Pair<'_>> {
    let text = text.trim_start_matches(' ');
    let (key, value) = text.split_once('=')?;
    if key.is_empty() || needs_quotes(key) {
        return None;
    }
    let is_quoted = value.starts_with('"');
    let len = if is_quoted { quoted_len(value)? } else { value.find(' ').unwrap_or(value.len()) };
    let (value, behind) = value.split_at_checked(len)?;
    let is_value = is_quoted || value == "null" || !needs_quotes(value);
    let is_whole = behind.is_empty() || behind.starts_with(' ');
    let whole = text.get(..key.len() + 1 + len).filter(|_| is_value && is_whole)?;
    Some(Pair { key, whole, behind })
}

/// How long a quoted value is, its quotes among it; `None` if it has no end or holds a line end.
fn quoted_len(value: &str) -> Option<usize> {
    let mut bytes = value.bytes().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return Some(at + 1),
            b'\\' => drop(bytes.next()?),
            0..b' ' => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_logfmt_is_taken_apart_and_other_text_is_not() {
        for (text, expected) in [
            ("a=1", " a=1"),
            (" a=1  b=two ", " a=1 b=two"),
            (r#"msg="hello \"there\"" ok=true e="#, r#" msg="hello \"there\"" ok=true e="#),
            ("x=null", " x=null"),
            ("a=1 severity=low b=2", " a=1 b=2"),
            ("hello world", " msg=\"hello world\""),
            ("a=1 b", " msg=\"a=1 b\""),
            ("a=1\nb=2", " msg=\"a=1\\nb=2\""),
            ("", " msg="),
        ] {
            let mut out = Vec::new();
            put_body(&mut out, Value::Text(text), &[("severity", Value::Text("INFO"))]).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{text}");
        }
        for text in [" ", "a", "=1", "a=b=c", "a=\"x", "a=\"x\"y", "a=x\"y", "\"a=1", "a=\"x\\"] {
            assert!(!is_logfmt(text), "{text}");
        }
    }

    #[test]
    fn values_have_quotes_where_they_are_needed() {
        for (value, expected) in [
            ("plain", " k=plain"),
            ("", " k="),
            ("two words", " k=\"two words\""),
            ("a=b", " k=\"a=b\""),
            ("say \"x\"", " k=\"say \\\"x\\\"\""),
            ("null", " k=\"null\""),
            ("a\nb", " k=\"a\\nb\""),
            ("gr\u{fc}n", " k=gr\u{fc}n"),
        ] {
            let mut out = Vec::new();
            put_value(&mut out, &mut b"k".to_vec(), Value::Text(value), 0).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn keys_have_only_what_keys_may_have() {
        for (key, expected) in [("a b", " ab=1"), ("a=\"b\n", " ab=1"), ("", " _=1"), ("\u{fc}", " \u{fc}=1")]
        {
            let mut out = Vec::new();
            put_value(&mut out, &mut key.as_bytes().to_vec(), Value::Int(1), 0).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
