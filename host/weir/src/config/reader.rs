//! Reads typed values out of the tree: serde's data model over [`Node`].
//!
//! Structs are derived as usual. What the derived code cannot do is done here: errors get their place and
//! path, unknown keys are all reported at once, and keys that the Collector knows and weir does not are
//! told apart from mistyped ones.

use std::cell::RefCell;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::diagnostic::{Diagnostic, join};
use super::lacking;
use super::node::{Entry, Node, Value};
use super::rejection::{Rejection, required};

/// Reads a value of type `T` from a node. `None` if it could not be read; all that is wrong or odd goes to `problems`.
pub fn read<T: DeserializeOwned>(node: &Node, path: &str, problems: &mut Vec<Diagnostic>) -> Option<T> {
    let found = RefCell::new(Vec::new());
    let reader = Reader { node, path: path.to_owned(), found: &found, alone_is_present: false };
    let result = T::deserialize(reader).map_err(|rejection| rejection.placed(node, path));
    let mut found = found.into_inner();
    let value = match result {
        Ok(value) => found.iter().all(|found| found.is_warning).then_some(value),
        Err(diagnostic) => {
            if !found.iter().any(|unknown| explains(unknown, &diagnostic)) {
                found.push(diagnostic);
            }
            None
        }
    };
    problems.append(&mut found);
    value
}

/// Whether a key is missing only because it is mistyped, which has been told.
fn explains(unknown: &Diagnostic, missing: &Diagnostic) -> bool {
    let meant = unknown.suggestion.as_deref();
    meant.is_some_and(|key| missing.reason == required(key)) && unknown.path.starts_with(&missing.path)
}

/// In these structs a key with nothing behind it means "with the defaults" (`grpc:`), not "as if left out".
const ALONE_IS_PRESENT: [&str; 3] = ["Protocols", "PullReader", "PullExporter"];

struct Reader<'n, 's> {
    node: &'n Node,
    path: String,
    /// Unknown keys, which do not end the reading.
    found: &'s RefCell<Vec<Diagnostic>>,
    alone_is_present: bool,
}

type Outcome<T> = Result<T, Rejection>;

impl<'n, 's> Reader<'n, 's> {
    fn child(&self, node: &'n Node, key: &str) -> Reader<'n, 's> {
        Reader { node, path: join(&self.path, key), found: self.found, alone_is_present: false }
    }

    /// Refuses a value of the wrong kind. Its content stays out of the message: it may be a secret in the
    /// wrong place.
    fn expected<T>(&self, what: &str) -> Outcome<T> {
        let reason = format!("expected {what}, found {}", self.node.kind());
        Err(Diagnostic::new(self.path.as_str(), reason).at(&self.node.place).into())
    }

    /// Adds place and path to an error that has none yet.
    fn place<T>(node: &Node, path: &str, result: Outcome<T>) -> Outcome<T> {
        result.map_err(|rejection| rejection.placed(node, path).into())
    }

    fn scalar<V: Visitor<'n>>(self, visitor: V) -> Outcome<V::Value> {
        let result = match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Int(value) => integer(*value, visitor),
            Value::Float(value) => visitor.visit_f64(*value),
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Sequence(_) | Value::Map(_) => return self.deserialize_any(visitor),
        };
        Self::place(self.node, &self.path, result)
    }

    /// Reports keys that are not among `fields` and returns the entries that are to be read.
    fn known(&self, name: &str, fields: &[&str]) -> Vec<&'n Entry> {
        let keep_null = ALONE_IS_PRESENT.contains(&name);
        let mut known = Vec::new();
        for entry in self.node.entries() {
            let key = entry.key.as_str();
            if fields.contains(&key) {
                // As in the Collector, a key with nothing behind it is as if left out.
                if keep_null || !entry.value.is_null() {
                    known.push(entry);
                }
                continue;
            }
            let diagnostic = if lacking::is_harmless(name, key) {
                let reason = "left out, since no data depends on it: weir has no such key";
                Diagnostic { is_warning: true, ..Diagnostic::new(join(&self.path, key), reason) }
            } else if lacking::key(name, key) {
                Diagnostic::new(join(&self.path, key), "not supported yet by weir; leave it out")
            } else if self.node.origin.is_some() {
                // Keys of an expanded value may be parts of a secret that only looks like a map.
                let reason = format!("unknown key in {}", self.node.describe());
                Diagnostic::new(self.path.clone(), reason).with_valid("", fields.iter().copied())
            } else {
                let reason = format!("unknown key \"{key}\"");
                Diagnostic::new(join(&self.path, key), reason).with_valid(key, fields.iter().copied())
            };
            self.found.borrow_mut().push(diagnostic.at(&entry.place));
        }
        known
    }
}

