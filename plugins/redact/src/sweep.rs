//! The sweep over a batch: from positions in the arena to findings by cell. All buffers are kept from batch to
//! batch, so that a clean one allocates nothing.

use weir_sdk::{Batch, Kind};

use crate::{
    keys::KeyAction,
    plugin::is_text,
    scan::{Hit, Scanner},
    verify::{self, Found, Memory},
};

/// What is known about a cell before the sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// The detectors decide.
    #[default]
    Open,
    /// It may be JSON, and is to be read as such even if nothing is found.
    Json,
    /// Its key has decided.
    Settled,
}

/// A cell to be looked at again, with what was found in it.
#[derive(Clone, Copy, Debug)]
pub struct Dirty<'c> {
    pub cell: usize,
    pub found: &'c [Found],
    pub is_escaped: bool,
}

/// Keys of one batch beyond this number are judged without a table: no regular sender has so many.
const ACTIONS_MAX: usize = 1 << 16;
/// Above this many entries a buffer is given back after the batch.
const KEPT_MAX: usize = 1 << 16;

/// The state of one batch's cells.
#[derive(Debug, Default)]
pub struct Cells {
    verdicts: Vec<Verdict>,
    actions: Vec<Option<KeyAction>>,
    json: Vec<usize>,
    found: Vec<Found>,
    /// Cell, the end of its findings in `found`, and whether escapes were seen.
    swept: Vec<(usize, usize, bool)>,
}

impl Cells {
    /// Forgets the former batch.
    pub fn start(&mut self, count: usize) {
        if self.verdicts.capacity() > KEPT_MAX || self.found.capacity() > KEPT_MAX {
            *self = Cells::default();
        }
        self.verdicts.clear();
        self.verdicts.resize(count, Verdict::Open);
        self.actions.clear();
        self.json.clear();
        self.found.clear();
        self.swept.clear();
    }

    /// Notes what is known about a cell; cells are marked in order.
    pub fn mark(&mut self, cell: usize, verdict: Verdict) {
        if let Some(place) = self.verdicts.get_mut(cell) {
            *place = verdict;
            if verdict == Verdict::Json {
                self.json.push(cell);
            }
        }
    }

    /// The action of a key of this batch, decided once.
    #[inline]
    pub fn action(&mut self, field: u32, decide: impl FnOnce() -> KeyAction) -> KeyAction {
        let place = field as usize & (ACTIONS_MAX * 2 - 1);
        if let Some(Some(action)) = self.actions.get(place) {
            return *action;
        }
        let action = decide();
        if field as usize == place && place < ACTIONS_MAX {
            if self.actions.len() <= place {
                self.actions.resize(place + 1, None);
            }
            if let Some(known) = self.actions.get_mut(place) {
                *known = Some(action);
            }
        }
        action
    }

    /// Runs the scanner over all values at once. `settle` sorts out the findings of one value.
    pub fn sweep(&mut self, scanner: &Scanner, batch: &Batch<'_>, settle: impl Fn(&[u8], &mut Vec<Found>)) {
        let words = batch.cell_words();
        let mut value = Open::default();
        let mut of_value = Vec::new();
        scanner.sweep(batch.values(), |hit| {
            if hit.at >= value.end {
                self.close(batch, &mut value, &mut of_value, &settle);
                value.seek(words, hit.at);
                let verdict = self.verdicts.get(value.cell).copied().unwrap_or_default();
                value.is_wanted = verdict != Verdict::Settled && is_text(value.kind);
            }
            if let (true, Some(at)) = (value.is_wanted, hit.at.checked_sub(value.start)) {
                let text = batch.arena().get(value.start..value.end).unwrap_or(&[]);
                verify::verify(scanner, &mut value.memory, text, Hit { at, ..hit }, &mut of_value);
            }
        });
        self.close(batch, &mut value, &mut of_value, &settle);
    }

    /// Takes over what was found in a value.
    fn close(
        &mut self,
        batch: &Batch<'_>,
        value: &mut Open,
        found: &mut Vec<Found>,
        settle: &impl Fn(&[u8], &mut Vec<Found>),
    ) {
        if !found.is_empty() || value.memory.is_escaped {
            settle(batch.value_of(value.cell), found);
            if !found.is_empty() || value.memory.is_escaped {
                self.found.append(found);
                self.swept.push((value.cell, self.found.len(), value.memory.is_escaped));
            }
        }
    }

    /// The cells to be looked at again, in order: those with findings and those that may be JSON.
    pub fn dirty(&self) -> impl Iterator<Item = Dirty<'_>> {
        let (mut swept, mut json) = (self.swept.iter().peekable(), self.json.iter().peekable());
        let mut start = 0;
        std::iter::from_fn(move || {
            let next_swept = swept.peek().map(|(cell, ..)| *cell);
            let next_json = json.peek().map(|cell| **cell);
            let cell = next_swept.into_iter().chain(next_json).min()?;
            if next_json == Some(cell) {
                json.next();
            }
            let Some((_, end, is_escaped)) = swept.next_if(|(own, ..)| *own == cell) else {
                return Some(Dirty { cell, found: &[], is_escaped: false });
            };
            let found = self.found.get(start..*end).unwrap_or(&[]);
            start = *end;
            Some(Dirty { cell, found, is_escaped: *is_escaped })
        })
    }
}

/// The value in which the sweep is.
struct Open {
    cell: usize,
    kind: Kind,
    start: usize,
    /// One past its last byte; 0 before the first value.
    end: usize,
    is_wanted: bool,
    memory: Memory,
}

impl Default for Open {
    fn default() -> Open {
        Open { cell: 0, kind: Kind::EMPTY, start: 0, end: 0, is_wanted: false, memory: Memory::default() }
    }
}

impl Open {
    /// Moves forward to the value that holds the position. Gallops: most values have no hit.
    fn seek(&mut self, words: &[[u32; 3]], at: usize) {
        let holds = |cell: usize| words.get(cell).is_none_or(|word| word[2] as usize > at);
        let (mut low, mut step) = (self.cell, 1);
        while !holds(low + step) {
            low += step;
            step *= 2;
        }
        let between = words.get(low..words.len().min(low + step)).unwrap_or(&[]);
        self.cell = low + between.partition_point(|word| word[2] as usize <= at);
        let before = self.cell.checked_sub(1).and_then(|cell| words.get(cell));
        self.start = before.map_or(0, |word| word[2] as usize + 1);
        let [_, kind, end] = words.get(self.cell).copied().unwrap_or([0, 0, u32::MAX]);
        (self.kind, self.end) = (Kind((kind & 0xff) as u8), end as usize);
        self.memory = Memory::default();
    }
}
