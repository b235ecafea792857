//! Sampling of spans: by the trace, with the threshold written to the trace state.

use weir_sdk::{Edits, Entity, Field, Interest, Kind, Kinds, Level, NewValue, Signal, Value};

use crate::config::{Config, Missing};
use crate::decide::{Carried, Decider, Note, Rate, Verdict};
use crate::hash_seed;
use crate::rule::{self, Rules};
use crate::tally::{Label, Tally};
use crate::threshold::{LastText, Randomness};
use crate::trace_state::{self, TraceState};

/// `STATUS_CODE_ERROR`.
const STATUS_ERROR: i64 = 2;

/// How spans are sampled.
#[derive(Debug)]
pub struct Spans {
    base: Rate,
    rules: Rules,
    decider: Decider,
    /// The seed of the hash that decides, if one does.
    seed: Option<u32>,
    missing: Missing,
    keeps_errors: bool,
    priority: Option<Field>,
    labels: Labels,
    /// The trace state of a span that had none.
    new_state: LastText,
    /// Where a trace state is put together, kept to save an allocation a span.
    scratch: String,
}

#[derive(Clone, Copy, Debug)]
struct Labels {
    base: Label,
    errors: Label,
    priority: Label,
    missing: Label,
}

impl Spans {
    /// None if spans are all to be kept. The error names the key that is wrong.
    pub fn new(config: &Config, interest: &mut Interest, tally: &mut Tally) -> Result<Option<Spans>, String> {
        let base = rule::rate(config.percentage, config.steps())
            .map_err(|e| format!("config key `percentage`: {e}"))?;
        if base == Rate::ALWAYS && config.rules.is_empty() {
            return Ok(None);
        }
        let mut label = |name| tally.label(Signal::TRACES, name);
        let labels = Labels {
            base: label("default")?,
            errors: label("errors")?,
            priority: label("priority")?,
            missing: label("missing_trace_id")?,
        };
        let rules =
            Rules::new(config.rules.clone(), "rules", Signal::TRACES, config.steps(), interest, tally)?;
        let at_span =
            |interest: &mut Interest, field| interest.field(field).at(Level::ITEM).of(Signal::TRACES).read();
        at_span(interest, Field::TRACE_ID);
        interest.field(Field::TRACE_STATE).at(Level::ITEM).of(Signal::TRACES).read_write();
        if config.keep_errors {
            at_span(interest, Field::STATUS_CODE);
        }
        let numbers = Kinds::from([Kind::INT, Kind::DOUBLE, Kind::STRING]);
        let priority = config.honor_priority.then(|| {
            interest.attribute("sampling.priority").at(Level::ITEM).of(Signal::TRACES).kinds(numbers).read()
        });
        Ok(Some(Spans {
            base,
            rules,
            decider: Decider {
                mode: config.mode,
                precision: config.precision,
                inconsistent: config.inconsistent,
                notes_certain: base != Rate::ALWAYS,
            },
            seed: config.seed(),
            missing: config.missing_trace_id,
            keeps_errors: config.keep_errors,
            priority,
            labels,
            new_state: LastText::default(),
            scratch: String::new(),
        }))
    }

    /// Decides about one span.
    pub fn sample(&mut self, span: Entity<'_>, edits: &mut Edits, tally: &mut Tally) {
        let (rate, label) = self.wanted(span);
        let state = span.str(Field::TRACE_STATE).unwrap_or("");
        let (carried, unsaid) = self.carried(span, state);
        let verdict = self.decider.decide(rate, carried);
        let (note, label) = match verdict {
            Verdict::Keep(note) => (Some(note), label),
            Verdict::Drop => (None, label),
            Verdict::Undecidable => {
                ((self.missing == Missing::Keep).then_some(Note::Unchanged), self.labels.missing)
            }
        };
        tally.count(label, note.is_some());
        match note {
            None => edits.drop(span),
            Some(Note::Unchanged) => {}
            Some(note) => self.write(span, state, note, unsaid, edits),
        }
    }

    /// At which rate the span is to be sampled, and who says so.
    fn wanted(&self, span: Entity<'_>) -> (Rate, Label) {
        if let Some(is_kept) = self.priority.and_then(|field| priority(span.get(field)?.value())) {
            return (if is_kept { Rate::ALWAYS } else { Rate::Never }, self.labels.priority);
        }
        if self.keeps_errors && span.int(Field::STATUS_CODE) == Some(STATUS_ERROR) {
            return (Rate::ALWAYS, self.labels.errors);
        }
        self.rules.find(span).unwrap_or((self.base, self.labels.base))
    }

    /// What the span says about itself, and the randomness that decides if it does not say it.
    fn carried(&self, span: Entity<'_>, state: &str) -> (Carried, Option<Randomness>) {
        let id = || span.get(Field::TRACE_ID).map(|id| id.bytes());
        let trace = || id().and_then(Randomness::of_trace);
        let TraceState { former, randomness } = TraceState::read(state);
        match self.seed {
            None => (Carried { randomness: randomness.or_else(trace), former }, None),
            Some(seed) => {
                let hash = trace().and(id()).map(|id| hash_seed::randomness(id, seed));
                let unsaid = hash.filter(|_| randomness.is_none());
                (Carried::hashed(hash, randomness, former), unsaid)
            }
        }
    }

    /// `unsaid` is written with a threshold: it is true of this randomness alone.
    fn write(
        &mut self,
        span: Entity<'_>,
        state: &str,
        note: Note,
        unsaid: Option<Randomness>,
        edits: &mut Edits,
    ) {
        if let (true, Note::Write(threshold), None) = (state.is_empty(), note, unsaid) {
            let state = self.new_state.of("ot=th:", threshold);
            return edits.set(span, Field::TRACE_STATE, NewValue::Str(state));
        }
        trace_state::rewrite(state, note, unsaid, &mut self.scratch);
        if self.scratch.is_empty() {
            edits.unset(span, Field::TRACE_STATE);
        } else if self.scratch != state {
            edits.set(span, Field::TRACE_STATE, NewValue::Str(&self.scratch));
        }
    }
}

/// Whether a `sampling.priority` keeps the span; none if it is not a number, or one below 0.
fn priority(value: Value<'_>) -> Option<bool> {
    let number = match value {
        Value::Int(number) => number as f64,
        Value::Double(number) => number,
        Value::Str(text) => text.parse().ok()?,
        _ => return None,
    };
    (number >= 0.0).then_some(number > 0.0)
}
