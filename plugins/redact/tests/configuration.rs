//! Errors of the configuration: each says which key is wrong and what is allowed.
#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

mod support;

use support::Texts;

#[test]
fn every_wrong_configuration_is_told_with_its_key() {
    let cases = [
        (r#"{"rule": {}}"#, "`rules`"),
        (r#"{"rules": {"emial": {}}}"#, "`email`"),
        (r#"{"rules": {"email": {"actoin": "mask"}}}"#, "`action`"),
        (r#"{"rules": {"email": {"action": "hash"}}}"#, "known: mask, partial, token, keep"),
        (r#"{"rules": {"email": {"action": "token"}}}"#, "`rules.email.action`: tokens need a key"),
        (r#"{"keys": {"rules": [{"match": ["a"], "action": "token"}]}}"#, "`keys.rules[0].action`"),
        (r#"{"keys": {"rules": [{"match": ["{a"], "action": "mask"}]}}"#, "`keys.rules[0].match`"),
        (r#"{"keys": {"keep_last": 99}}"#, "`keys.keep_last`"),
        (r#"{"rules": {"jwt": {"keep_last": 99}}}"#, "`rules.jwt.keep_last`"),
        (r#"{"metrics": {"datapoints": "token"}}"#, "`metrics.datapoints`"),
        (r#"{"token": {}}"#, "either `key_file` or `key`"),
        (r#"{"token": {"key": "short"}}"#, "5 bytes; give at least 32"),
        (r#"{"token": {"key_file": "/nowhere/key"}}"#, "/nowhere/key cannot be read"),
        (r#"{"token": {"key": "0123456789abcdef0123456789abcdef", "key_id": "a:b"}}"#, "`token.key_id`"),
        (r#"{"token": {"key": "0123456789abcdef0123456789abcdef", "length": 4}}"#, "`token.length`"),
        (r#"{"mask": "\""}"#, "`mask`"),
        (r#"{"mask": "gone"}"#, "`mask`"),
        (r#"{"mask": "[123-45-6789]"}"#, "`mask`: a rule would find"),
        (
            r#"{"custom": [{"name": "email", "prefix": "abc", "charset": "hex", "length": 2}]}"#,
            "`custom[0].name`",
        ),
        (
            r#"{"custom": [{"name": "x", "prefix": "ab", "charset": "hex", "length": 2}]}"#,
            "`custom[0].prefix`",
        ),
        (r#"{"custom": [{"name": "x", "prefix": "abc", "charset": "hex"}]}"#, "`min_length` or `length`"),
        (r#"{"custom": [{"name": "x", "prefix": "abc", "charset": "hexx", "length": 2}]}"#, "`hex`"),
        (r#"{"urls": {"sensitive_query_parameters": ["a b"]}}"#, "`a b`"),
        (r#"{"fields": {"include": ["trace_state"]}}"#, "unknown value `trace_state`"),
        (r#"{"allow": ["{"]}"#, "`allow`"),
    ];
    for (config, expected) in cases {
        let error = Texts::error(config);
        assert!(error.contains(expected), "{config}: {error}");
    }
}

#[test]
fn errors_never_show_the_key_of_the_tokens() {
    let error = Texts::error(r#"{"token": {"key": "hunter2hunter2", "key_id": "k"}}"#);
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn the_conventions_list_of_parameters_can_be_replaced() {
    let mut texts = Texts::new(r#"{"urls": {"sensitive_query_parameters": ["session"]}}"#);
    assert_eq!(texts.redact("/x?session=abc&sig=def"), "/x?session=REDACTED&sig=def");
}

#[test]
fn a_key_file_is_read_without_its_line_end() {
    let folder = std::env::temp_dir().join(format!("weir-redact-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("key");
    std::fs::write(&path, "0123456789abcdef0123456789abcdef\n").unwrap();
    let rules = r#""rules": {"email": {"action": "token"}}"#;
    let mut from_file =
        Texts::new(&format!(r#"{{"token": {{"key_file": {:?}}}, {rules}}}"#, path.to_str().unwrap()));
    let mut given =
        Texts::new(&format!(r#"{{"token": {{"key": "0123456789abcdef0123456789abcdef"}}, {rules}}}"#));
    assert_eq!(from_file.redact("bob@example.com"), given.redact("BOB@example.com"));
    std::fs::remove_dir_all(folder).unwrap();
}
