//! The one walk over a request: checks framing, UTF-8 and depth of everything, and makes entities and cells of what
//! the plan selects.

use crate::codes::{field, kind, level};
use crate::plan::{Plan, Selected};
use crate::shape::{Role, Shape};
use crate::tape::{CELLS_MAX, Cell, Entity, Hint, NONE, Pending, Tape, cell_flag};
use crate::wire::{self, DEPTH_MAX, Fault, Result, WireError, wire_type};

/// Positions on the tape are 32 bits wide, and edits may add to them.
const SOURCE_MAX: usize = 1 << 30;

/// How many key positions per level remember what they were in the former entity.
const HINTS_MAX: usize = 128;

impl Tape {
    /// Walks a request. On an error the tape is empty. Every later call on this tape must be given the same plan and
    /// the same bytes.
    pub fn walk(&mut self, plan: &Plan, source: &[u8]) -> Result<()> {
        self.clear();
        if source.len() > SOURCE_MAX {
            return Err(WireError::new(Fault::TooLarge, SOURCE_MAX));
        }
        let result = Walk { src: source, plan, tape: self, key_position: 0 }.request();
        if result.is_err() {
            self.clear();
        }
        self.items_left = self.items;
        result
    }
}

struct Walk<'a> {
    src: &'a [u8],
    plan: &'a Plan,
    tape: &'a mut Tape,
    /// How many keys of the current entity have been looked up.
    key_position: usize,
}

/// What is selected of the entity whose fields are being read.
#[derive(Clone, Copy)]
struct Scope {
    fields: u64,
    level: u8,
    has_keys: bool,
}

/// Nothing is selected: only checked.
const CHECK: Scope = Scope { fields: 0, level: 0, has_keys: false };

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

impl<'a> Walk<'a> {
    fn request(&mut self) -> Result<()> {
        let end = self.src.len();
        let mut pos = 0;
        let root = self.plan.root();
        while pos < end {
            let record = pos;
            let tag = wire::tag(self.src, &mut pos, end)?;
            if tag == 1 << 3 | u32::from(wire_type::LEN) {
                let stop = wire::length(self.src, &mut pos, end)?;
                self.child(root, record, pos, stop, NONE)?;
                pos = stop;
            } else {
                self.other(tag, 1, &mut pos, end)?;
            }
        }
        Ok(())
    }

    /// A child of the entity `parent`, which is walked as an entity if its level is on the tape.
    fn child(&mut self, shape: Shape, record: usize, body: usize, end: usize, parent: u32) -> Result<()> {
        let at = shape.level();
        self.tape.items += u64::from(at == level::ITEM);
        if self.plan.entities & (1 << at) == 0 {
            return self.message(shape, body, end, CHECK);
        }
        let number = self.tape.entities.len();
        if number >= CELLS_MAX {
            return Err(WireError::new(Fault::TooMany, record));
        }
        self.tape.entities.push(Entity {
            record: record as u32,
            body: body as u32,
            end: end as u32,
            parent,
            first_cell: self.tape.cells.len() as u32,
            added: NONE,
            shape,
            is_dropped: false,
            is_dirty: false,
        });
        self.key_position = 0;
        let mark = self.tape.pending.len();
        let scope = Scope {
            fields: self.plan.fields[at as usize],
            level: at,
            has_keys: self.plan.keys.any & (1 << at) != 0,
        };
        self.message(shape, body, end, scope)?;
        // Children come after all cells of their parent, wherever its fields stand in the bytes.
        for next in mark..self.tape.pending.len() {
            let Pending { record, body, end, shape } = self.tape.pending[next];
            self.child(shape, record as usize, body as usize, end as usize, number as u32)?;
        }
        self.tape.pending.truncate(mark);
        Ok(())
    }

