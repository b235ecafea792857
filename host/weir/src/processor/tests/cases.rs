//! Configurations for the properties, and requests that no generator makes.

use super::*;

/// `attributes` and `resource`.
pub const ACTIONS: [&str; 12] = [
    "{attributes: {actions: [{key: a, action: insert, value: 7}, {key: b, action: update, value: [1, {x: y}]}]}}",
    "{attributes: {actions: [{key: new, action: upsert, from_attribute: card}, {key: card, action: delete}]}}",
    "{attributes: {actions: [{key: a, action: upsert, from_attribute: none, default_value: {z: 1.5}}]}}",
    "{attributes: {actions: [{key: a, action: hash, pattern: ^user}, {key: user.id, action: HASH}]}}",
    "{attributes: {actions: [{pattern: '^(a|user\\..*)$', action: delete}, {key: a, action: insert, value: again}]}}",
    "{attributes: {actions: [{key: card, action: extract, pattern: '(?P<kind>\\w+) (?P<number>\\d+)(?P<b>x)?'}]}}",
    "{attributes: {actions: [{key: a, action: convert, converted_type: int}, \
     {key: b, action: convert, converted_type: double}, {key: card, action: convert, converted_type: string}]}}",
    "{attributes: {actions: [{key: a, action: delete}, {key: a, action: upsert, from_attribute: b}, \
     {key: b, action: upsert, from_attribute: a}, {key: a, action: hash}]}}",
    "{resource: {attributes: [{key: user.id, action: upsert, value: x}, {key: a, action: delete}]}}",
    "{resource: {attributes: [{pattern: ., action: hash}]}}",
    "{attributes/1: {actions: [{key: a, action: upsert, value: {a: [card 4]}}]}, \
     attributes/2: {actions: [{key: b, action: upsert, from_attribute: a}]}, \
     attributes/3: {actions: [{key: a, action: convert, converted_type: string}]}}",
    "{attributes: {actions: [{key: 'star*', action: insert, value: 1}, {key: a, action: upsert, from_attribute: 'star*'}]}}",
];

/// `redaction`.
pub const REDACTIONS: [&str; 10] = [
    "{redaction: {}}",
    "{redaction: {allowed_keys: [a, card], summary: debug}}",
    "{redaction: {allow_all_keys: true, blocked_values: ['\\d+'], summary: debug}}",
    "{redaction: {allow_all_keys: true, blocked_values: ['4\\d*', end], allowed_values: ['^1'], summary: debug}}",
    "{redaction: {allow_all_keys: true, blocked_key_patterns: [^user], ignored_keys: [a], summary: info}}",
    "{redaction: {allowed_keys: [b], ignored_key_patterns: ['\\.id$'], hash_function: sha1, blocked_values: [.], \
     redact_all_types: true, summary: debug}}",
    "{redaction: {allow_all_keys: true, redact_all_types: true, blocked_values: ['[0-9]', 'x*'], summary: debug}}",
    "{redaction: {allow_all_keys: true, blocked_key_patterns: [card], allowed_values: [.], summary: debug}}",
    "{redaction/1: {allow_all_keys: true, blocked_values: ['4'], summary: debug}, \
     redaction/2: {allow_all_keys: true, blocked_values: ['\\*+'], summary: debug}}",
    "{redaction: {allow_all_keys: true, blocked_values: ['.*'], summary: silent}}",
];

