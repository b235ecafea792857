//! Key rules: what a key's name alone decides about its value. Keys are those of attributes, of members of maps,
//! and of members of JSON objects inside strings.

use serde::Deserialize;

use crate::glob::Glob;

/// What happens to the value under a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyAction {
    /// The detectors look at it, as at every other value.
    #[default]
    Scan,
    /// The detectors look at it, also where it is an integer: card numbers may be one.
    ScanNumbers,
    /// It is never touched.
    Keep,
    /// Each value in it is replaced.
    Mask,
    /// All but its last characters are replaced.
    Partial,
    /// Each value in it becomes a keyed token.
    Token,
    /// It is removed. Inside a JSON text, where removing shifts what is around, it is masked.
    Drop,
}

impl KeyAction {
    /// Whether the detectors decide.
    pub fn scans(self) -> bool {
        matches!(self, KeyAction::Scan | KeyAction::ScanNumbers)
    }
}

/// Names that end in a word like these hide nothing, although a pattern below would say so.
const HARMLESS: &[&str] = &["k8s.secret.*", "aws.secretsmanager.*", "*secret_name", "*secret.name"];

/// Keys whose values are secrets wherever they stand.
const SENSITIVE: &[&str] = &[
    "*password*",
    "*passwd*",
    "*passphrase*",
    "*passcode*",
    "*_pwd",
    "*secret*",
    "*token",
    "*authorization",
    "cookie",
    "*{.,_}cookie",
    "*api_key*",
    "*apikey*",
    "*private_key*",
    "*privatekey*",
    "*access_key",
    "*accesskey",
    "*{encryption,signing,ssh,auth}_key",
    "*credential",
    "*credentials",
    "{otp,pin,cvv,cvc,cvv2,card_cvc,card_cvv}",
    "*{.,_}{otp,cvv,cvc}",
    "*security_code",
    "ssn",
    "*{.,_}ssn",
    "*social_security_number",
];

/// Keys under which an integer may be a card number.
const CARDS: &[&str] = &["card*", "credit_card*", "creditcard*", "payment.card*", "payment_card*", "pan"];

/// Sensitive keys that are asked for in every kind of value, not as text alone: integers may stand under them.
pub const NUMERIC: &[&str] = &["password", "passwd", "passcode", "pin", "otp", "cvv", "cvc", "ssn"];

/// The rules in order, with the answers that were given last.
#[derive(Debug)]
pub struct Keys {
    rules: Vec<(Glob, KeyAction)>,
    cache: Box<[Option<Answer>]>,
}

/// A name, and what the rules say about it.
type Answer = (Box<[u8]>, KeyAction);

/// Answers remembered at once; each takes the place that the hash of its name says.
const CACHE_SLOTS: usize = 1024;
/// Longer names are looked up each time, so that the cache stays small.
const CACHED_NAME_MAX: usize = 128;

impl Keys {
    /// The operator's rules, which come first, and the built-in ones behind them. The first that fits decides.
    pub fn new(own: Vec<(Glob, KeyAction)>, with_defaults: bool) -> Result<Keys, String> {
        let mut rules = own;
        if with_defaults {
            for (patterns, action) in
                [(HARMLESS, KeyAction::Scan), (SENSITIVE, KeyAction::Mask), (CARDS, KeyAction::ScanNumbers)]
            {
                for pattern in patterns {
                    rules.extend(Glob::parse(pattern)?.into_iter().map(|glob| (glob, action)));
                }
            }
        }
        Ok(Keys { rules, cache: vec![None; CACHE_SLOTS].into() })
    }

    /// What the rules say about a key.
    pub fn action(&mut self, name: &[u8]) -> KeyAction {
        if name.len() > CACHED_NAME_MAX {
            return self.decide(name);
        }
        let slot = hash(name) % CACHE_SLOTS;
        if let Some(Some((known, action))) = self.cache.get(slot)
            && **known == *name
        {
            return *action;
        }
        let action = self.decide(name);
        if let Some(place) = self.cache.get_mut(slot) {
            *place = Some((name.into(), action));
        }
        action
    }

