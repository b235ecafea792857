//! The W3C trace state: reads OpenTelemetry's entry, `ot=th:c;rv:...`, and rewrites its `th` and nothing else.
//!
//! Entries of other vendors and other keys of `ot` are kept as they are and in their order. `rv` is never changed; it may
//! be added where there is none.

use crate::decide::{Former, Note};
use crate::threshold::{Randomness, Threshold};

/// The most members that a trace state may have.
const MEMBERS_MAX: usize = 32;
/// The longest value of the entry, in bytes.
const VALUE_BYTES_MAX: usize = 256;

/// What OpenTelemetry's entry says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TraceState {
    /// How the span was sampled before.
    pub former: Former,
    /// The explicit randomness, if there is a valid one.
    pub randomness: Option<Randomness>,
}

impl TraceState {
    pub fn read(text: &str) -> TraceState {
        let mut state = TraceState { former: Former::Unsaid, randomness: None };
        for (key, value) in members(text).find_map(entry).into_iter().flat_map(pairs) {
            match key {
                "th" => state.former = Threshold::parse(value).map_or(Former::Unreadable, Former::At),
                "rv" => state.randomness = Randomness::parse(value),
                _ => {}
            }
        }
        state
    }
}

/// The trace state with another `th`, written to `out`. An empty one is left if there was nothing else in it.
/// `rv` is added with a `th` that is written; there must be no valid one yet.
pub fn rewrite(text: &str, note: Note, rv: Option<Randomness>, out: &mut String) {
    out.clear();
    let new = match note {
        Note::Unchanged => return out.push_str(text),
        Note::Write(threshold) => Some(threshold),
        Note::Erase => None,
    };
    // A changed entry moves to the front, as W3C asks of whoever changes one.
    write_entry(members(text).find_map(entry).unwrap_or(""), new, rv.filter(|_| new.is_some()), out);
    let room = MEMBERS_MAX - usize::from(!out.is_empty());
    for member in members(text).filter(|member| entry(member).is_none()).take(room) {
        if !out.is_empty() {
            out.push(',');
        }
        out.push_str(member);
    }
}

/// Writes OpenTelemetry's entry: `th` first, then what else was in it. Nothing if there is nothing to say.
fn write_entry(value: &str, threshold: Option<Threshold>, rv: Option<Randomness>, out: &mut String) {
    use std::fmt::Write as _;

    const KEY: &str = "ot=";
    out.push_str(KEY);
    if let Some(threshold) = threshold {
        // Writing to a string cannot fail.
        let _ = write!(out, "th:{threshold}");
    }
    if let Some(rv) = rv {
        let _ = write!(out, ";rv:{rv}");
    }
    let is_new = |key: &str| key == "th" || key == "rv" && rv.is_some();
    let others = |out: &mut String| {
        for pair in
            value.split(';').filter(|pair| !pair.is_empty() && !pair.split(':').next().is_some_and(is_new))
        {
            if out.len() > KEY.len() {
                out.push(';');
            }
            out.push_str(pair);
        }
    };
    others(out);
    if out.len() > KEY.len() + VALUE_BYTES_MAX {
        // There is no room for a threshold beside what others have put there, which is not ours to remove.
        out.truncate(KEY.len());
        others(out);
    }
    if out.len() == KEY.len() {
        out.clear();
    }
}

fn members(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(|member| member.trim_matches([' ', '\t'])).filter(|member| !member.is_empty())
}

fn entry(member: &str) -> Option<&str> {
    member.strip_prefix("ot=")
}

