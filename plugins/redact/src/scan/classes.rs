//! Byte classes of 64 bytes at a time, as bitmaps: digits, `@`, separators and so on.

use super::simd::{Bytes16, WIDTH};

/// Bytes that one step covers.
pub const STEP: usize = 64;

// One bit of the class byte each. Every class is a rectangle in the 16 x 16 table of bytes (rows by high half,
// columns by low half), which is what makes two look-ups and an `and` enough.
const DIGIT: u8 = 0x80; //     0-9
const CARD_START: u8 = 0x40; // 2-6
const AT: u8 = 0x20; //        @
const UPPER: u8 = 0x10; //     @ to _, which covers A-Z
const DOT: u8 = 0x08; //       .
const COLON: u8 = 0x04; //     :
const GAP: u8 = 0x02; //       space or -

const BY_HIGH: [u8; 16] =
    [0, 0, DOT | GAP, DIGIT | CARD_START | COLON, AT | UPPER, UPPER, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

const BY_LOW: [u8; 16] = {
    let mut table = [UPPER; 16];
    let mut low = 0;
    while low < 10 {
        table[low] |= DIGIT;
        if low >= 2 && low <= 6 {
            table[low] |= CARD_START;
        }
        low += 1;
    }
    table[0x0] |= AT | GAP;
    table[0xd] |= GAP;
    table[0xe] |= DOT;
    table[0xa] |= COLON;
    table
};

/// Bitmaps of 64 bytes, the first byte's bit lowest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Classes {
    pub digit: u64,
    pub card_start: u64,
    pub at: u64,
    pub upper: u64,
    pub dot: u64,
    pub colon: u64,
    pub gap: u64,
}

/// The classifier's tables, kept in registers over the loop.
#[derive(Clone, Copy, Debug)]
pub struct Classifier {
    by_low: Bytes16,
    by_high: Bytes16,
}

impl Default for Classifier {
    fn default() -> Classifier {
        Classifier { by_low: Bytes16::load(&BY_LOW), by_high: Bytes16::load(&BY_HIGH) }
    }
}

impl Classifier {
    /// The class byte of each of 16 bytes, given by their halves.
    #[inline(always)]
    pub fn classify(&self, low: Bytes16, high: Bytes16) -> Bytes16 {
        self.by_low.look_up(low).and(self.by_high.look_up(high))
    }
}

impl Classes {
    /// Collects four vectors of class bytes. `addresses` tells whether dots and colons are needed.
    #[inline(always)]
    pub fn collect(parts: [Bytes16; STEP / WIDTH], addresses: bool) -> Classes {
        let mut classes = Classes {
            digit: join(parts, Bytes16::bits::<0>),
            card_start: join(parts, Bytes16::bits::<1>),
            at: join(parts, Bytes16::bits::<2>),
            upper: join(parts, Bytes16::bits::<3>),
            gap: join(parts, Bytes16::bits::<6>),
            ..Classes::default()
        };
        if addresses {
            classes.dot = join(parts, Bytes16::bits::<4>);
            classes.colon = join(parts, Bytes16::bits::<5>);
        }
        classes
    }
}

/// One bitmap of 64 from four of 16.
#[inline(always)]
pub fn join(parts: [Bytes16; STEP / WIDTH], bits: impl Fn(Bytes16) -> u64) -> u64 {
    bits(parts[0]) | bits(parts[1]) << 16 | bits(parts[2]) << 32 | bits(parts[3]) << 48
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_of_every_byte_is_right() {
        let classifier = Classifier::default();
        for byte in 0..=255u8 {
            let v = Bytes16::load(&[byte; 16]);
            let class = Classes::collect([classifier.classify(v.low(), v.high()); 4], true);
            let all = |yes: bool| if yes { u64::MAX } else { 0 };
            assert_eq!(class.digit, all(byte.is_ascii_digit()), "{byte}");
            assert_eq!(class.card_start, all((b'2'..=b'6').contains(&byte)), "{byte}");
            assert_eq!(class.at, all(byte == b'@'), "{byte}");
            assert_eq!(class.upper, all((b'@'..=b'_').contains(&byte)), "{byte}");
            assert_eq!(class.dot, all(byte == b'.'), "{byte}");
            assert_eq!(class.colon, all(byte == b':'), "{byte}");
            assert_eq!(class.gap, all(byte == b' ' || byte == b'-'), "{byte}");
        }
    }
}
