//! The part of the walk that reads attributes, bodies and what is nested inside of them.

use crate::codes::{Signal, field, kind};
use crate::plan::{Plan, Selected};
use crate::tape::{Cell, Hint, Tape, cell_flag};
use crate::walk::{SOURCE_MAX, Scope, Walk, other};
use crate::wire::{DEPTH_MAX, Fault, Reader, Result, WireError, is_ascii, is_same};

/// How many key positions per level remember what they were in the former entity.
const HINTS_MAX: usize = 128;

/// What the key of a `KeyValue` is to be looked up as.
#[derive(Clone, Copy)]
enum KeyOf {
    /// An attribute of an entity of this level.
    Attribute(u8),
    /// A member of a map at this depth.
    Member(u8),
    /// Nothing: only checked, at this depth.
    Nothing(u8),
}

/// The usual pair of key and value, by far: both short and ASCII, and the value a string.
#[inline(always)]
fn usual(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    let [0x0a, key_len, rest @ ..] = pair else { return None };
    let (key, rest) = rest.split_at_checked(usize::from(*key_len))?;
    let [0x12, value_len, 0x0a, text_len, text @ ..] = rest else { return None };
    let text_len = usize::from(*text_len);
    // Below 128 bytes every length is one byte, and has no high bit.
    let fits = pair.len() < 0x80 && text_len == text.len() && usize::from(*value_len) == text_len + 2;
    (fits && is_ascii(pair)).then_some((key, text))
}

impl<'a> Walk<'a> {
    /// An attribute of an entity.
    #[inline(always)]
    pub(crate) fn attribute(&mut self, scope: Scope, node: usize, pair: Reader<'a>) -> Result<()> {
        let Some((key, text)) = usual(pair.rest()) else {
            let of = if scope.has_keys { KeyOf::Attribute(scope.level) } else { KeyOf::Nothing(0) };
            return self.key_value(of, node, pair);
        };
        if !scope.has_keys {
            return Ok(());
        }
        let number = self.attribute_key(scope.level, key, pair.pos() + 2);
        if number == 0 {
            return Ok(());
        }
        let a = (pair.end() - text.len()) as u32;
        self.push(Cell {
            field: number,
            node: node as u32,
            record: a - 2,
            a,
            b: text.len() as u32,
            kind: kind::STRING,
            depth: 0,
            flags: 0,
        })
    }

    /// An attribute, or a member of a map, of any form.
    fn key_value(&mut self, of: KeyOf, node: usize, pair: Reader<'a>) -> Result<()> {
        let mut key = Reader::new(self.src, pair.pos(), pair.pos());
        let mut value = None;
        let mut values = 0;
        let mut at = pair;
        while !at.is_empty() {
            let tag = at.tag()?;
            match tag {
                0x0a => {
                    key = at.delimited()?;
                    key.utf8()?;
                }
                0x12 => {
                    value = Some(at.delimited()?);
                    values += 1;
                }
                // `key_strindex`, of profiles.
                0x18 => drop(at.varint()?),
                _ => other(tag, 3, &mut at)?,
            }
        }
        let (number, depth) = match of {
            KeyOf::Attribute(level) => (self.attribute_key(level, key.rest(), key.pos()), 0),
            KeyOf::Member(depth) => (self.member_key(key.rest()), depth),
            KeyOf::Nothing(depth) => (0, depth),
        };
        match value {
            Some(value) if values == 1 => self.any_value(number, depth, node, value),
            Some(_) => self.each_value(number, depth, node, pair),
            None if number == 0 => Ok(()),
            None => {
                let flags = cell_flag::EMPTY | cell_flag::NO_VALUE;
                self.push(Cell { flags, ..empty_cell(number, depth, node, pair.pos()) })
            }
        }
    }

    /// The value came more than once: decoders merge them, so each is a cell.
    #[cold]
    fn each_value(&mut self, number: u32, depth: u8, node: usize, pair: Reader<'a>) -> Result<()> {
        let first = self.tape.cells.len();
        let mut at = pair;
        while !at.is_empty() {
            let tag = at.tag()?;
            if tag == 0x12 {
                let value = at.delimited()?;
                self.any_value(number, depth, node, value)?;
            } else {
                at.skip(tag)?;
            }
        }
        self.share(first, depth);
        Ok(())
    }

    /// An `AnyValue`: checked, and made a cell if `number` is not 0.
    #[inline]
    pub(crate) fn any_value(&mut self, number: u32, depth: u8, node: usize, value: Reader<'a>) -> Result<()> {
        if number == 0 {
            self.value::<false>(0, depth, node, value)
        } else {
            self.value::<true>(number, depth, node, value)
        }
    }

