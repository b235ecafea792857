//! Packs a document into the two lists of the contract's `batch`, showing what an interest selects.

use super::document::{Document, Node};
use super::fields::Known;
use crate::any_value::AnyValue;
use crate::codes::{Field, Kind, Level, Signal};
use crate::interest::{Interest, Selector};

/// A packed batch, and where each of its entities and cells came from.
pub struct Packed {
    pub(super) signal: Signal,
    pub(super) received: u64,
    /// The contract's `batch.index`.
    pub index: Vec<u32>,
    /// The contract's `batch.bytes`.
    pub bytes: Vec<u8>,
    /// For each entity the way to its node: positions in `resources`, `holds`, `holds`, ...
    pub(super) entities: Vec<Vec<usize>>,
    pub(super) cells: Vec<CellOrigin>,
}

/// Where a cell came from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct CellOrigin {
    pub entity: usize,
    /// Position among the entity's attributes, or among its fields.
    pub is_attribute: bool,
    pub position: usize,
    /// Positions inside arrays and maps.
    pub inside: Vec<usize>,
}

impl Packed {
    /// None if weir would not call the plugin: nothing that it selected is there.
    pub fn new(document: &Document, interest: &Interest) -> Option<Packed> {
        if !interest.wanted().has(document.signal) {
            return None;
        }
        let mut packer = Packer {
            signal: document.signal,
            interest,
            entities: vec![],
            cells: vec![],
            bytes: vec![],
            names: vec![],
        };
        for (position, resource) in document.resources.iter().enumerate() {
            packer.entity(resource, None, vec![position]);
        }
        if packer.entities.is_empty() { None } else { Some(packer.finish(document.received)) }
    }
}

struct Packer<'a> {
    signal: Signal,
    interest: &'a Interest,
    /// Level, parent, first cell, and the way to the node.
    entities: Vec<([u32; 3], Vec<usize>)>,
    cells: Vec<([u32; 3], CellOrigin)>,
    bytes: Vec<u8>,
    names: Vec<String>,
}

impl Packer<'_> {
    fn entity(&mut self, node: &Node, parent: Option<u32>, way: Vec<usize>) {
        let number = self.entities.len();
        let cells_before = self.cells.len();
        let bytes_before = self.bytes.len();
        let words = [u32::from(node.level.0), parent.unwrap_or(u32::MAX), cells_before as u32];
        self.entities.push((words, way.clone()));
        for (position, (field, value)) in node.fields.iter().enumerate() {
            if self.is_read(node.level, *field, None, value) {
                let value = &numbers(*field, value);
                self.cell(
                    field.0,
                    value,
                    0,
                    CellOrigin { entity: number, is_attribute: false, position, inside: vec![] },
                );
            }
        }
        for (position, (key, value)) in node.attributes.iter().enumerate() {
            if self.is_read(node.level, Field::ATTRIBUTE, Some(key), value) {
                let name = self.name(key);
                let origin = CellOrigin { entity: number, is_attribute: true, position, inside: vec![] };
                self.cell(name, &Shown::Value(value), 0, origin);
            }
        }
        for (position, held) in node.holds.iter().enumerate() {
            self.entity(held, Some(number as u32), [way.as_slice(), &[position]].concat());
        }
        let is_needed = self.entities.len() > number + 1
            || self.cells.len() > cells_before
            || self.may_change(node.level);
        if !is_needed {
            self.entities.truncate(number);
            self.bytes.truncate(bytes_before);
        }
    }

    fn cell(&mut self, field: u32, value: &Shown<'_>, depth: u32, origin: CellOrigin) {
        if !self.cells.is_empty() {
            self.bytes.push(0);
        }
        let number = self.cells.len();
        self.cells.push(([field, u32::from(value.kind().0) | depth << 8, 0], origin.clone()));
        match value {
            Shown::Value(AnyValue::Array(_) | AnyValue::Map(_)) => self.bytes.extend_from_slice(&[0; 4]),
            Shown::Value(value) => self.bytes.extend(value.as_plain().iter().flat_map(|plain| {
                let mut bytes = Vec::new();
                plain.write(&mut bytes);
                bytes
            })),
            Shown::Numbers(_, words) => self.bytes.extend(words.iter().flat_map(|word| word.to_le_bytes())),
        }
        let end = self.bytes.len();
        self.cells[number].0[2] = end as u32;
        for (position, (key, inner)) in members(value).into_iter().enumerate() {
            let field = key.map_or(Field::ELEMENT.0, |key| self.name(key));
            let mut origin = origin.clone();
            origin.inside.push(position);
            self.cell(field, &Shown::Value(inner), depth + 1, origin);
        }
        let inside = (self.cells.len() - number - 1) as u32;
        if matches!(value.kind(), Kind::ARRAY | Kind::MAP) {
            self.bytes[end - 4..end].copy_from_slice(&inside.to_le_bytes());
        }
    }

    /// The field that names a key: the selector of that very name, or a name of this batch.
    fn name(&mut self, key: &str) -> u32 {
        let exact = |selector: &Selector| selector.field == Field::ATTRIBUTE && selector.name == key;
        if let Some(position) = self.interest.selectors().iter().position(exact) {
            return Field::NAMED + position as u32;
        }
        let position = self.names.iter().position(|name| name == key).unwrap_or_else(|| {
            self.names.push(key.to_owned());
            self.names.len() - 1
        });
        Field::NAMED + (self.interest.len() + position) as u32
    }

    fn is_read(&self, level: Level, field: Field, key: Option<&str>, value: &AnyValue) -> bool {
        self.interest.selectors().iter().any(|selector| {
            selector.reads()
                && selector.field == field
                && selector.is_meant(self.signal, level)
                && key.is_none_or(|key| selector.has_key(key))
                && has_kind(selector.kinds, value)
        })
    }

    fn may_change(&self, level: Level) -> bool {
        self.interest.dropped().has(level)
            || self.interest.selectors().iter().any(|selector| {
                selector.writes()
                    && selector.is_meant(self.signal, level)
                    && Known::of(selector.field).is_none_or(|known| known.stands_at(self.signal, level))
            })
    }

    fn finish(self, received: u64) -> Packed {
        let mut bytes = self.bytes;
        let mut index = vec![4, self.entities.len() as u32, self.cells.len() as u32, self.names.len() as u32];
        index.extend(self.entities.iter().flat_map(|(words, _)| *words));
        index.extend(self.cells.iter().flat_map(|(words, _)| *words));
        for (position, name) in self.names.iter().enumerate() {
            if position > 0 || !self.cells.is_empty() {
                bytes.push(0);
            }
            bytes.extend_from_slice(name.as_bytes());
            index.push(bytes.len() as u32);
        }
        bytes.push(0);
        Packed {
            signal: self.signal,
            received,
            index,
            bytes,
            entities: self.entities.into_iter().map(|(_, way)| way).collect(),
            cells: self.cells.into_iter().map(|(_, origin)| origin).collect(),
        }
    }
}

