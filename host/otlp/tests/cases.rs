//! Single cases: what each edit does to the bytes, values that stand twice, depth, and what is refused.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::change::Answer;
use common::{decode, interests};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use prost::Message;
use weir_otlp::{
    Applied, Cursor, EditError, EditFault, EditsRef, Interest, Plan, READ, Selector, Signal, Tape, View,
    WRITE, field, kind, level, op,
};

fn record(attributes: &[(&str, &str)]) -> LogRecord {
    let pair = |(key, value): &(&str, &str)| KeyValue {
        key: (*key).to_owned(),
        value: Some(AnyValue { value: Some(Value::StringValue((*value).to_owned())) }),
        key_strindex: 0,
    };
    LogRecord { attributes: attributes.iter().map(pair).collect(), ..LogRecord::default() }
}

fn request(log_records: Vec<LogRecord>) -> Vec<u8> {
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }.encode_to_vec()
}

/// Wraps the payload of one log record into a request, by hand.
fn wrap(record: &[u8]) -> Vec<u8> {
    (0..3).fold(record.to_vec(), |inner, depth| {
        let mut out = vec![if depth == 2 { 0x0a } else { 0x12 }];
        prost::encoding::encode_varint(inner.len() as u64, &mut out);
        out.extend(inner);
        out
    })
}

fn len(tag: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    prost::encoding::encode_varint(payload.len() as u64, &mut out);
    out.extend_from_slice(payload);
    out
}

/// One plugin that may do everything answers once.
fn edited(request: &[u8], answer: &Answer) -> Result<(Vec<u8>, Applied), EditError> {
    let interest = interests::everything();
    let plan = Plan::new(Signal::Logs, &[&interest]);
    let (mut tape, mut view, mut out) = (Tape::default(), View::default(), Vec::new());
    tape.walk(&plan, request).unwrap();
    view.build(&plan, 0, &tape, request, Cursor::default()).unwrap();
    let edits = EditsRef { index: &answer.index, bytes: &answer.bytes };
    let applied = tape.apply(&plan, 0, &mut view, edits)?;
    tape.splice(&plan, request, &mut out);
    Ok((out, applied))
}

fn decoded(request: &[u8]) -> Vec<LogRecord> {
    let request = ExportLogsServiceRequest::decode(request).unwrap();
    request.resource_logs.into_iter().flat_map(|g| g.scope_logs).flat_map(|s| s.log_records).collect()
}

fn answer(edits: &[(u8, u8, u32, u32, &[u8])]) -> Answer {
    let mut answer = Answer::default();
    for &(op, kind, target, field, value) in edits {
        answer.push(op, kind, target, field, value);
    }
    answer
}

/// The third entity, after the resource and the scope.
const RECORD: u32 = 2;

#[test]
fn each_edit_does_what_it_says() {
    let before = request(vec![record(&[("a", "1"), ("b", "2")])]);
    let defined = (op::NAME, kind::STRING, 0, 0, &b"c"[..]);
    let key = field::DEFINED;
    type Edit<'a> = (u8, u8, u32, u32, &'a [u8]);
    let check = |edits: &[Edit], after: &[(&str, &str)]| {
        let (out, _) = edited(&before, &answer(edits)).unwrap();
        assert_eq!(decoded(&out), [record(after)]);
    };
    check(&[(op::REPLACE, kind::STRING, 0, 0, b"new")], &[("a", "new"), ("b", "2")]);
    check(&[(op::REMOVE, 0, 1, 0, b"")], &[("a", "1")]);
    check(&[defined, (op::RENAME, 0, 0, key, b"")], &[("c", "1"), ("b", "2")]);
    check(&[defined, (op::SET, kind::STRING, RECORD, key, b"3")], &[("a", "1"), ("b", "2"), ("c", "3")]);
    check(&[defined, (op::INSERT, kind::STRING, RECORD, key, b"3")], &[("a", "1"), ("b", "2"), ("c", "3")]);
    // The view's own names are `a` and `b`: numbered behind the selectors.
    let names = field::NAMED + interests::everything().selectors.len() as u32;
    check(&[(op::SET, kind::STRING, RECORD, names, b"3")], &[("a", "3"), ("b", "2")]);
    check(&[(op::INSERT, kind::STRING, RECORD, names, b"3")], &[("a", "1"), ("b", "2")]);
    check(&[(op::UNSET, 0, RECORD, names + 1, b"")], &[("a", "1")]);
    check(&[(op::RENAME, 0, 0, names + 1, b"")], &[("b", "1")]);
}

