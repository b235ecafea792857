//! Requests as items and their leaves, so that what arrives can be compared with what was sent, leaf by leaf: every value of an
//! item has a path, such as `attributes[http.route]` or `events[0].name`; those of its resource and scope belong to it.

mod log;
mod metric;
mod span;

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use serde_json::{Value, json};

use crate::{Received, Signal};

/// Path to value. Nothing that OTLP has by default (zero, "", no bytes) is in it, but for values of attributes.
pub type Leaves = BTreeMap<String, Value>;

/// A span, a log record or a data point.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// What it is.
    pub signal: Signal,
    /// What no plugin changes and tells it apart from all others of its kind: ids and times, or the metric and a number.
    pub key: String,
    /// Its trace id; of a data point and of what has none, nothing.
    pub trace_id: Vec<u8>,
    /// Its values.
    pub leaves: Leaves,
}

impl Item {
    /// The value of a path, null if there is none.
    pub fn at(&self, path: &str) -> &Value {
        self.leaves.get(path).unwrap_or(&Value::Null)
    }

    /// The text of a path, "" if there is none.
    pub fn text(&self, path: &str) -> &str {
        self.at(path).as_str().unwrap_or("")
    }

    /// The value of one of its own attributes.
    pub fn attribute(&self, key: &str) -> &Value {
        self.at(&format!("attributes[{key}]"))
    }
}

/// All items of one signal. Panics if a request is not what it says that it is: weir must never send such.
pub fn of(signal: Signal, received: &[Received]) -> Vec<Item> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut items = Vec::new();
    for one in received.iter().filter(|one| one.signal == signal) {
        items.extend(match signal {
            Signal::Traces => span::items(&one.body),
            Signal::Metrics => metric::items(&one.body),
            Signal::Logs => log::items(&one.body),
            Signal::Profiles => panic!("profiles are not read"),
        });
    }
    // What has the same key otherwise is told apart by its place: within a stream of one sender order is kept.
    for item in &mut items {
        let count = counts.entry(item.key.clone()).or_default();
        if *count > 0 {
            item.key = format!("{} #{count}", item.key);
        }
        *count += 1;
    }
    items
}

/// Where the leaves of something go: a map and the path so far.
struct Tree<'a> {
    leaves: &'a mut Leaves,
    path: String,
}

impl Tree<'_> {
    fn new(leaves: &mut Leaves) -> Tree<'_> {
        Tree { leaves, path: String::new() }
    }

    /// What is inside of a field.
    fn inside(&mut self, name: &str) -> Tree<'_> {
        let dot = if self.path.is_empty() { "" } else { "." };
        Tree { path: format!("{}{dot}{name}", self.path), leaves: self.leaves }
    }

    /// A field, unless it holds what it holds by default.
    fn field(&mut self, name: &str, value: impl Into<Value>) {
        let value = value.into();
        let is_default = match &value {
            Value::Null => true,
            Value::Bool(value) => !value,
            Value::Number(number) => number.as_f64() == Some(0.0),
            Value::String(text) => text.is_empty(),
            Value::Array(values) => values.is_empty(),
            Value::Object(_) => false,
        };
        if !is_default {
            let path = self.inside(name).path;
            assert!(self.leaves.insert(path.clone(), value).is_none(), "{path} is there twice");
        }
    }

    fn bytes(&mut self, name: &str, bytes: &[u8]) {
        self.field(name, hex(bytes));
    }

    fn attributes(&mut self, attributes: &[KeyValue]) {
        for attribute in attributes {
            let path = format!("{}[{}]", self.inside("attributes").path, attribute.key);
            self.value(path, attribute.value.as_ref());
        }
    }

    fn value(&mut self, path: String, value: Option<&AnyValue>) {
        let leaf = match value.and_then(|value| value.value.as_ref()) {
            None => Value::Null,
            Some(Any::StringValue(text)) => json!(text),
            Some(Any::BoolValue(value)) => json!(value),
            Some(Any::IntValue(value)) => json!(value),
            Some(Any::DoubleValue(value)) => json!(value),
            Some(Any::BytesValue(bytes)) => json!({ "bytes": hex(bytes) }),
            Some(Any::ArrayValue(array)) if !array.values.is_empty() => {
                for (at, value) in array.values.iter().enumerate() {
                    self.value(format!("{path}[{at}]"), Some(value));
                }
                return;
            }
            Some(Any::ArrayValue(_)) => json!([]),
            Some(Any::KvlistValue(map)) if !map.values.is_empty() => {
                for member in &map.values {
                    self.value(format!("{path}.{}", member.key), member.value.as_ref());
                }
                return;
            }
            Some(Any::KvlistValue(_)) => json!({}),
            Some(other) => json!(format!("{other:?}")),
        };
        assert!(self.leaves.insert(path.clone(), leaf).is_none(), "{path} is there twice");
    }
}

/// What an item has in common with those beside it.
fn surroundings(
    resource: Option<&Resource>,
    resource_schema: &str,
    scope: Option<&InstrumentationScope>,
    scope_schema: &str,
) -> Leaves {
    let mut leaves = Leaves::new();
    let mut tree = Tree::new(&mut leaves);
    if let Some(resource) = resource {
        tree.inside("resource").attributes(&resource.attributes);
        tree.inside("resource").field("dropped_attributes_count", resource.dropped_attributes_count);
    }
    tree.inside("resource").field("schema_url", resource_schema);
    if let Some(scope) = scope {
        tree.inside("scope").field("name", scope.name.as_str());
        tree.inside("scope").field("version", scope.version.as_str());
        tree.inside("scope").attributes(&scope.attributes);
    }
    tree.inside("scope").field("schema_url", scope_schema);
    leaves
}

/// Bytes as an id is written.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::requests::{array, attribute, int, log, logs, map, point, span, text, traces};
    use crate::requests::{gauge, metrics};

    fn received(signal: Signal, body: Vec<u8>) -> Vec<Received> {
        let at = std::time::Instant::now();
        let headers = http::HeaderMap::new();
        vec![Received { at, signal, body: body.into(), encoding: String::new(), headers, accepted: true }]
    }

    #[test]
    fn every_value_of_an_item_has_a_path_and_those_around_it_are_its_own() {
        let mut one = span("a");
        one.attributes.push(attribute("nested", map([("list", array([int(1), text("x")]))])));
        let items = of(Signal::Traces, &received(Signal::Traces, traces(vec![one]).encode_to_vec()));
        let item = &items[0];
        assert_eq!(item.text("name"), "GET /cart");
        assert_eq!(item.attribute("http.request.method"), "GET");
        assert_eq!(item.at("attributes[nested].list[0]"), 1);
        assert_eq!(item.text("attributes[nested].list[1]"), "x");
        assert_eq!(item.text("resource.attributes[service.name]"), "checkout");
        assert_eq!(item.text("scope.version"), "1.2.3");
        assert!(!item.leaves.contains_key("trace_state"), "what is not there has no leaf");
    }

    #[test]
    fn what_looks_the_same_is_told_apart_by_its_place() {
        let body = logs(vec![log("a"), log("a")]).encode_to_vec();
        let items = of(Signal::Logs, &received(Signal::Logs, body));
        assert_eq!(items[0].leaves, items[1].leaves);
        assert_ne!(items[0].key, items[1].key);
        let body = metrics(vec![gauge(vec![point("a"), point("b")])]).encode_to_vec();
        let items = of(Signal::Metrics, &received(Signal::Metrics, body));
        assert_ne!(items[0].key, items[1].key);
        assert_eq!(items[0].at("as_int"), 7);
    }
}
