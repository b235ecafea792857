//! Writes the edited request: the source's bytes with patches in them, and every enclosing length fixed up.
//!
//! 1. [`Collect`] turns what the tape says about dropped entities and changed cells into patches of the source.
//! 2. [`frame`](crate::frame) finds the messages around the patches, and their new lengths.
//! 3. Source, new lengths and patches are copied together, once.

use crate::codes::field;
use crate::encode;
use crate::frame::{self, Frame};
use crate::plan::Plan;
use crate::shape::Shape;
use crate::tape::{Cell, Entity, NONE, Tape, Value, cell_flag};
use crate::wire;

/// One place of the source that becomes something else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patch {
    /// The bytes of the source that go: whole records, or none.
    pub pos: u32,
    pub end: u32,
    /// An insertion says into which message it goes, by the start of its payload. NONE for whole records.
    pub frame: u32,
    /// The bytes of the scratch that come instead.
    pub from: u32,
    pub to: u32,
    pub near: Near,
}

/// A record that is known to stand directly in a message, at or before a patch: saves looking for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Near {
    /// The start of the message's payload.
    pub body: u32,
    pub record: u32,
}

impl Near {
    const UNKNOWN: Near = Near { body: NONE, record: NONE };
}

/// Buffers of the splice.
#[derive(Clone, Default)]
pub(crate) struct Scratch {
    pub patches: Vec<Patch>,
    pub frames: Vec<Frame>,
    pub stack: Vec<u32>,
    pub bytes: Vec<u8>,
    inner: Vec<u8>,
}

impl Tape {
    /// Appends the edited request to `out`. What no edit touched is byte for byte the source.
    pub fn splice(&mut self, plan: &Plan, source: &[u8], out: &mut Vec<u8>) {
        let mut scratch = std::mem::take(&mut self.splice);
        scratch.patches.clear();
        scratch.bytes.clear();
        Collect { tape: self, plan, source, scratch: &mut scratch, near: Near::UNKNOWN }.all();
        // An insertion belongs to a message that ends there, or starts there, and so comes before what
        // follows; of two, the inner one first.
        scratch.patches.sort_by_key(|patch| (patch.pos, patch.frame == NONE, NONE - patch.frame));
        frame::fit(source, &mut scratch);
        copy(source, &scratch, out);
        self.splice = scratch;
    }
}

/// Copies source, new lengths and patches together. Both lists are in the order of the source.
fn copy(source: &[u8], scratch: &Scratch, out: &mut Vec<u8>) {
    let grown: usize = scratch.bytes.len() + 4 * scratch.frames.len();
    out.reserve(source.len() + grown);
    let mut frames = scratch.frames.iter().skip(1).peekable();
    let mut patches = scratch.patches.iter().peekable();
    let mut done = 0;
    loop {
        let length_at = frames.peek().map_or(NONE, |frame| frame.length_at);
        match patches.peek() {
            Some(patch) if patch.pos <= length_at => {
                let from = done.max(patch.pos as usize);
                out.extend_from_slice(source.get(done..from).unwrap_or_default());
                out.extend_from_slice(&scratch.bytes[patch.from as usize..patch.to as usize]);
                done = from.max(patch.end as usize);
                patches.next();
            }
            _ => match frames.next() {
                Some(frame) => {
                    out.extend_from_slice(source.get(done..frame.length_at as usize).unwrap_or_default());
                    wire::put_varint(out, frame.new_len());
                    done = frame.body as usize;
                }
                None => break,
            },
        }
    }
    out.extend_from_slice(source.get(done..).unwrap_or_default());
}

/// Makes the patches.
struct Collect<'a> {
    tape: &'a Tape,
    plan: &'a Plan,
    source: &'a [u8],
    scratch: &'a mut Scratch,
    /// Of the attribute that is looked at.
    near: Near,
}

