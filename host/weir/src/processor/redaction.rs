//! The `redaction` processor: what is not allowed is removed, what is blocked is masked.

mod body;
mod summary;

use std::borrow::Cow;
use std::collections::HashSet;

use weir_otlp::{Interest, READ, Selector, Signal, WRITE, field, level};

use super::answer::{Answer, TooLarge};
use super::datum::Datum;
use super::hash::Mask;
use super::pattern::PatternSet;
use super::seen::{Entity, Seen};
use body::Body;
use summary::{Existing, Known, Tally};

pub use summary::Summary;

/// The longest text that masking may make of one. Hashes are longer than what they hide.
const TEXT_BYTES_MAX: usize = 64 << 20;

/// The levels at which attributes are looked at: those of the Collector's processor.
const LEVELS: [u8; 4] = [level::RESOURCE, level::SCOPE, level::ITEM, level::EVENT];

/// See the module.
pub(super) struct Redaction {
    /// `None` if all keys are allowed.
    pub allowed_keys: Option<HashSet<String>>,
    pub ignored_keys: HashSet<String>,
    pub ignored_key_patterns: PatternSet,
    pub blocked_key_patterns: PatternSet,
    pub blocked_values: PatternSet,
    pub allowed_values: PatternSet,
    pub mask: Mask,
    /// Whether numbers and trees are looked at as text.
    pub all_types: bool,
    pub summary: Summary,
}

/// What a key says of its value.
#[derive(Clone, Copy, PartialEq)]
enum Rule {
    /// It is left alone.
    Ignore,
    /// It goes.
    Remove,
    /// It is masked as a whole.
    Mask,
    /// Its value is looked at.
    Look,
}

/// One part of a batch at work.
struct Pass<'p, 'a> {
    redaction: &'a Redaction,
    seen: Seen<'a>,
    /// By the number of a key, once that is known: the same keys come again and again.
    rules: Vec<Option<Rule>>,
    known: Known,
    /// How many bytes of paths the summaries may still name.
    paths_left: usize,
    answer: &'p mut Answer,
}

impl Redaction {
    /// What it reads and writes.
    pub fn interest(&self, signal: Signal) -> Interest {
        let levels = LEVELS.iter().fold(0, |mask, at| mask | 1 << at);
        let access = READ | WRITE;
        let attributes =
            Selector { levels, field: field::ATTRIBUTE, access, name: "*".to_owned(), ..Selector::default() };
        let body = Selector { levels: 1 << level::ITEM, field: field::BODY, access, ..Selector::default() };
        let selectors = if signal == Signal::Logs { vec![attributes, body] } else { vec![attributes] };
        Interest { signals: signal.bit(), selectors, redacts: true, ..Interest::default() }
    }

    /// Redacts one part of a batch.
    pub fn process(&self, signal: Signal, seen: Seen<'_>, answer: &mut Answer) -> Result<(), TooLarge> {
        let mut pass = Pass {
            redaction: self,
            seen,
            rules: vec![None; seen.fields()],
            known: Known::of(seen),
            paths_left: TEXT_BYTES_MAX,
            answer,
        };
        for entity in seen.entities() {
            if !LEVELS.contains(&entity.level) || seen.is_repeated(&entity) {
                continue;
            }
            let existing = pass.attributes(&entity)?;
            if signal == Signal::Logs && entity.level == level::ITEM {
                Body::new(&mut pass).redact(&entity, &existing)?;
            }
        }
        Ok(())
    }

    fn rule(&self, key: &str) -> Rule {
        if self.ignored_keys.contains(key) || self.ignored_key_patterns.is_match(key.as_bytes()) {
            return Rule::Ignore;
        }
        let is_allowed = |allowed: &HashSet<String>| allowed.contains(key) || Summary::is_own(key);
        if !self.allowed_keys.as_ref().is_none_or(is_allowed) {
            return Rule::Remove;
        }
        if self.blocked_key_patterns.is_match(key.as_bytes()) { Rule::Mask } else { Rule::Look }
    }

    /// A text with everything in it masked, line by line: `.*` does not match the end of a line.
    fn mask_all(&self, text: &str) -> Result<String, TooLarge> {
        let mut out = String::new();
        for (place, line) in text.split('\n').enumerate() {
            if place > 0 {
                out.push('\n');
            }
            self.mask.write(line, &mut out);
            check(&out)?;
        }
        Ok(out)
    }

    /// A text with what is blocked in it masked, by one pattern after the other; `None` if it stays as it is.
    fn masked(&self, text: &str) -> Result<Option<String>, TooLarge> {
        if !self.blocked_values.is_match(text.as_bytes()) {
            return Ok(None);
        }
        let mut now = Cow::Borrowed(text);
        for pattern in self.blocked_values.iter() {
            let mut out = String::new();
            let mut done = 0;
            for range in pattern.matches(&now) {
                out.push_str(now.get(done..range.start).unwrap_or_default());
                done = range.end;
                self.mask.write(now.get(range).unwrap_or_default(), &mut out);
                check(&out)?;
            }
            // Without a match nothing is written; what an empty match becomes is never empty.
            if !out.is_empty() {
                out.push_str(now.get(done..).unwrap_or_default());
                now = Cow::Owned(out);
            }
        }
        Ok(Some(now.into_owned()).filter(|now| now != text))
    }

    fn is_allowed_value(&self, text: &str) -> bool {
        self.allowed_values.is_match(text.as_bytes())
    }
}

fn check(text: &str) -> Result<(), TooLarge> {
    if text.len() > TEXT_BYTES_MAX { Err(TooLarge) } else { Ok(()) }
}

impl<'a> Pass<'_, 'a> {
    fn rule(&mut self, field: u32) -> Rule {
        if let Some(Some(rule)) = self.rules.get(field as usize) {
            return *rule;
        }
        let rule = self.redaction.rule(self.seen.key(field));
        if let Some(slot) = self.rules.get_mut(field as usize) {
            *slot = Some(rule);
        }
        rule
    }

    /// The attributes of an entity. Says what the summaries of former processors say of it.
    fn attributes(&mut self, entity: &Entity) -> Result<Existing<'a>, TooLarge> {
        let (redaction, seen) = (self.redaction, self.seen);
        let (mut tally, mut existing) = (Tally::default(), Existing::default());
        for cell in seen.outermost(entity.cells.clone()).filter(|cell| cell.field >= field::NAMED) {
            let name = || Cow::Borrowed(seen.key(cell.field));
            let rule = self.rule(cell.field);
            if rule == Rule::Ignore {
                tally.ignored.add(name());
                existing.keep(&self.known, cell.field, seen.datum(cell));
                continue;
            }
            if rule == Rule::Remove {
                tally.redacted.add(name());
                self.answer.remove(cell.number)?;
                continue;
            }
            let text = if redaction.all_types { seen.datum(cell).to_text() } else { cell.text().into() };
            if redaction.is_allowed_value(&text) {
                tally.allowed.add(name());
                existing.keep(&self.known, cell.field, seen.datum(cell));
                continue;
            }
            let masked = match rule {
                Rule::Mask => Some(redaction.mask_all(&text)?),
                _ => redaction.masked(&text)?,
            };
            let Some(masked) = masked else {
                existing.keep(&self.known, cell.field, seen.datum(cell));
                continue;
            };
            tally.masked.add(name());
            let masked = Datum::Str(masked.into());
            self.answer.replace(cell.number, &masked)?;
            existing.keep(&self.known, cell.field, masked);
        }
        redaction.summary.attributes(&self.known, entity.number, tally, &existing, self.answer)?;
        Ok(existing)
    }
}
