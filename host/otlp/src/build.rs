//! Fills a view with what a plugin's lens shows of a tape.

use crate::codes::{field, kind, level};
use crate::lens::Lens;
use crate::lists::unpack;
use crate::plan::Plan;
use crate::tape::{Added, Cell, NONE, Tape, cell_flag};
use crate::view::{ADDED, View};

/// A part ends before the next item once it holds this many items or bytes: it bounds the memory and the time that
/// one call needs, whatever the size of the request.
const PART_ITEMS_MAX: u64 = 4096;
const PART_BYTES_MAX: usize = 8 << 20;

pub(crate) struct Build<'a> {
    view: &'a mut View,
    plan: &'a Plan,
    lens: &'a Lens,
    tape: &'a Tape,
    source: &'a [u8],
    /// The first entity of this part, on the tape.
    first: usize,
    /// How much of the view is ancestors that a former part has shown already.
    repeated: usize,
}

impl<'a> Build<'a> {
    pub(crate) fn new(
        view: &'a mut View,
        plan: &'a Plan,
        lens: &'a Lens,
        tape: &'a Tape,
        source: &'a [u8],
        first: usize,
    ) -> Self {
        Build { view, plan, lens, tape, source, first, repeated: 0 }
    }

    /// Shows entities from the first one on, and says which one the next part starts with.
    pub(crate) fn entities(&mut self) -> usize {
        let tape = self.tape;
        self.enter();
        for (number, entity) in tape.entities.iter().enumerate().skip(self.first) {
            let at = entity.shape.level();
            if at <= level::ITEM && self.is_full() {
                return number;
            }
            if entity.is_dropped || entity.is_hidden {
                continue;
            }
            self.view.path[usize::from(at)] = (number as u32, NONE);
            if self.lens.always & (1 << at) != 0 {
                self.show(number as u32);
            } else if self.is_shown(entity.parent) {
                self.show_if_read(number as u32, at);
            } else if self.has_cells(number, at) {
                self.show(number as u32);
            }
        }
        tape.entities.len()
    }

    /// Sets the path down to the first entity, whose ancestors belong to this part, too.
    fn enter(&mut self) {
        let mut up = self.tape.entities.get(self.first).map_or(NONE, |entity| entity.parent);
        while let Some(entity) = self.tape.entities.get(up as usize) {
            self.view.path[usize::from(entity.shape.level())] = (up, NONE);
            up = entity.parent;
        }
    }

    /// How much memory the part needs so far.
    fn size(&self) -> usize {
        self.view.arena.len() + 12 * self.view.cells.len() + 4 * self.view.index.len()
    }

    /// Ancestors come again with every part. So that they do not make a large request much larger, each part
    /// holds at least as much that is new.
    fn is_full(&self) -> bool {
        let size = self.size() - self.repeated;
        (self.view.items >= PART_ITEMS_MAX || size >= PART_BYTES_MAX) && size >= self.repeated
    }

    /// Whether an entity's parent is in the view already, or there is none.
    fn is_shown(&self, parent: u32) -> bool {
        let Some(entity) = self.tape.entities.get(parent as usize) else { return true };
        self.view.path[usize::from(entity.shape.level())].1 != NONE
    }

    /// Whether any cell of the entity is selected. Looks at no more than it must.
    fn has_cells(&self, number: usize, at: u8) -> bool {
        let mut rest = &self.tape.cells[self.tape.cells_of(number)];
        while let Some(cell) = rest.first() {
            let (inside, next) = rest.split_at(cell.width().min(rest.len()));
            rest = next;
            // What is left of a container that was replaced has been removed.
            if cell.has(cell_flag::REMOVED) {
                continue;
            }
            let kinds = self.kinds(at, cell.field);
            if kinds != 0 && inside.iter().any(|c| kinds >> c.kind & 1 != 0 && !c.has(cell_flag::REMOVED)) {
                return true;
            }
        }
        self.added(number).any(|(_, added)| self.kinds(at, added.field) >> added.value.kind & 1 != 0)
    }

