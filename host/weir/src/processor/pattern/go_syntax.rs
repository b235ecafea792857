//! From the syntax of Go's regular expressions, in which the Collector's configurations are written, to that of the
//! `regex` crate. Both are children of RE2 and match alike; they differ in what they call a word or a digit, and in what
//! they take literally.

mod class;
mod escape;
#[cfg(test)]
mod tests;

/// The largest number of a counted repetition, as in Go.
const REPEAT_MAX: u32 = 1000;

/// A pattern in the other syntax.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Translated {
    pub text: String,
    /// The names of the groups, from the first one on.
    pub groups: Vec<Option<String>>,
}

/// What is wrong with a pattern, and at which character of it, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub at: usize,
    pub reason: &'static str,
}

type Result<T> = std::result::Result<T, Mistake>;

/// What stands before the place that is being read.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    /// Nothing that could be repeated.
    Nothing,
    Atom,
    Repetition,
}

struct Translator {
    chars: Vec<char>,
    at: usize,
    out: String,
    groups: Vec<Option<String>>,
    /// Where the groups begin that are open.
    open: Vec<usize>,
    before: Before,
}

/// Translates a whole pattern.
pub(super) fn translate(pattern: &str) -> Result<Translated> {
    let mut translator = Translator {
        chars: pattern.chars().collect(),
        at: 0,
        out: String::with_capacity(pattern.len()),
        groups: Vec::new(),
        open: Vec::new(),
        before: Before::Nothing,
    };
    while let Some(c) = translator.peek() {
        translator.one(c)?;
    }
    match translator.open.pop() {
        Some(at) => Err(Mistake { at: at + 1, reason: "this ( is not closed" }),
        None => Ok(Translated { text: translator.out, groups: translator.groups }),
    }
}

impl Translator {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn takes(&mut self, text: &str) -> bool {
        let is_there = text.chars().eq(self.chars.iter().skip(self.at).take(text.chars().count()).copied());
        if is_there {
            self.at += text.chars().count();
        }
        is_there
    }

    fn mistake<T>(&self, at: usize, reason: &'static str) -> Result<T> {
        Err(Mistake { at: at + 1, reason })
    }

    fn one(&mut self, c: char) -> Result<()> {
        let start = self.at;
        match c {
            '\\' => self.escape(),
            '[' => self.class(),
            '(' => self.group(),
            ')' => {
                self.at += 1;
                if self.open.pop().is_none() {
                    return self.mistake(start, "this ) closes nothing");
                }
                self.atom(")")
            }
            '|' => {
                self.at += 1;
                self.out.push('|');
                self.before = Before::Nothing;
                Ok(())
            }
            '*' | '+' | '?' => {
                self.at += 1;
                self.repetition(start, &c.to_string())
            }
            '{' => match self.counted()? {
                Some(count) => self.repetition(start, &count),
                None => {
                    self.at = start + 1;
                    self.atom("\\{")
                }
            },
            '.' | '^' | '$' => {
                self.at += 1;
                self.atom(c.encode_utf8(&mut [0; 4]))
            }
            _ => {
                self.at += 1;
                self.literal(c);
                Ok(())
            }
        }
    }

    fn atom(&mut self, text: &str) -> Result<()> {
        self.out.push_str(text);
        self.before = Before::Atom;
        Ok(())
    }

    fn literal(&mut self, c: char) {
        push_char(&mut self.out, c);
        self.before = Before::Atom;
    }

    fn repetition(&mut self, start: usize, operator: &str) -> Result<()> {
        match self.before {
            Before::Nothing => return self.mistake(start, "there is nothing to be repeated before this"),
            Before::Repetition => return self.mistake(start, "a repetition cannot be repeated itself"),
            Before::Atom => self.out.push_str(operator),
        }
        if self.takes("?") {
            self.out.push('?');
        }
        self.before = Before::Repetition;
        Ok(())
    }

    /// `{n}`, `{n,}` or `{n,m}`; anything else is literal.
    fn counted(&mut self) -> Result<Option<String>> {
        let start = self.at;
        self.at += 1;
        let Some(min) = self.number() else { return Ok(None) };
        let max = if self.takes(",") {
            if self.peek() == Some('}') { None } else { Some(self.number()) }
        } else {
            Some(Some(min))
        };
        if max == Some(None) || !self.takes("}") {
            return Ok(None);
        }
        let max = max.flatten();
        if min > REPEAT_MAX || max.is_some_and(|max| max > REPEAT_MAX || max < min) {
            return self
                .mistake(start, "a repetition counts from a smaller to a larger number, 1000 at most");
        }
        Ok(Some(match max {
            Some(max) if max == min => format!("{{{min}}}"),
            Some(max) => format!("{{{min},{max}}}"),
            None => format!("{{{min},}}"),
        }))
    }

    /// Digits without leading zeros; more than are allowed stand for a number that is too large.
    fn number(&mut self) -> Option<u32> {
        let digits: String = self.chars.iter().skip(self.at).take_while(|c| c.is_ascii_digit()).collect();
        if digits.is_empty() || digits.len() > 1 && digits.starts_with('0') {
            return None;
        }
        self.at += digits.len();
        Some(digits.parse().unwrap_or(u32::MAX))
    }

    fn group(&mut self) -> Result<()> {
        let start = self.at;
        self.at += 1;
        if !self.takes("?") {
            self.groups.push(None);
            return self.open_group(start, "(");
        }
        if self.takes("P<") || self.takes("<") {
            let name: String = self.chars.iter().skip(self.at).take_while(|c| **c != '>').collect();
            self.at += name.chars().count();
            let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if !self.takes(">") || !is_name {
                return self.mistake(start, "the name of a group is made of letters, digits and _");
            }
            if self.groups.contains(&Some(name.clone())) {
                return self.mistake(start, "another group has this name already");
            }
            self.groups.push(Some(name));
            return self.open_group(start, "(");
        }
        let mut flags = String::new();
        loop {
            match self.next() {
                Some(c @ ('i' | 'm' | 's' | 'U')) => flags.push(c),
                Some('-') if !flags.contains('-') => flags.push('-'),
                Some(':') if !flags.ends_with('-') => {
                    return self.open_group(start, &format!("(?{flags}:"));
                }
                Some(')') if !flags.ends_with('-') => {
                    // They hold from here on; without any there is nothing to say.
                    if !flags.is_empty() {
                        self.out.push_str(&format!("(?{flags})"));
                    }
                    self.before = Before::Nothing;
                    return Ok(());
                }
                _ => {
                    let reason = "a group begins with ( or (?: or (?P<name> or flags of i, m, s and U; there is no \
                                  look-ahead, no look-behind and no reference to a group";
                    return self.mistake(start, reason);
                }
            }
        }
    }

    fn open_group(&mut self, start: usize, text: &str) -> Result<()> {
        self.out.push_str(text);
        self.open.push(start);
        self.before = Before::Nothing;
        Ok(())
    }
}

/// A character that stands for itself, in a class or outside of one.
fn push_char(out: &mut String, c: char) {
    match c {
        // The crate has meanings of its own for \< and \>.
        '<' | '>' | '_' => out.push(c),
        _ if c.is_ascii_alphanumeric() || !c.is_ascii() => out.push(c),
        _ if c.is_ascii_graphic() => out.extend(['\\', c]),
        _ => out.push_str(&format!("\\x{:02X}", u32::from(c))),
    }
}