fn logs(records: Vec<LogRecord>) -> Vec<u8> {
    let scope_logs = vec![ScopeLogs { log_records: records, ..ScopeLogs::default() }];
    let resource = Some(Resource { attributes: vec![attribute("a", text("r"))], ..Resource::default() });
    let resource_logs = vec![ResourceLogs { resource, scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }.encode_to_vec()
}

fn sent(processors: &str, payload: &[u8]) -> ExportLogsServiceRequest {
    let out = through(&stages(Signal::Logs, processors), payload).unwrap();
    ExportLogsServiceRequest::decode(out.as_ref()).unwrap()
}

#[test]
fn a_resource_is_acted_on_once_however_many_parts_a_request_has() {
    let record = LogRecord { attributes: vec![attribute("a", text("x"))], ..LogRecord::default() };
    let source = logs(vec![record; 10_000]);
    let hash = "{attributes: {actions: [{key: a, action: hash}]}, resource: {attributes: [{key: a, action: hash}]}, \
                redaction: {allow_all_keys: true, blocked_values: [r], summary: info}}";
    let out = sent(hash, &source);
    let resource = &out.resource_logs[0].resource.as_ref().unwrap().attributes;
    // In the order of their names, redaction comes second.
    let expected =
        [("a", text(&hash::sha256(b"****"))), ("redaction.masked.count", of(any_value::Value::IntValue(1)))];
    assert_eq!(*resource, expected.map(|(key, value)| attribute(key, value)));
    let records = &out.resource_logs[0].scope_logs[0].log_records;
    assert_eq!(records.len(), 10_000);
    assert!(records.iter().all(|record| record.attributes[0].value == Some(text(&hash::sha256(b"x")))));
}

#[test]
fn an_entity_without_attributes_gets_some() {
    let source = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            scope_logs: vec![ScopeLogs { log_records: vec![LogRecord::default()], ..ScopeLogs::default() }],
            ..ResourceLogs::default()
        }],
    };
    let upsert = "{attributes: {actions: [{key: b, action: upsert, value: {c: [1]}}]}, \
                  resource: {attributes: [{key: a, action: insert, value: 1.5}]}}";
    let out = sent(upsert, &source.encode_to_vec());
    let resource = out.resource_logs[0].resource.as_ref().unwrap();
    assert_eq!(resource.attributes, [attribute("a", of(any_value::Value::DoubleValue(1.5)))]);
    let attributes = &out.resource_logs[0].scope_logs[0].log_records[0].attributes;
    assert!(matches!(&attributes[0].value.as_ref().unwrap().value, Some(any_value::Value::KvlistValue(_))));
}

#[test]
fn keys_that_come_twice_are_all_redacted_and_all_removed() {
    let attributes = ["secret 1", "secret 2"].map(|value| attribute("a", text(value))).to_vec();
    let source = logs(vec![LogRecord { attributes, ..LogRecord::default() }]);
    for processors in [
        "{redaction: {allow_all_keys: true, blocked_values: ['secret \\d']}}",
        "{redaction: {}}",
        "{attributes: {actions: [{key: a, action: delete}]}}",
        "{attributes: {actions: [{pattern: a, action: hash}]}}",
        "{attributes: {actions: [{key: a, action: upsert, value: x}]}}",
    ] {
        let out = through(&stages(Signal::Logs, processors), &source).unwrap();
        assert!(!out.windows(6).any(|window| window == b"secret"), "{processors}");
    }
}

#[test]
fn what_masking_makes_larger_than_anybody_would_take_is_refused_as_a_whole() {
    let record = LogRecord { body: Some(text(&"1".repeat(2 << 20))), ..LogRecord::default() };
    let source = logs(vec![record]);
    let processors = "{redaction: {allow_all_keys: true, blocked_values: ['.'], hash_function: sha3}}";
    let refusal = through(&stages(Signal::Logs, processors), &source).unwrap_err();
    assert_eq!((refusal.cause, refusal.retryable), (weir_pipeline::Cause::TooLarge, false));
}

#[test]
fn the_paths_of_a_deep_tree_are_bounded() {
    let key = "k".repeat(10_000);
    let leaves = vec![text("secret"); 2_000];
    let mut tree = of(any_value::Value::ArrayValue(ArrayValue { values: leaves }));
    for _ in 0..60 {
        let values = vec![attribute(&key, tree)];
        tree = of(any_value::Value::KvlistValue(KeyValueList { values }));
    }
    let source = logs(vec![LogRecord { body: Some(tree), ..LogRecord::default() }]);
    let redaction = |summary: &str| {
        format!("{{redaction: {{allow_all_keys: true, blocked_values: [secret], summary: {summary}}}}}")
    };
    let outcome = |summary: &str| through(&stages(Signal::Logs, &redaction(summary)), &source);
    assert_eq!(outcome("debug").unwrap_err().cause, weir_pipeline::Cause::TooLarge);
    assert!(outcome("info").is_ok());
}

#[test]
fn malformed_bytes_are_refused() {
    let refusal = through(&stages(Signal::Logs, "{redaction: {}}"), b"\x0a\xff").unwrap_err();
    assert_eq!((refusal.cause, refusal.retryable), (weir_pipeline::Cause::Malformed, false));
}
