//! YAML text into a tree of [`Node`]s: places kept, aliases and merge keys resolved, everything bounded.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::diagnostic::{Diagnostic, Place, join};
use super::node::{Entry, Node, Value};
use super::scalar;

/// The longest text that is read, in bytes. A configuration is a few KiB.
pub const TEXT_BYTES_MAX: usize = 1 << 20;
/// The most values of a tree, aliases resolved: aliases of aliases grow exponentially otherwise.
const NODES_MAX: usize = 100_000;
/// The deepest nesting: whatever walks the tree may recurse.
pub const DEPTH_MAX: usize = 64;

/// Reads one YAML document. Empty text is a null. The error lists what could be found wrong in one go: a
/// syntax error ends the reading, a repeated key does not.
pub fn parse(text: &str, file: &Arc<str>) -> Result<Node, Vec<Diagnostic>> {
    if text.len() > TEXT_BYTES_MAX {
        let reason = format!("longer than {TEXT_BYTES_MAX} bytes, which is no configuration");
        return Err(vec![Diagnostic::new("", reason).at(&Place::whole(file.clone()))]);
    }
    let mut builder = Builder::new(file.clone());
    for event in Parser::new_from_str(text) {
        let step = match event {
            Ok((Event::StreamEnd, _)) => break,
            Ok((event, span)) => builder.take(event, span.start),
            Err(error) => {
                let place = builder.place(*error.marker());
                Err(Diagnostic::new("", format!("not valid YAML: {}", error.info())).at(&place))
            }
        };
        if let Err(diagnostic) = step {
            builder.problems.push(diagnostic);
            return Err(builder.problems);
        }
    }
    builder.finish()
}

/// A list or a map that is still open.
struct Frame {
    place: Place,
    anchor: usize,
    kind: FrameKind,
}

enum FrameKind {
    Sequence(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        /// The key whose value comes next.
        key: Option<Key>,
        /// The maps under `<<`.
        merged: Vec<Node>,
    },
}

struct Key {
    text: String,
    place: Place,
    is_merge: bool,
}

struct Builder {
    file: Arc<str>,
    frames: Vec<Frame>,
    anchors: HashMap<usize, Node>,
    documents: usize,
    nodes: usize,
    root: Option<Node>,
    problems: Vec<Diagnostic>,
}

impl Builder {
    fn new(file: Arc<str>) -> Self {
        Builder {
            file,
            frames: Vec::new(),
            anchors: HashMap::new(),
            documents: 0,
            nodes: 0,
            root: None,
            problems: Vec::new(),
        }
    }

    fn place(&self, marker: Marker) -> Place {
        // Text is bounded far below what u32 holds.
        let position = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Place { file: self.file.clone(), line: position(marker.line()), column: position(marker.col() + 1) }
    }

    /// The keys of the frames that are open.
    fn path(&self) -> String {
        let mut path = String::new();
        for frame in &self.frames {
            match &frame.kind {
                FrameKind::Sequence(items) => path = join(&path, &items.len().to_string()),
                FrameKind::Map { key: Some(key), .. } => path = join(&path, &key.text),
                FrameKind::Map { key: None, .. } => {}
            }
        }
        path
    }

