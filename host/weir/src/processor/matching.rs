//! `include` and `exclude` of the `attributes` processor: which items it is about.

use std::collections::HashSet;

use weir_otlp::{READ, Selector, field, kind, level};

use super::datum::Datum;
use super::pattern::Pattern;
use super::seen::{Cell, Entity, Seen};
use super::text;
use super::value::Value;

/// The key of a service's name.
const SERVICE_NAME: &str = "service.name";
/// What the Collector takes for the name of a service without one.
const NO_SERVICE_NAME: &str = "<nil-service-name>";

/// What is to be matched, all of it. Empty parts match everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Match {
    /// The resource's `service.name`.
    pub services: Option<Texts>,
    /// Attributes of the resource.
    pub resources: Vec<AttributeMatch>,
    /// Name and version of the scope. As in the Collector, each of them has to match.
    pub libraries: Vec<(Texts, Option<Texts>)>,
    /// A span's name.
    pub span_names: Option<Texts>,
    /// A span's kind.
    pub span_kinds: Option<Texts>,
    /// A log record's body, as text.
    pub log_bodies: Option<Texts>,
    /// A log record's severity in its own words.
    pub severity_texts: Option<Texts>,
    /// The least severity, and whether a record without one matches.
    pub severity: Option<(i64, bool)>,
    /// A metric's name.
    pub metric_names: Option<Texts>,
    /// Attributes of the item.
    pub attributes: Vec<AttributeMatch>,
}

/// Texts of which one has to match.
#[derive(Clone, Debug, PartialEq)]
pub enum Texts {
    /// The whole text.
    Strict(HashSet<String>),
    /// Any part of it.
    Regexp(Vec<Pattern>),
}

/// An attribute that has to be there.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributeMatch {
    /// Its key.
    pub key: String,
    /// What its value has to be.
    pub value: ValueMatch,
}

/// What an attribute's value has to be.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueMatch {
    /// Anything.
    Any,
    /// This value, of this type.
    Same(Value),
    /// As text, if it is text, a number or a truth value.
    Texts(Texts),
}

/// What is known of the entities around an item.
#[derive(Clone, Copy, Default)]
pub(super) struct Around {
    resource: bool,
    scope: bool,
    metric: bool,
}

impl Texts {
    fn matches(&self, text: &str) -> bool {
        match self {
            Texts::Strict(texts) => texts.contains(text),
            Texts::Regexp(patterns) => patterns.iter().any(|pattern| pattern.is_match(text.as_bytes())),
        }
    }
}

impl AttributeMatch {
    fn matches(&self, seen: Seen<'_>, entity: &Entity) -> bool {
        // It may be that only attributes with longer keys have been asked for by pattern.
        let found = seen.field_of(&self.key).and_then(|field| seen.find(entity, field));
        found.is_some_and(|cell| self.value.matches(seen, cell))
    }
}

impl ValueMatch {
    fn matches(&self, seen: Seen<'_>, cell: Cell<'_>) -> bool {
        let seen_as = match self {
            ValueMatch::Any => return true,
            ValueMatch::Same(value) if matches!(cell.kind, kind::ARRAY | kind::MAP) => {
                return seen.tree(cell).is_same(value);
            }
            ValueMatch::Same(value) => return is_scalar(seen, cell, value),
            ValueMatch::Texts(texts) => texts,
        };
        match seen.datum(cell) {
            Datum::Str(text) => seen_as.matches(&text),
            Datum::Bool(value) => seen_as.matches(if value { "true" } else { "false" }),
            Datum::Int(value) => seen_as.matches(&value.to_string()),
            Datum::Double(value) => seen_as.matches(&text::plain_double(value)),
            _ => false,
        }
    }
}

fn is_scalar<'a>(seen: Seen<'a>, cell: Cell<'a>, value: &Value) -> bool {
    match (seen.datum(cell), value) {
        (Datum::Str(text), Value::Str(value)) => text == value.as_str(),
        (Datum::Bool(one), Value::Bool(other)) => one == *other,
        (Datum::Int(one), Value::Int(other)) => one == *other,
        (Datum::Double(one), Value::Double(other)) => one == *other,
        (Datum::Bytes(one), Value::Bytes(other)) => one == other.as_slice(),
        (Datum::Empty, Value::Empty) => true,
        _ => false,
    }
}