    /// The fields of one message; `scope` says which of them become cells.
    fn message(&mut self, shape: Shape, body: usize, end: usize, scope: Scope) -> Result<()> {
        let table = shape.table();
        let mut pos = body;
        while pos < end {
            let record = pos;
            let first = self.src[pos];
            let (tag, role) = if (8..0x80).contains(&first) {
                pos += 1;
                (u32::from(first), table[usize::from(first & 0x7f)])
            } else {
                let tag = wire::tag(self.src, &mut pos, end)?;
                (tag, shape.wide(tag))
            };
            match role {
                Role::Str(code) => {
                    let stop = wire::length(self.src, &mut pos, end)?;
                    wire::utf8(self.src, pos, stop)?;
                    self.span(scope, code, kind::STRING, record, pos, stop, 0)?;
                    pos = stop;
                }
                Role::Attribute => {
                    let stop = wire::length(self.src, &mut pos, end)?;
                    let key = if scope.has_keys { KeyOf::Attribute(scope.level) } else { KeyOf::Nothing(0) };
                    self.key_value(key, record, pos, stop)?;
                    pos = stop;
                }
                Role::Child(inner) => {
                    let stop = wire::length(self.src, &mut pos, end)?;
                    if scope.level == 0 || self.plan.entities & (1 << inner.level()) == 0 {
                        self.tape.items += u64::from(inner.level() == level::ITEM);
                        self.message(inner, pos, stop, CHECK)?;
                    } else {
                        let (record, body, end) = (record as u32, pos as u32, stop as u32);
                        self.tape.pending.push(Pending { record, body, end, shape: inner });
                    }
                    pos = stop;
                }
                Role::Inline(inner) => {
                    let stop = wire::length(self.src, &mut pos, end)?;
                    if let Some(data_type) = inner.data_type() {
                        self.number(scope, field::DATA_TYPE as u8, kind::INT, record, data_type)?;
                    }
                    self.message(inner, pos, stop, scope)?;
                    pos = stop;
                }
                Role::Value(code) => {
                    let stop = wire::length(self.src, &mut pos, end)?;
                    if scope.fields >> code & 1 != 0 {
                        self.value::<true>(u32::from(code), 0, record, pos, stop)?;
                    } else {
                        self.value::<false>(0, 0, record, pos, stop)?;
                    }
                    pos = stop;
                }
                Role::Unknown => wire::skip(self.src, &mut pos, end, tag, 0)?,
                Role::WrongWire => return Err(WireError::new(Fault::WireType, record)),
                _ => self.plain(role, scope, record, &mut pos, end)?,
            }
        }
        Ok(())
    }

    /// Fields without structure, other than strings.
    fn plain(&mut self, role: Role, scope: Scope, record: usize, pos: &mut usize, end: usize) -> Result<()> {
        let src = self.src;
        match role {
            Role::Bytes(code) => {
                let stop = wire::length(src, pos, end)?;
                self.span(scope, code, kind::BYTES, record, *pos, stop, 0)?;
                *pos = stop;
                Ok(())
            }
            Role::Fixed64(code, has_presence) => {
                let bits = wire::fixed64(src, pos, end)?;
                self.present(scope, code, kind::INT, record, bits, has_presence)
            }
            Role::Double(code, has_presence) => {
                let bits = wire::fixed64(src, pos, end)?;
                self.present(scope, code, kind::DOUBLE, record, bits, has_presence)
            }
            Role::Fixed32(code) => {
                let bits = wire::fixed32(src, pos, end)?;
                self.present(scope, code, kind::INT, record, bits.into(), false)
            }
            Role::Varint(code) => {
                // Both `uint32` and enums keep the low 32 bits; an enum's are signed, but has no negative values.
                let bits = wire::varint(src, pos, end)? as u32;
                self.present(scope, code, kind::INT, record, bits.into(), false)
            }
            Role::Bool(code) => {
                let bits = u64::from(wire::varint(src, pos, end)? != 0);
                self.present(scope, code, kind::BOOL, record, bits, false)
            }
            Role::Zigzag(code) => {
                let raw = wire::varint(src, pos, end)? as u32;
                let value = (raw >> 1) as i32 ^ -((raw & 1) as i32);
                self.present(scope, code, kind::INT, record, i64::from(value) as u64, false)
            }
            Role::Packed64(code) => {
                let stop = wire::length(src, pos, end)?;
                if (stop - *pos) % 8 != 0 {
                    return Err(WireError::new(Fault::Truncated, stop));
                }
                self.span(scope, code, packed_kind(code), record, *pos, stop, 0)?;
                *pos = stop;
                Ok(())
            }
            Role::Single64(code) => {
                let from = *pos;
                wire::fixed64(src, pos, end)?;
                self.span(scope, code, packed_kind(code), record, from, *pos, 0)
            }
            Role::PackedVarint(code) => {
                let stop = wire::length(src, pos, end)?;
                let from = *pos;
                while *pos < stop {
                    wire::varint(src, pos, stop)?;
                }
                self.span(scope, code, kind::UINTS, record, from, stop, cell_flag::VARINTS)
            }
            Role::SingleVarint(code) => {
                let from = *pos;
                wire::varint(src, pos, end)?;
                self.span(scope, code, kind::UINTS, record, from, *pos, cell_flag::VARINTS)
            }
            _ => Ok(()),
        }
    }

