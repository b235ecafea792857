//! The one walk over a request: checks framing, UTF-8 and depth of everything, and makes entities and cells of what
//! the plan selects. Entities and their messages are here; `values` reads attributes and bodies, `lists` what
//! comes as many numbers.

use crate::codes::{Signal, field, kind, level};
use crate::count::count;
use crate::plan::Plan;
use crate::shape::{Role, Shape};
use crate::tape::{CELLS_MAX, Cell, Entity, NONE, Pending, Tape, cell_flag};
use crate::text::is_ascii;
use crate::wire::{Fault, Reader, Result, WireError, wire_type};

/// Positions on the tape are 32 bits wide, and edits may add to them.
pub(crate) const SOURCE_MAX: usize = 1 << 30;

impl Tape {
    /// Walks a request. On an error the tape is empty. Every later call on this tape must be given the same plan and
    /// the same bytes. Of profiles, only the outer framing is looked at.
    ///
    /// It accepts what protobuf decoders accept, with three differences: arrays, maps and unknown groups may be nested
    /// 100 deep each (prost stops at 100 messages, which is less), a request has at most 1 GiB, and what the
    /// plan selects of it at most 4,194,304 cells and as many entities.
    pub fn walk(&mut self, plan: &Plan, source: &[u8]) -> Result<()> {
        self.clear();
        if source.len() > SOURCE_MAX {
            return Err(WireError::new(Fault::TooLarge, SOURCE_MAX));
        }
        let result = match plan.signal {
            Signal::Profiles => count(Signal::Profiles, source).map(|items| self.items = items),
            _ => Walk::new(plan, self, source).request(),
        };
        if result.is_err() {
            self.clear();
        }
        self.items_left = self.items;
        result
    }
}

pub(crate) struct Walk<'a> {
    pub(crate) src: &'a [u8],
    pub(crate) plan: &'a Plan,
    pub(crate) tape: &'a mut Tape,
    /// How many keys of the current entity have been looked up.
    pub(crate) key_position: usize,
    /// The fields of the current entity that have cells, as bits by code.
    seen: u64,
    /// Those of them that are lists which came in several records.
    pub(crate) split: u64,
}

/// What is selected of the entity whose fields are being read.
#[derive(Clone, Copy)]
pub(crate) struct Scope {
    pub(crate) fields: u64,
    pub(crate) level: u8,
    /// The lengths of keys that may be selected, as bits.
    pub(crate) key_lengths: u64,
}

/// Nothing is selected: only checked.
const CHECK: Scope = Scope { fields: 0, level: 0, key_lengths: 0 };

impl Scope {
    #[inline(always)]
    pub(crate) fn selects(self, code: u8) -> bool {
        self.fields >> code & 1 != 0
    }

    /// Whether the attribute with this key may be selected, as far as its length tells.
    #[inline(always)]
    pub(crate) fn may_select(self, key: &[u8]) -> bool {
        self.key_lengths >> key.len().min(63) & 1 != 0
    }
}

impl<'a> Walk<'a> {
    pub(crate) fn new(plan: &'a Plan, tape: &'a mut Tape, src: &'a [u8]) -> Self {
        Walk { src, plan, tape, key_position: 0, seen: 0, split: 0 }
    }

    fn request(&mut self) -> Result<()> {
        let mut at = Reader::new(self.src, 0, self.src.len());
        let root = self.plan.root();
        while !at.is_empty() {
            let record = at.pos();
            let tag = at.tag()?;
            if tag == 1 << 3 | u32::from(wire_type::LEN) {
                let inner = at.delimited()?;
                if self.plan.entities & (1 << level::RESOURCE) == 0 {
                    self.message(root, inner, CHECK)?;
                } else {
                    self.child(Pending::new(root, record, inner), NONE)?;
                }
            } else {
                at.go_to(other(tag, 1, at)?);
            }
        }
        Ok(())
    }