    fn value<const CELLS: bool>(
        &mut self,
        number: u32,
        depth: u8,
        node: usize,
        value: Reader<'a>,
    ) -> Result<()> {
        let first = self.tape.cells.len();
        let mut members = 0;
        let mut at = value;
        while !at.is_empty() {
            let record = at.pos();
            let tag = at.tag()?;
            let (kind, a, b) = match tag {
                0x0a => {
                    let text = at.delimited()?;
                    text.utf8()?;
                    (kind::STRING, text.pos() as u32, text.rest().len() as u32)
                }
                0x10 => (kind::BOOL, u32::from(at.varint()? != 0), 0),
                0x18 => {
                    let bits = at.varint()?;
                    (kind::INT, bits as u32, (bits >> 32) as u32)
                }
                0x21 => {
                    let bits = at.fixed64()?;
                    (kind::DOUBLE, bits as u32, (bits >> 32) as u32)
                }
                0x2a | 0x32 => {
                    let kind = if tag == 0x32 { kind::MAP } else { kind::ARRAY };
                    let inner = at.delimited()?;
                    let cell = Cell {
                        field: number,
                        node: node as u32,
                        record: record as u32,
                        a: 0,
                        b: 0,
                        kind,
                        depth,
                        flags: 0,
                    };
                    self.container::<CELLS>(cell, inner)?;
                    members += 1;
                    continue;
                }
                0x3a => {
                    let bytes = at.delimited()?;
                    (kind::BYTES, bytes.pos() as u32, bytes.rest().len() as u32)
                }
                // `string_value_strindex`, of profiles.
                0x40 => {
                    at.varint()?;
                    (kind::OPAQUE, 0, 0)
                }
                _ => {
                    other(tag, 8, &mut at)?;
                    continue;
                }
            };
            members += 1;
            if CELLS {
                let (node, record) = (node as u32, record as u32);
                self.push(Cell { field: number, node, record, a, b, kind, depth, flags: 0 })?;
            }
        }
        if CELLS && members != 1 {
            if members == 0 {
                return self.push(empty_cell(number, depth, node, value.pos()));
            }
            self.share(first, depth);
        }
        Ok(())
    }

    /// An array or a map, with its elements or members.
    fn container<const CELLS: bool>(&mut self, cell: Cell, mut at: Reader<'a>) -> Result<()> {
        let Cell { kind, depth, .. } = cell;
        if depth >= DEPTH_MAX {
            return Err(WireError::new(Fault::Depth, at.pos()));
        }
        let number = self.tape.cells.len();
        if CELLS {
            self.push(cell)?;
        }
        while !at.is_empty() {
            let record = at.pos();
            let tag = at.tag()?;
            if tag != 0x0a {
                other(tag, 1, &mut at)?;
                continue;
            }
            let inner = at.delimited()?;
            match (kind, CELLS) {
                (kind::MAP, true) => self.key_value(KeyOf::Member(depth + 1), record, inner)?,
                (kind::MAP, false) => self.key_value(KeyOf::Nothing(depth + 1), record, inner)?,
                _ => self.value::<CELLS>(field::ELEMENT, depth + 1, record, inner)?,
            }
        }
        if CELLS {
            self.tape.cells[number].a = (self.tape.cells.len() - number - 1) as u32;
        }
        Ok(())
    }

    /// The chain-wide number of an attribute's key, or 0 if it is not selected.
    #[inline(always)]
    fn attribute_key(&mut self, level: u8, key: &[u8], start: usize) -> u32 {
        let position = self.key_position;
        self.key_position += 1;
        if let Some(hint) = self.tape.hints[usize::from(level)].get(position) {
            let from = hint.start as usize;
            if self.src.get(from..from + hint.len as usize).is_some_and(|former| is_same(former, key)) {
                return hint.number;
            }
        }
        self.look_up(level, key, start, position)
    }

    #[inline(never)]
    fn look_up(&mut self, level: u8, key: &[u8], start: usize, position: usize) -> u32 {
        let number = match self.plan.keys.look_up(level, key) {
            Selected::No => 0,
            Selected::Exact(number) => number,
            Selected::Pattern => self.intern(key),
        };
        let hint = Hint { start: start as u32, len: key.len() as u32, number };
        let hints = &mut self.tape.hints[usize::from(level)];
        if let Some(slot) = hints.get_mut(position) {
            *slot = hint;
        } else if hints.len() == position && position < HINTS_MAX {
            hints.push(hint);
        }
        number
    }

    fn member_key(&mut self, key: &[u8]) -> u32 {
        match self.plan.keys.number(key) {
            Some(number) => number,
            None => self.intern(key),
        }
    }

    fn intern(&mut self, key: &[u8]) -> u32 {
        field::NAMED + (self.plan.keys.exact.len() + self.tape.names.intern(key)) as u32
    }
}

fn empty_cell(number: u32, depth: u8, node: usize, body: usize) -> Cell {
    Cell {
        field: number,
        node: node as u32,
        record: body as u32,
        a: 0,
        b: 0,
        kind: kind::EMPTY,
        depth,
        flags: cell_flag::EMPTY,
    }
}

/// Checks the payload of an `AnyValue` that a plugin has encoded, to stand at `depth`.
pub(crate) fn check_any_value(bytes: &[u8], depth: u8) -> Result<()> {
    let plan = Plan::new(Signal::Logs, &[]);
    let mut tape = Tape::default();
    if bytes.len() > SOURCE_MAX {
        return Err(WireError::new(Fault::TooLarge, SOURCE_MAX));
    }
    Walk::new(&plan, &mut tape, bytes).any_value(0, depth, 0, Reader::new(bytes, 0, bytes.len()))
}
