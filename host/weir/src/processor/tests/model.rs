//! The processors on decoded messages, as the Collector's code has them.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as V;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};

use super::{attribute, of, text};
use crate::config::{HashFunction, NativeProcessorConfig, RedactionConfig};
use crate::processor::{Action, Conversion, Operation, Pattern, Source, Summary, Value, hash};

pub fn apply(config: &NativeProcessorConfig, request: &mut ExportLogsServiceRequest) {
    for resource in &mut request.resource_logs {
        let attributes = resource.resource.iter_mut().map(|resource| &mut resource.attributes);
        match config {
            NativeProcessorConfig::Resource(config) => {
                attributes.for_each(|found| act(&config.actions, found))
            }
            NativeProcessorConfig::Redaction(config) => attributes.for_each(|found| redact(config, found)),
            NativeProcessorConfig::Attributes(_) => {}
        }
        for scope in &mut resource.scope_logs {
            if let NativeProcessorConfig::Redaction(config) = config {
                scope.scope.iter_mut().for_each(|scope| redact(config, &mut scope.attributes));
            }
            for record in &mut scope.log_records {
                match config {
                    NativeProcessorConfig::Attributes(config) => act(&config.actions, &mut record.attributes),
                    NativeProcessorConfig::Redaction(config) => {
                        redact(config, &mut record.attributes);
                        body(config, &mut record.body, &mut record.attributes);
                    }
                    NativeProcessorConfig::Resource(_) => {}
                }
            }
        }
    }
}

fn value_of(value: &AnyValue) -> Value {
    match &value.value {
        None => Value::Empty,
        Some(V::StringValue(text)) => Value::Str(text.clone()),
        Some(V::BoolValue(value)) => Value::Bool(*value),
        Some(V::IntValue(value)) => Value::Int(*value),
        Some(V::DoubleValue(value)) => Value::Double(*value),
        Some(V::BytesValue(bytes)) => Value::Bytes(bytes.clone()),
        Some(V::ArrayValue(array)) => Value::Array(array.values.iter().map(value_of).collect()),
        Some(V::KvlistValue(list)) => Value::Map(
            list.values
                .iter()
                .map(|pair| (pair.key.clone(), pair.value.as_ref().map_or(Value::Empty, value_of)))
                .collect(),
        ),
        Some(_) => Value::Empty,
    }
}

fn message_of(value: &Value) -> AnyValue {
    let mut bytes = Vec::new();
    value.encode(&mut bytes);
    prost::Message::decode(bytes.as_slice()).expect("a value")
}

fn get<'m>(attributes: &'m mut [KeyValue], key: &str) -> Option<&'m mut AnyValue> {
    attributes.iter_mut().find(|pair| pair.key == key).and_then(|pair| pair.value.as_mut())
}

fn put(attributes: &mut Vec<KeyValue>, key: &str, value: AnyValue) {
    match get(attributes, key) {
        Some(found) => *found = value,
        None => attributes.push(attribute(key, value)),
    }
}

fn source(source: &Source, attributes: &mut [KeyValue]) -> Option<AnyValue> {
    match source {
        Source::Given(value) => Some(message_of(value)),
        Source::Attribute { key, default } => {
            get(attributes, key).cloned().or_else(|| default.as_ref().map(message_of))
        }
    }
}

fn act(actions: &[Action], attributes: &mut Vec<KeyValue>) {
    for Action { key, operation } in actions {
        let is_there = get(attributes, key).is_some();
        match operation {
            Operation::Insert(from) if !is_there => {
                source(from, attributes).into_iter().for_each(|value| put(attributes, key, value));
            }
            Operation::Update(from) if is_there => {
                source(from, attributes).into_iter().for_each(|value| put(attributes, key, value));
            }
            Operation::Upsert(from) => {
                source(from, attributes).into_iter().for_each(|value| put(attributes, key, value));
            }
            Operation::Insert(_) | Operation::Update(_) => {}
            Operation::Delete(pattern) => attributes.retain(|pair| {
                pair.key != *key
                    && !pattern.as_ref().is_some_and(|pattern| pattern.is_match(pair.key.as_bytes()))
            }),
            Operation::Hash(pattern) => {
                get(attributes, key).into_iter().for_each(hashed);
                for pair in attributes.iter_mut() {
                    if pattern.as_ref().is_some_and(|pattern| pattern.is_match(pair.key.as_bytes())) {
                        pair.value.iter_mut().for_each(hashed);
                    }
                }
            }
            Operation::Extract(pattern) => extract(pattern, key, attributes),
            Operation::Convert(to) => get(attributes, key).into_iter().for_each(|value| convert(*to, value)),
        }
    }
}