    /// An attribute of an entity, or a member of a map.
    #[inline]
    fn key_value(&mut self, of: KeyOf, node: usize, body: usize, end: usize) -> Result<()> {
        let mut key = (body, body);
        let mut value = None;
        let mut values = 0;
        let mut pos = body;
        while pos < end {
            let tag = wire::tag(self.src, &mut pos, end)?;
            match tag {
                0x0a => {
                    let stop = wire::length(self.src, &mut pos, end)?;
                    wire::utf8(self.src, pos, stop)?;
                    key = (pos, stop);
                    pos = stop;
                }
                0x12 => {
                    let stop = wire::length(self.src, &mut pos, end)?;
                    value = Some((pos, stop));
                    values += 1;
                    pos = stop;
                }
                _ => self.other(tag, 3, &mut pos, end)?,
            }
        }
        let (number, depth) = match of {
            KeyOf::Attribute(at) => (self.attribute_key(at, key), 0),
            KeyOf::Member(depth) => (self.member_key(key), depth),
            KeyOf::Nothing(depth) => (0, depth),
        };
        match value {
            Some((from, to)) if values == 1 => self.any_value(number, depth, node, from, to),
            Some(_) => self.each_value(number, depth, node, body, end),
            None if number == 0 => Ok(()),
            None => {
                let flags = cell_flag::EMPTY | cell_flag::NO_VALUE;
                self.push(Cell { flags, ..empty_cell(number, depth, node, body) })
            }
        }
    }

    /// The value came more than once: decoders merge them, so each is a cell.
    #[cold]
    fn each_value(&mut self, number: u32, depth: u8, node: usize, body: usize, end: usize) -> Result<()> {
        let mut pos = body;
        while pos < end {
            let tag = wire::tag(self.src, &mut pos, end)?;
            if tag == 0x12 {
                let stop = wire::length(self.src, &mut pos, end)?;
                self.any_value(number, depth, node, pos, stop)?;
                pos = stop;
            } else {
                wire::skip(self.src, &mut pos, end, tag, 0)?;
            }
        }
        Ok(())
    }

    #[inline]
    fn any_value(&mut self, number: u32, depth: u8, node: usize, body: usize, end: usize) -> Result<()> {
        if number == 0 {
            return self.value::<false>(0, depth, node, body, end);
        }
        // By far the most common: one short string and nothing else.
        if let Some(&[0x0a, len, ..]) = self.src.get(body..end)
            && len < 0x80
            && body + 2 + usize::from(len) == end
        {
            wire::utf8(self.src, body + 2, end)?;
            return self.push(Cell {
                field: number,
                node: node as u32,
                record: body as u32,
                a: body as u32 + 2,
                b: len.into(),
                kind: kind::STRING,
                depth,
                flags: 0,
            });
        }
        self.value::<true>(number, depth, node, body, end)
    }