impl Collect<'_> {
    fn all(&mut self) {
        // All that is inside of a dropped entity goes with it.
        let mut dropped_to = 0;
        for (number, entity) in self.tape.entities.iter().enumerate() {
            if entity.record < dropped_to {
                continue;
            }
            if entity.is_dropped {
                self.delete(entity.record, entity.end);
                dropped_to = entity.end;
            } else if entity.is_dirty {
                self.cells(number);
                self.added(number);
            }
        }
    }

    fn cells(&mut self, number: usize) {
        let Entity { shape, body, .. } = self.tape.entities[number];
        let has_attributes = shape.attributes().is_some_and(|slot| slot.via.is_none());
        let cells = &self.tape.cells[self.tape.cells_of(number)];
        // Several values may share a record, which is removed or renamed once.
        let (mut removed, mut renamed) = (NONE, NONE);
        let mut next = 0;
        while let Some(cell) = cells.get(next) {
            next += 1;
            if cell.depth == 0 {
                let is_attribute = cell.field >= field::NAMED && has_attributes;
                self.near = if is_attribute { Near { body, record: cell.node } } else { Near::UNKNOWN };
            }
            if cell.has(cell_flag::REMOVED) {
                if removed != cell.node {
                    removed = cell.node;
                    self.delete(cell.node, frame::payload(self.source, cell.node).1);
                }
            } else {
                if cell.has(cell_flag::RENAMED) && renamed != cell.node {
                    renamed = cell.node;
                    self.rename(cell);
                }
                if !cell.has(cell_flag::REPLACED) {
                    continue;
                }
                self.replace(shape, cell);
            }
            // What was inside is part of the record that went.
            while cells.get(next).is_some_and(|inner| inner.depth > cell.depth) {
                next += 1;
            }
        }
        self.near = Near::UNKNOWN;
    }

    fn delete(&mut self, pos: u32, end: u32) {
        self.scratch.patches.push(Patch { pos, end, frame: NONE, from: 0, to: 0, near: self.near });
    }

    /// Puts what has been appended to the scratch since `from` in the place of a record, or into a message.
    fn put(&mut self, pos: u32, end: u32, frame: u32, from: usize) {
        let to = self.scratch.bytes.len() as u32;
        self.scratch.patches.push(Patch { pos, end, frame, from: from as u32, to, near: self.near });
    }

    fn replace(&mut self, shape: Shape, cell: &Cell) {
        let from = self.scratch.bytes.len();
        let value = Value { kind: cell.kind, a: cell.a, b: cell.b };
        let is_any_value = cell.depth > 0 || cell.field >= field::NAMED || cell.field == field::BODY;
        if !is_any_value {
            if let Some(slot) = shape.slot_for(cell.field, cell.kind) {
                encode::field(&mut self.scratch.bytes, slot, value, &self.tape.overlay);
            }
            self.put(cell.record, frame::payload(self.source, cell.record).1, NONE, from);
            return;
        }
        if cell.has(cell_flag::NO_VALUE) {
            self.scratch.inner.clear();
            encode::any_value(&mut self.scratch.inner, value, &self.tape.overlay);
            wire::put_len(&mut self.scratch.bytes, 2, &self.scratch.inner);
        } else {
            encode::any_value(&mut self.scratch.bytes, value, &self.tape.overlay);
        }
        if cell.has(cell_flag::EMPTY) {
            self.put(cell.record, cell.record, cell.record, from);
        } else {
            self.put(cell.record, frame::payload(self.source, cell.record).1, NONE, from);
        }
    }

    /// Writes another key where the key stands, or into a `KeyValue` that has none.
    fn rename(&mut self, cell: &Cell) {
        let (body, end) = frame::payload(self.source, cell.node);
        let from = self.scratch.bytes.len();
        wire::put_len(&mut self.scratch.bytes, 1, self.tape.key(self.plan, cell.field));
        let source = self.source;
        let mut keys = frame::records(source, body, end).filter(|(_, record)| record.number == 1);
        match keys.next() {
            Some((start, key)) => self.put(start, key.end, NONE, from),
            None => self.put(body, body, body, from),
        }
        for (start, key) in keys {
            self.delete(start, key.end);
        }
    }

    /// What plugins have added to an entity goes to the end of its message, or of the message inside it
    /// (resource, scope, status) that holds such fields, which is made if there is none.
    fn added(&mut self, number: usize) {
        let entity = &self.tape.entities[number];
        let mut inline = None;
        let from = self.scratch.bytes.len();
        for (_, added) in self.tape.added_of(number).filter(|(_, added)| !added.is_removed) {
            let Some(slot) = entity.shape.slot_for(added.field, added.value.kind) else { continue };
            if slot.via.is_some() {
                inline = slot.via;
                continue;
            }
            let bytes = &mut self.scratch.bytes;
            encode::added(bytes, slot, added.value, self.tape.key(self.plan, added.field), self.tape);
        }
        if self.scratch.bytes.len() > from {
            self.put(entity.end, entity.end, entity.body, from);
        }
        if let Some(via) = inline {
            self.added_inline(number, via);
        }
    }

    fn added_inline(&mut self, number: usize, via: u32) {
        let entity = &self.tape.entities[number];
        let mut inner = std::mem::take(&mut self.scratch.inner);
        inner.clear();
        for (_, added) in self.tape.added_of(number).filter(|(_, added)| !added.is_removed) {
            if let Some(slot) = entity.shape.slot_for(added.field, added.value.kind)
                && slot.via == Some(via)
            {
                let key = self.tape.key(self.plan, added.field);
                encode::added(&mut inner, slot, added.value, key, self.tape);
            }
        }
        let from = self.scratch.bytes.len();
        // Of several, the last one: what it says is what decoders take.
        let records = frame::records(self.source, entity.body, entity.end);
        match records.filter(|(_, record)| record.number == via).last() {
            Some((_, record)) => {
                self.scratch.bytes.extend_from_slice(&inner);
                self.put(record.end, record.end, record.body, from);
            }
            None => {
                wire::put_len(&mut self.scratch.bytes, via, &inner);
                self.put(entity.end, entity.end, entity.body, from);
            }
        }
        self.scratch.inner = inner;
    }
}