fn hashed(value: &mut AnyValue) {
    let bytes = match &value.value {
        Some(V::StringValue(text)) => Some(text.clone().into_bytes()),
        Some(V::BoolValue(value)) => Some(vec![u8::from(*value)]),
        Some(V::IntValue(value)) => Some(value.to_le_bytes().to_vec()),
        Some(V::DoubleValue(value)) => Some(value.to_le_bytes().to_vec()),
        _ => None,
    };
    *value = text(&bytes.map_or(String::new(), |bytes| hash::sha256(&bytes)));
}

fn extract(pattern: &Pattern, key: &str, attributes: &mut Vec<KeyValue>) {
    let Some(V::StringValue(found)) = get(attributes, key).and_then(|value| value.value.clone()) else {
        return;
    };
    let Some(captures) = pattern.captures(found.as_bytes()) else { return };
    for (group, name) in pattern.groups().iter().flatten().enumerate() {
        let part =
            captures.get(group + 1).map_or("", |part| std::str::from_utf8(part.as_bytes()).expect("text"));
        put(attributes, name, text(part));
    }
}

fn convert(to: Conversion, value: &mut AnyValue) {
    let converted = match (to, value.value.as_ref()) {
        (Conversion::String, _) => Some(V::StringValue(value_of(value).to_text())),
        (Conversion::Int, Some(V::DoubleValue(number))) => Some(V::IntValue(*number as i64)),
        (Conversion::Int, Some(V::BoolValue(truth))) => Some(V::IntValue((*truth).into())),
        (Conversion::Int, Some(V::StringValue(text))) => text.parse().ok().map(V::IntValue),
        (Conversion::Double, Some(V::IntValue(number))) => Some(V::DoubleValue(*number as f64)),
        (Conversion::Double, Some(V::BoolValue(truth))) => Some(V::DoubleValue((*truth).into())),
        (Conversion::Double, Some(V::StringValue(text))) => {
            text.parse().ok().filter(|number: &f64| number.is_finite()).map(V::DoubleValue)
        }
        _ => None,
    };
    if let Some(converted) = converted {
        *value = of(converted);
    }
}

fn matches(patterns: &[Pattern], text: &str) -> bool {
    patterns.iter().any(|pattern| pattern.is_match(text.as_bytes()))
}

fn is_ignored(config: &RedactionConfig, key: &str) -> bool {
    config.ignored_keys.iter().any(|ignored| ignored == key) || matches(&config.ignored_key_patterns, key)
}

fn is_removed(config: &RedactionConfig, key: &str) -> bool {
    let own = ["redacted.keys", "redacted.count", "masked.keys", "masked.count", "ignored.count"];
    let is_own = key.strip_prefix("redaction.").is_some_and(|rest| own.contains(&rest));
    !config.allow_all_keys && !is_own && !config.allowed_keys.iter().any(|allowed| allowed == key)
}

fn mask(config: &RedactionConfig, text: &str, pattern: &Pattern) -> String {
    let mut out = String::new();
    let mut done = 0;
    for range in pattern.matches(text) {
        out.push_str(&text[done..range.start]);
        done = range.end;
        match config.hash_function {
            HashFunction::None => out.push_str("****"),
            _ => hash::Mask::Sha1.write(&text[range], &mut out),
        }
    }
    out + &text[done..]
}

fn mask_whole(config: &RedactionConfig, text: &str) -> String {
    mask(config, text, &Pattern::new(".*").expect("a pattern"))
}

fn masked(config: &RedactionConfig, text: &str) -> String {
    config.blocked_values.iter().fold(text.to_owned(), |now, pattern| mask(config, &now, pattern))
}

/// Redacted, masked, allowed and ignored keys.
type Lists = [Vec<String>; 4];

