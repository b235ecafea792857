//! The answer of a plugin: edits, packed as the contract says.

use crate::batch::{Cell, Entity};
use crate::codes::{Field, Kind};
use crate::value::NewValue;

/// The words of the header.
const HEADER: [u32; 2] = [2, 0];

/// What is to be done, as the contract numbers it.
#[derive(Clone, Copy)]
enum Op {
    Drop = 1,
    Replace = 2,
    Remove = 3,
    Set = 4,
    Insert = 5,
    Unset = 6,
    Rename = 7,
    Name = 8,
}

/// The number of an entity; from an [`Entity`], or from a plugin's own loop over the raw words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntityId(pub u32);

/// The number of a cell; from a [`Cell`], or from a plugin's own loop over the raw words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellId(pub u32);

impl From<Entity<'_>> for EntityId {
    fn from(entity: Entity<'_>) -> EntityId {
        EntityId(entity.number() as u32)
    }
}

impl From<Cell<'_>> for CellId {
    fn from(cell: Cell<'_>) -> CellId {
        CellId(cell.number() as u32)
    }
}

/// The changes to a batch, in order. An answer without any is the fastest.
///
/// weir checks all of them and applies all or none: a field that the interest does not declare for writing, or two
/// edits that contradict each other, fail the whole answer.
#[derive(Debug, Default)]
pub struct Edits {
    index: Vec<u32>,
    bytes: Vec<u8>,
    names: Vec<String>,
}

impl Edits {
    /// Drops an entity and all inside it. Parents that are left empty go, too.
    pub fn drop(&mut self, entity: impl Into<EntityId>) {
        self.push(Op::Drop, None, entity.into().0, 0);
    }

    /// Gives a cell another value, at any depth.
    pub fn replace<'v>(&mut self, cell: impl Into<CellId>, value: impl Into<NewValue<'v>>) {
        let value = value.into();
        value.write(&mut self.bytes);
        self.push(Op::Replace, Some(value.kind()), cell.into().0, 0);
    }

    /// Gives a cell a string that is written by `write`, which saves a copy of a text that is put together.
    pub fn replace_with(&mut self, cell: impl Into<CellId>, write: impl FnOnce(&mut TextOut<'_>)) {
        write(&mut TextOut { out: &mut self.bytes });
        self.push(Op::Replace, Some(Kind::STRING), cell.into().0, 0);
    }

    /// Removes the attribute, member or element, or unsets the field.
    pub fn remove(&mut self, cell: impl Into<CellId>) {
        self.push(Op::Remove, None, cell.into().0, 0);
    }

    /// Sets a field or attribute, whether it is there or not.
    pub fn set<'v>(&mut self, entity: impl Into<EntityId>, field: Field, value: impl Into<NewValue<'v>>) {
        self.put(Op::Set, entity.into(), field, value.into());
    }

    /// Sets a field or attribute unless it is there.
    pub fn insert<'v>(&mut self, entity: impl Into<EntityId>, field: Field, value: impl Into<NewValue<'v>>) {
        self.put(Op::Insert, entity.into(), field, value.into());
    }

    /// Removes a field or attribute if it is there.
    pub fn unset(&mut self, entity: impl Into<EntityId>, field: Field) {
        self.push(Op::Unset, None, entity.into().0, field.0);
    }

    /// Gives an attribute another key; an attribute that has that key already is replaced.
    pub fn rename(&mut self, attribute: impl Into<CellId>, key: Field) {
        self.push(Op::Rename, None, attribute.into().0, key.0);
    }

    /// The field of a key that the interest covers by a pattern only, for the edits of this answer. For a key that
    /// is known in `configure`, [`Interest::attribute`](crate::Interest::attribute) costs nothing per batch.
    pub fn key(&mut self, name: &str) -> Field {
        let position = self.names.iter().position(|known| known == name).unwrap_or_else(|| {
            self.bytes.extend_from_slice(name.as_bytes());
            self.push(Op::Name, Some(Kind::STRING), 0, 0);
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        Field(Field::DEFINED + position as u32)
    }

    /// How many edits there are, definitions of keys among them.
    pub fn len(&self) -> usize {
        self.index.len().saturating_sub(HEADER.len()) / 4
    }

    /// Whether nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Makes room for this many edits with values of this many bytes in all.
    pub fn reserve(&mut self, edits: usize, bytes: usize) {
        self.index.reserve(HEADER.len() + edits * 4);
        self.bytes.reserve(bytes);
    }

    /// The two lists of the contract's `edits`.
    pub fn into_parts(mut self) -> (Vec<u32>, Vec<u8>) {
        if let Some(count) = self.index.get(1).map(|_| self.len() as u32) {
            self.index[1] = count;
        }
        (self.index, self.bytes)
    }

    fn put(&mut self, op: Op, entity: EntityId, field: Field, value: NewValue<'_>) {
        value.write(&mut self.bytes);
        self.push(op, Some(value.kind()), entity.0, field.0);
    }

    /// Ends an edit, whose value has been written already.
    fn push(&mut self, op: Op, kind: Option<Kind>, target: u32, field: u32) {
        if self.index.is_empty() {
            self.index.extend_from_slice(&HEADER);
        }
        let kind = kind.map_or(0, |kind| u32::from(kind.0));
        self.index.extend_from_slice(&[op as u32 | kind << 8, target, field, self.bytes.len() as u32]);
    }
}

/// Takes text that becomes the value of an edit.
pub struct TextOut<'o> {
    out: &'o mut Vec<u8>,
}

impl TextOut<'_> {
    /// Appends text.
    pub fn push_str(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Appends bytes that must be UTF-8 once all is appended; weir checks it and refuses the answer otherwise.
    pub fn push_bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }
}

impl std::fmt::Write for TextOut<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_edit_is_an_empty_index() {
        assert!(Edits::default().is_empty());
        assert_eq!(Edits::default().into_parts(), (vec![], vec![]));
    }

    #[test]
    fn edits_are_packed_as_the_contract_says() {
        let mut edits = Edits::default();
        edits.drop(EntityId(7));
        edits.replace(CellId(3), "ab");
        let key = edits.key("k");
        edits.set(EntityId(1), key, true);
        edits.rename(CellId(4), key);
        assert_eq!(edits.len(), 5);
        let (index, bytes) = edits.into_parts();
        #[rustfmt::skip]
        assert_eq!(index, [
            2, 5,
            1, 7, 0, 0,
            2 | 1 << 8, 3, 0, 2,
            8 | 1 << 8, 0, 0, 3,
            4 | 2 << 8, 1, 0x8000_0000, 4,
            7, 4, 0x8000_0000, 4,
        ]);
        assert_eq!(bytes, b"abk\x01");
    }

    #[test]
    fn a_key_is_defined_once_an_answer() {
        let mut edits = Edits::default();
        let (a, b) = (edits.key("a"), edits.key("b"));
        assert_eq!((edits.key("a"), edits.len()), (a, 2));
        assert_eq!((a, b), (Field(0x8000_0000), Field(0x8000_0001)));
    }
}