/// A value as a cell shows it: a list of numbers in a field such as `bucket_counts` is one packed cell.
enum Shown<'v> {
    Value(&'v AnyValue),
    Numbers(Kind, Vec<u64>),
}

impl Shown<'_> {
    fn kind(&self) -> Kind {
        match self {
            Shown::Value(value) => kind_of(value),
            Shown::Numbers(kind, _) => *kind,
        }
    }
}

fn numbers(field: Field, value: &AnyValue) -> Shown<'_> {
    let kind = Known::of(field).and_then(|known| known.kind);
    match (kind, value) {
        (Some(kind @ (Kind::UINTS | Kind::DOUBLES)), AnyValue::Array(values)) => Shown::Numbers(
            kind,
            values
                .iter()
                .map(|value| match value {
                    AnyValue::Int(number) if kind == Kind::UINTS => number.cast_unsigned(),
                    AnyValue::Int(number) => (*number as f64).to_bits(),
                    AnyValue::Double(number) => number.to_bits(),
                    other => panic!("{other:?} is not a number"),
                })
                .collect(),
        ),
        (_, value) => Shown::Value(value),
    }
}

fn members<'v>(value: &Shown<'v>) -> Vec<(Option<&'v str>, &'v AnyValue)> {
    match value {
        Shown::Value(AnyValue::Array(values)) => values.iter().map(|value| (None, value)).collect(),
        Shown::Value(AnyValue::Map(members)) => members.iter().map(|(k, v)| (Some(k.as_str()), v)).collect(),
        _ => Vec::new(),
    }
}

/// Whether a value, or one inside it, is of a kind in the mask; 0 stands for all.
fn has_kind(kinds: u32, value: &AnyValue) -> bool {
    kinds == 0
        || kinds & (1 << kind_of(value).0) != 0
        || match value {
            AnyValue::Array(values) => values.iter().any(|value| has_kind(kinds, value)),
            AnyValue::Map(members) => members.iter().any(|(_, value)| has_kind(kinds, value)),
            _ => false,
        }
}

fn kind_of(value: &AnyValue) -> Kind {
    match value {
        AnyValue::Array(_) => Kind::ARRAY,
        AnyValue::Map(_) => Kind::MAP,
        plain => plain.as_plain().map_or(Kind::EMPTY, |plain| plain.kind()),
    }
}
