//! Keys and tokens that a prefix gives away.

use std::ops::Range;

use super::runs::Runs;
use crate::{scan::literal::Run, text};

/// The fewest body characters of a token that the end of the value cuts.
const CUT_MIN: usize = 8;

/// The token whose prefix starts at `start` and whose body at `body`.
pub fn find(value: &[u8], start: usize, body: usize, run: Run, runs: &mut Runs) -> Option<Range<usize>> {
    let min = usize::from(run.min);
    let end = runs.end(value, run.body, body);
    let length = end - body;
    let is_whole = (length == min || (length > min && !run.exact)) && text::closes(value, end);
    let is_cut = run.cut && length < min && length >= CUT_MIN && end == value.len() && {
        // Words look like short tokens; without a digit it is too likely to be one.
        value.get(body..end).is_some_and(|body| body.iter().any(u8::is_ascii_digit))
    };
    (is_whole || is_cut).then_some(start..end)
}
