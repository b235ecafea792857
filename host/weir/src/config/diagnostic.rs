//! Where something stands in a configuration file, and what is wrong there.

use std::fmt;
use std::sync::Arc;

/// A position in a configuration source. Lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file as the user named it, or a name such as `--set` for text that is in no file.
    pub file: Arc<str>,
    /// The line, or 0 if the whole source is meant.
    pub line: u32,
    /// The column in characters.
    pub column: u32,
}

impl Place {
    /// The whole source, where no line can be named.
    pub fn whole(file: impl Into<Arc<str>>) -> Self {
        Place { file: file.into(), line: 0, column: 0 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}", self.file),
            line => write!(f, "{}:{line}:{}", self.file, self.column),
        }
    }
}

/// One thing that is wrong (or odd) in a configuration. Never holds the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where, if it is anywhere in particular.
    pub place: Option<Place>,
    /// The keys that lead there, joined by `::` as the Collector joins them. Empty for the root.
    pub path: String,
    /// What is wrong and, where it is not plain, what to do.
    pub reason: String,
    /// The valid name that is nearest to what was written.
    pub suggestion: Option<String>,
    /// Every name that would have been valid.
    pub valid: Vec<String>,
    /// Whether weir runs all the same.
    pub is_warning: bool,
    /// Lines that show what to do, for those who read at a terminal.
    pub shown: Option<&'static str>,
}

impl Diagnostic {
    /// A diagnostic without a place.
    pub fn new(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Diagnostic {
            place: None,
            path: path.into(),
            reason: reason.into(),
            suggestion: None,
            valid: Vec::new(),
            is_warning: false,
            shown: None,
        }
    }

    /// The same, at a place.
    pub fn at(mut self, place: &Place) -> Self {
        self.place = Some(place.clone());
        self
    }

    /// The same, with the names that would have been valid, and the nearest of them to `written`.
    pub fn with_valid<'a>(mut self, written: &str, valid: impl IntoIterator<Item = &'a str>) -> Self {
        self.valid = valid.into_iter().map(str::to_owned).collect();
        self.suggestion = super::suggest::nearest(written, self.valid.iter().map(String::as_str));
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.reason)?;
        if let Some(suggestion) = &self.suggestion {
            write!(f, "; did you mean \"{suggestion}\"?")?;
        }
        if !self.valid.is_empty() {
            write!(f, " (valid: {})", self.valid.join(", "))?;
        }
        Ok(())
    }
}

/// Appends a key to a path of keys.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}::{key}") }
}
