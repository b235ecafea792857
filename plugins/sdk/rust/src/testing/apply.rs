//! Checks a plugin's edits as weir does, and applies them to the document.
//!
//! An error says which edit weir would have refused. Positions must stay valid while edits are applied, so what is
//! removed and dropped is only marked at first.

use std::collections::HashSet;

use super::document::{Document, Node};
use super::fields::Known;
use super::pack::{CellOrigin, Packed};
use crate::any_value::AnyValue;
use crate::codes::{Field, Kind, Level};
use crate::interest::Interest;

/// An edit, unpacked.
struct Edit<'e> {
    op: u32,
    kind: Kind,
    target: usize,
    field: u32,
    value: &'e [u8],
}

/// What an edit of an entity names.
enum Key {
    Field(&'static Known),
    Attribute(String),
}

pub(super) fn apply(
    document: &Document,
    packed: &Packed,
    interest: &Interest,
    index: &[u32],
    bytes: &[u8],
) -> Result<Document, String> {
    let mut applier = Applier {
        document: document.clone(),
        packed,
        interest,
        names: Vec::new(),
        removed: Vec::new(),
        dropped: HashSet::new(),
        touched: HashSet::new(),
    };
    for (number, edit) in unpack(index, bytes)?.into_iter().enumerate() {
        applier.edit(&edit).map_err(|reason| format!("edit {number} (op {}): {reason}", edit.op))?;
    }
    Ok(applier.finish())
}

fn unpack<'e>(index: &[u32], bytes: &'e [u8]) -> Result<Vec<Edit<'e>>, String> {
    let [header, count, ..] = *index else {
        return if index.is_empty() { Ok(Vec::new()) } else { Err("the index is cut".to_owned()) };
    };
    let words = index.get(header as usize..).unwrap_or_default();
    if words.len() != count as usize * 4 {
        return Err(format!("the index has {} words for {count} edits", words.len()));
    }
    let mut start = 0;
    let mut edits = Vec::new();
    for [op, target, field, end] in words.as_chunks().0 {
        let value = bytes.get(start..*end as usize).ok_or("a value ends outside of the bytes")?;
        start = *end as usize;
        edits.push(Edit {
            op: op & 0xff,
            kind: Kind((op >> 8) as u8),
            target: *target as usize,
            field: *field,
            value,
        });
    }
    Ok(edits)
}

struct Applier<'a> {
    document: Document,
    packed: &'a Packed,
    interest: &'a Interest,
    names: Vec<String>,
    removed: Vec<CellOrigin>,
    dropped: HashSet<usize>,
    touched: HashSet<CellOrigin>,
}

