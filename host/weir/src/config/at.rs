//! A finger on a value of the tree, for checks that come after reading: it knows the place and the path.

use super::diagnostic::{Diagnostic, Place, join};
use super::node::{Node, Value};

/// A value, or the place where it would be.
#[derive(Clone)]
pub struct At<'n> {
    node: Option<&'n Node>,
    place: Place,
    /// The keys that lead here.
    pub path: String,
}

impl<'n> At<'n> {
    /// The root of a tree.
    pub fn root(node: &'n Node) -> Self {
        At { node: Some(node), place: node.place.clone(), path: String::new() }
    }

    /// The value under a key; its place is that of the key, or of this value if the key is missing.
    pub fn key(&self, key: &str) -> At<'n> {
        let entry = self.node.and_then(|node| node.entries().iter().find(|entry| entry.key == key));
        At {
            node: entry.map(|entry| &entry.value),
            place: entry.map_or_else(|| self.place.clone(), |entry| entry.place.clone()),
            path: join(&self.path, key),
        }
    }

    /// The item of a list; its place is that of this value if the item is missing.
    pub fn item(&self, index: usize) -> At<'n> {
        let node = match self.node.map(|node| &node.value) {
            Some(Value::Sequence(items)) => items.get(index),
            _ => None,
        };
        At {
            node,
            place: node.map_or_else(|| self.place.clone(), |node| node.place.clone()),
            path: join(&self.path, &index.to_string()),
        }
    }

    /// The same place, with another value there.
    pub fn with<'m>(&self, node: &'m Node) -> At<'m> {
        At { node: Some(node), place: self.place.clone(), path: self.path.clone() }
    }

    /// Whether there is something.
    pub fn is_given(&self) -> bool {
        self.node.is_some_and(|node| !node.is_null())
    }

    /// The node, if there is one.
    pub fn node(&self) -> Option<&'n Node> {
        self.node
    }

    /// Where it stands.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// A diagnostic about this value.
    pub fn problem(&self, reason: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.path.as_str(), reason).at(&self.place)
    }
}
