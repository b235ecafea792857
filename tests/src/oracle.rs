//! What sampling, redaction and enrichment have to make of telemetry whose secrets are known: said again in a few plain lines, and
//! held against what arrives, item by item and leaf by leaf. It knows nothing of how the plugins do it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::items::{Item, Leaves, hex};
use crate::{Received, Signal, items};

/// A status or a severity that says that something failed.
const STATUS_ERROR: u64 = 2;
const SEVERITY_ERROR: u64 = 17;

/// The rules.
#[derive(Clone, Debug, Default)]
pub struct Oracle<'a> {
    /// The threshold that the randomness of a trace must reach, as `th` is written; "" if everything is kept.
    pub threshold: &'a str,
    /// Every text that is a secret, and what stands in its place wherever it stands.
    pub texts: Vec<(String, &'a str)>,
    /// Attributes that each resource has in the end, unless it came with them.
    pub resource: &'a [(&'a str, &'a str)],
}

/// What was compared.
#[derive(Debug, Default, PartialEq)]
pub struct Outcome {
    /// How many items came.
    pub sent: usize,
    /// How many of them went on.
    pub kept: usize,
    /// The paths at which something was masked, and how often.
    pub masked: BTreeMap<String, usize>,
}

impl Outcome {
    /// The paths alone.
    pub fn masked_paths(&self) -> BTreeSet<&str> {
        self.masked.keys().map(String::as_str).collect()
    }
}

impl<'a> Oracle<'a> {
    /// That of texts which are all e-mail addresses, for [`Fork::through_three_plugins`](crate::Fork::through_three_plugins).
    pub fn of_three_plugins(addresses: impl IntoIterator<Item = String>) -> Oracle<'a> {
        let texts = addresses.into_iter().map(|address| (address, "[REDACTED:email]")).collect();
        Oracle { threshold: "8", texts, resource: &[crate::fork::ENRICHED] }
    }

    /// Whether an item is to go on: by its trace id, or since it tells of an error.
    pub fn keeps(&self, item: &Item) -> bool {
        let is_error = match item.signal {
            Signal::Traces => item.at("status.code").as_u64() == Some(STATUS_ERROR),
            Signal::Logs => item.at("severity_number").as_u64().unwrap_or(0) >= SEVERITY_ERROR,
            _ => true,
        };
        is_error || item.trace_id.is_empty() || self.is_sampled(&item.trace_id)
    }

    /// Whether a trace belongs to the share that is kept: its last 56 bits, compared as digits.
    pub fn is_sampled(&self, trace_id: &[u8]) -> bool {
        let threshold = format!("{:0<14}", self.threshold);
        hex(&trace_id[9..]) >= threshold
    }

    /// An item as it has to arrive.
    pub fn expected(&self, item: &Item) -> Leaves {
        let mut leaves: Leaves =
            item.leaves.iter().map(|(path, value)| (path.clone(), self.redacted(value))).collect();
        for (key, value) in self.resource {
            leaves.entry(format!("resource.attributes[{key}]")).or_insert_with(|| json!(value));
        }
        if !self.threshold.is_empty() && item.signal == Signal::Traces {
            let is_sampled_error = item.at("status.code").as_u64() == Some(STATUS_ERROR);
            let threshold = if is_sampled_error { "0" } else { self.threshold };
            leaves.insert("trace_state".to_owned(), json!(format!("ot=th:{threshold}")));
        }
        let is_error = item.at("severity_number").as_u64().unwrap_or(0) >= SEVERITY_ERROR;
        let follows = item.signal == Signal::Logs && !item.trace_id.is_empty() && !is_error;
        if !self.threshold.is_empty() && follows {
            leaves.insert("attributes[sampling.threshold]".to_owned(), json!(self.threshold));
        }
        leaves
    }

    fn redacted(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                json!(self.texts.iter().fold(text.clone(), |text, (secret, mask)| text.replace(secret, mask)))
            }
            other => other.clone(),
        }
    }

    /// Compares all of a signal. Panics with what is missing, too much or otherwise than it has to be.
    pub fn compare(&self, signal: Signal, sent: &[Received], arrived: &[Received]) -> Outcome {
        self.compare_items(&items::of(signal, sent), &items::of(signal, arrived))
    }

    /// The same with items.
    pub fn compare_items(&self, sent: &[Item], arrived: &[Item]) -> Outcome {
        let mut arrived: BTreeMap<&str, &Item> =
            arrived.iter().map(|item| (item.key.as_str(), item)).collect();
        let (mut outcome, mut wrong) = (Outcome { sent: sent.len(), ..Outcome::default() }, Vec::new());
        for item in sent {
            let found = arrived.remove(item.key.as_str());
            if found.is_some() != self.keeps(item) {
                let what = if found.is_some() { "was to be dropped" } else { "is missing" };
                wrong.push(format!("{} {what}", item.key));
            }
            let Some(found) = found else { continue };
            outcome.kept += 1;
            let expected = self.expected(item);
            let lines = differences(&expected, &found.leaves);
            wrong.extend(lines.into_iter().map(|line| format!("{}: {line}", item.key)));
            for (path, value) in &item.leaves {
                if self.redacted(value) != *value {
                    *outcome.masked.entry(path.clone()).or_default() += 1;
                }
            }
        }
        wrong.extend(arrived.keys().map(|key| format!("{key} was never sent")));
        assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
        outcome
    }
}

