//! What holds for every text: redaction is idempotent, deterministic, keeps UTF-8 and JSON, and lets no planted
//! secret through.
#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

mod support;

use proptest::prelude::*;
use serde_json::Value;
use support::{Texts, runs, secrets};

const CONFIGS: [&str; 4] = [
    "null",
    r#"{"rules": {"email": {"action": "partial"}, "credit_card": {"action": "partial"}, "ssn": {"action": "partial"},
        "iban": {"action": "partial"}, "jwt": {"action": "partial"}, "api_key": {"action": "partial"},
        "bearer": {"action": "partial"}, "basic": {"action": "partial"}, "url_userinfo": {"action": "partial"},
        "url_query": {"action": "partial"}, "assignment": {"action": "partial"}, "ip": {"action": "partial"}},
        "keys": {"rules": [{"match": ["k*"], "action": "partial"}]}}"#,
    r#"{"token": {"key": "0123456789abcdef0123456789abcdef", "length": 32},
        "rules": {"email": {"action": "token"}, "credit_card": {"action": "token"}, "ssn": {"action": "token"},
        "iban": {"action": "token"}, "jwt": {"action": "token"}, "api_key": {"action": "token"},
        "bearer": {"action": "token"}, "basic": {"action": "token"}, "url_userinfo": {"action": "token"},
        "url_query": {"action": "token"}, "assignment": {"action": "token"}, "ip": {"action": "token"}},
        "keys": {"rules": [{"match": ["k*"], "action": "token"}]}}"#,
    r#"{"mask": "****", "rules": {"ip": {}}}"#,
];

fn secret() -> impl Strategy<Value = String> {
    prop::sample::select(secrets()).prop_map(|(_, secret)| secret)
}

fn noise() -> impl Strategy<Value = String> {
    let words = [
        "@",
        ".",
        ":",
        "//",
        "-",
        " ",
        "=",
        "%40",
        "\\n",
        "\\u0040",
        "\"",
        "'",
        "{",
        "}",
        "[",
        "]",
        ",",
        "\u{e9}",
        "a",
        "9",
        "https://u:p@h/",
        "password=",
        "Bearer ",
        "Basic dTpw",
        "****",
        "<email:k1:",
        ">",
        "sig=",
        "10.0.0.1",
        "\\",
        "/",
        "[REDACTED:email]",
        "REDACTED",
        "//REDACTED:REDACTED@x.io",
    ];
    let word = prop::sample::select(words.to_vec()).prop_map(str::to_owned);
    let piece = prop_oneof![6 => word, 2 => secret(), 1 => "[ -~]{0,6}", 1 => ".{0,3}"];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        Just(Value::from(4111111111111111u64)),
        noise().prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        let names =
            prop::sample::select(vec!["a", "b.c", "password", "x-api-key", "k1", "input_tokens", "card"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec((names, inner.clone()), 0..5).prop_map(|members| members
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()),
            inner.prop_map(|value| Value::String(value.to_string())),
        ]
    })
}

/// Whether two documents have one shape: the same names, the same number of elements, and leaves that differ only
/// where one became a string.
fn same_shape(before: &Value, after: &Value) -> bool {
    match (before, after) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_shape(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(name, value)| b.get(name).is_some_and(|other| same_shape(value, other)))
        }
        (Value::String(_) | Value::Number(_), Value::String(_)) => true,
        (a, b) => a == b,
    }
}

proptest! {
    #![proptest_config(runs(1500))]

    #[test]
    fn redaction_is_idempotent_and_deterministic(text in noise(), config in 0usize..4) {
        let mut texts = Texts::new(CONFIGS[config]);
        let once = texts.redact(&text);
        prop_assert_eq!(&Texts::new(CONFIGS[config]).redact(&text), &once);
        prop_assert_eq!(&texts.redact(&once), &once, "{:?}", text);
    }

    #[test]
    fn json_stays_json_of_the_same_shape(document in json(), pretty: bool, config in 0usize..4) {
        let mut texts = Texts::new(CONFIGS[config]);
        let document = Value::Array(vec![document]);
        let text = if pretty { serde_json::to_string_pretty(&document).unwrap() } else { document.to_string() };
        let once = texts.redact(&text);
        let after: Value = serde_json::from_str(&once).map_err(|_| TestCaseError::fail(format!("{text} -> {once}")))?;
        prop_assert!(same_shape(&document, &after), "{} -> {}", text, once);
        prop_assert_eq!(&texts.redact(&once), &once, "{}", text);
    }

    #[test]
    fn a_planted_secret_never_survives(
        secret in secret(), before in "([^0-9A-Za-z@._%+\\-/\\\\]|caf\u{e9} )*", after in "([^0-9A-Za-z@._\\-/=+]|\u{e9})?.{0,9}",
        nesting in 0u8..3, config in 0usize..4,
    ) {
        let mut texts = Texts::new(CONFIGS[config]);
        let gap = if after.is_empty() { "" } else { "; " };
        let mut text = format!("{before} {secret}{gap}{after}");
        for _ in 0..nesting {
            text = serde_json::json!({ "m": [text] }).to_string();
        }
        let once = texts.redact(&text);
        prop_assert!(!once.contains(&secret), "{} -> {}", text, once);
        if nesting > 0 {
            prop_assert!(serde_json::from_str::<Value>(&once).is_ok(), "{} -> {}", text, once);
        }
    }

    #[test]
    fn bytes_of_any_sort_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut texts = Texts::default();
        let once = texts.redact_bytes(&bytes);
        prop_assert_eq!(&texts.redact_bytes(&once), &once);
    }
}
