//! The plugin over whole batches: every place of OTLP that holds text, key rules, kinds, and the configuration.
#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use redact::Redact;
use serde_json::{Value, json};
use weir_sdk::testing::{Document, Harness, take_counters};

const MAIL: &str = "bob@example.com";
const MASKED: &str = "[REDACTED:email]";

fn harness(config: Value) -> Harness<Redact> {
    Harness::new(config).unwrap()
}

/// Runs the plugin over the document and compares.
fn check(config: Value, before: Value, after: Value) {
    let mut document = Document::from_json(&before);
    let mut harness = harness(config);
    harness.run(&mut document).unwrap();
    assert_eq!(document, Document::from_json(&after));
    let edits = harness.run(&mut document).unwrap();
    assert_eq!(edits, 0, "redacting again changes nothing");
}

/// The same document with every address masked but those behind `keep:`.
fn masked(document: &Value) -> Value {
    let text = document
        .to_string()
        .replace(MAIL, MASKED)
        .replace(&format!("keep:{MASKED}"), &format!("keep:{MAIL}"));
    serde_json::from_str(&text).unwrap()
}

fn kept() -> String {
    format!("keep:{MAIL}")
}

#[test]
fn every_text_of_a_trace_is_redacted_and_names_of_scopes_stay() {
    let before = json!({"signal": "traces", "holds": [{"resource": {
        "attributes": {"r": MAIL},
        "holds": [{"scope": {
            "name": kept(), "version": kept(), "attributes": {"s": MAIL},
            "holds": [{"item": {
                "name": format!("GET /{MAIL}"), "status_message": MAIL, "trace_state": "a=b",
                "attributes": {"s": MAIL, "list": ["x", MAIL, 1, [MAIL]], "map": {"k": {"l": MAIL}, "n": 1}, "i": 7, "b": true},
                "holds": [
                    {"event": {"name": MAIL, "attributes": {"exception.message": format!("no {MAIL}!")}}},
                    {"link": {"attributes": {"l": MAIL}}}
                ]
            }}]
        }}]
    }}]});
    check(json!(null), before.clone(), masked(&before));
}

#[test]
fn every_text_of_a_log_is_redacted() {
    let before = json!({"signal": "logs", "holds": [{"resource": {"attributes": {"r": MAIL}, "holds": [{"scope": {"holds": [
        {"item": {"body": format!("mail {MAIL}"), "event_name": MAIL, "severity_text": kept(), "attributes": {"a": [MAIL]}}},
        {"item": {"body": {"to": [MAIL, {"cc": MAIL}], "n": 1, "f": 1.5}}},
        {"item": {"body": [[MAIL], "x"]}},
        {"item": {"body": 5}},
    ]}}]}}]});
    check(json!(null), before.clone(), masked(&before));
}

#[test]
fn every_text_of_a_metric_is_redacted_but_its_name() {
    let before = json!({"signal": "metrics", "holds": [{"resource": {"holds": [{"scope": {"holds": [{"metric": {
        "name": kept(), "unit": kept(), "description": MAIL, "data_type": 1, "attributes": {"meta": MAIL},
        "holds": [{"item": {"attributes": {"p": MAIL}, "holds": [{"exemplar": {"attributes": {"e": MAIL}}}]}}]
    }}]}}]}}]});
    check(json!(null), before.clone(), masked(&before));
}

#[test]
fn bytes_are_redacted_if_they_are_text_and_stay_bytes() {
    let hex = |text: &str| json!({"$bytes": text.bytes().map(|b| format!("{b:02x}")).collect::<String>()});
    let odd =
        json!({"$bytes": "ff".to_owned() + &MAIL.bytes().map(|b| format!("{b:02x}")).collect::<String>()});
    let document = |body: Value| {
        json!({"signal": "logs", "holds": [{"resource": {"holds": [{"scope": {"holds": [
            {"item": {"body": body, "attributes": {"raw": odd}}}
        ]}}]}}]})
    };
    check(json!(null), document(hex(MAIL)), document(hex(MASKED)));
}