    /// An `AnyValue`: checked, and made a cell if `CELLS`.
    fn value<const CELLS: bool>(
        &mut self,
        number: u32,
        depth: u8,
        node: usize,
        body: usize,
        end: usize,
    ) -> Result<()> {
        let src = self.src;
        let mut pos = body;
        let mut is_empty = true;
        while pos < end {
            let record = pos;
            let tag = wire::tag(src, &mut pos, end)?;
            let (kind, a, b) = match tag {
                0x0a | 0x3a => {
                    let stop = wire::length(src, &mut pos, end)?;
                    let from = pos;
                    pos = stop;
                    if tag == 0x0a {
                        wire::utf8(src, from, stop)?;
                    }
                    let kind = if tag == 0x0a { kind::STRING } else { kind::BYTES };
                    (kind, from as u32, (stop - from) as u32)
                }
                0x10 => (kind::BOOL, u32::from(wire::varint(src, &mut pos, end)? != 0), 0),
                0x18 => halves(kind::INT, wire::varint(src, &mut pos, end)?),
                0x21 => halves(kind::DOUBLE, wire::fixed64(src, &mut pos, end)?),
                0x2a | 0x32 => {
                    let stop = wire::length(src, &mut pos, end)?;
                    let is_map = tag == 0x32;
                    let cell = self.tape.cells.len();
                    if CELLS {
                        let kind = if is_map { kind::MAP } else { kind::ARRAY };
                        let (node, record) = (node as u32, record as u32);
                        self.push(Cell { field: number, node, record, a: 0, b: 0, kind, depth, flags: 0 })?;
                    }
                    self.container::<CELLS>(is_map, depth, pos, stop)?;
                    if CELLS {
                        self.tape.cells[cell].a = (self.tape.cells.len() - cell - 1) as u32;
                    }
                    pos = stop;
                    is_empty = false;
                    continue;
                }
                0x40 => {
                    wire::varint(src, &mut pos, end)?;
                    (kind::OPAQUE, 0, 0)
                }
                _ => {
                    self.other(tag, 8, &mut pos, end)?;
                    continue;
                }
            };
            is_empty = false;
            if CELLS {
                let (node, record) = (node as u32, record as u32);
                self.push(Cell { field: number, node, record, a, b, kind, depth, flags: 0 })?;
            }
        }
        if CELLS && is_empty {
            self.push(empty_cell(number, depth, node, body))?;
        }
        Ok(())
    }

    /// The elements of an array, or the members of a map, which stand at `depth`.
    fn container<const CELLS: bool>(
        &mut self,
        is_map: bool,
        depth: u8,
        body: usize,
        end: usize,
    ) -> Result<()> {
        if depth >= DEPTH_MAX {
            return Err(WireError::new(Fault::Depth, body));
        }
        let mut pos = body;
        while pos < end {
            let record = pos;
            let tag = wire::tag(self.src, &mut pos, end)?;
            if tag != 0x0a {
                self.other(tag, 1, &mut pos, end)?;
                continue;
            }
            let stop = wire::length(self.src, &mut pos, end)?;
            match (is_map, CELLS) {
                (true, true) => self.key_value(KeyOf::Member(depth + 1), record, pos, stop)?,
                (true, false) => self.key_value(KeyOf::Nothing(depth + 1), record, pos, stop)?,
                (false, _) => self.value::<CELLS>(field::ELEMENT, depth + 1, record, pos, stop)?,
            }
            pos = stop;
        }
        Ok(())
    }

    /// A tag that is not among those looked for: a known field with a wrong wire type is an error, an unknown field
    /// is skipped. Fields 1 to `known` are known.
    #[cold]
    fn other(&mut self, tag: u32, known: u32, pos: &mut usize, end: usize) -> Result<()> {
        // `KeyValue.key_strindex` is the one known field that is of no use here.
        let is_strindex = known == 3 && tag == 3 << 3;
        if tag >> 3 <= known && !is_strindex {
            return Err(WireError::new(Fault::WireType, *pos));
        }
        wire::skip(self.src, pos, end, tag, 0)
    }

