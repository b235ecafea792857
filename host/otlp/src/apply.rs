//! Applies a checked answer to the tape, so that the next plugin sees it.

use crate::check::{Check, Named, named};
use crate::codes::{field, kind, level, op};
use crate::edit::{Edit, EditError, Edits, EditsRef};
use crate::plan::Plan;
use crate::tape::{Added, Cell, NONE, Tape, Value, cell_flag};
use crate::view::{ADDED, View};

/// What an answer did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Edits in the answer, definitions of names not counted.
    pub edits: u64,
    /// Items that it dropped, with those inside of a dropped resource, scope or metric.
    pub items_dropped: u64,
}

impl Tape {
    /// Checks a plugin's answer to a view of this tape, then applies all of it or, on an error, none.
    pub fn apply(
        &mut self,
        plan: &Plan,
        plugin: usize,
        view: &mut View,
        edits: EditsRef<'_>,
    ) -> Result<Applied, EditError> {
        let words = edits.words()?;
        let Some(lens) = plan.lens(plugin).filter(|_| !words.is_empty()) else {
            return Ok(Applied::default());
        };
        let mut check = Check::new(plan, lens, self);
        check.all(view, words, edits.bytes)?;
        let Check { defined, growth, .. } = check;
        self.growth = growth;
        let keys: Vec<u32> = defined.iter().map(|key| self.number_of(plan, key)).collect();
        let items = self.items_left;
        let mut applied = Applied::default();
        // The entity of the cell that was changed last: edits mostly come in order.
        let mut at = 0;
        for edit in Edits::new(words, edits.bytes).flatten().filter(|edit| edit.op != op::NAME) {
            applied.edits += 1;
            // Checked above; of edits that name no field it is not used.
            let number = match named(lens, view, edit.field) {
                Some(Named::Number(number)) => number,
                Some(Named::Defined(place)) => keys.get(place).copied().unwrap_or(0),
                None => 0,
            };
            match edit.op {
                op::DROP => self.drop_entity(view.entity_map[edit.target as usize] as usize),
                op::REPLACE | op::REMOVE | op::RENAME => {
                    at = view.entity_of(edit.target, at);
                    let place = view.cell_map[edit.target as usize];
                    self.change(view.entity_map[at] as usize, place, edit, number);
                }
                _ => self.write(view.entity_map[edit.target as usize] as usize, edit, number),
            }
        }
        applied.items_dropped = items - self.items_left;
        Ok(applied)
    }

    /// The chain-wide number of a key that the edits define.
    fn number_of(&mut self, plan: &Plan, key: &[u8]) -> u32 {
        plan.keys
            .number(key)
            .unwrap_or_else(|| field::NAMED + (plan.keys.exact.len() + self.names.intern(key)) as u32)
    }

    /// Drops an entity with all inside it, and its ancestors as far as nothing is left in them.
    pub(crate) fn drop_entity(&mut self, number: usize) {
        if self.entities[number].is_dropped {
            return;
        }
        self.is_changed = true;
        // What is inside stands behind it.
        let end = self.entities[number].end;
        for inside in &mut self.entities[number..] {
            if inside.record >= end {
                break;
            }
            self.items_left -= u64::from(!inside.is_dropped && inside.shape.level() == level::ITEM);
            inside.is_dropped = true;
        }
        let mut up = self.entities[number].parent;
        while let Some(parent) = self.entities.get_mut(up as usize) {
            parent.children -= 1;
            if parent.children > 0 || parent.shape.level() >= level::ITEM {
                break;
            }
            parent.is_dropped = true;
            up = parent.parent;
        }
    }

    /// Replace, remove or rename one cell. An earlier edit of the same answer may have removed it.
    fn change(&mut self, entity: usize, place: u32, edit: Edit, number: u32) {
        if place & ADDED != 0 {
            let added = (place & !ADDED) as usize;
            if !self.added[added].is_removed {
                self.change_added(entity, added, edit, number);
                self.touch(entity);
            }
            return;
        }
        let place = place as usize;
        let cell = self.cells[place];
        if cell.has(cell_flag::REMOVED) {
            return;
        }
        // One of OTLP's own fields is unset as a whole, be it that it came twice.
        let is_field = cell.depth == 0 && cell.field < field::NAMED;
        match edit.op {
            op::REPLACE if is_field && self.is_unsetting(entity, cell.field, edit) => {
                self.remove_named(entity, cell.field, NONE);
            }
            op::REPLACE => {
                let value = self.keep(edit);
                self.replace(place, value);
            }
            op::REMOVE if is_field => self.remove_named(entity, cell.field, NONE),
            op::REMOVE => self.remove(place),
            _ => {
                self.remove_named(entity, number, place as u32);
                for sharing in self.sharing(place) {
                    let cell = &mut self.cells[sharing];
                    if cell.depth == 0 {
                        cell.field = number;
                        cell.flags |= cell_flag::RENAMED;
                    }
                }
            }
        }
        self.touch(entity);
    }

    fn change_added(&mut self, entity: usize, added: usize, edit: Edit, number: u32) {
        match edit.op {
            op::REPLACE if self.is_unsetting(entity, self.added[added].field, edit) => {
                self.added[added].is_removed = true;
            }
            op::REPLACE => self.added[added].value = self.keep(edit),
            op::REMOVE => self.added[added].is_removed = true,
            _ => {
                self.remove_named(entity, number, ADDED | added as u32);
                self.added[added].field = number;
            }
        }
    }

