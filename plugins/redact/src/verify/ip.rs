//! IPv4 and IPv6 addresses. Each search also answers up to where the text was looked at, which bounds the time.

use std::{net::Ipv6Addr, ops::Range};

use crate::text;

/// The longest text of an IPv6 address, with an IPv4 tail.
const V6_MAX: usize = 45;

/// The address whose last number has its first digit at `at`.
pub fn find_v4(value: &[u8], at: usize) -> (usize, Option<Range<usize>>) {
    let is_part = |byte: u8| byte.is_ascii_digit() || byte == b'.';
    let end = at + text::run(value, at, 16, is_part);
    let start = at - text::run_back(value, at, 16, is_part);
    // A full stop may follow, a further number may not.
    let trimmed = end - text::run_back(value, end, 1, |byte| byte == b'.');
    let is_address = value.get(start..trimmed).is_some_and(is_v4)
        && !is_version(value, start)
        && text::opens(value, start)
        && text::closes(value, trimmed);
    (end, is_address.then_some(start..trimmed))
}

fn is_v4(text: &[u8]) -> bool {
    let mut numbers = 0;
    text.split(|byte| *byte == b'.').all(|number| {
        numbers += 1;
        let value =
            number.iter().fold(0u32, |all, byte| (all * 10 + u32::from(byte.wrapping_sub(b'0'))).min(999));
        !number.is_empty() && number.len() <= 3 && value <= 255 && (number.len() == 1 || number[0] != b'0')
    }) && numbers == 4
}

/// `Chrome/1.2.3.4`, `lib-1.2.3.4`, `name_1.2.3.4`; but not a range `10.0.0.1-10.0.0.9`.
fn is_version(value: &[u8], start: usize) -> bool {
    match value.get(..start).unwrap_or(&[]) {
        [.., before, b'/' | b'-'] => before.is_ascii_alphabetic(),
        [.., b'_' | b'.'] => true,
        _ => false,
    }
}

/// The address with a colon at `at`.
pub fn find_v6(value: &[u8], at: usize) -> (usize, Option<Range<usize>>) {
    let is_part = |byte: u8| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.';
    let end = at + text::run(value, at, V6_MAX + 1, is_part);
    let start = at - text::run_back(value, at, V6_MAX + 1, is_part);
    let trimmed = end - text::run_back(value, end, 1, |byte| byte == b'.');
    let text = value.get(start..trimmed).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or("");
    // Without a digit it is a path of a programming language (`a::b`) more often than an address.
    let is_address = text.len() <= V6_MAX
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text.parse::<Ipv6Addr>().is_ok()
        && text::opens(value, start)
        && text::closes(value, trimmed);
    (end, is_address.then_some(start..trimmed))
}
