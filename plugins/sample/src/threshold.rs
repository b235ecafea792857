//! Consistent probability sampling in 56-bit integers: how likely, above which threshold, and how random.
//!
//! An item is kept if its randomness is not below the threshold. Everybody who samples a trace with the same
//! threshold therefore keeps the same traces, and a higher threshold keeps a part of what a lower one keeps.

use std::fmt;

/// How many values randomness has: 2^56. A probability of 1 is this many of them.
const ALL: u64 = 1 << 56;
/// The hexadecimal digits of a randomness value, and the most that a threshold has.
pub const DIGITS: usize = 14;

/// A sampling probability above 0, counted in 2^-56: exact where a floating-point number would not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Probability(u64);

impl Probability {
    /// The probability of 1.
    pub const ONE: Probability = Probability(ALL);

    /// None for what is not above 0 and at most 100, and for what is below the smallest probability of 2^-56.
    pub fn from_percentage(percentage: f64) -> Option<Probability> {
        let share = (percentage / 100.0 * ALL as f64).round();
        (share >= 1.0 && share <= ALL as f64).then_some(Probability(share as u64))
    }

    /// So many of 2^56. None if that is none of them, or more than all.
    pub fn of_units(units: u64) -> Option<Probability> {
        (1..=ALL).contains(&units).then_some(Probability(units))
    }

    /// This share of that share. None if the product is below the smallest probability.
    pub fn of(self, other: Probability) -> Option<Probability> {
        let share = (u128::from(self.0) * u128::from(other.0)) >> 56;
        u64::try_from(share).ok().filter(|share| *share > 0).map(Probability)
    }
}

/// A rejection threshold: what is random below it is dropped. Written as `th` in the trace state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Threshold(u64);

impl Threshold {
    /// Rejects nothing.
    pub const KEEP_ALL: Threshold = Threshold(0);

    /// The threshold of a probability, rounded to so many significant hexadecimal digits.
    ///
    /// Digits that say only that a probability is near 0 (leading `f`) or near 1 (leading `0`) do not count, as in
    /// the Collector: 1 in a million is not rounded to nothing.
    pub fn of(probability: Probability, precision: u8) -> Threshold {
        let exact = ALL - probability.0;
        if exact == 0 {
            return Threshold::KEEP_ALL;
        }
        let idle_digits = |units: u64| (56_u32.saturating_sub(64 - units.leading_zeros()) / 4) as usize;
        let digits = usize::from(precision) + idle_digits(probability.0).max(idle_digits(exact));
        let Some(shift) =
            DIGITS.checked_sub(digits).filter(|dropped| *dropped > 0).map(|dropped| dropped * 4)
        else {
            return Threshold(exact);
        };
        let rounded = (exact + (1 << (shift - 1))) >> shift << shift;
        Threshold(rounded.min(ALL - 1))
    }

    /// Reads a `th`: 1 to 14 lower-case hexadecimal digits, zeros at the end left out.
    pub fn parse(text: &str) -> Option<Threshold> {
        let digits = hex(text)?;
        Some(Threshold(digits << (4 * (DIGITS - text.len()))))
    }

    /// The probability with which an item passes.
    pub fn probability(self) -> Probability {
        Probability(ALL - self.0)
    }

    /// Whether an item of this randomness passes.
    pub fn keeps(self, randomness: Randomness) -> bool {
        randomness.0 >= self.0
    }
}

/// As `th` is written: zeros in front kept, for they count, and zeros at the end left out.
impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0");
        }
        let zeros = self.0.trailing_zeros() as usize / 4;
        write!(f, "{:0width$x}", self.0 >> (4 * zeros), width = DIGITS - zeros)
    }
}

/// The text of the threshold that was asked for last: it is the same for nearly every item.
#[derive(Debug, Default)]
pub struct LastText {
    threshold: Option<Threshold>,
    text: String,
}

impl LastText {
    /// The threshold as it is written, after `prefix`, which must be the same in every call.
    pub fn of(&mut self, prefix: &str, threshold: Threshold) -> &str {
        if self.threshold != Some(threshold) {
            self.text = format!("{prefix}{threshold}");
            self.threshold = Some(threshold);
        }
        &self.text
    }
}

/// The randomness by which an item is judged, the same for all spans of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Randomness(u64);

impl Randomness {
    /// From the last seven bytes of a trace id. None if it is not a valid trace id.
    pub fn of_trace(trace_id: &[u8]) -> Option<Randomness> {
        let id: [u8; 16] = trace_id.try_into().ok()?;
        if id == [0; 16] {
            return None;
        }
        Some(Randomness(u128::from_be_bytes(id) as u64 & (ALL - 1)))
    }

    /// Reads an `rv`: exactly 14 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Randomness> {
        (text.len() == DIGITS).then(|| hex(text)).flatten().map(Randomness)
    }

    /// From these 56 bits; higher ones do not count.
    pub fn of_bits(bits: u64) -> Randomness {
        Randomness(bits & (ALL - 1))
    }

    /// From any bytes, equal for equal bytes.
    pub fn of_parts<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> Randomness {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for part in parts {
            // The length keeps ("ab", "c") apart from ("a", "bc").
            for byte in (part.len() as u32).to_le_bytes().iter().chain(part) {
                hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        }
        // FNV leaves the bits of short inputs uneven; two rounds of shift and multiply spread them.
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        Randomness((hash ^ (hash >> 33)) & (ALL - 1))
    }
}

/// As `rv` is written.
impl fmt::Display for Randomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:014x}", self.0)
    }
}

/// 1 to 14 lower-case hexadecimal digits.
fn hex(text: &str) -> Option<u64> {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if !(1..=DIGITS).contains(&text.len()) || !text.bytes().all(is_hex) {
        return None;
    }
    u64::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests;
