//! The `attributes` and `resource` processors: actions on the attributes of items, or of resources.

use weir_otlp::{Interest, READ, Selector, Signal, WRITE, field, level};

use super::action::{Action, Resolved};
use super::answer::{Answer, TooLarge};
use super::attributes::{Attributes, Keys};
use super::matching::{Around, Match};
use super::seen::Seen;

/// Actions, and what they are about.
pub(super) struct Acting {
    pub actions: Vec<Action>,
    /// The level whose entities' attributes are acted on.
    pub level: u8,
    pub include: Option<Match>,
    pub exclude: Option<Match>,
}

impl Acting {
    /// What it reads and writes.
    pub fn interest(&self, signal: Signal) -> Interest {
        let mut selectors: Vec<Selector> = Vec::new();
        let mut names: Vec<&str> = self.actions.iter().flat_map(Action::keys).collect();
        names.sort_unstable();
        names.dedup();
        if self.actions.iter().any(|action| action.pattern().is_some()) {
            names.push("*");
        }
        for name in names {
            selectors.push(Selector {
                levels: 1 << self.level,
                field: field::ATTRIBUTE,
                access: READ | WRITE,
                name: name.to_owned(),
                ..Selector::default()
            });
        }
        for matching in self.include.iter().chain(&self.exclude) {
            selectors.extend(matching.selectors());
        }
        Interest { signals: signal.bit(), selectors, ..Interest::default() }
    }

    /// Acts on one part of a batch.
    pub fn process<'a>(&'a self, seen: Seen<'a>, answer: &mut Answer) -> Result<(), TooLarge> {
        let mut keys = Keys::new(seen);
        let mut actions = Resolved::all(&self.actions, &mut keys);
        let mut around = [Around::default(); 2];
        for entity in seen.entities() {
            for (matching, around) in [&self.include, &self.exclude].into_iter().zip(&mut around) {
                if let Some(matching) = matching {
                    matching.look(seen, &entity, around);
                }
            }
            if entity.level != self.level || seen.is_repeated(&entity) {
                continue;
            }
            let [included, excluded] = around;
            let matches = |matching: &Match, around| matching.matches(seen, &entity, around);
            if self.include.as_ref().is_some_and(|include| !matches(include, included))
                || self.exclude.as_ref().is_some_and(|exclude| matches(exclude, excluded))
            {
                continue;
            }
            let mut attributes = Attributes::of(&mut keys, &entity);
            for action in &mut actions {
                action.apply(&mut attributes);
            }
            attributes.write(answer)?;
        }
        Ok(())
    }
}

/// The level of spans, log records and data points.
pub(super) const ITEMS: u8 = level::ITEM;
/// The level of resources.
pub(super) const RESOURCES: u8 = level::RESOURCE;