fn logs(attributes: Value) -> Value {
    json!({"signal": "logs", "holds": [{"resource": {"holds": [{"scope": {"holds": [
        {"item": {"attributes": attributes}}
    ]}}]}}]})
}

#[test]
fn sensitive_keys_are_masked_at_every_depth_and_lists_stay_lists() {
    let key = "[REDACTED:key]";
    check(
        json!(null),
        logs(json!({
            "http.request.header.authorization": ["Digest x", "y"], "cookie": "a=b", "password": 1234, "password_set": true,
            "map": {"client_secret": "s", "x": "y", "api_key": {"id": "a", "of": ["b"]}}, "empty.token": "",
            "gen_ai.usage.input_tokens": 12, "k8s.secret.name": "s"
        })),
        logs(json!({
            "http.request.header.authorization": [key, key], "cookie": key, "password": key, "password_set": true,
            "map": {"client_secret": key, "x": "y", "api_key": {"id": key, "of": [key]}}, "empty.token": "",
            "gen_ai.usage.input_tokens": 12, "k8s.secret.name": "s"
        })),
    );
}

#[test]
fn integers_are_read_where_the_key_says_that_they_may_be_cards() {
    let card = 4111111111111111u64;
    check(
        json!(null),
        logs(json!({"card.number": card, "card_count": 3, "order": card})),
        logs(json!({"card.number": "[REDACTED:credit_card]", "card_count": 3, "order": card})),
    );
    check(
        json!({"scan_numbers": true}),
        logs(json!({"order": card, "db.password_hash": 99})),
        logs(json!({"order": "[REDACTED:credit_card]", "db.password_hash": "[REDACTED:key]"})),
    );
}

#[test]
fn key_rules_do_what_they_say_and_come_before_the_built_in_ones() {
    let config = json!({
        "token": {"key": "0123456789abcdef0123456789abcdef"},
        "keys": {"rules": [
            {"match": ["debug.*"], "action": "drop"},
            {"match": ["support.{mail,phone}"], "action": "keep"},
            {"match": ["user.id"], "action": "token"},
            {"match": ["iban.tail"], "action": "partial"},
            {"match": ["password.hint"], "action": "scan"},
        ]}
    });
    let before = logs(json!({
        "debug.x": "a", "debug.y": ["b"], "support.mail": MAIL, "support.phone": {"alt": MAIL}, "iban.tail": "0123456789abcdef",
        "password.hint": format!("ask {MAIL}"), "nested": {"debug.z": "c", "d": "e"}
    }));
    let after = logs(json!({
        "support.mail": MAIL, "support.phone": {"alt": MAIL}, "iban.tail": "****cdef",
        "password.hint": format!("ask {MASKED}"), "nested": {"d": "e"}
    }));
    check(config.clone(), before, after);

    let mut first = Document::from_json(&logs(json!({"user.id": "u1", "other": {"user.id": 7}})));
    let mut harness = harness(config);
    harness.run(&mut first).unwrap();
    let text = first.to_json().to_string();
    assert_eq!(text.matches("<key:k1:").count(), 1, "integers inside wildcard attributes are not read");
    assert!(!text.contains("\"u1\""));
    let mut again = first.clone();
    harness.run(&mut again).unwrap();
    assert_eq!(again, first);
}

