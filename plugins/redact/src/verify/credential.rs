//! The credentials of the HTTP schemes `Bearer` and `Basic`.

use std::ops::Range;

use super::runs::Runs;
use crate::{base64, scan::literal::Body, text};

const LENGTH_MIN: usize = 8;
/// From this length on nothing that follows `Bearer` is a word of prose.
const LENGTH_SURE: usize = 24;
/// How much of a `Basic` credential is decoded to see whether it is one.
const DECODED_MAX: usize = 1024;

/// The token after `Bearer `, which ends before `start`.
pub fn find_bearer(value: &[u8], start: usize, runs: &mut Runs) -> Option<Range<usize>> {
    let start = start + text::run(value, start, 8, |byte| byte == b' ');
    let end = runs.end(value, Body::Token68, start);
    let token = value.get(start..end)?;
    let is_secret = token.len() >= LENGTH_SURE || token.iter().any(u8::is_ascii_digit);
    (token.len() >= LENGTH_MIN && is_secret).then_some(start..end)
}

/// The credential after `Basic `: it decodes to `user:password`.
pub fn find_basic(value: &[u8], start: usize, runs: &mut Runs) -> Option<Range<usize>> {
    let start = start + text::run(value, start, 8, |byte| byte == b' ');
    let end = runs.end(value, Body::Token68, start);
    let token = value.get(start..end).filter(|token| token.len() >= LENGTH_MIN)?;
    let head = token.get(..token.len().min(DECODED_MAX))?;
    // Whole groups of four decode even where the value is cut.
    let whole = head.get(..head.len() / 4 * 4)?;
    let decoded = base64::decode(head).or_else(|| base64::decode(whole))?;
    decoded.contains(&b':').then_some(start..end)
}
