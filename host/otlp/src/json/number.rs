//! Numbers of JSON text, exactly: as the text stands, never by way of a float that would round them.

use std::borrow::Cow;

use super::error::Fault;
use super::schema::Kind;

/// More digits than any 64-bit number has.
const DIGITS_MAX: usize = 20;

/// What a number of this kind is on the wire, as 64 bits: of JSON's number or string, as it stands in the text.
pub(super) fn parse(kind: Kind, raw: &str) -> Result<u64, Fault> {
    let Some(quoted) = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        let is_number = raw.starts_with(|c: char| c == '-' || c.is_ascii_digit());
        return if is_number { number(kind, raw) } else { Err(Fault::Expected(expected(kind))) };
    };
    let text = if quoted.contains('\\') {
        Cow::Owned(serde_json::from_str::<String>(raw).map_err(|_| Fault::NotNumber)?)
    } else {
        Cow::Borrowed(quoted)
    };
    match (kind, &*text) {
        (Kind::Enum(names), name) => match names.iter().position(|known| *known == name) {
            Some(number) => Ok(number as u64),
            None => number(kind, name).map_err(|fault| match fault {
                Fault::NotNumber => Fault::EnumName,
                other => other,
            }),
        },
        (Kind::Double, "NaN") => Ok(f64::NAN.to_bits()),
        (Kind::Double, "Infinity") => Ok(f64::INFINITY.to_bits()),
        (Kind::Double, "-Infinity") => Ok(f64::NEG_INFINITY.to_bits()),
        (_, text) => number(kind, text),
    }
}

/// What is expected where a number of this kind stands.
fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Enum(_) => "a number or a name of this enum",
        _ => "a number, or a string that holds one",
    }
}

fn number(kind: Kind, text: &str) -> Result<u64, Fault> {
    let decimal = Decimal::parse(text).ok_or(Fault::NotNumber)?;
    match kind {
        Kind::Double => {
            let double: f64 = text.parse().map_err(|_| Fault::NotNumber)?;
            if double.is_finite() { Ok(double.to_bits()) } else { Err(Fault::Range("double")) }
        }
        Kind::Int32 => signed(decimal, i32::MIN.into(), i32::MAX.into(), "int32"),
        Kind::Enum(_) => signed(decimal, i32::MIN.into(), i32::MAX.into(), "an enum"),
        Kind::Zigzag32 => {
            let value = signed(decimal, i32::MIN.into(), i32::MAX.into(), "sint32")? as i32;
            Ok(u64::from((value << 1 ^ value >> 31) as u32))
        }
        Kind::Int64 | Kind::Sfixed64 => signed(decimal, i64::MIN, i64::MAX, "int64"),
        Kind::Uint32 | Kind::Fixed32 => unsigned(decimal, u32::MAX.into(), "uint32"),
        _ => unsigned(decimal, u64::MAX, "uint64"),
    }
}

fn unsigned(decimal: Decimal, max: u64, name: &'static str) -> Result<u64, Fault> {
    let magnitude = decimal.magnitude(name)?;
    let is_in_range = magnitude <= max && (magnitude == 0 || !decimal.is_negative);
    if is_in_range { Ok(magnitude) } else { Err(Fault::Range(name)) }
}

/// The 64 bits of the value: a negative number of 32 bits has its sign in all of them, as on the wire.
fn signed(decimal: Decimal, min: i64, max: i64, name: &'static str) -> Result<u64, Fault> {
    let magnitude = i128::from(decimal.magnitude(name)?);
    let value = if decimal.is_negative { -magnitude } else { magnitude };
    match i64::try_from(value) {
        Ok(value) if (min..=max).contains(&value) => Ok(value as u64),
        _ => Err(Fault::Range(name)),
    }
}

/// A number as JSON writes it, taken apart: `-12.50e3`.
#[derive(Clone, Copy)]
struct Decimal<'t> {
    is_negative: bool,
    whole: &'t str,
    fraction: &'t str,
    /// Cut to what an `i64` holds: beyond it every number but zero is out of range, or a fraction.
    exponent: i64,
}

