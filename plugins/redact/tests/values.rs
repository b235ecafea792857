//! What is found in single texts, in which surroundings, and what is left alone.
#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

mod support;

use redact::rule::Rule;
use support::{NEAR_MISSES, Texts, body, jwt, pem, secrets};

/// The mask of a rule.
fn mask(rule: Rule) -> String {
    format!("[REDACTED:{}]", rule.builtin_name())
}

#[test]
fn every_secret_is_replaced_exactly() {
    let mut texts = Texts::default();
    for (rule, secret) in secrets() {
        assert_eq!(texts.redact(&secret), mask(rule), "{secret}");
    }
}

#[test]
fn every_secret_is_found_between_neighbours_of_every_sort() {
    let mut texts = Texts::default();
    let around = [
        (" ", " "),
        ("\u{e9}", "\u{e9}"),
        ("\u{1f600}", "\u{1f600}"),
        ("(", ")"),
        ("'", "'"),
        ("=", ","),
        ("\t", "\n"),
        ("%20", " "),
        ("\\n", "\\n"),
    ];
    for (rule, secret) in secrets() {
        for (before, after) in around {
            let text = format!("{before}{secret}{after}");
            assert_eq!(texts.redact(&text), format!("{before}{}{after}", mask(rule)), "{text}");
        }
    }
}

#[test]
fn every_secret_is_found_at_every_offset() {
    let mut texts = Texts::default();
    for (rule, secret) in secrets() {
        for offset in 0..130 {
            let padding = "x ".repeat(offset / 2) + if offset % 2 == 1 { " " } else { "" };
            let text = format!("{padding}{secret} tail");
            assert_eq!(texts.redact(&text), format!("{padding}{} tail", mask(rule)), "{offset} {secret}");
        }
    }
}

#[test]
fn a_card_that_begins_inside_another_is_replaced_to_its_end() {
    // Both the first four and the last four groups are card numbers.
    assert_eq!(Texts::default().redact("6789 4111 1111 1111 1111@"), "[REDACTED:credit_card]@");
}

#[test]
fn two_secrets_in_one_text_are_both_replaced() {
    let mut texts = Texts::default();
    let all = secrets();
    for (first, second) in all.iter().zip(all.iter().skip(1)) {
        let text = format!("{} {{}} {}", first.1, second.1);
        assert_eq!(texts.redact(&text), format!("{} {{}} {}", mask(first.0), mask(second.0)));
    }
}

#[test]
fn near_misses_are_untouched() {
    let mut texts = Texts::default();
    for &text in NEAR_MISSES {
        assert_eq!(texts.redact(text), text);
        let longer = format!("value: {text} end");
        assert_eq!(texts.redact(&longer), longer);
    }
}

#[test]
fn credentials_of_http_schemes_are_replaced_and_the_scheme_stays() {
    let mut texts = Texts::default();
    let cases = [
        ("Authorization: Bearer abc123def456", "Authorization: Bearer [REDACTED:bearer]"),
        ("authorization: bearer AbCdEfGhIjKlMnOpQrStUvWxYz", "authorization: bearer [REDACTED:bearer]"),
        ("BEARER abc123def456", "BEARER [REDACTED:bearer]"),
        ("Basic dXNlcjpwYXNzd29yZA==", "Basic [REDACTED:basic]"),
        ("basic dXNlcjpwYXNzd29yZA==, x", "basic [REDACTED:basic], x"),
    ];
    for (text, expected) in cases {
        assert_eq!(texts.redact(text), expected);
    }
    let token = jwt();
    assert_eq!(texts.redact(&format!("Bearer {token}")), "Bearer [REDACTED:jwt]");
}

#[test]
fn user_info_and_passwords_are_replaced_in_urls_and_data_sources() {
    let mut texts = Texts::default();
    let cases = [
        ("https://bob:hunter2@example.com/x", "https://REDACTED:REDACTED@example.com/x"),
        ("postgres://u:p@/db", "postgres://REDACTED:REDACTED@/db"),
        ("amqp://u:p@${HOST}:5672", "amqp://REDACTED:REDACTED@${HOST}:5672"),
        ("redis://:secret@cache:6379/0", "redis://REDACTED:REDACTED@cache:6379/0"),
        ("https://a@b.com:pw@host/", "https://REDACTED:REDACTED@host/"),
        ("https://u:p@ss@host/", "https://REDACTED:REDACTED@host/"),
        ("dsn=root:hunter2@tcp(db:3306)/app", "dsn=REDACTED:REDACTED@tcp(db:3306)/app"),
        (r"https:\/\/bob:hunter2@example.com\/", r"https:\/\/REDACTED:REDACTED@example.com\/"),
    ];
    for (text, expected) in cases {
        assert_eq!(texts.redact(text), expected);
    }
}