#[test]
fn a_dropped_item_takes_its_empty_parents_along() {
    let one = request(vec![record(&[("a", "1")])]);
    let two = request(vec![record(&[]), record(&[("a", "1")])]);
    let (out, applied) = edited(&one, &answer(&[(op::DROP, 0, RECORD, 0, b"")])).unwrap();
    assert_eq!((out.len(), applied), (0, Applied { edits: 1, items_dropped: 1 }));
    let (out, _) = edited(&two, &answer(&[(op::DROP, 0, RECORD, 0, b"")])).unwrap();
    assert_eq!(out, one);
    let (out, applied) = edited(&two, &answer(&[(op::DROP, 0, 1, 0, b"")])).unwrap();
    assert_eq!((out.len(), applied.items_dropped), (0, 2));
}

#[test]
fn the_next_plugin_does_not_see_what_was_emptied() {
    let request = request(vec![record(&[("a", "1")])]);
    let everything = interests::everything();
    let plan = Plan::new(Signal::Logs, &[&everything, &everything]);
    let (mut tape, mut view) = (Tape::default(), View::default());
    tape.walk(&plan, &request).unwrap();
    view.build(&plan, 0, &tape, &request, Cursor::default()).unwrap();
    let drop = answer(&[(op::DROP, 0, RECORD, 0, b"")]);
    let edits = EditsRef { index: &drop.index, bytes: &drop.bytes };
    tape.apply(&plan, 0, &mut view, edits).unwrap();
    assert_eq!(view.build(&plan, 1, &tape, &request, Cursor::default()), None);
}

/// `KeyValue { key: "k", value: "old", value: "new" }`: decoders take the last value.
fn pair_of_two_values() -> Vec<u8> {
    let value = |text: &[u8]| len(0x12, &len(0x0a, text));
    let pair = [len(0x0a, b"k"), value(b"old"), value(b"new")].concat();
    wrap(&len(0x32, &pair))
}

/// The same in one value: `AnyValue { string: "old", string: "new" }`.
fn value_of_two_members() -> Vec<u8> {
    let value = len(0x12, &[len(0x0a, b"old"), len(0x0a, b"new")].concat());
    wrap(&len(0x32, &[len(0x0a, b"k"), value].concat()))
}

#[test]
fn a_value_that_comes_twice_is_shown_twice_and_edited_as_one_attribute() {
    let names = field::NAMED + interests::everything().selectors.len() as u32;
    for request in [pair_of_two_values(), value_of_two_members()] {
        assert_eq!(decoded(&request), [record(&[("k", "new")])]);
        let result = |edits: &[(u8, u8, u32, u32, &[u8])]| {
            let (out, _) = edited(&request, &answer(edits)).unwrap();
            let still = out.windows(3).any(|text| text == b"old");
            (decoded(&out), still)
        };
        let both = [(op::REPLACE, 1, 0, 0, &b"x"[..]), (op::REPLACE, 1, 1, 0, b"y")];
        assert_eq!(result(&both), (vec![record(&[("k", "y")])], false));
        for cell in [0, 1] {
            assert_eq!(result(&[(op::REMOVE, 0, cell, 0, b"")]), (vec![record(&[])], false));
            let rename = [(op::NAME, 1, 0, 0, &b"z"[..]), (op::RENAME, 0, cell, field::DEFINED, b"")];
            assert_eq!(result(&rename), (vec![record(&[("z", "new")])], true));
        }
        let twice = [
            (op::NAME, 1, 0, 0, &b"y"[..]),
            (op::NAME, 1, 0, 0, b"z"),
            (op::RENAME, 0, 0, field::DEFINED, b""),
            (op::RENAME, 0, 1, field::DEFINED + 1, b""),
        ];
        assert_eq!(result(&twice).0, [record(&[("z", "new")])]);
        assert_eq!(result(&[(op::UNSET, 0, RECORD, names, b"")]), (vec![record(&[])], false));
        let set = [(op::SET, 1, RECORD, names, &b"x"[..])];
        assert_eq!(result(&set), (vec![record(&[("k", "x")])], false));
        let mixed = [(op::REPLACE, 1, 0, 0, &b"x"[..]), (op::REMOVE, 0, 1, 0, b"")];
        assert_eq!(result(&mixed), (vec![record(&[])], false));
    }
}

