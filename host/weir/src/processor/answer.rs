//! What a processor wants changed: edits as the plugin contract has them.

use weir_otlp::{EditsRef, field, op};

use super::datum::Datum;

/// How much the edits of one part of a batch may write; [`Tape::apply`](weir_otlp::Tape::apply) has a bound for the whole batch.
const BYTES_MAX: usize = 256 << 20;

/// Words of the header, and of one edit.
const HEADER: usize = 2;
const WORDS: usize = 4;

/// The edits of one part of a batch. Reuse one per worker.
#[derive(Default)]
pub(super) struct Answer {
    index: Vec<u32>,
    bytes: Vec<u8>,
    /// Keys that the edits define, in order.
    defined: Vec<String>,
}

/// The changes would make the batch larger than anybody would take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

/// The key of an attribute that is to be set.
#[derive(Clone, Copy)]
pub(super) enum Key<'k> {
    /// By its number in the view.
    Field(u32),
    /// By its name.
    Name(&'k str),
}

impl Answer {
    pub fn clear(&mut self) {
        self.index.clear();
        self.index.extend([HEADER as u32, 0]);
        self.bytes.clear();
        self.defined.clear();
    }

    pub fn is_empty(&self) -> bool {
        self.index.len() <= HEADER
    }

    pub fn edits(&mut self) -> EditsRef<'_> {
        let edits = self.index.len().saturating_sub(HEADER) / WORDS;
        if let Some(count) = self.index.get_mut(1) {
            *count = edits as u32;
        }
        EditsRef { index: &self.index, bytes: &self.bytes }
    }

    /// Gives a cell another value.
    pub fn replace(&mut self, cell: u32, value: &Datum<'_>) -> Result<(), TooLarge> {
        let kind = value.write(&mut self.bytes);
        self.push(op::REPLACE, kind, cell, 0)
    }

    /// Removes an attribute or a member of a map.
    pub fn remove(&mut self, cell: u32) -> Result<(), TooLarge> {
        self.push(op::REMOVE, 0, cell, 0)
    }

    /// Sets an attribute, whether it is there or not, or one of OTLP's own fields.
    pub fn set(&mut self, entity: u32, key: Key<'_>, value: &Datum<'_>) -> Result<(), TooLarge> {
        let field = match key {
            Key::Field(field) => field,
            Key::Name(name) => self.define(name)?,
        };
        let kind = value.write(&mut self.bytes);
        self.push(op::SET, kind, entity, field)
    }

    fn define(&mut self, name: &str) -> Result<u32, TooLarge> {
        let place = match self.defined.iter().position(|defined| defined == name) {
            Some(place) => place,
            None => {
                self.bytes.extend_from_slice(name.as_bytes());
                self.push(op::NAME, weir_otlp::kind::STRING, 0, 0)?;
                self.defined.push(name.to_owned());
                self.defined.len() - 1
            }
        };
        Ok(field::DEFINED + place as u32)
    }

    fn push(&mut self, op: u8, kind: u8, target: u32, field: u32) -> Result<(), TooLarge> {
        if self.bytes.len() > BYTES_MAX {
            return Err(TooLarge);
        }
        let what = u32::from(op) | u32::from(kind) << 8;
        self.index.extend([what, target, field, self.bytes.len() as u32]);
        Ok(())
    }
}
