//! A plugin's answer, decoded and checked. Nothing of it is trusted: not its lengths, targets, kinds or text.

use crate::codes::{field, kind, op};
use crate::interest::NAME_BYTES_MAX;
use crate::lens::Lens;
use crate::plan::Plan;
use crate::shape::{Role, Shape};
use crate::tape::Tape;
use crate::view::{ADDED, View};
use crate::walk;

/// A plugin's answer as it came: see `wit/types.wit`, record `edits`.
#[derive(Clone, Copy, Debug)]
pub struct EditsRef<'a> {
    /// The packed words.
    pub index: &'a [u32],
    /// The values.
    pub bytes: &'a [u8],
}

/// Why an answer is refused as a whole. Says which edit is wrong and how; never shows a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The words do not add up to a header and whole edits.
    #[error("the index has {words} words, which is not a header and {edits} edits")]
    Shape {
        /// Words that came.
        words: usize,
        /// Edits that the header announces.
        edits: u32,
    },
    /// One edit is wrong.
    #[error("edit {number} (op {op}) {fault}")]
    Edit {
        /// Which one, from 0.
        number: usize,
        /// Its operation.
        op: u8,
        /// What is wrong.
        fault: EditFault,
    },
}

/// What can be wrong with one edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditFault {
    /// The end is before the former one's or after the last byte.
    #[error("has a value that ends outside of the bytes")]
    End,
    /// No such operation.
    #[error("is of an operation that does not exist")]
    Op,
    /// No such entity or cell in this batch.
    #[error("has a target that is not in the batch")]
    Target,
    /// No such field, key or defined name.
    #[error("names a field or key that does not exist")]
    Field,
    /// The interest does not say so.
    #[error("changes what the interest does not declare for writing")]
    NotDeclared,
    /// The field exists, but not at this level, or may not be written by anyone.
    #[error("changes a field that this entity does not have or that is read-only")]
    NotWritable,
    /// The field cannot have a value of this kind.
    #[error("gives a value of a kind that the field cannot have")]
    Kind,
    /// The bytes are not a value of the kind.
    #[error("gives bytes that are not a value of their kind")]
    Value,
    /// A string that is not UTF-8.
    #[error("gives a string that is not UTF-8")]
    Utf8,
    /// A trace id of 16, a span id of 8 bytes.
    #[error("gives an id of the wrong length")]
    IdLength,
    /// An enum or 32-bit field with a value that it does not have.
    #[error("gives a number that the field cannot hold")]
    Range,
    /// Only attributes have keys.
    #[error("renames what is not an attribute")]
    NotAnAttribute,
    /// Two edits of one answer do different things to the same cell.
    #[error("contradicts an earlier edit of the same cell")]
    Contradiction,
}

/// One edit, with its value's bytes.
#[derive(Clone, Copy)]
pub(crate) struct Edit<'a> {
    pub op: u8,
    pub kind: u8,
    pub target: u32,
    pub field: u32,
    pub value: &'a [u8],
}

/// Words of one edit.
const WORDS: usize = 4;
/// Words of the header.
const HEADER: usize = 2;

impl<'a> EditsRef<'a> {
    /// The edits, or why the words are none.
    pub(crate) fn words(&self) -> Result<&'a [u32], EditError> {
        let &[header, edits, ..] = self.index else {
            let words = self.index.len();
            return if words == 0 { Ok(&[]) } else { Err(EditError::Shape { words, edits: 0 }) };
        };
        let from = header as usize;
        let rest = self.index.get(from..).filter(|_| from >= HEADER);
        rest.filter(|rest| rest.len() as u64 == u64::from(edits) * WORDS as u64)
            .ok_or(EditError::Shape { words: self.index.len(), edits })
    }
}

/// The edits of an answer, one after the other. Ends are checked here.
pub(crate) struct Edits<'a> {
    words: &'a [u32],
    bytes: &'a [u8],
    from: usize,
}

impl<'a> Edits<'a> {
    pub(crate) fn new(words: &'a [u32], bytes: &'a [u8]) -> Self {
        Edits { words, bytes, from: 0 }
    }
}

