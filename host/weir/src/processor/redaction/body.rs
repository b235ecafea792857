//! A log record's body, member by member.

use std::borrow::Cow;

use weir_otlp::{field, kind};

use super::summary::{Existing, Tally};
use super::{Pass, Rule};
use crate::processor::answer::{Key, TooLarge};
use crate::processor::datum::Datum;
use crate::processor::seen::{Cell, Entity};

/// How the summary names a body that is no tree.
const BODY: &str = "body";

pub(super) struct Body<'b, 'p, 'a> {
    pass: &'b mut Pass<'p, 'a>,
    tally: Tally<'a>,
    /// The way down to the value that is looked at. Written out only if a summary names it.
    path: Vec<Step<'a>>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Member(&'a str),
    Element(usize),
}

impl<'b, 'p, 'a> Body<'b, 'p, 'a> {
    pub fn new(pass: &'b mut Pass<'p, 'a>) -> Self {
        Body { pass, tally: Tally::default(), path: Vec::new() }
    }

    pub fn redact(mut self, record: &Entity, existing: &Existing<'a>) -> Result<(), TooLarge> {
        let seen = self.pass.seen;
        match seen.find(record, field::BODY) {
            Some(body) if matches!(body.kind, kind::ARRAY | kind::MAP) => self.inside(body)?,
            body => {
                let redaction = self.pass.redaction;
                let text = body.map_or("".into(), |body| seen.datum(body).to_text());
                if redaction.is_allowed_value(&text) {
                    return Ok(());
                }
                let Some(masked) = redaction.masked(&text)? else { return Ok(()) };
                self.tally.masked.add(Cow::Borrowed(BODY));
                let masked = Datum::Str(masked.into());
                match body {
                    Some(body) => self.pass.answer.replace(body.number, &masked)?,
                    // A pattern that matches nothing at all makes a body of none, as in the Collector.
                    None => self.pass.answer.set(record.number, Key::Field(field::BODY), &masked)?,
                }
            }
        }
        let Body { pass, tally, .. } = self;
        pass.redaction.summary.body(&pass.known, record.number, tally, existing, pass.answer)
    }

    /// A container, with all inside of it.
    fn inside(&mut self, container: Cell<'a>) -> Result<(), TooLarge> {
        let seen = self.pass.seen;
        for (place, cell) in seen.outermost(container.inside()).enumerate() {
            let (step, rule) = match container.kind {
                kind::MAP => (Step::Member(seen.key(cell.field)), self.pass.rule(cell.field)),
                _ => (Step::Element(place), Rule::Look),
            };
            self.path.push(step);
            match rule {
                Rule::Ignore => self.tally.ignored.count(),
                Rule::Remove => {
                    let path = self.path()?;
                    self.tally.redacted.add(path);
                    self.pass.answer.remove(cell.number)?;
                }
                Rule::Mask => {
                    let path = self.path()?;
                    self.tally.masked.add(path);
                    let masked = self.pass.redaction.mask_all(cell.text())?;
                    self.pass.answer.replace(cell.number, &Datum::Str(masked.into()))?;
                }
                Rule::Look if matches!(cell.kind, kind::ARRAY | kind::MAP) => self.inside(cell)?,
                Rule::Look => self.leaf(cell)?,
            }
            self.path.pop();
        }
        Ok(())
    }

    fn leaf(&mut self, cell: Cell<'a>) -> Result<(), TooLarge> {
        let redaction = self.pass.redaction;
        let text = self.pass.seen.datum(cell).to_text();
        if redaction.is_allowed_value(&text) {
            let path = self.path()?;
            self.tally.allowed.add(path);
        } else if let Some(masked) = redaction.masked(&text)? {
            let path = self.path()?;
            self.tally.masked.add(path);
            self.pass.answer.replace(cell.number, &Datum::Str(masked.into()))?;
        }
        Ok(())
    }

    /// The way down, such as `user.cards.[0].number`, if the summary names it. A deep tree of long keys has much longer paths
    /// than bytes, so there is a bound.
    fn path(&mut self) -> Result<Cow<'a, str>, TooLarge> {
        if !self.pass.redaction.summary.names_keys() {
            return Ok(Cow::Borrowed(""));
        }
        if let [Step::Member(key)] = self.path.as_slice() {
            return Ok(Cow::Borrowed(key));
        }
        let mut path = String::new();
        for (place, step) in self.path.iter().enumerate() {
            path.push_str(if place == 0 { "" } else { "." });
            match step {
                Step::Member(key) => path.push_str(key),
                Step::Element(place) => path.push_str(&format!("[{place}]")),
            }
            self.pass.paths_left.checked_sub(path.len()).ok_or(TooLarge)?;
        }
        self.pass.paths_left -= path.len();
        Ok(Cow::Owned(path))
    }
}
