//! Whole requests: recorded ones, truncated ones, and such as come in parts.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::change::Answer;
use common::checks::SIGNALS;
use common::dice::Dice;
use common::{decode, interests, seen};
use weir_otlp::{Cursor, EditsRef, Interest, Plan, Signal, Tape, View, count, field, kind, op};

/// Requests as real SDKs have sent them; the repository has a folder of them.
fn recorded() -> Vec<(String, Signal, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/recorded");
    let Ok(files) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut requests = Vec::new();
    for file in files {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let signal = SIGNALS.into_iter().find(|signal| name.starts_with(signal.name()));
        if let (Some(signal), true) = (signal, name.ends_with(".bin")) {
            requests.push((name, signal, std::fs::read(&path).unwrap()));
        }
    }
    requests
}

/// Shows all parts of a request to plugin 0 and applies the answer to each; the request that comes out.
fn run(
    plan: &Plan,
    request: &[u8],
    parts: &mut usize,
    mut answer: impl FnMut(&View) -> Answer,
) -> (Tape, Vec<u8>) {
    let (mut tape, mut view, mut out) = (Tape::default(), View::default(), Vec::new());
    tape.walk(plan, request).unwrap();
    let mut from = Cursor::default();
    while let Some(next) = view.build(plan, 0, &tape, request, from) {
        *parts += 1;
        let answer = answer(&view);
        let edits = EditsRef { index: &answer.index, bytes: &answer.bytes };
        tape.apply(plan, 0, &mut view, edits).unwrap();
        if view.is_last() {
            break;
        }
        from = next;
    }
    tape.splice(plan, request, &mut out);
    (tape, out)
}

#[test]
fn recorded_requests_come_back_byte_for_byte_and_are_seen_as_decoded() {
    let interest = interests::everything();
    for (name, signal, request) in recorded() {
        let model = decode::model(signal, &request).unwrap();
        let plan = Plan::new(signal, &[&interest]);
        let mut parts = 0;
        let (tape, out) = run(&plan, &request, &mut parts, |view| {
            let real = seen::read(view, &interest.selectors);
            let expected = seen::expected(&model, &interests::Allows { interest: &interest, signal });
            seen::compare(&real.groups, &expected, &mut seen::Numbers::default());
            Answer::default()
        });
        assert_eq!((out, parts), (request, 1), "{name}");
        assert_eq!(tape.items(), model.items() as u64);
    }
}

#[test]
fn every_string_of_a_recorded_request_can_be_masked() {
    let interest = interests::everything();
    for (name, signal, request) in recorded() {
        let plan = Plan::new(signal, &[&interest]);
        let (_, out) = run(&plan, &request, &mut 0, |view| masked(view, |_| true));
        let (_, again) = run(&plan, &out, &mut 0, |view| {
            let (index, bytes) = (view.index(), view.bytes());
            let mut from = 0;
            for cell in 0..index[2] as usize {
                let at = 4 + 3 * index[1] as usize + 3 * cell;
                let value = &bytes[from..index[at + 2] as usize];
                assert!(index[at + 1] as u8 != kind::STRING || value == b"***", "{name}");
                from = index[at + 2] as usize + 1;
            }
            Answer::default()
        });
        assert_eq!(again, out);
        assert_eq!(count(signal, &out).unwrap(), count(signal, &request).unwrap());
    }
}

/// Replaces strings by three stars.
fn masked(view: &View, which: impl Fn(u32) -> bool) -> Answer {
    let index = view.index();
    let cells = 4 + 3 * index[1] as usize;
    let mut answer = Answer::default();
    for cell in (0..index[2]).filter(|&cell| which(cell)) {
        if index[cells + 3 * cell as usize + 1] as u8 == kind::STRING {
            answer.push(op::REPLACE, kind::STRING, cell, 0, b"***");
        }
    }
    answer
}

#[test]
fn a_request_that_ends_anywhere_is_accepted_exactly_if_a_decoder_accepts_it() {
    let mut requests = recorded();
    for seed in 0..12u8 {
        let bytes: Vec<u8> =
            (0..600u32).map(|at| (at.wrapping_mul(0x9e37_79b1 + 2 * u32::from(seed)) >> 13) as u8).collect();
        let (signal, request) = common::checks::valid_request(&mut Dice::new(&bytes));
        requests.push((format!("generated {seed}"), signal, request));
    }
    let interest = interests::everything();
    for (name, signal, request) in requests {
        let plan = Plan::new(signal, &[&interest]);
        let mut tape = Tape::default();
        // Recorded requests are long, and each prefix is decoded twice.
        let step = 1 + request.len() / 1500;
        for end in (0..request.len()).step_by(step) {
            let cut = &request[..end];
            assert_eq!(tape.walk(&plan, cut).is_ok(), decode::model(signal, cut).is_ok(), "{name} to {end}");
        }
    }
}

/// Many logs in two resources, of which the second has a large attribute.
fn many(items: usize, large: usize) -> Vec<u8> {
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
    use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
    use opentelemetry_proto::tonic::resource::v1::Resource;
    use prost::Message;
    let text = |key: &str, text: String| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(Value::StringValue(text)) }),
        key_strindex: 0,
    };
    let group = |from: usize, large: usize| {
        let record = |item: usize| LogRecord {
            severity_text: "INFO".to_owned(),
            attributes: vec![text("item", format!("{item}"))],
            ..LogRecord::default()
        };
        let log_records = (from..from + items / 2).map(record).collect();
        let attributes = vec![text("service.name", "x".repeat(large))];
        ResourceLogs {
            resource: Some(Resource { attributes, ..Resource::default() }),
            scope_logs: vec![ScopeLogs { log_records, ..ScopeLogs::default() }],
            ..ResourceLogs::default()
        }
    };
    ExportLogsServiceRequest { resource_logs: vec![group(0, 7), group(items / 2, large)] }.encode_to_vec()
}

