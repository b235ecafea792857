//! Regular expressions as the Collector's configurations have them: in Go's syntax, compiled within bounds.

mod go_syntax;

use std::fmt;

use regex::bytes::{Captures, Regex, RegexBuilder, RegexSet, RegexSetBuilder};

/// What one compiled pattern may take of memory, and the table that matching builds as it goes.
const COMPILED_BYTES_MAX: usize = 4 << 20;
const TABLE_BYTES_MAX: usize = 1 << 20;

/// A compiled pattern. Matching takes time in proportion to the text, whatever the pattern.
#[derive(Clone)]
pub struct Pattern {
    source: String,
    translated: String,
    groups: Vec<Option<String>>,
    regex: Regex,
}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It cannot be read; the character is counted from 1.
    #[error("at character {at} of the regular expression: {reason}")]
    Syntax {
        /// Where.
        at: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// It can be read, but means nothing, such as a class that nobody knows.
    #[error("in the regular expression: {0}")]
    Meaning(String),
    /// It is too large to be kept in memory.
    #[error("the regular expression needs more than {} MiB; repeat less in it", COMPILED_BYTES_MAX >> 20)]
    TooLarge,
}

// === impl Pattern ===

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// What is wrong with it, and where. It never shows the pattern, which may come from a secret.
    pub fn new(source: &str) -> Result<Pattern, PatternError> {
        let go_syntax::Translated { text, groups } = go_syntax::translate(source)
            .map_err(|go_syntax::Mistake { at, reason }| PatternError::Syntax { at, reason })?;
        let regex = RegexBuilder::new(&text)
            .size_limit(COMPILED_BYTES_MAX)
            .dfa_size_limit(TABLE_BYTES_MAX)
            .build()
            .map_err(meaning)?;
        Ok(Pattern { source: source.to_owned(), translated: text, groups, regex })
    }

    /// Whether it matches anywhere in the text.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.regex.is_match(text)
    }

    /// The names of its groups, from the first one on.
    pub fn groups(&self) -> &[Option<String>] {
        &self.groups
    }

    /// The first match with its groups.
    pub fn captures<'t>(&self, text: &'t [u8]) -> Option<Captures<'t>> {
        self.regex.captures(text)
    }

    /// The matches, as ranges of the text. One that would cut a character in two is none.
    pub fn matches<'t>(&'t self, text: &'t str) -> impl Iterator<Item = std::ops::Range<usize>> + 't {
        self.regex
            .find_iter(text.as_bytes())
            .map(|found| found.range())
            .filter(|range| text.is_char_boundary(range.start) && text.is_char_boundary(range.end))
    }
}

/// The last line of the crate's message; the others show the pattern.
fn meaning(error: regex::Error) -> PatternError {
    match error {
        regex::Error::CompiledTooBig(_) => PatternError::TooLarge,
        error => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            PatternError::Meaning(last.strip_prefix("error: ").unwrap_or(last).to_owned())
        }
    }
}

/// Two are equal if they are written alike.
impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The text may be a secret.
        f.debug_struct("Pattern").finish_non_exhaustive()
    }
}

/// Several patterns, of which it is asked first whether any matches at all: mostly none does, and one look at the text tells.
#[derive(Clone, Default)]
pub struct PatternSet {
    patterns: Vec<Pattern>,
    any: Option<RegexSet>,
}

impl PatternSet {
    /// A set of these.
    pub fn new(patterns: Vec<Pattern>) -> PatternSet {
        let texts = patterns.iter().map(|pattern| &pattern.translated);
        let any = RegexSetBuilder::new(texts)
            .size_limit(COMPILED_BYTES_MAX)
            .dfa_size_limit(TABLE_BYTES_MAX)
            .build()
            .ok()
            .filter(|_| patterns.len() > 1);
        PatternSet { patterns, any }
    }

    /// The patterns, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Pattern> {
        self.patterns.iter()
    }

    /// Whether any of them matches.
    pub fn is_match(&self, text: &[u8]) -> bool {
        match &self.any {
            Some(any) => any.is_match(text),
            // One alone, or too large together.
            None => self.patterns.iter().any(|pattern| pattern.is_match(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_match(pattern: &str, text: &str) -> bool {
        Pattern::new(pattern).unwrap().is_match(text.as_bytes())
    }

    #[test]
    fn it_matches_what_go_matches() {
        assert!(is_match("^[0-9]{4}$", "1234"));
        assert!(!is_match(r"^\d$", "\u{663}"), "an Arabic digit is none");
        assert!(is_match(r"^\W$", "\u{e4}"), "nor is an umlaut a word");
        assert!(is_match(r"\b\x{e4}?x\b", "\u{e4}x"));
        assert!(is_match("(?i)^GR\u{dc}N$", "gr\u{fc}n"));
        assert!(!is_match("^a.b$", "a\nb"));
        assert!(!is_match("^b$", "a\nb"));
        assert!(is_match("(?m)^b$", "a\nb"));
        assert!(is_match(r"^\p{Greek}+$", "\u{3b1}\u{3b2}"));
        assert!(is_match(r"^[^\d\s]+$", "\u{e4}b"));
    }

    #[test]
    fn a_match_never_cuts_a_character() {
        let pattern = Pattern::new(r"\B").unwrap();
        let text = "\u{1f600}";
        assert!(pattern.matches(text).all(|range| text.is_char_boundary(range.start)));
    }

    #[test]
    fn empty_matches_beside_a_match_are_none_as_in_go() {
        let ranges = |text: &str| {
            let pattern = Pattern::new(".*").unwrap();
            pattern.matches(text).map(|range| (range.start, range.end)).collect::<Vec<_>>()
        };
        assert_eq!(ranges("abc"), [(0, 3)]);
        assert_eq!(ranges("a\nb"), [(0, 1), (2, 3)]);
        assert_eq!(ranges(""), [(0, 0)]);
        assert_eq!(ranges("\n"), [(0, 0), (1, 1)]);
    }

    #[test]
    fn what_is_wrong_is_said_without_the_pattern() {
        let error = |pattern: &str| Pattern::new(pattern).unwrap_err();
        assert_eq!(
            error("s3cret[").to_string(),
            "at character 7 of the regular expression: this [ is not closed"
        );
        let unknown = error(r"s3cret\p{Klingon}").to_string();
        assert!(unknown.starts_with("in the regular expression: Unicode property not found"), "{unknown}");
        assert!(!unknown.contains("s3cret"), "{unknown}");
        assert_eq!(error(r"(\pL{1000}){1000}"), PatternError::TooLarge);
        assert!(!format!("{:?}", Pattern::new("s3cret").unwrap()).contains("s3cret"));
    }

    #[test]
    fn a_set_matches_if_any_of_it_does() {
        let set = |patterns: &[&str]| {
            PatternSet::new(patterns.iter().map(|pattern| Pattern::new(pattern).unwrap()).collect())
        };
        assert!(!set(&[]).is_match(b"a"));
        assert!(set(&["a"]).is_match(b"ba"));
        assert!(set(&["x", "^b"]).is_match(b"ba"));
        assert!(!set(&["x", "^a"]).is_match(b"ba"));
    }
}