impl<'t> Decimal<'t> {
    /// By the grammar of JSON, for strings that hold numbers, too. None if it is anything else.
    fn parse(text: &'t str) -> Option<Decimal<'t>> {
        let (is_negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, rest) = digits(rest)?;
        if whole.len() > 1 && whole.starts_with('0') {
            return None;
        }
        let (fraction, rest) = match rest.strip_prefix('.') {
            Some(rest) => digits(rest)?,
            None => ("", rest),
        };
        let exponent = match rest.strip_prefix(['e', 'E']) {
            Some(rest) => exponent(rest)?,
            None if rest.is_empty() => 0,
            None => return None,
        };
        Some(Decimal { is_negative, whole, fraction, exponent })
    }

    /// The number without its sign, if it is an integer and below 2^64.
    fn magnitude(self, name: &'static str) -> Result<u64, Fault> {
        let digits = || self.whole.bytes().chain(self.fraction.bytes());
        let leading = digits().take_while(|digit| *digit == b'0').count();
        let all = self.whole.len() + self.fraction.len();
        if leading == all {
            return Ok(0);
        }
        let trailing = digits().rev().take_while(|digit| *digit == b'0').count();
        let count = all - leading - trailing;
        // What the significant digits are multiplied by, as a power of ten. Lengths are far below 2^62.
        let power = self.exponent.saturating_add(trailing as i64).saturating_sub(self.fraction.len() as i64);
        let power = match usize::try_from(power) {
            Ok(power) => power,
            Err(_) if power < 0 => return Err(Fault::Fraction),
            Err(_) => return Err(Fault::Range(name)),
        };
        if count.saturating_add(power) > DIGITS_MAX {
            return Err(Fault::Range(name));
        }
        let zeros = std::iter::repeat_n(b'0', power);
        digits().skip(leading).take(count).chain(zeros).try_fold(0u64, |value, digit| {
            let shifted = value.checked_mul(10).and_then(|value| value.checked_add(u64::from(digit - b'0')));
            shifted.ok_or(Fault::Range(name))
        })
    }
}

/// Splits at least one digit from the front.
fn digits(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    if end == 0 { None } else { Some(text.split_at(end)) }
}

fn exponent(text: &str) -> Option<i64> {
    let (is_negative, text) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (digits, rest) = digits(text)?;
    let magnitude = digits
        .bytes()
        .fold(0i64, |value, digit| value.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    rest.is_empty().then_some(if is_negative { -magnitude } else { magnitude })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(raw: &str) -> Result<i64, Fault> {
        parse(Kind::Int64, raw).map(|bits| bits as i64)
    }

    #[test]
    fn integers_are_exact_in_every_notation() {
        let cases = [
            ("0", 0),
            ("-0", 0),
            ("0.000", 0),
            ("0e999999999999999999999", 0),
            ("1.0", 1),
            ("12.50e1", 125),
            ("1200e-2", 12),
            ("\"1200e-2\"", 12),
            ("9007199254740993", 9_007_199_254_740_993),
            ("9007199254740993.0", 9_007_199_254_740_993),
            ("9223372036854775807", i64::MAX),
            ("\"-9223372036854775808\"", i64::MIN),
            ("-9.223372036854775808E+18", i64::MIN),
            ("\"\\u0031\\u0032\"", 12),
        ];
        for (raw, value) in cases {
            assert_eq!(int(raw), Ok(value), "{raw}");
        }
        let long = format!("1{}e-{}", "0".repeat(5000), 4998);
        assert_eq!(int(&long), Ok(100));
        assert_eq!(int(&format!("0.{}1e5001", "0".repeat(4999))), Ok(10));
    }

    #[test]
    fn what_does_not_fit_is_an_error_and_never_another_number() {
        for raw in ["9223372036854775808", "-9223372036854775809", "1e19", "1e99999999999999999999"] {
            assert_eq!(int(raw), Err(Fault::Range("int64")), "{raw}");
        }
        for raw in ["1.5", "1e-1", "\"0.1\"", "1e-99999999999999999999"] {
            assert_eq!(int(raw), Err(Fault::Fraction), "{raw}");
        }
        for raw in
            ["\"\"", "\" 1\"", "\"1 \"", "\"+1\"", "\"01\"", "\"0x1\"", "\"1.\"", "\".5\"", "\"1e\"", "\"-\""]
        {
            assert_eq!(int(raw), Err(Fault::NotNumber), "{raw}");
        }
        assert!(matches!(int("true"), Err(Fault::Expected(_))));
        assert!(matches!(int("{}"), Err(Fault::Expected(_))));
        assert_eq!(parse(Kind::Uint64, "18446744073709551615"), Ok(u64::MAX));
        assert_eq!(parse(Kind::Uint64, "18446744073709551616"), Err(Fault::Range("uint64")));
        assert_eq!(parse(Kind::Uint32, "-1"), Err(Fault::Range("uint32")));
        assert_eq!(parse(Kind::Uint32, "4294967296"), Err(Fault::Range("uint32")));
        assert_eq!(parse(Kind::Int32, "-2147483649"), Err(Fault::Range("int32")));
    }

    #[test]
    fn doubles_are_the_nearest_and_infinities_have_names() {
        let double = |raw: &str| parse(Kind::Double, raw).map(f64::from_bits);
        assert_eq!(double("2.2250738585072014e-308"), Ok(f64::MIN_POSITIVE));
        assert_eq!(double("9007199254740993"), Ok(9_007_199_254_740_992.0));
        assert_eq!(double("\"1e3\""), Ok(1000.0));
        assert_eq!(double("-0.0").map(f64::to_bits), Ok((-0.0f64).to_bits()));
        assert!(double("\"NaN\"").unwrap().is_nan());
        assert_eq!(double("\"Infinity\""), Ok(f64::INFINITY));
        assert_eq!(double("\"-Infinity\""), Ok(f64::NEG_INFINITY));
        assert_eq!(double("1e309"), Err(Fault::Range("double")));
        for raw in ["\"inf\"", "\"nan\"", "\"infinity\"", "\"1e3 \"", "\"\""] {
            assert_eq!(double(raw), Err(Fault::NotNumber), "{raw}");
        }
    }

    #[test]
    fn signs_of_32_bits_go_on_the_wire_as_protobuf_has_them() {
        assert_eq!(parse(Kind::Int32, "-1"), Ok(u64::MAX));
        assert_eq!(parse(Kind::Zigzag32, "-1"), Ok(1));
        assert_eq!(parse(Kind::Zigzag32, "2147483647"), Ok(0xffff_fffe));
        assert_eq!(parse(Kind::Zigzag32, "-2147483648"), Ok(0xffff_ffff));
    }

    #[test]
    fn an_enum_has_names_and_numbers_also_unknown_ones() {
        let kind = Kind::Enum(super::super::enums::TEMPORALITY);
        assert_eq!(parse(kind, "\"AGGREGATION_TEMPORALITY_CUMULATIVE\""), Ok(2));
        assert_eq!(parse(kind, "99"), Ok(99));
        assert_eq!(parse(kind, "\"2\""), Ok(2));
        assert_eq!(parse(kind, "\"CUMULATIVE\""), Err(Fault::EnumName));
        assert!(matches!(parse(kind, "[]"), Err(Fault::Expected(_))));
    }
}
