//! The plugin as a whole: what it declares, what it refuses, and the laws that hold over many traces.
#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use sample::Sample;
use serde_json::{Value, json};
use weir_sdk::testing::{Document, Harness, take_counters};
use weir_sdk::{AnyValue, Field, Interest, Level, Signal};

fn harness(config: Value) -> Harness<Sample> {
    Harness::new(config).unwrap()
}

fn error(config: Value) -> String {
    Harness::<Sample>::new(config).err().unwrap()
}

/// Trace ids that are random, and the same on every run.
fn trace_ids(count: u64) -> impl Iterator<Item = String> {
    (1..=count).map(|number| {
        let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        format!("{number:016x}{:016x}", mixed ^ (mixed >> 31))
    })
}

fn spans(count: u64, each: impl Fn(u64) -> Value) -> Document {
    let made = trace_ids(count).enumerate().map(|(number, id)| {
        let mut span = each(number as u64);
        span["trace_id"] = json!({"$bytes": id});
        span
    });
    Document::traces(made.collect())
}

fn ids(document: &Document) -> Vec<AnyValue> {
    document.items().iter().map(|item| item.get(Field::TRACE_ID).unwrap().clone()).collect()
}

#[test]
fn without_a_configuration_everything_is_kept_and_nothing_is_read() {
    let mut harness = harness(json!(null));
    let expected = {
        let mut interest = Interest::default();
        interest.signals([Signal::TRACES]);
        interest
    };
    assert_eq!(*harness.interest(), expected);
    let mut document = spans(10, |_| json!({}));
    assert_eq!(harness.run(&mut document), Ok(0));
    assert_eq!(document.items().len(), 10);
}

#[test]
fn only_what_a_decision_needs_is_read() {
    let expected = {
        let mut interest = Interest::default();
        let at_span =
            |interest: &mut Interest, field| interest.field(field).at(Level::ITEM).of(Signal::TRACES).read();
        at_span(&mut interest, Field::TRACE_ID);
        interest.field(Field::TRACE_STATE).at(Level::ITEM).of(Signal::TRACES).read_write();
        interest.drops(Level::ITEM).signals([Signal::TRACES]);
        interest
    };
    let config = json!({
        "percentage": 10, "keep_errors": false, "honor_priority": false, "logs": {"follow_trace": false},
    });
    assert_eq!(*harness(config).interest(), expected);
}

#[test]
fn metrics_pass_by() {
    let mut points = Document::metrics(json!([{"value": 1}]));
    assert_eq!(harness(json!({"percentage": 1})).run(&mut points), Ok(0));
    assert_eq!(points.items().len(), 1);
}

#[test]
fn a_trace_kept_at_a_low_percentage_is_kept_at_every_higher_one() {
    let mut former: Option<Vec<AnyValue>> = None;
    for percentage in [1.0, 5.0, 12.5, 33.3, 50.0, 99.0, 100.0] {
        let mut document = spans(5_000, |_| json!({}));
        harness(json!({"percentage": percentage, "precision": 3})).run(&mut document).unwrap();
        let kept = ids(&document);
        if let Some(former) = former {
            assert!(former.iter().all(|id| kept.contains(id)), "at {percentage} %");
        }
        former = Some(kept);
    }
}

#[test]
fn two_sidecars_keep_the_same_traces_and_their_log_records() {
    let mut first = spans(2_000, |_| json!({"name": "a"}));
    let mut second = spans(2_000, |_| json!({"name": "b", "attributes": {"x": 1}}));
    let records = trace_ids(2_000).map(|id| json!({"trace_id": {"$bytes": id}, "body": "x"}));
    let mut logs = Document::logs(records.collect());
    let config = json!({"percentage": 20});
    for document in [&mut first, &mut second, &mut logs] {
        harness(config.clone()).run(document).unwrap();
    }
    assert_eq!(ids(&first), ids(&second));
    assert_eq!(ids(&first), ids(&logs));
    assert!((300..500).contains(&ids(&first).len()));
}

#[test]
fn a_second_sidecar_with_the_same_percentage_changes_nothing() {
    let mut document = spans(1_000, |n| json!({"status_code": if n % 50 == 0 { 2 } else { 0 }}));
    let mut harness = harness(json!({"percentage": 20}));
    harness.run(&mut document).unwrap();
    let once = document.clone();
    assert_eq!(harness.run(&mut document), Ok(0));
    assert_eq!(document, once);
}