    /// A child of the entity `parent`, whose level is on the tape.
    fn child(&mut self, child: Pending, parent: u32) -> Result<()> {
        let Pending { record, body, end, shape } = child;
        let at = shape.level();
        let number = self.tape.entities.len() as u32;
        if number as usize >= CELLS_MAX {
            return Err(WireError::new(Fault::TooMany, record as usize));
        }
        self.tape.items += u64::from(at == level::ITEM);
        if let Some(parent) = self.tape.entities.get_mut(parent as usize) {
            parent.children += 1;
        }
        let first_cell = self.tape.cells.len() as u32;
        self.tape.entities.push(Entity {
            record,
            body,
            end,
            parent,
            first_cell,
            added: NONE,
            children: 0,
            shape,
            is_dropped: false,
            is_hidden: false,
            is_dirty: false,
        });
        (self.key_position, self.seen, self.split) = (0, 0, 0);
        let mark = self.tape.pending.len();
        let scope = Scope {
            fields: self.plan.fields[usize::from(at)],
            level: at,
            key_lengths: self.plan.keys.lengths[usize::from(at)],
        };
        self.message(shape, Reader::new(self.src, body as usize, end as usize), scope)?;
        if self.split != 0 || !self.tape.quantiles.is_empty() {
            self.join_lists(first_cell as usize, scope)?;
        }
        // Children come after all cells of their parent, wherever its fields stand in the bytes.
        for next in mark..self.tape.pending.len() {
            self.child(self.tape.pending[next], number)?;
        }
        self.tape.pending.truncate(mark);
        Ok(())
    }

    /// The fields of one message; `scope` says which of them become cells.
    fn message(&mut self, shape: Shape, mut at: Reader<'a>, scope: Scope) -> Result<()> {
        let table = shape.table();
        while let Some(&first) = at.rest().first() {
            let record = at.pos();
            let (tag, role) = if (8..0x80).contains(&first) {
                at.advance(1);
                (u32::from(first), table[usize::from(first & 0x7f)])
            } else {
                let tag = at.tag()?;
                (tag, shape.wide(tag))
            };
            match role {
                Role::Str(code) => {
                    let text = at.delimited()?;
                    self.text(text)?;
                    self.span(scope, code, kind::STRING, record, text)?;
                }
                Role::Attribute => self.attributes(tag, scope, record, &mut at)?,
                Role::Child(inner) => {
                    let body = at.delimited()?;
                    self.nested(inner, record, body, scope)?;
                }
                Role::Inline(inner) => {
                    let body = at.delimited()?;
                    self.inline(inner, record, body, scope)?;
                }
                Role::Value(code) => {
                    let body = at.delimited()?;
                    let number = if scope.selects(code) { u32::from(code) } else { 0 };
                    self.any_value(number, 0, record, body)?;
                }
                Role::Unknown => at.skip(tag)?,
                Role::WrongWire => return Err(WireError::new(Fault::WireType, record)),
                _ => at.go_to(self.plain(role, scope, record, at)?),
            }
        }
        Ok(())
    }

    /// A message that is an entity: walked after its parent if it is on the tape, checked now if not.
    fn nested(&mut self, shape: Shape, record: usize, body: Reader<'a>, scope: Scope) -> Result<()> {
        if scope.level == 0 || self.plan.entities & (1 << shape.level()) == 0 {
            self.tape.items += u64::from(shape.level() == level::ITEM);
            return self.message(shape, body, CHECK);
        }
        if self.tape.pending.len() >= CELLS_MAX {
            return Err(WireError::new(Fault::TooMany, record));
        }
        self.tape.pending.push(Pending::new(shape, record, body));
        Ok(())
    }

    /// A message whose fields are the entity's own.
    fn inline(&mut self, shape: Shape, record: usize, body: Reader<'a>, scope: Scope) -> Result<()> {
        if shape == Shape::Quantile {
            return self.quantile(body, scope);
        }
        if let Some(data_type) = shape.data_type() {
            self.number(scope, field::DATA_TYPE as u8, kind::INT, record, data_type)?;
        }
        self.message(shape, body, scope)
    }

