//! One plugin's view of a tape, in the packed form of `wit/types.wit`, record `batch`. `build` fills it.

use crate::arena::Arena;
use crate::build::Build;
use crate::codes::{field, level};
use crate::plan::{PerLevel, Plan};
use crate::tape::{NONE, Tape};

/// Words of the header.
const HEADER: usize = 4;

/// Set in the map of cells for one that a plugin has added.
pub(crate) const ADDED: u32 = 1 << 31;

/// Where in the tape the next part of a batch begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor(usize);

/// What one plugin sees of a batch, or of one part of it. Reuse one per worker.
#[derive(Default)]
pub struct View {
    /// The header and the entities; once closed, also the cells and the ends of the names.
    pub(crate) index: Vec<u32>,
    pub(crate) arena: Arena,
    pub(crate) cells: Vec<[u32; 3]>,
    /// By entity of the view: its number on the tape.
    pub(crate) entity_map: Vec<u32>,
    /// By cell of the view: its number on the tape, or in `added` with the bit `ADDED`.
    pub(crate) cell_map: Vec<u32>,
    /// The containers that stand in no other: their cell in the view and on the tape.
    pub(crate) roots: Vec<(u32, u32)>,
    /// By position among the names of the view: the chain-wide number of the key.
    pub(crate) added_names: Vec<u32>,
    /// By chain-wide number of a key: the number among the names that the view adds, or 0 so far.
    pub(crate) own_ids: Vec<u32>,
    /// The entities on the way down to the current one, by level: on the tape and, once shown, in the view.
    pub(crate) path: PerLevel<(u32, u32)>,
    pub(crate) items: u64,
    /// The first entity of the part, on the tape.
    first: usize,
    is_last: bool,
    /// What the edits of one answer do to each cell, and how many write to each entity; see `check`.
    pub(crate) touched: Vec<u8>,
    pub(crate) writes: Vec<u32>,
}

impl View {
    /// Builds the part that starts at the cursor, and says where the next one starts. None if there is nothing (more)
    /// to show: then the plugin is not called.
    pub fn build(
        &mut self,
        plan: &Plan,
        plugin: usize,
        tape: &Tape,
        source: &[u8],
        from: Cursor,
    ) -> Option<Cursor> {
        let lens = plan.lens(plugin)?;
        self.clear(plan, tape);
        self.first = from.0;
        let next = Build::new(self, plan, lens, tape, source, from.0).entities();
        if self.entity_map.is_empty() {
            return None;
        }
        self.is_last = next == tape.entities.len();
        self.close(plan, tape);
        Some(Cursor(next))
    }

    /// The words of the contract's `batch.index`.
    pub fn index(&self) -> &[u32] {
        &self.index
    }

    /// The bytes of the contract's `batch.bytes`.
    pub fn bytes(&self) -> &[u8] {
        self.arena.as_slice()
    }

    /// How many entities of the item level are in it.
    pub fn items(&self) -> u64 {
        self.items
    }

    /// Whether an entity has been shown in a former part of the batch: then it is here for the sake of what is inside
    /// of it.
    pub fn is_repeated(&self, entity: usize) -> bool {
        self.entity_map.get(entity).is_some_and(|&number| (number as usize) < self.first)
    }

    /// Whether this part is the last one of its batch.
    pub fn is_last(&self) -> bool {
        self.is_last
    }

    /// Gives large buffers back.
    pub fn shrink(&mut self) {
        *self = View::default();
    }

    /// The level of an entity of the view, and the number of its first cell.
    pub(crate) fn entity(&self, entity: usize) -> Option<(u8, u32)> {
        let words = self.index.get(HEADER + 3 * entity..)?.first_chunk::<3>()?;
        (entity < self.entity_map.len()).then_some((words[0] as u8, words[2]))
    }

    /// The entity of the view to which a cell belongs: the last one whose first cell is not after it. Searches from
    /// a guess, which is best the entity of the cell that was asked for before.
    pub(crate) fn entity_of(&self, cell: u32, guess: usize) -> usize {
        let first = |entity: usize| self.entity(entity).map_or(u32::MAX, |(_, first)| first);
        let (mut low, mut high) = (0, self.entity_map.len());
        if first(guess) <= cell {
            for entity in guess..guess + 8 {
                if first(entity + 1) > cell {
                    return entity;
                }
            }
            low = guess + 8;
        }
        while low < high {
            let middle = low.midpoint(high);
            if first(middle) <= cell { low = middle + 1 } else { high = middle }
        }
        low.saturating_sub(1)
    }

    /// Where on the tape the attribute or field stands inside of which this cell of the view is.
    pub(crate) fn root_of(&self, cell: u32) -> Option<u32> {
        let place = self.roots.partition_point(|(root, _)| *root <= cell).checked_sub(1)?;
        self.roots.get(place).map(|(_, root)| *root)
    }

    fn clear(&mut self, plan: &Plan, tape: &Tape) {
        self.index.clear();
        self.index.resize(HEADER, 0);
        self.arena.truncate(0);
        self.cells.clear();
        self.entity_map.clear();
        self.cell_map.clear();
        self.roots.clear();
        // Only those that the former view has used: a batch with many keys may come in many parts.
        for number in self.added_names.drain(..) {
            if let Some(id) = self.own_ids.get_mut((number - field::NAMED) as usize) {
                *id = 0;
            }
        }
        let keys = plan.keys.exact.len() + tape.names.len();
        if self.own_ids.len() < keys {
            self.own_ids.resize(keys, 0);
        }
        self.path = [(NONE, NONE); level::COUNT];
        self.items = 0;
    }

    /// Puts the parts of the index together, and the names behind the values.
    fn close(&mut self, plan: &Plan, tape: &Tape) {
        self.index[0] = HEADER as u32;
        self.index[1] = self.entity_map.len() as u32;
        self.index[2] = self.cell_map.len() as u32;
        self.index[3] = self.added_names.len() as u32;
        self.index.extend_from_slice(self.cells.as_flattened());
        for &number in &self.added_names {
            self.arena.put(tape.key(plan, number));
            self.index.push(self.arena.len() as u32 - 1);
        }
    }
}

impl Tape {
    /// The bytes of the key with this chain-wide number.
    pub(crate) fn key<'a>(&'a self, plan: &'a Plan, number: u32) -> &'a [u8] {
        match plan.exact_key(number) {
            Some(key) => key,
            None => {
                let first = field::NAMED as usize + plan.keys.exact.len();
                self.names.get((number as usize).saturating_sub(first))
            }
        }
    }
}
