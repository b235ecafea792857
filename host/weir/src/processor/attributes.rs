//! The attributes of one entity while actions change them: nothing is written before all of them are done.

use super::answer::{Answer, Key, TooLarge};
use super::datum::Datum;
use super::seen::{Entity, Seen};

/// A cell that is not there.
const NONE: u32 = u32::MAX;

/// The keys of a part of a batch by their numbers, with those that only actions name.
pub(super) struct Keys<'a> {
    pub seen: Seen<'a>,
    extra: Vec<&'a str>,
    /// By number: the entity, plus one, that had the key last.
    marks: Vec<u32>,
}

/// See the module.
pub(super) struct Attributes<'k, 'a> {
    pub keys: &'k mut Keys<'a>,
    entity: u32,
    slots: Vec<Slot<'a>>,
    /// Keys that several attributes have, which OTLP forbids; in order.
    doubles: Vec<u32>,
}

struct Slot<'a> {
    field: u32,
    /// Where it was, if it was there.
    cell: u32,
    now: Option<Datum<'a>>,
    is_changed: bool,
}

impl<'a> Keys<'a> {
    pub fn new(seen: Seen<'a>) -> Self {
        Keys { seen, extra: Vec::new(), marks: vec![0; seen.fields()] }
    }

    /// The number of a key.
    pub fn resolve(&mut self, key: &'a str) -> u32 {
        if let Some(field) = self.seen.field_of(key) {
            return field;
        }
        let place = self.extra.iter().position(|extra| *extra == key).unwrap_or_else(|| {
            self.extra.push(key);
            self.extra.len() - 1
        });
        (self.seen.fields() + place) as u32
    }

    /// The key with this number.
    pub fn key(&self, field: u32) -> &'a str {
        match (field as usize).checked_sub(self.seen.fields()) {
            Some(place) => self.extra.get(place).copied().unwrap_or_default(),
            None => self.seen.key(field),
        }
    }

    /// How many numbers there are.
    pub fn len(&self) -> usize {
        self.seen.fields() + self.extra.len()
    }

    fn written(&self, field: u32) -> Key<'a> {
        if (field as usize) < self.seen.fields() { Key::Field(field) } else { Key::Name(self.key(field)) }
    }
}

impl<'k, 'a> Attributes<'k, 'a> {
    /// Those that the view shows of an entity.
    pub fn of(keys: &'k mut Keys<'a>, entity: &Entity) -> Self {
        let (mut slots, mut doubles) = (Vec::new(), Vec::new());
        for cell in keys.seen.outermost(entity.cells.clone()) {
            if cell.field < weir_otlp::field::NAMED {
                continue;
            }
            if let Some(mark) = keys.marks.get_mut(cell.field as usize) {
                if *mark == entity.number + 1 {
                    doubles.push(cell.field);
                }
                *mark = entity.number + 1;
            }
            let now = Some(keys.seen.datum(cell));
            slots.push(Slot { field: cell.field, cell: cell.number, now, is_changed: false });
        }
        doubles.sort_unstable();
        Attributes { keys, entity: entity.number, slots, doubles }
    }

    /// The value of a key; of several the first.
    pub fn get(&self, field: u32) -> Option<&Datum<'a>> {
        self.slots.iter().find(|slot| slot.field == field).and_then(|slot| slot.now.as_ref())
    }

    /// Gives a key this value, whether it is there or not.
    pub fn put(&mut self, field: u32, value: Datum<'a>) {
        match self.slots.iter_mut().find(|slot| slot.field == field) {
            Some(slot) => (slot.now, slot.is_changed) = (Some(value), true),
            None => self.slots.push(Slot { field, cell: NONE, now: Some(value), is_changed: true }),
        }
    }

    /// Removes a key.
    pub fn remove(&mut self, field: u32) {
        self.each(|found, now| {
            let is_meant = found == field;
            if is_meant {
                *now = None;
            }
            is_meant
        });
    }

    /// Shows each key that is there with its value, which may be changed or taken out: then the answer is true.
    pub fn each(&mut self, mut change: impl FnMut(u32, &mut Option<Datum<'a>>) -> bool) {
        for slot in self.slots.iter_mut().filter(|slot| slot.now.is_some()) {
            slot.is_changed |= change(slot.field, &mut slot.now);
        }
    }

    /// Writes what has changed.
    pub fn write(self, answer: &mut Answer) -> Result<(), TooLarge> {
        let Attributes { keys, entity, slots, doubles } = self;
        for slot in slots.iter().filter(|slot| slot.is_changed) {
            let is_double = doubles.binary_search(&slot.field).is_ok();
            match &slot.now {
                Some(now) if slot.cell == NONE || is_double => {
                    answer.set(entity, keys.written(slot.field), now)?;
                }
                Some(now) => {
                    let cell = keys.seen.cell(slot.cell as usize);
                    if cell.is_none_or(|cell| !keys.seen.datum(cell).is_plainly_same(now)) {
                        answer.replace(slot.cell, now)?;
                    }
                }
                None if slot.cell != NONE => answer.remove(slot.cell)?,
                None => {}
            }
        }
        Ok(())
    }
}
