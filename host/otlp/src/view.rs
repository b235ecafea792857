//! One plugin's view of a tape, in the packed form of `wit/types.wit`, record `batch`.

use crate::codes::{kind, level};
use crate::lens::Lens;
use crate::plan::{PerLevel, Plan};
use crate::tape::{Added, Cell, NONE, Tape, cell_flag};
use crate::wire;

/// A part ends before the next item once it holds this many items or bytes: it bounds the memory and the time that
/// one call needs, whatever the size of the request.
const PART_ITEMS_MAX: u64 = 4096;
const PART_BYTES_MAX: usize = 4 << 20;

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
    index: Vec<u32>,
    bytes: Vec<u8>,
    cells: Vec<u32>,
    /// By entity of the view: its number on the tape.
    pub(crate) entity_map: Vec<u32>,
    /// By cell of the view: its number on the tape, or in `added` with the bit `ADDED`.
    pub(crate) cell_map: Vec<u32>,
    /// By position among the names of the view: the chain-wide number of the key.
    pub(crate) added_names: Vec<u32>,
    /// By chain-wide number of a key: the plugin's number, or 0 so far.
    own_ids: Vec<u32>,
    /// The entities on the way down to the current one, by level: on the tape and, once shown, in the view.
    path: PerLevel<(u32, u32)>,
    items: u64,
    is_last: bool,
    /// What the edits of one answer do to each cell; see `edit`.
    pub(crate) touched: Vec<u8>,
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
        let mut build = Build { view: self, plan, lens, tape, source };
        build.enter(from.0);
        let next = build.entities(from.0);
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
        &self.bytes
    }

    /// How many entities of the item level are in it.
    pub fn items(&self) -> u64 {
        self.items
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

    fn clear(&mut self, plan: &Plan, tape: &Tape) {
        self.index.clear();
        self.index.resize(HEADER, 0);
        self.bytes.clear();
        self.cells.clear();
        self.entity_map.clear();
        self.cell_map.clear();
        self.added_names.clear();
        self.own_ids.clear();
        self.own_ids.resize(plan.keys.exact.len() + tape.names.len(), 0);
        self.path = [(NONE, NONE); level::COUNT];
        self.items = 0;
    }

    /// Puts the parts of the index together, and the names behind the values.
    fn close(&mut self, plan: &Plan, tape: &Tape) {
        self.index[0] = HEADER as u32;
        self.index[1] = self.entity_map.len() as u32;
        self.index[2] = self.cell_map.len() as u32;
        self.index[3] = self.added_names.len() as u32;
        self.index.extend_from_slice(&self.cells);
        for &number in &self.added_names {
            self.bytes.extend_from_slice(tape.key(plan, number));
            self.index.push(self.bytes.len() as u32);
            self.bytes.push(0);
        }
    }
}

impl Tape {
    /// The bytes of the key with this chain-wide number.
    pub(crate) fn key<'a>(&'a self, plan: &'a Plan, number: u32) -> &'a [u8] {
        match plan.exact_key(number) {
            Some(key) => key,
            None => {
                let first = crate::codes::field::NAMED as usize + plan.keys.exact.len();
                self.names.get((number as usize).saturating_sub(first))
            }
        }
    }
}

struct Build<'a> {
    view: &'a mut View,
    plan: &'a Plan,
    lens: &'a Lens,
    tape: &'a Tape,
    source: &'a [u8],
}

