//! Classes of characters, such as `[a-z\d]`.

use super::escape::perl_class;
use super::{Result, Translator, push_char};

impl Translator {
    pub(super) fn class(&mut self) -> Result<()> {
        let start = self.at;
        self.at += 1;
        self.out.push('[');
        if self.takes("^") {
            self.out.push('^');
        }
        let mut is_first = true;
        loop {
            match self.peek() {
                None => return self.mistake(start, "this [ is not closed"),
                Some(']') if !is_first => break,
                Some('[') if self.chars.get(self.at + 1) == Some(&':') => self.named_class()?,
                Some('\\') => match self.chars.get(self.at + 1).copied() {
                    Some('p' | 'P') => {
                        let class = self.unicode_class()?;
                        self.out.push_str(&class);
                    }
                    Some(c) if perl_class(c).is_some() => {
                        self.at += 2;
                        let (members, is_negated) = perl_class(c).unwrap_or_default();
                        let (before, after) = if is_negated { ("[^", "]") } else { ("", "") };
                        self.out.extend([before, members, after]);
                    }
                    _ => self.range()?,
                },
                Some(_) => self.range()?,
            }
            is_first = false;
        }
        self.at += 1;
        self.atom("]")
    }

    /// One character of a class, or a range of them.
    fn range(&mut self) -> Result<()> {
        let start = self.at;
        let low = self.class_char()?;
        push_char(&mut self.out, low);
        let is_range = self.peek() == Some('-') && self.chars.get(self.at + 1).is_some_and(|c| *c != ']');
        if is_range {
            self.at += 1;
            let high = self.class_char()?;
            if high < low {
                return self.mistake(start, "a range of characters goes upwards");
            }
            self.out.push('-');
            push_char(&mut self.out, high);
        }
        Ok(())
    }

    fn class_char(&mut self) -> Result<char> {
        let start = self.at;
        match self.next() {
            Some('\\') => self.escaped_char(start),
            Some(c) => Ok(c),
            None => self.mistake(start, "a class of characters is not closed"),
        }
    }

    /// `[:alpha:]` or `[:^alpha:]`; without its end it is literal.
    fn named_class(&mut self) -> Result<()> {
        let start = self.at;
        let rest: String = self.chars.iter().skip(self.at + 2).collect();
        let Some((name, _)) = rest.split_once(":]") else { return self.range() };
        const NAMES: [&str; 14] = [
            "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
            "space", "upper", "word", "xdigit",
        ];
        if !NAMES.contains(&name.strip_prefix('^').unwrap_or(name)) {
            return self.mistake(start, "no class of characters has this name");
        }
        self.at += 4 + name.chars().count();
        self.out.extend(["[:", name, ":]"]);
        Ok(())
    }
}
