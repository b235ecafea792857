//! The labels of a stream, as Loki's parser reads them, and the limits of its defaults.

use std::collections::BTreeMap;

const LABELS_MAX: usize = 15;
const NAME_BYTES_MAX: usize = 1024;
const VALUE_BYTES_MAX: usize = 2048;

/// Reads `{name="value",...}`.
pub(super) fn parse(text: &str) -> Result<BTreeMap<String, String>, String> {
    let wrong = |what: &str| format!("{what}: {text:?}");
    let inner = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let mut rest = inner.ok_or_else(|| wrong("labels without braces"))?;
    let mut labels = BTreeMap::new();
    while !rest.is_empty() {
        let (name, quoted) = rest.split_once("=\"").ok_or_else(|| wrong("a label without a value"))?;
        let (value, behind) = unquoted(quoted).ok_or_else(|| wrong("a value that does not end"))?;
        if labels.insert(name.to_owned(), value).is_some() {
            return Err(wrong("a label that is there twice"));
        }
        rest = match behind.strip_prefix(',') {
            Some(next) if !next.is_empty() => next,
            None if behind.is_empty() => behind,
            _ => return Err(wrong("no comma between labels")),
        };
    }
    check(&labels).map_err(|what| wrong(&what))?;
    Ok(labels)
}

/// Whether Loki takes these labels.
pub(super) fn check(labels: &BTreeMap<String, String>) -> Result<(), String> {
    if labels.is_empty() || labels.len() > LABELS_MAX {
        return Err(format!("{} labels", labels.len()));
    }
    for (name, value) in labels {
        let mut letters = name.chars();
        let is_first = |letter: char| letter.is_ascii_alphabetic() || letter == '_';
        let is_name = letters.next().is_some_and(is_first)
            && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        if !is_name || name.len() > NAME_BYTES_MAX || name.starts_with("__") {
            return Err(format!("the name {name:?}"));
        }
        if value.is_empty() || value.len() > VALUE_BYTES_MAX || value.contains('\u{fffd}') {
            return Err(format!("the value {value:?}"));
        }
    }
    Ok(())
}

/// A text up to its quote, without the escapes of Go, and what is behind the quote.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.chars();
    loop {
        match letters.next()? {
            '"' => return Some((value, letters.as_str())),
            '\\' => match letters.next()? {
                'n' => value.push('\n'),
                'u' => {
                    let (digits, rest) = letters.as_str().split_at_checked(4)?;
                    value.push(char::from_u32(u32::from_str_radix(digits, 16).ok()?)?);
                    letters = rest.chars();
                }
                letter @ ('"' | '\\') => value.push(letter),
                _ => return None,
            },
            letter if letter.is_control() => return None,
            letter => value.push(letter),
        }
    }
}
