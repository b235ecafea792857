//! The actions of the `attributes` and `resource` processors.

use std::borrow::Cow;

use super::attributes::{Attributes, Keys};
use super::datum::Datum;
use super::hash;
use super::pattern::Pattern;
use super::text;
use super::value::Value;

/// One action. They are carried out in the order of the configuration, each on what the former ones left.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// The attribute that it is about; empty if a pattern alone says which ones.
    pub key: String,
    /// What becomes of it.
    pub operation: Operation,
}

/// What becomes of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// It is set if it is not there.
    Insert(Source),
    /// It is set if it is there.
    Update(Source),
    /// It is set.
    Upsert(Source),
    /// It is removed, and so is each whose key matches.
    Delete(Option<Pattern>),
    /// It becomes the SHA-256 of its value, and so does each whose key matches.
    Hash(Option<Pattern>),
    /// The named groups of a match in its text become attributes.
    Extract(Pattern),
    /// Its value gets another type, if it can.
    Convert(Conversion),
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// From the configuration.
    Given(Value),
    /// From another attribute or, if that is not there, from the configuration.
    Attribute {
        /// The other attribute's key.
        key: String,
        /// What is taken if there is none.
        default: Option<Value>,
    },
}

/// The type that a value gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversion {
    /// Text.
    String,
    /// A whole number.
    Int,
    /// A number.
    Double,
}

impl Action {
    /// The keys that it reads or writes by name.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        let from = match &self.operation {
            Operation::Insert(source) | Operation::Update(source) | Operation::Upsert(source) => source.key(),
            _ => None,
        };
        let targets = match &self.operation {
            Operation::Extract(pattern) => pattern.groups(),
            _ => &[],
        };
        let own = Some(self.key.as_str()).filter(|key| !key.is_empty());
        own.into_iter().chain(from).chain(targets.iter().flatten().map(String::as_str))
    }

    /// What says of keys that nobody names whether the action is about them.
    pub(super) fn pattern(&self) -> Option<&Pattern> {
        match &self.operation {
            Operation::Delete(pattern) | Operation::Hash(pattern) => pattern.as_ref(),
            _ => None,
        }
    }
}

impl Source {
    fn key(&self) -> Option<&str> {
        match self {
            Source::Given(_) => None,
            Source::Attribute { key, .. } => Some(key),
        }
    }
}

/// An action with the numbers that its keys have in one part of a batch.
pub(super) struct Resolved<'a> {
    action: &'a Action,
    key: Option<u32>,
    from: u32,
    /// Of an extraction, by group.
    targets: Vec<u32>,
    /// By the number of a key: whether the pattern matches it, once that is known.
    matches: Vec<Option<bool>>,
}

