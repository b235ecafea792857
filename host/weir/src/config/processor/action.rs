//! The actions of the processors `attributes` and `resource`.

use serde::Deserialize;
use weir_otlp::NAME_BYTES_MAX;

use super::pattern;
use crate::config::at::At;
use crate::config::diagnostic::Diagnostic;
use crate::processor::{Action, Conversion, Operation, Pattern, Source, Value};

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawAction {
    key: String,
    action: Option<RawOperation>,
    value: Option<Value>,
    default_value: Option<Value>,
    from_attribute: String,
    from_context: String,
    pattern: String,
    converted_type: Option<RawConversion>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawOperation {
    Insert,
    Update,
    Upsert,
    Delete,
    Hash,
    Extract,
    Convert,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawConversion {
    String,
    Int,
    Double,
}

/// Checks a list of actions. At least one is required.
pub(super) fn read(raw: Vec<RawAction>, at: &At<'_>, problems: &mut Vec<Diagnostic>) -> Option<Vec<Action>> {
    if raw.is_empty() {
        problems.push(at.problem("must have at least one action"));
    }
    let before = problems.len();
    let one = |(place, raw): (usize, RawAction)| raw.check(&at.item(place), problems);
    let actions = raw.into_iter().enumerate().filter_map(one).collect();
    (problems.len() == before).then_some(actions)
}

impl RawAction {
    fn check(self, at: &At<'_>, problems: &mut Vec<Diagnostic>) -> Option<Action> {
        let Some(operation) = self.action else {
            problems.push(at.problem("the key \"action\" is required"));
            return None;
        };
        let takes_pattern_alone = matches!(operation, RawOperation::Delete | RawOperation::Hash);
        let names_none = self.key.is_empty() && (self.pattern.is_empty() || !takes_pattern_alone);
        if names_none {
            let keys = if takes_pattern_alone { "\"key\" and \"pattern\" is" } else { "\"key\" is" };
            let which = if takes_pattern_alone { "one of the keys" } else { "the key" };
            problems.push(at.problem(format!("{which} {keys} required")));
            return None;
        }
        if self.key.len() > NAME_BYTES_MAX {
            problems.push(at.key("key").problem("a key has 1024 bytes at most"));
            return None;
        }
        for key in self.unused(operation) {
            problems.push(at.key(key).problem("this action does not use it; leave it out"));
        }
        let RawAction { key, pattern, .. } = &self;
        let key = key.clone();
        let compiled = match pattern.is_empty() {
            true => None,
            false => Some(pattern::read(pattern, &at.key("pattern"), problems)?),
        };
        let operation = match operation {
            RawOperation::Insert => Operation::Insert(self.source(at, problems)?),
            RawOperation::Update => Operation::Update(self.source(at, problems)?),
            RawOperation::Upsert => Operation::Upsert(self.source(at, problems)?),
            RawOperation::Delete => Operation::Delete(compiled),
            RawOperation::Hash => Operation::Hash(compiled),
            RawOperation::Extract => Operation::Extract(extraction(compiled, at, problems)?),
            RawOperation::Convert => Operation::Convert(self.conversion(at, problems)?),
        };
        Some(Action { key, operation })
    }

    /// The keys that are there and that the action does not use.
    fn unused(&self, operation: RawOperation) -> impl Iterator<Item = &'static str> {
        let (is_setting, is_converting) = match operation {
            RawOperation::Insert | RawOperation::Update | RawOperation::Upsert => (true, false),
            RawOperation::Convert => (false, true),
            RawOperation::Delete | RawOperation::Hash | RawOperation::Extract => (false, false),
        };
        let keys = [
            ("value", !is_setting && self.value.is_some()),
            ("default_value", !is_setting && self.default_value.is_some()),
            ("from_attribute", !is_setting && !self.from_attribute.is_empty()),
            ("from_context", !is_setting && !self.from_context.is_empty()),
            ("pattern", (is_setting || is_converting) && !self.pattern.is_empty()),
            ("converted_type", !is_converting && self.converted_type.is_some()),
        ];
        keys.into_iter().filter(|(_, is_unused)| *is_unused).map(|(key, _)| key)
    }

    /// Where an insertion's value comes from.
    fn source(self, at: &At<'_>, problems: &mut Vec<Diagnostic>) -> Option<Source> {
        let RawAction { value, default_value, from_attribute, from_context, .. } = self;
        if !from_context.is_empty() {
            let reason = "weir keeps no metadata, address or identity of the sender with its data, so there is \
                          nothing that a value could be taken from; use value or from_attribute";
            problems.push(at.key("from_context").problem(reason));
            return None;
        }
        match (value, from_attribute.is_empty(), default_value) {
            (Some(_), false, _) => {
                problems.push(at.problem("value and from_attribute are two sources; give one of them"));
                None
            }
            (Some(value), true, _) => Some(Source::Given(value)),
            (None, false, default) => {
                if from_attribute.len() > NAME_BYTES_MAX {
                    problems.push(at.key("from_attribute").problem("a key has 1024 bytes at most"));
                    return None;
                }
                Some(Source::Attribute { key: from_attribute, default })
            }
            (None, true, Some(default)) => Some(Source::Given(default)),
            (None, true, None) => {
                let reason =
                    "one of the keys \"value\", \"from_attribute\" and \"default_value\" is required";
                problems.push(at.problem(reason));
                None
            }
        }
    }

    fn conversion(&self, at: &At<'_>, problems: &mut Vec<Diagnostic>) -> Option<Conversion> {
        let Some(conversion) = self.converted_type else {
            problems.push(at.problem("the key \"converted_type\" is required"));
            return None;
        };
        Some(match conversion {
            RawConversion::String => Conversion::String,
            RawConversion::Int => Conversion::Int,
            RawConversion::Double => Conversion::Double,
        })
    }
}

/// A pattern whose groups all have names, which become keys.
fn extraction(pattern: Option<Pattern>, at: &At<'_>, problems: &mut Vec<Diagnostic>) -> Option<Pattern> {
    let Some(pattern) = pattern else {
        problems.push(at.problem("the key \"pattern\" is required"));
        return None;
    };
    if pattern.groups().is_empty() || pattern.groups().iter().any(Option::is_none) {
        let reason = "every group needs a name, which is the key that its text goes to: (?P<name>...); where a group \
                      is only to hold parts together, write (?:...)";
        problems.push(at.key("pattern").problem(reason));
        return None;
    }
    Some(pattern)
}
