//! `include` and `exclude` of the `attributes` processor.

use serde::Deserialize;
use weir_otlp::{NAME_BYTES_MAX, Signal};

use super::pattern;
use crate::config::at::At;
use crate::config::diagnostic::Diagnostic;
use crate::config::field::bounded;
use crate::config::rejection::required;
use crate::processor::{AttributeMatch, Match, SPAN_KINDS, Texts, Value, ValueMatch};

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawMatch {
    match_type: Option<MatchType>,
    services: Vec<String>,
    resources: Vec<RawAttributeMatch>,
    libraries: Vec<RawLibrary>,
    span_names: Vec<String>,
    span_kinds: Vec<String>,
    log_bodies: Vec<String>,
    log_severity_texts: Vec<String>,
    log_severity_number: Option<RawSeverity>,
    metric_names: Vec<String>,
    attributes: Vec<RawAttributeMatch>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum MatchType {
    Strict,
    Regexp,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawAttributeMatch {
    key: String,
    value: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawLibrary {
    name: String,
    version: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawSeverity {
    #[serde(deserialize_with = "bounded::<0, 24, _, _>")]
    min: u32,
    match_undefined: bool,
}

/// Reads one after its keys are known.
struct Reading<'r, 'n> {
    match_type: Option<MatchType>,
    at: &'r At<'n>,
    problems: &'r mut Vec<Diagnostic>,
    lacks_type: bool,
}

/// Checks what does not depend on the signal.
pub(super) fn read(raw: RawMatch, at: &At<'_>, problems: &mut Vec<Diagnostic>) -> Option<Match> {
    let before = problems.len();
    let mut reading = Reading { match_type: raw.match_type, at, problems, lacks_type: false };
    let found = Match {
        services: reading.texts(&raw.services, "services"),
        resources: reading.attributes(raw.resources, "resources"),
        libraries: reading.libraries(&raw.libraries),
        span_names: reading.texts(&raw.span_names, "span_names"),
        span_kinds: reading.texts(&raw.span_kinds, "span_kinds"),
        log_bodies: reading.texts(&raw.log_bodies, "log_bodies"),
        severity_texts: reading.texts(&raw.log_severity_texts, "log_severity_texts"),
        severity: raw.log_severity_number.map(|severity| (severity.min.into(), severity.match_undefined)),
        metric_names: reading.texts(&raw.metric_names, "metric_names"),
        attributes: reading.attributes(raw.attributes, "attributes"),
    };
    if reading.lacks_type {
        problems.push(at.problem(format!("{}: strict or regexp", required("match_type"))));
    }
    for (place, kind) in raw.span_kinds.iter().enumerate() {
        if raw.match_type == Some(MatchType::Strict) && !SPAN_KINDS.contains(&kind.as_str()) {
            let problem = at.key("span_kinds").item(place).problem("no span has this kind");
            problems.push(problem.with_valid(kind, SPAN_KINDS));
        }
    }
    if problems.len() == before && found == Match::default() {
        problems.push(at.problem("says of nothing what it has to be, so it would match everything"));
    }
    (problems.len() == before).then_some(found)
}

impl Reading<'_, '_> {
    fn texts(&mut self, texts: &[String], key: &str) -> Option<Texts> {
        if texts.is_empty() {
            return None;
        }
        let at = self.at.key(key);
        match self.match_type {
            Some(MatchType::Strict) => Some(Texts::Strict(texts.iter().cloned().collect())),
            Some(MatchType::Regexp) => Some(Texts::Regexp(pattern::read_all(texts, &at, self.problems))),
            None => {
                self.lacks_type = true;
                None
            }
        }
    }

    /// One text, which stands at this place.
    fn text(&mut self, text: &str, at: &At<'_>) -> Option<Texts> {
        match self.match_type {
            Some(MatchType::Strict) => Some(Texts::Strict([text.to_owned()].into())),
            Some(MatchType::Regexp) => {
                pattern::read(text, at, self.problems).map(|one| Texts::Regexp(vec![one]))
            }
            None => {
                self.lacks_type = true;
                None
            }
        }
    }

    fn libraries(&mut self, raw: &[RawLibrary]) -> Vec<(Texts, Option<Texts>)> {
        let list = self.at.key("libraries");
        let mut libraries = Vec::new();
        for (place, RawLibrary { name, version }) in raw.iter().enumerate() {
            let at = list.item(place);
            let versions = version.as_ref().and_then(|version| self.text(version, &at.key("version")));
            libraries.extend(self.text(name, &at.key("name")).map(|names| (names, versions)));
        }
        libraries
    }

    fn attributes(&mut self, raw: Vec<RawAttributeMatch>, key: &str) -> Vec<AttributeMatch> {
        let list = self.at.key(key);
        let mut attributes = Vec::new();
        for (place, RawAttributeMatch { key, value }) in raw.into_iter().enumerate() {
            let at = list.item(place);
            if key.is_empty() || key.len() > NAME_BYTES_MAX {
                self.problems.push(at.problem("the key \"key\" is required, of 1024 bytes at most"));
                continue;
            }
            let value = match value {
                None => ValueMatch::Any,
                Some(value) if self.match_type == Some(MatchType::Strict) => ValueMatch::Same(value),
                Some(Value::Str(text)) => match self.text(&text, &at.key("value")) {
                    Some(texts) => ValueMatch::Texts(texts),
                    None => continue,
                },
                Some(_) => {
                    self.lacks_type |= self.match_type.is_none();
                    let reason = "expected a string, since it is a regular expression; put it in quotes";
                    self.problems.push(at.key("value").problem(reason));
                    continue;
                }
            };
            attributes.push(AttributeMatch { key, value });
        }
        attributes
    }
}

/// Checks that everything that is matched can be in a pipeline of this signal.
pub(super) fn check(
    found: &Match,
    signal: Signal,
    pipeline: &str,
    at: &At<'_>,
    problems: &mut Vec<Diagnostic>,
) {
    let (traces, logs, metrics) = (Signal::Traces, Signal::Logs, Signal::Metrics);
    let all: [(&str, bool, &[Signal]); 10] = [
        ("services", found.services.is_some(), &[traces]),
        ("resources", !found.resources.is_empty(), &[traces, logs, metrics]),
        ("libraries", !found.libraries.is_empty(), &[traces, logs]),
        ("span_names", found.span_names.is_some(), &[traces]),
        ("span_kinds", found.span_kinds.is_some(), &[traces]),
        ("log_bodies", found.log_bodies.is_some(), &[logs]),
        ("log_severity_texts", found.severity_texts.is_some(), &[logs]),
        ("log_severity_number", found.severity.is_some(), &[logs]),
        ("metric_names", found.metric_names.is_some(), &[metrics]),
        ("attributes", !found.attributes.is_empty(), &[traces, logs]),
    ];
    for (key, is_there, signals) in all {
        if !is_there || signals.contains(&signal) {
            continue;
        }
        let names: Vec<&str> = signals.iter().map(|signal| signal.name()).collect();
        let mut reason = format!("is for {} alone, and the pipeline {pipeline} is not", names.join(" and "));
        if key == "services" {
            reason.push_str("; match resources by their key service.name");
        }
        problems.push(at.key(key).problem(reason));
    }
}
