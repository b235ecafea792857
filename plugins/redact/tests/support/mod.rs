//! What the tests share: a redactor for one text, and secrets that are put together here, so that no scanner of
//! source code takes them for real ones.
#![allow(dead_code, reason = "every test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use redact::{
    compile,
    config::Config,
    redactor::{Redactor, Site},
    rule::{Rule, RuleSet},
    scan::{
        Scanner,
        literal::{Body, Tail},
        prefixes,
    },
};

/// A compiled configuration.
pub struct Texts {
    pub scanner: Scanner,
    pub redactor: Redactor,
}

impl Texts {
    /// From JSON text, as the plugin gets it.
    pub fn new(config: &str) -> Texts {
        let mut config: Config = weir_sdk::config::parse(config).unwrap();
        let (scanner, redactor) = compile::build(&mut config).unwrap();
        Texts { scanner, redactor }
    }

    /// The error that the operator sees.
    pub fn error(config: &str) -> String {
        let mut config: Config = match weir_sdk::config::parse(config) {
            Ok(config) => config,
            Err(error) => return error,
        };
        compile::build(&mut config).err().unwrap()
    }

    /// The text after redaction.
    pub fn redact(&mut self, text: &str) -> String {
        String::from_utf8(self.redact_bytes(text.as_bytes())).unwrap()
    }

    /// The bytes after redaction.
    pub fn redact_bytes(&mut self, text: &[u8]) -> Vec<u8> {
        let findings = self.redactor.find(&self.scanner, text);
        let mut out = Vec::new();
        let is_changed = self.redactor.redact(&self.scanner, text, &findings, Site::default(), &mut out);
        if is_changed { out } else { text.to_vec() }
    }
}

impl Default for Texts {
    fn default() -> Texts {
        Texts::new("null")
    }
}

/// So many characters of the body, letters and digits mixed.
pub fn body(body: Body, length: usize) -> String {
    let all = "7fa3c9e1b0d4K2mQ8xZ5vT6w";
    let own: Vec<char> = all.chars().filter(|c| body.has(*c as u8)).collect();
    own.iter().cycle().take(length).collect()
}

/// One secret of every kind, with its rule.
pub fn secrets() -> Vec<(Rule, String)> {
    let mut all: Vec<(Rule, String)> = [
        (Rule::EMAIL, "bob.smith+x@mail.example.com"),
        (Rule::EMAIL, "o@ex.io"),
        (Rule::EMAIL, "j_d-1@xn--bcher-kva.example"),
        (Rule::CREDIT_CARD, "4111111111111111"),
        (Rule::CREDIT_CARD, "4111 1111 1111 1111"),
        (Rule::CREDIT_CARD, "5555-5555-5555-4444"),
        (Rule::CREDIT_CARD, "378282246310005"),
        (Rule::CREDIT_CARD, "3782 822463 10005"),
        (Rule::CREDIT_CARD, "2223003122003222"),
        (Rule::CREDIT_CARD, "6011111111111117"),
        (Rule::CREDIT_CARD, "3530111333300000"),
        (Rule::CREDIT_CARD, "30569309025904"),
        (Rule::CREDIT_CARD, "501800000009"),
        (Rule::SSN, "123-45-6789"),
        (Rule::SSN, "123 45 6780"),
        (Rule::IBAN, "GB82WEST12345698765432"),
        (Rule::IBAN, "DE89 3704 0044 0532 0130 00"),
        (Rule::IBAN, "NO9386011117947"),
    ]
    .map(|(rule, text)| (rule, text.to_owned()))
    .into();
    for literal in prefixes::literals(RuleSet::defaults()) {
        if let Tail::Run(run) = literal.tail {
            let prefix = std::str::from_utf8(&literal.text).unwrap();
            all.push((literal.rule, format!("{prefix}{}", body(run.body, run.min.into()))));
        }
    }
    all.push((Rule::JWT, jwt()));
    all.push((Rule::PRIVATE_KEY, pem("\n")));
    all
}

/// A token whose header is `{"alg":"HS256","typ":"JWT"}`.
pub fn jwt() -> String {
    format!("{}.{}.{}", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", "eyJzdWIiOiIxIn0", body(Body::Dashed, 43))
}

/// A key block with these line ends.
pub fn pem(line_end: &str) -> String {
    let dashes = "-----";
    [
        format!("{dashes}BEGIN RSA PRIVATE KEY{dashes}"),
        body(Body::Alnum, 64),
        body(Body::Alnum, 30) + "==",
        format!("{dashes}END RSA PRIVATE KEY{dashes}"),
    ]
    .join(line_end)
}

/// Benign values that look like something.
pub const NEAR_MISSES: &[&str] = &[
    "550e8400-e29b-41d4-a716-446655440000",
    "12345678-4111-4111-8111-411111111111",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "0.5227687358856201",
    "1700000000000",
    "1700000000000000000",
    "1.4111111111111111",
    "4111111111111112",
    "41111111111111111111",
    "x4111111111111111",
    "git@github.com:org/repo.git",
    "ssh://git@github.com/org/repo.git",
    "lodash@4.17.21",
    "pkg@1.0.0-beta.rc",
    "icon@2x.png",
    "user@1000.service",
    "getty@tty1.service",
    "java.lang.Object@7a81197d",
    "@decorator",
    "a @ b.com",
    "com.example.Service@main",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "10.0.0.1",
    "2001:db8::1",
    "2026-11-21T11:32:17.123456789Z",
    "2024-12-2024",
    "000-12-3456",
    "666-12-3456",
    "900-12-3456",
    "123-00-4567",
    "123-45-0000",
    "1123-45-6789",
    "100 20 3000 44",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "pod-7d4b9c6f5-x2x4z",
    "SELECT * FROM users WHERE password=? AND id=$1",
    "SELECT * FROM t WHERE password=$2",
    "password=${DB_PASSWORD}",
    "password=",
    "token=5",
    "max_tokens=4096",
    "npm_execpath",
    "npm_lifecycle_event",
    "hf_hub_download",
    "sk-learn",
    "task-1234567890abcdef1234567890abcdef",
    "Bearer authentication failed",
    "Basic authentication is required",
    "Basic realm=x",
    "eyJ.abc.def",
    "https://example.com/a:b@c",
    "https://example.com:8080/path?x=1",
    "http://[::1]:8080/",
    "https://bob@",
    "GB82WEST12345698765433",
    "AB12CDEFGH",
    "arn:aws:iam::123456789012:role/x",
    "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUXx\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----",
    "call 1-800-555-1234 now",
    "1234 5678 9012 3456",
    "k8s.pod.name=x",
    "[REDACTED:email] and <email:k1:abcdefghijklmnop>",
    "\u{e9}\u{1f600} caf\u{e9}",
    "",
    "{",
    "[]",
    "\"",
    "\\u00",
];

/// At least so many cases; more if PROPTEST_CASES asks for them. Failures are printed, not kept in files.
pub fn runs(cases: u32) -> proptest::test_runner::Config {
    let asked = proptest::test_runner::Config::default();
    proptest::test_runner::Config { cases: cases.max(asked.cases), failure_persistence: None, ..asked }
}
