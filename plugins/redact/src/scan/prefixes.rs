//! The built-in literals: API keys and tokens by prefix, credential schemes, sensitive parameters, PEM and JWT.

use std::borrow::Cow;

use super::literal::{
    Body::{self, Alnum, Base64, Dashed, Dotted, Hex, Path, Upper, Word},
    Literal, Run, Tail,
};
use crate::rule::{Rule, RuleSet};

/// Keys and tokens whose body may have any length from a minimum on: prefix, body, minimum. A minimum lies
/// below the length that the provider issues, since lengths have grown before and prefixes decide.
const VARIABLE: &[(&str, Body, u16)] = &[
    ("github_pat_", Word, 22),
    ("ghp_", Alnum, 30),
    ("gho_", Alnum, 30),
    ("ghu_", Alnum, 30),
    ("ghs_", Alnum, 30),
    ("ghr_", Alnum, 30),
    ("glpat-", Dashed, 20),
    ("gldt-", Dashed, 20),
    ("glrt-", Dashed, 20),
    ("glcbt-", Dashed, 20),
    ("glptt-", Dashed, 20),
    ("glft-", Dashed, 20),
    ("glsoat-", Dashed, 20),
    ("glimt-", Dashed, 20),
    ("glagent-", Dashed, 20),
    ("xoxb-", Dashed, 10),
    ("xoxp-", Dashed, 10),
    ("xoxa-", Dashed, 10),
    ("xoxr-", Dashed, 10),
    ("xoxs-", Dashed, 10),
    ("xoxo-", Dashed, 10),
    ("xoxe-", Dashed, 10),
    ("xoxe.", Dotted, 20),
    ("xapp-", Dashed, 20),
    ("hooks.slack.com/services/", Path, 20),
    ("hooks.slack.com/workflows/", Path, 20),
    ("discord.com/api/webhooks/", Path, 30),
    ("discordapp.com/api/webhooks/", Path, 30),
    ("sk_live_", Alnum, 10),
    ("rk_live_", Alnum, 10),
    ("sk_test_", Alnum, 10),
    ("rk_test_", Alnum, 10),
    ("whsec_", Base64, 20),
    ("sk-proj-", Dashed, 20),
    ("sk-svcacct-", Dashed, 20),
    ("sk-admin-", Dashed, 20),
    ("sk-ant-", Dashed, 20),
    ("sk-or-v1-", Hex, 40),
    ("sk-lf-", Dashed, 30),
    ("sk-", Alnum, 32),
    ("AIza", Dashed, 35),
    ("ya29.", Dotted, 20),
    ("GOCSPX-", Dashed, 20),
    ("hf_", Alnum, 30),
    ("api_org_", Alnum, 30),
    ("gsk_", Alnum, 40),
    ("xai-", Alnum, 40),
    ("r8_", Alnum, 30),
    ("pplx-", Alnum, 40),
    ("lsv2_pt_", Word, 32),
    ("lsv2_sk_", Word, 32),
    ("tvly-", Dashed, 20),
    ("pcsk_", Word, 40),
    ("npm_", Alnum, 30),
    ("pypi-AgE", Dashed, 40),
    ("rubygems_", Hex, 40),
    ("SG.", Dotted, 40),
    ("xkeysib-", Dashed, 40),
    ("dop_v1_", Hex, 40),
    ("doo_v1_", Hex, 40),
    ("dor_v1_", Hex, 40),
    ("shpat_", Alnum, 32),
    ("shpca_", Alnum, 32),
    ("shppa_", Alnum, 32),
    ("shpss_", Alnum, 32),
    ("sq0atp-", Dashed, 20),
    ("sq0csp-", Dashed, 20),
    ("sq0idp-", Dashed, 20),
    ("EAAAE", Dashed, 55),
    ("AccountKey=", Base64, 40),
    ("SharedAccessKey=", Base64, 40),
    ("hvs.", Dashed, 24),
    ("hvb.", Dashed, 24),
    ("hvr.", Dashed, 24),
    ("dp.pt.", Alnum, 30),
    ("dp.st.", Dotted, 30),
    ("lin_api_", Alnum, 30),
    ("ntn_", Alnum, 40),
    ("PMAK-", Dashed, 40),
    ("NRAK-", Upper, 20),
    ("glsa_", Word, 32),
    ("glc_", Base64, 32),
    ("pscale_tkn_", Dotted, 32),
    ("pscale_pw_", Dotted, 32),
    ("pscale_oauth_", Dotted, 32),
    ("sbp_", Hex, 40),
    ("fo1_", Dashed, 40),
    ("ATATT3xFfGF0", Dashed, 40),
    ("ATCTT3xFfGN0", Dashed, 40),
    ("ATBB", Alnum, 32),
    ("dckr_pat_", Dashed, 20),
    ("dckr_oat_", Dashed, 20),
    ("sntrys_", Dashed, 40),
    ("sntryu_", Hex, 60),
    ("figd_", Dashed, 20),
    ("CFPAT-", Dashed, 40),
    ("dt0c01.", Dotted, 60),
    ("pul-", Hex, 40),
    ("bkua_", Hex, 40),
    ("CCIPAT_", Word, 40),
    ("nfp_", Alnum, 36),
    ("tskey-", Dashed, 20),
    ("ops_eyJ", Dashed, 100),
    ("AKCp", Alnum, 60),
    ("AGE-SECRET-KEY-1", Upper, 50),
    ("ABSK", Base64, 100),
];

