//! The sweep: one pass over many values at once that finds where a rule might match.
//!
//! It reads 64 bytes a step, turns them into bitmaps of byte classes, and combines the bitmaps by shifts into
//! *triggers*. A trigger may be wrong, but where a rule matches there is always one: the verifiers decide. Bytes
//! of a neighbouring value can add a trigger and never take one away, so that values need no look-up here.

mod buckets;
mod classes;
pub mod literal;
pub mod prefixes;
mod simd;
mod triggers;
mod windows;

use self::{
    classes::{Classes, Classifier, STEP},
    literal::Literal,
    simd::{Bytes16, WIDTH},
    triggers::{Carry, Triggers},
    windows::{WindowCarry, Windows},
};
use crate::{
    rule::{Rule, RuleSet},
    text,
    verify::{card, iban},
};

/// What kind of match may be at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The literal with this number starts `back` bytes before.
    Literal { number: u16, back: u16 },
    /// An `@`.
    At,
    /// The twelfth digit of a run.
    CardRun,
    /// The eighth digit of two groups.
    CardGroup,
    /// The last digit.
    Ssn,
    /// The first digit of the last number.
    Ipv4,
    /// A colon.
    Ipv6,
    /// The second check digit.
    Iban,
}

/// Where a rule may match. `at` is the last byte that the trigger has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    pub at: usize,
    pub kind: Kind,
}

/// The compiled scanner for one set of rules and literals.
#[derive(Clone, Debug)]
pub struct Scanner {
    rules: RuleSet,
    literals: Vec<Literal>,
    windows: Windows,
    classifier: Classifier,
}

impl Scanner {
    /// Compiles; takes in the order of a millisecond.
    pub fn new(rules: RuleSet, literals: Vec<Literal>) -> Scanner {
        let windows = Windows::new(&literals);
        Scanner { rules, literals, windows, classifier: Classifier::default() }
    }

    /// The rules that are searched for.
    pub fn rules(&self) -> RuleSet {
        self.rules
    }

    /// The literal with this number.
    pub fn literal(&self, number: u16) -> Option<&Literal> {
        self.literals.get(usize::from(number))
    }

    /// Calls `visit` for every position of `arena` at which a rule may match, in order. A zero byte ends a value.
    pub fn sweep(&self, arena: &[u8], mut visit: impl FnMut(Hit)) {
        let addresses = self.rules.has(Rule::IP);
        let (mut carry, mut window_carry) = (Carry::default(), WindowCarry::default());
        for base in (0..arena.len()).step_by(STEP) {
            let rest = arena.get(base..).unwrap_or(&[]);
            // Zeros after the end belong to no class and to no literal.
            let mut last = [0u8; STEP];
            let step = rest.first_chunk().unwrap_or_else(|| {
                last.iter_mut().zip(rest).for_each(|(to, byte)| *to = *byte);
                &last
            });
            self.step(step, base, arena, addresses, &mut carry, &mut window_carry, &mut visit);
        }
    }

    #[inline(always)]
    #[allow(
        clippy::too_many_arguments,
        reason = "the loop's state; a struct would live in memory, not in registers"
    )]
    fn step(
        &self,
        step: &[u8; STEP],
        base: usize,
        arena: &[u8],
        addresses: bool,
        carry: &mut Carry,
        window_carry: &mut WindowCarry,
        visit: &mut impl FnMut(Hit),
    ) {
        let (mut classes, mut windows) = ([Bytes16::default(); STEP / WIDTH], 0);
        for (part, bytes) in step.as_chunks::<WIDTH>().0.iter().enumerate() {
            let vector = Bytes16::load(bytes);
            let (low, high) = (vector.low(), vector.high());
            classes[part] = self.classifier.classify(low, high);
            windows |= self.windows.ends(low, high, window_carry) << (WIDTH * part);
        }
        let triggers = carry.advance(&Classes::collect(classes, addresses), addresses);
        let mut left = windows | triggers.any();
        while left != 0 {
            let bit = left.trailing_zeros();
            left &= left - 1;
            let at = base + bit as usize;
            if windows >> bit & 1 == 1 {
                self.visit_literals(arena, at, visit);
            }
            if triggers.any() >> bit & 1 == 1 {
                self.visit_shapes(arena, at, bit, &triggers, visit);
            }
        }
    }

    #[inline(always)]
    fn visit_literals(&self, arena: &[u8], at: usize, visit: &mut impl FnMut(Hit)) {
        for member in self.windows.members(arena, at) {
            let Some(start) = at.checked_sub(usize::from(member.back)) else { continue };
            let Some(literal) = self.literal(member.literal) else { continue };
            if literal.is_at(arena, start) && (literal.is_open_left() || text::opens(arena, start)) {
                visit(Hit { at, kind: Kind::Literal { number: member.literal, back: member.back } });
            }
        }
    }

    /// Refuses early what a look at the neighbouring bytes refutes: finding the value would cost more.
    fn visit_shapes(
        &self,
        arena: &[u8],
        at: usize,
        bit: u32,
        triggers: &Triggers,
        visit: &mut impl FnMut(Hit),
    ) {
        let mut hit = |kind: Kind| visit(Hit { at, kind });
        if triggers.at >> bit & 1 == 1 {
            let before = at.checked_sub(1).and_then(|before| arena.get(before));
            // Of several side by side only the last can end user info, and none but the last has a domain.
            if before.is_some_and(|byte| *byte > b' ' && *byte != b'"') && arena.get(at + 1) != Some(&b'@') {
                hit(Kind::At);
            }
        }
        if triggers.card_run >> bit & 1 == 1 && card::may_start(arena, at, 11) {
            hit(Kind::CardRun);
        }
        if triggers.card_group >> bit & 1 == 1 && card::may_start(arena, at, 8) {
            hit(Kind::CardGroup);
        }
        if triggers.ssn >> bit & 1 == 1 {
            hit(Kind::Ssn);
        }
        if triggers.ipv4 >> bit & 1 == 1 {
            hit(Kind::Ipv4);
        }
        if triggers.ipv6 >> bit & 1 == 1 {
            hit(Kind::Ipv6);
        }
        if triggers.iban >> bit & 1 == 1 && iban::may_start(arena, at) {
            hit(Kind::Iban);
        }
    }
}
