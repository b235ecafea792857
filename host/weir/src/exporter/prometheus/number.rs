//! Numbers as text, as Prometheus writes them: bounds of buckets are labels, so that their text matters.

use std::io::Write;

/// Writes a number in the fewest digits that read back as the same, with an exponent from a million and below a ten-thousandth on.
pub(super) fn put(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        return out.extend_from_slice(b"NaN");
    }
    if value.is_infinite() {
        return out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    }
    let start = out.len();
    // Writing to memory does not fail.
    let _ = write!(out, "{value:e}");
    let mark = out[start..].iter().position(|b| *b == b'e').map_or(out.len(), |at| start + at);
    let exponent: i32 =
        std::str::from_utf8(&out[mark..]).ok().and_then(|text| text.get(1..)?.parse().ok()).unwrap_or(0);
    if !(-4..6).contains(&exponent) {
        out.truncate(mark);
        let sign = if exponent < 0 { '-' } else { '+' };
        let _ = write!(out, "e{sign}{:02}", exponent.abs());
    } else {
        out.truncate(start);
        let _ = write!(out, "{value}");
    }
}

/// The same with a point in it, as OpenMetrics writes bounds and quantiles.
pub(super) fn put_with_point(out: &mut Vec<u8>, value: f64) {
    let start = out.len();
    put(out, value);
    if value.is_finite() && !out[start..].iter().any(|b| matches!(b, b'.' | b'e')) {
        out.extend_from_slice(b".0");
    }
}

/// Seconds out of nanoseconds, exactly.
pub(super) fn put_seconds(out: &mut Vec<u8>, nanos: u64) {
    let (whole, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    let _ = write!(out, "{whole}.{rest:09}");
    while out.ends_with(b"0") && !out.ends_with(b".0") {
        out.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        for (value, expected, with_point) in [
            (0.0, "0", "0.0"),
            (1.0, "1", "1.0"),
            (-1.5, "-1.5", "-1.5"),
            (0.005, "0.005", "0.005"),
            (0.0001, "0.0001", "0.0001"),
            (0.00001, "1e-05", "1e-05"),
            (100_000.0, "100000", "100000.0"),
            (1_000_000.0, "1e+06", "1e+06"),
            (1_234_567.0, "1.234567e+06", "1.234567e+06"),
            (123_456.7, "123456.7", "123456.7"),
            (123_456_789.5, "1.234567895e+08", "1.234567895e+08"),
            (1.5e300, "1.5e+300", "1.5e+300"),
            (f64::INFINITY, "+Inf", "+Inf"),
            (f64::NEG_INFINITY, "-Inf", "-Inf"),
            (f64::NAN, "NaN", "NaN"),
        ] {
            assert_eq!(text(|out| put(out, value)), expected);
            assert_eq!(text(|out| put_with_point(out, value)), with_point);
        }
    }

    #[test]
    fn seconds_have_all_their_digits_and_no_more() {
        for (nanos, expected) in [
            (0, "0.0"),
            (1_795_000_000_000_000_000, "1795000000.0"),
            (1_795_000_000_123_000_000, "1795000000.123"),
            (1_000_000_001, "1.000000001"),
        ] {
            assert_eq!(text(|out| put_seconds(out, nanos)), expected);
        }
    }
}
