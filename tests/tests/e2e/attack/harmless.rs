//! Guests that look dangerous and are not: what they do is done as the contract says, and OTLP stays valid.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use serde_json::json;
use weir_tests::requests;

use super::{ATTACK, Host, saying};

/// Each guest with what becomes of the two items of a request: their attributes `test.*`, in order.
const OUTCOMES: [(&str, &[&str]); 11] = [
    // The later edit of a field counts, and no key comes twice.
    ("process/two_sets_of_one_key", &["id=first trigger=now other=two", "id=second"]),
    ("process/same_key_defined_twice", &["id=first trigger=now other=two", "id=second"]),
    ("process/rename_onto_an_existing_key", &["id=first other=now", "id=second"]),
    ("process/set_and_unset", &["id=first trigger=now", "id=second"]),
    // What is dropped stays dropped.
    ("process/drop_and_set", &["id=second"]),
    ("process/drop_twice", &["id=second"]),
    // Not a number is a double like others, and keeps its bits.
    ("process/not_a_number", &["id=first trigger=now other=0x7ff4000000000001", "id=second"]),
    ("process/bytes_without_edits", &["id=first trigger=now other=was", "id=second"]),
    // The world outside is linked, and empty; the network denies access (1).
    ("process/reads_the_environment", &["id=first trigger=now other=0", "id=second"]),
    ("process/looks_for_directories", &["id=first trigger=now other=0", "id=second"]),
    ("process/connects_to_the_network", &["id=first trigger=now other=1", "id=second"]),
];

/// The guests of this file.
pub(super) fn guests() -> Vec<&'static str> {
    OUTCOMES.iter().map(|(guest, _)| *guest).collect()
}

fn shown(record: &LogRecord) -> String {
    let ours = record.attributes.iter().filter_map(|one| Some((one.key.strip_prefix("test.")?, one)));
    let texts: Vec<String> = ours
        .map(|(key, one)| match one.value.as_ref().and_then(|value| value.value.as_ref()) {
            Some(Value::StringValue(text)) => format!("{key}={text}"),
            Some(Value::IntValue(number)) => format!("{key}={number}"),
            Some(Value::DoubleValue(number)) => format!("{key}={:#x}", number.to_bits()),
            other => format!("{key}: {other:?}"),
        })
        .collect();
    texts.join(" ")
}

#[tokio::test]
async fn what_looks_dangerous_and_is_allowed_has_the_outcome_of_the_contract() {
    for (guest, outcome) in OUTCOMES {
        let host = Host::start(guest, json!({})).await;
        host.send(saying(ATTACK)).await.expect(guest);
        let delivered = host.upstream.delivered();
        let records: Vec<String> = requests::log_records(&delivered[0].body).iter().map(shown).collect();
        assert_eq!(records, outcome, "{guest}");
        assert_eq!(host.all_failures().await, 0.0, "{guest}");
        host.is_well(guest).await;
    }
}

#[tokio::test]
async fn a_request_that_is_not_changed_goes_on_byte_by_byte() {
    let host = Host::start("process/bytes_without_edits", json!({})).await;
    host.delivers_unchanged("bytes without edits", saying(ATTACK)).await;
}