impl<'a> Iterator for Edits<'a> {
    type Item = Result<Edit<'a>, (u8, EditFault)>;

    fn next(&mut self) -> Option<Self::Item> {
        let (&[what, target, field, end], rest) = self.words.split_first_chunk::<WORDS>()?;
        self.words = rest;
        let op = what as u8;
        let Some(value) = self.bytes.get(self.from..end as usize) else {
            return Some(Err((op, EditFault::End)));
        };
        self.from = end as usize;
        Some(Ok(Edit { op, kind: (what >> 8) as u8, target, field, value }))
    }
}

/// What the edits of one answer have done to a cell so far.
mod touch {
    pub const VALUE: u8 = 1;
    pub const KEY: u8 = 2;
    pub const GONE: u8 = 4;
}

/// A field that an edit names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named<'a> {
    /// One of OTLP's own.
    Code(u32),
    /// The key with this chain-wide number.
    Key(u32),
    /// A key that the edits define.
    Defined(&'a [u8]),
}

/// Checks one answer without changing anything but `view.touched`.
pub(crate) struct Check<'t, 'e> {
    pub plan: &'t Plan,
    pub lens: &'t Lens,
    pub tape: &'t Tape,
    /// The keys that the edits so far define.
    pub defined: Vec<&'e [u8]>,
    /// The entity of the view whose cells were looked at last: edits mostly come in order.
    at: usize,
}

impl<'t, 'e> Check<'t, 'e> {
    pub(crate) fn new(plan: &'t Plan, lens: &'t Lens, tape: &'t Tape) -> Self {
        Check { plan, lens, tape, defined: Vec::new(), at: 0 }
    }

    pub(crate) fn all(
        &mut self,
        view: &mut View,
        words: &'e [u32],
        bytes: &'e [u8],
    ) -> Result<(), EditError> {
        view.touched.clear();
        view.touched.resize(view.cell_map.len(), 0);
        for (number, edit) in Edits::new(words, bytes).enumerate() {
            edit.and_then(|edit| self.edit(view, edit).map_err(|fault| (edit.op, fault)))
                .map_err(|(op, fault)| EditError::Edit { number, op, fault })?;
        }
        Ok(())
    }

    fn edit(&mut self, view: &mut View, edit: Edit<'e>) -> Result<(), EditFault> {
        match edit.op {
            op::DROP => self.drop(view, edit),
            op::REPLACE => self.replace(view, edit),
            op::REMOVE => self.remove(view, edit),
            op::SET | op::INSERT | op::UNSET => self.set(view, edit),
            op::RENAME => self.rename(view, edit),
            op::NAME => self.name(edit),
            _ => Err(EditFault::Op),
        }
    }

    fn name(&mut self, edit: Edit<'e>) -> Result<(), EditFault> {
        if edit.value.is_empty() || edit.value.len() > NAME_BYTES_MAX {
            return Err(EditFault::Value);
        }
        std::str::from_utf8(edit.value).map_err(|_| EditFault::Utf8)?;
        self.defined.push(edit.value);
        Ok(())
    }

    fn drop(&self, view: &View, edit: Edit) -> Result<(), EditFault> {
        let (at, _) = view.entity(edit.target as usize).ok_or(EditFault::Target)?;
        if self.lens.drops & (1 << at) == 0 { Err(EditFault::NotDeclared) } else { Ok(()) }
    }

    fn replace(&mut self, view: &mut View, edit: Edit) -> Result<(), EditFault> {
        let target = self.cell(view, edit.target)?;
        self.may_write(&target)?;
        let role = target.role(edit.kind).ok_or(EditFault::NotWritable)?;
        check_value(role, target.field, target.depth, edit)?;
        touch(view, edit.target, touch::VALUE)
    }

    fn remove(&mut self, view: &mut View, edit: Edit) -> Result<(), EditFault> {
        let target = self.cell(view, edit.target)?;
        self.may_write(&target)?;
        if target.field < field::NAMED && target.depth == 0 && target.shape.slot(target.field).is_none() {
            return Err(EditFault::NotWritable);
        }
        touch(view, edit.target, touch::GONE)
    }

