//! The operator's configuration, as JSON. Every key is optional; what each means is written in the README.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{keys::KeyAction, replace::Action, rule::Rule, scan::literal::Body};

/// The whole configuration. The default is what runs without any.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub mode: Mode,
    pub rules: Rules,
    pub keys: KeysConfig,
    pub custom: Vec<CustomRule>,
    /// Globs of matches that stay as they are, whichever rule finds them.
    pub allow: Vec<String>,
    pub token: Option<TokenConfig>,
    /// The mask; `{rule}` stands for the rule's name.
    pub mask: String,
    pub metrics: Metrics,
    pub scan_json: bool,
    /// Whether integers are looked at under every key.
    pub scan_numbers: bool,
    pub fields: Fields,
    pub urls: Urls,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            mode: Mode::default(),
            rules: Rules::default(),
            keys: KeysConfig::default(),
            custom: Vec::new(),
            allow: Vec::new(),
            token: None,
            mask: "[REDACTED:{rule}]".to_owned(),
            metrics: Metrics::default(),
            scan_json: true,
            scan_numbers: false,
            fields: Fields::default(),
            urls: Urls::default(),
        }
    }
}

/// Whether findings are replaced or only counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    #[default]
    Enforce,
    Shadow,
}

/// One entry for each built-in rule, so that a misspelt one is an error.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    email: Option<RuleConfig>,
    credit_card: Option<RuleConfig>,
    ssn: Option<RuleConfig>,
    iban: Option<RuleConfig>,
    ip: Option<RuleConfig>,
    jwt: Option<RuleConfig>,
    private_key: Option<RuleConfig>,
    api_key: Option<RuleConfig>,
    bearer: Option<RuleConfig>,
    basic: Option<RuleConfig>,
    url_userinfo: Option<RuleConfig>,
    url_query: Option<RuleConfig>,
    assignment: Option<RuleConfig>,
}

impl Rules {
    /// What is said about each rule, for those about which something is.
    pub fn into_table(self) -> BTreeMap<usize, (Rule, RuleConfig)> {
        let all = [
            (Rule::EMAIL, self.email),
            (Rule::CREDIT_CARD, self.credit_card),
            (Rule::SSN, self.ssn),
            (Rule::IBAN, self.iban),
            (Rule::IP, self.ip),
            (Rule::JWT, self.jwt),
            (Rule::PRIVATE_KEY, self.private_key),
            (Rule::API_KEY, self.api_key),
            (Rule::BEARER, self.bearer),
            (Rule::BASIC, self.basic),
            (Rule::URL_USERINFO, self.url_userinfo),
            (Rule::URL_QUERY, self.url_query),
            (Rule::ASSIGNMENT, self.assignment),
        ];
        let said = all.into_iter().filter_map(|(rule, config)| Some((rule.index(), (rule, config?))));
        said.collect()
    }
}

/// How one rule works.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuleConfig {
    pub action: Action,
    pub keep_last: Option<usize>,
    /// Globs of this rule's matches that stay as they are.
    pub allow: Vec<String>,
}

/// Rules by key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeysConfig {
    pub rules: Vec<KeyRule>,
    /// Whether the built-in list of sensitive keys counts behind the rules.
    pub defaults: bool,
    /// Characters that the action `partial` keeps.
    pub keep_last: usize,
}

impl Default for KeysConfig {
    fn default() -> KeysConfig {
        KeysConfig { rules: Vec::new(), defaults: true, keep_last: crate::compile::KEEP_LAST }
    }
}

/// One rule by key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRule {
    #[serde(rename = "match")]
    pub patterns: Vec<String>,
    pub action: KeyAction,
}

/// A token of the operator's own, known by its prefix.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomRule {
    pub name: String,
    pub prefix: String,
    pub charset: Charset,
    /// The fewest characters after the prefix.
    pub min_length: Option<u16>,
    /// The only length of what follows the prefix.
    pub length: Option<u16>,
    #[serde(default)]
    pub action: Action,
    #[serde(default)]
    pub allow: Vec<String>,
}

/// What the body of a custom token is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Charset {
    Digits,
    Hex,
    Upper,
    Alnum,
    Word,
    Dashed,
    Dotted,
    Base64,
}

impl Charset {
    /// The scanner's name for it.
    pub fn body(self) -> Body {
        match self {
            Charset::Digits => Body::Digits,
            Charset::Hex => Body::Hex,
            Charset::Upper => Body::Upper,
            Charset::Alnum => Body::Alnum,
            Charset::Word => Body::Word,
            Charset::Dashed => Body::Dashed,
            Charset::Dotted => Body::Dotted,
            Charset::Base64 => Body::Base64,
        }
    }
}

/// How tokens are made. Has no `Debug`: it may hold the key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenConfig {
    pub key: Option<String>,
    pub key_file: Option<String>,
    #[serde(default = "default_key_id")]
    pub key_id: String,
    #[serde(default = "default_length")]
    pub length: usize,
}

fn default_key_id() -> String {
    "k1".to_owned()
}

fn default_length() -> usize {
    crate::token::LENGTH_DEFAULT
}

/// What is special about metrics.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// Tokens if there is a key, masks otherwise, unless it is said here.
    pub datapoints: Option<PointAction>,
}

/// What replaces findings in attributes of data points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PointAction {
    Token,
    Mask,
}

/// Which fields beside attributes are looked at.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fields {
    pub include: Vec<FieldName>,
    pub exclude: Vec<FieldName>,
}

/// A field that holds text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldName {
    SpanName,
    StatusMessage,
    SpanEventName,
    Body,
    EventName,
    MetricDescription,
    ScopeName,
    ScopeVersion,
    SeverityText,
}

/// What is special about URLs.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Urls {
    /// Names of query parameters whose values are redacted, instead of the conventions' list.
    pub sensitive_query_parameters: Option<Vec<String>>,
}
