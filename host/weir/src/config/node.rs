//! The tree that a configuration is read into: values, each with its place and, if it was expanded, its origin.

use std::fmt;
use std::sync::Arc;

use super::diagnostic::Place;

/// One value of a configuration.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Where it stands.
    pub place: Place,
    /// Set if the value came out of an expansion such as `${env:TOKEN}`: then it may be a secret.
    pub origin: Option<Arc<Origin>>,
}

/// A value as YAML types it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing, `null` or `~`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// Any other number.
    Float(f64),
    /// Text.
    String(String),
    /// A list.
    Sequence(Vec<Node>),
    /// Keys in the order in which they were written, each once.
    Map(Vec<Entry>),
}

/// One key of a map and its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub place: Place,
    /// The value.
    pub value: Node,
}

/// What an expanded value was made from.
#[derive(Clone)]
pub struct Origin {
    /// The expression as it stands in the file. This is what messages show.
    pub expression: String,
    /// The text that the expression stands for, before YAML gave it a type. A key that wants a string
    /// takes this, so that `0123` stays `0123`. Absent below the top of an expanded list or map.
    pub text: Option<String>,
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The text may be a secret.
        f.debug_struct("Origin").field("expression", &self.expression).finish_non_exhaustive()
    }
}

/// Two nodes are equal if they say the same, wherever they stand.
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && self.value == other.value
    }
}

/// Text of the configuration that is longer is not repeated in messages.
const SHOWN_CHARS_MAX: usize = 60;

impl Node {
    /// A node that was written as such, not expanded.
    pub fn new(value: Value, place: Place) -> Self {
        Node { value, place, origin: None }
    }

    /// The value under a key, if this is a map that has it.
    #[cfg(test)]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The entries of a map; none for anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Whether nothing is there.
    pub fn is_null(&self) -> bool {
        self.value == Value::Null
    }

    /// How deep the tree is: 1 for a scalar.
    pub fn depth(&self) -> usize {
        match &self.value {
            Value::Sequence(items) => 1 + items.iter().map(Node::depth).max().unwrap_or(0),
            Value::Map(entries) => 1 + entries.iter().map(|entry| entry.value.depth()).max().unwrap_or(0),
            _ => 1,
        }
    }

    /// How many values the tree has.
    pub fn size(&self) -> usize {
        match &self.value {
            Value::Sequence(items) => 1 + items.iter().map(Node::size).sum::<usize>(),
            Value::Map(entries) => 1 + entries.iter().map(|entry| entry.value.size()).sum::<usize>(),
            _ => 1,
        }
    }

    /// What kind of value this is and, if it was expanded, from what.
    pub fn kind(&self) -> String {
        let kind = match &self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Int(_) | Value::Float(_) => "a number",
            Value::String(_) => "a string",
            Value::Sequence(_) => "a list",
            Value::Map(_) => "a map",
        };
        match &self.origin {
            Some(origin) => format!("{kind} from {}", origin.expression),
            None => kind.to_owned(),
        }
    }

    /// What this is, for a message. An expanded value is shown as its expression, never as its content.
    pub fn describe(&self) -> String {
        if self.origin.is_some() {
            return self.kind();
        }
        match &self.value {
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            Value::String(text) if text.chars().count() <= SHOWN_CHARS_MAX => format!("{text:?}"),
            _ => self.kind(),
        }
    }
}
