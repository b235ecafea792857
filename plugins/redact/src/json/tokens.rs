//! The tokens of a JSON text, checked against the grammar as far as structure goes.
//!
//! Cut-off documents and several documents in a row are telemetry's daily bread, so both are fine; where
//! the grammar is broken, the rest is handed out as plain text.

use std::ops::Range;

/// One token, by its place in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// The name of a member, without its quotes.
    Name(Range<usize>),
    /// A string, without its quotes.
    String(Range<usize>),
    /// A number, `true`, `false` or `null`.
    Scalar(Range<usize>),
    /// The start of an object or array.
    Open,
    /// Its end.
    Close,
    /// From here on it is not JSON.
    Rest(usize),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    /// A value; `close` tells whether the array may end instead.
    Value { close: bool },
    /// A name; `close` tells whether the object may end instead.
    Name { close: bool },
    /// A comma or the end of the container.
    Comma,
    /// Nothing more.
    End,
}

/// Iterates over the tokens. Its memory is one bit a level of nesting.
pub struct Tokens<'t> {
    text: &'t [u8],
    at: usize,
    expect: Expect,
    /// A bit for each open container: whether it is an object.
    objects: Vec<u64>,
    depth: usize,
}

impl<'t> Tokens<'t> {
    /// Starts at the beginning of the text.
    pub fn new(text: &'t [u8]) -> Tokens<'t> {
        Tokens { text, at: 0, expect: Expect::Value { close: false }, objects: Vec::new(), depth: 0 }
    }

    fn blank(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.text.get(self.at) {
            self.at += 1;
        }
    }

    fn open(&mut self, is_object: bool) -> Token {
        let (word, bit) = (self.depth / 64, self.depth % 64);
        if self.objects.len() <= word {
            self.objects.push(0);
        }
        if let Some(bits) = self.objects.get_mut(word) {
            *bits = *bits & !(1 << bit) | u64::from(is_object) << bit;
        }
        self.depth += 1;
        self.at += 1;
        self.expect = if is_object { Expect::Name { close: true } } else { Expect::Value { close: true } };
        Token::Open
    }

    fn close(&mut self) -> Token {
        self.depth -= 1;
        self.at += 1;
        self.after_value();
        Token::Close
    }

    fn is_in_object(&self) -> bool {
        let top = self.depth.saturating_sub(1);
        self.depth > 0 && self.objects.get(top / 64).is_some_and(|bits| bits >> (top % 64) & 1 == 1)
    }

    /// At the top another document may follow.
    fn after_value(&mut self) {
        self.expect = if self.depth == 0 { Expect::Value { close: false } } else { Expect::Comma };
    }

    /// The string at the current quote, without quotes; up to the end of the text if it is cut.
    fn string(&mut self) -> Range<usize> {
        let start = self.at + 1;
        let mut at = start;
        loop {
            match memchr::memchr2(b'"', b'\\', self.text.get(at..).unwrap_or(&[])) {
                Some(found) if self.text.get(at + found) == Some(&b'\\') => at += found + 2,
                Some(found) => {
                    self.at = at + found + 1;
                    return start..at + found;
                }
                None => {
                    self.at = self.text.len();
                    return start.min(self.text.len())..self.text.len();
                }
            }
        }
    }

    fn scalar(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        let rest = self.text.get(start..)?;
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        let length = rest.iter().take_while(|byte| is_part(byte)).count();
        let word = rest.get(..length)?;
        let is_cut = start + length == self.text.len();
        let is_word = |whole: &[u8]| word == whole || (is_cut && !word.is_empty() && whole.starts_with(word));
        let is_number = match word {
            [b'-', digit, ..] | [digit, ..] if digit.is_ascii_digit() => {
                word.iter().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte))
            }
            _ => false,
        };
        if !is_number && !is_word(b"true") && !is_word(b"false") && !is_word(b"null") {
            return None;
        }
        self.at += length;
        Some(start..self.at)
    }

    fn value(&mut self, byte: u8) -> Option<Token> {
        Some(match byte {
            b'{' => self.open(true),
            b'[' => self.open(false),
            b'"' => {
                let string = self.string();
                self.after_value();
                Token::String(string)
            }
            _ => {
                let scalar = self.scalar()?;
                self.after_value();
                Token::Scalar(scalar)
            }
        })
    }

    fn name(&mut self) -> Option<Token> {
        let name = self.string();
        self.blank();
        match self.text.get(self.at) {
            Some(b':') => self.at += 1,
            Some(_) => return None,
            // Without its colon it may as well be text: strings are looked at, names are not.
            None => return Some(Token::String(name)),
        }
        self.expect = Expect::Value { close: false };
        Some(Token::Name(name))
    }

    /// The next token, or nothing where the grammar is broken.
    fn step(&mut self, byte: u8) -> Option<Token> {
        match (self.expect, byte) {
            (Expect::Value { close: true }, b']') | (Expect::Name { close: true }, b'}') => {
                Some(self.close())
            }
            (Expect::Value { .. }, _) => self.value(byte),
            (Expect::Name { .. }, b'"') => self.name(),
            (Expect::Comma, b'}') if self.is_in_object() => Some(self.close()),
            (Expect::Comma, b']') if !self.is_in_object() => Some(self.close()),
            (Expect::Comma, b',') => {
                self.at += 1;
                let in_object = self.is_in_object();
                self.expect =
                    if in_object { Expect::Name { close: false } } else { Expect::Value { close: false } };
                self.blank();
                let next = *self.text.get(self.at)?;
                self.step(next)
            }
            _ => None,
        }
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        if self.expect == Expect::End {
            return None;
        }
        self.blank();
        let byte = *self.text.get(self.at)?;
        let start = self.at;
        let token = self.step(byte);
        if token.is_none() {
            self.expect = Expect::End;
            return (start < self.text.len()).then_some(Token::Rest(start));
        }
        token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str) -> Vec<String> {
        let slice = |range: Range<usize>| text[range].to_owned();
        Tokens::new(text.as_bytes())
            .map(|token| match token {
                Token::Name(range) => format!("name {}", slice(range)),
                Token::String(range) => format!("string {}", slice(range)),
                Token::Scalar(range) => format!("scalar {}", slice(range)),
                Token::Open => "open".to_owned(),
                Token::Close => "close".to_owned(),
                Token::Rest(start) => format!("rest {}", slice(start..text.len())),
            })
            .collect()
    }

    #[test]
    fn documents_are_cut_into_tokens() {
        assert_eq!(
            show(r#" {"a": [1, "x\"y", null], "b":{}} "#),
            [
                "open",
                "name a",
                "open",
                "scalar 1",
                r#"string x\"y"#,
                "scalar null",
                "close",
                "name b",
                "open",
                "close",
                "close"
            ]
        );
    }

    #[test]
    fn cut_documents_are_read_up_to_the_cut() {
        assert_eq!(show(r#"{"a":"xy"#), ["open", "name a", "string xy"]);
        assert_eq!(show(r#"{"a":"xy\"#), ["open", "name a", "string xy\\"]);
        assert_eq!(show(r#"{"a":tr"#), ["open", "name a", "scalar tr"]);
        assert_eq!(show(r#"{"a"#), ["open", "string a"]);
        assert_eq!(show("[1,"), ["open", "scalar 1", "rest ,"]);
    }

    #[test]
    fn several_documents_may_follow_each_other() {
        assert_eq!(show("{}\n[2]"), ["open", "close", "open", "scalar 2", "close"]);
    }

    #[test]
    fn what_is_not_json_is_text_from_there_on() {
        assert_eq!(show("[INFO] x"), ["open", "rest INFO] x"]);
        assert_eq!(show(r#"{"a" "b"}"#), ["open", r#"rest "a" "b"}"#]);
        assert_eq!(show("[1}"), ["open", "scalar 1", "rest }"]);
        assert_eq!(show("]"), ["rest ]"]);
        assert_eq!(show("{\"a\":1 2"), ["open", "name a", "scalar 1", "rest 2"]);
    }

    #[test]
    fn deep_nesting_is_followed_without_recursion() {
        let text = "[".repeat(100_000) + &"]".repeat(100_000);
        assert_eq!(Tokens::new(text.as_bytes()).count(), 200_000);
    }
}
