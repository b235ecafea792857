//! `when`: what an item must say about itself for a rule to be meant.

use serde::Deserialize;
use weir_sdk::{Entity, Field, Interest, Kind, Kinds, Level, Signal, Value};

use crate::glob;

/// One condition as the operator writes it: one subject and one test.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct When {
    attribute: Option<String>,
    field: Option<Property>,
    level: Option<At>,
    equals: Option<Scalar>,
    #[serde(rename = "in")]
    is_in: Option<Vec<Scalar>>,
    prefix: Option<String>,
    matches: Option<String>,
    exists: Option<bool>,
    at_least: Option<f64>,
    at_most: Option<f64>,
}

/// Where an attribute is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum At {
    #[serde(alias = "span", alias = "log")]
    Item,
    Scope,
    Resource,
}

/// What an item has beside attributes.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Property {
    Name,
    Kind,
    Status,
    DurationMs,
    Body,
    EventName,
    SeverityText,
    SeverityNumber,
}

/// A value to compare with.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Scalar {
    Bool(bool),
    Int(i64),
    Double(f64),
    Str(String),
}

/// A condition ready to be tested.
#[derive(Debug)]
pub struct Condition {
    subject: Subject,
    test: Test,
}

#[derive(Debug)]
enum Subject {
    Cell {
        field: Field,
        level: Level,
    },
    /// An enumeration, compared by name.
    Named {
        field: Field,
        names: &'static [&'static str],
    },
    Duration,
}

#[derive(Debug)]
enum Test {
    OneOf(Vec<Scalar>),
    Prefix(String),
    Matches(String),
    Exists(bool),
    Range { from: f64, to: f64 },
}

const STATUS_NAMES: &[&str] = &["unset", "ok", "error"];
const KIND_NAMES: &[&str] = &["unspecified", "internal", "server", "client", "producer", "consumer"];

impl Condition {
    /// Checks a condition and declares what it reads. The error says what is wrong with it, without its place.
    pub fn new(when: When, signal: Signal, interest: &mut Interest) -> Result<Condition, String> {
        let test = Test::new(&when)?;
        let level = match when.level.unwrap_or(At::Item) {
            At::Item => Level::ITEM,
            At::Scope => Level::SCOPE,
            At::Resource => Level::RESOURCE,
        };
        let subject = match (&when.attribute, when.field) {
            (Some(key), None) if key.is_empty() || key.contains('*') => {
                return Err("`attribute` must be the whole key of one attribute".to_owned());
            }
            (Some(key), None) => {
                let select = interest.attribute(key.as_str()).at(level).of(signal);
                let field =
                    if matches!(test, Test::Exists(_)) { select } else { select.kinds(plain_kinds()) }.read();
                Subject::Cell { field, level }
            }
            (None, Some(property)) if when.level.is_none() => property.subject(signal, interest)?,
            (None, Some(_)) => return Err("`level` goes with `attribute` alone".to_owned()),
            _ => return Err("needs one of `attribute` and `field`".to_owned()),
        };
        Ok(Condition { subject, test })
    }

    pub fn is_met(&self, item: Entity<'_>) -> bool {
        match self.subject {
            Subject::Cell { field, level } => {
                let cell = item.ancestor(level).and_then(|entity| entity.get(field));
                self.test.is_met(cell.map(|cell| cell.value()))
            }
            Subject::Named { field, names } => {
                // A field that is unset is the first of its names.
                let name = names.get(usize::try_from(item.int(field).unwrap_or(0)).unwrap_or(usize::MAX));
                self.test.is_met(name.map(|name| Value::Str(name)))
            }
            Subject::Duration => {
                let duration = item.int(Field::END_TIME).zip(item.int(Field::START_TIME));
                let milliseconds = duration.map(|(end, start)| end.wrapping_sub(start) as f64 / 1e6);
                self.test.is_met(milliseconds.map(Value::Double))
            }
        }
    }
}