    /// Fields without structure, other than strings. Returns where the next record starts.
    fn plain(&mut self, role: Role, scope: Scope, record: usize, mut at: Reader<'a>) -> Result<usize> {
        match role {
            Role::Bytes(code) => {
                let bytes = at.delimited()?;
                self.span(scope, code, kind::BYTES, record, bytes)?;
            }
            Role::Fixed64(code, has_presence) => {
                let bits = at.fixed64()?;
                self.present(scope, code, kind::INT, record, bits, has_presence)?;
            }
            Role::Double(code, has_presence) => {
                let bits = at.fixed64()?;
                self.present(scope, code, kind::DOUBLE, record, bits, has_presence)?;
            }
            Role::Fixed32(code) => {
                let bits = at.fixed32()?;
                self.present(scope, code, kind::INT, record, bits.into(), false)?;
            }
            Role::Varint(code) => {
                // Both `uint32` and enums keep the low 32 bits. An enum is signed, but has no negative values.
                let bits = at.varint()? as u32;
                self.present(scope, code, kind::INT, record, bits.into(), false)?;
            }
            Role::Bool(code) => {
                let bits = u64::from(at.varint()? != 0);
                self.present(scope, code, kind::BOOL, record, bits, false)?;
            }
            Role::Zigzag(code) => {
                let raw = at.varint()? as u32;
                let value = (raw >> 1) as i32 ^ -((raw & 1) as i32);
                self.present(scope, code, kind::INT, record, i64::from(value) as u64, false)?;
            }
            _ => self.list(role, scope, record, &mut at)?,
        }
        Ok(at.pos())
    }

    /// Checks that a text is UTF-8.
    #[inline(always)]
    pub(crate) fn text(&self, text: Reader) -> Result<()> {
        if is_ascii(self.src, text.pos(), text.rest().len()) { Ok(()) } else { text.utf8() }
    }

    /// A number. Zero has no cell where the field has no presence: unless it takes back what an earlier record said.
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
        if bits == 0 && !has && self.seen >> code & 1 == 0 {
            return Ok(());
        }
        self.number(scope, code, kind, record, bits)
    }

    #[inline]
    fn number(&mut self, scope: Scope, code: u8, kind: u8, record: usize, bits: u64) -> Result<()> {
        if !scope.selects(code) {
            return Ok(());
        }
        self.seen |= 1 << code;
        let (record, a, b) = (record as u32, bits as u32, (bits >> 32) as u32);
        self.push(Cell { field: code.into(), node: record, record, a, b, kind, depth: 0, flags: 0 })
    }

    /// A string or bytes. Empty ones are as absent as a zero is.
    #[inline]
    fn span(&mut self, scope: Scope, code: u8, kind: u8, record: usize, value: Reader) -> Result<()> {
        if !scope.selects(code) || value.is_empty() && self.seen >> code & 1 == 0 {
            return Ok(());
        }
        self.seen |= 1 << code;
        let (record, a, b) = (record as u32, value.pos() as u32, value.rest().len() as u32);
        self.push(Cell { field: code.into(), node: record, record, a, b, kind, depth: 0, flags: 0 })
    }

    /// A list, or a part of one. Lists in several records are joined when all of the entity has been seen.
    pub(crate) fn list_cell(
        &mut self,
        scope: Scope,
        code: u8,
        record: usize,
        value: Reader,
        flags: u8,
    ) -> Result<()> {
        if !scope.selects(code) || value.is_empty() {
            return Ok(());
        }
        self.split |= self.seen & 1 << code;
        self.seen |= 1 << code;
        let kind = if u32::from(code) == field::EXPLICIT_BOUNDS { kind::DOUBLES } else { kind::UINTS };
        let (record, a, b) = (record as u32, value.pos() as u32, value.rest().len() as u32);
        self.push(Cell { field: code.into(), node: record, record, a, b, kind, depth: 0, flags })
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, cell: Cell) -> Result<()> {
        if self.tape.cells.len() >= CELLS_MAX {
            return Err(WireError::new(Fault::TooMany, cell.record as usize));
        }
        self.tape.cells.push(cell);
        Ok(())
    }

    /// Marks values of which one takes the place of the other: they share the record that holds them.
    #[cold]
    pub(crate) fn share(&mut self, first: usize, depth: u8) {
        for cell in self.tape.cells.iter_mut().skip(first).filter(|cell| cell.depth == depth) {
            cell.flags |= cell_flag::SHARED;
        }
    }
}

/// A tag that is not among those looked for: a known field with a wrong wire type is an error, an unknown field
/// is skipped. Fields 1 to `known` are known. Returns where the next record starts.
#[cold]
pub(crate) fn other(tag: u32, known: u32, mut at: Reader) -> Result<usize> {
    if tag >> 3 <= known {
        return Err(WireError::new(Fault::WireType, at.pos()));
    }
    at.skip(tag)?;
    Ok(at.pos())
}
