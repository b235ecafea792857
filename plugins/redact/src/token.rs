//! Keyed tokens: the same secret gives the same token everywhere under one key, and none gives the secret back.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::rule::Rule;

/// The shortest key in bytes: a guessable key makes every card number guessable.
pub const KEY_MIN: usize = 32;
/// The longest key identifier.
const KEY_ID_MAX: usize = 16;
/// Characters of a token: four bits of the code each.
pub const LENGTH_MIN: usize = 8;
/// The longest code; with the letters in use, no rule for keys matches anything so short.
pub const LENGTH_MAX: usize = 32;
/// Characters of a token unless the configuration says otherwise: 64 bits.
pub const LENGTH_DEFAULT: usize = 16;

/// Makes tokens of the form `<rule:key-id:code>`.
pub struct Tokens {
    keyed: Hmac<Sha256>,
    key_id: String,
    length: usize,
}

impl Tokens {
    /// The errors name the configuration key that is wrong, and never show the secret.
    pub fn new(key: &[u8], key_id: &str, length: usize) -> Result<Tokens, String> {
        if key.len() < KEY_MIN {
            return Err(format!(
                "config key `token`: the key has {} bytes; give at least {KEY_MIN} random ones",
                key.len()
            ));
        }
        let is_id = !key_id.is_empty()
            && key_id.len() <= KEY_ID_MAX
            && key_id.bytes().all(|b| b.is_ascii_alphanumeric());
        if !is_id {
            return Err(format!("config key `token.key_id`: give 1 to {KEY_ID_MAX} letters and digits"));
        }
        if !(LENGTH_MIN..=LENGTH_MAX).contains(&length) {
            return Err(format!("config key `token.length`: give {LENGTH_MIN} to {LENGTH_MAX} characters"));
        }
        let keyed =
            Hmac::new_from_slice(key).map_err(|_| "config key `token`: the key cannot be used".to_owned())?;
        Ok(Tokens { keyed, key_id: key_id.to_owned(), length })
    }

    /// Appends the token of `matched`. The rule is part of what is signed, so that equal texts found by different
    /// rules cannot be linked; the text is normalised first, so that spellings of one secret can.
    pub fn write(&self, rule: Rule, name: &str, matched: &[u8], out: &mut Vec<u8>) {
        let mut mac = self.keyed.clone();
        mac.update(name.as_bytes());
        mac.update(&[0]);
        normalise(rule, matched, |piece| mac.update(piece));
        let code = mac.finalize().into_bytes();
        let mut text = format!("<{name}:{}:", self.key_id);
        // Sixteen letters and no digits: whatever the code is, no rule for numbers can match it again.
        let halves = code.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        text.extend(halves.take(self.length).map(|half| char::from(b'a' + half)));
        let _ = text.write_char('>');
        out.extend_from_slice(text.as_bytes());
    }

    /// Whether the text is a token of this form.
    pub fn is_token(&self, name: &str, text: &[u8]) -> bool {
        let head = format!("<{name}:{}:", self.key_id);
        let code = text.strip_prefix(head.as_bytes()).and_then(|rest| rest.strip_suffix(b">"));
        code.is_some_and(|code| code.len() == self.length && code.iter().all(|b| (b'a'..=b'p').contains(b)))
    }
}

/// Hands out the text without the differences of spelling that mean nothing.
fn normalise(rule: Rule, matched: &[u8], mut take: impl FnMut(&[u8])) {
    match rule {
        Rule::EMAIL => {
            take(String::from_utf8_lossy(matched).to_ascii_lowercase().replace("%40", "@").as_bytes())
        }
        Rule::CREDIT_CARD | Rule::SSN | Rule::IBAN => {
            matched.iter().filter(|byte| byte.is_ascii_alphanumeric()).for_each(|byte| take(&[*byte]));
        }
        _ => take(matched),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(rule: Rule, text: &str) -> String {
        let mut out = Vec::new();
        let tokens = Tokens::new(&[7; 32], "k1", 16).unwrap();
        tokens.write(rule, rule.builtin_name(), text.as_bytes(), &mut out);
        assert!(tokens.is_token(rule.builtin_name(), &out));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn spellings_of_one_secret_share_a_token() {
        assert_eq!(token(Rule::EMAIL, "Bob@Example.com"), token(Rule::EMAIL, "bob%40example.com"));
        assert_eq!(
            token(Rule::CREDIT_CARD, "4111 1111 1111 1111"),
            token(Rule::CREDIT_CARD, "4111111111111111")
        );
        assert_ne!(token(Rule::API_KEY, "aB"), token(Rule::API_KEY, "Ab"));
    }

    #[test]
    fn one_text_found_by_two_rules_has_two_codes() {
        let code = |token: String| token.rsplit(':').next().map(str::to_owned);
        assert_ne!(code(token(Rule::EMAIL, "x")), code(token(Rule::API_KEY, "x")));
    }

    #[test]
    fn the_code_is_the_published_hmac_of_the_named_text() {
        // HMAC-SHA256 with 32 bytes of 7 over "email", a zero byte and "a@b.cd", computed elsewhere.
        assert_eq!(token(Rule::EMAIL, "a@b.cd"), "<email:k1:mhbbnmbfjdnjlajg>");
    }

    #[test]
    fn short_keys_and_odd_identifiers_are_refused() {
        assert!(Tokens::new(&[7; 31], "k1", 16).is_err());
        assert!(Tokens::new(&[7; 32], "k:1", 16).is_err());
        assert!(Tokens::new(&[7; 32], "", 16).is_err());
        assert!(Tokens::new(&[7; 32], "k1", 4).is_err());
    }
}
