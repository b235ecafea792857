//! Shapes of numbers and addresses as shifts over class bitmaps. Each trigger's bit stands at its last byte.

use super::classes::Classes;

/// Where something of the shape may end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Triggers {
    pub at: u64,
    pub card_run: u64,
    pub card_group: u64,
    pub ssn: u64,
    pub ipv4: u64,
    pub ipv6: u64,
    pub iban: u64,
}

impl Triggers {
    /// All of them together.
    #[inline(always)]
    pub fn any(&self) -> u64 {
        self.at | self.card_run | self.card_group | self.ssn | self.ipv4 | self.ipv6 | self.iban
    }
}

/// What the former 64 bytes leave for the next: shapes may lie across.
#[derive(Clone, Copy, Debug, Default)]
pub struct Carry {
    classes: Classes,
    digits: Digits,
    pair: u64,
    pairs: u64,
    colons: u64,
    upper_pair: u64,
}

/// Runs of at least so many digits, ending here.
#[derive(Clone, Copy, Debug, Default)]
struct Digits {
    two: u64,
    three: u64,
    four: u64,
}

/// The bits of `now`, moved up by `N`, with the bits that came out of `before` moved in.
#[inline(always)]
fn up<const N: u32>(now: u64, before: u64) -> u64 {
    now << N | before >> (64 - N)
}

impl Carry {
    /// The triggers of the next 64 bytes. Dots and colons are looked at only if `addresses` are wanted.
    #[inline(always)]
    pub fn advance(&mut self, now: &Classes, addresses: bool) -> Triggers {
        let before = self.classes;
        let upper_pair = now.upper & up::<1>(now.upper, before.upper);
        let mut triggers = Triggers { at: now.at, ..Triggers::default() };
        if addresses {
            self.colons(now, &mut triggers);
        }
        if now.digit == 0 {
            // No shape ends without a digit, and no run survives 64 other bytes.
            (self.digits, self.pair, self.pairs) = (Digits::default(), 0, 0);
        } else {
            self.numbers(now, upper_pair, &mut triggers);
            if addresses {
                self.dotted(now, &mut triggers);
            }
        }
        self.upper_pair = upper_pair;
        self.classes = *now;
        triggers
    }

    #[inline(always)]
    fn numbers(&mut self, now: &Classes, upper_pair: u64, triggers: &mut Triggers) {
        let (before, runs) = (self.classes, self.digits);
        let two = now.digit & up::<1>(now.digit, before.digit);
        let three = two & up::<1>(two, runs.two);
        let four = two & up::<2>(two, runs.two);
        let eight = four & up::<4>(four, runs.four);
        // 8 + 4 digits, the first of which can begin a card number.
        triggers.card_run = eight & up::<8>(four, runs.four) & up::<11>(now.card_start, before.card_start);
        // 4 digits, a separator, 4 digits.
        let gap_four = four & up::<4>(now.gap, before.gap);
        triggers.card_group =
            gap_four & up::<5>(four, runs.four) & up::<8>(now.card_start, before.card_start);
        // 3 digits, a separator, 2, a separator, 4.
        triggers.ssn =
            gap_four & up::<5>(two, runs.two) & up::<7>(now.gap, before.gap) & up::<8>(three, runs.three);
        // 2 letters, 2 digits.
        triggers.iban = two & up::<2>(upper_pair, self.upper_pair);
        self.digits = Digits { two, three, four };
    }

    /// Three times a digit, a dot and a digit, two to four places apart.
    #[inline(always)]
    fn dotted(&mut self, now: &Classes, triggers: &mut Triggers) {
        let before = self.classes;
        let pair = now.digit & up::<1>(now.dot, before.dot) & up::<2>(now.digit, before.digit);
        let near = |now: u64, before: u64| up::<2>(now, before) | up::<3>(now, before) | up::<4>(now, before);
        let pairs = pair & near(pair, self.pair);
        triggers.ipv4 = pair & near(pairs, self.pairs);
        (self.pair, self.pairs) = (pair, pairs);
    }

    /// Two colons side by side, or three of them with at most four bytes between.
    #[inline(always)]
    fn colons(&mut self, now: &Classes, triggers: &mut Triggers) {
        let before = self.classes.colon;
        let near = |now: u64, before: u64| {
            let two = up::<1>(now, before) | up::<2>(now, before) | up::<3>(now, before);
            two | up::<4>(now, before) | up::<5>(now, before)
        };
        let colons = now.colon & near(now.colon, before);
        let double = now.colon & up::<1>(now.colon, before);
        triggers.ipv6 = double | (colons & near(colons, self.colons));
        self.colons = colons;
    }
}
