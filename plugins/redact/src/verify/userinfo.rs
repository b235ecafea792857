//! `user:password@` in URLs and in data source names.

use std::ops::Range;

use crate::text;

/// The text before the last `@`: one walk back for each stretch of it, however many `@` follow.
#[derive(Clone, Copy, Debug, Default)]
pub struct Authority {
    walked_to: usize,
    start: usize,
    follows_slashes: bool,
    /// The first colon in it so far.
    colon: Option<usize>,
}

/// The user info with a password that ends at the `@`. Of several in one authority the last has the longest span.
pub fn find(value: &[u8], at: usize, authority: &mut Authority) -> Option<Range<usize>> {
    let start = at - text::run_back(value, at, at.saturating_sub(authority.walked_to), is_authority);
    if start > authority.walked_to || authority.walked_to == 0 {
        *authority =
            Authority { start, follows_slashes: follows_slashes(value, start), ..Authority::default() };
    }
    if authority.colon.is_none() {
        authority.colon = memchr::memchr(b':', value.get(start..at)?).map(|place| start + place);
    }
    authority.walked_to = at;
    let colon = authority.colon.filter(|colon| colon + 1 < at)?;
    if authority.follows_slashes {
        return Some(authority.start..at);
    }
    if !is_data_source(value, at) {
        return None;
    }
    // `dsn=user:password@tcp(...)`: the name before is not part of it.
    let name = memchr::memrchr(b'=', value.get(authority.start..colon)?).map_or(0, |equals| equals + 1);
    Some(authority.start + name..at)
}

/// Whether the password is what this plugin puts there.
pub fn is_redacted(value: &[u8], span: &Range<usize>) -> bool {
    value.get(span.clone()).is_some_and(|info| info.ends_with(b":REDACTED"))
}

#[inline]
fn is_authority(byte: u8) -> bool {
    IN_AUTHORITY[usize::from(byte)]
}

/// What may stand in the user info of a URL, generously: passwords are seldom encoded as they should be.
const IN_AUTHORITY: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0x21;
    while byte < 256 {
        table[byte] = !matches!(
            byte as u8,
            b'/' | b'?' | b'#' | b'"' | b'\'' | b'`' | b'<' | b'>' | b'\\' | b'(' | b')' | b'{' | b'}' | 0x7f
        );
        byte += 1;
    }
    table
};

/// `//`, also as JSON may write it.
fn follows_slashes(value: &[u8], start: usize) -> bool {
    let head = value.get(..start).unwrap_or(&[]);
    head.ends_with(b"//") || head.ends_with(b"\\/\\/")
}

/// `user:password@tcp(host)/db`, which has no scheme.
fn is_data_source(value: &[u8], at: usize) -> bool {
    let rest = value.get(at + 1..).unwrap_or(&[]);
    let kinds: [&[u8]; 3] = [b"tcp(", b"unix(", b"udp("];
    kinds.iter().any(|kind| rest.starts_with(kind))
}
