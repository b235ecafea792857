//! JSON inside strings: only the masked leaves change, and it stays JSON.
#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

mod support;

use support::{Texts, jwt, pem};

fn check(texts: &mut Texts, text: &str, expected: &str) {
    let cleaned = texts.redact(text);
    assert_eq!(cleaned, expected);
    assert_eq!(texts.redact(&cleaned), cleaned, "idempotent");
    if serde_json::from_str::<serde_json::Value>(text).is_ok() {
        serde_json::from_str::<serde_json::Value>(&cleaned).unwrap();
    }
}

#[test]
fn leaves_are_masked_in_place_and_all_else_stays_as_it_was() {
    let mut texts = Texts::default();
    check(
        &mut texts,
        "{ \"a\" : \"mail bob@example.com\",\n\t\"b\":[1.50, true,\"caf\\u00e9 \\/\"] }",
        "{ \"a\" : \"mail [REDACTED:email]\",\n\t\"b\":[1.50, true,\"caf\\u00e9 \\/\"] }",
    );
    check(&mut texts, r#"["x\nbob@example.com\ty"]"#, r#"["x\n[REDACTED:email]\ty"]"#);
    check(&mut texts, r#""bob@example.com""#, r#""[REDACTED:email]""#);
}

#[test]
fn members_with_sensitive_names_are_masked_whatever_they_hold() {
    let mut texts = Texts::default();
    check(
        &mut texts,
        r#"{"password":"hunter2","pin":1234,"ok":true,"auth":{"client_secret":["a","b",{"c":"d"}],"x":"y"},"token":null}"#,
        r#"{"password":"[REDACTED:key]","pin":"[REDACTED:key]","ok":true,"auth":{"client_secret":["[REDACTED:key]","[REDACTED:key]",{"c":"[REDACTED:key]"}],"x":"y"},"token":null}"#,
    );
    check(&mut texts, r#"{"pass\u0077ord":"hunter2"}"#, r#"{"pass\u0077ord":"[REDACTED:key]"}"#);
    check(&mut texts, r#"{"password":{"a":"b"},"c":"d"}"#, r#"{"password":{"a":"[REDACTED:key]"},"c":"d"}"#);
    check(&mut texts, r#"{"usage":{"input_tokens":12}}"#, r#"{"usage":{"input_tokens":12}}"#);
}

#[test]
fn numbers_that_are_cards_become_strings() {
    let mut texts = Texts::default();
    check(&mut texts, r#"{"n":4111111111111111,"m":[1]}"#, r#"{"n":"[REDACTED:credit_card]","m":[1]}"#);
    check(&mut texts, r#"{"n":0.4111111111111111}"#, r#"{"n":0.4111111111111111}"#);
}

#[test]
fn escapes_hide_nothing() {
    let mut texts = Texts::default();
    check(&mut texts, r#"{"m":"bob\u0040example.com!"}"#, r#"{"m":"[REDACTED:email]!"}"#);
    check(&mut texts, r#"{"m":"\u0062\u006fb@example.com"}"#, r#"{"m":"[REDACTED:email]"}"#);
    check(
        &mut texts,
        r#"{"u":"https:\/\/bob:pw@example.com\/x"}"#,
        r#"{"u":"https:\/\/REDACTED:REDACTED@example.com\/x"}"#,
    );
    let block = pem("\\n");
    check(&mut texts, &format!("{{\"k\":\"{block}\\n\"}}"), "{\"k\":\"[REDACTED:private_key]\\n\"}");
}

#[test]
fn json_in_json_stays_json_in_json() {
    let mut texts = Texts::default();
    let inner = r#"{"to":"bob@example.com","password":"hunter2","card":4111111111111111,"deep":"[\"ann@example.com\"]"}"#;
    let text = serde_json::json!({"body": inner, "n": 1}).to_string();
    let cleaned = texts.redact(&text);
    let outer: serde_json::Value = serde_json::from_str(&cleaned).unwrap();
    let inner: serde_json::Value = serde_json::from_str(outer["body"].as_str().unwrap()).unwrap();
    let deep: serde_json::Value = serde_json::from_str(inner["deep"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&inner["to"], &inner["password"], &inner["card"], &deep[0], &outer["n"]),
        (
            &"[REDACTED:email]".into(),
            &"[REDACTED:key]".into(),
            &"[REDACTED:credit_card]".into(),
            &"[REDACTED:email]".into(),
            &1.into()
        )
    );
}

#[test]
fn pretty_printed_json_in_json_is_followed() {
    let mut texts = Texts::default();
    let inner = serde_json::to_string_pretty(&serde_json::json!({"password": "hunter2"})).unwrap();
    let text = serde_json::json!([format!("\n  {inner}")]).to_string();
    assert!(!texts.redact(&text).contains("hunter2"));
}

#[test]
fn cut_and_broken_documents_are_still_redacted() {
    let mut texts = Texts::default();
    check(
        &mut texts,
        r#"{"a":"bob@example.com","password":"hun"#,
        r#"{"a":"[REDACTED:email]","password":"[REDACTED:key]"#,
    );
    check(&mut texts, "[INFO] mail to bob@example.com", "[INFO] mail to [REDACTED:email]");
    check(
        &mut texts,
        r#"{"a":"ann@example.com"} then bob@example.com"#,
        r#"{"a":"[REDACTED:email]"} then [REDACTED:email]"#,
    );
    check(&mut texts, "{\"a\":1}\n{\"password\":\"x\"}", "{\"a\":1}\n{\"password\":\"[REDACTED:key]\"}");
    check(&mut texts, r#"{bob@example.com "password":"x"}"#, r#"{[REDACTED:email] "password":"x"}"#);
}

#[test]
fn names_are_left_alone_if_they_are_names() {
    let mut texts = Texts::default();
    check(&mut texts, r#"{" bob@example.com"#, r#"{" [REDACTED:email]"#);
    check(
        &mut texts,
        r#"{"bob@example.com":"ann@example.com"}"#,
        r#"{"bob@example.com":"[REDACTED:email]"}"#,
    );
}

#[test]
fn json_can_be_left_unread() {
    let mut texts = Texts::new(r#"{"scan_json": false}"#);
    let token = jwt();
    assert_eq!(
        texts.redact(&format!(r#"{{"password":"x","t":"{token}"}}"#)),
        r#"{"password":"x","t":"[REDACTED:jwt]"}"#
    );
}

#[test]
fn a_genai_conversation_is_masked_in_every_part() {
    let mut texts = Texts::default();
    let messages = serde_json::json!([
        {"role": "system", "parts": [{"type": "text", "content": "help"}]},
        {"role": "user", "parts": [{"type": "text", "content": "I am \"Bob\",\nbob@example.com"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "name": "pay", "arguments": {"card": "4111 1111 1111 1111", "cvv": "123"}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "result": "{\"api_key\":\"k\",\"ok\":true}"}]}
    ]);
    let cleaned: serde_json::Value = serde_json::from_str(&texts.redact(&messages.to_string())).unwrap();
    let mut expected = messages;
    expected[1]["parts"][0]["content"] = "I am \"Bob\",\n[REDACTED:email]".into();
    expected[2]["parts"][0]["arguments"]["card"] = "[REDACTED:credit_card]".into();
    expected[2]["parts"][0]["arguments"]["cvv"] = "[REDACTED:key]".into();
    expected[3]["parts"][0]["result"] = r#"{"api_key":"[REDACTED:key]","ok":true}"#.into();
    assert_eq!(cleaned, expected);
}
