//! International bank account numbers: the country's length and the check by 97.

use std::ops::Range;

use crate::text;

/// Countries of the register, each with the length of its numbers.
const COUNTRIES: &[(&[u8; 2], u8)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

/// Whether the four bytes that end at `at` can begin an account number: cheap, and refuses nearly all identifiers.
#[inline]
pub fn may_start(arena: &[u8], at: usize) -> bool {
    let Some(start) = at.checked_sub(3) else { return false };
    length(arena, start).is_some() && text::opens(arena, start)
}

fn length(bytes: &[u8], start: usize) -> Option<usize> {
    let &[first, second] = bytes.get(start..start + 2)? else { return None };
    let found = COUNTRIES.binary_search_by(|(code, _)| code.as_slice().cmp(&[first, second])).ok()?;
    COUNTRIES.get(found).map(|(_, length)| usize::from(*length))
}

/// The account number that starts at `start`, written together or in groups of four.
pub fn find(value: &[u8], start: usize) -> Option<Range<usize>> {
    let length = length(value, start)?;
    let grouped = value.get(start + 4) == Some(&b' ');
    let (mut place, mut remainder) = (start, 0u32);
    let mut first_four = [0u8; 4];
    for number in 0..length {
        if grouped && number > 0 && number % 4 == 0 {
            value.get(place).filter(|byte| **byte == b' ')?;
            place += 1;
        }
        let byte = *value.get(place).filter(|b| b.is_ascii_uppercase() || b.is_ascii_digit())?;
        match first_four.get_mut(number) {
            Some(first) => *first = byte,
            None => remainder = append(remainder, byte),
        }
        place += 1;
    }
    // The country and the check digits go to the end before the division.
    let is_valid = first_four.iter().fold(remainder, |all, byte| append(all, *byte)) == 1;
    (is_valid && text::opens(value, start) && text::closes(value, place)).then_some(start..place)
}

/// The remainder by 97 after one more character; letters count for two digits.
fn append(remainder: u32, byte: u8) -> u32 {
    match byte {
        b'0'..=b'9' => (remainder * 10 + u32::from(byte - b'0')) % 97,
        _ => (remainder * 100 + u32::from(byte - b'A') + 10) % 97,
    }
}