    /// The chain-wide number of an attribute's key, or 0 if it is not selected.
    #[inline]
    fn attribute_key(&mut self, at: u8, key: (usize, usize)) -> u32 {
        let position = self.key_position;
        self.key_position += 1;
        let src = self.src;
        let bytes = &src[key.0..key.1];
        if let Some(hint) = self.tape.hints[at as usize].get(position) {
            let from = hint.start as usize;
            if self.src.get(from..from + hint.len as usize) == Some(bytes) {
                return hint.number;
            }
        }
        self.look_up(at, key, position)
    }

    #[inline(never)]
    fn look_up(&mut self, at: u8, key: (usize, usize), position: usize) -> u32 {
        let src = self.src;
        let bytes = &src[key.0..key.1];
        let number = match self.plan.keys.look_up(at, bytes) {
            Selected::No => 0,
            Selected::Exact(number) => number,
            Selected::Pattern => self.intern(bytes),
        };
        let hint = Hint { start: key.0 as u32, len: bytes.len() as u32, number };
        let hints = &mut self.tape.hints[at as usize];
        if let Some(slot) = hints.get_mut(position) {
            *slot = hint;
        } else if hints.len() == position && position < HINTS_MAX {
            hints.push(hint);
        }
        number
    }

    fn member_key(&mut self, key: (usize, usize)) -> u32 {
        let src = self.src;
        let bytes = &src[key.0..key.1];
        match self.plan.keys.number(bytes) {
            Some(number) => number,
            None => self.intern(bytes),
        }
    }

    fn intern(&mut self, key: &[u8]) -> u32 {
        field::NAMED + (self.plan.keys.exact.len() + self.tape.names.intern(key)) as u32
    }

    /// A number, which has no cell if it is not selected or is zero without presence.
    #[inline]
    fn present(
        &mut self,
        scope: Scope,
        code: u8,
        kind: u8,
        record: usize,
        bits: u64,
        has: bool,
    ) -> Result<()> {
        if bits == 0 && !has { Ok(()) } else { self.number(scope, code, kind, record, bits) }
    }

    #[inline]
    fn number(&mut self, scope: Scope, code: u8, kind: u8, record: usize, bits: u64) -> Result<()> {
        if scope.fields >> code & 1 == 0 {
            return Ok(());
        }
        let (kind, a, b) = halves(kind, bits);
        let record = record as u32;
        self.push(Cell { field: code.into(), node: record, record, a, b, kind, depth: 0, flags: 0 })
    }

    /// A string, bytes or a packed list, which has no cell if it is not selected or is empty.
    #[inline]
    #[allow(clippy::too_many_arguments, reason = "a cell's parts, each of another meaning")]
    fn span(
        &mut self,
        scope: Scope,
        code: u8,
        kind: u8,
        record: usize,
        from: usize,
        to: usize,
        flags: u8,
    ) -> Result<()> {
        if scope.fields >> code & 1 == 0 || from == to {
            return Ok(());
        }
        let (record, a, b) = (record as u32, from as u32, (to - from) as u32);
        self.push(Cell { field: code.into(), node: record, record, a, b, kind, depth: 0, flags })
    }

    #[inline]
    fn push(&mut self, cell: Cell) -> Result<()> {
        if self.tape.cells.len() >= CELLS_MAX {
            return Err(WireError::new(Fault::TooMany, cell.record as usize));
        }
        self.tape.cells.push(cell);
        Ok(())
    }
}

fn halves(kind: u8, bits: u64) -> (u8, u32, u32) {
    (kind, bits as u32, (bits >> 32) as u32)
}

fn packed_kind(code: u8) -> u8 {
    if u32::from(code) == field::EXPLICIT_BOUNDS { kind::DOUBLES } else { kind::UINTS }
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
    let plan = Plan::new(crate::codes::Signal::Logs, &[]);
    let mut tape = Tape::default();
    if bytes.len() > SOURCE_MAX {
        return Err(WireError::new(Fault::TooLarge, SOURCE_MAX));
    }
    Walk { src: bytes, plan: &plan, tape: &mut tape, key_position: 0 }.value::<false>(
        0,
        depth,
        0,
        0,
        bytes.len(),
    )
}