impl<'a> Resolved<'a> {
    /// All actions of a processor.
    pub fn all(actions: &'a [Action], keys: &mut Keys<'a>) -> Vec<Resolved<'a>> {
        let resolved = actions.iter().map(|action| {
            let from = match &action.operation {
                Operation::Insert(source) | Operation::Update(source) | Operation::Upsert(source) => {
                    source.key()
                }
                _ => None,
            };
            let targets = match &action.operation {
                Operation::Extract(pattern) => pattern.groups(),
                _ => &[],
            };
            Resolved {
                action,
                key: (!action.key.is_empty()).then(|| keys.resolve(&action.key)),
                from: from.map_or(0, |from| keys.resolve(from)),
                targets: targets.iter().flatten().map(|target| keys.resolve(target)).collect(),
                matches: Vec::new(),
            }
        });
        resolved.collect()
    }

    /// Carries the action out.
    pub fn apply(&mut self, attributes: &mut Attributes<'_, 'a>) {
        let (key, action) = (self.key.unwrap_or(0), self.action);
        match &action.operation {
            Operation::Insert(source) => {
                if attributes.get(key).is_none()
                    && let Some(value) = self.value(source, attributes)
                {
                    attributes.put(key, value);
                }
            }
            Operation::Update(source) => {
                if attributes.get(key).is_some()
                    && let Some(value) = self.value(source, attributes)
                {
                    attributes.put(key, value);
                }
            }
            Operation::Upsert(source) => {
                if let Some(value) = self.value(source, attributes) {
                    attributes.put(key, value);
                }
            }
            Operation::Delete(pattern) => {
                self.key.into_iter().for_each(|key| attributes.remove(key));
                self.each_match(pattern.as_ref(), attributes, |now| *now = None);
            }
            Operation::Hash(pattern) => {
                if let Some(value) = attributes.get(key).filter(|_| self.key.is_some()) {
                    let hashed = hashed(value);
                    attributes.put(key, hashed);
                }
                // One that is named and matches as well is hashed twice, as in the Collector.
                self.each_match(pattern.as_ref(), attributes, |now| *now = now.as_ref().map(hashed));
            }
            Operation::Extract(pattern) => self.extract(pattern, key, attributes),
            Operation::Convert(conversion) => {
                if let Some(value) = attributes.get(key).and_then(|value| converted(value, *conversion)) {
                    attributes.put(key, value);
                }
            }
        }
    }

    fn value(&self, source: &'a Source, attributes: &Attributes<'_, 'a>) -> Option<Datum<'a>> {
        match source {
            Source::Given(value) => Some(value.into()),
            Source::Attribute { default, .. } => {
                attributes.get(self.from).cloned().or_else(|| default.as_ref().map(Datum::from))
            }
        }
    }

    fn each_match(
        &mut self,
        pattern: Option<&Pattern>,
        attributes: &mut Attributes<'_, 'a>,
        mut change: impl FnMut(&mut Option<Datum<'a>>),
    ) {
        let Some(pattern) = pattern else { return };
        // The same keys come again and again.
        self.matches.resize(attributes.keys.len(), None);
        let mut names = Vec::new();
        attributes.each(|field, _| {
            if matches!(self.matches.get(field as usize), Some(None)) {
                names.push(field);
            }
            false
        });
        for field in names {
            if let Some(known) = self.matches.get_mut(field as usize) {
                *known = Some(pattern.is_match(attributes.keys.key(field).as_bytes()));
            }
        }
        attributes.each(|field, now| {
            let is_match = self.matches.get(field as usize).copied().flatten().unwrap_or(false);
            if is_match {
                change(now);
            }
            is_match
        });
    }

    fn extract(&self, pattern: &Pattern, key: u32, attributes: &mut Attributes<'_, 'a>) {
        let Some(Datum::Str(text)) = attributes.get(key).cloned() else { return };
        let Some(captures) = pattern.captures(text.as_bytes()) else { return };
        for (group, target) in self.targets.iter().enumerate() {
            // A group that took no part in the match gives an empty text.
            let range = captures.get(group + 1).map_or(0..0, |found| found.range());
            let part = match &text {
                Cow::Borrowed(text) => Cow::Borrowed(text.get(range).unwrap_or_default()),
                Cow::Owned(text) => Cow::Owned(text.get(range).unwrap_or_default().to_owned()),
            };
            attributes.put(*target, Datum::Str(part));
        }
    }
}

/// The hash of a value. What is no text, number or truth value becomes an empty text, as in the Collector.
fn hashed<'a>(value: &Datum<'a>) -> Datum<'a> {
    let hash = match value {
        Datum::Str(text) => hash::sha256(text.as_bytes()),
        Datum::Bool(value) => hash::sha256(&[u8::from(*value)]),
        Datum::Int(value) => hash::sha256(&value.to_le_bytes()),
        Datum::Double(value) => hash::sha256(&value.to_bits().to_le_bytes()),
        Datum::Empty | Datum::Bytes(_) | Datum::Tree(_) | Datum::Nested(..) => String::new(),
    };
    Datum::Str(hash.into())
}

/// The value in another type; `None` if it has that already or cannot have it.
fn converted<'a>(value: &Datum<'a>, to: Conversion) -> Option<Datum<'a>> {
    match (to, value) {
        (Conversion::String, Datum::Str(_))
        | (Conversion::Int, Datum::Int(_))
        | (Conversion::Double, Datum::Double(_)) => None,
        (Conversion::String, value) => Some(Datum::Str(value.to_text())),
        (Conversion::Int, Datum::Double(value)) => Some(Datum::Int(*value as i64)),
        (Conversion::Int, Datum::Bool(value)) => Some(Datum::Int((*value).into())),
        (Conversion::Int, Datum::Str(text)) => text.parse().ok().map(Datum::Int),
        (Conversion::Double, Datum::Int(value)) => Some(Datum::Double(*value as f64)),
        (Conversion::Double, Datum::Bool(value)) => Some(Datum::Double((*value).into())),
        (Conversion::Double, Datum::Str(text)) => text::parse_double(text).map(Datum::Double),
        (Conversion::Int | Conversion::Double, _) => None,
    }
}