/// The adjusted count of an item: what a backend multiplies it by.
fn adjusted_count(item: &weir_sdk::testing::Node) -> f64 {
    let Some(AnyValue::Str(state)) = item.get(Field::TRACE_STATE) else { panic!("a sampled span says so") };
    let digits = state.strip_prefix("ot=th:").unwrap();
    let threshold = u64::from_str_radix(&format!("{digits:0<14}"), 16).unwrap();
    let all = (1_u64 << 56) as f64;
    all / (all - threshold as f64)
}

#[test]
fn counts_can_be_restored_whatever_rule_kept_an_item() {
    const COUNT: u64 = 60_000;
    let mut document = spans(
        COUNT,
        |n| json!({"status_code": if n % 100 == 0 { 2 } else { 1 }, "attributes": {"tenant": n % 7}}),
    );
    harness(json!({"percentage": 10, "rules": [
        {"when": {"attribute": "tenant", "equals": 3}, "percentage": 50},
        {"when": {"attribute": "tenant", "at_least": 5}, "percentage": 2.5},
    ]}))
    .run(&mut document)
    .unwrap();
    let estimate: f64 = document.items().iter().map(|item| adjusted_count(item)).sum();
    // The variance of the estimate is the sum of (1 - p) / p over what was sampled.
    let share = COUNT as f64 / 7.0;
    let sigma = (share * 1.0 + share * 2.0 * 39.0 + share * 4.0 * 9.0).sqrt();
    assert!((estimate - COUNT as f64).abs() < 4.0 * sigma, "{estimate} estimated of {COUNT}");
    let errors = document
        .items()
        .iter()
        .filter(|item| item.get(Field::STATUS_CODE) == Some(&AnyValue::Int(2)))
        .count();
    assert_eq!(errors as u64, COUNT / 100);
}

#[test]
fn conditions_test_what_they_say() {
    let is_dropped = |when: Value, span: Value| {
        let mut document = Document::in_one_resource(
            Signal::TRACES,
            json!({"attributes": {"service.name": "shop"}}),
            json!([span]),
        );
        harness(json!({"rules": [{"when": when, "percentage": 0}]})).run(&mut document).unwrap();
        document.items().is_empty()
    };
    let span = json!({
        "name": "GET /a", "kind": 3, "status_code": 1, "start_time": 1_000_000_000, "end_time": 3_500_000_000_i64,
        "attributes": {"code": 503, "share": 0.5, "ok": false, "path": "/a/b", "list": ["x"]},
    });
    for met in [
        json!({"attribute": "code", "equals": 503}),
        json!({"attribute": "code", "in": [500, 503]}),
        json!({"attribute": "code", "at_least": 500, "at_most": 599}),
        json!({"attribute": "share", "at_most": 0.5}),
        json!({"attribute": "ok", "equals": false}),
        json!({"attribute": "path", "prefix": "/a"}),
        json!({"attribute": "path", "matches": "/*/b"}),
        json!({"attribute": "list", "exists": true}),
        json!({"attribute": "absent", "exists": false}),
        json!({"attribute": "service.name", "level": "resource", "equals": "shop"}),
        json!({"field": "name", "prefix": "GET "}),
        json!({"field": "kind", "equals": "client"}),
        json!({"field": "status", "equals": "ok"}),
        json!({"field": "duration_ms", "at_least": 2500}),
        json!([{"field": "kind", "equals": "client"}, {"attribute": "code", "at_least": 500}]),
    ] {
        assert!(is_dropped(met.clone(), span.clone()), "{met}");
    }
    for unmet in [
        json!({"attribute": "code", "equals": "503"}),
        json!({"attribute": "code", "at_least": 504}),
        json!({"attribute": "service.name", "equals": "shop"}),
        json!({"attribute": "absent", "equals": "x"}),
        json!({"attribute": "absent", "exists": true}),
        json!({"attribute": "path", "prefix": "/b"}),
        json!({"field": "status", "equals": "error"}),
        json!({"field": "duration_ms", "at_least": 2501}),
        json!([{"field": "kind", "equals": "client"}, {"attribute": "code", "at_least": 504}]),
    ] {
        assert!(!is_dropped(unmet.clone(), span.clone()), "{unmet}");
    }
}