#[test]
fn data_points_get_tokens_if_there_is_a_key_so_that_series_stay_apart() {
    let points = |a: &str, b: &str| {
        json!({"signal": "metrics", "holds": [{"resource": {"attributes": {"r": MAIL}, "holds": [{"scope": {"holds": [{"metric": {
        "name": "m", "data_type": 1, "holds": [
            {"item": {"attributes": {"user": a, "password": "p1"}}},
            {"item": {"attributes": {"user": b, "password": "p2"}}}
        ]}}]}}]}}]})
    };
    let run = |config: Value| {
        let mut document = Document::from_json(&points("a@example.com", "b@example.com"));
        harness(config).run(&mut document).unwrap();
        document.to_json()
    };
    let attribute = |document: &Value, point: usize, key: &str| {
        let metric = &document["holds"][0]["resource"]["holds"][0]["scope"]["holds"][0]["metric"];
        metric["holds"][point]["item"]["attributes"][key].as_str().unwrap().to_owned()
    };
    let key = json!({"token": {"key": "0123456789abcdef0123456789abcdef"}});
    let tokens = run(key.clone());
    for name in ["user", "password"] {
        assert_ne!(attribute(&tokens, 0, name), attribute(&tokens, 1, name));
        assert!(attribute(&tokens, 0, name).starts_with('<'));
    }
    assert_eq!(tokens["holds"][0]["resource"]["attributes"]["r"], MASKED);
    let masks = run(json!(null));
    assert_eq!(attribute(&masks, 0, "user"), MASKED);
    let mut forced = key;
    forced["metrics"] = json!({"datapoints": "mask"});
    assert_eq!(attribute(&run(forced), 0, "user"), MASKED);
}

#[test]
fn what_is_allowed_stays_and_its_neighbours_do_not() {
    check(
        json!({"allow": ["*@mycompany.com"], "rules": {"credit_card": {"allow": ["4111*"]}}}),
        logs(
            json!({"a": format!("x@mycompany.com {MAIL} x@mycompany.com.evil.org 4111111111111111 5555555555554444")}),
        ),
        logs(
            json!({"a": format!("x@mycompany.com {MASKED} {MASKED} 4111111111111111 [REDACTED:credit_card]")}),
        ),
    );
}

#[test]
fn rules_can_be_turned_off_and_custom_ones_added() {
    check(
        json!({
            "rules": {"email": {"action": "keep"}, "ip": {}},
            "custom": [{"name": "employee", "prefix": "EMP-", "charset": "digits", "length": 6, "action": "mask"}],
            "mask": "<{rule}>"
        }),
        logs(json!({"a": format!("{MAIL} 10.0.0.1 EMP-123456 EMP-1234567 xEMP-123456")})),
        logs(json!({"a": format!("{MAIL} <ip> <employee> EMP-1234567 xEMP-123456")})),
    );
}

#[test]
fn fields_can_be_left_out_and_added() {
    let span = |name: &str, scope: &str| json!({"signal": "traces", "holds": [{"resource": {"holds": [{"scope": {"name": scope, "holds": [{"item": {"name": name}}]}}]}}]});
    check(
        json!({"fields": {"include": ["scope_name"], "exclude": ["span_name"]}}),
        span(MAIL, MAIL),
        span(MAIL, MASKED),
    );
}

#[test]
fn shadow_mode_counts_and_changes_nothing() {
    take_counters();
    let before = logs(json!({"a": MAIL, "password": "x", "b": [MAIL]}));
    check(
        json!({"mode": "shadow", "keys": {"rules": [{"match": ["gone"], "action": "drop"}]}}),
        before.clone(),
        before,
    );
    let counters = take_counters();
    let count = |label: &str| counters.get(&("matched".to_owned(), label.to_owned())).copied();
    assert_eq!((count("email"), count("key"), count("ssn")), (Some(4), Some(2), None), "two runs");
}

#[test]
fn a_clean_batch_needs_no_edit_and_no_counter() {
    take_counters();
    let mut document = Document::from_json(&logs(
        json!({"http.route": "/a/{id}", "n": 1, "j": "{\"a\":[1,2]}", "l": ["x"]}),
    ));
    assert_eq!(harness(json!(null)).run(&mut document).unwrap(), 0);
    assert!(take_counters().is_empty());
}

#[test]
fn one_instance_serves_batches_of_different_names() {
    let mut harness = harness(json!(null));
    for (key, expected) in
        [("password", "[REDACTED:key]"), ("route", "x"), ("token", "[REDACTED:key]"), ("zzz", "x")]
    {
        let mut document = Document::from_json(&logs(json!({ key: "x" })));
        harness.run(&mut document).unwrap();
        assert_eq!(document, Document::from_json(&logs(json!({ key: expected }))));
    }
}