impl Applier<'_> {
    fn edit(&mut self, edit: &Edit<'_>) -> Result<(), String> {
        match edit.op {
            1 => self.drop(edit.target),
            2 => self.replace(edit),
            3 => {
                let origin = self.writable_cell(edit.target)?;
                self.removed.push(origin);
                Ok(())
            }
            4 | 5 => self.set(edit),
            6 => self.unset(edit),
            7 => self.rename(edit),
            8 => {
                self.names.push(text(edit.value)?);
                Ok(())
            }
            op => Err(format!("there is no operation {op}")),
        }
    }

    fn drop(&mut self, entity: usize) -> Result<(), String> {
        let level = self.node(entity)?.level;
        if !self.interest.dropped().has(level) {
            return Err(format!("the interest does not drop {level:?}"));
        }
        self.dropped.insert(entity);
        Ok(())
    }

    fn replace(&mut self, edit: &Edit<'_>) -> Result<(), String> {
        let origin = self.writable_cell(edit.target)?;
        let value = value(edit)?;
        let node = self.node(origin.entity)?;
        if !origin.is_attribute {
            let (field, _) = node.fields.get(origin.position).ok_or("the field is not there")?;
            let fits =
                Known::of(*field).is_some_and(|known| known.takes(edit.kind) || !origin.inside.is_empty());
            if !fits {
                return Err(format!("{field:?} cannot have a value of {:?}", edit.kind));
            }
        }
        *slot(node, &origin).ok_or("the cell is not there")? = value;
        Ok(())
    }

    fn set(&mut self, edit: &Edit<'_>) -> Result<(), String> {
        let key = self.writable_key(edit.target, edit.field)?;
        let value = value(edit)?;
        let is_insert = edit.op == 5;
        let removed = self.removed_of(edit.target);
        let node = self.node(edit.target)?;
        let existing = position(node, &key, &removed);
        match (existing, key) {
            (Some(_), _) if is_insert => {}
            (_, Key::Field(known)) if !known.takes(edit.kind) => {
                return Err(format!("{} cannot have a value of {:?}", known.name, edit.kind));
            }
            (Some(at), Key::Field(_)) => node.fields[at].1 = value,
            (Some(at), Key::Attribute(_)) => node.attributes[at].1 = value,
            (None, Key::Field(known)) => node.fields.push((known.field, value)),
            (None, Key::Attribute(name)) => node.attributes.push((name, value)),
        }
        Ok(())
    }

    fn unset(&mut self, edit: &Edit<'_>) -> Result<(), String> {
        let key = self.writable_key(edit.target, edit.field)?;
        let removed = self.removed_of(edit.target);
        let found = position(self.node(edit.target)?, &key, &removed);
        self.removed.extend(found.map(|position| CellOrigin {
            entity: edit.target,
            is_attribute: matches!(key, Key::Attribute(_)),
            position,
            inside: Vec::new(),
        }));
        Ok(())
    }

    fn rename(&mut self, edit: &Edit<'_>) -> Result<(), String> {
        let origin = self.writable_cell(edit.target)?;
        if !origin.is_attribute || !origin.inside.is_empty() {
            return Err("only an attribute can be renamed".to_owned());
        }
        let key = self.writable_key(origin.entity, edit.field)?;
        let removed = self.removed_of(origin.entity);
        let node = self.node(origin.entity)?;
        let former = position(node, &key, &removed).filter(|position| *position != origin.position);
        let Key::Attribute(name) = key else {
            return Err("the new key is not one of an attribute".to_owned());
        };
        node.attributes[origin.position].0 = name;
        self.removed.extend(former.map(|position| CellOrigin { position, ..origin }));
        Ok(())
    }

    /// The cell's origin, if the interest may write it and no edit has touched it before.
    fn writable_cell(&mut self, number: usize) -> Result<CellOrigin, String> {
        let origin = self.packed.cells.get(number).cloned().ok_or("there is no such cell")?;
        let (level, key) = {
            let node = self.node(origin.entity)?;
            let key = if origin.is_attribute {
                node.attributes.get(origin.position).map(|(name, _)| Key::Attribute(name.clone()))
            } else {
                node.fields.get(origin.position).and_then(|(field, _)| Known::of(*field)).map(Key::Field)
            };
            (node.level, key.ok_or("the cell is not there")?)
        };
        self.check_writable(level, &key)?;
        if !self.touched.insert(origin.clone()) {
            return Err("two edits of one cell contradict each other".to_owned());
        }
        Ok(origin)
    }

    fn writable_key(&mut self, entity: usize, field: u32) -> Result<Key, String> {
        let level = self.node(entity)?.level;
        let key = if field >= Field::DEFINED {
            let name = self.names.get((field - Field::DEFINED) as usize);
            Key::Attribute(name.ok_or("the field's name is not defined before it")?.clone())
        } else if let Some(known) = Known::of(Field(field)) {
            Key::Field(known)
        } else {
            let batch = self.packed.batch(self.interest)?;
            Key::Attribute(batch.name(Field(field)).ok_or(format!("there is no field {field}"))?.to_owned())
        };
        self.check_writable(level, &key)?;
        Ok(key)
    }

    fn check_writable(&self, level: Level, key: &Key) -> Result<(), String> {
        let signal = self.packed.signal;
        let (field, name) = match key {
            Key::Field(known) if !known.is_writable => return Err(format!("{} is read-only", known.name)),
            Key::Field(known) if !known.stands_at(signal, level) => {
                return Err(format!("{level:?} has no field {}", known.name));
            }
            Key::Field(known) => (known.field, None),
            Key::Attribute(name) => (Field::ATTRIBUTE, Some(name)),
        };
        let may = self.interest.selectors().iter().any(|selector| {
            selector.writes()
                && selector.field == field
                && selector.is_meant(signal, level)
                && name.is_none_or(|name| selector.has_key(name))
        });
        let what = name.map_or_else(|| format!("{field:?}"), |name| format!("attribute {name}"));
        if may { Ok(()) } else { Err(format!("the interest does not write {what} at {level:?}")) }
    }

    /// What is to be removed of an entity, so that a key counts as absent once it is.
    fn removed_of(&self, entity: usize) -> Vec<(bool, usize)> {
        let own = self.removed.iter().filter(|origin| origin.entity == entity && origin.inside.is_empty());
        own.map(|origin| (origin.is_attribute, origin.position)).collect()
    }

    fn node(&mut self, entity: usize) -> Result<&mut Node, String> {
        let way = self.packed.entities.get(entity).ok_or("there is no such entity")?;
        node_at(&mut self.document.resources, way).ok_or_else(|| "there is no such entity".to_owned())
    }

    fn finish(mut self) -> Document {
        let mut removed = std::mem::take(&mut self.removed);
        // From the back, so that the positions of those before stay valid.
        removed.sort_by(|a, b| (b.position, &b.inside).cmp(&(a.position, &a.inside)));
        removed.dedup();
        for origin in removed {
            if let Ok(node) = self.node(origin.entity) {
                remove(node, &origin);
            }
        }
        let mut ways: Vec<&Vec<usize>> =
            self.dropped.iter().filter_map(|entity| self.packed.entities.get(*entity)).collect();
        ways.sort_by(|a, b| b.cmp(a));
        for way in ways {
            drop_at(&mut self.document.resources, way);
        }
        self.document
    }
}