impl Build<'_> {
    /// Sets the path down to the first entity, whose ancestors belong to this part, too.
    fn enter(&mut self, first: usize) {
        let mut up = self.tape.entities.get(first).map_or(NONE, |entity| entity.parent);
        while let Some(entity) = self.tape.entities.get(up as usize) {
            self.view.path[entity.shape.level() as usize] = (up, NONE);
            up = entity.parent;
        }
    }

    fn entities(&mut self, first: usize) -> usize {
        for (number, entity) in self.tape.entities.iter().enumerate().skip(first) {
            let at = entity.shape.level();
            if at <= level::ITEM && self.is_full() {
                return number;
            }
            if entity.is_dropped {
                continue;
            }
            self.view.path[at as usize] = (number as u32, NONE);
            if self.lens.always & (1 << at) != 0 || self.has_cells(number, at) {
                self.show(number as u32);
            }
        }
        self.tape.entities.len()
    }

    fn is_full(&self) -> bool {
        self.view.items >= PART_ITEMS_MAX || self.view.bytes.len() >= PART_BYTES_MAX
    }

    /// Whether any cell of the entity is selected. Looks at no more than it must.
    fn has_cells(&self, number: usize, at: u8) -> bool {
        let range = self.tape.cells_of(number);
        let mut rest = &self.tape.cells[range];
        while let Some(cell) = rest.first() {
            let (inside, next) = rest.split_at(cell.width().min(rest.len()));
            rest = next;
            if !cell.has(cell_flag::REMOVED) {
                let kinds = self.kinds(at, cell.field);
                if kinds != 0 && inside.iter().any(|c| kinds >> c.kind & 1 != 0 && !c.has(cell_flag::REMOVED))
                {
                    return true;
                }
            }
        }
        self.added(number).any(|(_, added)| self.kinds(at, added.field) >> added.value.kind & 1 != 0)
    }

    fn added(&self, number: usize) -> impl Iterator<Item = (u32, &Added)> {
        self.tape.added_of(number).filter(|(_, added)| !added.is_removed)
    }

    /// The kinds that the plugin reads of a field; 0 if it does not read it.
    #[inline]
    fn kinds(&self, at: u8, field: u32) -> u16 {
        if field >= crate::codes::field::NAMED {
            self.lens.kinds_of_key(at, field, self.tape, self.plan)
        } else if self.lens.reads_field(at, field) {
            self.lens.kinds_of_field(at, field)
        } else {
            0
        }
    }

    /// Shows an entity, after its ancestors.
    fn show(&mut self, number: u32) -> u32 {
        let entity = &self.tape.entities[number as usize];
        let at = entity.shape.level();
        let parent = match self.tape.entities.get(entity.parent as usize) {
            None => NONE,
            Some(parent) => match self.view.path[parent.shape.level() as usize].1 {
                NONE => self.show(entity.parent),
                shown => shown,
            },
        };
        let shown = self.view.entity_map.len() as u32;
        self.view.path[at as usize].1 = shown;
        self.view.items += u64::from(at == level::ITEM);
        self.view.entity_map.push(number);
        self.view.index.extend_from_slice(&[at.into(), parent, self.view.cell_map.len() as u32]);
        self.fields(number as usize, at);
        shown
    }

    fn fields(&mut self, number: usize, at: u8) {
        let tape = self.tape;
        let range = tape.cells_of(number);
        let mut next = range.start;
        while next < range.end {
            let cell = &tape.cells[next];
            let width = cell.width();
            // Inside a container that was replaced, everything is removed.
            if !cell.has(cell_flag::REMOVED) && cell.depth == 0 {
                let kinds = self.kinds(at, cell.field);
                if kinds != 0 {
                    self.tree(next, kinds);
                }
            }
            next += width;
        }
        for (place, added) in tape.added_of(number).filter(|(_, added)| !added.is_removed) {
            if self.kinds(at, added.field) >> added.value.kind & 1 != 0 {
                let value = &added.value;
                self.value(value.kind, value.a, value.b, cell_flag::REPLACED);
                self.close_cell(added.field, added.value.kind, 0, ADDED | place);
            }
        }
    }

    /// A cell and all that is selected inside of it. Returns whether there was anything.
    fn tree(&mut self, place: usize, kinds: u16) -> bool {
        let tape = self.tape;
        let Cell { field, a, b, kind, depth, flags, .. } = tape.cells[place];
        let is_read = kinds >> kind & 1 != 0;
        if !matches!(kind, kind::ARRAY | kind::MAP) {
            if is_read {
                self.value(kind, a, b, flags);
                self.close_cell(field, kind, depth, place as u32);
            }
            return is_read;
        }
        let (bytes, names) = (self.view.bytes.len(), self.view.cell_map.len());
        self.view.bytes.extend_from_slice(&[0; 4]);
        self.close_cell(field, kind, depth, place as u32);
        let mut any = is_read;
        let mut next = place + 1;
        let end = place + 1 + a as usize;
        while next < end {
            let inner = &tape.cells[next];
            let width = inner.width();
            if !inner.has(cell_flag::REMOVED) {
                any |= self.tree(next, kinds);
            }
            next += width;
        }
        let inside = (self.view.cell_map.len() - names - 1) as u32;
        if any {
            self.view.bytes[bytes..bytes + 4].copy_from_slice(&inside.to_le_bytes());
        } else {
            self.view.bytes.truncate(bytes);
            self.view.cell_map.truncate(names);
            self.view.cells.truncate(3 * names);
        }
        any
    }

    #[inline]
    fn value(&mut self, kind: u8, a: u32, b: u32, flags: u8) {
        let bytes = &mut self.view.bytes;
        match kind {
            kind::STRING | kind::BYTES | kind::UINTS | kind::DOUBLES => {
                let arena = if flags & cell_flag::REPLACED != 0 { &self.tape.overlay } else { self.source };
                let value = arena.get(a as usize..a as usize + b as usize).unwrap_or_default();
                if flags & cell_flag::VARINTS != 0 {
                    unpack(value, bytes);
                } else {
                    bytes.extend_from_slice(value);
                }
            }
            kind::INT | kind::DOUBLE => {
                bytes.extend_from_slice(&(u64::from(a) | u64::from(b) << 32).to_le_bytes());
            }
            kind::BOOL => bytes.push(u8::from(a != 0)),
            _ => {}
        }
    }

    /// The cell's words, now that its value stands at the end of the arena.
    #[inline]
    fn close_cell(&mut self, field: u32, kind: u8, depth: u8, place: u32) {
        let field = if field < crate::codes::field::NAMED { field } else { self.own_id(field) };
        // An encoded value becomes visible with the next walk.
        let kind = if kind == kind::ENCODED { kind::OPAQUE } else { kind };
        let end = self.view.bytes.len() as u32;
        self.view.cells.extend_from_slice(&[field, u32::from(kind) | u32::from(depth) << 8, end]);
        self.view.cell_map.push(place);
        self.view.bytes.push(0);
    }

    /// The plugin's number of a key: fixed if the interest names it, else given as keys turn up.
    #[inline]
    fn own_id(&mut self, number: u32) -> u32 {
        let index = (number - crate::codes::field::NAMED) as usize;
        let Some(own) = self.view.own_ids.get_mut(index) else { return 0 };
        if *own == 0 {
            *own = match self.lens.own_id(number) {
                0 => {
                    self.view.added_names.push(number);
                    self.lens.added_base + self.view.added_names.len() as u32 - 1
                }
                id => id,
            };
        }
        *own
    }
}

/// Varints as eight bytes each. The walk has checked them.
fn unpack(value: &[u8], out: &mut Vec<u8>) {
    let mut pos = 0;
    while pos < value.len() {
        let Ok(number) = wire::varint(value, &mut pos, value.len()) else { return };
        out.extend_from_slice(&number.to_le_bytes());
    }
}
