//! Checks a plugin's answer against its interest, the batch and OTLP, before anything of it is applied.

use crate::codes::{field, kind, op};
use crate::edit::{Edit, EditError, EditFault, Edits};
use crate::interest::NAME_BYTES_MAX;
use crate::lens::Lens;
use crate::plan::Plan;
use crate::shape::{Role, Shape};
use crate::tape::Tape;
use crate::values::check_any_value;
use crate::view::{ADDED, View};

/// How many bytes the edits of one batch may add: no backend takes a request of that size.
const GROWTH_MAX: u64 = 1 << 28;
/// What an edit costs beside its value and key.
const GROWTH_EACH: u64 = 16;
/// How many cells the edits of one answer may look through: a fraction of a second.
const WORK_MAX: u64 = 1 << 26;

/// What the edits of one answer have done to a cell so far.
mod touch {
    pub const VALUE: u8 = 1;
    pub const KEY: u8 = 2;
    pub const GONE: u8 = 4;
}

/// A field that an edit names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    /// One of OTLP's own, or the chain-wide number of a key.
    Number(u32),
    /// A key that the edits define, by its position among them.
    Defined(usize),
}

/// Checks one answer without changing anything but the view's notes about edits.
pub(crate) struct Check<'t, 'e> {
    plan: &'t Plan,
    lens: &'t Lens,
    tape: &'t Tape,
    /// The keys that the edits so far define.
    pub(crate) defined: Vec<&'e [u8]>,
    /// How many bytes the batch has grown by, this answer's edits so far included.
    pub(crate) growth: u64,
    work: u64,
    /// The entity of the view whose cells were looked at last: edits mostly come in order.
    at: usize,
}

impl<'t, 'e> Check<'t, 'e> {
    pub(crate) fn new(plan: &'t Plan, lens: &'t Lens, tape: &'t Tape) -> Self {
        Check { plan, lens, tape, defined: Vec::new(), growth: tape.growth, work: 0, at: 0 }
    }

    pub(crate) fn all(
        &mut self,
        view: &mut View,
        words: &'e [u32],
        bytes: &'e [u8],
    ) -> Result<(), EditError> {
        view.touched.clear();
        view.touched.resize(view.cell_map.len(), 0);
        view.writes.clear();
        view.writes.resize(view.entity_map.len(), 0);
        for (number, edit) in Edits::new(words, bytes).enumerate() {
            edit.and_then(|edit| self.edit(view, edit).map_err(|fault| (edit.op, fault)))
                .map_err(|(op, fault)| EditError::Edit { number, op, fault })?;
        }
        Ok(())
    }

