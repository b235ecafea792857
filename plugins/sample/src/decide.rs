//! The decision about one item: kept or dropped, and what is to be said about it afterwards.
//!
//! The rules are those of the specification for a sampler downstream of others: it may only raise the threshold, and
//! it never leaves a threshold standing that is not true.

use serde::Deserialize;

use crate::hash_seed;
use crate::threshold::{DIGITS, Probability, Randomness, Threshold};

/// What becomes of items that were sampled before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// All items have at most the wanted probability in the end: what was sampled as much already passes.
    #[default]
    Equalizing,
    /// The wanted share of whatever arrives.
    Proportional,
    /// As the Collector's processor does by default: the share of the ids that a hash picks.
    HashSeed,
}

/// The steps in which a percentage becomes a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steps {
    /// So many significant hexadecimal digits.
    Digits(u8),
    /// The 16384 of [`hash_seed`].
    Buckets,
}

/// What becomes of an item whose threshold cannot be true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inconsistent {
    /// It is sampled as if it had none, and keeps none.
    #[default]
    Erase,
    /// It is dropped where a share is to be kept.
    Drop,
    /// It is kept, without a threshold.
    Keep,
}

/// What is wanted for an item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// Drop it.
    Never,
    /// Keep it with this probability.
    At { probability: Probability, threshold: Threshold },
}

impl Rate {
    /// Keep it.
    pub const ALWAYS: Rate = Rate::At { probability: Probability::ONE, threshold: Threshold::KEEP_ALL };

    /// None if it is not a percentage from 0 to 100, or too small to be told from 0. What is less than a bucket is none.
    pub fn from_percentage(percentage: f64, steps: Steps) -> Option<Rate> {
        if percentage == 0.0 {
            return Some(Rate::Never);
        }
        let exact = Probability::from_percentage(percentage)?;
        Some(match steps {
            Steps::Digits(precision) => {
                Rate::At { probability: exact, threshold: Threshold::of(exact, precision) }
            }
            Steps::Buckets => hash_seed::probability(percentage).map_or(Rate::Never, |probability| {
                let threshold = Threshold::of(probability, DIGITS as u8);
                Rate::At { probability, threshold }
            }),
        })
    }
}

/// What an item says about itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Carried {
    /// None if there is neither a valid trace id nor an explicit randomness.
    pub randomness: Option<Randomness>,
    /// How it was sampled before.
    pub former: Former,
}

/// How an item was sampled before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Former {
    /// It does not say, which counts as not at all.
    Unsaid,
    /// With this threshold.
    At(Threshold),
    /// It says something that cannot be read.
    Unreadable,
    /// By another randomness than the one that decides now.
    Otherwise,
}

impl Carried {
    /// Where a hash decides, whatever the item says: `said` is the randomness that it carries.
    pub fn hashed(hash: Option<Randomness>, said: Option<Randomness>, former: Former) -> Carried {
        let is_by_hash = said.is_some() && said == hash;
        let former = match former {
            Former::Unsaid if said.is_none() => Former::Unsaid,
            Former::Unsaid | Former::At(_) if !is_by_hash => Former::Otherwise,
            former => former,
        };
        Carried { randomness: hash, former }
    }
}

/// What becomes of an item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    Drop,
    /// Nothing can be decided for want of randomness.
    Undecidable,
    Keep(Note),
}

/// What a kept item is to say about its sampling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Note {
    /// What it says already.
    Unchanged,
    /// This threshold.
    Write(Threshold),
    /// Nothing: what it says is not true, and nobody knows what would be.
    Erase,
}

/// The fixed part of a decision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decider {
    pub mode: Mode,
    pub precision: u8,
    pub inconsistent: Inconsistent,
    /// Whether an item that is kept for certain says so. It must where others are sampled: without a threshold, its
    /// count would be unknown. It must not where nothing is sampled.
    pub notes_certain: bool,
}

