//! The part of the walk that reads attributes, bodies and what is nested inside of them.

use crate::codes::{Signal, field, kind};
use crate::plan::{Plan, Selected};
use crate::tape::{Cell, Hint, Tape, cell_flag};
use crate::text::{is_ascii, is_same};
use crate::walk::{SOURCE_MAX, Scope, Walk, other};
use crate::wire::{DEPTH_MAX, Fault, Reader, Result, WireError};

/// How many key positions per level remember what they were in the former entity.
const HINTS_MAX: usize = 128;

/// What the key of a `KeyValue` is to be looked up as.
#[derive(Clone, Copy)]
enum KeyOf {
    /// An attribute of an entity of which this is selected.
    Attribute(Scope),
    /// A member of a map at this depth.
    Member(u8),
    /// Nothing: only checked, at this depth.
    Nothing(u8),
}

/// Key and value of a usual pair: the key first, and every length one byte.
#[inline(always)]
fn usual(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    let [0x0a, key_len, rest @ ..] = pair else { return None };
    let (key, rest) = rest.split_at_checked(usize::from(*key_len))?;
    let [0x12, value_len, value @ ..] = rest else { return None };
    // Below 128 bytes, what could be the first byte of a longer length is too long.
    (pair.len() < 0x80 && usize::from(*value_len) == value.len()).then_some((key, value))
}

impl<'a> Walk<'a> {
    /// An attribute of an entity behind its tag, and those that follow directly, which mostly are all of them.
    #[inline(always)]
    pub(crate) fn attributes(
        &mut self,
        tag: u32,
        scope: Scope,
        mut record: usize,
        at: &mut Reader<'a>,
    ) -> Result<()> {
        loop {
            let pair = at.delimited()?;
            self.attribute(scope, record, pair)?;
            record = at.pos();
            match at.rest().first() {
                Some(&next) if u32::from(next) == tag && next < 0x80 => at.advance(1),
                _ => return Ok(()),
            }
        }
    }

    /// An attribute of an entity. Strings and integers in usual form are read here, everything else by `key_value`.
    #[inline(always)]
    fn attribute(&mut self, scope: Scope, node: usize, pair: Reader<'a>) -> Result<()> {
        let of = KeyOf::Attribute(scope);
        let Some((key, value)) = usual(pair.rest()) else { return self.key_value(of, node, pair) };
        let key_at = pair.pos() + 2;
        let record = key_at + key.len() + 2;
        let (kind, a, b) = match value {
            [0x0a, len, text @ ..] if usize::from(*len) == text.len() => {
                // All of it at once: tags and lengths have no high bits either.
                if !is_ascii(self.src, pair.pos(), pair.rest().len()) {
                    return self.key_value(of, node, pair);
                }
                (kind::STRING, record as u32 + 2, text.len() as u32)
            }
            [0x18, ..] => {
                let mut at = Reader::new(self.src, record + 1, pair.end());
                let bits = at.varint()?;
                if !at.is_empty() || !is_ascii(self.src, key_at, key.len()) {
                    return self.key_value(of, node, pair);
                }
                (kind::INT, bits as u32, (bits >> 32) as u32)
            }
            _ => return self.key_value(of, node, pair),
        };
        if !scope.may_select(key) {
            return Ok(());
        }
        let field = self.attribute_key(scope.level, key, key_at);
        if field == 0 {
            return Ok(());
        }
        let (node, record) = (node as u32, record as u32);
        self.push(Cell { field, node, record, a, b, kind, depth: 0, flags: 0 })
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
                    self.text(key)?;
                }
                0x12 => {
                    value = Some(at.delimited()?);
                    values += 1;
                }
                // `key_strindex`, of profiles.
                0x18 => drop(at.varint()?),
                _ => at.go_to(other(tag, 3, at)?),
            }
        }
        let (number, depth) = match of {
            KeyOf::Attribute(scope) if scope.may_select(key.rest()) => {
                (self.attribute_key(scope.level, key.rest(), key.pos()), 0)
            }
            KeyOf::Attribute(_) => (0, 0),
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
                    self.text(text)?;
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
                    at.go_to(other(tag, 8, at)?);
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
                at.go_to(other(tag, 1, at)?);
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
            let len = hint.len as usize;
            if len == key.len() && is_same(self.src, hint.start as usize, start, len) {
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
