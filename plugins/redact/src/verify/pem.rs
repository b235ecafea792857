//! PEM blocks of private keys, whole or cut off.

use std::ops::Range;

use crate::text;

const DASHES: &[u8] = b"-----";
const FOOT: &[u8] = b"-----END ";
const LABEL_MAX: usize = 48;
/// The fewest body characters: fewer mention a key and do not show it.
const BODY_MIN: usize = 16;

/// The block that begins at `start` and whose label begins at `label`.
pub fn find(value: &[u8], start: usize, label: usize) -> Option<Range<usize>> {
    let length = text::run(value, label, LABEL_MAX, |byte| byte.is_ascii_uppercase() || byte == b' ');
    let name = value.get(label..label + length)?;
    // PGP blocks say `PRIVATE KEY BLOCK`.
    if !name.ends_with(b"PRIVATE KEY") && !name.ends_with(b"PRIVATE KEY BLOCK") {
        return None;
    }
    let body_start = label + length + DASHES.len();
    let body = value.get(label + length..)?.strip_prefix(DASHES)?;
    let is_foot = |at: usize| body.get(at..).is_some_and(|rest| rest.starts_with(FOOT));
    let ends = |(at, byte): (usize, &u8)| !is_body(*byte) || (*byte == b'-' && is_foot(at));
    let length = text::walked(body.iter().enumerate().position(ends).unwrap_or(body.len()));
    let foot = if is_foot(length) { foot_length(body.get(length..)?) } else { 0 };
    (length >= BODY_MIN).then_some(start..body_start + length + foot)
}

/// Base64, header lines, and line ends, also those that are escaped for JSON.
fn is_body(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=:,.()\\ \t\r\n-".contains(&byte)
}

/// `-----END ... KEY-----`, or as much of it as there is.
fn foot_length(foot: &[u8]) -> usize {
    let label =
        FOOT.len() + text::run(foot, FOOT.len(), LABEL_MAX, |byte| byte.is_ascii_uppercase() || byte == b' ');
    label + text::run(foot, label, DASHES.len(), |byte| byte == b'-')
}