    /// Set, insert or unset a field or attribute of an entity.
    fn write(&mut self, entity: usize, edit: Edit, number: u32) {
        let cell = self.cells_of(entity).find(|&place| self.is_named(place, number));
        let added = self.added_of(entity).find(|(_, a)| a.field == number && !a.is_removed);
        let added = added.map(|(place, _)| place as usize);
        let is_there = cell.is_some() || added.is_some();
        let unsets = edit.op == op::UNSET || self.is_unsetting(entity, number, edit);
        if edit.op == op::INSERT && is_there || unsets && !is_there {
            return;
        }
        self.touch(entity);
        if unsets {
            return self.remove_named(entity, number, NONE);
        }
        let value = self.keep(edit);
        match (cell, added) {
            (Some(cell), _) if !self.cells[cell].has(cell_flag::SHARED) => {
                self.remove_named(entity, number, cell as u32);
                self.replace(cell, value);
            }
            (None, Some(added)) => self.added[added].value = value,
            (_, added) => {
                // Values that share a record go with it; a new one takes their place.
                self.remove_named(entity, number, added.map_or(NONE, |added| ADDED | added as u32));
                match added {
                    Some(added) => self.added[added].value = value,
                    None => self.add(entity, Added { next: NONE, field: number, value, is_removed: false }),
                }
            }
        }
    }

    /// Whether an edit gives a field the value that stands for its absence.
    fn is_unsetting(&self, entity: usize, number: u32, edit: Edit) -> bool {
        let slot = self.entities[entity].shape.slot_for(number, edit.kind);
        let is_nothing = match edit.kind {
            kind::STRING | kind::BYTES => edit.value.is_empty(),
            _ => edit.value.iter().all(|&b| b == 0),
        };
        is_nothing && slot.is_some_and(|slot| !slot.keeps_zero())
    }

    fn touch(&mut self, entity: usize) {
        self.entities[entity].is_dirty = true;
        self.is_changed = true;
    }

    #[inline]
    fn is_named(&self, place: usize, number: u32) -> bool {
        let cell = &self.cells[place];
        cell.field == number && cell.depth == 0 && !cell.has(cell_flag::REMOVED)
    }

    /// Removes every field or attribute of that name but the one at `but`: a cell, or with `ADDED` an added one.
    fn remove_named(&mut self, entity: usize, number: u32, but: u32) {
        let kept = self.cells.get(but as usize).map_or(NONE, |cell| cell.node);
        for place in self.cells_of(entity) {
            if self.is_named(place, number) && self.cells[place].node != kept {
                self.remove(place);
            }
        }
        let mut next = self.entities[entity].added;
        while let Some(added) = self.added.get_mut(next as usize) {
            if added.field == number && ADDED | next != but {
                added.is_removed = true;
            }
            next = added.next;
        }
    }

    /// Gives a cell another value. What was inside of a container is gone.
    fn replace(&mut self, place: usize, value: Value) {
        self.remove_inside(place);
        let cell = &mut self.cells[place];
        cell.flags |= cell_flag::REPLACED;
        (cell.kind, cell.a, cell.b) = (value.kind, value.a, value.b);
    }

    /// Removes an attribute, member, element or field with all of its values.
    fn remove(&mut self, place: usize) {
        for sharing in self.sharing(place) {
            self.remove_inside(sharing);
            self.cells[sharing].flags |= cell_flag::REMOVED;
        }
    }

    fn remove_inside(&mut self, place: usize) {
        let end = place + self.cells[place].width();
        for cell in &mut self.cells[place + 1..end] {
            cell.flags |= cell_flag::REMOVED;
        }
    }

    /// The cells that stand in the same record as this one, with what is inside of them.
    fn sharing(&self, place: usize) -> std::ops::Range<usize> {
        let Cell { node, depth, .. } = self.cells[place];
        let mut range = place..place + 1;
        if !self.cells[place].has(cell_flag::SHARED) {
            return range;
        }
        let is_inside = |cell: &Cell| cell.depth > depth;
        let shares = |cell: &Cell| cell.depth == depth && cell.node == node;
        for before in (0..place).rev().take_while(|&at| is_inside(&self.cells[at]) || shares(&self.cells[at]))
        {
            if shares(&self.cells[before]) {
                range.start = before;
            }
        }
        let after = self.cells.iter().skip(range.end);
        range.end += after.take_while(|cell| is_inside(cell) || shares(cell)).count();
        range
    }

    fn add(&mut self, entity: usize, added: Added) {
        let place = self.added.len() as u32;
        self.added.push(added);
        let mut last = self.entities[entity].added;
        if last == NONE {
            self.entities[entity].added = place;
            return;
        }
        while self.added[last as usize].next != NONE {
            last = self.added[last as usize].next;
        }
        self.added[last as usize].next = place;
    }

    /// Copies an edit's value to where it stays.
    fn keep(&mut self, edit: Edit) -> Value {
        let bits = || edit.value.first_chunk::<8>().map_or(0, |bits| u64::from_le_bytes(*bits));
        match edit.kind {
            kind::INT | kind::DOUBLE => Value::number(edit.kind, bits()),
            kind::BOOL => Value::number(edit.kind, u64::from(edit.value.first().is_some_and(|&b| b != 0))),
            _ => {
                self.has_encoded |= edit.kind == kind::ENCODED;
                let from = self.overlay.len() as u32;
                self.overlay.extend_from_slice(edit.value);
                Value { kind: edit.kind, a: from, b: edit.value.len() as u32 }
            }
        }
    }
}
