//! From the configuration to what runs: checks what serde cannot, and compiles the scanner.

use std::borrow::Cow;

use crate::{
    config::{Config, CustomRule, KeyRule, PointAction, TokenConfig},
    glob::Glob,
    keys::{KeyAction, Keys},
    redactor::{Allowed, Redactor},
    replace::{Action, Replacer, Style},
    rule::{CUSTOM_MAX, Rule, RuleSet},
    scan::{
        Scanner,
        literal::{Literal, Run, Tail},
        prefixes,
    },
    token::Tokens,
};

/// Characters that partial masks keep unless the configuration says otherwise.
pub const KEEP_LAST: usize = 4;
const KEEP_LAST_MAX: usize = 8;
const MASK_MAX: usize = 64;
/// The largest key file; keys are short, and a wrong path must not fill the memory.
const KEY_FILE_MAX: u64 = 4096;
const PREFIX_MIN: usize = 3;

/// Compiles the configuration. The error names the key that is wrong and says what is allowed.
pub fn build(config: &mut Config) -> Result<(Scanner, Redactor), String> {
    let tokens = config.token.take().map(tokens).transpose()?;
    let point_tokens = match (config.metrics.datapoints, &tokens) {
        (Some(PointAction::Token), None) => return Err(needs_key("metrics.datapoints")),
        (Some(PointAction::Mask), _) | (None, None) => false,
        (Some(PointAction::Token) | None, Some(_)) => true,
    };
    let mut draft = Draft {
        rules: RuleSet::defaults(),
        styles: styles(&config.mask),
        literals: Vec::new(),
        allowed: Vec::new(),
        has_key: tokens.is_some(),
    };
    draft.builtin(config)?;
    for (number, custom) in std::mem::take(&mut config.custom).into_iter().enumerate() {
        draft.custom(number, custom, &config.mask)?;
    }
    for pattern in &config.allow {
        draft.allow(None, pattern)?;
    }
    let keys = keys(std::mem::take(&mut config.keys.rules), config.keys.defaults, draft.has_key)?;
    let mut literals = prefixes::literals(draft.rules);
    literals.append(&mut draft.literals);
    let scanner = Scanner::new(draft.rules, literals);
    let redactor = Redactor {
        keys,
        replacer: Replacer { styles: draft.styles, tokens, point_tokens },
        allowed: Allowed(draft.allowed),
        follows_json: config.scan_json,
        counts: [0; Rule::COUNT],
    };
    check_masks(&scanner, &redactor)?;
    Ok((scanner, redactor))
}

struct Draft {
    rules: RuleSet,
    styles: Vec<Style>,
    literals: Vec<Literal>,
    allowed: Vec<(Option<Rule>, Glob)>,
    has_key: bool,
}

impl Draft {
    fn builtin(&mut self, config: &mut Config) -> Result<(), String> {
        for (rule, said) in std::mem::take(&mut config.rules).into_table().into_values() {
            let path = format!("rules.{}", rule.builtin_name());
            if said.action == Action::Keep {
                self.rules.remove(rule)
            } else {
                self.rules.insert(rule)
            }
            let keep_last = keep_last(&format!("{path}.keep_last"), said.keep_last)?;
            self.style(rule, said.action, keep_last, &path)?;
            said.allow.iter().try_for_each(|pattern| self.allow(Some(rule), pattern))?;
        }
        if let Some(style) = self.styles.get_mut(Rule::KEY.index()) {
            style.keep_last = keep_last("keys.keep_last", Some(config.keys.keep_last))?;
        }
        if self.rules.has(Rule::URL_QUERY) {
            let said = config.urls.sensitive_query_parameters.take();
            let standard = || prefixes::QUERY.iter().map(|name| (*name).to_owned()).collect();
            for name in said.unwrap_or_else(standard) {
                self.literals.push(parameter(&name)?);
            }
        }
        Ok(())
    }

