//! Files of OTLP/JSON, one request a line: a weir that reads them, and what is in one that weir has written.

use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use crate::{Ids, Launch, Signal, ids, requests};

/// A weir whose pipelines take from files alone: those that `settings` of its `otlp_json_file` receiver name.
pub fn reader(settings: Value) -> Launch {
    let mut launch = Launch::new();
    launch.config["receivers"] = json!({"otlp_json_file": settings});
    let pipelines = launch.config["service"]["pipelines"].as_object_mut().expect("a map of pipelines");
    for pipeline in pipelines.values_mut() {
        pipeline["receivers"] = json!(["otlp_json_file"]);
    }
    launch
}

/// One line with this many items of the signal, whose ids begin with `tag`.
pub fn line(signal: Signal, tag: &str, items: usize) -> Vec<u8> {
    let mut line = requests::unique_json(signal, tag, items).to_vec();
    line.push(b'\n');
    line
}

/// Adds to the end of a file, which is made if it is missing.
pub fn append(path: &Path, bytes: &[u8]) {
    let file = std::fs::File::options().append(true).create(true).open(path);
    file.and_then(|mut file| file.write_all(bytes))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// What is in a file.
#[derive(Debug, Default)]
pub struct Recorded {
    /// Of all items, each as often as it is there.
    pub ids: Ids,
    /// Lines that are requests.
    pub requests: usize,
    /// Lines that are none.
    pub torn: usize,
}

/// Reads files, in this order. The last line of each has to be whole.
pub fn recorded<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Recorded {
    let (mut recorded, mut found) = (Recorded::default(), Vec::new());
    for path in paths {
        let text =
            std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(text.is_empty() || text.ends_with('\n'), "{} ends in the middle of a line", path.display());
        for line in text.lines() {
            match serde_json::from_str::<Value>(line) {
                Ok(request) => {
                    recorded.requests += 1;
                    collect(&request, &mut found);
                }
                Err(_) => recorded.torn += 1,
            }
        }
    }
    recorded.ids = found.into_iter().collect();
    recorded
}

/// The ids of a request's items, wherever they stand in it.
fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
        Value::Object(members) if members.get("key").is_some_and(|key| key == ids::KEY) => {
            found.extend(value["value"]["stringValue"].as_str().map(str::to_owned));
        }
        Value::Object(members) => members.values().for_each(|value| collect(value, found)),
        _ => {}
    }
}
