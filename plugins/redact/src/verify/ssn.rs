//! US social security numbers: three groups, with the numbers that are never issued left out.

use std::ops::Range;

use crate::text;

const LENGTH: usize = 11;

/// The number that starts at `start`, grouped by hyphens or by spaces.
pub fn find(value: &[u8], start: usize) -> Option<Range<usize>> {
    let span = value.get(start..start + LENGTH)?;
    let gap = *span.get(3)?;
    if !matches!(gap, b' ' | b'-') || span.get(6) != Some(&gap) || !is_free(value, start, gap) {
        return None;
    }
    let area = number(span.get(..3)?)?;
    let group = number(span.get(4..6)?)?;
    let serial = number(span.get(7..)?)?;
    let is_issued = area != 0 && area != 666 && area < 900 && group != 0 && serial != 0;
    is_issued.then_some(start..start + LENGTH)
}

fn number(digits: &[u8]) -> Option<u32> {
    digits
        .iter()
        .try_fold(0, |all, byte| Some(all * 10 + u32::from(byte.checked_sub(b'0').filter(|d| *d < 10)?)))
}

/// Not part of a longer list of numbers, of a date, or of an identifier.
fn is_free(value: &[u8], start: usize, gap: u8) -> bool {
    let joins = |byte: u8| byte == gap || matches!(byte, b'-' | b'.' | b'_');
    let left = match value.get(..start).unwrap_or(&[]) {
        [.., before, by] => joins(*by) && before.is_ascii_digit(),
        _ => false,
    };
    let right = match value.get(start + LENGTH..).unwrap_or(&[]) {
        [by, after, ..] => joins(*by) && after.is_ascii_digit(),
        _ => false,
    };
    !left && !right && text::opens(value, start) && text::closes(value, start + LENGTH)
}
