//! What a processor sees of a batch: the cells of a view, with their keys and values.

use std::ops::Range;

use weir_otlp::{Interest, Selector, View, field, kind};

use super::datum::Datum;
use super::value::Value;

/// Words of an entity, and of a cell.
const WORDS: usize = 3;

/// A view, taken apart.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    view: &'a View,
    selectors: &'a [Selector],
    entities: &'a [u32],
    cells: &'a [u32],
    /// The ends of the names.
    names: &'a [u32],
    bytes: &'a [u8],
}

/// One resource, scope, metric, item or event.
#[derive(Clone)]
pub(super) struct Entity {
    pub number: u32,
    pub level: u8,
    pub cells: Range<usize>,
}

/// One field or attribute, or one leaf or container inside of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell<'a> {
    pub number: u32,
    pub field: u32,
    pub kind: u8,
    pub value: &'a [u8],
}

impl<'a> Seen<'a> {
    /// `interest` is what the view was built for.
    pub fn new(view: &'a View, interest: &'a Interest) -> Self {
        let index = view.index();
        let word = |place: usize| index.get(place).map_or(0, |word| *word as usize);
        let (rest, selectors) = (index.get(word(0)..).unwrap_or_default(), interest.selectors.as_slice());
        let (entities, rest) = rest.split_at_checked(WORDS * word(1)).unwrap_or_default();
        let (cells, names) = rest.split_at_checked(WORDS * word(2)).unwrap_or_default();
        Seen { view, selectors, entities, cells, names, bytes: view.bytes() }
    }

    /// The entities, parents before what is in them.
    pub fn entities(self) -> impl Iterator<Item = Entity> + 'a {
        let cells = self.cells.len() / WORDS;
        let entities = self.entities;
        (0..entities.len() / WORDS).filter_map(move |number| {
            let &[level, _, first] = entities.get(WORDS * number..)?.first_chunk::<WORDS>()?;
            let next = entities.get(WORDS * (number + 1) + 2).map_or(cells, |next| *next as usize);
            Some(Entity { number: number as u32, level: level as u8, cells: first as usize..next })
        })
    }

    /// Whether a former part of the batch has shown the entity already.
    pub fn is_repeated(self, entity: &Entity) -> bool {
        self.view.is_repeated(entity.number as usize)
    }

    pub fn cell(self, number: usize) -> Option<Cell<'a>> {
        let &[field, what, end] = self.cells.get(WORDS * number..)?.first_chunk::<WORDS>()?;
        let before = (WORDS * number).checked_sub(1).and_then(|end| self.cells.get(end));
        let from = before.map_or(0, |end| *end as usize + 1);
        let value = self.bytes.get(from..end as usize)?;
        Some(Cell { number: number as u32, field, kind: what as u8, value })
    }

    /// The cells of a range that do not stand inside of another one.
    pub fn outermost(self, range: Range<usize>) -> impl Iterator<Item = Cell<'a>> {
        let mut next = range.start;
        std::iter::from_fn(move || {
            let cell = self.cell(next).filter(|_| next < range.end)?;
            next = cell.inside().end;
            Some(cell)
        })
    }

    /// The first cell of an entity with this field.
    pub fn find(self, entity: &Entity, field: u32) -> Option<Cell<'a>> {
        self.outermost(entity.cells.clone()).find(|cell| cell.field == field)
    }

    /// The text of one of OTLP's own fields: empty if there is none.
    pub fn text(self, entity: &Entity, field: u32) -> &'a str {
        self.find(entity, field).map_or("", |cell| cell.text())
    }

    /// How many fields have a number, own ones and keys.
    pub fn fields(self) -> usize {
        field::NAMED as usize + self.selectors.len() + self.names.len()
    }

    /// The key with this number.
    pub fn key(self, field: u32) -> &'a str {
        let Some(place) = field.checked_sub(field::NAMED).map(|place| place as usize) else { return "" };
        match self.selectors.get(place) {
            Some(selector) => &selector.name,
            None => self.name(place - self.selectors.len()),
        }
    }

    /// The number of a key, if a selector or this batch names it.
    pub fn field_of(self, key: &str) -> Option<u32> {
        // A star at the end stands for more than itself.
        let is_exact = |selector: &Selector| selector.field == field::ATTRIBUTE && selector.name == key;
        let selected = self.selectors.iter().position(is_exact).filter(|_| !key.ends_with('*'));
        let named = || (0..self.names.len()).find(|name| self.name(*name) == key);
        let place = selected.or_else(|| named().map(|name| self.selectors.len() + name))?;
        Some(field::NAMED + place as u32)
    }

    fn name(self, name: usize) -> &'a str {
        let before = match name.checked_sub(1) {
            Some(before) => self.names.get(before),
            None => self.cells.last(),
        };
        let from = before.map_or(0, |end| *end as usize + 1);
        let to = self.names.get(name).map_or(from, |end| *end as usize);
        utf8(self.bytes.get(from..to).unwrap_or_default())
    }

    /// A cell's value.
    pub fn datum(self, cell: Cell<'a>) -> Datum<'a> {
        let number = || cell.value.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        match cell.kind {
            kind::STRING => Datum::Str(cell.text().into()),
            kind::BOOL => Datum::Bool(cell.value == [1]),
            kind::INT => Datum::Int(number() as i64),
            kind::DOUBLE => Datum::Double(f64::from_bits(number())),
            kind::BYTES => Datum::Bytes(cell.value),
            kind::ARRAY | kind::MAP => Datum::Nested(self, cell),
            _ => Datum::Empty,
        }
    }

    /// A cell with all inside of it, as a tree.
    pub fn tree(self, cell: Cell<'a>) -> Value {
        match (cell.kind, self.datum(cell)) {
            (_, Datum::Str(text)) => Value::Str(text.into_owned()),
            (_, Datum::Bool(value)) => Value::Bool(value),
            (_, Datum::Int(value)) => Value::Int(value),
            (_, Datum::Double(value)) => Value::Double(value),
            (_, Datum::Bytes(bytes)) => Value::Bytes(bytes.to_owned()),
            (kind::ARRAY, _) => {
                Value::Array(self.outermost(cell.inside()).map(|inner| self.tree(inner)).collect())
            }
            (kind::MAP, _) => {
                let member = |inner: Cell<'a>| (self.key(inner.field).to_owned(), self.tree(inner));
                Value::Map(self.outermost(cell.inside()).map(member).collect())
            }
            _ => Value::Empty,
        }
    }
}

impl<'a> Cell<'a> {
    /// The text of a string.
    pub fn text(self) -> &'a str {
        if self.kind == kind::STRING { utf8(self.value) } else { "" }
    }

    /// The cells inside of a container, at any depth.
    pub fn inside(self) -> Range<usize> {
        let first = self.number as usize + 1;
        let inside = match self.kind {
            kind::ARRAY | kind::MAP => {
                self.value.first_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes))
            }
            _ => 0,
        };
        first..first + inside as usize
    }
}

/// The walk has checked it.
fn utf8(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}