    fn custom(&mut self, number: usize, custom: CustomRule, mask: &str) -> Result<(), String> {
        let path = format!("custom[{number}]");
        let rule = Rule::custom(number)
            .ok_or_else(|| format!("config key `{path}`: there may be {CUSTOM_MAX} custom rules at most"))?;
        let is_name = |name: &str| {
            (1..=32).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        };
        if !is_name(&custom.name) || self.styles.iter().any(|style| style.name == custom.name) {
            return Err(format!(
                "config key `{path}.name`: give a name of up to 32 small letters and underscores that no other rule has"
            ));
        }
        if custom.prefix.len() < PREFIX_MIN || !custom.prefix.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(format!(
                "config key `{path}.prefix`: give at least {PREFIX_MIN} printable ASCII characters"
            ));
        }
        let (min, exact) = match (custom.min_length, custom.length) {
            (Some(min @ 1..), None) => (min, false),
            (None, Some(length @ 1..)) => (length, true),
            _ => {
                return Err(format!("config key `{path}`: give either `min_length` or `length`, at least 1"));
            }
        };
        let run = Run { body: custom.charset.body(), min, exact, cut: false };
        if custom.action != Action::Keep {
            self.rules.insert(rule);
            let text = Cow::Owned(custom.prefix.into_bytes());
            self.literals.push(Literal { text, fold: false, rule, tail: Tail::Run(run) });
        }
        if let Some(style) = self.styles.get_mut(rule.index()) {
            style.mask = mask_of(mask, &custom.name);
            style.name = custom.name;
        }
        self.style(rule, custom.action, KEEP_LAST, &path)?;
        custom.allow.iter().try_for_each(|pattern| self.allow(Some(rule), pattern))
    }

    fn style(&mut self, rule: Rule, action: Action, keep_last: usize, path: &str) -> Result<(), String> {
        if action == Action::Token && !self.has_key {
            return Err(needs_key(&format!("{path}.action")));
        }
        if let Some(style) = self.styles.get_mut(rule.index()) {
            (style.action, style.keep_last) = (action, keep_last);
        }
        Ok(())
    }

    fn allow(&mut self, rule: Option<Rule>, pattern: &str) -> Result<(), String> {
        let globs = Glob::parse(pattern).map_err(|error| format!("config key `allow`: {error}"))?;
        self.allowed.extend(globs.into_iter().map(|glob| (rule, glob)));
        Ok(())
    }
}

fn styles(mask: &str) -> Vec<Style> {
    let named = Rule::detectors().chain([Rule::KEY]).map(Rule::builtin_name);
    let custom = std::iter::repeat_n("", Rule::COUNT - Rule::KEY.index() - 1);
    named
        .chain(custom)
        .map(|name| Style {
            name: name.to_owned(),
            mask: mask_of(mask, name),
            action: Action::Mask,
            keep_last: KEEP_LAST,
        })
        .collect()
}

fn mask_of(template: &str, name: &str) -> Box<[u8]> {
    template.replace("{rule}", name).into_bytes().into()
}

fn keep_last(path: &str, said: Option<usize>) -> Result<usize, String> {
    match said.unwrap_or(KEEP_LAST) {
        count @ 0..=KEEP_LAST_MAX => Ok(count),
        _ => Err(format!("config key `{path}`: keep {KEEP_LAST_MAX} characters at most")),
    }
}

fn needs_key(path: &str) -> String {
    format!("config key `{path}`: tokens need a key; set `token.key_file` or `token.key`")
}

fn parameter(name: &str) -> Result<Literal, String> {
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
        return Err(format!(
            "config key `urls.sensitive_query_parameters`: `{name}` is not the name of a parameter"
        ));
    }
    Ok(prefixes::query_parameter(name))
}

fn keys(rules: Vec<KeyRule>, defaults: bool, has_key: bool) -> Result<Keys, String> {
    let mut own = Vec::new();
    for (number, rule) in rules.into_iter().enumerate() {
        let path = format!("keys.rules[{number}]");
        if rule.action == KeyAction::Token && !has_key {
            return Err(needs_key(&format!("{path}.action")));
        }
        for pattern in &rule.patterns {
            let globs =
                Glob::parse(pattern).map_err(|error| format!("config key `{path}.match`: {error}"))?;
            own.extend(globs.into_iter().map(|glob| (glob, rule.action)));
        }
    }
    Keys::new(own, defaults)
}

fn tokens(config: TokenConfig) -> Result<Tokens, String> {
    let key = match (config.key, config.key_file) {
        (Some(key), None) => key.into_bytes(),
        (None, Some(path)) => read_key(&path).map_err(|error| {
            format!("config key `token.key_file`: {path} cannot be read ({error}); is it among the plugin's `files`?")
        })?,
        _ => return Err("config key `token`: give either `key_file` or `key`".to_owned()),
    };
    Tokens::new(&key, &config.key_id, config.length)
}

/// The file's bytes without the line end that editors add.
fn read_key(path: &str) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    let mut key = Vec::new();
    std::fs::File::open(path)?.take(KEY_FILE_MAX).read_to_end(&mut key)?;
    key.truncate(key.trim_ascii_end().len());
    Ok(key)
}

/// A mask must survive in JSON and in the next run of the same rules.
fn check_masks(scanner: &Scanner, redactor: &Redactor) -> Result<(), String> {
    for style in &redactor.replacer.styles {
        let mask = &*style.mask;
        let is_plain = mask.iter().all(|byte| matches!(byte, b' '..=b'~') && !b"\"\\@%/".contains(byte));
        let starts_well = mask.first().is_some_and(|byte| b"[<(*#".contains(byte));
        if !is_plain || !starts_well || mask.len() > MASK_MAX {
            return Err(format!(
                "config key `mask`: give up to {MASK_MAX} printable ASCII characters that begin with one of \
                 [ < ( * # and hold none of \" \\ @ % /"
            ));
        }
        if !redactor.find(scanner, mask).found.is_empty() {
            return Err("config key `mask`: a rule would find the mask itself; choose another".to_owned());
        }
    }
    Ok(())
}