fn pairs(value: &str) -> impl Iterator<Item = (&str, &str)> {
    value.split(';').filter_map(|pair| pair.split_once(':'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn th(text: &str) -> Threshold {
        Threshold::parse(text).unwrap()
    }

    fn rewritten(text: &str, note: Note) -> String {
        let mut out = "left over".to_owned();
        rewrite(text, note, None, &mut out);
        out
    }

    #[test]
    fn randomness_is_added_with_a_threshold_and_takes_the_place_of_one_that_cannot_be_read() {
        let rv = Randomness::parse("0123456789abcd");
        let mut out = String::new();
        for (text, note, expected) in [
            ("", Note::Write(th("8")), "ot=th:8;rv:0123456789abcd"),
            ("a=1,ot=x:y;rv:12", Note::Write(th("8")), "ot=th:8;rv:0123456789abcd;x:y,a=1"),
            ("ot=th:8;x:y", Note::Erase, "ot=x:y"),
        ] {
            rewrite(text, note, rv, &mut out);
            assert_eq!(out, expected, "{text}");
        }
    }

    #[test]
    fn the_entry_is_found_among_those_of_other_vendors() {
        let state = TraceState::read("vendor=a:b, ot=x:1;rv:0123456789abcd;th:c\t,other=th:8");
        assert_eq!(
            state,
            TraceState { former: Former::At(th("c")), randomness: Randomness::parse("0123456789abcd") }
        );
        assert_eq!(TraceState::read("tenant@ot=th:8,o=th:8"), TraceState::read(""));
    }

    #[test]
    fn what_cannot_be_read_is_told_from_what_is_not_there() {
        assert_eq!(TraceState::read("ot=th:C").former, Former::Unreadable);
        assert_eq!(TraceState::read("ot=rv:12").randomness, None);
        assert_eq!(TraceState::read("ot=").former, Former::Unsaid);
    }

    #[test]
    fn only_the_threshold_changes() {
        let write = Note::Write(th("e666"));
        assert_eq!(rewritten("", write), "ot=th:e666");
        assert_eq!(rewritten("a=1", write), "ot=th:e666,a=1");
        assert_eq!(
            rewritten("a=1,ot=x:y;th:8;rv:0123456789abcd,b=2", write),
            "ot=th:e666;x:y;rv:0123456789abcd,a=1,b=2"
        );
        assert_eq!(rewritten("a=1,ot=th:8", Note::Unchanged), "a=1,ot=th:8");
    }

    #[test]
    fn an_erased_threshold_leaves_the_rest() {
        assert_eq!(rewritten("a=1,ot=th:8;rv:0123456789abcd", Note::Erase), "ot=rv:0123456789abcd,a=1");
        assert_eq!(rewritten("a=1,ot=th:8", Note::Erase), "a=1");
        assert_eq!(rewritten("ot=th:8", Note::Erase), "");
    }

    #[test]
    fn limits_of_the_standard_are_kept() {
        let full: Vec<String> = (0..32).map(|n| format!("k{n}=v")).collect();
        let state = rewritten(&full.join(","), Note::Write(th("8")));
        assert_eq!(state.split(',').count(), 32);
        assert!(state.starts_with("ot=th:8,k0=v,") && !state.contains("k31"));
        let long = format!("ot=x:{}", "y".repeat(254));
        assert_eq!(rewritten(&long, Note::Write(th("8"))), long);
    }

    proptest! {
        #[test]
        fn rewriting_keeps_randomness_and_all_other_entries(
            before in proptest::collection::vec("[a-z]{2,5}=[a-z0-9:;]{0,6}", 0..6),
            keys in proptest::collection::vec("[a-su-z]{1,3}:[0-9a-z]{0,4}", 0..4),
            at in 0..7_usize, th_digits in "[0-9a-e]{1,13}[1-9]",
        ) {
            let others: Vec<String> = before.into_iter().filter(|member| !member.starts_with("ot=")).collect();
            let mut all = others.clone();
            let mut value = keys.clone();
            value.push("rv:0123456789abcd".to_owned());
            all.insert(at.min(others.len()), format!("ot={}", value.join(";")));
            let note = Note::Write(th(&th_digits));
            let state = rewritten(&all.join(","), note);
            let read = TraceState::read(&state);
            prop_assert_eq!(read.former, Former::At(th(&th_digits)));
            prop_assert_eq!(read.randomness, Randomness::parse("0123456789abcd"));
            prop_assert_eq!(members(&state).skip(1).collect::<Vec<_>>(), others);
            let rest: Vec<&str> = state.split(',').next().unwrap().split(';').skip(1).collect();
            prop_assert_eq!(rest, value);
            // A second time changes nothing.
            prop_assert_eq!(rewritten(&state, note), state);
        }
    }
}
