//! JSON web tokens: base64 segments, the first of which must be a JSON object.

use std::ops::Range;

use super::runs::Runs;
use crate::{base64, scan::literal::Body};

const HEADER_MAX: usize = 4096;
const SEGMENTS_MAX: usize = 5;
const PAYLOAD_MIN: usize = 4;
/// How often one run of characters is tried from different starts: more are hostile and cost time.
const TRIES_MAX: u8 = 4;

/// The first segment in which a header was looked for last, and how often.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tries {
    segment_end: usize,
    count: u8,
}

/// The token that starts at `start`.
pub fn find(value: &[u8], start: usize, tries: &mut Tries, runs: &mut Runs) -> Option<Range<usize>> {
    let header_end = runs.end(value, Body::Dashed, start);
    if tries.segment_end != header_end {
        *tries = Tries { segment_end: header_end, count: 0 };
    }
    if value.get(header_end) != Some(&b'.') || tries.count >= TRIES_MAX {
        return None;
    }
    tries.count += 1;
    let header = value.get(start..header_end)?;
    if header.len() > HEADER_MAX || !is_object(header) {
        return None;
    }
    let payload_end = runs.end(value, Body::Dashed, header_end + 1);
    let is_whole = value.get(payload_end) == Some(&b'.');
    if payload_end - header_end <= PAYLOAD_MIN || !(is_whole || payload_end == value.len()) {
        return None;
    }
    let mut end = payload_end;
    for segment in 2..SEGMENTS_MAX {
        let next = if value.get(end) == Some(&b'.') { runs.end(value, Body::Dashed, end + 1) } else { end };
        // A dot after the signature may end a sentence; only an unsigned token ends in one.
        if next <= end || (next == end + 1 && segment > 2) {
            break;
        }
        end = next;
    }
    Some(start..end)
}

fn is_object(header: &[u8]) -> bool {
    let Some(decoded) = base64::decode(header) else { return false };
    let text = decoded.trim_ascii();
    text.starts_with(b"{") && text.ends_with(b"}") && text.contains(&b'"')
}