    fn rename(&mut self, view: &mut View, edit: Edit) -> Result<(), EditFault> {
        let target = self.cell(view, edit.target)?;
        if target.field < field::NAMED || target.depth != 0 {
            return Err(EditFault::NotAnAttribute);
        }
        self.may_write(&target)?;
        let key = self.named(view, edit.field)?;
        if matches!(key, Named::Code(_)) {
            return Err(EditFault::NotAnAttribute);
        }
        self.may_write_named(target.shape.level(), key)?;
        touch(view, edit.target, touch::KEY)
    }

    fn set(&self, view: &View, edit: Edit) -> Result<(), EditFault> {
        let (at, _) = view.entity(edit.target as usize).ok_or(EditFault::Target)?;
        let shape = self.shape(view, edit.target as usize).ok_or(EditFault::Target)?;
        let named = self.named(view, edit.field)?;
        self.may_write_named(at, named)?;
        let (role, code) = match named {
            Named::Code(field::VALUE) if edit.op != op::UNSET => {
                (shape.value_slot(edit.kind).map(|slot| slot.role), field::VALUE)
            }
            Named::Code(code) => (shape.slot(code).map(|slot| slot.role), code),
            _ => (shape.attributes().map(|_| Role::Attribute), field::NAMED),
        };
        let role = role.ok_or(EditFault::NotWritable)?;
        if edit.op == op::UNSET { Ok(()) } else { check_value(role, code, 0, edit) }
    }

    /// The field that an edit's number stands for.
    pub(crate) fn named(&self, view: &View, number: u32) -> Result<Named<'e>, EditFault> {
        if number >= field::DEFINED {
            let key = self.defined.get((number - field::DEFINED) as usize);
            return key.map(|key| Named::Defined(key)).ok_or(EditFault::Field);
        }
        if number >= self.lens.added_base {
            let place = (number - self.lens.added_base) as usize;
            return view.added_names.get(place).map(|&key| Named::Key(key)).ok_or(EditFault::Field);
        }
        if number >= field::NAMED {
            return self.lens.plan_number(number).map(Named::Key).ok_or(EditFault::Field);
        }
        if number < field::SCHEMA_URL || number as usize >= field::CODES {
            return Err(EditFault::Field);
        }
        Ok(Named::Code(number))
    }

    fn may_write_named(&self, at: u8, named: Named) -> Result<(), EditFault> {
        let may = match named {
            Named::Code(code) => self.lens.writes_field(at, code),
            Named::Key(number) => self.lens.writes_key(at, number, self.tape.key(self.plan, number)),
            Named::Defined(key) => match self.plan.keys.number(key) {
                Some(number) => self.lens.writes_key(at, number, key),
                None => self.lens.writes_key(at, u32::MAX, key),
            },
        };
        if may { Ok(()) } else { Err(EditFault::NotDeclared) }
    }

    fn may_write(&self, target: &Target) -> Result<(), EditFault> {
        let named = if target.top < field::NAMED { Named::Code(target.top) } else { Named::Key(target.top) };
        self.may_write_named(target.shape.level(), named)
    }

    fn shape(&self, view: &View, entity: usize) -> Option<Shape> {
        Some(self.tape.entities.get(*view.entity_map.get(entity)? as usize)?.shape)
    }

    /// What an edit's number of a cell stands for.
    fn cell(&mut self, view: &View, number: u32) -> Result<Target, EditFault> {
        let &place = view.cell_map.get(number as usize).ok_or(EditFault::Target)?;
        let entity = self.entity_of(view, number);
        let shape = self.shape(view, entity).ok_or(EditFault::Target)?;
        if place & ADDED != 0 {
            let added = self.tape.added.get((place & !ADDED) as usize).ok_or(EditFault::Target)?;
            return Ok(Target { shape, field: added.field, top: added.field, depth: 0 });
        }
        let mut top = place as usize;
        let cell = self.tape.cells.get(top).ok_or(EditFault::Target)?;
        while self.tape.cells[top].depth > 0 && top > 0 {
            top -= 1;
        }
        Ok(Target { shape, field: cell.field, top: self.tape.cells[top].field, depth: cell.depth })
    }

    /// The entity of the view to which a cell belongs: the last one whose first cell is not after it.
    fn entity_of(&mut self, view: &View, cell: u32) -> usize {
        let first = |entity: usize| view.entity(entity).map_or(u32::MAX, |(_, first)| first);
        if first(self.at) > cell {
            self.at = 0;
        }
        if first(self.at + 64) <= cell {
            let (mut low, mut high) = (self.at, view.entity_map.len());
            while low < high {
                let middle = low.midpoint(high);
                if first(middle) <= cell { low = middle + 1 } else { high = middle }
            }
            self.at = low.saturating_sub(1);
        }
        while first(self.at + 1) <= cell {
            self.at += 1;
        }
        self.at
    }
}

