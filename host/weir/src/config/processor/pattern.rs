//! Regular expressions in a configuration.

use crate::config::at::At;
use crate::config::diagnostic::Diagnostic;
use crate::processor::Pattern;

/// Compiles the one that stands here.
pub(super) fn read(text: &str, at: &At<'_>, problems: &mut Vec<Diagnostic>) -> Option<Pattern> {
    Pattern::new(text).map_err(|error| problems.push(at.problem(error.to_string()))).ok()
}

/// Compiles a list.
pub(super) fn read_all(texts: &[String], at: &At<'_>, problems: &mut Vec<Diagnostic>) -> Vec<Pattern> {
    let one = |(place, text): (usize, &String)| read(text, &at.item(place), problems);
    texts.iter().enumerate().filter_map(one).collect()
}