fn integer<'n, V: Visitor<'n>>(value: i128, visitor: V) -> Outcome<V::Value> {
    if let Ok(value) = i64::try_from(value) {
        return visitor.visit_i64(value);
    }
    match u64::try_from(value) {
        Ok(value) => visitor.visit_u64(value),
        Err(_) => visitor.visit_f64(value as f64),
    }
}

impl<'n> Deserializer<'n> for Reader<'n, '_> {
    type Error = Rejection;

    fn deserialize_any<V: Visitor<'n>>(self, visitor: V) -> Outcome<V::Value> {
        match &self.node.value {
            // Only `config` of a plugin is read as "any", and plugins get JSON.
            Value::Float(value) if !value.is_finite() => {
                self.expected("a finite number, since JSON has no other")
            }
            Value::Sequence(_) => self.deserialize_seq(visitor),
            Value::Map(_) => self.deserialize_map(visitor),
            _ => self.scalar(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'n>>(self, visitor: V) -> Outcome<V::Value> {
        match self.node.value {
            Value::Bool(_) => self.scalar(visitor),
            _ => self.expected("true or false"),
        }
    }

    fn deserialize_f64<V: Visitor<'n>>(self, visitor: V) -> Outcome<V::Value> {
        match self.node.value {
            Value::Int(_) | Value::Float(_) => self.scalar(visitor),
            _ => self.expected("a number"),
        }
    }

    fn deserialize_string<V: Visitor<'n>>(self, visitor: V) -> Outcome<V::Value> {
        let text = match (&self.node.value, &self.node.origin) {
            // A key that wants text gets what the variable or file says, whatever YAML would make of it.
            (_, Some(origin)) if origin.text.is_some() => origin.text.as_deref().unwrap_or_default(),
            (Value::String(text), _) => text,
            (Value::Bool(_) | Value::Int(_) | Value::Float(_), None) => {
                return self.expected("a string (put it in quotes)");
            }
            _ => return self.expected("a string"),
        };
        let result = visitor.visit_borrowed_str(text).map_err(|rejection| match rejection {
            // The text is not shown: an endpoint may hold a password.
            Rejection::Expected(what) => Rejection::Reason(format!("expected {what}")),
            other => other,
        });
        Self::place(self.node, &self.path, result)
    }

    fn deserialize_str<V: Visitor<'n>>(self, visitor: V) -> Outcome<V::Value> {
        self.deserialize_string(visitor)
    }

    fn deserialize_option<V: Visitor<'n>>(self, visitor: V) -> Outcome<V::Value> {
        if self.node.is_null() && !self.alone_is_present {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'n>>(self, _: &'static str, visitor: V) -> Outcome<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'n>>(self, visitor: V) -> Outcome<V::Value> {
        let items = match &self.node.value {
            Value::Sequence(items) => items.as_slice(),
            Value::Null => &[],
            _ => return self.expected("a list"),
        };
        let (node, path) = (self.node, self.path.clone());
        let result = visitor.visit_seq(Items { reader: self, items: items.iter().enumerate() });
        Self::place(node, &path, result)
    }

    fn deserialize_map<V: Visitor<'n>>(self, visitor: V) -> Outcome<V::Value> {
        if !matches!(self.node.value, Value::Map(_) | Value::Null) {
            return self.expected("a map");
        }
        let entries = self.node.entries().iter().collect();
        self.entries(entries, false, visitor)
    }

    fn deserialize_struct<V: Visitor<'n>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Outcome<V::Value> {
        if !matches!(self.node.value, Value::Map(_) | Value::Null) {
            return self.expected("a map");
        }
        let entries = self.known(name, fields);
        self.entries(entries, ALONE_IS_PRESENT.contains(&name), visitor)
    }

    fn deserialize_enum<V: Visitor<'n>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Outcome<V::Value> {
        let Value::String(written) = &self.node.value else {
            return self.expected(&format!("one of {}", variants.join(", ")));
        };
        // The Collector takes an empty string for "none", and levels in capitals.
        let wanted = if written.is_empty() { "none".to_owned() } else { written.to_ascii_lowercase() };
        if let Some(variant) = variants.iter().find(|variant| variant.eq_ignore_ascii_case(&wanted)) {
            let variant: StrDeserializer<'_, Rejection> = (*variant).into_deserializer();
            return visitor.visit_enum(variant);
        }
        let diagnostic = if lacking::value(name, &wanted) {
            Diagnostic::new(self.path, format!("\"{wanted}\" is not supported yet by weir"))
                .with_valid("", variants.iter().copied())
        } else {
            let reason = format!("unknown value {}", self.node.describe());
            Diagnostic::new(self.path, reason).with_valid(written, variants.iter().copied())
        };
        Err(diagnostic.at(&self.node.place).into())
    }

    fn deserialize_ignored_any<V: Visitor<'n>>(self, visitor: V) -> Outcome<V::Value> {
        visitor.visit_unit()
    }

    fn deserialize_f32<V: Visitor<'n>>(self, visitor: V) -> Outcome<V::Value> {
        self.deserialize_f64(visitor)
    }

    // Integers are read through `field::bounded`, which says the range; its visitor gets what is there.
    forward_to_deserialize_any! {
        <V: Visitor<'n>>
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
    }
}

