//! Hints: attributes that tell the exporter what to make of the others. They are those of the Collector's exporter, and are never
//! sent.

use weir_otlp::read::{Attributes, KeyValue, Value};

use super::refused::Refused;

/// Attributes of the record that become labels.
pub(super) const ATTRIBUTE_LABELS: &str = "loki.attribute.labels";

/// Attributes of the resource that become labels.
pub(super) const RESOURCE_LABELS: &str = "loki.resource.labels";

/// How the line is written.
const FORMAT: &str = "loki.format";

/// The attribute that names the tenant.
const TENANT: &str = "loki.tenant";

/// More attributes than this are more than anybody has a use for; SDKs stop at 128.
const ATTRIBUTES_MAX: usize = 16_384;

/// A hint may name so many attributes, which are twice the labels that there can be.
const NAMES_MAX: usize = 30;

/// The attributes of a record or a resource, read once and in the order of their keys.
#[derive(Default)]
pub(super) struct Known<'a>(Vec<KeyValue<'a>>);

/// How a line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Format {
    #[default]
    Json,
    Logfmt,
    Raw,
}

impl<'a> Known<'a> {
    /// Reads them, in place of what was known before.
    pub(super) fn read(&mut self, attributes: Attributes<'a>) -> Result<(), Refused> {
        self.0.clear();
        for attribute in attributes {
            if self.0.len() == ATTRIBUTES_MAX {
                return Err(Refused::TooManyAttributes);
            }
            self.0.push(attribute?);
        }
        self.0.sort_by_key(|attribute| attribute.key);
        Ok(())
    }

    /// The value of a key: the first one.
    fn get(&self, key: &str) -> Option<Value<'a>> {
        let at = self.0.partition_point(|attribute| attribute.key < key);
        self.0.get(at).filter(|attribute| attribute.key == key).map(|attribute| attribute.value)
    }

    /// The value of a name, which may be a path into maps: `http.method` is the attribute of this name, or else the member
    /// `method` of the attribute `http`. Says too whether it is an attribute.
    pub(super) fn find(&self, name: &str) -> Option<(Value<'a>, bool)> {
        if let Some(value) = self.get(name) {
            return Some((value, true));
        }
        let (first, mut rest) = name.split_once('.')?;
        let mut value = self.get(first)?;
        loop {
            let Value::Map(map) = value else { return None };
            let (first, deeper) = rest.split_once('.').unwrap_or((rest, ""));
            value = map.get(first).ok().flatten()?;
            if deeper.is_empty() {
                return Some((value, false));
            }
            rest = deeper;
        }
    }

    /// The names in a hint: a list, or a text with commas between them.
    pub(super) fn names(&self, hint: &str) -> impl Iterator<Item = &'a str> {
        let (text, list) = match self.get(hint) {
            Some(Value::Text(text)) => (Some(text), None),
            Some(Value::Array(list)) => (None, Some(list)),
            _ => (None, None),
        };
        let listed = list.into_iter().flatten().filter_map(|value| match value {
            Ok(Value::Text(name)) => Some(name),
            _ => None,
        });
        text.into_iter().flat_map(|text| text.split(',')).chain(listed).map(str::trim).take(NAMES_MAX)
    }

    /// How lines are to be written, if it says so. What it says wrong is as if it said nothing: no log is lost for a word.
    pub(super) fn format(&self) -> Option<Format> {
        match self.get(FORMAT)? {
            Value::Text("logfmt") => Some(Format::Logfmt),
            Value::Text("raw") => Some(Format::Raw),
            _ => Some(Format::Json),
        }
    }

    /// The name of the attribute that names the tenant.
    pub(super) fn tenant_hint(&self) -> Option<&'a str> {
        self.text(TENANT)
    }

    /// The value of a key, if it is text.
    pub(super) fn text(&self, key: &str) -> Option<&'a str> {
        match self.get(key) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Those that are for the line: no hints, none of these keys, and of a key that is there twice the last one.
    pub(super) fn without(&self, promoted: &[&str]) -> impl Iterator<Item = &KeyValue<'a>> {
        let next = self.0.iter().skip(1).map(Some).chain([None]);
        self.0.iter().zip(next).filter_map(move |(attribute, next)| {
            let key = attribute.key;
            let is_there_again = next.is_some_and(|next| next.key == key);
            (!is_there_again && !is_hint(key) && !promoted.contains(&key)).then_some(attribute)
        })
    }
}

fn is_hint(key: &str) -> bool {
    key.starts_with("loki.") && matches!(key, ATTRIBUTE_LABELS | RESOURCE_LABELS | FORMAT | TENANT)
}
