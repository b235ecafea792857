//! What stands where a finding stood: a mask, a part of it, or a keyed token.
//!
//! No replacement is ever found again: masks and tokens start with a character that ends every token and is in
//! no number, partial ones keep less than a rule needs.

use serde::Deserialize;

use crate::{keys::KeyAction, rule::Rule, token::Tokens, verify::Found};

/// What a rule does with what it finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Replace all of it.
    #[default]
    Mask,
    /// Keep the part that helps and does not identify: an e-mail's domain, the last digits of a card.
    Partial,
    /// Replace it by a token that is the same for the same text.
    Token,
    /// Leave it: the rule is off.
    Keep,
}

/// What stands for a hidden character.
const STARS: &[u8] = b"****";
/// A value must have this many characters per one that a partial mask keeps.
const PARTIAL_RATIO: usize = 3;
const USERINFO: &[u8] = b"REDACTED:REDACTED";
const PARAMETER: &[u8] = b"REDACTED";

/// How one rule's findings are replaced.
#[derive(Clone, Debug)]
pub struct Style {
    /// The rule's name, as in tokens.
    pub name: String,
    /// The mask.
    pub mask: Box<[u8]>,
    /// What to do.
    pub action: Action,
    /// Characters that `partial` keeps.
    pub keep_last: usize,
}

/// Replaces findings.
pub struct Replacer {
    /// By [`Rule::index`].
    pub styles: Vec<Style>,
    /// Makes tokens, if there is a key.
    pub tokens: Option<Tokens>,
    /// Whether attributes of data points get tokens where others get masks: a mask would merge time series.
    pub point_tokens: bool,
}

impl Replacer {
    /// Appends what replaces a finding. `is_point`: it stands in an attribute of a data point.
    pub fn write(&self, found: &Found, matched: &[u8], is_point: bool, out: &mut Vec<u8>) {
        let Some(style) = self.styles.get(found.rule.index()) else { return out.extend_from_slice(STARS) };
        let action = match style.action {
            _ if is_point && self.point_tokens => Action::Token,
            // What two rules found together, neither knows how to show in part.
            Action::Partial if found.united => Action::Mask,
            action => action,
        };
        match (action, &self.tokens) {
            (Action::Token, Some(tokens)) => tokens.write(found.rule, &style.name, matched, out),
            (Action::Partial, _) => partial(found.rule, style, matched, out),
            _ => mask(found.rule, style, matched, out),
        }
    }

    /// Appends what replaces the whole value under a key. False if the value is empty or replaced already.
    pub fn write_key(&self, action: KeyAction, value: &[u8], is_point: bool, out: &mut Vec<u8>) -> bool {
        let Some(style) = self.styles.get(Rule::KEY.index()).filter(|_| !value.is_empty()) else {
            return false;
        };
        let tokens = match action {
            _ if is_point && self.point_tokens => self.tokens.as_ref(),
            KeyAction::Token => self.tokens.as_ref(),
            _ => None,
        };
        let kept = style.keep_last;
        let is_done = match (tokens, action) {
            (Some(tokens), _) => tokens.is_token(&style.name, value),
            (None, KeyAction::Partial) => {
                *value == *style.mask
                    || (value.starts_with(STARS) && value.len() == last(value, kept).len() + STARS.len())
            }
            (None, _) => *value == *style.mask,
        };
        if is_done {
            return false;
        }
        match (tokens, action) {
            (Some(tokens), _) => tokens.write(Rule::KEY, &style.name, value, out),
            (None, KeyAction::Partial) => keep_last(style, value, out),
            (None, _) => out.extend_from_slice(&style.mask),
        }
        true
    }
}

fn mask(rule: Rule, style: &Style, matched: &[u8], out: &mut Vec<u8>) {
    match rule {
        // The semantic conventions say how URLs are redacted, and these texts keep them well-formed.
        Rule::URL_USERINFO if matched.contains(&b':') => out.extend_from_slice(USERINFO),
        Rule::URL_QUERY => out.extend_from_slice(PARAMETER),
        _ => out.extend_from_slice(&style.mask),
    }
}

