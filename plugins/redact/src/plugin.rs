//! The plugin: from a batch to edits.

use weir_sdk::{Batch, CellId, Edits, Field, Interest, Kind, Level, NewValue, Plugin, Signal, counter};

use crate::{
    compile,
    config::{Config, FieldName, Mode},
    json,
    keys::{self, KeyAction},
    redactor::{Findings, Redactor, Site},
    rule::Rule,
    scan::Scanner,
    sweep::{Cells, Dirty, Verdict},
};

/// The redaction plugin.
pub struct Redact {
    scanner: Scanner,
    redactor: Redactor,
    mode: Mode,
    scan_numbers: bool,
    cells: Cells,
    /// Texts are put together here before they become edits.
    text: Vec<u8>,
}

impl Plugin for Redact {
    type Config = Config;

    fn configure(mut config: Config, interest: &mut Interest) -> Result<Redact, String> {
        let (scanner, redactor) = compile::build(&mut config)?;
        declare(&config, &redactor.keys, interest);
        Ok(Redact {
            scanner,
            redactor,
            mode: config.mode,
            scan_numbers: config.scan_numbers,
            cells: Cells::default(),
            text: Vec::new(),
        })
    }

    fn process(&mut self, batch: &Batch<'_>, edits: &mut Edits) -> Result<(), String> {
        let mut cells = std::mem::take(&mut self.cells);
        cells.start(batch.cell_count());
        self.by_key(batch, &mut cells, edits);
        cells.sweep(&self.scanner, batch, |text, found| self.redactor.settle(text, found));
        for dirty in cells.dirty() {
            self.by_text(batch, dirty, edits);
        }
        self.cells = cells;
        self.publish();
        Ok(())
    }
}

/// What the plugin asks for: text everywhere, and integers only where a key says that they matter.
fn declare(config: &Config, keys: &keys::Keys, interest: &mut Interest) {
    interest.redacts();
    let text = [Kind::STRING, Kind::BYTES];
    if config.scan_numbers {
        interest.attributes("*").kinds([Kind::STRING, Kind::BYTES, Kind::INT, Kind::DOUBLE]).read_write();
    } else {
        interest.attributes("*").kinds(text).read_write();
        let numeric = keys::NUMERIC.iter().filter(|_| config.keys.defaults).map(|name| (*name).to_owned());
        for pattern in keys.selectable().into_iter().chain(numeric) {
            if pattern.ends_with('*') {
                interest.attributes(pattern).read_write();
            } else {
                interest.attribute(pattern).read_write();
            }
        }
    }
    use FieldName::{
        Body, EventName, MetricDescription, ScopeName, ScopeVersion, SeverityText, SpanEventName, SpanName,
        StatusMessage,
    };
    let standard = [SpanName, StatusMessage, SpanEventName, Body, EventName, MetricDescription];
    for name in standard.into_iter().chain(config.fields.include.iter().copied()) {
        if config.fields.exclude.contains(&name) {
            continue;
        }
        match name {
            SpanName => interest.field(Field::NAME).of(Signal::TRACES).at(Level::ITEM).read_write(),
            SpanEventName => interest.field(Field::NAME).at(Level::EVENT).read_write(),
            ScopeName => interest.field(Field::NAME).at(Level::SCOPE).read_write(),
            ScopeVersion => interest.field(Field::VERSION).at(Level::SCOPE).read_write(),
            StatusMessage => interest.field(Field::STATUS_MESSAGE).read_write(),
            Body => interest.field(Field::BODY).read_write(),
            EventName => interest.field(Field::EVENT_NAME).read_write(),
            SeverityText => interest.field(Field::SEVERITY_TEXT).read_write(),
            MetricDescription => interest.field(Field::DESCRIPTION).read_write(),
        };
    }
}

impl Redact {
    /// The first pass, over the cells: what keys decide, and which values are JSON.
    fn by_key(&mut self, batch: &Batch<'_>, cells: &mut Cells, edits: &mut Edits) {
        let mut start = 0;
        let mut number = 0;
        let words = batch.cell_words();
        while let Some(&[field, kind, end]) = words.get(number) {
            let kind = Kind((kind & 0xff) as u8);
            let action = self.action(batch, cells, field);
            if !action.scans() {
                number = self.whole(batch, cells, number, action, edits);
                start = words.get(number - 1).map_or(0, |cell| cell[2] as usize + 1);
                continue;
            }
            if kind == Kind::INT {
                if action == KeyAction::ScanNumbers || self.scan_numbers {
                    self.number(batch, number, edits);
                }
            } else if self.redactor.follows_json && is_text(kind) {
                // An empty value shows its separator here, which begins no JSON.
                let first = batch.arena().get(start);
                if first.is_some_and(|byte| json::may_begin_json(*byte)) {
                    cells.mark(number, Verdict::Json);
                }
            }
            start = end as usize + 1;
            number += 1;
        }
    }

