//! E-mail addresses, given by their `@`, plain or percent-encoded.

use std::ops::Range;

use crate::text;

const LOCAL_MAX: usize = 64;
const LABEL_MAX: usize = 63;
const DOMAIN_MAX: usize = 253;

/// Last labels that are never a top-level domain: unit names (`user@1000.service`) and files (`icon@2x.png`).
const NOT_DOMAINS: &[&str] = &[
    "service", "socket", "timer", "target", "mount", "slice", "scope", "device", "png", "jpg", "jpeg", "gif",
    "svg", "webp", "js", "css", "json", "yaml", "yml", "toml",
];

/// The address around the `@`, which is `width` bytes wide.
pub fn find(value: &[u8], at: usize, width: usize) -> Option<Range<usize>> {
    // Most `@` fail here, before anything is walked.
    let touches =
        |place: Option<usize>| place.and_then(|place| value.get(place)).is_some_and(|byte| is_local(*byte));
    if !touches(at.checked_sub(1)) || !touches(Some(at + width)) {
        return None;
    }
    let start = local_start(value, at);
    if start >= at {
        return None;
    }
    let end = domain_end(value, at + width)?;
    let local = value.get(start..at)?;
    // The account of every Git server is nobody's address, and it is everywhere in build telemetry.
    if local.eq_ignore_ascii_case(b"git") { None } else { Some(start..end) }
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'+' | b'-' | b'%')
}

fn local_start(value: &[u8], at: usize) -> usize {
    let mut start = at - text::run_back(value, at, LOCAL_MAX, is_local);
    start += text::escape_rest(value, start);
    // An escape of a character that no local part has ends what stands before it.
    let mut place = start;
    while place < at {
        if value.get(place) != Some(&b'%') {
            place += 1;
            continue;
        }
        match text::percent(value, place) {
            Some(byte) if is_local(byte) && byte != b'%' => place += 3,
            Some(_) => {
                place += 3;
                start = place;
            }
            None => {
                place += 1;
                start = place;
            }
        }
    }
    start + text::run(value, start, at.saturating_sub(start), |byte| matches!(byte, b'.' | b'-'))
}

/// The end of the longest domain name from `start` on whose last label may be a top-level domain.
fn domain_end(value: &[u8], start: usize) -> Option<usize> {
    let (mut best, mut place, mut labels) = (None, start, 0);
    let mut first_is_number = false;
    loop {
        let length = text::run(value, place, LABEL_MAX + 1, |b| b.is_ascii_alphanumeric() || b == b'-');
        let label = value.get(place..place + length)?;
        if length == 0
            || length > LABEL_MAX
            || label.first() == Some(&b'-')
            || place + length - start > DOMAIN_MAX
        {
            return best;
        }
        // A hyphen at the end belongs to the text around, and the domain is over.
        let trimmed = length - label.iter().rev().take_while(|byte| **byte == b'-').count();
        let label = label.get(..trimmed)?;
        labels += 1;
        let starts_with_digit = label.first().is_some_and(u8::is_ascii_digit);
        match labels {
            1 if is_scale(label) => return None,
            1 => first_is_number = label.iter().all(u8::is_ascii_digit),
            // `name@4.17.21` and its like are versions.
            2 if first_is_number && starts_with_digit => return None,
            _ => {}
        }
        if labels > 1 && is_top_level(label) {
            best = Some(place + trimmed);
        }
        place += length;
        if trimmed < length || value.get(place) != Some(&b'.') {
            return best;
        }
        place += 1;
    }
}

/// `2x` in `icon@2x.png`.
fn is_scale(label: &[u8]) -> bool {
    matches!(label, [digit, b'x'] if digit.is_ascii_digit())
}

fn is_top_level(label: &[u8]) -> bool {
    let is_word = label.len() >= 2 && label.iter().all(u8::is_ascii_alphabetic);
    let is_encoded = label.len() > 4 && label.get(..4).is_some_and(|head| head.eq_ignore_ascii_case(b"xn--"));
    (is_word && !NOT_DOMAINS.iter().any(|not| label.eq_ignore_ascii_case(not.as_bytes()))) || is_encoded
}
