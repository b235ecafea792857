//! By what a log record is judged: its trace id, the value of a key, or else its time and body.

use std::borrow::Cow;

use weir_sdk::{Cell, Entity, Field, Interest, Level, Signal, Value};

use crate::config::{JudgeBy, Key, KeyLevel, Logs as LogsConfig, MissingKey};
use crate::hash_seed;
use crate::threshold::Randomness;

/// Finds the randomness of a record that says none.
#[derive(Debug)]
pub struct Judge {
    /// The seed of the hash that decides, if one does.
    seed: Option<u32>,
    by_trace: bool,
    key: Option<(Field, Level)>,
    by_body: bool,
}

impl Judge {
    /// Declares what it reads, which is little if `samples` says that no rate is between never and always. The error names
    /// the key that is wrong.
    pub fn new(
        config: &LogsConfig,
        seed: Option<u32>,
        samples: bool,
        interest: &mut Interest,
    ) -> Result<Judge, String> {
        let by_trace = config.judge_by == JudgeBy::TraceId;
        if !by_trace && config.key.is_none() {
            return Err("config key `logs.judge_by`: to judge by `key`, `logs.key` must name one".to_owned());
        }
        let by_body = config.missing_key == MissingKey::Body;
        let mut read = |field| {
            interest.field(field).at(Level::ITEM).of(Signal::LOGS).read();
        };
        read(Field::TRACE_ID);
        if samples && by_body {
            [Field::TIME, Field::OBSERVED_TIME].into_iter().for_each(&mut read);
            if config.key.is_none() {
                read(Field::BODY);
            }
        }
        let key = config.key.as_ref().map(|key| select_key(key, interest)).transpose()?;
        Ok(Judge { seed, by_trace, key, by_body })
    }

    /// The seed of the hash that decides, if one does.
    pub fn seed(&self) -> Option<u32> {
        self.seed
    }

    /// The record's trace id, if it is judged by it.
    pub fn trace<'r>(&self, record: Entity<'r>) -> Option<&'r [u8]> {
        let id = record.get(Field::TRACE_ID).map(|id| id.bytes()).filter(|_| self.by_trace);
        id.filter(|id| Randomness::of_trace(id).is_some())
    }

    /// The randomness that the record's trace id has, whatever else is known of it.
    pub fn of_trace(&self, id: &[u8]) -> Option<Randomness> {
        match self.seed {
            Some(seed) => Some(hash_seed::randomness(id, seed)),
            None => Randomness::of_trace(id),
        }
    }

    /// The randomness of a record that is not judged by its trace. None if it has nothing to be judged by.
    pub fn made(&self, record: Entity<'_>) -> Option<Randomness> {
        let key = self.key.and_then(|(field, level)| record.ancestor(level)?.get(field));
        match (key, self.seed) {
            (Some(key), Some(seed)) => {
                let text = text(key).filter(|text| !text.is_empty());
                text.map(|text| hash_seed::randomness(&text, seed)).or_else(|| self.of_body(record))
            }
            (Some(key), None) => Some(Randomness::of_parts([key.bytes()])),
            (None, _) => self.of_body(record),
        }
    }

    fn of_body(&self, record: Entity<'_>) -> Option<Randomness> {
        let cells = [Field::TIME, Field::OBSERVED_TIME, Field::BODY]
            .into_iter()
            .filter_map(|field| record.get(field));
        let leaves = cells.flat_map(|cell| std::iter::once(cell).chain(cell.inside()));
        self.by_body.then(|| Randomness::of_parts(leaves.map(|cell| cell.bytes())))
    }
}

fn select_key(key: &Key, interest: &mut Interest) -> Result<(Field, Level), String> {
    if key.attribute.is_empty() || key.attribute.contains('*') {
        return Err("config key `logs.key.attribute`: must be the whole key of one attribute".to_owned());
    }
    let level = match key.level {
        KeyLevel::Item => Level::ITEM,
        KeyLevel::Resource => Level::RESOURCE,
    };
    Ok((interest.attribute(key.attribute.as_str()).at(level).of(Signal::LOGS).read(), level))
}

/// A value as the Collector writes it before it hashes it. Lists and maps are none: it hashes them as JSON, and nobody
/// samples by them.
fn text<'c>(cell: Cell<'c>) -> Option<Cow<'c, [u8]>> {
    match cell.value() {
        Value::Str(text) => Some(Cow::Borrowed(text.as_bytes())),
        Value::Bytes(bytes) => Some(Cow::Borrowed(bytes)),
        Value::Int(number) => Some(number.to_string().into_bytes().into()),
        Value::Bool(on) => Some(on.to_string().into_bytes().into()),
        Value::Double(number) => double(number).map(|text| text.into_bytes().into()),
        _ => None,
    }
}

/// A number as JSON has it in Go: very large and very small ones with an exponent. None if JSON has no such number.
fn double(number: f64) -> Option<String> {
    let size = number.abs();
    if !number.is_finite() {
        return None;
    }
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return Some(number.to_string());
    }
    let text = format!("{number:e}");
    // An exponent above zero has its sign there.
    Some(if size >= 1.0 { text.replace('e', "e+") } else { text })
}

#[cfg(test)]
mod tests {
    use super::double;

    #[test]
    fn numbers_are_written_as_go_writes_json() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-2.5, "-2.5"),
            (0.1, "0.1"),
            (1e-6, "0.000001"),
            (9.5e-7, "9.5e-7"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-1.5e300, "-1.5e+300"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
        ] {
            assert_eq!(double(number).as_deref(), Some(text));
        }
        assert_eq!(double(f64::NAN), None);
    }
}