    fn problem(&self, place: &Place, reason: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.path(), reason).at(place)
    }

    fn take(&mut self, event: Event<'_>, marker: Marker) -> Result<(), Diagnostic> {
        let place = self.place(marker);
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(self.problem(&place, "a second document starts here; a configuration is one"));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                if self.wants_key() {
                    let is_merge = plain && text == "<<";
                    self.set_key(Key { text: text.into_owned(), place, is_merge });
                    return Ok(());
                }
                let value = typed(&text, plain, tag.as_deref()).map_err(|why| self.problem(&place, why))?;
                self.put(Node::new(value, place), anchor, 1)
            }
            Event::Alias(anchor) => self.alias(anchor, &place),
            Event::SequenceStart(anchor, _) => self.open(place, anchor, FrameKind::Sequence(Vec::new())),
            Event::MappingStart(anchor, _) => {
                let kind = FrameKind::Map { entries: Vec::new(), key: None, merged: Vec::new() };
                self.open(place, anchor, kind)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
        }
    }

    fn wants_key(&self) -> bool {
        matches!(self.frames.last(), Some(Frame { kind: FrameKind::Map { key: None, .. }, .. }))
    }

    fn set_key(&mut self, new: Key) {
        if let Some(Frame { kind: FrameKind::Map { key, .. }, .. }) = self.frames.last_mut() {
            *key = Some(new);
        }
    }

    fn open(&mut self, place: Place, anchor: usize, kind: FrameKind) -> Result<(), Diagnostic> {
        if self.wants_key() {
            return Err(self.problem(&place, "a list or a map cannot be a key"));
        }
        if self.frames.len() >= DEPTH_MAX {
            return Err(self.problem(&place, format!("nested more than {DEPTH_MAX} deep")));
        }
        self.frames.push(Frame { place, anchor, kind });
        Ok(())
    }

    fn alias(&mut self, anchor: usize, place: &Place) -> Result<(), Diagnostic> {
        if self.wants_key() {
            return Err(self.problem(place, "an alias cannot be a key"));
        }
        // An anchor is known once its value is complete, so a value that contains itself ends here.
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            return Err(self.problem(place, "this alias stands inside the value that it stands for"));
        };
        if self.frames.len() + node.depth() > DEPTH_MAX {
            return Err(self.problem(place, format!("nested more than {DEPTH_MAX} deep")));
        }
        let size = node.size();
        self.put(node, 0, size)
    }

    fn close(&mut self) -> Result<(), Diagnostic> {
        let Some(Frame { place, anchor, kind }) = self.frames.pop() else {
            return Ok(());
        };
        let value = match kind {
            FrameKind::Sequence(items) => Value::Sequence(items),
            FrameKind::Map { entries, merged, .. } => {
                let mut entries = self.without_repeats(entries);
                merge_into(&mut entries, merged);
                Value::Map(entries)
            }
        };
        self.put(Node::new(value, place), anchor, 1)
    }

    /// Reports keys that are given twice and keeps the first of each.
    fn without_repeats(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        let mut lines: HashMap<String, u32> = HashMap::new();
        let mut kept = Vec::with_capacity(entries.len());
        for entry in entries {
            if let Some(line) = lines.get(&entry.key) {
                let path = join(&self.path(), &entry.key);
                let reason = format!("this key is already given in line {line}");
                self.problems.push(Diagnostic::new(path, reason).at(&entry.place));
            } else {
                lines.insert(entry.key.clone(), entry.place.line);
                kept.push(entry);
            }
        }
        kept
    }

    /// Puts a complete value where the innermost open frame wants it. `size` is what it adds to the tree.
    fn put(&mut self, node: Node, anchor: usize, size: usize) -> Result<(), Diagnostic> {
        self.nodes += size;
        if self.nodes > NODES_MAX {
            let reason = format!("more than {NODES_MAX} values, aliases counted where they are used");
            return Err(self.problem(&node.place, reason));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let path = self.path();
        match self.frames.last_mut().map(|frame| &mut frame.kind) {
            None => self.root = Some(node),
            Some(FrameKind::Sequence(items)) => items.push(node),
            Some(FrameKind::Map { entries, key, merged }) => match key.take() {
                Some(key) if key.is_merge => {
                    let reason = "a merge key << wants a map or a list of maps";
                    merged
                        .extend(mergeable(node).ok_or_else(|| Diagnostic::new(path, reason).at(&key.place))?);
                }
                Some(Key { text, place, .. }) => entries.push(Entry { key: text, place, value: node }),
                None => {}
            },
        }
        Ok(())
    }

    fn finish(self) -> Result<Node, Vec<Diagnostic>> {
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        let start = Place { file: self.file, line: 1, column: 1 };
        Ok(self.root.unwrap_or_else(|| Node::new(Value::Null, start)))
    }
}

/// The value of a scalar: plain ones are typed by their look, quoted ones are text, a tag decides over both.
fn typed(text: &str, plain: bool, tag: Option<&Tag>) -> Result<Value, String> {
    let as_text = || Value::String(text.to_owned());
    let Some(tag) = tag else {
        return Ok(if plain { scalar::resolve(text) } else { as_text() });
    };
    let by_look = scalar::resolve(text);
    let value = match (tag.is_yaml_core_schema(), tag.suffix.as_str()) {
        (true, "str") => Some(as_text()),
        (true, "int") => scalar::integer(text).map(Value::Int),
        (true, "float") => scalar::float(text).or(scalar::integer(text).map(|i| i as f64)).map(Value::Float),
        (true, "bool") => Some(by_look).filter(|value| matches!(value, Value::Bool(_))),
        (true, "null") => Some(by_look).filter(|value| *value == Value::Null),
        _ => return Err(format!("the tag {tag} is not known here; leave it out")),
    };
    value.ok_or_else(|| format!("this is no {}", tag.suffix))
}

/// The maps that a merge key stands for.
fn mergeable(node: Node) -> Option<Vec<Node>> {
    match node.value {
        Value::Map(_) => Some(vec![node]),
        Value::Sequence(items) if items.iter().all(|item| matches!(item.value, Value::Map(_))) => Some(items),
        _ => None,
    }
}

/// Adds what the map does not have itself; of several merged maps the first that has a key wins.
fn merge_into(entries: &mut Vec<Entry>, merged: Vec<Node>) {
    if merged.is_empty() {
        return;
    }
    let mut known: std::collections::HashSet<String> =
        entries.iter().map(|entry| entry.key.clone()).collect();
    for node in merged {
        let Value::Map(more) = node.value else { continue };
        entries.extend(more.into_iter().filter(|entry| known.insert(entry.key.clone())));
    }
}

#[cfg(test)]
#[path = "yaml_tests.rs"]
mod tests;
