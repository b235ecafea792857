//! The batch as a plugin sees it: entities and cells, borrowed from the two lists that crossed the boundary.
//!
//! Nothing is copied and nothing is decoded before it is asked for. Numbers that do not fit the batch, which
//! weir never sends, end in empty values and ends of iteration, not in panics.

use std::fmt;

use crate::codes::{Field, Kind, Level, Signal};
use crate::interest::Interest;
use crate::value::{Value, eight};

/// The words of the header that this SDK knows.
const HEADER_WORDS: usize = 4;
/// The parent of a resource.
const NO_PARENT: u32 = u32::MAX;

/// One batch, or one part of a large one. Never mixes signals.
#[derive(Clone, Copy)]
pub struct Batch<'a> {
    signal: Signal,
    received: u64,
    entities: &'a [[u32; 3]],
    cells: &'a [[u32; 3]],
    names: &'a [u32],
    bytes: &'a [u8],
    interest: &'a Interest,
}

impl<'a> Batch<'a> {
    /// A view on the two lists of the contract's `batch`. The error says which part of the index is too short.
    pub fn new(
        signal: Signal,
        received: u64,
        index: &'a [u32],
        bytes: &'a [u8],
        interest: &'a Interest,
    ) -> Result<Batch<'a>, String> {
        let [header_words, entities, cells, names, ..] = *index else {
            return Err("the batch's index is shorter than its header".to_owned());
        };
        let header_words = (header_words as usize).max(HEADER_WORDS);
        let rest = index.get(header_words..).ok_or("the batch's index is shorter than its header")?;
        let (entities, rest) = triples(rest, entities).ok_or("the batch's index is cut in its entities")?;
        let (cells, rest) = triples(rest, cells).ok_or("the batch's index is cut in its cells")?;
        let names = rest.get(..names as usize).ok_or("the batch's index is cut in its names")?;
        Ok(Batch { signal, received, entities, cells, names, bytes, interest })
    }

    /// The signal of all that is in the batch.
    pub fn signal(&self) -> Signal {
        self.signal
    }

    /// When weir received the batch, in unix nanoseconds. Use it instead of a clock: tests stay deterministic.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// How many entities there are.
    pub fn entity_count(&self) -> usize {
        self.entities.len()
    }

    /// How many cells there are.
    pub fn cell_count(&self) -> usize {
        self.cells.len()
    }

    /// All entities, parents before their children.
    pub fn entities(&'a self) -> impl Iterator<Item = Entity<'a>> {
        (0..self.entities.len()).map(|number| Entity { batch: self, number })
    }

    /// The entities of one level.
    pub fn at(&'a self, level: Level) -> impl Iterator<Item = Entity<'a>> {
        self.entities().filter(move |entity| entity.level() == level)
    }

    /// Spans, log records or data points.
    pub fn items(&'a self) -> impl Iterator<Item = Entity<'a>> {
        self.at(Level::ITEM)
    }

    /// The entity of this number, if there is one.
    pub fn entity(&'a self, number: usize) -> Option<Entity<'a>> {
        (number < self.entities.len()).then_some(Entity { batch: self, number })
    }

    /// The cell of this number, if there is one.
    pub fn cell(&'a self, number: usize) -> Option<Cell<'a>> {
        (number < self.cells.len()).then_some(Cell { batch: self, number })
    }

    /// All cells, entity by entity, nested ones after the container that holds them.
    pub fn cells(&'a self) -> impl Iterator<Item = Cell<'a>> {
        (0..self.cells.len()).map(|number| Cell { batch: self, number })
    }

    /// The entity to which a cell belongs. Costs a binary search: prefer to iterate entity by entity.
    pub fn entity_of(&'a self, cell: Cell<'_>) -> Option<Entity<'a>> {
        let after = self.entities.partition_point(|entity| entity[2] as usize <= cell.number);
        self.entity(after.checked_sub(1)?)
    }

    /// The key that a field names, if it names one: that of an attribute or of a map's member.
    pub fn name(&self, field: Field) -> Option<&'a str> {
        let position = field.0.checked_sub(Field::NAMED)? as usize;
        match position.checked_sub(self.interest.len()) {
            None => self.interest.name(position),
            Some(added) => std::str::from_utf8(self.added_name(added)?).ok(),
        }
    }

    fn added_name(&self, position: usize) -> Option<&'a [u8]> {
        let end = *self.names.get(position)?;
        let start = match position.checked_sub(1) {
            Some(former) => self.names.get(former)?.checked_add(1)?,
            // The first name follows the last value, by the same rule of ends.
            None => self.cells.last().map_or(0, |cell| cell[2].saturating_add(1)),
        };
        self.bytes.get(start as usize..end as usize)
    }
}

/// The raw lists, for loops in which each nanosecond counts.
impl<'a> Batch<'a> {
    /// Per entity: level, parent (`u32::MAX` for none), number of its first cell.
    pub fn entity_words(&self) -> &'a [[u32; 3]] {
        self.entities
    }

    /// Per cell: field, `kind | depth << 8`, end of its value in [`Batch::arena`].
    pub fn cell_words(&self) -> &'a [[u32; 3]] {
        self.cells
    }

    /// All values, a zero byte between any two, then the names.
    pub fn arena(&self) -> &'a [u8] {
        self.bytes
    }

    /// The part of [`Batch::arena`] that holds values.
    pub fn values(&self) -> &'a [u8] {
        let end = self.cells.last().map_or(0, |cell| cell[2] as usize);
        self.bytes.get(..end).unwrap_or(self.bytes)
    }

    /// The bytes of the values of a cell by its number; empty if there is no such cell.
    pub fn value_of(&self, number: usize) -> &'a [u8] {
        let Some(cell) = self.cells.get(number) else { return &[] };
        let start = match number.checked_sub(1).and_then(|former| self.cells.get(former)) {
            Some(former) => former[2] as usize + 1,
            None => 0,
        };
        self.bytes.get(start..cell[2] as usize).unwrap_or(&[])
    }
}