/// Keys whose body has one length: prefix, body, length.
const EXACT: &[(&str, Body, u16)] = &[
    ("AKIA", Upper, 16),
    ("ASIA", Upper, 16),
    ("ABIA", Upper, 16),
    ("ACCA", Upper, 16),
    ("SK", Hex, 32),
    ("key-", Hex, 32),
    ("dapi", Hex, 32),
    ("secret_", Alnum, 43),
];

/// Query parameters of signed URLs, as the semantic conventions list them: exact case, only the value is hidden.
pub const QUERY: &[&str] = &[
    "X-Amz-Signature",
    "X-Amz-Credential",
    "X-Amz-Security-Token",
    "AWSAccessKeyId",
    "Signature",
    "sig",
    "X-Goog-Signature",
];

/// How names before a `=` end whose value is a secret, in forms, connection strings and log lines, in any case.
const ASSIGNED: &[&str] = &[
    "password=",
    "passwd=",
    "pwd=",
    "passphrase=",
    "secret=",
    "secret_key=",
    "secret_access_key=",
    "token=",
    "api_key=",
    "apikey=",
    "api-key=",
    "private_key=",
];

/// The literals that the rules in the set need, without those of [`Rule::URL_QUERY`].
pub fn literals(rules: RuleSet) -> Vec<Literal> {
    let mut all = Vec::new();
    let mut add = |text: &'static str, fold: bool, rule: Rule, tail: Tail| {
        if rules.has(rule) {
            all.push(Literal { text: Cow::Borrowed(text.as_bytes()), fold, rule, tail });
        }
    };
    for &(text, body, min) in VARIABLE {
        // A cut token is believed only after a prefix that hardly stands in other text.
        let cut = text.len() >= 4;
        add(text, false, Rule::API_KEY, Tail::Run(Run { body, min, exact: false, cut }));
    }
    for &(text, body, min) in EXACT {
        add(text, false, Rule::API_KEY, Tail::Run(Run { body, min, exact: true, cut: text == "AKIA" }));
    }
    ASSIGNED.iter().for_each(|text| add(text, true, Rule::ASSIGNMENT, Tail::Value));
    add("bearer ", true, Rule::BEARER, Tail::Bearer);
    add("basic ", true, Rule::BASIC, Tail::Basic);
    add("-----BEGIN ", false, Rule::PRIVATE_KEY, Tail::Pem);
    add("eyJ", false, Rule::JWT, Tail::Jwt);
    add("%40", false, Rule::EMAIL, Tail::PercentAt);
    // Any rule may hide behind escapes; `KEY` is in no set, so this one is added without asking.
    all.push(Literal { text: Cow::Borrowed(b"\\u00"), fold: false, rule: Rule::KEY, tail: Tail::Escape });
    all
}

/// The literal for one sensitive query parameter.
pub fn query_parameter(name: &str) -> Literal {
    let text = Cow::Owned(format!("{name}=").into_bytes());
    Literal { text, fold: false, rule: Rule::URL_QUERY, tail: Tail::Value }
}