    fn decide(&self, name: &[u8]) -> KeyAction {
        let fitting = self.rules.iter().find(|(glob, _)| glob.fits(name, fold));
        fitting.map_or(KeyAction::Scan, |(_, action)| *action)
    }

    /// The patterns that weir can select by, an exact name or a prefix and `*`, whose values matter in every kind.
    pub fn selectable(&self) -> Vec<String> {
        let selectable = |(glob, action): &(Glob, KeyAction)| {
            let text = std::str::from_utf8(glob.text()).ok()?;
            let name = text.strip_suffix('*').unwrap_or(text);
            let is_plain = !name.is_empty() && !name.contains(['*', '?']);
            (is_plain && *action != KeyAction::Scan && *action != KeyAction::Keep).then(|| text.to_owned())
        };
        self.rules.iter().filter_map(selectable).collect()
    }
}

/// HTTP writes names with hyphens where others write underscores.
fn fold(byte: u8) -> u8 {
    if byte == b'-' { b'_' } else { byte }
}

/// FNV-1a: names are short, and a collision costs a look-up, nothing else.
fn hash(name: &[u8]) -> usize {
    let hash =
        name.iter().fold(0x811c_9dc5u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    (hash ^ hash >> 15) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(name: &str) -> KeyAction {
        let mut keys = Keys::new(Vec::new(), true).unwrap();
        let first = keys.action(name.as_bytes());
        assert_eq!(keys.action(name.as_bytes()), first, "the cache changes nothing");
        first
    }

    #[test]
    fn sensitive_keys_are_masked_in_every_spelling() {
        for name in [
            "password",
            "db.password",
            "userPassword",
            "PGPASSWORD",
            "client_secret",
            "access_token",
            "accessToken",
            "http.request.header.authorization",
            "http.request.header.x-api-key",
            "http.request.header.cookie",
            "http.response.header.set-cookie",
            "Authorization",
            "Cookie",
            "apiKey",
            "X-Api-Key",
            "private-key",
            "proxy-authorization",
            "aws_credentials",
            "cvv",
            "card.cvc",
            "user.ssn",
            "db_pwd",
        ] {
            assert_eq!(action(name), KeyAction::Mask, "{name}");
        }
    }

    #[test]
    fn counts_of_tokens_and_names_of_secrets_are_not_secrets() {
        for name in [
            "gen_ai.usage.input_tokens",
            "gen_ai.token.type",
            "llm.token_count.prompt",
            "max_tokens",
            "http.route",
            "k8s.secret.name",
            "aws.secretsmanager.secret.arn",
            "user.email",
            "process.working_directory",
            "PWD",
            "spinning",
            "cookies_accepted",
        ] {
            assert!(action(name).scans(), "{name}");
        }
    }

    #[test]
    fn the_operators_rules_come_before_the_built_in_ones() {
        let own =
            Glob::parse("*.password_policy").unwrap().into_iter().map(|g| (g, KeyAction::Keep)).collect();
        let mut keys = Keys::new(own, true).unwrap();
        assert_eq!(keys.action(b"app.password_policy"), KeyAction::Keep);
        assert_eq!(keys.action(b"app.password"), KeyAction::Mask);
        assert_eq!(Keys::new(Vec::new(), false).unwrap().action(b"password"), KeyAction::Scan);
    }

    #[test]
    fn names_that_share_a_place_in_the_cache_keep_their_own_answers() {
        let mut keys = Keys::new(Vec::new(), true).unwrap();
        for number in 0..5000 {
            assert_eq!(keys.action(format!("password{number}").as_bytes()), KeyAction::Mask);
            assert_eq!(keys.action(format!("route{number}").as_bytes()), KeyAction::Scan);
        }
    }

    #[test]
    fn only_names_and_prefixes_can_be_selected() {
        let own = ["user.id", "card*", "*x", "a?b"].iter().flat_map(|p| Glob::parse(p).unwrap());
        let keys = Keys::new(own.map(|glob| (glob, KeyAction::Token)).collect(), false).unwrap();
        assert_eq!(keys.selectable(), ["user.id", "card*"]);
    }
}
