//! Documents from and to JSON, for tests and golden files.
//!
//! An entity is a map of its fields by name, `attributes`, and `holds`, a list of `{LEVEL: entity}`. Bytes are
//! `{"$bytes": "HEX"}`. What a test wrote wrongly panics with the reason: this is for tests alone.

use serde_json::{Map, Value, json};

use super::document::{Document, Node};
use super::fields::Known;
use crate::any_value::AnyValue;
use crate::codes::{Level, Signal};

const LEVELS: [(&str, Level); 7] = [
    ("resource", Level::RESOURCE),
    ("scope", Level::SCOPE),
    ("metric", Level::METRIC),
    ("item", Level::ITEM),
    ("event", Level::EVENT),
    ("link", Level::LINK),
    ("exemplar", Level::EXEMPLAR),
];
const SIGNALS: [(&str, Signal); 3] =
    [("traces", Signal::TRACES), ("metrics", Signal::METRICS), ("logs", Signal::LOGS)];

impl Document {
    /// A list of spans, inside one scope of one resource without attributes.
    pub fn traces(spans: Value) -> Document {
        Document::in_one_resource(Signal::TRACES, json!({}), spans)
    }

    /// A list of log records, inside one scope of one resource without attributes.
    pub fn logs(records: Value) -> Document {
        Document::in_one_resource(Signal::LOGS, json!({}), records)
    }

    /// A list of data points, inside one gauge of one scope of one resource without attributes.
    pub fn metrics(points: Value) -> Document {
        Document::in_one_resource(Signal::METRICS, json!({}), points)
    }

    /// A list of items, inside one scope of this resource.
    pub fn in_one_resource(signal: Signal, resource: Value, items: Value) -> Document {
        let Value::Array(items) = items else { panic!("the items of a document are a list") };
        let mut held: Vec<Node> = items.iter().map(|item| node(Level::ITEM, item)).collect();
        if signal == Signal::METRICS {
            held = vec![node(Level::METRIC, &json!({"name": "m", "data_type": 1})).holding(held)];
        }
        let scope = Node::new(Level::SCOPE).holding(held);
        Document::new(signal, vec![node(Level::RESOURCE, &resource).holding([scope])])
    }

    /// A whole document: `{"signal": "traces", "holds": [{"resource": {...}}]}`.
    pub fn from_json(document: &Value) -> Document {
        let signal = find(&SIGNALS, document["signal"].as_str().expect("a document names its signal"));
        let mut made = Document::new(signal, held(&document["holds"]));
        if let Some(received) = document["received"].as_u64() {
            made.received = received;
        }
        made
    }

    /// The document as [`Document::from_json`] takes it.
    pub fn to_json(&self) -> Value {
        let holds: Vec<Value> = self.resources.iter().map(node_to_json).collect();
        json!({"signal": name_of(&SIGNALS, self.signal), "received": self.received, "holds": holds})
    }
}

fn held(nodes: &Value) -> Vec<Node> {
    let Some(nodes) = nodes.as_array() else { return Vec::new() };
    let made =
        nodes.iter().flat_map(|node| node.as_object().expect("what an entity holds is {LEVEL: entity}"));
    made.map(|(level, fields)| node(find(&LEVELS, level), fields)).collect()
}

fn node(level: Level, fields: &Value) -> Node {
    let mut made = Node::new(level);
    for (key, value) in fields.as_object().expect("an entity is a map") {
        match key.as_str() {
            "holds" => made.holds = held(value),
            "attributes" => {
                let Value::Object(attributes) = value else { panic!("attributes are a map") };
                made.attributes =
                    attributes.iter().map(|(key, value)| (key.clone(), any_value(value))).collect();
            }
            name => {
                let known = Known::named(name).unwrap_or_else(|| panic!("there is no field {name}"));
                made.fields.push((known.field, any_value(value)));
            }
        }
    }
    made
}

fn any_value(value: &Value) -> AnyValue {
    match value {
        Value::Null => AnyValue::Empty,
        Value::Bool(on) => AnyValue::Bool(*on),
        Value::Number(number) => match number.as_i64() {
            Some(number) => AnyValue::Int(number),
            None => AnyValue::Double(number.as_f64().expect("a number fits 64 bits")),
        },
        Value::String(text) => AnyValue::Str(text.clone()),
        Value::Array(values) => AnyValue::Array(values.iter().map(any_value).collect()),
        Value::Object(members) => match members.get("$bytes").and_then(Value::as_str) {
            Some(hex) => AnyValue::Bytes(bytes(hex)),
            None => AnyValue::Map(members.iter().map(|(k, v)| (k.clone(), any_value(v))).collect()),
        },
    }
}

fn node_to_json(node: &Node) -> Value {
    let mut fields = Map::new();
    for (field, value) in &node.fields {
        let known = Known::of(*field).unwrap_or_else(|| panic!("there is no field {field:?}"));
        fields.insert(known.name.to_owned(), value_to_json(value));
    }
    if !node.attributes.is_empty() {
        let attributes = node.attributes.iter().map(|(key, value)| (key.clone(), value_to_json(value)));
        fields.insert("attributes".to_owned(), Value::Object(attributes.collect()));
    }
    if !node.holds.is_empty() {
        fields.insert("holds".to_owned(), node.holds.iter().map(node_to_json).collect());
    }
    json!({ name_of(&LEVELS, node.level): fields })
}

fn value_to_json(value: &AnyValue) -> Value {
    match value {
        AnyValue::Empty => Value::Null,
        AnyValue::Str(text) => json!(text),
        AnyValue::Bool(on) => json!(on),
        AnyValue::Int(number) => json!(number),
        AnyValue::Double(number) => json!(number),
        AnyValue::Bytes(bytes) => {
            json!({"$bytes": bytes.iter().map(|b| format!("{b:02x}")).collect::<String>()})
        }
        AnyValue::Array(values) => values.iter().map(value_to_json).collect(),
        AnyValue::Map(members) => members.iter().map(|(k, v)| (k.clone(), value_to_json(v))).collect(),
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().as_chunks::<2>().0.iter();
    let pairs = pairs.map(|pair| std::str::from_utf8(pair).ok().and_then(|p| u8::from_str_radix(p, 16).ok()));
    pairs.map(|byte| byte.unwrap_or_else(|| panic!("{hex} is not hexadecimal"))).collect()
}

fn find<C: Copy>(table: &[(&str, C)], name: &str) -> C {
    let found = table.iter().find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("there is no {name}")).1
}

fn name_of<C: PartialEq>(table: &'static [(&str, C)], code: C) -> &'static str {
    table.iter().find(|(_, known)| *known == code).map_or("unknown", |(name, _)| name)
}
