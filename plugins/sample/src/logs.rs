//! Sampling of log records: with their trace, or by a key, with the threshold in an attribute.

use weir_sdk::{Edits, Entity, Field, Interest, Kind, Kinds, Level, NewValue, Signal, Value};

use crate::config::{Config, Logs as LogsConfig, MissingKey, Severity};
use crate::decide::{Carried, Decider, Former, Note, Rate, Steps, Verdict};
use crate::judge::Judge;
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
    judge: Judge,
    /// Whether a record that cannot be judged is kept.
    keeps_missing: bool,
    /// The attribute that says a record's own percentage.
    percentage: Option<Field>,
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
    /// There if there is an attribute with a percentage.
    percentage: Option<Label>,
    /// There if records may have nothing to be judged by.
    missing: Option<Label>,
}

impl Logs {
    /// None if log records are all to be kept. The error names the key that is wrong.
    pub fn new(config: &Config, interest: &mut Interest, tally: &mut Tally) -> Result<Option<Logs>, String> {
        let LogsConfig { follow_trace, percentage, percentage_attribute, missing_key, rules, .. } =
            &config.logs;
        let steps = config.steps();
        let rate = |key: &str, percentage| {
            rule::rate(percentage, steps).map_err(|reason| format!("config key `{key}`: {reason}"))
        };
        let base = rate("logs.percentage", *percentage)?;
        let following = if *follow_trace { Some(rate("percentage", config.percentage)?) } else { None };
        let follows = following.is_some_and(|rate| rate != Rate::ALWAYS);
        if !follows && base == Rate::ALWAYS && rules.is_empty() && percentage_attribute.is_none() {
            return Ok(None);
        }
        let labels = Labels::new(&config.logs, tally)?;
        let rules = Rules::new(rules.clone(), "logs.rules", Signal::LOGS, steps, interest, tally)?;
        let severity_kept = config.logs.min_severity_kept.or(config.keep_errors.then_some(Severity::Error));
        if severity_kept.is_some() {
            interest.field(Field::SEVERITY_NUMBER).at(Level::ITEM).of(Signal::LOGS).read();
        }
        let samples = rules.samples()
            || percentage_attribute.is_some()
            || !matches!(base, Rate::Never) && base != Rate::ALWAYS;
        let judge = Judge::new(&config.logs, config.seed(), samples, interest)?;
        let mut attribute =
            |name: &str| interest.attribute(name).at(Level::ITEM).of(Signal::LOGS).read_write();
        let (threshold, randomness) = (attribute("sampling.threshold"), attribute("sampling.randomness"));
        let percentage =
            percentage_attribute.as_ref().map(|key| select_percentage(key, interest)).transpose()?;
        Ok(Some(Logs {
            following,
            base,
            rules,
            decider: Decider {
                mode: config.mode,
                precision: config.precision,
                inconsistent: config.inconsistent,
                notes_certain: false,
            },
            severity_kept: severity_kept.map(|severity| severity as i64),
            judge,
            keeps_missing: *missing_key == MissingKey::Keep,
            percentage,
            threshold,
            randomness,
            labels,
            text: LastText::default(),
        }))
    }

    /// Decides about one record.
    pub fn sample(&mut self, record: Entity<'_>, edits: &mut Edits, tally: &mut Tally) {
        let trace = self.judge.trace(record);
        let (rate, label) = self.wanted(record, trace.is_some());
        let (carried, unsaid) = self.carried(record, trace, rate);
        let verdict = self.decider.decide(rate, carried);
        let (note, label) = match verdict {
            Verdict::Keep(note) => (Some(note), label),
            Verdict::Drop => (None, label),
            // One that asks to be kept is, also where it cannot be said how often.
            Verdict::Undecidable if Some(label) == self.labels.percentage => (Some(Note::Unchanged), label),
            Verdict::Undecidable => {
                (self.keeps_missing.then_some(Note::Unchanged), self.labels.missing.unwrap_or(label))
            }
        };
        tally.count(label, note.is_some());
        match note {
            None => edits.drop(record),
            Some(Note::Unchanged) => {}
            Some(Note::Erase)
                if carried.former == Former::Otherwise && record.get(self.threshold).is_none() => {}
            Some(Note::Erase) => edits.unset(record, self.threshold),
            Some(Note::Write(threshold)) => {
                edits.set(record, self.threshold, NewValue::Str(self.text.of("", threshold)));
                // A later sampler must judge by the same.
                if let Some(unsaid) = unsaid {
                    edits.set(record, self.randomness, NewValue::Str(&unsaid.to_string()));
                }
            }
        }
    }

    /// What the record says about itself, and the randomness that decides if neither an attribute nor its trace says it.
    fn carried(&self, record: Entity<'_>, trace: Option<&[u8]>, rate: Rate) -> (Carried, Option<Randomness>) {
        let said = record.str(self.randomness).and_then(Randomness::parse);
        let former = match record.str(self.threshold) {
            None => Former::Unsaid,
            Some(text) => Threshold::parse(text).map_or(Former::Unreadable, Former::At),
        };
        // To make randomness costs a look at the whole body: not where the rate is certain anyway.
        let is_certain = matches!(rate, Rate::Never | Rate::ALWAYS);
        let made = || if is_certain { None } else { self.judge.made(record) };
        let of_trace = trace.and_then(|id| self.judge.of_trace(id));
        if self.judge.seed().is_some() {
            let hash = of_trace.or_else(made);
            return (Carried::hashed(hash, said, former), hash.filter(|_| said.is_none()));
        }
        let known = said.or(of_trace);
        let made = if known.is_none() { made() } else { None };
        (Carried { randomness: known.or(made), former }, made)
    }

    fn wanted(&self, record: Entity<'_>, has_trace: bool) -> (Rate, Label) {
        let own = self.percentage.and_then(|field| self.own_rate(record.get(field)?.value()));
        if let (Some(rate), Some(label)) = (own, self.labels.percentage) {
            return (rate, label);
        }
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

    /// The rate that a record asks for. None if it is no percentage.
    fn own_rate(&self, value: Value<'_>) -> Option<Rate> {
        let percentage = match value {
            Value::Int(number) => number as f64,
            Value::Double(number) => number,
            _ => return None,
        };
        if percentage.is_nan() {
            return None;
        }
        Rate::from_percentage(percentage.min(100.0), Steps::Digits(self.decider.precision))
    }
}

impl Labels {
    fn new(config: &LogsConfig, tally: &mut Tally) -> Result<Labels, String> {
        let mut label = |name| tally.label(Signal::LOGS, name);
        let has_percentage = config.percentage_attribute.is_some();
        let may_miss = config.missing_key != MissingKey::Body;
        Ok(Labels {
            base: label("default")?,
            following: label("follow_trace")?,
            severity: label("severity")?,
            percentage: has_percentage.then(|| label("percentage_attribute")).transpose()?,
            missing: may_miss.then(|| label("missing_key")).transpose()?,
        })
    }
}

fn select_percentage(key: &str, interest: &mut Interest) -> Result<Field, String> {
    if key.is_empty() || key.contains('*') {
        return Err(
            "config key `logs.percentage_attribute`: must be the whole key of one attribute".to_owned()
        );
    }
    let numbers = Kinds::from([Kind::INT, Kind::DOUBLE]);
    Ok(interest.attribute(key).at(Level::ITEM).of(Signal::LOGS).kinds(numbers).read())
}