    fn added(&self, number: usize) -> impl Iterator<Item = (u32, &'a Added)> + use<'a> {
        self.tape.added_of(number).filter(|(_, added)| !added.is_removed)
    }

    /// The kinds that the plugin reads of a field; 0 if it does not read it.
    #[inline(always)]
    fn kinds(&self, at: u8, number: u32) -> u16 {
        if number >= field::NAMED {
            self.lens.kinds_of_key(at, number, self.tape, self.plan)
        } else if self.lens.reads_field(at, number) {
            self.lens.kinds_of_field(at, number)
        } else {
            0
        }
    }

    /// Shows an entity, after its ancestors.
    fn show(&mut self, number: u32) -> u32 {
        let entity = &self.tape.entities[number as usize];
        let at = entity.shape.level();
        if !self.is_shown(entity.parent) {
            self.show(entity.parent);
        }
        let before = self.size();
        let shown = self.open(number, at);
        self.fields(number as usize, at);
        if (number as usize) < self.first {
            self.repeated += self.size() - before;
        }
        shown
    }

    /// Shows an entity whose ancestors are shown, if any of its cells is.
    fn show_if_read(&mut self, number: u32, at: u8) {
        let cells = self.view.cells.len();
        self.open(number, at);
        self.fields(number as usize, at);
        if self.view.cells.len() == cells {
            self.view.entity_map.pop();
            self.view.index.truncate(self.view.index.len() - 3);
            self.view.items -= u64::from(at == level::ITEM);
            self.view.path[usize::from(at)].1 = NONE;
        }
    }

    #[inline(always)]
    fn open(&mut self, number: u32, at: u8) -> u32 {
        let entity = &self.tape.entities[number as usize];
        let parent = match self.tape.entities.get(entity.parent as usize) {
            Some(parent) => self.view.path[usize::from(parent.shape.level())].1,
            None => NONE,
        };
        let view = &mut *self.view;
        let shown = view.entity_map.len() as u32;
        view.path[usize::from(at)].1 = shown;
        view.items += u64::from(at == level::ITEM);
        view.entity_map.push(number);
        view.index.extend_from_slice(&[at.into(), parent, view.cell_map.len() as u32]);
        shown
    }

    fn fields(&mut self, number: usize, at: u8) {
        let tape = self.tape;
        let range = tape.cells_of(number);
        let mut next = range.start;
        while let Some(cell) = tape.cells.get(next).filter(|_| next < range.end) {
            if !cell.has(cell_flag::REMOVED) {
                let kinds = self.kinds(at, cell.field);
                if matches!(cell.kind, kind::ARRAY | kind::MAP) {
                    let root = (self.view.cell_map.len() as u32, next as u32);
                    if kinds != 0 && self.tree(next, kinds) {
                        self.view.roots.push(root);
                    }
                } else if kinds >> cell.kind & 1 != 0 {
                    self.leaf(cell, next);
                }
            }
            next += cell.width();
        }
        if tape.entities[number].added != NONE {
            self.added_fields(number, at);
        }
    }

    #[cold]
    fn added_fields(&mut self, number: usize, at: u8) {
        for (place, added) in self.added(number) {
            if self.kinds(at, added.field) >> added.value.kind & 1 != 0 {
                let value = added.value;
                self.value(value.kind, value.a, value.b, cell_flag::REPLACED);
                self.close_cell(added.field, value.kind, 0, ADDED | place);
            }
        }
    }

    /// A container and all that is selected inside of it. Returns whether there was anything.
    fn tree(&mut self, place: usize, kinds: u16) -> bool {
        let tape = self.tape;
        let cell = &tape.cells[place];
        let (bytes, cells) = (self.view.arena.len(), self.view.cells.len());
        self.view.arena.put(&[0; 4]);
        // The key gets a number only if the cell stays.
        self.close_cell(field::ELEMENT, cell.kind, cell.depth, place as u32);
        let mut any = kinds >> cell.kind & 1 != 0;
        let end = place + cell.width();
        let mut next = place + 1;
        while let Some(inner) = tape.cells.get(next).filter(|_| next < end) {
            if !inner.has(cell_flag::REMOVED) {
                if matches!(inner.kind, kind::ARRAY | kind::MAP) {
                    any |= self.tree(next, kinds);
                } else if kinds >> inner.kind & 1 != 0 {
                    self.leaf(inner, next);
                    any = true;
                }
            }
            next += inner.width();
        }
        if any {
            let inside = (self.view.cells.len() - cells - 1) as u32;
            self.view.arena.patch(bytes, inside);
            self.view.cells[cells][0] = self.number(cell.field);
        } else {
            self.view.arena.truncate(bytes);
            self.view.cell_map.truncate(cells);
            self.view.cells.truncate(cells);
        }
        any
    }

    #[inline(always)]
    fn leaf(&mut self, cell: &Cell, place: usize) {
        self.value(cell.kind, cell.a, cell.b, cell.flags);
        self.close_cell(cell.field, cell.kind, cell.depth, place as u32);
    }

    #[inline(always)]
    fn value(&mut self, kind: u8, a: u32, b: u32, flags: u8) {
        let arena = &mut self.view.arena;
        match kind {
            kind::STRING | kind::BYTES | kind::UINTS | kind::DOUBLES => {
                let is_written = flags & (cell_flag::REPLACED | cell_flag::GATHERED) != 0;
                let source = if is_written { self.tape.overlay.as_slice() } else { self.source };
                let (from, len) = (a as usize, b as usize);
                if flags & cell_flag::VARINTS != 0 {
                    arena.put_with(|out| unpack(source.get(from..from + len).unwrap_or_default(), out));
                } else {
                    arena.put_range(source, from, len);
                }
            }
            kind::INT | kind::DOUBLE => arena.put(&(u64::from(a) | u64::from(b) << 32).to_le_bytes()),
            kind::BOOL => arena.put(&[u8::from(a != 0)]),
            _ => arena.put(&[]),
        }
    }

    /// The cell's words, now that its value stands at the end of the arena.
    #[inline(always)]
    fn close_cell(&mut self, number: u32, kind: u8, depth: u8, place: u32) {
        let number = self.number(number);
        // An encoded value becomes visible with the next walk.
        let kind = if kind == kind::ENCODED { kind::OPAQUE } else { kind };
        let end = self.view.arena.len() as u32 - 1;
        self.view.cells.push([number, u32::from(kind) | u32::from(depth) << 8, end]);
        self.view.cell_map.push(place);
    }

    /// The plugin's number of a field: of a key, fixed if the interest names it, else given as keys turn up.
    #[inline(always)]
    fn number(&mut self, number: u32) -> u32 {
        if number < field::NAMED {
            return number;
        }
        match self.lens.own_id(number) {
            0 => self.added_id(number),
            id => id,
        }
    }

    #[inline(always)]
    fn added_id(&mut self, number: u32) -> u32 {
        let view = &mut *self.view;
        let Some(own) = view.own_ids.get_mut((number - field::NAMED) as usize) else { return field::ELEMENT };
        if *own == 0 {
            view.added_names.push(number);
            *own = view.added_names.len() as u32;
        }
        self.lens.added_base + *own - 1
    }
}
