//! From the syntax of Go's regular expressions, in which the Collector's configurations are written, to that of the
//! `regex` crate. Both are children of RE2 and match alike; they differ in what they call a word or a digit, and in what
//! they take literally.

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

    fn escape(&mut self) -> Result<()> {
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
    fn unicode_class(&mut self) -> Result<String> {
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
    fn escaped_char(&mut self, start: usize) -> Result<char> {
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

    fn class(&mut self) -> Result<()> {
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

/// The members of `\d` and its like, which are ASCII in Go, and whether they are what is left out.
fn perl_class(c: char) -> Option<(&'static str, bool)> {
    let members = match c.to_ascii_lowercase() {
        'd' => "0-9",
        's' => "\\t\\n\\x0C\\r\\x20",
        'w' => "0-9A-Za-z_",
        _ => return None,
    };
    Some((members, c.is_ascii_uppercase()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is(pattern: &str, expected: &str) {
        assert_eq!(
            translate(pattern).map(|translated| translated.text),
            Ok(expected.to_owned()),
            "{pattern}"
        );
    }

    #[test]
    fn classes_and_word_boundaries_are_ascii_as_in_go() {
        is(r"\d\D", "[0-9][^0-9]");
        is(r"\w+\W", "[0-9A-Za-z_]+[^0-9A-Za-z_]");
        is(r"\s[\s\S]", r"[\t\n\x0C\r\x20][\t\n\x0C\r\x20[^\t\n\x0C\r\x20]]");
        is(r"\bx\B", r"(?-u:\b)x(?-u:\B)");
        is(r"[[:alpha:][:^digit:]_]", "[[:alpha:][:^digit:]_]");
        is(r"\pL\p{Greek}\P{^Greek}\p{^Lu}[\pN]", r"\pL\p{Greek}\p{Greek}\P{Lu}[\pN]");
    }

    #[test]
    fn what_only_the_crate_has_a_meaning_for_stands_for_itself() {
        is("[a&&b]", r"[a\&\&b]");
        is("[a[b]", r"[a\[b]");
        is("[a~~b-]", r"[a\~\~b\-]");
        is("[]a]", r"[\]a]");
        is("[^]-a]", r"[^\]-a]");
        is(r"\<a\>", "<a>");
        is("a{,3}", r"a\{\,3\}");
        is("a{x} { }", r"a\{x\}\x20\{\x20\}");
        is("a{01}", r"a\{01\}");
        is("#a b", r"\#a\x20b");
        is(r"\Qa.b\E.\Q*", r"a\.b.\*");
        is(r"\Qa\E+", "a+");
        is(r"\101\x41\x{1F600}\0", "AA\u{1f600}\\x00");
        is(r"\a\f\v\t", r"\x07\x0C\x0B\x09");
        is(r"[\n-\r\]]", r"[\x0A-\x0D\]]");
        is(r"[\d-z]", r"[0-9\-z]");
    }

    #[test]
    fn groups_and_repetitions_are_the_same_in_both() {
        is(r"(?i)a(?s-m:b)*?|c{2}{", r"(?i)a(?s-m:b)*?|c{2}\{");
        is("a{2,}b{2,2}?c{1,3}^$.", "a{2,}b{2}?c{1,3}^$.");
        let translated = translate(r"(a)(?P<one>b)(?<two2>(?:c))").unwrap();
        assert_eq!(translated.text, "(a)(b)((?:c))");
        let names = [None, Some("one".to_owned()), Some("two2".to_owned())];
        assert_eq!(translated.groups, names);
        is("", "");
        is("a||b()", "a||b()");
    }

    #[test]
    fn a_mistake_is_shown_where_it_is() {
        for (pattern, at) in [
            ("ab(c", 3),
            ("ab)", 3),
            ("x[a", 2),
            ("[]", 1),
            ("*a", 1),
            ("a|+", 3),
            ("a**", 3),
            ("a{2}{3}", 5),
            ("a{3,2}", 2),
            ("a{1001}", 2),
            ("a{99999999999}", 2),
            ("(?=a)", 1),
            ("(?<!a)", 1),
            ("(?P=a)", 1),
            ("(?P<a>b)(?P<a>c)", 9),
            ("(?P<a b>c)", 1),
            ("(?x)a", 1),
            ("(?u:a)", 1),
            ("(?-)a", 1),
            (r"a\", 2),
            (r"a\1", 2),
            (r"\Z", 1),
            (r"\C", 1),
            (r"\p", 1),
            (r"\p{", 1),
            (r"\x4", 1),
            (r"\x{110000}", 1),
            (r"\x{d800}", 1),
            ("[z-a]", 2),
            ("[[:word2:]]", 2),
            ("\u{e4}\u{e4}(", 3),
        ] {
            match translate(pattern) {
                Err(mistake) => assert_eq!(mistake.at, at, "{pattern}: {}", mistake.reason),
                Ok(translated) => panic!("{pattern} became {}", translated.text),
            }
        }
    }
}
