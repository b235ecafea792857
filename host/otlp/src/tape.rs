//! The tape of one request: its entities and cells, and what plugins have changed of them so far.

use crate::names::Names;
use crate::plan::PerLevel;
use crate::shape::Shape;
use crate::wire::Reader;

/// "There is none", where a number of an entity or cell is expected.
pub(crate) const NONE: u32 = u32::MAX;

/// The most cells, and the most entities, that one request may have: bounds what a small hostile request can
/// make of itself (two bytes on the wire can be a cell).
pub(crate) const CELLS_MAX: usize = 1 << 22;

/// The entities and cells of one request. Reuse one per worker: its buffers are kept from batch to batch.
#[derive(Clone, Default)]
pub struct Tape {
    pub(crate) entities: Vec<Entity>,
    pub(crate) cells: Vec<Cell>,
    /// Attributes and fields that plugins have added, each in the chain of its entity.
    pub(crate) added: Vec<Added>,
    /// Keys that are not in the plan.
    pub(crate) names: Names,
    /// Values that plugins have written, and lists that the walk has gathered.
    pub(crate) overlay: Vec<u8>,
    pub(crate) items: u64,
    pub(crate) items_left: u64,
    pub(crate) is_changed: bool,
    pub(crate) has_encoded: bool,
    pub(crate) hints: PerLevel<Vec<Hint>>,
    pub(crate) pending: Vec<Pending>,
    /// Of the summary that is being walked.
    pub(crate) quantiles: Vec<[u64; 2]>,
    /// How many bytes plugins may have added; see `check`.
    pub(crate) growth: u64,
    pub(crate) splice: crate::splice::Scratch,
}

/// One resource, scope, metric, item, event, link or exemplar.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entity {
    /// Where its record starts in the source: the tag.
    pub record: u32,
    /// Where its payload starts and ends.
    pub body: u32,
    pub end: u32,
    pub parent: u32,
    /// Its cells reach up to the first of the next entity.
    pub first_cell: u32,
    /// The first of its chain in `added`.
    pub added: u32,
    /// How many children are left.
    pub children: u32,
    pub shape: Shape,
    pub is_dropped: bool,
    /// Not shown for now; see `part`.
    pub is_hidden: bool,
    pub is_dirty: bool,
}

/// One field or attribute, or one leaf or container inside of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    /// A code, or the chain-wide number of a key.
    pub field: u32,
    /// Where the outermost record of this attribute, member, element or field starts in the source.
    pub node: u32,
    /// Where the innermost record starts: the value with its tag. For an empty value see `Cell::EMPTY`.
    pub record: u32,
    /// Strings, bytes, packed lists: start and length of the value in the source, or in the overlay.
    /// Numbers: the low and the high half. Containers: the number of cells inside.
    pub a: u32,
    pub b: u32,
    pub kind: u8,
    pub depth: u8,
    pub flags: u8,
}

/// What has happened to a cell, and what is special about it.
pub(crate) mod cell_flag {
    /// Removed; containers with all inside.
    pub const REMOVED: u8 = 1;
    /// The value was replaced: strings, bytes and encoded values are in the overlay.
    pub const REPLACED: u8 = 2;
    /// The key was replaced.
    pub const RENAMED: u8 = 4;
    /// An empty value: `record` is the start of the payload of its `AnyValue`.
    pub const EMPTY: u8 = 8;
    /// An empty value whose `KeyValue` has no `AnyValue` at all: `record` is the start of that one's payload.
    pub const NO_VALUE: u8 = 16;
    /// A list of varints, which must be unpacked.
    pub const VARINTS: u8 = 32;
    /// One of several values that share a record, of which decoders take the last or merge all.
    pub const SHARED: u8 = 64;
    /// A list that is in the overlay, since it is in no one place of the source.
    pub const GATHERED: u8 = 128;
}

/// An attribute or field that was not there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Added {
    pub next: u32,
    pub field: u32,
    pub value: Value,
    pub is_removed: bool,
}

/// A value that a plugin has written: numbers as bits, the rest in the overlay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value {
    pub kind: u8,
    pub a: u32,
    pub b: u32,
}

/// What the key at this position of the former entity was found to be.
#[derive(Clone, Copy)]
pub(crate) struct Hint {
    pub start: u32,
    pub len: u32,
    pub number: u32,
}

/// A child that is walked when its parent's own fields are done.
#[derive(Clone, Copy)]
pub(crate) struct Pending {
    pub record: u32,
    pub body: u32,
    pub end: u32,
    pub shape: Shape,
}

impl Tape {
    /// How many items the walk found.
    pub fn items(&self) -> u64 {
        self.items
    }

    /// How many of them no plugin has dropped so far.
    pub fn items_left(&self) -> u64 {
        self.items_left
    }

    /// Whether any edit has taken effect: if not, the source is still right.
    pub fn is_changed(&self) -> bool {
        self.is_changed
    }

    /// Whether an edit has set a value in its encoded form, which only a new walk makes visible to the next plugin:
    /// splice, and walk the result, before another plugin's view is built.
    pub fn needs_walk(&self) -> bool {
        self.has_encoded
    }

    /// Forgets the request and gives large buffers back.
    pub fn shrink(&mut self) {
        *self = Tape::default();
    }

    pub(crate) fn clear(&mut self) {
        self.entities.clear();
        self.cells.clear();
        self.added.clear();
        self.names.clear();
        self.overlay.clear();
        self.pending.clear();
        self.quantiles.clear();
        self.hints.iter_mut().for_each(Vec::clear);
        self.items = 0;
        self.items_left = 0;
        self.is_changed = false;
        self.growth = 0;
        self.has_encoded = false;
    }

    /// What plugins have added to an entity, in the order in which they did, with places in `added`.
    pub(crate) fn added_of(&self, entity: usize) -> impl Iterator<Item = (u32, &Added)> {
        let mut next = self.entities[entity].added;
        std::iter::from_fn(move || {
            let place = next;
            let added = self.added.get(place as usize)?;
            next = added.next;
            Some((place, added))
        })
    }

    /// The range of an entity's cells.
    pub(crate) fn cells_of(&self, entity: usize) -> std::ops::Range<usize> {
        let first = self.entities[entity].first_cell as usize;
        let next = self.entities.get(entity + 1).map_or(self.cells.len(), |next| next.first_cell as usize);
        first..next
    }
}

impl Pending {
    pub(crate) fn new(shape: Shape, record: usize, body: Reader) -> Pending {
        Pending { record: record as u32, body: body.pos() as u32, end: body.end() as u32, shape }
    }
}

impl Cell {
    /// Whether it is the entity's own field with this code.
    pub(crate) fn is_field(&self, code: u8) -> bool {
        self.field == u32::from(code) && self.depth == 0
    }

    pub(crate) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// How many cells this one and all inside it are.
    pub(crate) fn width(&self) -> usize {
        use crate::codes::kind;
        match self.kind {
            kind::ARRAY | kind::MAP => 1 + self.a as usize,
            _ => 1,
        }
    }
}

impl Value {
    pub(crate) fn number(kind: u8, bits: u64) -> Value {
        Value { kind, a: bits as u32, b: (bits >> 32) as u32 }
    }

    pub(crate) fn bits(&self) -> u64 {
        u64::from(self.a) | u64::from(self.b) << 32
    }
}