/// The cell that an edit is about.
struct Target {
    shape: Shape,
    field: u32,
    /// The field of the attribute, or of the entity, inside of which it stands.
    top: u32,
    depth: u8,
}

impl Target {
    /// The role of the field, which must be able to hold a value of the kind.
    fn role(&self, kind: u8) -> Option<Role> {
        if self.depth > 0 || self.field >= field::NAMED {
            return Some(Role::Attribute);
        }
        let slot = if self.field == field::VALUE {
            self.shape.value_slot(kind)
        } else {
            self.shape.slot(self.field)
        };
        slot.map(|slot| slot.role)
    }
}

fn touch(view: &mut View, cell: u32, how: u8) -> Result<(), EditFault> {
    let Some(touched) = view.touched.get_mut(cell as usize) else { return Err(EditFault::Target) };
    if *touched & (how | touch::GONE) != 0 || (how == touch::GONE && *touched != 0) {
        return Err(EditFault::Contradiction);
    }
    *touched |= how;
    Ok(())
}

/// Checks an edit's value against the field that is to hold it.
fn check_value(role: Role, code: u32, depth: u8, edit: Edit) -> Result<(), EditFault> {
    if !role.takes(edit.kind) {
        return Err(EditFault::Kind);
    }
    let value = edit.value;
    match edit.kind {
        kind::STRING => std::str::from_utf8(value).map(drop).map_err(|_| EditFault::Utf8),
        kind::BOOL => {
            if matches!(value, [0 | 1]) {
                Ok(())
            } else {
                Err(EditFault::Value)
            }
        }
        kind::INT => {
            let bits = <[u8; 8]>::try_from(value).map_err(|_| EditFault::Value)?;
            check_range(role, code, u64::from_le_bytes(bits))
        }
        kind::DOUBLE => {
            if value.len() == 8 {
                Ok(())
            } else {
                Err(EditFault::Value)
            }
        }
        kind::BYTES => match (code, value.len()) {
            (field::TRACE_ID, 16) | (field::SPAN_ID, 8) | (field::PARENT_SPAN_ID, 0 | 8) => Ok(()),
            (field::TRACE_ID | field::SPAN_ID | field::PARENT_SPAN_ID, _) => Err(EditFault::IdLength),
            _ => Ok(()),
        },
        kind::EMPTY => {
            if value.is_empty() {
                Ok(())
            } else {
                Err(EditFault::Value)
            }
        }
        kind::ENCODED => walk::check_any_value(value, depth).map_err(|_| EditFault::Value),
        _ => Err(EditFault::Kind),
    }
}

fn check_range(role: Role, code: u32, bits: u64) -> Result<(), EditFault> {
    let max = match (role, code) {
        (_, field::KIND) => 5,
        (_, field::STATUS_CODE) => 2,
        (_, field::SEVERITY_NUMBER) => 24,
        (Role::Varint(_) | Role::Fixed32(_), _) => u64::from(u32::MAX),
        _ => u64::MAX,
    };
    if bits <= max { Ok(()) } else { Err(EditFault::Range) }
}
