//! Payment card numbers: issuer range, length, grouping and Luhn's check digit.

use std::ops::Range;

use crate::text;

const DIGITS_MIN: usize = 12;
const DIGITS_MAX: usize = 19;

const GROUPS_MAX: usize = 5;

/// The groups that cards are printed in, the longest first.
const GROUPINGS: &[&[usize]] = &[
    &[4, 4, 4, 4, 3],
    &[4, 4, 4, 4, 2],
    &[4, 4, 4, 4, 1],
    &[4, 4, 4, 4],
    &[4, 6, 5],
    &[4, 6, 4],
    &[4, 4, 4],
];

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
    let groups = Groups::read(value, start);
    let ends_well = |length: &usize| is_free_right(value, start + length);
    groups.card().filter(ends_well).map(|length| start..start + length)
}

/// Digits in groups with one separator between, or in a single run.
struct Groups {
    lengths: [usize; GROUPS_MAX],
    count: usize,
    digits: [u8; DIGITS_MAX],
}

impl Groups {
    fn read(value: &[u8], start: usize) -> Groups {
        let mut groups = Groups { lengths: [0; GROUPS_MAX], count: 0, digits: [0; DIGITS_MAX] };
        let (mut place, mut total, mut gap) = (start, 0, None);
        for group in &mut groups.lengths {
            let left = DIGITS_MAX + 1 - total;
            let length = text::run(value, place, left, |b| b.is_ascii_digit());
            let digits = value.get(place..place + length).unwrap_or(&[]);
            for (to, digit) in groups.digits.iter_mut().skip(total).zip(digits) {
                *to = digit - b'0';
            }
            (*group, total, place) = (length, total + length, place + length);
            groups.count += 1;
            let next = value.get(place).filter(|byte| matches!(byte, b' ' | b'-'));
            if length == 0 || total > DIGITS_MAX || next.is_none() || gap.is_some_and(|gap| Some(gap) != next)
            {
                break;
            }
            gap = next;
            place += 1;
        }
        groups
    }

    /// The length in bytes of the longest card that begins here. Text may go on with a number
    /// (`4111 1111 1111 1111 12 items`), so a longer list of groups is tried shorter.
    fn card(&self) -> Option<usize> {
        let lengths = self.lengths.get(..self.count)?;
        if let Some(run @ DIGITS_MIN..) = lengths.first() {
            return self.is_card(*run).then_some(*run);
        }
        let fitting = GROUPINGS.iter().filter(|grouping| lengths.starts_with(grouping));
        let digits = |grouping: &&[usize]| grouping.iter().sum::<usize>();
        let found = fitting.copied().find(|grouping| self.is_card(digits(grouping)))?;
        Some(digits(&found) + found.len() - 1)
    }

    fn is_card(&self, count: usize) -> bool {
        self.digits.get(..count).is_some_and(|digits| is_issued(digits) && luhn(digits))
    }
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
    sum.is_multiple_of(10) && digits.iter().any(|digit| Some(digit) != digits.first())
}