#[test]
fn records_of_one_key_share_their_fate() {
    let records =
        (0..200).map(|n| json!({"body": format!("line {n}"), "time": n, "attributes": {"session": n % 20}}));
    let mut logs = Document::logs(records.collect());
    harness(json!({"logs": {"percentage": 50, "key": {"attribute": "session"}}})).run(&mut logs).unwrap();
    let mut sessions: Vec<i64> = logs
        .items()
        .iter()
        .map(|item| match item.get_attribute("session") {
            Some(AnyValue::Int(session)) => *session,
            other => panic!("{other:?}"),
        })
        .collect();
    sessions.sort_unstable();
    let kept = sessions.len();
    sessions.dedup();
    assert_eq!(kept, sessions.len() * 10);
    assert!((1..20).contains(&sessions.len()));
    assert!(logs.items().iter().all(|item| item.get_attribute("sampling.randomness").is_some()));
}

#[test]
fn what_was_kept_and_dropped_is_counted_by_rule() {
    take_counters();
    let mut document = spans(1_000, |n| json!({"attributes": {"n": n}}));
    let config = json!({"percentage": 50, "rules": [{"name": "few", "when": {"attribute": "n", "at_most": 99}, "percentage": 0}]});
    harness(config).run(&mut document).unwrap();
    let counters = take_counters();
    let count =
        |counter: &str, label: &str| counters.get(&(counter.into(), label.into())).copied().unwrap_or(0);
    assert_eq!((count("kept", "few"), count("dropped", "few")), (0, 100));
    assert_eq!(count("kept", "default"), document.items().len() as u64);
    assert_eq!(count("kept", "default") + count("dropped", "default"), 900);
}

#[test]
fn a_span_without_a_trace_id_goes_as_the_operator_says() {
    let run = |config| {
        let mut document = Document::traces(json!([{"name": "x", "trace_id": {"$bytes": "00"}}]));
        harness(config).run(&mut document).unwrap();
        document.items().len()
    };
    assert_eq!(run(json!({"percentage": 50})), 0);
    assert_eq!(run(json!({"percentage": 50, "missing_trace_id": "keep"})), 1);
}

#[test]
fn mistakes_in_the_configuration_are_told_with_their_place() {
    for (config, expected) in [
        (
            json!({"percentage": 101}),
            "config key `percentage`: 101 is not a percentage: 0, or more than 1e-15 and up to 100",
        ),
        (json!({"precision": 15}), "config key `precision`: 15 is not from 1 to 14"),
        (
            json!({"rules": [{"when": {"attribute": "a"}, "percentage": 1}]}),
            "config key `rules[0]`.when: needs one test: `equals`, `in`, `prefix`, `matches`, `exists`, or `at_least` and `at_most`",
        ),
        (
            json!({"rules": [{"when": {"equals": 1}, "percentage": 1}]}),
            "config key `rules[0]`.when: needs one of `attribute` and `field`",
        ),
        (
            json!({"logs": {"rules": [{"when": {"field": "status", "equals": "ok"}, "percentage": 1}]}}),
            "config key `logs.rules[0]`.when: this `field` is one of spans, not of log records",
        ),
        (
            json!({"rules": [{"name": "errors", "when": {"attribute": "a", "exists": true}, "percentage": 1}]}),
            "config key `rules[0]`: there is a rule `errors` already, or weir counts under that name; choose another `name`",
        ),
        (
            json!({"rules": [{"when": {"atribute": "a"}, "percentage": 1}]}),
            "config key `rules[0].when.atribute`: unknown key `atribute`; did you mean `attribute`? known: attribute, field, level, equals, in, prefix, matches, exists, at_least, at_most",
        ),
        (
            json!({"mode": "random"}),
            "config key `mode`: unknown value `random`; known: equalizing, proportional, hash_seed",
        ),
        (json!({"hash_seed": 1}), "config key `hash_seed`: only the mode `hash_seed` has a seed"),
        (
            json!({"logs": {"percentage": 1, "judge_by": "key"}}),
            "config key `logs.judge_by`: to judge by `key`, `logs.key` must name one",
        ),
        (
            json!({"logs": {"percentage_attribute": "a.*"}}),
            "config key `logs.percentage_attribute`: must be the whole key of one attribute",
        ),
    ] {
        assert_eq!(error(config), expected);
    }
}