impl Decider {
    pub fn decide(&self, wanted: Rate, carried: Carried) -> Verdict {
        let Rate::At { probability, threshold } = wanted else { return Verdict::Drop };
        let Some(randomness) = carried.randomness else {
            let is_certain = threshold == Threshold::KEEP_ALL;
            return if is_certain { Verdict::Keep(Note::Unchanged) } else { Verdict::Undecidable };
        };
        let former = match carried.former {
            Former::Unsaid => None,
            Former::At(former) if former.keeps(randomness) => Some(former),
            // A threshold that this very item would not have passed is a lie, and so is one that cannot be read.
            Former::At(_) | Former::Unreadable => {
                let keeps = match self.inconsistent {
                    Inconsistent::Erase => threshold.keeps(randomness),
                    Inconsistent::Drop => threshold == Threshold::KEEP_ALL,
                    Inconsistent::Keep => true,
                };
                return if keeps { Verdict::Keep(Note::Erase) } else { Verdict::Drop };
            }
            Former::Otherwise if threshold == Threshold::KEEP_ALL => return Verdict::Keep(Note::Unchanged),
            // Two samplers who know nothing of each other: no single threshold says what came of it.
            Former::Otherwise => {
                let keeps = threshold.keeps(randomness);
                return if keeps { Verdict::Keep(Note::Erase) } else { Verdict::Drop };
            }
        };
        let Some(threshold) = self.compose(probability, threshold, former) else { return Verdict::Drop };
        if !threshold.keeps(randomness) {
            return Verdict::Drop;
        }
        Verdict::Keep(match former {
            Some(former) if former == threshold => Note::Unchanged,
            None if threshold == Threshold::KEEP_ALL && !self.notes_certain => Note::Unchanged,
            _ => Note::Write(threshold),
        })
    }

