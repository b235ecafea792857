//! Telemetry as a tree that a test can write down and compare.

use crate::any_value::AnyValue;
use crate::codes::{Field, Level, Signal};

/// What one request carries: resources, and all that they hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The signal of all that is inside.
    pub signal: Signal,
    /// When weir received it, in unix nanoseconds.
    pub received: u64,
    /// The resources.
    pub resources: Vec<Node>,
}

/// An entity with its fields, and the entities that it holds. Two are equal whatever the order of their fields and
/// attributes, which OTLP gives no meaning.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub level: Level,
    /// OTLP's own fields.
    pub fields: Vec<(Field, AnyValue)>,
    /// Attributes, in order.
    pub attributes: Vec<(String, AnyValue)>,
    /// What it holds.
    pub holds: Vec<Node>,
}

impl Document {
    /// A document of these resources.
    pub fn new(signal: Signal, resources: Vec<Node>) -> Document {
        Document { signal, received: 1_800_000_000_000_000_000, resources }
    }

    /// All entities of a level, in order.
    pub fn at(&self, level: Level) -> Vec<&Node> {
        let mut found = Vec::new();
        self.resources.iter().for_each(|resource| resource.collect(level, &mut found));
        found
    }

    /// Spans, log records or data points, in order.
    pub fn items(&self) -> Vec<&Node> {
        self.at(Level::ITEM)
    }
}

impl Node {
    /// An empty entity.
    pub fn new(level: Level) -> Node {
        Node { level, fields: Vec::new(), attributes: Vec::new(), holds: Vec::new() }
    }

    /// The same with a field.
    #[must_use]
    pub fn field(mut self, field: Field, value: impl Into<AnyValue>) -> Node {
        self.fields.push((field, value.into()));
        self
    }

    /// The same with an attribute.
    #[must_use]
    pub fn attribute(mut self, key: &str, value: impl Into<AnyValue>) -> Node {
        self.attributes.push((key.to_owned(), value.into()));
        self
    }

    /// The same holding these entities as well.
    #[must_use]
    pub fn holding(mut self, nodes: impl IntoIterator<Item = Node>) -> Node {
        self.holds.extend(nodes);
        self
    }

    /// The value of a field, if it is there.
    pub fn get(&self, field: Field) -> Option<&AnyValue> {
        self.fields.iter().find(|(own, _)| *own == field).map(|(_, value)| value)
    }

    /// The value of an attribute, if it is there.
    pub fn get_attribute(&self, key: &str) -> Option<&AnyValue> {
        self.attributes.iter().find(|(own, _)| own == key).map(|(_, value)| value)
    }

    fn collect<'n>(&'n self, level: Level, found: &mut Vec<&'n Node>) {
        if self.level == level {
            found.push(self);
        }
        self.holds.iter().for_each(|node| node.collect(level, found));
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Node) -> bool {
        self.level == other.level
            && is_same_set(&self.fields, &other.fields)
            && is_same_set(&self.attributes, &other.attributes)
            && self.holds == other.holds
    }
}

fn is_same_set<K: Ord + Clone>(a: &[(K, AnyValue)], b: &[(K, AnyValue)]) -> bool {
    let sorted = |pairs: &[(K, AnyValue)]| {
        let mut pairs = pairs.to_vec();
        pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
        pairs
    };
    a.len() == b.len() && sorted(a) == sorted(b)
}

impl From<&str> for AnyValue {
    fn from(text: &str) -> AnyValue {
        AnyValue::Str(text.to_owned())
    }
}

impl From<String> for AnyValue {
    fn from(text: String) -> AnyValue {
        AnyValue::Str(text)
    }
}

impl From<bool> for AnyValue {
    fn from(on: bool) -> AnyValue {
        AnyValue::Bool(on)
    }
}

impl From<i64> for AnyValue {
    fn from(number: i64) -> AnyValue {
        AnyValue::Int(number)
    }
}

impl From<f64> for AnyValue {
    fn from(number: f64) -> AnyValue {
        AnyValue::Double(number)
    }
}

impl From<Vec<u8>> for AnyValue {
    fn from(bytes: Vec<u8>) -> AnyValue {
        AnyValue::Bytes(bytes)
    }
}
