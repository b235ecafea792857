//! Readers for single fields: durations, whole numbers in a range, URL paths.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserializer, Error, Unexpected, Visitor};

/// A duration in Go's notation, such as `200ms` or `1m30s`; 0 needs no unit.
pub fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    deserializer.deserialize_any(DurationVisitor)
}

/// The same, for a key that may be left out.
pub fn optional_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}

/// A duration that is more than nothing.
pub fn positive_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let duration = duration(deserializer)?;
    if duration.is_zero() {
        return Err(D::Error::invalid_value(Unexpected::Other("zero"), &"a duration above zero"));
    }
    Ok(duration)
}

struct DurationVisitor;

impl Visitor<'_> for DurationVisitor {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration with its unit, such as 200ms, 1m30s or 1h")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        parse_duration(text).ok_or_else(|| E::invalid_value(Unexpected::Other("text"), &self))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Duration, E> {
        if value == 0 { Ok(Duration::ZERO) } else { Err(E::invalid_type(Unexpected::Signed(value), &self)) }
    }
}

/// Reads a duration in Go's notation. `None` if it is none, is negative or does not fit.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.strip_prefix('+').unwrap_or(text);
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() || text.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(number_end);
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        total = total.checked_add(part(number, unit_nanos(unit)?)?)?;
        rest = tail;
    }
    Some(total)
}

fn unit_nanos(unit: &str) -> Option<u64> {
    match unit {
        "ns" => Some(1),
        "us" | "\u{b5}s" | "\u{3bc}s" => Some(1_000),
        "ms" => Some(1_000_000),
        "s" => Some(1_000_000_000),
        "m" => Some(60_000_000_000),
        "h" => Some(3_600_000_000_000),
        _ => None,
    }
}

/// `number` units; digits behind a point count as far as nanoseconds go.
fn part(number: &str, unit: u64) -> Option<Duration> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut nanos = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()?.checked_mul(unit)? };
    let mut digit_worth = unit;
    for digit in fraction.chars() {
        digit_worth /= 10;
        nanos = nanos.checked_add(u64::from(digit.to_digit(10)?) * digit_worth)?;
    }
    Some(Duration::from_nanos(nanos))
}

/// A whole number from `MIN` to `MAX`.
pub fn bounded<'de, const MIN: u64, const MAX: u64, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    let visitor = BoundedVisitor { min: MIN, max: MAX };
    let value = deserializer.deserialize_any(visitor)?;
    T::try_from(value).map_err(|_| D::Error::invalid_value(Unexpected::Unsigned(value), &visitor))
}

#[derive(Clone, Copy)]
struct BoundedVisitor {
    min: u64,
    max: u64,
}

impl Visitor<'_> for BoundedVisitor {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from {} to {}", self.min, self.max)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<u64, E> {
        match u64::try_from(value) {
            Ok(value) => self.visit_u64(value),
            Err(_) => Err(E::invalid_value(Unexpected::Signed(value), &self)),
        }
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<u64, E> {
        if (self.min..=self.max).contains(&value) {
            Ok(value)
        } else {
            Err(E::invalid_value(Unexpected::Unsigned(value), &self))
        }
    }
}

/// A number of bytes from `MIN` to `MAX`: a whole number, or a text with a unit, such as `64MiB`.
pub fn byte_size<'de, const MIN: u64, const MAX: u64, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<u64, D::Error> {
    struct ByteSizeVisitor(BoundedVisitor);
    impl Visitor<'_> for ByteSizeVisitor {
        type Value = u64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let BoundedVisitor { min, max } = self.0;
            write!(f, "a number of bytes from {min} to {max}, or with a unit, such as 64MiB")
        }

        fn visit_i64<E: Error>(self, value: i64) -> Result<u64, E> {
            self.0.visit_i64(value)
        }

        fn visit_u64<E: Error>(self, value: u64) -> Result<u64, E> {
            self.0.visit_u64(value)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
            let bytes = parse_bytes(text).filter(|bytes| (self.0.min..=self.0.max).contains(bytes));
            bytes.ok_or_else(|| E::invalid_value(Unexpected::Other("text"), &self))
        }
    }
    deserializer.deserialize_any(ByteSizeVisitor(BoundedVisitor { min: MIN, max: MAX }))
}

/// The Collector's units, in any case: those of a thousand, and with an `i` those of 1,024.
fn parse_bytes(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "ki" | "kib" => 1 << 10,
        "m" | "mb" => 1_000_000,
        "mi" | "mib" => 1 << 20,
        "g" | "gb" => 1_000_000_000,
        "gi" | "gib" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

/// A URL path, which begins with a slash.
pub fn url_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    struct PathVisitor;
    impl Visitor<'_> for PathVisitor {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a URL path that begins with a slash")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
            let is_plain = text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'?' | b'#'));
            if text.starts_with('/') && is_plain {
                Ok(text.to_owned())
            } else {
                Err(E::invalid_value(Unexpected::Other("text"), &self))
            }
        }
    }
    deserializer.deserialize_string(PathVisitor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_writes_them() {
        for (text, nanos) in [
            ("0", 0),
            ("0s", 0),
            ("200ms", 200_000_000),
            ("1m30s", 90_000_000_000),
            ("1h", 3_600_000_000_000),
            ("1.5h", 5_400_000_000_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("5us", 5_000),
            ("5\u{b5}s", 5_000),
            ("7ns", 7),
            ("+1s", 1_000_000_000),
            ("0.0000000001s", 0),
        ] {
            assert_eq!(parse_duration(text), Some(Duration::from_nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn bytes_have_units_of_a_thousand_or_of_1024() {
        for (text, bytes) in
            [("7", 7), ("1kb", 1000), ("2KiB", 2048), ("64 MiB", 64 << 20), ("1g", 1_000_000_000)]
        {
            assert_eq!(parse_bytes(text), Some(bytes), "{text}");
        }
        for text in ["", "MiB", "1.5MiB", "-1", "1 x", "99999999999999999999", "18446744073709551615k"] {
            assert_eq!(parse_bytes(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "5", "s", "1x", "-1s", "1 s", "1s1", ".s", "1..5s", "99999999999h", "+", "1d"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
