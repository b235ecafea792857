//! Finds the literals: a four-byte window of each, eight buckets of windows, two table look-ups for each byte of
//! the window and sixteen positions at a time; then one hashed probe for each position that is left.

use super::{
    buckets::{self, Pattern},
    literal::Literal,
    simd::Bytes16,
};

const SLOT_BITS: u32 = 10;

/// The windows of all literals, compiled.
#[derive(Clone, Debug)]
pub struct Windows {
    by_low: [Bytes16; 4],
    by_high: [Bytes16; 4],
    /// By the hash of a window's first three bytes: 0, or 1 + the number of a group.
    slots: Box<[u8; 1 << SLOT_BITS]>,
    groups: Vec<Vec<Member>>,
}

/// A literal that may stand where a window was found.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// Number of the literal.
    pub literal: u16,
    /// How far the literal's start is before the last byte of its window.
    pub back: u16,
}

/// What the last 16 bytes leave for the next ones: windows may lie across.
#[derive(Clone, Copy, Debug, Default)]
pub struct WindowCarry([Bytes16; 3]);

impl Windows {
    /// Chooses each literal's rarest window and spreads the windows over the buckets.
    pub fn new(literals: &[Literal]) -> Windows {
        let chosen: Vec<(usize, Pattern)> = literals.iter().map(buckets::rarest_window).collect();
        let patterns: Vec<Pattern> = chosen.iter().map(|(_, pattern)| *pattern).collect();
        let mut windows = Windows {
            by_low: [Bytes16::default(); 4],
            by_high: [Bytes16::default(); 4],
            slots: Box::new([0; 1 << SLOT_BITS]),
            groups: Vec::new(),
        };
        windows.fill_tables(&patterns, &buckets::assign(&patterns));
        for (number, (offset, pattern)) in chosen.iter().enumerate() {
            let literal = u16::try_from(number).unwrap_or(u16::MAX);
            let member = Member { literal, back: *offset as u16 + 3 };
            pattern.for_each_start(|start| windows.add(start, member));
        }
        windows
    }

    fn fill_tables(&mut self, patterns: &[Pattern], assigned: &[u8]) {
        for place in 0..4 {
            let (mut low, mut high) = ([0u8; 16], [0u8; 16]);
            for (pattern, bucket) in patterns.iter().zip(assigned) {
                let rectangle = pattern.rectangle(place);
                for half in 0..16 {
                    low[half] |= u8::from(rectangle.low >> half & 1 == 1) << bucket;
                    high[half] |= u8::from(rectangle.high >> half & 1 == 1) << bucket;
                }
            }
            self.by_low[place] = Bytes16::load(&low);
            self.by_high[place] = Bytes16::load(&high);
        }
    }

    /// More than 254 groups do not fit a slot's byte; then starts share the last one, which costs time, not findings.
    fn add(&mut self, start: [u8; 3], member: Member) {
        let slot = &mut self.slots[hash(start)];
        if *slot == 0 {
            if self.groups.len() < 254 {
                self.groups.push(Vec::new());
            }
            *slot = self.groups.len() as u8;
        }
        if let Some(group) = self.groups.get_mut(usize::from(*slot) - 1) {
            group.push(member);
        }
    }

    /// A bit for every position at which a window may end, of 16 bytes given by their halves.
    #[inline(always)]
    pub fn ends(&self, low: Bytes16, high: Bytes16, carry: &mut WindowCarry) -> u64 {
        let place = |i: usize| self.by_low[i].look_up(low).and(self.by_high[i].look_up(high));
        let (first, second, third) = (place(0), place(1), place(2));
        let [before_first, before_second, before_third] = carry.0;
        carry.0 = [first, second, third];
        let hit = first
            .after::<3>(before_first)
            .and(second.after::<2>(before_second))
            .and(third.after::<1>(before_third))
            .and(place(3));
        hit.nonzero()
    }

    /// The literals whose window may end at `end`; none for nearly every position that [`Windows::ends`] lets through.
    #[inline(always)]
    pub fn members(&self, bytes: &[u8], end: usize) -> &[Member] {
        let Some(&[a, b, c]) = end.checked_sub(3).and_then(|start| bytes.get(start..end)) else { return &[] };
        let slot = self.slots[hash([a, b, c])];
        let group = usize::from(slot).checked_sub(1).and_then(|number| self.groups.get(number));
        group.map_or(&[], Vec::as_slice)
    }
}

#[inline(always)]
fn hash(start: [u8; 3]) -> usize {
    let word = u32::from_le_bytes([start[0], start[1], start[2], 0]);
    (word.wrapping_mul(0x9e37_79b1) >> (32 - SLOT_BITS)) as usize
}
