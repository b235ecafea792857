//! What one plugin sees of a tape and may change: its interest, in terms of the plan's numbers.

use crate::codes::{Signal, field, kind, level};
use crate::interest::{Interest, Selector};
use crate::plan::{Keys, PerLevel, Plan, levels_of};
use crate::tape::Tape;

/// Every kind: what a selector without kinds reads.
const EVERY_KIND: u16 = u16::MAX;

/// One plugin's view of one signal.
pub(crate) struct Lens {
    /// Mask of the levels whose entities are shown even without cells: the plugin may drop or write to them.
    pub(crate) always: u32,
    pub(crate) drops: u32,
    /// The first number of a key that a batch adds.
    pub(crate) added_base: u32,
    /// By level, as bits by field code.
    reads: PerLevel<u64>,
    writes: PerLevel<u64>,
    /// By level: the kinds of the body, or of a number, that are read.
    mixed_kinds: PerLevel<u16>,
    /// By the plan's number of a key.
    exact: Vec<Key>,
    /// By position of a selector with an exact name: the plan's number of the key, or 0.
    numbers: Vec<u32>,
    every: Rule,
    prefixes: Vec<(Box<[u8]>, Rule)>,
}

/// One key that the plan knows.
struct Key {
    /// The plugin's own number for it, or 0.
    id: u32,
    rule: Rule,
}

/// What may be done with attributes, by level.
#[derive(Clone, Copy, Default)]
struct Rule {
    /// The kinds that are read.
    kinds: PerLevel<u16>,
    /// Mask of levels.
    writes: u32,
}

impl Lens {
    pub(crate) fn new(signal: Signal, interest: &Interest, keys: &Keys) -> Lens {
        let mut lens = Lens {
            always: interest.drops & level::ALL,
            drops: interest.drops & level::ALL,
            added_base: field::NAMED + interest.selectors.len() as u32,
            reads: [0; level::COUNT],
            writes: [0; level::COUNT],
            mixed_kinds: [0; level::COUNT],
            exact: Vec::new(),
            numbers: vec![0; interest.selectors.len()],
            every: Rule::default(),
            prefixes: Vec::new(),
        };
        let mut exact: Vec<(u32, u32, Rule)> = Vec::new();
        for (index, selector) in interest.selectors.iter().enumerate() {
            if selector.field == field::ATTRIBUTE {
                // The id counts even if the selector is not meant for this signal.
                let id = field::NAMED + index as u32;
                lens.add_attribute(selector, levels_of(selector, signal), id, keys, &mut exact);
            } else {
                lens.add_field(selector, levels_of(selector, signal));
            }
            if selector.writes() {
                lens.always |= levels_of(selector, signal);
            }
        }
        lens.settle(exact, keys);
        lens
    }

    fn add_attribute(
        &mut self,
        selector: &Selector,
        levels: u32,
        id: u32,
        keys: &Keys,
        exact: &mut Vec<(u32, u32, Rule)>,
    ) {
        let rule = Rule::of(selector, levels);
        match selector.name.strip_suffix('*') {
            Some("") => self.every.join(&rule),
            Some(prefix) => self.prefixes.push((prefix.as_bytes().into(), rule)),
            None => {
                if let Some(number) = keys.number(selector.name.as_bytes()) {
                    exact.push((number - field::NAMED, id, rule));
                    self.numbers[(id - field::NAMED) as usize] = number;
                }
            }
        }
    }

    fn add_field(&mut self, selector: &Selector, levels: u32) {
        let kinds = kinds_of(selector) & field_kinds(selector.field);
        for at in (0..level::COUNT).filter(|at| levels & (1 << at) != 0) {
            if selector.reads() && kinds != 0 {
                self.reads[at] |= 1 << selector.field;
                if matches!(selector.field, field::BODY | field::VALUE) {
                    self.mixed_kinds[at] |= kinds;
                }
            }
            if selector.writes() {
                self.writes[at] |= 1 << selector.field;
            }
        }
    }

    /// Folds patterns into the rules of the keys that the plan knows, so that a look-up is one index.
    fn settle(&mut self, exact: Vec<(u32, u32, Rule)>, keys: &Keys) {
        for key in &keys.exact {
            let mut rule = self.every;
            for (prefix, pattern) in &self.prefixes {
                if key.starts_with(prefix) {
                    rule.join(pattern);
                }
            }
            self.exact.push(Key { id: 0, rule });
        }
        for (number, id, rule) in exact {
            if let Some(key) = self.exact.get_mut(number as usize) {
                key.rule.join(&rule);
                if key.id == 0 {
                    key.id = id;
                }
            }
        }
    }