impl<'n> Reader<'n, '_> {
    fn entries<V: Visitor<'n>>(
        self,
        entries: Vec<&'n Entry>,
        alone_is_present: bool,
        visitor: V,
    ) -> Outcome<V::Value> {
        let (node, path) = (self.node, self.path.clone());
        let access = Entries { reader: self, entries: entries.into_iter(), value: None, alone_is_present };
        Self::place(node, &path, visitor.visit_map(access))
    }
}

struct Items<'n, 's> {
    reader: Reader<'n, 's>,
    items: std::iter::Enumerate<std::slice::Iter<'n, Node>>,
}

impl<'n> SeqAccess<'n> for Items<'n, '_> {
    type Error = Rejection;

    fn next_element_seed<T: DeserializeSeed<'n>>(&mut self, seed: T) -> Outcome<Option<T::Value>> {
        let Some((index, node)) = self.items.next() else { return Ok(None) };
        let reader = self.reader.child(node, &index.to_string());
        let path = reader.path.clone();
        Reader::place(node, &path, seed.deserialize(reader)).map(Some)
    }
}

struct Entries<'n, 's> {
    reader: Reader<'n, 's>,
    entries: std::vec::IntoIter<&'n Entry>,
    value: Option<&'n Entry>,
    alone_is_present: bool,
}

impl<'n> MapAccess<'n> for Entries<'n, '_> {
    type Error = Rejection;

    fn next_key_seed<K: DeserializeSeed<'n>>(&mut self, seed: K) -> Outcome<Option<K::Value>> {
        self.value = self.entries.next();
        let Some(entry) = self.value else { return Ok(None) };
        let key: StrDeserializer<'_, Rejection> = entry.key.as_str().into_deserializer();
        let path = join(&self.reader.path, &entry.key);
        // A key that its type refuses is reported where the key stands.
        seed.deserialize(key).map(Some).map_err(|rejection| match rejection {
            Rejection::Placed(diagnostic) => Rejection::Placed(diagnostic),
            other => Diagnostic::new(path, other.to_string()).at(&entry.place).into(),
        })
    }

    fn next_value_seed<T: DeserializeSeed<'n>>(&mut self, seed: T) -> Outcome<T::Value> {
        let Some(entry) = self.value.take() else {
            return Err(Rejection::Reason("a value without its key".to_owned()));
        };
        let mut reader = self.reader.child(&entry.value, &entry.key);
        reader.alone_is_present = self.alone_is_present;
        let path = reader.path.clone();
        Reader::place(&entry.value, &path, seed.deserialize(reader))
    }
}