impl Match {
    /// What it reads.
    pub(super) fn selectors(&self) -> Vec<Selector> {
        let attribute = |at: u8, key: &str| Selector {
            levels: 1 << at,
            field: field::ATTRIBUTE,
            access: READ,
            name: key.to_owned(),
            ..Selector::default()
        };
        let own = |at: u8, code: u32| Selector {
            levels: 1 << at,
            field: code,
            access: READ,
            ..Selector::default()
        };
        let mut selectors = Vec::new();
        if self.services.is_some() {
            selectors.push(attribute(level::RESOURCE, SERVICE_NAME));
        }
        selectors.extend(self.resources.iter().map(|resource| attribute(level::RESOURCE, &resource.key)));
        selectors.extend(self.attributes.iter().map(|item| attribute(level::ITEM, &item.key)));
        if !self.libraries.is_empty() {
            selectors.extend([field::NAME, field::VERSION].map(|code| own(level::SCOPE, code)));
        }
        for (code, is_needed) in [
            (field::NAME, self.span_names.is_some()),
            (field::KIND, self.span_kinds.is_some()),
            (field::BODY, self.log_bodies.is_some()),
            (field::SEVERITY_TEXT, self.severity_texts.is_some()),
            (field::SEVERITY_NUMBER, self.severity.is_some()),
        ] {
            if is_needed {
                selectors.push(own(level::ITEM, code));
            }
        }
        if self.metric_names.is_some() {
            selectors.push(own(level::METRIC, field::NAME));
        }
        selectors
    }

    /// Looks at an entity that items are in.
    pub(super) fn look(&self, seen: Seen<'_>, entity: &Entity, around: &mut Around) {
        match entity.level {
            level::RESOURCE => around.resource = self.resource(seen, entity),
            level::SCOPE => {
                let (name, version) = (seen.text(entity, field::NAME), seen.text(entity, field::VERSION));
                around.scope = self.libraries.iter().all(|(names, versions)| {
                    names.matches(name) && versions.as_ref().is_none_or(|versions| versions.matches(version))
                });
            }
            level::METRIC => {
                let names = self.metric_names.as_ref();
                around.metric = names.is_none_or(|names| names.matches(seen.text(entity, field::NAME)));
            }
            _ => {}
        }
    }

    fn resource(&self, seen: Seen<'_>, entity: &Entity) -> bool {
        let service = || match seen.field_of(SERVICE_NAME).and_then(|field| seen.find(entity, field)) {
            Some(cell) => seen.datum(cell).to_text().into_owned(),
            None => NO_SERVICE_NAME.to_owned(),
        };
        self.services.as_ref().is_none_or(|services| services.matches(&service()))
            && self.resources.iter().all(|resource| resource.matches(seen, entity))
    }

    /// Whether an item matches, given what is around it.
    pub(super) fn matches(&self, seen: Seen<'_>, item: &Entity, around: Around) -> bool {
        // Only data points stand in metrics.
        let is_in_metric = around.metric || self.metric_names.is_none();
        around.resource && around.scope && is_in_metric && self.item(seen, item)
    }

    fn item(&self, seen: Seen<'_>, item: &Entity) -> bool {
        let text = |code| seen.text(item, code);
        let number = |code| match seen.find(item, code).map(|cell| seen.datum(cell)) {
            Some(Datum::Int(number)) => number,
            _ => 0,
        };
        let body = || seen.find(item, field::BODY).map_or("".into(), |cell| seen.datum(cell).to_text());
        self.span_names.as_ref().is_none_or(|names| names.matches(text(field::NAME)))
            && self.span_kinds.as_ref().is_none_or(|kinds| kinds.matches(span_kind(number(field::KIND))))
            && self.log_bodies.as_ref().is_none_or(|bodies| bodies.matches(&body()))
            && self.severity_texts.as_ref().is_none_or(|texts| texts.matches(text(field::SEVERITY_TEXT)))
            && self.severity.is_none_or(|(min, undefined)| match number(field::SEVERITY_NUMBER) {
                0 => undefined,
                severity => severity >= min,
            })
            && self.attributes.iter().all(|attribute| attribute.matches(seen, item))
    }
}

/// The kinds of spans, by number from 1 on.
pub const SPAN_KINDS: [&str; 5] = [
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];

fn span_kind(number: i64) -> &'static str {
    let place = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    place.and_then(|place| SPAN_KINDS.get(place)).copied().unwrap_or("")
}
