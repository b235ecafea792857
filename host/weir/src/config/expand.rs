//! Expansion of `${env:NAME}`, `${file:PATH}`, `${yaml:...}` and `$$` in the values of a configuration.
//!
//! The rules are the Collector's: an expression that is the whole value is typed again as YAML, one inside
//! other text stays text, expressions nest, keys are not expanded. One rule is kinder: in text that comes
//! from the environment or a file, `$$` and a `${` that starts no expression stay as they are, because
//! passwords contain such things.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::diagnostic::{Diagnostic, Place, join};
use super::environment::Environment;
use super::expression::{self, Piece, Reference};
use super::node::{Entry, Node, Origin, Value};
use super::{read, yaml};

/// The most expressions that are evaluated in one configuration; the Collector's limit.
const EXPANSIONS_MAX: usize = 1000;
/// How deep expressions may lead to further expressions.
const LEVELS_MAX: usize = 16;
/// How much text all expressions may produce, in bytes.
const EXPANDED_BYTES_MAX: usize = 8 << 20;

/// A tree with everything expanded, and what was odd or wrong on the way.
pub struct Expanded {
    /// The tree. Values that could not be expanded are null.
    pub root: Node,
    /// What was wrong.
    pub errors: Vec<Diagnostic>,
    /// Variables that are not set.
    pub warnings: Vec<Diagnostic>,
}

/// Expands a whole tree.
pub fn expand(root: Node, environment: &dyn Environment) -> Expanded {
    let mut expander =
        Expander { environment, expansions: 0, bytes: 0, errors: Vec::new(), warnings: Vec::new() };
    let root = expander.node(root, "", None, 0);
    Expanded { root, errors: expander.errors, warnings: expander.warnings }
}

/// Where a text stands and how it got there.
#[derive(Clone, Copy)]
struct At<'a> {
    place: &'a Place,
    path: &'a str,
    /// The expression in the file that this text came out of, if it was not written in the file itself.
    /// Nothing of such a text may show in a message.
    from: Option<&'a str>,
    level: usize,
}

impl<'a> At<'a> {
    /// Text that an expression here led to.
    fn within(self, expression: &'a str) -> Self {
        At { from: Some(self.from.unwrap_or(expression)), level: self.level + 1, ..self }
    }
}

struct Expander<'e> {
    environment: &'e dyn Environment,
    expansions: usize,
    bytes: usize,
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