impl Property {
    fn subject(self, signal: Signal, interest: &mut Interest) -> Result<Subject, String> {
        let (own, field) = match self {
            Property::Name => (Signal::TRACES, Field::NAME),
            Property::Kind => (Signal::TRACES, Field::KIND),
            Property::Status => (Signal::TRACES, Field::STATUS_CODE),
            Property::DurationMs => (Signal::TRACES, Field::END_TIME),
            Property::Body => (Signal::LOGS, Field::BODY),
            Property::EventName => (Signal::LOGS, Field::EVENT_NAME),
            Property::SeverityText => (Signal::LOGS, Field::SEVERITY_TEXT),
            Property::SeverityNumber => (Signal::LOGS, Field::SEVERITY_NUMBER),
        };
        if own != signal {
            let (has, other) =
                if own == Signal::TRACES { ("spans", "log records") } else { ("log records", "spans") };
            return Err(format!("this `field` is one of {has}, not of {other}"));
        }
        let select = interest.field(field).at(Level::ITEM).of(signal);
        let field = if self == Property::Body { select.kinds(plain_kinds()) } else { select }.read();
        Ok(match self {
            Property::Status => Subject::Named { field, names: STATUS_NAMES },
            Property::Kind => Subject::Named { field, names: KIND_NAMES },
            Property::DurationMs => {
                interest.field(Field::START_TIME).at(Level::ITEM).of(signal).read();
                Subject::Duration
            }
            _ => Subject::Cell { field, level: Level::ITEM },
        })
    }
}

impl Test {
    fn new(when: &When) -> Result<Test, String> {
        let mut tests = Vec::new();
        tests.extend(when.equals.clone().map(|value| Test::OneOf(vec![value])));
        tests.extend(when.is_in.clone().map(Test::OneOf));
        tests.extend(when.prefix.clone().map(Test::Prefix));
        tests.extend(when.matches.clone().map(Test::Matches));
        tests.extend(when.exists.map(Test::Exists));
        if when.at_least.is_some() || when.at_most.is_some() {
            let from = when.at_least.unwrap_or(f64::NEG_INFINITY);
            tests.push(Test::Range { from, to: when.at_most.unwrap_or(f64::INFINITY) });
        }
        match (tests.pop(), tests.is_empty()) {
            (Some(test), true) => Ok(test),
            _ => Err(
                "needs one test: `equals`, `in`, `prefix`, `matches`, `exists`, or `at_least` and `at_most`"
                    .to_owned(),
            ),
        }
    }

    fn is_met(&self, value: Option<Value<'_>>) -> bool {
        let Some(value) = value else { return matches!(self, Test::Exists(false)) };
        match (self, value) {
            (Test::Exists(wanted), _) => *wanted,
            (Test::OneOf(scalars), value) => scalars.iter().any(|scalar| scalar.is(value)),
            (Test::Prefix(prefix), Value::Str(text)) => text.starts_with(prefix.as_str()),
            (Test::Matches(pattern), Value::Str(text)) => glob::fits(pattern, text),
            (Test::Range { from, to }, Value::Int(number)) => (*from..=*to).contains(&(number as f64)),
            (Test::Range { from, to }, Value::Double(number)) => (*from..=*to).contains(&number),
            _ => false,
        }
    }
}

impl Scalar {
    fn is(&self, value: Value<'_>) -> bool {
        match (self, value) {
            (Scalar::Bool(own), Value::Bool(other)) => *own == other,
            (Scalar::Int(own), Value::Int(other)) => *own == other,
            (Scalar::Int(own), Value::Double(other)) => *own as f64 == other,
            (Scalar::Double(own), Value::Double(other)) => *own == other,
            (Scalar::Double(own), Value::Int(other)) => *own == other as f64,
            (Scalar::Str(own), Value::Str(other)) => own == other,
            _ => false,
        }
    }
}

fn plain_kinds() -> Kinds {
    Kinds::from([Kind::STRING, Kind::BOOL, Kind::INT, Kind::DOUBLE])
}
