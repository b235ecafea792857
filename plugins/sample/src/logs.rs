//! Sampling of log records: with their trace, or by a key, with the threshold in an attribute.

use weir_sdk::{Edits, Entity, Field, Interest, Level, NewValue, Signal};

use crate::config::{Config, Key, KeyLevel, Logs as LogsConfig, Severity};
use crate::decide::{Carried, Decider, Former, Note, Rate, Verdict};
use crate::rule::{self, Rules};
use crate::tally::{Label, Tally};
use crate::threshold::{LastText, Randomness, Threshold};

/// How log records are sampled.
#[derive(Debug)]
pub struct Logs {
    /// The rate of records that follow their trace; none if none does.
    following: Option<Rate>,
    base: Rate,
    rules: Rules,
    decider: Decider,
    severity_kept: Option<i64>,
    key: Option<(Field, Level)>,
    threshold: Field,
    randomness: Field,
    labels: Labels,
    text: LastText,
}

#[derive(Clone, Copy, Debug)]
struct Labels {
    base: Label,
    following: Label,
    severity: Label,
}

impl Logs {
    /// None if log records are all to be kept. The error names the key that is wrong.
    pub fn new(config: &Config, interest: &mut Interest, tally: &mut Tally) -> Result<Option<Logs>, String> {
        let LogsConfig { follow_trace, percentage, key, rules, .. } = &config.logs;
        let rate = |key: &str, percentage| {
            rule::rate(percentage, config.precision).map_err(|reason| format!("config key `{key}`: {reason}"))
        };
        let base = rate("logs.percentage", *percentage)?;
        let following = if *follow_trace { Some(rate("percentage", config.percentage)?) } else { None };
        let follows = following.is_some_and(|rate| rate != Rate::ALWAYS);
        if !follows && base == Rate::ALWAYS && rules.is_empty() {
            return Ok(None);
        }
        let mut label = |name| tally.label(Signal::LOGS, name);
        let labels = Labels {
            base: label("default")?,
            following: label("follow_trace")?,
            severity: label("severity")?,
        };
        let rules = Rules::new(rules.clone(), "logs.rules", Signal::LOGS, config.precision, interest, tally)?;
        let severity_kept = config.logs.min_severity_kept.or(config.keep_errors.then_some(Severity::Error));
        let makes_randomness = rules.samples() || !matches!(base, Rate::Never) && base != Rate::ALWAYS;
        let mut read = |field| {
            interest.field(field).at(Level::ITEM).of(Signal::LOGS).read();
        };
        read(Field::TRACE_ID);
        if severity_kept.is_some() {
            read(Field::SEVERITY_NUMBER);
        }
        if makes_randomness {
            [Field::TIME, Field::OBSERVED_TIME].into_iter().for_each(&mut read);
            if key.is_none() {
                read(Field::BODY);
            }
        }
        let mut attribute =
            |name: &str| interest.attribute(name).at(Level::ITEM).of(Signal::LOGS).read_write();
        let (threshold, randomness) = (attribute("sampling.threshold"), attribute("sampling.randomness"));
        let key = key.as_ref().map(|key| select_key(key, interest)).transpose()?;
        Ok(Some(Logs {
            following,
            base,
            rules,
            decider: Decider { mode: config.mode, precision: config.precision, notes_certain: false },
            severity_kept: severity_kept.map(|severity| severity as i64),
            key,
            threshold,
            randomness,
            labels,
            text: LastText::default(),
        }))
    }

    /// Decides about one record.
    pub fn sample(&mut self, record: Entity<'_>, edits: &mut Edits, tally: &mut Tally) {
        let trace = record.get(Field::TRACE_ID).and_then(|id| Randomness::of_trace(id.bytes()));
        let (rate, label) = self.wanted(record, trace.is_some());
        let known = record.str(self.randomness).and_then(Randomness::parse).or(trace);
        // To make randomness costs a look at the whole body: not where the rate is certain anyway.
        let is_certain = matches!(rate, Rate::Never | Rate::ALWAYS);
        let made = (known.is_none() && !is_certain).then(|| self.made_randomness(record));
        let former = match record.str(self.threshold) {
            None => Former::Unsaid,
            Some(text) => Threshold::parse(text).map_or(Former::Unreadable, Former::At),
        };
        let verdict = self.decider.decide(rate, Carried { randomness: known.or(made), former });
        tally.count(label, matches!(verdict, Verdict::Keep(_)));
        match verdict {
            Verdict::Keep(Note::Unchanged) => {}
            Verdict::Keep(Note::Erase) => edits.unset(record, self.threshold),
            Verdict::Keep(Note::Write(threshold)) => {
                edits.set(record, self.threshold, NewValue::Str(self.text.of("", threshold)));
                // A later sampler must judge by the same.
                if let Some(made) = made {
                    edits.set(record, self.randomness, NewValue::Str(&made.to_string()));
                }
            }
            Verdict::Drop | Verdict::Undecidable => edits.drop(record),
        }
    }

    fn wanted(&self, record: Entity<'_>, has_trace: bool) -> (Rate, Label) {
        if self.severity_kept.is_some_and(|kept| record.int(Field::SEVERITY_NUMBER).unwrap_or(0) >= kept) {
            return (Rate::ALWAYS, self.labels.severity);
        }
        if let Some(found) = self.rules.find(record) {
            return found;
        }
        match self.following {
            Some(rate) if has_trace => (rate, self.labels.following),
            _ => (self.base, self.labels.base),
        }
    }

    /// The randomness of a record that has none: by its key, or by its time and what there is of a body.
    fn made_randomness(&self, record: Entity<'_>) -> Randomness {
        let key = self.key.and_then(|(field, level)| record.ancestor(level)?.get(field));
        if let Some(key) = key {
            return Randomness::of_parts([key.bytes()]);
        }
        let cells = [Field::TIME, Field::OBSERVED_TIME, Field::BODY]
            .into_iter()
            .filter_map(|field| record.get(field));
        let leaves = cells.flat_map(|cell| std::iter::once(cell).chain(cell.inside()));
        Randomness::of_parts(leaves.map(|cell| cell.bytes()))
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