    fn edit(&mut self, view: &mut View, edit: Edit<'e>) -> Result<(), EditFault> {
        self.grow(edit.value.len())?;
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
        if target.depth == 0 && !target.shape.may_write(target.field) {
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
        if matches!(key, Named::Number(..field::NAMED)) {
            return Err(EditFault::NotAnAttribute);
        }
        self.may_write_named(target.shape.level(), key)?;
        self.grow(self.key(key).len())?;
        self.look_through(view, self.at)?;
        touch(view, edit.target, touch::KEY)
    }

    fn set(&mut self, view: &mut View, edit: Edit) -> Result<(), EditFault> {
        let entity = edit.target as usize;
        let (at, _) = view.entity(entity).ok_or(EditFault::Target)?;
        let shape = self.shape(view, entity).ok_or(EditFault::Target)?;
        let named = self.named(view, edit.field)?;
        self.may_write_named(at, named)?;
        let number = match named {
            Named::Number(number) => number,
            Named::Defined(_) => field::NAMED,
        };
        if !shape.may_write(number) {
            return Err(EditFault::NotWritable);
        }
        if edit.op != op::UNSET {
            let slot = shape.slot_for(number, edit.kind).ok_or(EditFault::Kind)?;
            check_value(slot.role, number, 0, edit)?;
            self.grow(self.key(named).len())?;
        }
        self.look_through(view, entity)
    }

    /// The field that an edit's number stands for.
    fn named(&self, view: &View, number: u32) -> Result<Named, EditFault> {
        match named(self.lens, view, number) {
            Some(Named::Defined(place)) if place >= self.defined.len() => Err(EditFault::Field),
            Some(named) => Ok(named),
            None => Err(EditFault::Field),
        }
    }

    /// The bytes of an attribute's key; none of OTLP's own fields.
    fn key(&self, named: Named) -> &[u8] {
        match named {
            Named::Number(..field::NAMED) => &[],
            Named::Number(number) => self.tape.key(self.plan, number),
            Named::Defined(place) => self.defined.get(place).copied().unwrap_or_default(),
        }
    }

    fn may_write_named(&self, at: u8, named: Named) -> Result<(), EditFault> {
        let may = match named {
            Named::Number(code @ ..field::NAMED) => self.lens.writes_field(at, code),
            Named::Number(number) => self.lens.writes_key(at, number, self.key(named)),
            Named::Defined(_) => {
                let key = self.key(named);
                let number = self.plan.keys.number(key).unwrap_or(u32::MAX);
                self.lens.writes_key(at, number, key)
            }
        };
        if may { Ok(()) } else { Err(EditFault::NotDeclared) }
    }

    fn may_write(&self, target: &Target) -> Result<(), EditFault> {
        self.may_write_named(target.shape.level(), Named::Number(target.top))
    }

    fn grow(&mut self, by: usize) -> Result<(), EditFault> {
        self.growth += by as u64 + GROWTH_EACH;
        if self.growth > GROWTH_MAX { Err(EditFault::Growth) } else { Ok(()) }
    }

    /// Counts the fields of an entity of the view that an edit must look through.
    fn look_through(&mut self, view: &mut View, entity: usize) -> Result<(), EditFault> {
        let (Some(writes), Some(&on_tape)) = (view.writes.get_mut(entity), view.entity_map.get(entity))
        else {
            return Err(EditFault::Target);
        };
        let on_tape = on_tape as usize;
        self.work += self.tape.cells_of(on_tape).len() as u64 + u64::from(*writes);
        self.work += self.tape.added_of(on_tape).count() as u64;
        *writes += 1;
        if self.work > WORK_MAX { Err(EditFault::Work) } else { Ok(()) }
    }

    fn shape(&self, view: &View, entity: usize) -> Option<Shape> {
        Some(self.tape.entities.get(*view.entity_map.get(entity)? as usize)?.shape)
    }

    /// What an edit's number of a cell stands for.
    fn cell(&mut self, view: &View, number: u32) -> Result<Target, EditFault> {
        let &place = view.cell_map.get(number as usize).ok_or(EditFault::Target)?;
        self.at = view.entity_of(number, self.at);
        let shape = self.shape(view, self.at).ok_or(EditFault::Target)?;
        if place & ADDED != 0 {
            let added = self.tape.added.get((place & !ADDED) as usize).ok_or(EditFault::Target)?;
            return Ok(Target { shape, field: added.field, top: added.field, depth: 0 });
        }
        let cell = self.tape.cells.get(place as usize).ok_or(EditFault::Target)?;
        let mut top = cell.field;
        if cell.depth > 0 {
            let root = view.root_of(number).and_then(|root| self.tape.cells.get(root as usize));
            top = root.ok_or(EditFault::Target)?.field;
        }
        Ok(Target { shape, field: cell.field, top, depth: cell.depth })
    }
}

/// The field that an edit's number stands for in this view; a defined one may be out of range.
pub(crate) fn named(lens: &Lens, view: &View, number: u32) -> Option<Named> {
    if number >= field::DEFINED {
        return Some(Named::Defined((number - field::DEFINED) as usize));
    }
    if number >= lens.added_base {
        let place = (number - lens.added_base) as usize;
        return view.added_names.get(place).copied().map(Named::Number);
    }
    if number >= field::NAMED {
        return lens.plan_number(number).map(Named::Number);
    }
    let is_code = number >= field::SCHEMA_URL && (number as usize) < field::CODES;
    is_code.then_some(Named::Number(number))
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
    /// The role of the field, if it may be written at all.
    fn role(&self, kind: u8) -> Option<Role> {
        if self.depth > 0 {
            return Some(Role::Attribute);
        }
        if self.field == field::VALUE && !matches!(kind, kind::INT | kind::DOUBLE) {
            // Refused for its kind, not because it could not be written.
            return self.shape.slot_for(field::VALUE, kind::INT).map(|slot| slot.role);
        }
        self.shape.slot_for(self.field, kind).map(|slot| slot.role)
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
    let is_value = match edit.kind {
        kind::STRING => return std::str::from_utf8(value).map(drop).map_err(|_| EditFault::Utf8),
        kind::INT => {
            let bits = <[u8; 8]>::try_from(value).map_err(|_| EditFault::Value)?;
            return check_range(role, code, u64::from_le_bytes(bits));
        }
        kind::BYTES => return check_id(code, value.len()),
        kind::BOOL => matches!(value, [0 | 1]),
        kind::DOUBLE => value.len() == 8,
        kind::EMPTY => value.is_empty(),
        kind::ENCODED => check_any_value(value, depth).is_ok(),
        _ => return Err(EditFault::Kind),
    };
    if is_value { Ok(()) } else { Err(EditFault::Value) }
}

fn check_id(code: u32, len: usize) -> Result<(), EditFault> {
    match (code, len) {
        (field::TRACE_ID, 16) | (field::SPAN_ID, 8) | (field::PARENT_SPAN_ID, 0 | 8) => Ok(()),
        (field::TRACE_ID | field::SPAN_ID | field::PARENT_SPAN_ID, _) => Err(EditFault::IdLength),
        _ => Ok(()),
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
