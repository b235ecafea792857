//! What begins with a `\`.

use super::{Result, Translator};

impl Translator {
    pub(super) fn escape(&mut self) -> Result<()> {
        let start = self.at;
        match self.chars.get(self.at + 1).copied() {
            Some('b') => self.special("(?-u:\\b)"),
            Some('B') => self.special("(?-u:\\B)"),
            Some('A') => self.special("\\A"),
            Some('z') => self.special("\\z"),
            Some('Q') => {
                self.at += 2;
                while self.at < self.chars.len() && !self.takes("\\E") {
                    if let Some(c) = self.next() {
                        self.literal(c);
                    }
                }
                Ok(())
            }
            Some('p' | 'P') => {
                let class = self.unicode_class()?;
                self.atom(&class)
            }
            Some(c) if perl_class(c).is_some() => {
                let (members, is_negated) = perl_class(c).unwrap_or_default();
                self.special(&format!("[{}{members}]", if is_negated { "^" } else { "" }))
            }
            _ => {
                let c = self.escaped_char(start)?;
                self.literal(c);
                Ok(())
            }
        }
    }

    /// What an escape of two characters becomes.
    fn special(&mut self, text: &str) -> Result<()> {
        self.at += 2;
        self.atom(text)
    }

    /// `\pL`, `\p{Greek}` or `\p{^Greek}`, and the same with `\P`.
    pub(super) fn unicode_class(&mut self) -> Result<String> {
        let start = self.at;
        self.at += 1;
        let letter = self.next().unwrap_or('p');
        if !self.takes("{") {
            return match self.next() {
                Some(c) if c.is_ascii_alphabetic() => Ok(format!("\\{letter}{c}")),
                _ => self.mistake(start, "a class of characters has a name, as in \\p{Greek}"),
            };
        }
        let is_negated = self.takes("^") != (letter == 'P');
        let name: String = self.chars.iter().skip(self.at).take_while(|c| **c != '}').collect();
        self.at += name.chars().count();
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !self.takes("}") || !is_name {
            return self.mistake(start, "a class of characters has a name, as in \\p{Greek}");
        }
        Ok(format!("\\{}{{{name}}}", if is_negated { 'P' } else { 'p' }))
    }

    /// A character that is written as an escape, which begins at `start`.
    pub(super) fn escaped_char(&mut self, start: usize) -> Result<char> {
        self.at = start + 1;
        let Some(c) = self.next() else { return self.mistake(start, "a \\ at the end escapes nothing") };
        match c {
            'a' => Ok('\x07'),
            'f' => Ok('\x0c'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'v' => Ok('\x0b'),
            'x' => self.hexadecimal(start),
            '0'..='7' if c == '0' || matches!(self.peek(), Some('0'..='7')) => {
                let mut code = u32::from(c) - u32::from('0');
                for _ in 0..2 {
                    let Some(digit @ '0'..='7') = self.peek() else { break };
                    self.at += 1;
                    code = code * 8 + u32::from(digit) - u32::from('0');
                }
                char::from_u32(code).map_or_else(|| self.mistake(start, "this is no character"), Ok)
            }
            _ if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok(c),
            _ => self.mistake(start, "this escape does not exist"),
        }
    }

    fn hexadecimal(&mut self, start: usize) -> Result<char> {
        let digits: String = if self.takes("{") {
            let digits: String = self.chars.iter().skip(self.at).take_while(|c| **c != '}').collect();
            self.at += digits.chars().count();
            if !self.takes("}") {
                return self.mistake(start, "this escape is not closed");
            }
            digits
        } else {
            let digits = self.chars.iter().skip(self.at).take(2).collect::<String>();
            self.at += digits.chars().count();
            if digits.chars().count() == 2 { digits } else { String::new() }
        };
        let is_hex = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_hexdigit());
        let code = if is_hex { u32::from_str_radix(&digits, 16).ok() } else { None };
        match code.and_then(char::from_u32) {
            Some(c) => Ok(c),
            None => {
                self.mistake(start, "expected \\x and two hexadecimal digits, or \\x{...} with a code point")
            }
        }
    }
}

/// The members of `\d` and its like, which are ASCII in Go, and whether they are what is left out.
pub(super) fn perl_class(c: char) -> Option<(&'static str, bool)> {
    let members = match c.to_ascii_lowercase() {
        'd' => "0-9",
        's' => "\\t\\n\\x0C\\r\\x20",
        'w' => "0-9A-Za-z_",
        _ => return None,
    };
    Some((members, c.is_ascii_uppercase()))
}
