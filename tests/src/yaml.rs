//! YAML as JSON: manifests and configurations, read by the tests alone. What a test asks of a file must not depend on how it is written.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Number, Value};

/// The documents of a text. Panics if it is not YAML, if a key comes twice, or if it uses what no manifest needs: tags and merge keys.
pub fn documents(text: &str) -> Vec<Value> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.unwrap_or_else(|error| panic!("not valid YAML: {error}"));
        builder.take(event, span.start.line());
    }
    builder.documents
}

/// The one document of a text.
pub fn document(text: &str) -> Value {
    let mut documents = documents(text);
    assert_eq!(documents.len(), 1, "one document is expected");
    documents.remove(0)
}

enum Frame {
    Sequence(Vec<Value>),
    Map(Map<String, Value>, Option<String>),
}

#[derive(Default)]
struct Builder {
    documents: Vec<Value>,
    frames: Vec<(Frame, usize)>,
    anchors: HashMap<usize, Value>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, line: usize) {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                assert!(tag.is_none(), "line {line}: a tag");
                if let Some((Frame::Map(map, key @ None), _)) = self.frames.last_mut() {
                    assert!(!map.contains_key(&*text), "line {line}: {text} is given twice");
                    assert!(text != "<<", "line {line}: a merge key");
                    *key = Some(text.into_owned());
                    return;
                }
                let is_plain = style == ScalarStyle::Plain;
                self.put(if is_plain { plain(&text) } else { Value::from(&*text) }, anchor);
            }
            Event::Alias(anchor) => {
                let value = self.anchors.get(&anchor).cloned();
                self.put(value.unwrap_or_else(|| panic!("line {line}: an unknown alias")), 0);
            }
            Event::SequenceStart(anchor, _) => self.frames.push((Frame::Sequence(Vec::new()), anchor)),
            Event::MappingStart(anchor, _) => self.frames.push((Frame::Map(Map::new(), None), anchor)),
            Event::SequenceEnd | Event::MappingEnd => {
                let (frame, anchor) = self.frames.pop().expect("the parser pairs them");
                let value = match frame {
                    Frame::Sequence(items) => Value::Array(items),
                    Frame::Map(map, _) => Value::Object(map),
                };
                self.put(value, anchor);
            }
            _ => {}
        }
    }

    fn put(&mut self, value: Value, anchor: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, value.clone());
        }
        match self.frames.last_mut() {
            None => self.documents.push(value),
            Some((Frame::Sequence(items), _)) => items.push(value),
            Some((Frame::Map(map, key), _)) => {
                map.insert(key.take().expect("a key comes first"), value);
            }
        }
    }
}

/// A scalar without quotes, by the core schema. Numbers that are not written as JSON writes them stay text, as no manifest has any.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => text.parse::<Number>().map_or_else(|_| Value::from(text), Value::Number),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form_of_a_manifest_is_read() {
        let text =
            "a: &x {b: [1, 'two', \"3\"], c: null}\nd: |\n  one\n  two\ne: *x\n---\n- true\n- 1Gi\n- 10m\n";
        let shared = json!({"b": [1, "two", "3"], "c": null});
        let expected = [json!({"a": shared, "d": "one\ntwo\n", "e": shared}), json!([true, "1Gi", "10m"])];
        assert_eq!(documents(text), expected);
    }

    #[test]
    #[should_panic(expected = "given twice")]
    fn a_key_that_comes_twice_is_a_mistake() {
        documents("a: 1\na: 2\n");
    }
}