#[test]
fn sensitive_parameters_keep_their_names() {
    let mut texts = Texts::default();
    let cases = [
        ("https://s3/x?X-Amz-Signature=abc&y=1", "https://s3/x?X-Amz-Signature=REDACTED&y=1"),
        ("sig=a%2Fb&se=2026", "sig=REDACTED&se=2026"),
        ("x?Signature=abc#f", "x?Signature=REDACTED#f"),
        ("x?signature=abc", "x?signature=abc"),
        ("password=hunter2&user=bob", "password=[REDACTED:assignment]&user=bob"),
        ("Server=db;User Id=sa;Password=Hunter2;", "Server=db;User Id=sa;Password=[REDACTED:assignment];"),
        ("host=db password='hun ter2' port=1", "host=db password='[REDACTED:assignment]' port=1"),
        ("PGPASSWORD=hunter2 psql", "PGPASSWORD=[REDACTED:assignment] psql"),
        ("[INFO] password=\"hun ter2\" x", "[INFO] password=\"[REDACTED:assignment]\" x"),
        (r#"{"q":"password=","r":"s"}"#, r#"{"q":"password=","r":"s"}"#),
        (r#"{"q":"password=\"hunter2\""}"#, r#"{"q":"password=\"[REDACTED:assignment]\""}"#),
        ("client_secret=abcdef", "client_secret=[REDACTED:assignment]"),
        ("password=$2b$12$abc", "password=[REDACTED:assignment]"),
    ];
    for (text, expected) in cases {
        assert_eq!(texts.redact(text), expected);
    }
}

#[test]
fn a_secret_in_a_parameter_does_not_hide_what_follows_it() {
    let mut texts = Texts::default();
    let text = format!("password=Bearer abc123def456 password={}", pem("\n"));
    assert_eq!(
        texts.redact(&text),
        "password=[REDACTED:assignment] [REDACTED:bearer] password=[REDACTED:private_key]"
    );
}

#[test]
fn percent_encoded_addresses_are_found() {
    let mut texts = Texts::default();
    assert_eq!(texts.redact("q=bob%40example.com&x"), "q=[REDACTED:email]&x");
    assert_eq!(texts.redact("q=%22bob%2Bx%40example.com%22"), "q=%22[REDACTED:email]%22");
}

#[test]
fn escaped_text_is_decoded_to_be_judged() {
    let mut texts = Texts::default();
    assert_eq!(texts.redact(r"mail bob\u0040example.com now"), "mail [REDACTED:email] now");
    assert_eq!(texts.redact(r"caf\u00e9 \u0062ob@example.com"), r"caf\u00e9 [REDACTED:email]");
    assert_eq!(texts.redact(r"caf\u00e9"), r"caf\u00e9");
}

#[test]
fn tokens_that_the_end_of_a_value_cuts_are_found() {
    let mut texts = Texts::default();
    for prefix in ["ghp_", "glpat-", "xoxb-", "sk-ant-", "AKIA"] {
        let own = if prefix == "AKIA" { "7A3C9E1B0" } else { "7fa3c9e1b" };
        assert_eq!(texts.redact(&format!("t {prefix}{own}")), "t [REDACTED:api_key]", "{prefix}");
    }
    let token = jwt();
    assert_eq!(texts.redact(&token[..token.len() - 30]), "[REDACTED:jwt]");
    assert_eq!(texts.redact(&token[..45]), "[REDACTED:jwt]");
    let block = pem("\n");
    assert_eq!(texts.redact(&block[..block.len() - 40]), "[REDACTED:private_key]");
}

#[test]
fn key_blocks_are_found_with_every_line_end() {
    let mut texts = Texts::default();
    for line_end in ["\n", "\r\n", " ", "\\n"] {
        assert_eq!(texts.redact(&format!("a {} b", pem(line_end))), "a [REDACTED:private_key] b");
    }
}

#[test]
fn a_token_inside_another_rules_finding_is_covered() {
    let mut texts = Texts::default();
    let token = format!("ghp_{}", body(redact::scan::literal::Body::Alnum, 36));
    let cleaned = texts.redact(&format!("https://{token}:x-oauth-basic@github.com/o/r"));
    assert_eq!(cleaned, "https://REDACTED:REDACTED@github.com/o/r");
    assert!(!texts.redact(&format!("token={token}!")).contains(&token[8..]));
}

#[test]
fn addresses_of_hosts_are_found_when_asked_for() {
    let mut texts = Texts::new(r#"{"rules": {"ip": {}}}"#);
    let cases = [
        ("from 10.0.0.1 to 192.168.1.254.", "from [REDACTED:ip] to [REDACTED:ip]."),
        ("10.0.0.1-10.0.0.9", "[REDACTED:ip]-[REDACTED:ip]"),
        ("2001:db8::1, ::1", "[REDACTED:ip], [REDACTED:ip]"),
        ("http://[fe80::1]:80/", "http://[[REDACTED:ip]]:80/"),
        ("10.0.0.1:8080", "[REDACTED:ip]:8080"),
    ];
    for (text, expected) in cases {
        assert_eq!(texts.redact(text), expected);
    }
    for benign in [
        "Chrome/126.0.0.0",
        "lib-1.2.3.4",
        "1.2.3.4.5",
        "256.1.1.1",
        "01.2.3.4",
        "12:34:56",
        "a::b",
        "v1.2.3.4",
    ] {
        assert_eq!(texts.redact(benign), benign);
    }
}