#[test]
fn a_large_request_comes_in_parts_and_is_edited_like_a_small_one() {
    let request = many(20_000, 100);
    let interest = interests::everything();
    let plan = Plan::new(Signal::Logs, &[&interest]);
    let (mut parts, mut items, mut service_names) = (0, 0, 0);
    let (_, out) = run(&plan, &request, &mut parts, |view| {
        items += view.items();
        assert!(view.items() <= 4096);
        let seen = seen::read(view, &interest.selectors);
        service_names += seen.groups.iter().filter(|group| !group.cells.is_empty()).count();
        masked(view, |_| true)
    });
    // The second resource starts in the third part, and so stands in it, too.
    assert_eq!((parts, items, service_names), (5, 20_000, 6));
    let model = decode::model(Signal::Logs, &out).unwrap();
    let mut strings = 0;
    model.each(&mut |entity| {
        for field in &entity.fields {
            assert_eq!(seen::bytes_of(&field.leaf.value), b"***");
            strings += 1;
        }
    });
    assert_eq!(strings, 2 + 2 * 20_000);
}

#[test]
fn what_is_dropped_in_one_part_is_gone_in_the_next() {
    let request = many(20_000, 100);
    let interest = interests::everything();
    let plan = Plan::new(Signal::Logs, &[&interest]);
    let (mut is_first, mut items) = (true, 0);
    let (tape, out) = run(&plan, &request, &mut 0, |view| {
        items += view.items();
        let mut answer = Answer::default();
        // The first resource goes with the first part; then every second item.
        if std::mem::take(&mut is_first) {
            answer.push(op::DROP, 0, 0, 0, &[]);
            return answer;
        }
        for entity in (2..view.index()[1]).step_by(2) {
            answer.push(op::DROP, 0, entity, 0, &[]);
        }
        answer
    });
    assert_eq!(items, 4096 + 10_000);
    assert_eq!(tape.items_left(), 5_000);
    let model = decode::model(Signal::Logs, &out).unwrap();
    assert_eq!((model.groups.len(), model.items()), (1, 5_000));
}

/// The work of all parts together, in bytes and words that a plugin gets.
fn shown(plan: &Plan, request: &[u8]) -> (usize, usize) {
    let (mut parts, mut bytes) = (0, 0);
    run(plan, request, &mut parts, |view| {
        bytes += view.bytes().len() + 4 * view.index().len();
        Answer::default()
    });
    (parts, bytes)
}

#[test]
fn a_large_resource_that_comes_with_each_part_at_most_doubles_the_work() {
    let interest = interests::everything();
    let plan = Plan::new(Signal::Logs, &[&interest]);
    let (_, small) = shown(&plan, &many(60_000, 10));
    let (parts, large) = shown(&plan, &many(60_000, 3 << 20));
    assert!(parts > 1);
    assert!(large <= 2 * (small + (3 << 20)), "{large} bytes shown in {parts} parts");
}

#[test]
fn edits_cannot_make_a_request_grow_without_bound() {
    // One attribute with a long key, and many that are to have the same one.
    let long = "k".repeat(1 << 20);
    let mut pair = vec![0x0a];
    prost::encoding::encode_varint(long.len() as u64, &mut pair);
    pair.extend(long.as_bytes());
    let mut scope = vec![0x12];
    let mut record = vec![0x32];
    prost::encoding::encode_varint(pair.len() as u64, &mut record);
    record.extend(pair);
    prost::encoding::encode_varint(record.len() as u64, &mut scope);
    scope.extend(record);
    for _ in 0..600 {
        scope.extend([0x12, 5, 0x32, 3, 0x0a, 1, b'a']);
    }
    let wrap = |tag: u8, inner: Vec<u8>| {
        let mut out = vec![tag];
        prost::encoding::encode_varint(inner.len() as u64, &mut out);
        out.extend(inner);
        out
    };
    let request = wrap(0x0a, wrap(0x12, scope));
    let interest = interests::everything();
    let plan = Plan::new(Signal::Logs, &[&interest]);
    let (mut tape, mut view) = (Tape::default(), View::default());
    tape.walk(&plan, &request).unwrap();
    view.build(&plan, 0, &tape, &request, Cursor::default()).unwrap();
    let long = field::NAMED + interest.selectors.len() as u32;
    let mut answer = Answer::default();
    for cell in 1..=600 {
        answer.push(op::RENAME, 0, cell, long, &[]);
    }
    let edits = EditsRef { index: &answer.index, bytes: &answer.bytes };
    let error = tape.apply(&plan, 0, &mut view, edits).unwrap_err();
    assert!(error.to_string().contains("grow by more than 256 MiB"), "{error}");
    assert!(!tape.is_changed());
}

#[test]
fn a_small_request_of_very_many_fields_is_refused() {
    // Two bytes are an empty attribute: 4.5 million of them.
    let record = [0x32, 0].repeat(4_500_000);
    let wrap = |tag: u8, inner: Vec<u8>| {
        let mut out = vec![tag];
        prost::encoding::encode_varint(inner.len() as u64, &mut out);
        out.extend(inner);
        out
    };
    let request = wrap(0x0a, wrap(0x12, wrap(0x12, record)));
    let interest = interests::everything();
    let error = Tape::default().walk(&Plan::new(Signal::Logs, &[&interest]), &request).unwrap_err();
    assert!(error.is_too_large(), "{error}");
    let nobody = Interest { signals: Signal::Traces.bit(), ..interest };
    assert!(Tape::default().walk(&Plan::new(Signal::Logs, &[&nobody]), &request).is_ok());
}