/// A resource, scope, metric, item, event, link or exemplar.
#[derive(Clone, Copy)]
pub struct Entity<'a> {
    batch: &'a Batch<'a>,
    number: usize,
}

impl<'a> Entity<'a> {
    /// Its number in the batch.
    pub fn number(self) -> usize {
        self.number
    }

    /// What it is.
    pub fn level(self) -> Level {
        Level(self.word(0) as u8)
    }

    /// The entity that holds it; none for a resource.
    pub fn parent(self) -> Option<Entity<'a>> {
        let parent = self.word(1);
        // A parent comes before its children; anything else could make a walk upwards endless.
        (parent != NO_PARENT && (parent as usize) < self.number)
            .then_some(Entity { batch: self.batch, number: parent as usize })
    }

    /// The nearest entity of a level, itself or above.
    pub fn ancestor(self, level: Level) -> Option<Entity<'a>> {
        std::iter::successors(Some(self), |entity| entity.parent()).find(|entity| entity.level() == level)
    }

    /// The resource from which it came.
    pub fn resource(self) -> Option<Entity<'a>> {
        self.ancestor(Level::RESOURCE)
    }

    /// All its cells, nested ones included.
    pub fn cells(self) -> impl Iterator<Item = Cell<'a>> {
        let batch = self.batch;
        self.cell_numbers().map(move |number| Cell { batch, number })
    }

    /// Its own fields and attributes, without what is inside arrays and maps.
    pub fn fields(self) -> impl Iterator<Item = Cell<'a>> {
        self.cells().filter(|cell| cell.depth() == 0)
    }

    /// Its attributes: key and value.
    pub fn attributes(self) -> impl Iterator<Item = (&'a str, Cell<'a>)> {
        self.fields().filter_map(|cell| Some((cell.name()?, cell)))
    }

    /// A field or attribute of it. The first one counts if a sender repeats a key.
    pub fn get(self, field: Field) -> Option<Cell<'a>> {
        let (cells, batch) = (self.batch.cells, self.batch);
        self.cell_numbers()
            .find(|number| cells.get(*number).is_some_and(|c| c[0] == field.0 && c[1] >> 8 == 0))
            .map(|number| Cell { batch, number })
    }

    /// An attribute by its key. Compares text: ask by the [`Field`] that the interest gave where you can.
    pub fn attribute(self, key: &str) -> Option<Cell<'a>> {
        self.attributes().find(|(name, _)| *name == key).map(|(_, cell)| cell)
    }

    /// The text of a field or attribute, if it is there and text.
    pub fn str(self, field: Field) -> Option<&'a str> {
        self.get(field)?.as_str()
    }

    /// The integer of a field or attribute, if it is there and an integer.
    pub fn int(self, field: Field) -> Option<i64> {
        self.get(field)?.as_int()
    }

    fn cell_numbers(self) -> std::ops::Range<usize> {
        let end = match self.batch.entities.get(self.number + 1) {
            Some(next) => (next[2] as usize).min(self.batch.cells.len()),
            None => self.batch.cells.len(),
        };
        self.word(2) as usize..end
    }

    fn word(self, position: usize) -> u32 {
        self.batch.entities.get(self.number).map_or(0, |words| words[position])
    }
}

