//! The rules: what can be found, how each is named to the operator, and which are on by default.

/// One detection rule. The built-in ones come first; those of `custom` follow, numbered from [`Rule::CUSTOM`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rule(u8);

/// The most custom rules, so that all counters of the plugin stay within the host's 64.
pub const CUSTOM_MAX: usize = 32;

/// Names by number, as they appear in the configuration, in `[REDACTED:name]`, in tokens and in counters.
const NAMES: [&str; 14] = [
    "email",
    "credit_card",
    "ssn",
    "iban",
    "ip",
    "jwt",
    "private_key",
    "api_key",
    "bearer",
    "basic",
    "url_userinfo",
    "url_query",
    "assignment",
    "key",
];

impl Rule {
    /// E-mail addresses.
    pub const EMAIL: Rule = Rule(0);
    /// Payment card numbers.
    pub const CREDIT_CARD: Rule = Rule(1);
    /// US social security numbers.
    pub const SSN: Rule = Rule(2);
    /// International bank account numbers.
    pub const IBAN: Rule = Rule(3);
    /// IPv4 and IPv6 addresses; off unless asked for.
    pub const IP: Rule = Rule(4);
    /// JSON web tokens.
    pub const JWT: Rule = Rule(5);
    /// PEM blocks that hold a private key.
    pub const PRIVATE_KEY: Rule = Rule(6);
    /// API keys and tokens that are known by their prefix.
    pub const API_KEY: Rule = Rule(7);
    /// `Bearer` credentials.
    pub const BEARER: Rule = Rule(8);
    /// `Basic` credentials.
    pub const BASIC: Rule = Rule(9);
    /// `user:password@` in URLs and data source names.
    pub const URL_USERINFO: Rule = Rule(10);
    /// The signed-URL parameters that the semantic conventions list.
    pub const URL_QUERY: Rule = Rule(11);
    /// `password=...` and its like in text.
    pub const ASSIGNMENT: Rule = Rule(12);
    /// Not a detector: what a key rule masks whole.
    pub const KEY: Rule = Rule(13);
    /// The first custom rule.
    pub const CUSTOM: Rule = Rule(16);

    /// Every built-in detector.
    pub fn detectors() -> impl Iterator<Item = Rule> {
        (0..Rule::KEY.0).map(Rule)
    }

    /// The built-in detector with this name.
    pub fn by_name(name: &str) -> Option<Rule> {
        Rule::detectors().find(|rule| rule.builtin_name() == name)
    }

    /// The custom rule with this number, or nothing beyond [`CUSTOM_MAX`].
    pub fn custom(number: usize) -> Option<Rule> {
        let number = u8::try_from(number).ok().filter(|n| usize::from(*n) < CUSTOM_MAX)?;
        Some(Rule(Rule::CUSTOM.0 + number))
    }

    /// The name of a built-in rule, and a common one for custom rules, whose names the configuration holds.
    pub fn builtin_name(self) -> &'static str {
        NAMES.get(self.index()).copied().unwrap_or("custom")
    }

    /// Whether the rule runs when the configuration does not mention it. Addresses are what operators search
    /// their telemetry for, so they stay unless someone decides otherwise.
    pub fn is_default(self) -> bool {
        self != Rule::IP
    }

    /// The rule's place in tables of [`Rule::COUNT`] entries.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The length of a table with a place for every rule.
    pub const COUNT: usize = Rule::CUSTOM.0 as usize + CUSTOM_MAX;
}

const _: () = assert!(Rule::COUNT <= 64, "a set of rules is one word");

/// A set of rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleSet(u64);

impl RuleSet {
    /// The rules that run without a configuration.
    pub fn defaults() -> RuleSet {
        let mut set = RuleSet::default();
        Rule::detectors().filter(|rule| rule.is_default()).for_each(|rule| set.insert(rule));
        set
    }

    /// Adds a rule.
    pub fn insert(&mut self, rule: Rule) {
        self.0 |= 1 << rule.0;
    }

    /// Takes a rule away.
    pub fn remove(&mut self, rule: Rule) {
        self.0 &= !(1 << rule.0);
    }

    /// Whether the rule is in the set.
    pub fn has(self, rule: Rule) -> bool {
        self.0 >> rule.0 & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_fits_the_set_and_is_found_by_its_name() {
        for rule in Rule::detectors() {
            assert_eq!(Rule::by_name(rule.builtin_name()), Some(rule));
        }
        assert_eq!(Rule::by_name("key"), None);
        assert_eq!(Rule::custom(CUSTOM_MAX), None);
    }

    #[test]
    fn addresses_are_the_only_rule_that_is_off_by_default() {
        let set = RuleSet::defaults();
        let off: Vec<_> = Rule::detectors().filter(|rule| !set.has(*rule)).collect();
        assert_eq!(off, [Rule::IP]);
    }
}
