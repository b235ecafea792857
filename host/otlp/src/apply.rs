//! Applies a checked answer to the tape, so that the next plugin sees it.

use crate::codes::{field, kind, level, op};
use crate::edit::{Check, Edit, EditError, Edits, EditsRef, Named};
use crate::plan::Plan;
use crate::tape::{Added, NONE, Tape, Value, cell_flag};
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
        let defined = check.defined;
        let mut applied = Applied::default();
        let mut drops = false;
        let mut keys = Vec::with_capacity(defined.len());
        for key in defined {
            keys.push(self.number_of(plan, key));
        }
        for edit in Edits::new(words, edits.bytes).flatten() {
            if edit.op == op::NAME {
                continue;
            }
            applied.edits += 1;
            // Checked above: a number that is not defined is a code or a key of the view.
            let number = match Check::new(plan, lens, self).named(view, edit.field) {
                Ok(Named::Code(code)) => code,
                Ok(Named::Key(number)) => number,
                _ => keys.get(edit.field.wrapping_sub(field::DEFINED) as usize).copied().unwrap_or(0),
            };
            match edit.op {
                op::DROP => {
                    drops = true;
                    self.entities[view.entity_map[edit.target as usize] as usize].is_dropped = true;
                }
                op::REPLACE | op::REMOVE | op::RENAME => self.change(view, edit, number),
                _ => self.write(view.entity_map[edit.target as usize], edit, number),
            }
        }
        if drops {
            applied.items_dropped = self.settle_drops();
        }
        Ok(applied)
    }

    /// The chain-wide number of a key that the edits define.
    fn number_of(&mut self, plan: &Plan, key: &[u8]) -> u32 {
        plan.keys
            .number(key)
            .unwrap_or_else(|| field::NAMED + (plan.keys.exact.len() + self.names.intern(key)) as u32)
    }

    /// Replace, remove or rename one cell.
    fn change(&mut self, view: &View, edit: Edit, number: u32) {
        let place = view.cell_map[edit.target as usize];
        let entity = self.entity_of(view, edit.target);
        self.touch(entity);
        if place & ADDED != 0 {
            match edit.op {
                op::REPLACE => self.added[(place & !ADDED) as usize].value = self.keep(edit),
                op::REMOVE => self.added[(place & !ADDED) as usize].is_removed = true,
                _ => {
                    self.remove_named(entity as usize, number, place);
                    self.added[(place & !ADDED) as usize].field = number;
                }
            }
            return;
        }
        match edit.op {
            op::REPLACE => {
                let value = self.keep(edit);
                self.replace(place as usize, value);
            }
            op::REMOVE => self.remove(place as usize),
            _ => {
                self.remove_named(entity as usize, number, place);
                let cell = &mut self.cells[place as usize];
                cell.field = number;
                cell.flags |= cell_flag::RENAMED;
            }
        }
    }

    /// Set, insert or unset a field or attribute of an entity.
    fn write(&mut self, entity: u32, edit: Edit, number: u32) {
        let cell = self.cells_of(entity as usize).find(|&place| self.is_named(place, number));
        let added = self.added_of(entity as usize).find(|(_, a)| a.field == number && !a.is_removed);
        let added = added.map(|(place, _)| place);
        match (edit.op, cell, added) {
            (op::INSERT, Some(_), _) | (op::INSERT, _, Some(_)) | (op::UNSET, None, None) => return,
            (op::UNSET, ..) => self.remove_named(entity as usize, number, NONE),
            (_, Some(cell), _) => {
                self.remove_named(entity as usize, number, cell as u32);
                let value = self.keep(edit);
                self.replace(cell, value);
            }
            (_, None, Some(added)) => self.added[added as usize].value = self.keep(edit),
            (_, None, None) => {
                let value = self.keep(edit);
                self.add(entity as usize, Added { next: NONE, field: number, value, is_removed: false });
            }
        }
        self.touch(entity);
    }

    fn touch(&mut self, entity: u32) {
        self.entities[entity as usize].is_dirty = true;
        self.is_changed = true;
    }

    fn is_named(&self, place: usize, number: u32) -> bool {
        let cell = &self.cells[place];
        cell.field == number && cell.depth == 0 && !cell.has(cell_flag::REMOVED)
    }

    /// Removes every field or attribute of that name but the one at `but`: a cell, or with `ADDED` an added one.
    fn remove_named(&mut self, entity: usize, number: u32, but: u32) {
        for place in self.cells_of(entity) {
            if self.is_named(place, number) && place as u32 != but {
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

    fn remove(&mut self, place: usize) {
        self.remove_inside(place);
        self.cells[place].flags |= cell_flag::REMOVED;
    }

    fn remove_inside(&mut self, place: usize) {
        let end = place + self.cells[place].width();
        for cell in &mut self.cells[place + 1..end] {
            cell.flags |= cell_flag::REMOVED;
        }
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

    /// The entity on the tape to which a cell of the view belongs.
    fn entity_of(&self, view: &View, cell: u32) -> u32 {
        let (mut low, mut high) = (0, view.entity_map.len());
        while low < high {
            let middle = low.midpoint(high);
            if view.entity(middle).is_some_and(|(_, first)| first <= cell) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        view.entity_map[low.saturating_sub(1)]
    }

    /// Lets drops reach what is inside, and counts the items that are gone now.
    fn settle_drops(&mut self) -> u64 {
        let mut left = 0;
        for number in 0..self.entities.len() {
            let parent = self.entities[number].parent as usize;
            let parent_is_dropped = self.entities.get(parent).is_some_and(|parent| parent.is_dropped);
            let entity = &mut self.entities[number];
            entity.is_dropped |= parent_is_dropped;
            left += u64::from(!entity.is_dropped && entity.shape.level() == level::ITEM);
        }
        let dropped = self.items_left - left;
        self.items_left = left;
        self.has_dropped = true;
        self.is_changed = true;
        dropped
    }
}