fn node_at<'n>(nodes: &'n mut [Node], way: &[usize]) -> Option<&'n mut Node> {
    let (first, rest) = way.split_first()?;
    let node = nodes.get_mut(*first)?;
    if rest.is_empty() { Some(node) } else { node_at(&mut node.holds, rest) }
}

/// Drops a node, and then each container above it that is left empty.
fn drop_at(nodes: &mut Vec<Node>, way: &[usize]) {
    let Some((first, rest)) = way.split_first() else { return };
    let Some(node) = nodes.get_mut(*first) else { return };
    drop_at(&mut node.holds, rest);
    let is_empty_container = node.level < Level::ITEM && node.holds.is_empty();
    if rest.is_empty() || is_empty_container {
        nodes.remove(*first);
    }
}

fn position(node: &Node, key: &Key, removed: &[(bool, usize)]) -> Option<usize> {
    match key {
        Key::Field(known) => (0..node.fields.len())
            .find(|at| node.fields[*at].0 == known.field && !removed.contains(&(false, *at))),
        Key::Attribute(name) => (0..node.attributes.len())
            .find(|at| node.attributes[*at].0 == *name && !removed.contains(&(true, *at))),
    }
}

fn slot<'n>(node: &'n mut Node, origin: &CellOrigin) -> Option<&'n mut AnyValue> {
    let mut value = if origin.is_attribute {
        &mut node.attributes.get_mut(origin.position)?.1
    } else {
        &mut node.fields.get_mut(origin.position)?.1
    };
    for position in &origin.inside {
        value = match value {
            AnyValue::Array(values) => values.get_mut(*position)?,
            AnyValue::Map(members) => &mut members.get_mut(*position)?.1,
            _ => return None,
        };
    }
    Some(value)
}

fn remove(node: &mut Node, origin: &CellOrigin) {
    let Some((last, above)) = origin.inside.split_last() else {
        if origin.is_attribute {
            node.attributes.remove(origin.position);
        } else {
            node.fields.remove(origin.position);
        }
        return;
    };
    let container = CellOrigin { inside: above.to_vec(), ..origin.clone() };
    match slot(node, &container) {
        Some(AnyValue::Array(values)) if *last < values.len() => drop(values.remove(*last)),
        Some(AnyValue::Map(members)) if *last < members.len() => drop(members.remove(*last)),
        _ => {}
    }
}

fn value(edit: &Edit<'_>) -> Result<AnyValue, String> {
    let eight = || <[u8; 8]>::try_from(edit.value).map_err(|_| "a number has eight bytes".to_owned());
    Ok(match edit.kind {
        Kind::STRING => AnyValue::Str(text(edit.value)?),
        Kind::BOOL => AnyValue::Bool(edit.value == [1]),
        Kind::INT => AnyValue::Int(i64::from_le_bytes(eight()?)),
        Kind::DOUBLE => AnyValue::Double(f64::from_le_bytes(eight()?)),
        Kind::BYTES => AnyValue::Bytes(edit.value.to_vec()),
        Kind::EMPTY => AnyValue::Empty,
        Kind::ENCODED => super::decode::any_value(edit.value).ok_or("an encoded value is not an AnyValue")?,
        kind => return Err(format!("a value cannot be given as {kind:?}")),
    })
}

fn text(bytes: &[u8]) -> Result<String, String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| "a string is not UTF-8".to_owned())
}