impl Expander<'_> {
    fn node(&mut self, node: Node, path: &str, from: Option<&str>, level: usize) -> Node {
        let Node { value, place, origin } = node;
        let value = match value {
            Value::String(text) if text.contains('$') => {
                let at = At { place: &place, path, from, level };
                return self.string(&text, at).unwrap_or_else(|reason| {
                    self.report(at, reason);
                    Node::new(Value::Null, place.clone())
                });
            }
            Value::Sequence(items) => {
                let expand =
                    |(i, item): (usize, Node)| self.node(item, &join(path, &i.to_string()), from, level);
                Value::Sequence(items.into_iter().enumerate().map(expand).collect())
            }
            Value::Map(entries) => {
                let expand = |Entry { key, place, value }| {
                    let value = self.node(value, &join(path, &key), from, level);
                    Entry { key, place, value }
                };
                Value::Map(entries.into_iter().map(expand).collect())
            }
            scalar => scalar,
        };
        Node { value, place, origin }
    }

    fn report(&mut self, at: At<'_>, reason: String) {
        let reason = match at.from {
            Some(expression) => format!("what {expression} stands for cannot be expanded"),
            None => reason,
        };
        self.errors.push(Diagnostic::new(at.path, reason).at(at.place));
    }

    /// Expands one string value.
    fn string(&mut self, text: &str, at: At<'_>) -> Result<Node, String> {
        let pieces = expression::pieces(text, at.from.is_some())?;
        let origin = Origin { expression: at.from.unwrap_or(text).to_owned(), text: None };
        match pieces.as_slice() {
            [Piece::Expression(inner)] => self.whole(inner, At { from: Some(&origin.expression), ..at }, at),
            pieces => {
                let expanded = pieces.iter().any(|piece| matches!(piece, Piece::Expression(_)));
                let value = Value::String(self.concatenate(pieces, at)?);
                // A text in which only `$$` was replaced is as public as the file.
                let origin = (expanded || at.from.is_some()).then(|| Arc::new(origin));
                Ok(Node { value, place: at.place.clone(), origin })
            }
        }
    }

    /// The value of an expression that is all of a value: what it stands for is typed as YAML.
    fn whole(&mut self, inner: &str, shown: At<'_>, at: At<'_>) -> Result<Node, String> {
        let expression = shown.from.unwrap_or_default();
        let (text, file) = self.evaluate(inner, at)?;
        let within = at.within(expression);
        let retyped = retype(&text, file.as_deref(), at.place, expression);
        let (text, node) = match retyped.value {
            Value::Sequence(_) | Value::Map(_) => {
                (text, self.node(retyped, at.path, within.from, within.level))
            }
            _ => {
                let text = self.text(&text, within)?;
                let node = retype(&text, file.as_deref(), at.place, expression);
                (text, node)
            }
        };
        let origin = Origin { expression: expression.to_owned(), text: Some(text) };
        Ok(Node { origin: Some(Arc::new(origin)), ..node })
    }

    /// Expands a text to a text.
    fn text(&mut self, text: &str, at: At<'_>) -> Result<String, String> {
        if !text.contains('$') {
            return Ok(text.to_owned());
        }
        let pieces = expression::pieces(text, at.from.is_some())?;
        self.concatenate(&pieces, at)
    }

    fn concatenate(&mut self, pieces: &[Piece], at: At<'_>) -> Result<String, String> {
        let mut whole = String::new();
        for piece in pieces {
            match piece {
                Piece::Literal(text) => whole.push_str(text),
                Piece::Expression(inner) => {
                    let (text, _) = self.evaluate(inner, at)?;
                    let shown = format!("${{{inner}}}");
                    whole.push_str(&self.text(&text, at.within(&shown))?);
                }
            }
        }
        self.charge(whole.len())?;
        Ok(whole)
    }

    /// What an expression stands for, not expanded further, and the file that it was read from.
    fn evaluate(&mut self, inner: &str, at: At<'_>) -> Result<(String, Option<PathBuf>), String> {
        self.expansions += 1;
        if self.expansions > EXPANSIONS_MAX {
            return Err(format!("more than {EXPANSIONS_MAX} expansions"));
        }
        if at.level >= LEVELS_MAX {
            return Err(format!("expands more than {LEVELS_MAX} levels deep; does it refer to itself?"));
        }
        let inner = self.text(inner, At { level: at.level + 1, ..at })?;
        let (text, file) = match expression::parse(&inner)? {
            Reference::Env { name, default } => (self.variable(&name, default, at), None),
            Reference::Yaml(text) => (text, None),
            Reference::File(name) => {
                let path = beside(at.place, &name);
                let mut text = read::text(&path)?;
                // Editors and `echo` end a file with a line end that is not part of a secret.
                while text.ends_with(['\n', '\r']) {
                    text.pop();
                }
                (text, Some(path))
            }
        };
        self.charge(text.len())?;
        Ok((text, file))
    }

    fn variable(&mut self, name: &str, default: Option<String>, at: At<'_>) -> String {
        if let Some(value) = self.environment.var(name).or(default) {
            return value;
        }
        let reason = match at.from {
            Some(expression) => format!("what {expression} stands for uses a variable that is not set"),
            None => format!("the variable {name} is not set; it counts as empty"),
        };
        self.warnings.push(Diagnostic::new(at.path, reason).at(at.place));
        String::new()
    }

    fn charge(&mut self, bytes: usize) -> Result<(), String> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > EXPANDED_BYTES_MAX {
            return Err(format!("expansions produce more than {EXPANDED_BYTES_MAX} bytes"));
        }
        Ok(())
    }
}

/// Types a text as YAML; what is no YAML is a string. Values of a list or map in a file keep their places
/// there, everything else stands where the expression stands.
fn retype(text: &str, file: Option<&Path>, place: &Place, expression: &str) -> Node {
    let name: Arc<str> = match file {
        Some(path) => Arc::from(path.to_string_lossy().as_ref()),
        None => place.file.clone(),
    };
    let node =
        yaml::parse(text, &name).unwrap_or_else(|_| Node::new(Value::String(text.to_owned()), place.clone()));
    let is_scalar = !matches!(node.value, Value::Sequence(_) | Value::Map(_));
    let moved = (file.is_none() || is_scalar).then_some(place);
    let origin = Arc::new(Origin { expression: expression.to_owned(), text: None });
    mark(node, &origin, moved)
}

/// Marks a tree as expanded, and moves it to a place if one is given.
fn mark(mut node: Node, origin: &Arc<Origin>, place: Option<&Place>) -> Node {
    node.origin = Some(origin.clone());
    if let Some(place) = place {
        node.place = place.clone();
    }
    node.value = match node.value {
        Value::Sequence(items) => {
            Value::Sequence(items.into_iter().map(|item| mark(item, origin, place)).collect())
        }
        Value::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|entry| Entry {
                    key: entry.key,
                    place: place.cloned().unwrap_or(entry.place),
                    value: mark(entry.value, origin, place),
                })
                .collect(),
        ),
        scalar => scalar,
    };
    node
}

/// A path as seen from the file in which it is written.
fn beside(place: &Place, name: &str) -> PathBuf {
    Path::new(place.file.as_ref()).parent().unwrap_or(Path::new("")).join(name)
}

#[cfg(test)]
#[path = "expand_tests.rs"]
mod tests;