fn partial(rule: Rule, style: &Style, matched: &[u8], out: &mut Vec<u8>) {
    match rule {
        Rule::EMAIL => {
            let domain = [&b"@"[..], b"%40"].iter().find_map(|at| memchr::memmem::rfind(matched, at));
            out.extend_from_slice(b"***");
            out.extend_from_slice(domain.and_then(|at| matched.get(at..)).unwrap_or(&[]));
        }
        Rule::URL_USERINFO => {
            let user = memchr::memchr(b':', matched).and_then(|colon| matched.get(..colon)).unwrap_or(&[]);
            out.extend_from_slice(user);
            out.extend_from_slice(b":REDACTED");
        }
        Rule::PRIVATE_KEY => mask(rule, style, matched, out),
        _ => keep_last(style, matched, out),
    }
}

/// The last characters behind stars, or the whole mask if they would be too much of the value.
fn keep_last(style: &Style, value: &[u8], out: &mut Vec<u8>) {
    let kept = last(value, style.keep_last);
    if kept.len() * PARTIAL_RATIO > value.len() {
        return out.extend_from_slice(&style.mask);
    }
    out.extend_from_slice(STARS);
    out.extend_from_slice(kept);
}

/// The last characters of the text, whole ones only.
fn last(text: &[u8], count: usize) -> &[u8] {
    let is_start = |byte: &&u8| **byte & 0xc0 != 0x80;
    let starts = text.iter().enumerate().rev().filter(|(_, byte)| is_start(byte));
    let start = starts.take(count).last().map_or(text.len(), |(place, _)| place);
    text.get(start..).unwrap_or(&[])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(rule: Rule, action: Action) -> Style {
        Style { name: rule.builtin_name().to_owned(), mask: (*b"[X]").into(), action, keep_last: 4 }
    }

    fn replaced(rule: Rule, action: Action, matched: &str, united: bool) -> String {
        let styles = (0..Rule::COUNT).map(|_| style(rule, action)).collect();
        let replacer = Replacer { styles, tokens: None, point_tokens: false };
        let mut out = Vec::new();
        let found = Found { start: 0, end: matched.len(), rule, united };
        replacer.write(&found, matched.as_bytes(), false, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn partial_masks_keep_what_helps() {
        let partial = |rule, matched| replaced(rule, Action::Partial, matched, false);
        assert_eq!(partial(Rule::EMAIL, "bob@example.com"), "***@example.com");
        assert_eq!(partial(Rule::EMAIL, "bob%40example.com"), "***%40example.com");
        assert_eq!(partial(Rule::CREDIT_CARD, "4111 1111 1111 1234"), "****1234");
        assert_eq!(partial(Rule::URL_USERINFO, "bob:pw"), "bob:REDACTED");
        assert_eq!(partial(Rule::ASSIGNMENT, "hunter2"), "[X]");
        assert_eq!(partial(Rule::PRIVATE_KEY, "-----BEGIN"), "[X]");
    }

    #[test]
    fn united_findings_are_never_shown_in_part() {
        assert_eq!(replaced(Rule::EMAIL, Action::Partial, "bob@example.com", true), "[X]");
    }

    #[test]
    fn urls_stay_urls() {
        assert_eq!(replaced(Rule::URL_USERINFO, Action::Mask, "bob:pw", false), "REDACTED:REDACTED");
        assert_eq!(replaced(Rule::URL_QUERY, Action::Mask, "abc", false), "REDACTED");
    }

    #[test]
    fn the_last_characters_are_whole_ones() {
        assert_eq!(last("ab\u{e9}\u{e9}".as_bytes(), 2), "\u{e9}\u{e9}".as_bytes());
        assert_eq!(last(b"ab", 9), b"ab");
        assert_eq!(last(b"ab", 0), b"");
    }
}