#[test]
fn a_field_that_comes_twice_is_shown_twice_and_written_as_one() {
    // severity_text "old", then "new"; and "old", then nothing.
    for second in [&b"new"[..], b""] {
        let request = wrap(&[len(0x1a, b"old"), len(0x1a, second)].concat());
        let result = |edits: &[(u8, u8, u32, u32, &[u8])]| {
            let (out, _) = edited(&request, &answer(edits)).unwrap();
            assert!(!out.windows(3).any(|text| text == b"old"));
            decoded(&out)[0].severity_text.clone()
        };
        assert_eq!(result(&[(op::SET, 1, RECORD, field::SEVERITY_TEXT, b"x")]), "x");
        assert_eq!(result(&[(op::UNSET, 0, RECORD, field::SEVERITY_TEXT, b"")]), "");
        assert_eq!(result(&[(op::REMOVE, 0, 1, 0, b"")]), "");
        assert_eq!(result(&[(op::REPLACE, 1, 0, 0, b"x"), (op::REPLACE, 1, 1, 0, b"y")]), "y");
        assert_eq!(result(&[(op::REPLACE, 1, 1, 0, b"")]), "");
    }
}

#[test]
fn a_key_that_comes_twice_is_renamed_as_one() {
    let pair = [len(0x0a, b"old"), len(0x12, &len(0x0a, b"1")), len(0x0a, b"k")].concat();
    let request = wrap(&len(0x32, &pair));
    let rename = answer(&[(op::NAME, 1, 0, 0, b"z"), (op::RENAME, 0, 0, field::DEFINED, b"")]);
    let (out, _) = edited(&request, &rename).unwrap();
    assert_eq!(decoded(&out), [record(&[("z", "1")])]);
    assert!(!out.windows(3).any(|text| text == b"old"));
}