fn redact(config: &RedactionConfig, attributes: &mut Vec<KeyValue>) {
    let mut lists = Lists::default();
    for pair in attributes.iter_mut() {
        let KeyValue { key, value: Some(value), .. } = pair else { continue };
        if is_ignored(config, key) {
            lists[3].push(key.clone());
            continue;
        }
        if is_removed(config, key) {
            lists[0].push(key.clone());
            continue;
        }
        let string = match &value.value {
            Some(V::StringValue(text)) => text.clone(),
            _ if config.redact_all_types => value_of(value).to_text(),
            _ => String::new(),
        };
        if matches(&config.allowed_values, &string) {
            lists[2].push(key.clone());
        } else if matches(&config.blocked_key_patterns, key) {
            lists[1].push(key.clone());
            *value = text(&mask_whole(config, &string));
        } else {
            let now = masked(config, &string);
            if now != string {
                lists[1].push(key.clone());
                *value = text(&now);
            }
        }
    }
    attributes.retain(|pair| !lists[0].contains(&pair.key));
    summarize(config, "redaction", lists, attributes);
}

fn summarize(config: &RedactionConfig, prefix: &str, lists: Lists, attributes: &mut Vec<KeyValue>) {
    for (mut list, name) in lists.into_iter().zip(["redacted", "masked", "allowed", "ignored"]) {
        if list.is_empty() || config.summary == Summary::Silent {
            continue;
        }
        let mut count = list.len() as i64;
        let keys = format!("{prefix}.{name}.keys");
        if config.summary == Summary::Debug && name != "ignored" {
            if let Some(V::StringValue(before)) = get(attributes, &keys).and_then(|value| value.value.clone())
                && !before.is_empty()
            {
                list.extend(before.split(',').map(str::to_owned));
            }
            list.sort();
            put(attributes, &keys, text(&list.join(",")));
        }
        let key = format!("{prefix}.{name}.count");
        if let Some(V::IntValue(before)) = get(attributes, &key).and_then(|value| value.value.clone()) {
            count = count.wrapping_add(before);
        }
        put(attributes, &key, of(V::IntValue(count)));
    }
}

fn body(config: &RedactionConfig, body: &mut Option<AnyValue>, attributes: &mut Vec<KeyValue>) {
    let mut lists = Lists::default();
    match body.as_mut().and_then(|body| body.value.as_mut()) {
        Some(V::KvlistValue(_) | V::ArrayValue(_)) => {
            body.iter_mut().for_each(|body| inside(config, "", body, &mut lists));
        }
        _ => {
            let string = body.as_ref().map_or(String::new(), |body| value_of(body).to_text());
            let now = masked(config, &string);
            if matches(&config.allowed_values, &string) || now == string {
                return;
            }
            lists[1].push("body".to_owned());
            *body = Some(text(&now));
        }
    }
    summarize(config, "redaction.body", lists, attributes);
}

fn inside(config: &RedactionConfig, path: &str, value: &mut AnyValue, lists: &mut Lists) {
    let join = |step: &str| if path.is_empty() { step.to_owned() } else { format!("{path}.{step}") };
    match &mut value.value {
        Some(V::KvlistValue(list)) => {
            for pair in &mut list.values {
                let KeyValue { key, value: Some(value), .. } = pair else { continue };
                if is_ignored(config, key) {
                    lists[3].push(join(key));
                } else if is_removed(config, key) {
                    lists[0].push(join(key));
                } else if matches(&config.blocked_key_patterns, key) {
                    lists[1].push(join(key));
                    let string = match &value.value {
                        Some(V::StringValue(text)) => text.clone(),
                        _ => String::new(),
                    };
                    *value = text(&mask_whole(config, &string));
                } else {
                    inside(config, &join(key), value, lists);
                }
            }
            list.values.retain(|pair| is_ignored(config, &pair.key) || !is_removed(config, &pair.key));
        }
        Some(V::ArrayValue(array)) => {
            for (place, value) in array.values.iter_mut().enumerate() {
                inside(config, &join(&format!("[{place}]")), value, lists);
            }
        }
        _ => {
            let string = value_of(value).to_text();
            let now = masked(config, &string);
            if matches(&config.allowed_values, &string) {
                lists[2].push(path.to_owned());
            } else if now != string {
                lists[1].push(path.to_owned());
                *value = text(&now);
            }
        }
    }
}
