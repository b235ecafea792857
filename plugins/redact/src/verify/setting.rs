//! Values of sensitive parameters and assignments: what follows `sig=` or `password=`.

use std::ops::Range;

use super::runs::Runs;
use crate::{scan::literal::Body, text};

/// The fewest characters of a token's value; passwords may be shorter.
const TOKEN_MIN: usize = 6;

/// Values that say that there is none.
const NOTHING: &[&str] = &["null", "none", "nil", "undefined", "true", "false", "redacted"];

/// The value that starts at `start`, after `name` (which ends in `=`).
pub fn find(value: &[u8], start: usize, name: &[u8], runs: &mut Runs) -> Option<Range<usize>> {
    let span = quoted(value, start).unwrap_or_else(|| start..runs.end(value, Body::Bare, start));
    let content = value.get(span.clone())?;
    let min = if name.ends_with(b"token=") || name.ends_with(b"key=") { TOKEN_MIN } else { 1 };
    let is_directory = name == b"pwd=" && content.starts_with(b"/");
    (content.len() >= min && !is_directory && !is_placeholder(content)).then_some(span)
}

/// A value in quotes, which may be escaped by a backslash; the quotes stay.
fn quoted(value: &[u8], start: usize) -> Option<Range<usize>> {
    let (quote, open) = match value.get(start..)? {
        [b'\'', ..] => (b'\'', 1),
        [b'\\', quote @ (b'"' | b'\''), ..] => (*quote, 2),
        // Before one of these the quote ends a string of JSON and begins nothing.
        [b'"', next, ..] if !next.is_ascii_whitespace() && !b",:]}".contains(next) => (b'"', 1),
        _ => return None,
    };
    let begin = start + open;
    let is_inside = |byte: u8| byte >= b' ' && !matches!(byte, b'"' | b'\\') && byte != quote;
    Some(begin..begin + text::run(value, begin, usize::MAX, is_inside))
}

/// What stands where a secret would: bind parameters, variables, and what this plugin puts there.
fn is_placeholder(content: &[u8]) -> bool {
    let is_variable = |rest: &[u8]| match rest.first() {
        Some(first) => first.is_ascii_alphabetic() || *first == b'_' || rest.iter().all(u8::is_ascii_digit),
        None => true,
    };
    match content {
        [b'*' | b'<' | b'[' | b'(' | b'{' | b'#', ..] | [b'?'] => true,
        [b'$', rest @ ..] => is_variable(rest),
        [b'%', rest @ ..] => rest.len() <= 1,
        _ => NOTHING.iter().any(|nothing| content.eq_ignore_ascii_case(nothing.as_bytes())),
    }
}
