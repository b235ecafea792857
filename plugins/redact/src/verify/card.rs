//! Payment card numbers: issuer range, length, grouping and Luhn's check digit.

use std::ops::Range;

use crate::text;

const DIGITS_MIN: usize = 12;
const DIGITS_MAX: usize = 19;

/// The groups that cards are printed in.
const GROUPINGS: &[&[usize]] =
    &[&[4, 4, 4, 4], &[4, 4, 4, 4, 3], &[4, 4, 4, 4, 2], &[4, 4, 4, 4, 1], &[4, 6, 5], &[4, 6, 4], &[4, 4, 4]];

/// Whether a card may start `back` bytes before `at`. It looks at the byte before alone, which may be another
/// value's last one only if a zero byte stands between.
#[inline]
pub fn may_start(arena: &[u8], at: usize, back: usize) -> bool {
    at.checked_sub(back).is_some_and(|start| text::opens(arena, start))
}

/// The card number that starts at `start`.
pub fn find(value: &[u8], start: usize) -> Option<Range<usize>> {
    if !is_free_left(value, start) {
        return None;
    }
    let run = text::run(value, start, DIGITS_MAX + 1, |b| b.is_ascii_digit());
    let length = if run >= DIGITS_MIN { run } else { grouped(value, start)? };
    let span = value.get(start..start + length)?;
    let mut digits = [0u8; DIGITS_MAX];
    let mut count = 0;
    for digit in span.iter().filter(|byte| byte.is_ascii_digit()) {
        *digits.get_mut(count)? = digit - b'0';
        count += 1;
    }
    let digits = digits.get(..count)?;
    let is_card = is_free_right(value, start + length) && is_issued(digits) && luhn(digits);
    is_card.then_some(start..start + length)
}

/// Not the fraction of a number or a negative one, not the tail of a UUID or another dashed identifier.
fn is_free_left(value: &[u8], start: usize) -> bool {
    let head = value.get(..start).unwrap_or(&[]);
    let joined = match head {
        [.., before, b'.'] => before.is_ascii_digit(),
        [.., b'_' | b'-'] => true,
        _ => false,
    };
    !joined && text::opens(value, start)
}

fn is_free_right(value: &[u8], end: usize) -> bool {
    let joined = match value.get(end..).unwrap_or(&[]) {
        [b'.', after, ..] => after.is_ascii_digit(),
        [b'-', after, ..] => after.is_ascii_alphanumeric(),
        [b'_', ..] => true,
        _ => false,
    };
    !joined && text::closes(value, end)
}

/// The length in bytes of the longest grouping that the text follows.
fn grouped(value: &[u8], start: usize) -> Option<usize> {
    let gap = *value.get(start + 4).filter(|byte| matches!(byte, b' ' | b'-'))?;
    let mut groups = [0usize; 6];
    let (mut count, mut place) = (0, start);
    loop {
        let length = text::run(value, place, 7, |b| b.is_ascii_digit());
        *groups.get_mut(count)? = length;
        if length == 0 {
            break;
        }
        count += 1;
        place += length;
        if value.get(place) != Some(&gap) || count == 5 {
            break;
        }
        place += 1;
    }
    let groups = groups.get(..count)?;
    // Text may go on with a number (`4111 1111 1111 1111 12 items`), so a longer list of groups is tried shorter.
    let fits = |grouping: &&&[usize]| groups.starts_with(grouping);
    let best = GROUPINGS.iter().filter(fits).max_by_key(|grouping| order(value, start, grouping))?;
    Some(best.iter().sum::<usize>() + best.len() - 1)
}

/// Prefers a grouping that makes a valid card, then the longest.
fn order(value: &[u8], start: usize, grouping: &[usize]) -> (bool, usize) {
    let length = grouping.iter().sum::<usize>() + grouping.len() - 1;
    let span = value.get(start..start + length).unwrap_or(&[]);
    let mut digits = [0u8; DIGITS_MAX + 1];
    let mut count = 0;
    for (place, digit) in digits.iter_mut().zip(span.iter().filter(|byte| byte.is_ascii_digit())) {
        *place = digit - b'0';
        count += 1;
    }
    let digits = digits.get(..count).unwrap_or(&[]);
    (is_issued(digits) && luhn(digits), length)
}

/// Whether the leading digits belong to a network that issues cards of this length.
fn is_issued(digits: &[u8]) -> bool {
    let lead = |count: usize| digits.iter().take(count).fold(0u32, |all, digit| all * 10 + u32::from(*digit));
    let (two, three, four) = (lead(2), lead(3), lead(4));
    match digits.len() {
        12 => matches!(four, 5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763),
        13 => matches!(two, 40..=50 | 56..=58 | 60..=69),
        14 => matches!(three, 300..=305 | 309) || matches!(two, 36 | 38 | 39 | 50 | 56..=58 | 60..=69),
        15 => matches!(two, 34 | 37 | 50 | 56..=58 | 60..=69),
        16 => matches!(two, 35 | 36 | 38..=69) || matches!(four, 2200..=2204 | 2221..=2720),
        17..=19 => matches!(two, 35 | 36 | 50 | 56..=58 | 60..=69) || (digits.len() == 19 && two / 10 == 4),
        _ => false,
    }
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, u32::from(*digit)) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => digit * 2 - 9,
            (_, digit) => digit * 2,
        })
        .sum();
    // A run of one digit passes often and is never a card.
    sum % 10 == 0 && digits.iter().any(|digit| Some(digit) != digits.first())
}
