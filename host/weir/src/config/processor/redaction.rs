//! The `redaction` processor's part of the configuration.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::pattern;
use crate::config::at::At;
use crate::config::diagnostic::Diagnostic;
use crate::config::reader;
use crate::config::secret::Secret;
use crate::processor::{Pattern, Summary};

/// One `redaction` processor.
#[derive(Clone, Debug, PartialEq)]
pub struct RedactionConfig {
    /// Whether attributes may have any key. If not, and no keys are allowed, none is.
    pub allow_all_keys: bool,
    /// The keys that attributes may have.
    pub allowed_keys: Vec<String>,
    /// The keys of attributes that are left alone.
    pub ignored_keys: Vec<String>,
    /// The same by pattern.
    pub ignored_key_patterns: Vec<Pattern>,
    /// The keys of attributes that are masked as a whole.
    pub blocked_key_patterns: Vec<Pattern>,
    /// What is masked in values.
    pub blocked_values: Vec<Pattern>,
    /// Values that are left alone all the same.
    pub allowed_values: Vec<Pattern>,
    /// What masked text becomes.
    pub hash_function: HashFunction,
    /// Whether numbers, lists and maps are looked at as text.
    pub redact_all_types: bool,
    /// What the processor says of what it did.
    pub summary: Summary,
}

/// What masked text becomes: stars, or a hash of it.
#[derive(Clone, Debug, PartialEq)]
pub enum HashFunction {
    /// Stars.
    None,
    /// MD5.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA3-256.
    Sha3,
    /// HMAC with SHA-256, and its key.
    HmacSha256(Secret),
    /// HMAC with SHA-512, and its key.
    HmacSha512(Secret),
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawRedaction {
    allow_all_keys: bool,
    allowed_keys: Vec<String>,
    ignored_keys: Vec<String>,
    ignored_key_patterns: Vec<String>,
    blocked_key_patterns: Vec<String>,
    blocked_values: Vec<String>,
    allowed_values: Vec<String>,
    hash_function: RawHashFunction,
    hmac_key: Option<Secret>,
    redact_all_types: bool,
    summary: RawSummary,
    url_sanitizer: Option<IgnoredAny>,
    db_sanitizer: Option<IgnoredAny>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawHashFunction {
    #[default]
    None,
    Md5,
    Sha1,
    Sha3,
    #[serde(rename = "hmac-sha256")]
    HmacSha256,
    #[serde(rename = "hmac-sha512")]
    HmacSha512,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawSummary {
    /// Nothing is written.
    #[default]
    None,
    Silent,
    Info,
    Debug,
}

impl RedactionConfig {
    /// Reads and checks one.
    pub(super) fn read(at: &At<'_>, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let before = problems.len();
        let raw: RawRedaction = reader::read(at.node()?, &at.path, problems)?;
        for (key, what, is_there) in [
            ("url_sanitizer", "URLs", raw.url_sanitizer.is_some()),
            ("db_sanitizer", "queries of databases", raw.db_sanitizer.is_some()),
        ] {
            if is_there {
                let reason = format!(
                    "weir cannot sanitize {what} here; leave it out, and mask them with rules of the redact plugin \
                     in a wasm processor"
                );
                problems.push(at.key(key).problem(reason));
            }
        }
        let hash_function = hash_function(raw.hash_function, raw.hmac_key, at, problems);
        let mut patterns = |key: &str, texts: &[String]| pattern::read_all(texts, &at.key(key), problems);
        let config = RedactionConfig {
            allow_all_keys: raw.allow_all_keys,
            allowed_keys: raw.allowed_keys,
            ignored_keys: raw.ignored_keys,
            ignored_key_patterns: patterns("ignored_key_patterns", &raw.ignored_key_patterns),
            blocked_key_patterns: patterns("blocked_key_patterns", &raw.blocked_key_patterns),
            blocked_values: patterns("blocked_values", &raw.blocked_values),
            allowed_values: patterns("allowed_values", &raw.allowed_values),
            hash_function: hash_function?,
            redact_all_types: raw.redact_all_types,
            summary: match raw.summary {
                RawSummary::None | RawSummary::Silent => Summary::Silent,
                RawSummary::Info => Summary::Info,
                RawSummary::Debug => Summary::Debug,
            },
        };
        (problems.len() == before).then_some(config)
    }
}

/// The hash with its key, which has to be long enough.
fn hash_function(
    raw: RawHashFunction,
    key: Option<Secret>,
    at: &At<'_>,
    problems: &mut Vec<Diagnostic>,
) -> Option<HashFunction> {
    let min = match raw {
        RawHashFunction::HmacSha256 => 32,
        RawHashFunction::HmacSha512 => 64,
        _ => 0,
    };
    match &key {
        None if min > 0 => {
            problems.push(at.problem(format!("the key \"hmac_key\" is required, of at least {min} bytes")));
            return None;
        }
        Some(key) if key.expose().len() < min => {
            let reason = format!("must have at least {min} bytes for this hash_function");
            problems.push(at.key("hmac_key").problem(reason));
            return None;
        }
        Some(_) if min == 0 => {
            let reason = "is for the values hmac-sha256 and hmac-sha512 of hash_function; leave it out";
            problems.push(at.key("hmac_key").problem(reason));
            return None;
        }
        _ => {}
    }
    Some(match (raw, key) {
        (RawHashFunction::HmacSha256, Some(key)) => HashFunction::HmacSha256(key),
        (RawHashFunction::HmacSha512, Some(key)) => HashFunction::HmacSha512(key),
        (RawHashFunction::Md5, _) => HashFunction::Md5,
        (RawHashFunction::Sha1, _) => HashFunction::Sha1,
        (RawHashFunction::Sha3, _) => HashFunction::Sha3,
        _ => HashFunction::None,
    })
}