    /// Whether a field of the entity is read.
    #[inline]
    pub(crate) fn reads_field(&self, at: u8, code: u32) -> bool {
        code < 64 && self.reads[at as usize] >> code & 1 != 0
    }

    /// The kinds that are read of a field with a value of any kind.
    #[inline]
    pub(crate) fn kinds_of_field(&self, at: u8, code: u32) -> u16 {
        if matches!(code, field::BODY | field::VALUE) { self.mixed_kinds[at as usize] } else { EVERY_KIND }
    }

    pub(crate) fn writes_field(&self, at: u8, code: u32) -> bool {
        code < 64 && self.writes[at as usize] >> code & 1 != 0
    }

    /// The plugin's own number of a key that the plan knows, or 0.
    #[inline]
    pub(crate) fn own_id(&self, number: u32) -> u32 {
        self.exact.get((number - field::NAMED) as usize).map_or(0, |key| key.id)
    }

    /// The plan's number of the key that the plugin knows by this number, if a selector gave it.
    pub(crate) fn plan_number(&self, id: u32) -> Option<u32> {
        let number = *self.numbers.get(id.checked_sub(field::NAMED)? as usize)?;
        (number != 0).then_some(number)
    }

    /// The kinds of an attribute that are read; 0 if it is not.
    #[inline]
    pub(crate) fn kinds_of_key(&self, at: u8, number: u32, tape: &Tape, plan: &Plan) -> u16 {
        if let Some(key) = self.exact.get((number - field::NAMED) as usize) {
            return key.rule.kinds[at as usize];
        }
        let mut kinds = self.every.kinds[at as usize];
        if !self.prefixes.is_empty() {
            let key = tape.key(plan, number);
            for (_, rule) in self.prefixes.iter().filter(|(prefix, _)| key.starts_with(prefix)) {
                kinds |= rule.kinds[at as usize];
            }
        }
        kinds
    }

    /// Whether an attribute with this key may be written at the level.
    pub(crate) fn writes_key(&self, at: u8, number: u32, key: &[u8]) -> bool {
        let bit = 1 << at;
        match self.exact.get((number - field::NAMED) as usize) {
            Some(key) => key.rule.writes & bit != 0,
            None => {
                self.every.writes & bit != 0
                    || self.prefixes.iter().any(|(p, rule)| rule.writes & bit != 0 && key.starts_with(p))
            }
        }
    }
}

impl Rule {
    fn of(selector: &Selector, levels: u32) -> Rule {
        let mut rule = Rule::default();
        if selector.reads() {
            for at in (0..level::COUNT).filter(|at| levels & (1 << at) != 0) {
                rule.kinds[at] = kinds_of(selector);
            }
        }
        if selector.writes() {
            rule.writes = levels;
        }
        rule
    }

    fn join(&mut self, other: &Rule) {
        for (mine, theirs) in self.kinds.iter_mut().zip(other.kinds) {
            *mine |= theirs;
        }
        self.writes |= other.writes;
    }
}

fn kinds_of(selector: &Selector) -> u16 {
    if selector.kinds == 0 { EVERY_KIND } else { selector.kinds as u16 }
}

/// The kinds that the values of one of OTLP's own fields can have.
fn field_kinds(code: u32) -> u16 {
    match code {
        field::BODY => EVERY_KIND,
        field::VALUE => 1 << kind::INT | 1 << kind::DOUBLE,
        field::SUM | field::MIN | field::MAX | field::ZERO_THRESHOLD => 1 << kind::DOUBLE,
        field::BUCKET_COUNTS | field::POSITIVE_COUNTS | field::NEGATIVE_COUNTS => 1 << kind::UINTS,
        field::EXPLICIT_BOUNDS | field::QUANTILES | field::QUANTILE_VALUES => 1 << kind::DOUBLES,
        field::TRACE_ID | field::SPAN_ID | field::PARENT_SPAN_ID => 1 << kind::BYTES,
        field::MONOTONIC => 1 << kind::BOOL,
        ..=field::EVENT_NAME => 1 << kind::STRING,
        _ => 1 << kind::INT,
    }
}