/// One field, attribute, array element or map member, with its value.
#[derive(Clone, Copy)]
pub struct Cell<'a> {
    batch: &'a Batch<'a>,
    number: usize,
}

impl<'a> Cell<'a> {
    /// Its number in the batch.
    pub fn number(self) -> usize {
        self.number
    }

    /// Which field it is.
    pub fn field(self) -> Field {
        Field(self.word(0))
    }

    /// The key of an attribute or of a map's member.
    pub fn name(self) -> Option<&'a str> {
        self.batch.name(self.field())
    }

    /// What kind of value it has.
    pub fn kind(self) -> Kind {
        Kind(self.word(1) as u8)
    }

    /// 0 for a field or attribute, one more inside each array or map.
    pub fn depth(self) -> u32 {
        self.word(1) >> 8
    }

    /// The bytes of the value: the text of a string, and so on as `wit/types.wit` says for each kind.
    pub fn bytes(self) -> &'a [u8] {
        self.batch.value_of(self.number)
    }

    /// The value.
    pub fn value(self) -> Value<'a> {
        Value::of(self)
    }

    /// The value if it is text.
    pub fn as_str(self) -> Option<&'a str> {
        if self.kind() == Kind::STRING { std::str::from_utf8(self.bytes()).ok() } else { None }
    }

    /// The value if it is an integer.
    pub fn as_int(self) -> Option<i64> {
        if self.kind() == Kind::INT { eight(self.bytes()).map(i64::from_le_bytes) } else { None }
    }

    /// The value if it is true or false.
    pub fn as_bool(self) -> Option<bool> {
        if self.kind() == Kind::BOOL { self.bytes().first().map(|byte| *byte != 0) } else { None }
    }

    /// All cells inside an array or map, at any depth; none for other kinds.
    pub fn inside(self) -> impl Iterator<Item = Cell<'a>> {
        let batch = self.batch;
        let first = self.number + 1;
        (first..first + self.inside_count()).filter_map(move |number| batch.cell(number))
    }

    /// The elements of an array or the members of a map; none for other kinds.
    pub fn children(self) -> impl Iterator<Item = Cell<'a>> {
        let depth = self.depth() + 1;
        self.inside().filter(move |cell| cell.depth() == depth)
    }

    fn inside_count(self) -> usize {
        if !matches!(self.kind(), Kind::ARRAY | Kind::MAP) {
            return 0;
        }
        let count = self.bytes().try_into().map_or(0, u32::from_le_bytes) as usize;
        count.min(self.batch.cells.len().saturating_sub(self.number + 1))
    }

    fn word(self, position: usize) -> u32 {
        self.batch.cells.get(self.number).map_or(0, |words| words[position])
    }
}

// By number alone: a batch holds telemetry, which must not end up in a log by way of `{:?}`.
impl fmt::Debug for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cell {} ({:?}, {:?})", self.number, self.field(), self.kind())
    }
}

impl fmt::Debug for Entity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entity {} ({:?})", self.number, self.level())
    }
}

impl PartialEq for Cell<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number && self.bytes() == other.bytes() && self.kind() == other.kind()
    }
}

fn triples(words: &[u32], count: u32) -> Option<(&[[u32; 3]], &[u32])> {
    let (taken, rest) = words.split_at_checked((count as usize).checked_mul(3)?)?;
    Some((taken.as_chunks().0, rest))
}

#[cfg(test)]
mod tests;
