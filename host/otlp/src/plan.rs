//! What a chain of plugins needs of a signal: one projection for the walk, and one lens for each plugin.

use std::collections::HashMap;

use crate::codes::{Signal, field, level};
use crate::interest::{Interest, Selector};
use crate::lens::Lens;
use crate::shape::Shape;
use crate::slot::levels_with;

/// One value for each level.
pub(crate) type PerLevel<T> = [T; level::COUNT];

/// The interests of a chain's plugins, compiled for one signal. Shared by all batches of the chain.
pub struct Plan {
    pub(crate) signal: Signal,
    /// The fields that are cells, as bits by code.
    pub(crate) fields: PerLevel<u64>,
    /// Mask of the levels whose entities are on the tape.
    pub(crate) entities: u32,
    pub(crate) keys: Keys,
    lenses: Vec<Option<Lens>>,
}

/// Which attribute keys become cells.
#[derive(Default)]
pub(crate) struct Keys {
    /// The keys that some interest selects by exact name, by number.
    pub(crate) exact: Vec<Box<[u8]>>,
    numbers: HashMap<Box<[u8]>, u32>,
    /// By number: mask of the levels at which the key is selected.
    levels: Vec<u32>,
    /// Mask of the levels at which every key is.
    every: u32,
    prefixes: Vec<(Box<[u8]>, u32)>,
    /// By level: how long the keys are that may be selected, as bits; the last one stands for all longer ones. Most
    /// keys that nobody asks for are told by their length.
    pub(crate) lengths: PerLevel<u64>,
}

/// How the walk shall treat a key.
pub(crate) enum Selected {
    No,
    /// It has a number in the plan.
    Exact(u32),
    /// It is selected by pattern and gets a number in the batch's dictionary.
    Pattern,
}

impl Plan {
    /// Compiles the interests of a chain, in the order of its plugins, for one signal.
    pub fn new(signal: Signal, interests: &[&Interest]) -> Plan {
        let mut plan = Plan {
            signal,
            fields: [0; level::COUNT],
            entities: 0,
            keys: Keys::default(),
            lenses: Vec::with_capacity(interests.len()),
        };
        let mut dropped = 0;
        for interest in interests.iter().filter(|interest| interest.wants(signal)) {
            dropped |= interest.drops & level::ALL;
            for selector in &interest.selectors {
                plan.select(selector);
            }
        }
        plan.keys.close();
        plan.entities = with_ancestors(plan.entities | dropped, dropped != 0);
        for interest in interests {
            let lens = interest.wants(signal).then(|| Lens::new(signal, interest, &plan.keys));
            plan.lenses.push(lens);
        }
        plan
    }

    /// Whether the plugin at this place of the chain wants the signal at all.
    pub fn wants(&self, plugin: usize) -> bool {
        self.lens(plugin).is_some()
    }

    pub(crate) fn lens(&self, plugin: usize) -> Option<&Lens> {
        self.lenses.get(plugin)?.as_ref()
    }

    /// The key with this chain-wide number, if the plan knows it.
    pub(crate) fn exact_key(&self, number: u32) -> Option<&[u8]> {
        let index = number.checked_sub(field::NAMED)? as usize;
        Some(self.keys.exact.get(index)?.as_ref())
    }

    /// The message that a request's records are.
    pub(crate) fn root(&self) -> Shape {
        match self.signal {
            Signal::Metrics => Shape::MetricGroup,
            Signal::Logs => Shape::LogGroup,
            Signal::Traces | Signal::Profiles => Shape::Group,
        }
    }

    fn select(&mut self, selector: &Selector) {
        let levels = levels_of(selector, self.signal);
        self.entities |= levels;
        if selector.field == field::ATTRIBUTE {
            // A name that is not meant here has its number all the same: plugins know it by that.
            self.keys.select(&selector.name, levels);
            return;
        }
        for (at, fields) in self.fields.iter_mut().enumerate() {
            if levels & (1 << at) != 0 {
                *fields |= 1 << selector.field;
            }
        }
    }
}

impl Keys {
    /// What the walk does with a key at a level. Slow: the walk remembers the answer by position.
    pub(crate) fn look_up(&self, at: u8, key: &[u8]) -> Selected {
        let bit = 1 << at;
        let patterned = || {
            self.every & bit != 0
                || self.prefixes.iter().any(|(prefix, levels)| levels & bit != 0 && key.starts_with(prefix))
        };
        match self.numbers.get(key) {
            Some(&number) if self.levels[number as usize] & bit != 0 || patterned() => {
                Selected::Exact(field::NAMED + number)
            }
            None if patterned() => Selected::Pattern,
            _ => Selected::No,
        }
    }

    /// The number of a key that stands inside a selected value, if the plan knows it.
    pub(crate) fn number(&self, key: &[u8]) -> Option<u32> {
        self.numbers.get(key).map(|number| field::NAMED + number)
    }

    fn select(&mut self, name: &str, levels: u32) {
        let lengths = if name.ends_with('*') { u64::MAX } else { 1 << name.len().min(63) };
        for (at, mask) in self.lengths.iter_mut().enumerate() {
            if levels & (1 << at) != 0 {
                *mask |= lengths;
            }
        }
        match name.strip_suffix('*') {
            Some("") => self.every |= levels,
            Some(prefix) => self.prefixes.push((prefix.as_bytes().into(), levels)),
            None => {
                let key: Box<[u8]> = name.as_bytes().into();
                let next = self.exact.len() as u32;
                let number = *self.numbers.entry(key.clone()).or_insert(next);
                if number == next {
                    self.exact.push(key);
                    self.levels.push(0);
                }
                self.levels[number as usize] |= levels;
            }
        }
    }

    /// A prefix that is covered by `*` everywhere only costs time.
    fn close(&mut self) {
        let every = self.every;
        self.prefixes.retain(|(_, levels)| levels & !every != 0);
    }
}

/// The levels that a selector means in a signal: of those that it names, the ones that have the field.
pub(crate) fn levels_of(selector: &Selector, signal: Signal) -> u32 {
    let named = if selector.levels == 0 { level::ALL } else { selector.levels };
    if selector.has_signal(signal) { named & levels_with(signal, selector.field) } else { 0 }
}

/// An entity needs its ancestors; dropping needs the items, so that they are counted and empty parents pruned.
fn with_ancestors(mut levels: u32, drops: bool) -> u32 {
    const fn bit(at: u8) -> u32 {
        1 << at
    }
    if drops || levels & (bit(level::EVENT) | bit(level::LINK) | bit(level::EXEMPLAR)) != 0 {
        levels |= bit(level::ITEM);
    }
    if levels & bit(level::ITEM) != 0 {
        levels |= bit(level::METRIC);
    }
    if levels & bit(level::METRIC) != 0 {
        levels |= bit(level::SCOPE);
    }
    if levels & bit(level::SCOPE) != 0 {
        levels |= bit(level::RESOURCE);
    }
    levels
}
