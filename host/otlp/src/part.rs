//! Items by their number: show only some of them to a plugin, drop some of them, say where one stands.
//!
//! This is what a host needs to find the item that breaks a plugin. Items are numbered in the order of the walk,
//! dropped ones included, so that a number means the same item whatever is dropped in between.

use std::ops::Range;

use crate::codes::{level, op};
use crate::edit::{Edits, EditsRef};
use crate::tape::Tape;
use crate::view::View;

/// Where an item stands in its request, counted from 0: safe to log, since it says nothing of what is in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Which resource of the request.
    pub resource: u64,
    /// Which scope of the resource.
    pub scope: u64,
    /// Which item of the scope, over all its metrics if they are data points.
    pub item: u64,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Place { resource, scope, item } = self;
        write!(f, "resource {resource}, scope {scope}, item {item} (counted from 0)")
    }
}

impl Tape {
    /// Hides all items but those in the range, and every resource, scope and metric in which none is left, from views
    /// that are built from now on. What is hidden stays in the request.
    pub fn show_only(&mut self, items: Range<u64>) {
        let mut number = 0;
        let mut in_sight = false;
        for at in 0..self.entities.len() {
            let Some(entity) = self.entities.get_mut(at) else { break };
            match entity.shape.level() {
                level::ITEM => {
                    in_sight = items.contains(&number);
                    number += 1;
                    entity.is_hidden = !in_sight;
                    let mut up = if in_sight { entity.parent } else { crate::tape::NONE };
                    while let Some(parent) = self.entities.get_mut(up as usize) {
                        parent.is_hidden = false;
                        up = parent.parent;
                    }
                }
                // Its items come behind it, and bring it back.
                inner if inner < level::ITEM => entity.is_hidden = true,
                _ => entity.is_hidden = !in_sight,
            }
        }
    }

    /// Ends [`Tape::show_only`].
    pub fn show_all(&mut self) {
        self.entities.iter_mut().for_each(|entity| entity.is_hidden = false);
    }

    /// Drops the items of the range, and what is empty without them. Says how many were still there.
    pub fn drop_items(&mut self, items: Range<u64>) -> u64 {
        let before = self.items_left;
        let mut number = 0;
        for at in 0..self.entities.len() {
            if self.entities.get(at).is_some_and(|entity| entity.shape.level() == level::ITEM) {
                if items.contains(&number) {
                    self.drop_entity(at);
                }
                number += 1;
            }
        }
        before - self.items_left
    }

    /// Where the item stands that an edit of an answer is about; `None` if it is about no item.
    pub fn place_of_edit(&self, view: &View, edits: EditsRef<'_>, number: usize) -> Option<Place> {
        let edit = Edits::new(edits.words().ok()?, edits.bytes).nth(number)?.ok()?;
        let shown = match edit.op {
            op::REPLACE | op::REMOVE | op::RENAME => {
                view.cell_map.get(edit.target as usize)?;
                view.entity_of(edit.target, 0)
            }
            _ => edit.target as usize,
        };
        let mut at = *view.entity_map.get(shown)? as usize;
        let level_of = |at: usize| self.entities.get(at).map(|entity| entity.shape.level());
        while level_of(at)? > level::ITEM {
            at = self.entities.get(at)?.parent as usize;
        }
        if level_of(at)? != level::ITEM {
            return None;
        }
        let before = self.entities.get(..at)?;
        let items = before.iter().filter(|entity| entity.shape.level() == level::ITEM).count();
        self.place_of(items as u64)
    }

    /// Where the item with this number stands.
    pub fn place_of(&self, item: u64) -> Option<Place> {
        let (mut number, mut next) = (0, Place::default());
        let (mut resources, mut scopes) = (0, 0);
        for entity in &self.entities {
            match entity.shape.level() {
                level::RESOURCE => {
                    next = Place { resource: resources, scope: 0, item: 0 };
                    (resources, scopes) = (resources + 1, 0);
                }
                level::SCOPE => {
                    next = Place { scope: scopes, item: 0, ..next };
                    scopes += 1;
                }
                level::ITEM if number == item => return Some(next),
                level::ITEM => {
                    number += 1;
                    next.item += 1;
                }
                _ => {}
            }
        }
        None
    }
}
