//! The attributes in which the processor says what it did.

use std::borrow::Cow;

use crate::processor::answer::{Answer, Key, TooLarge};
use crate::processor::datum::Datum;
use crate::processor::seen::Seen;

/// How much is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Summary {
    /// Nothing.
    #[default]
    Silent,
    /// How many.
    Info,
    /// How many, and which keys.
    Debug,
}

/// The names of the attributes: for what was redacted, masked and allowed the keys and how many, and how many were ignored.
struct Names {
    redacted: [&'static str; 2],
    masked: [&'static str; 2],
    allowed: [&'static str; 2],
    ignored: &'static str,
}

const ATTRIBUTES: Names = Names {
    redacted: ["redaction.redacted.keys", "redaction.redacted.count"],
    masked: ["redaction.masked.keys", "redaction.masked.count"],
    allowed: ["redaction.allowed.keys", "redaction.allowed.count"],
    ignored: "redaction.ignored.count",
};

const BODY: Names = Names {
    redacted: ["redaction.body.redacted.keys", "redaction.body.redacted.count"],
    masked: ["redaction.body.masked.keys", "redaction.body.masked.count"],
    allowed: ["redaction.body.allowed.keys", "redaction.body.allowed.count"],
    ignored: "redaction.body.ignored.count",
};

/// What separates keys.
const SEPARATOR: char = ',';

/// One kind of thing that was done: how often, and to which keys.
#[derive(Default)]
pub(super) struct Done<'a> {
    count: i64,
    keys: Vec<Cow<'a, str>>,
}

/// What was done to one entity.
#[derive(Default)]
pub(super) struct Tally<'a> {
    pub redacted: Done<'a>,
    pub masked: Done<'a>,
    pub allowed: Done<'a>,
    pub ignored: Done<'a>,
}

/// The summary's attributes that a part of a batch has, by their numbers.
pub(super) struct Known(Vec<(u32, &'static str)>);

/// What the summary's attributes of one entity say, after they have been redacted themselves.
#[derive(Default)]
pub(super) struct Existing<'a>(Vec<(&'static str, Datum<'a>)>);

impl<'a> Done<'a> {
    pub fn add(&mut self, key: Cow<'a, str>) {
        self.count += 1;
        self.keys.push(key);
    }

    pub fn count(&mut self) {
        self.count += 1;
    }
}

impl Known {
    pub fn of(seen: Seen<'_>) -> Self {
        let keys = [ATTRIBUTES, BODY].into_iter().flat_map(|Names { redacted, masked, allowed, ignored }| {
            redacted.into_iter().chain(masked).chain(allowed).chain([ignored])
        });
        Known(keys.filter_map(|key| Some((seen.field_of(key)?, key))).collect())
    }
}

impl Known {
    /// An attribute of the summary that is to be set. Names are not looked for again: a batch may have very many.
    fn key<'k>(&self, name: &'k str) -> Key<'k> {
        self.0
            .iter()
            .find(|(_, known)| *known == name)
            .map_or(Key::Name(name), |(field, _)| Key::Field(*field))
    }
}

impl<'a> Existing<'a> {
    /// Keeps an attribute if it is one of the summary's; of several the first.
    pub fn keep(&mut self, known: &Known, field: u32, value: Datum<'a>) {
        let Some((_, key)) = known.0.iter().find(|(known, _)| *known == field) else { return };
        if self.get(key).is_none() {
            self.0.push((key, value));
        }
    }

    fn get(&self, key: &str) -> Option<&Datum<'a>> {
        self.0.iter().find(|(kept, _)| *kept == key).map(|(_, value)| value)
    }
}

impl Summary {
    /// Whether a key is allowed whatever keys the configuration allows: as in the Collector, some of the summary's own.
    pub(super) fn is_own(key: &str) -> bool {
        let Names { redacted, masked, ignored, .. } = ATTRIBUTES;
        redacted.contains(&key) || masked.contains(&key) || key == ignored
    }

    /// Whether keys are named.
    pub(super) fn names_keys(self) -> bool {
        self == Summary::Debug
    }

    /// Says what was done to the attributes of an entity.
    pub(super) fn attributes<'a>(
        self,
        known: &Known,
        entity: u32,
        tally: Tally<'a>,
        existing: &Existing<'a>,
        answer: &mut Answer,
    ) -> Result<(), TooLarge> {
        self.all(known, entity, tally, &ATTRIBUTES, existing, answer)
    }

    /// Says what was done to the body of a log record, in attributes of the record.
    pub(super) fn body<'a>(
        self,
        known: &Known,
        entity: u32,
        tally: Tally<'a>,
        existing: &Existing<'a>,
        answer: &mut Answer,
    ) -> Result<(), TooLarge> {
        self.all(known, entity, tally, &BODY, existing, answer)
    }

    fn all<'a>(
        self,
        known: &Known,
        entity: u32,
        tally: Tally<'a>,
        names: &Names,
        existing: &Existing<'a>,
        answer: &mut Answer,
    ) -> Result<(), TooLarge> {
        if self == Summary::Silent {
            return Ok(());
        }
        let of = |done, [keys, count]: [&'static str; 2]| (done, Some(keys), count);
        let done = [
            of(tally.redacted, names.redacted),
            of(tally.masked, names.masked),
            of(tally.allowed, names.allowed),
            (tally.ignored, None, names.ignored),
        ];
        for (Done { count, mut keys }, keys_key, count_key) in done {
            if count == 0 {
                continue;
            }
            if let Some(keys_key) = keys_key.filter(|_| self == Summary::Debug) {
                if let Some(Datum::Str(before)) = existing.get(keys_key)
                    && !before.is_empty()
                {
                    keys.extend(before.split(SEPARATOR).map(|key| Cow::Owned(key.to_owned())));
                }
                keys.sort_unstable();
                let mut text = String::new();
                for (place, key) in keys.iter().enumerate() {
                    text.extend((place > 0).then_some(SEPARATOR));
                    text.push_str(key);
                }
                answer.set(entity, known.key(keys_key), &Datum::Str(text.into()))?;
            }
            let before = match existing.get(count_key) {
                Some(Datum::Int(before)) => *before,
                _ => 0,
            };
            answer.set(entity, known.key(count_key), &Datum::Int(before.wrapping_add(count)))?;
        }
        Ok(())
    }
}