    fn action(&mut self, batch: &Batch<'_>, cells: &mut Cells, field: u32) -> KeyAction {
        if !Field(field).is_named() {
            return KeyAction::Scan;
        }
        cells.action(field, || {
            batch
                .name(Field(field))
                .map_or(KeyAction::Scan, |name| self.redactor.keys.action(name.as_bytes()))
        })
    }

    /// A value that its key decides about, with all that is inside. Answers with the number of the next cell.
    fn whole(
        &mut self,
        batch: &Batch<'_>,
        cells: &mut Cells,
        number: usize,
        action: KeyAction,
        edits: &mut Edits,
    ) -> usize {
        let next = number + 1 + batch.cell(number).map_or(0, |cell| cell.inside().count());
        (number..next).for_each(|inside| cells.mark(inside, Verdict::Settled));
        match action {
            KeyAction::Keep => {}
            KeyAction::Drop if !self.tokens_at(batch, number) => {
                self.redactor.count(Rule::KEY);
                if self.mode == Mode::Enforce {
                    edits.remove(CellId(number as u32));
                }
            }
            _ => (number..next).for_each(|leaf| self.leaf(batch, leaf, action, edits)),
        }
        next
    }

    /// Whether the cell stands in an attribute of a data point that gets tokens: dropping would merge series, too.
    fn tokens_at(&self, batch: &Batch<'_>, number: usize) -> bool {
        self.redactor.replacer.point_tokens && is_point(batch, number)
    }

    fn leaf(&mut self, batch: &Batch<'_>, number: usize, action: KeyAction, edits: &mut Edits) {
        let Some(cell) = batch.cell(number) else { return };
        let value = cell.bytes();
        self.text.clear();
        let printed;
        let (value, kind) = match cell.kind() {
            kind if is_text(kind) => (value, kind),
            // Numbers become text: there is no number that says that it is not one.
            Kind::INT => {
                printed = cell.as_int().unwrap_or(0).to_string();
                (printed.as_bytes(), Kind::STRING)
            }
            Kind::DOUBLE => {
                printed = value.try_into().map_or(0.0, f64::from_le_bytes).to_string();
                (printed.as_bytes(), Kind::STRING)
            }
            // What is true, false or empty hides nothing.
            _ => return,
        };
        let point = is_point(batch, number);
        if self.redactor.replacer.write_key(action, value, point, &mut self.text) {
            self.redactor.count(Rule::KEY);
            self.replace(number, kind, edits);
        }
    }

    /// An integer whose key says that it may be the number of a card.
    fn number(&mut self, batch: &Batch<'_>, number: usize, edits: &mut Edits) {
        let Some(printed) = batch.cell(number).and_then(|cell| cell.as_int()).map(|int| int.to_string())
        else {
            return;
        };
        let findings = self.redactor.find(&self.scanner, printed.as_bytes());
        let site = Site::value(is_point(batch, number));
        if self.redactor.redact(&self.scanner, printed.as_bytes(), &findings, site, &mut self.text) {
            self.replace(number, Kind::STRING, edits);
        }
    }

    /// A value in which the sweep found something, or that must be read as JSON.
    fn by_text(&mut self, batch: &Batch<'_>, dirty: Dirty<'_>, edits: &mut Edits) {
        let Some(cell) = batch.cell(dirty.cell) else { return };
        let value = cell.bytes();
        if cell.kind() == Kind::BYTES && std::str::from_utf8(value).is_err() {
            return;
        }
        let findings = Findings { found: dirty.found.to_vec(), is_escaped: dirty.is_escaped };
        let site = Site::value(is_point(batch, dirty.cell));
        if self.redactor.redact(&self.scanner, value, &findings, site, &mut self.text) {
            self.replace(dirty.cell, cell.kind(), edits);
        }
    }

    /// Gives the cell the text that was put together.
    fn replace(&mut self, number: usize, kind: Kind, edits: &mut Edits) {
        let cell = CellId(number as u32);
        match (self.mode, kind) {
            (Mode::Shadow, _) => {}
            (Mode::Enforce, Kind::BYTES) => edits.replace(cell, NewValue::Bytes(&self.text)),
            (Mode::Enforce, _) => edits.replace_with(cell, |out| out.push_bytes(&self.text)),
        }
    }

    /// Publishes how much was found, by rule, and nothing about what.
    fn publish(&mut self) {
        for (count, style) in self.redactor.counts.iter_mut().zip(&self.redactor.replacer.styles) {
            if *count > 0 {
                counter::add("matched", &style.name, std::mem::take(count));
            }
        }
    }
}

/// Whether values of the kind are looked at as text.
pub fn is_text(kind: Kind) -> bool {
    matches!(kind, Kind::STRING | Kind::BYTES)
}

fn is_point(batch: &Batch<'_>, number: usize) -> bool {
    if batch.signal() != Signal::METRICS {
        return false;
    }
    let entity = batch.cell(number).and_then(|cell| batch.entity_of(cell));
    entity.is_some_and(|entity| entity.level() == Level::ITEM)
}