    /// The threshold in the end; none if the probability would be too small to be written.
    fn compose(
        &self,
        wanted: Probability,
        threshold: Threshold,
        former: Option<Threshold>,
    ) -> Option<Threshold> {
        let Some(former) = former else { return Some(threshold) };
        let composed = match self.mode {
            Mode::Equalizing | Mode::HashSeed => threshold,
            Mode::Proportional if wanted == Probability::ONE => former,
            Mode::Proportional => Threshold::of(wanted.of(former.probability())?, self.precision),
        };
        Some(composed.max(former))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DECIDER: Decider = Decider {
        mode: Mode::Equalizing,
        precision: 4,
        inconsistent: Inconsistent::Erase,
        notes_certain: true,
    };

    fn th(text: &str) -> Threshold {
        Threshold::parse(text).unwrap()
    }

    fn carried(rv: &str, former: Former) -> Carried {
        Carried { randomness: Randomness::parse(rv), former }
    }

    fn rate(percentage: f64) -> Rate {
        Rate::from_percentage(percentage, Steps::Digits(4)).unwrap()
    }

    const HIGH: &str = "f0000000000000";
    const LOW: &str = "10000000000000";

    #[test]
    fn an_item_that_was_not_sampled_before_gets_the_threshold() {
        assert_eq!(
            DECIDER.decide(rate(50.0), carried(HIGH, Former::Unsaid)),
            Verdict::Keep(Note::Write(th("8")))
        );
        assert_eq!(DECIDER.decide(rate(50.0), carried(LOW, Former::Unsaid)), Verdict::Drop);
        assert_eq!(DECIDER.decide(rate(0.0), carried(HIGH, Former::Unsaid)), Verdict::Drop);
    }

    #[test]
    fn equalizing_passes_what_was_sampled_as_much_before_and_raises_the_rest() {
        let decide = |former| DECIDER.decide(rate(50.0), carried(HIGH, Former::At(th(former))));
        assert_eq!(decide("c"), Verdict::Keep(Note::Unchanged));
        assert_eq!(decide("8"), Verdict::Keep(Note::Unchanged));
        assert_eq!(decide("4"), Verdict::Keep(Note::Write(th("8"))));
    }

    #[test]
    fn proportional_multiplies() {
        let decider = Decider { mode: Mode::Proportional, ..DECIDER };
        let decide = |rate, rv| decider.decide(rate, carried(rv, Former::At(th("8"))));
        assert_eq!(decide(rate(50.0), HIGH), Verdict::Keep(Note::Write(th("c"))));
        assert_eq!(decide(rate(50.0), "b0000000000000"), Verdict::Drop);
        assert_eq!(decide(rate(100.0), HIGH), Verdict::Keep(Note::Unchanged));
        let tiny = Former::At(th("ffffffffffffff"));
        assert_eq!(decider.decide(rate(50.0), carried("ffffffffffffff", tiny)), Verdict::Drop);
    }

    #[test]
    fn a_threshold_that_the_item_would_not_have_passed_is_erased() {
        let decide = |rate, former| DECIDER.decide(rate, carried("90000000000000", former));
        assert_eq!(decide(rate(50.0), Former::At(th("c"))), Verdict::Keep(Note::Erase));
        assert_eq!(decide(rate(10.0), Former::At(th("c"))), Verdict::Drop);
        assert_eq!(decide(Rate::ALWAYS, Former::At(th("c"))), Verdict::Keep(Note::Erase));
        assert_eq!(decide(Rate::ALWAYS, Former::Unreadable), Verdict::Keep(Note::Erase));
    }

    #[test]
    fn a_threshold_that_cannot_be_true_may_cost_the_item_or_save_it() {
        let decide = |inconsistent, rv, rate| {
            let decider = Decider { inconsistent, ..DECIDER };
            decider.decide(rate, carried(rv, Former::At(th("f8"))))
        };
        assert_eq!(decide(Inconsistent::Drop, HIGH, rate(50.0)), Verdict::Drop);
        assert_eq!(decide(Inconsistent::Drop, HIGH, Rate::ALWAYS), Verdict::Keep(Note::Erase));
        assert_eq!(decide(Inconsistent::Keep, LOW, rate(50.0)), Verdict::Keep(Note::Erase));
        assert_eq!(decide(Inconsistent::Keep, LOW, Rate::Never), Verdict::Drop);
    }

    #[test]
    fn what_another_randomness_has_sampled_is_sampled_again_and_says_no_threshold() {
        let decider = Decider { mode: Mode::HashSeed, ..DECIDER };
        let (high, low) = (Randomness::parse(HIGH), Randomness::parse(LOW));
        let decide = |hash, said, former| decider.decide(rate(50.0), Carried::hashed(hash, said, former));
        assert_eq!(decide(high, None, Former::At(th("8"))), Verdict::Keep(Note::Erase));
        assert_eq!(decide(high, low, Former::Unsaid), Verdict::Keep(Note::Erase));
        assert_eq!(decide(low, high, Former::At(th("8"))), Verdict::Drop);
        let all = decider.decide(Rate::ALWAYS, Carried::hashed(high, low, Former::At(th("8"))));
        assert_eq!(all, Verdict::Keep(Note::Unchanged));
        // A tier before this one has sampled by the same hash: the two compose.
        assert_eq!(decide(high, high, Former::At(th("4"))), Verdict::Keep(Note::Write(th("8"))));
        assert_eq!(decide(high, high, Former::At(th("c"))), Verdict::Keep(Note::Unchanged));
        assert_eq!(decide(high, None, Former::Unsaid), Verdict::Keep(Note::Write(th("8"))));
    }

    #[test]
    fn an_item_kept_for_certain_says_so_only_where_others_are_sampled() {
        let decide = |decider: Decider, former| decider.decide(Rate::ALWAYS, carried(LOW, former));
        assert_eq!(decide(DECIDER, Former::Unsaid), Verdict::Keep(Note::Write(Threshold::KEEP_ALL)));
        assert_eq!(decide(DECIDER, Former::At(th("08"))), Verdict::Keep(Note::Unchanged));
        let silent = Decider { notes_certain: false, ..DECIDER };
        assert_eq!(decide(silent, Former::Unsaid), Verdict::Keep(Note::Unchanged));
    }

    #[test]
    fn without_randomness_only_certainty_can_be_decided() {
        let nothing = Carried { randomness: None, former: Former::Unsaid };
        assert_eq!(DECIDER.decide(rate(50.0), nothing), Verdict::Undecidable);
        assert_eq!(DECIDER.decide(Rate::ALWAYS, nothing), Verdict::Keep(Note::Unchanged));
        assert_eq!(DECIDER.decide(Rate::Never, nothing), Verdict::Drop);
    }

    proptest! {
        #[test]
        fn the_threshold_is_never_lowered_and_never_a_lie(
            rv in 0..1_u64 << 56, former in 0..1_u64 << 56, percentage in 0.01..=100.0_f64,
            proportional: bool, notes_certain: bool, precision in 1_u8..=14,
        ) {
            let mode = if proportional { Mode::Proportional } else { Mode::Equalizing };
            let former = th(&format!("{former:014x}"));
            let randomness = Randomness::parse(&format!("{rv:014x}")).unwrap();
            let decider = Decider { mode, precision, notes_certain, ..DECIDER };
            let wanted = Rate::from_percentage(percentage, Steps::Digits(precision)).unwrap();
            let verdict = decider.decide(wanted, Carried { randomness: Some(randomness), former: Former::At(former) });
            match verdict {
                Verdict::Keep(Note::Write(written)) => {
                    prop_assert!(written > former && written.keeps(randomness));
                }
                Verdict::Keep(Note::Unchanged) => prop_assert!(former.keeps(randomness)),
                Verdict::Keep(Note::Erase) => prop_assert!(!former.keeps(randomness)),
                Verdict::Drop => prop_assert!(wanted != Rate::ALWAYS),
                Verdict::Undecidable => prop_assert!(false, "there was randomness"),
            }
        }
    }
}