fn differences(expected: &Leaves, found: &Leaves) -> Vec<String> {
    let paths: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    let line = |path: &String| match (expected.get(path), found.get(path)) {
        (expected, found) if expected == found => None,
        (None, found) => Some(format!("{path} is {} and should not be there", found?)),
        (Some(expected), None) => Some(format!("{path} is not there and should be {expected}")),
        (Some(expected), Some(found)) => Some(format!("{path} is {found} and should be {expected}")),
    };
    paths.into_iter().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::requests::{self, attribute, span, text};

    fn oracle() -> Oracle<'static> {
        Oracle {
            threshold: "8",
            texts: vec![("ada@example.org".to_owned(), "[REDACTED:email]")],
            resource: &[("cloud.region", "eu-1"), ("service.name", "not this one")],
        }
    }

    fn item(trace: u8, status: i32) -> Item {
        let mut one = span("a");
        one.trace_id[9] = trace;
        one.status.as_mut().unwrap().code = status;
        one.attributes.push(attribute("note", text("mail to ada@example.org")));
        let body = requests::traces(vec![one]).encode_to_vec().into();
        let at = std::time::Instant::now();
        let (signal, encoding, headers) = (Signal::Traces, String::new(), http::HeaderMap::new());
        items::of(signal, &[Received { at, signal, body, encoding, headers, accepted: true }]).remove(0)
    }

    fn as_expected(item: &Item) -> Item {
        Item { leaves: oracle().expected(item), ..item.clone() }
    }

    #[test]
    fn what_is_as_it_has_to_be_is_counted() {
        let (sampled, other, failed) = (item(0x80, 0), item(0x7f, 0), item(0x00, 2));
        let arrived = [as_expected(&sampled), as_expected(&failed)];
        let leaves = &arrived[0].leaves;
        assert_eq!(
            (&leaves["attributes[note]"], &leaves["trace_state"]),
            (&json!("mail to [REDACTED:email]"), &json!("ot=th:8"))
        );
        assert_eq!(leaves["resource.attributes[service.name]"], "checkout");
        assert_eq!(arrived[1].leaves["trace_state"], "ot=th:0");
        let outcome = oracle().compare_items(&[sampled, other, failed], &arrived);
        assert_eq!((outcome.sent, outcome.kept), (3, 2));
        assert_eq!(outcome.masked_paths(), ["attributes[note]"].into());
    }

    #[test]
    #[should_panic(expected = "is missing")]
    fn what_is_missing_is_found() {
        oracle().compare_items(&[item(0xff, 0)], &[]);
    }

    #[test]
    #[should_panic(expected = "was to be dropped")]
    fn what_should_have_been_dropped_is_found() {
        let item = item(0x00, 0);
        oracle().compare_items(std::slice::from_ref(&item), &[as_expected(&item)]);
    }

    #[test]
    #[should_panic(expected = "attributes[note] is \"mail to ada@example.org\"")]
    fn what_was_not_masked_is_found() {
        let item = item(0xff, 0);
        let mut arrived = as_expected(&item);
        arrived.leaves.insert("attributes[note]".to_owned(), item.at("attributes[note]").clone());
        oracle().compare_items(&[item], &[arrived]);
    }

    #[test]
    #[should_panic(expected = "attributes[more] is 1 and should not be there")]
    fn what_was_added_by_nobody_is_found() {
        let item = item(0xff, 0);
        let mut arrived = as_expected(&item);
        arrived.leaves.insert("attributes[more]".to_owned(), json!(1));
        oracle().compare_items(&[item], &[arrived]);
    }
}