fn fault(edits: &[(u8, u8, u32, u32, &[u8])]) -> EditFault {
    let request = request(vec![record(&[("a", "1")])]);
    match edited(&request, &answer(edits)) {
        Err(EditError::Edit { fault, .. }) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_wrong_with_an_edit_is_told() {
    use EditFault::*;
    let attribute = field::NAMED + interests::everything().selectors.len() as u32;
    assert_eq!(fault(&[(op::REPLACE, 1, 7, 0, b"")]), Target);
    assert_eq!(fault(&[(op::DROP, 0, 3, 0, b"")]), Target);
    assert_eq!(fault(&[(op::REPLACE, 1, 0, 0, b"\xff")]), Utf8);
    assert_eq!(fault(&[(op::REPLACE, kind::INT, 0, 0, b"1234567")]), Value);
    assert_eq!(fault(&[(op::REPLACE, kind::BOOL, 0, 0, b"\x02")]), Value);
    assert_eq!(fault(&[(op::REPLACE, kind::ENCODED, 0, 0, b"\x0a\x05")]), Value);
    assert_eq!(fault(&[(op::REPLACE, kind::ARRAY, 0, 0, b"")]), Kind);
    assert_eq!(fault(&[(op::SET, 1, RECORD, field::TIME, b"")]), Kind);
    assert_eq!(fault(&[(op::SET, 1, RECORD, 15, b"")]), Field);
    assert_eq!(fault(&[(op::SET, 1, RECORD, field::DEFINED, b"")]), Field);
    assert_eq!(fault(&[(op::SET, 1, RECORD, attribute + 1, b"")]), Field);
    assert_eq!(fault(&[(op::SET, 1, RECORD, field::UNIT, b"")]), NotDeclared);
    assert_eq!(fault(&[(op::SET, 1, 0, field::BODY, b"")]), NotDeclared);
    assert_eq!(fault(&[(op::SET, kind::BYTES, RECORD, field::TRACE_ID, b"short")]), IdLength);
    assert_eq!(fault(&[(op::SET, kind::BYTES, RECORD, field::SPAN_ID, b"")]), IdLength);
    assert_eq!(fault(&[(op::SET, 3, RECORD, field::SEVERITY_NUMBER, b"\x19\0\0\0\0\0\0\0")]), Range);
    assert_eq!(fault(&[(op::SET, 3, RECORD, field::FLAGS, b"\0\0\0\0\x01\0\0\0")]), Range);
    assert_eq!(fault(&[(op::RENAME, 0, 0, field::BODY, b"")]), NotAnAttribute);
    assert_eq!(fault(&[(op::REMOVE, 0, 0, 0, b""), (op::REPLACE, 1, 0, 0, b"x")]), Contradiction);
    assert_eq!(fault(&[(op::NAME, 1, 0, 0, b"")]), Value);
    assert_eq!(fault(&[(99, 0, 0, 0, b"")]), Op);
}

#[test]
fn what_an_interest_does_not_declare_is_refused() {
    let request = request(vec![record(&[("a", "1"), ("b", "2")])]);
    let selector = |name: &str, access| Selector {
        field: field::ATTRIBUTE,
        access,
        name: name.to_owned(),
        ..Selector::default()
    };
    let interest = Interest {
        signals: Signal::Logs.bit(),
        selectors: vec![selector("*", READ), selector("a", WRITE)],
        drops: 1 << level::SCOPE,
        ..Interest::default()
    };
    let plan = Plan::new(Signal::Logs, &[&interest]);
    let apply = |edits: &[(u8, u8, u32, u32, &[u8])]| {
        let (mut tape, mut view) = (Tape::default(), View::default());
        tape.walk(&plan, &request).unwrap();
        view.build(&plan, 0, &tape, &request, Cursor::default()).unwrap();
        let answer = answer(edits);
        let edits = EditsRef { index: &answer.index, bytes: &answer.bytes };
        tape.apply(&plan, 0, &mut view, edits).map_err(|error| match error {
            EditError::Edit { fault, .. } => fault,
            other => panic!("{other}"),
        })
    };
    let b = field::NAMED + 2;
    assert!(apply(&[(op::REPLACE, 1, 0, 0, b"x")]).is_ok());
    assert!(apply(&[(op::DROP, 0, 1, 0, b"")]).is_ok());
    assert_eq!(apply(&[(op::DROP, 0, RECORD, 0, b"")]), Err(EditFault::NotDeclared));
    assert_eq!(apply(&[(op::REPLACE, 1, 1, 0, b"x")]), Err(EditFault::NotDeclared));
    assert_eq!(apply(&[(op::REMOVE, 0, 1, 0, b"")]), Err(EditFault::NotDeclared));
    assert_eq!(apply(&[(op::SET, 1, RECORD, b, b"x")]), Err(EditFault::NotDeclared));
    // Renaming needs both keys.
    assert_eq!(apply(&[(op::RENAME, 0, 0, b, b"")]), Err(EditFault::NotDeclared));
    assert_eq!(apply(&[(op::RENAME, 0, 1, field::NAMED + 1, b"")]), Err(EditFault::NotDeclared));
}

/// A log with a body of that many arrays, each in the other.
fn nested(depth: usize) -> Vec<u8> {
    let mut value = len(0x0a, b"x");
    for _ in 0..depth {
        value = len(0x2a, &len(0x0a, &value));
    }
    wrap(&len(0x2a, &value))
}

#[test]
fn a_hundred_levels_of_nesting_pass_and_one_more_is_refused() {
    let interest = interests::everything();
    for plan in [Plan::new(Signal::Logs, &[&interest]), Plan::new(Signal::Logs, &[])] {
        assert!(Tape::default().walk(&plan, &nested(100)).is_ok());
        let error = Tape::default().walk(&plan, &nested(101)).unwrap_err();
        assert!(error.to_string().contains("deeper than 100 levels"), "{error}");
    }
    // prost counts the messages, and an array is two of them: it stops before.
    assert!(decode::model(Signal::Logs, &nested(40)).is_ok());
    assert!(decode::model(Signal::Logs, &nested(60)).is_err());
}

#[test]
fn a_hundred_levels_of_unknown_groups_pass_and_one_more_is_refused() {
    let groups = |depth: usize| wrap(&[[0xc3, 0x3e].repeat(depth), [0xc4, 0x3e].repeat(depth)].concat());
    let plan = Plan::new(Signal::Logs, &[]);
    assert!(Tape::default().walk(&plan, &groups(100)).is_ok());
    assert!(Tape::default().walk(&plan, &groups(101)).is_err());
}

#[test]
fn a_leaf_at_depth_one_hundred_can_be_replaced() {
    let (out, _) = edited(&nested(100), &answer(&[(op::REPLACE, 1, 100, 0, b"longer than before")])).unwrap();
    assert!(out.ends_with(b"longer than before"));
    let plan = Plan::new(Signal::Logs, &[]);
    assert!(Tape::default().walk(&plan, &out).is_ok());
}

#[test]
fn profiles_are_counted_and_never_shown() {
    // resource_profiles { scope_profiles { profiles {} profiles {} } }, and a dictionary.
    let request =
        [len(0x0a, &len(0x12, &[len(0x12, b""), len(0x12, b"")].concat())), len(0x12, b"\xff")].concat();
    let interest = Interest { signals: u32::MAX, ..interests::everything() };
    let plan = Plan::new(Signal::Profiles, &[&interest]);
    assert!(!plan.wants(0));
    let mut tape = Tape::default();
    tape.walk(&plan, &request).unwrap();
    assert_eq!(tape.items(), 2);
    let mut out = Vec::new();
    tape.splice(&plan, &request, &mut out);
    assert_eq!(out, request);
}

#[test]
fn the_place_of_an_edit_is_that_of_its_item_and_says_nothing_else() {
    // Three resources of one, two and three records; the last record is the third of the third.
    let scopes =
        |count: usize| ScopeLogs { log_records: vec![record(&[("a", "1")]); count], ..ScopeLogs::default() };
    let resource =
        |count| ResourceLogs { scope_logs: vec![scopes(0), scopes(count)], ..ResourceLogs::default() };
    let request = ExportLogsServiceRequest { resource_logs: (1..=3).map(resource).collect() }.encode_to_vec();
    let interest = interests::everything();
    let plan = Plan::new(Signal::Logs, &[&interest]);
    let (mut tape, mut view) = (Tape::default(), View::default());
    tape.walk(&plan, &request).unwrap();
    view.build(&plan, 0, &tape, &request, Cursor::default()).unwrap();
    let place = |edits: &[(u8, u8, u32, u32, &[u8])], number| {
        let answer = answer(edits);
        let edits = EditsRef { index: &answer.index, bytes: &answer.bytes };
        tape.place_of_edit(&view, edits, number).map(|place| place.to_string())
    };
    // A resource, its two scopes, the records of the second: the first record is the entity 3, the last one 14.
    let (first, last_record, last_cell) = ("resource 0, scope 1, item 0 (counted from 0)", 14, 5);
    let last = "resource 2, scope 1, item 2 (counted from 0)";
    let both = [(op::REMOVE, 0, 0, 0, &b""[..]), (op::REPLACE, kind::INT, last_cell, 0, b"")];
    assert_eq!(place(&[(op::DROP, 0, 3, 0, b"")], 0).unwrap(), first);
    assert_eq!((place(&both, 0).unwrap(), place(&both, 1).unwrap()), (first.to_owned(), last.to_owned()));
    assert_eq!(place(&[(op::SET, 1, last_record, 0, b"")], 0).unwrap(), last);
    // A scope is no item, and what is not there is nowhere.
    for (op, target) in [(op::DROP, 1), (op::DROP, 15), (op::REMOVE, 6), (op::SET, u32::MAX)] {
        assert_eq!(place(&[(op, 0, target, 0, b"")], 0), None, "{op} {target}");
    }
    assert_eq!(place(&[], 0), None);
}
