//! Golden files: a configuration, what goes in, and what must come out, as JSON that a reader can check by eye.

use std::path::Path;

use serde_json::{Value, json};

use super::{Document, Harness, take_counters};
use crate::plugin::Plugin;

/// Checks every `*.json` of a folder: `config`, `before`, `after` (documents as [`Document::from_json`] takes them) and
/// `counters` (`{"COUNTER/LABEL": number}`). With `WEIR_BLESS` in the environment it writes what came out instead:
/// read the difference before you commit it.
///
/// # Panics
///
/// With the name of the file if a file cannot be read or does not say what came out, and if there is no file.
pub fn check_golden_files<P: Plugin>(folder: impl AsRef<Path>) {
    let entries = std::fs::read_dir(folder.as_ref()).expect("the folder of golden files exists");
    let files = entries.map(|entry| entry.expect("the folder can be read").path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    files.sort();
    assert!(!files.is_empty(), "there is no golden file in the folder");
    for file in files {
        check::<P>(&file);
    }
}

fn check<P: Plugin>(file: &Path) {
    let name = file.display();
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut golden: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut document = Document::from_json(&golden["before"]);
    let mut harness =
        Harness::<P>::new(golden["config"].clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
    take_counters();
    harness.run(&mut document).unwrap_or_else(|error| panic!("{name}: {error}"));
    let counters = take_counters()
        .into_iter()
        .map(|((counter, label), value)| (format!("{counter}/{label}"), json!(value)));
    let counters: Value = Value::Object(counters.collect());
    if std::env::var_os("WEIR_BLESS").is_some() {
        golden["after"] = document.to_json();
        golden["counters"] = counters;
        std::fs::write(file, print(&golden)).unwrap_or_else(|error| panic!("{name}: {error}"));
        return;
    }
    assert_eq!(document, Document::from_json(&golden["after"]), "{name}");
    assert_eq!(counters, golden["counters"], "{name}");
}

/// The golden file as text, in the order in which it is read.
fn print(golden: &Value) -> String {
    let parts = ["config", "before", "after", "counters"].map(|part| {
        let mut text = format!("  \"{part}\": ");
        print_value(&golden[part], 2, &mut text);
        text
    });
    format!("{{\n{}\n}}\n", parts.join(",\n"))
}

/// What fits a line stands in one line, so that an item can be taken in at a glance.
fn print_value(value: &Value, indent: usize, out: &mut String) {
    const LINE: usize = 120;
    let line = value.to_string();
    let members: Vec<(String, &Value)> = match value {
        Value::Object(members) => {
            members.iter().map(|(key, value)| (format!("{}: ", json!(key)), value)).collect()
        }
        Value::Array(values) => values.iter().map(|value| (String::new(), value)).collect(),
        _ => Vec::new(),
    };
    if members.is_empty() || indent + line.len() <= LINE {
        return out.push_str(&line);
    }
    let (open, close) = if value.is_object() { ('{', '}') } else { ('[', ']') };
    out.push(open);
    for (position, (key, value)) in members.into_iter().enumerate() {
        out.push_str(if position == 0 { "\n" } else { ",\n" });
        out.push_str(&" ".repeat(indent + 2));
        out.push_str(&key);
        print_value(value, indent + 2, out);
    }
    out.push('\n');
    out.push_str(&" ".repeat(indent));
    out.push(close);
}
