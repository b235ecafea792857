//! The mode `hash_seed`, by vectors that another implementation has made (`vectors.py`), and what it does with items that
//! the Collector's processor refuses.
#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use sample::Sample;
use serde::Deserialize;
use serde_json::{Value, json};
use weir_sdk::testing::{Document, Harness, Node, take_counters};
use weir_sdk::{AnyValue, Field};

#[derive(Deserialize)]
struct Group {
    seed: u32,
    percentage: f64,
    th: String,
    ids: Vec<Decision>,
}

#[derive(Deserialize)]
struct Decision {
    id: String,
    rv: String,
    kept: bool,
}

fn groups() -> Vec<Group> {
    serde_json::from_str(include_str!("vectors.json")).unwrap()
}

fn run(config: Value, document: &mut Document) {
    Harness::<Sample>::new(config).unwrap().run(document).unwrap();
}

fn config(seed: u32, percentage: f64) -> Value {
    json!({"mode": "hash_seed", "hash_seed": seed, "percentage": percentage, "logs": {"percentage": percentage}})
}

fn text(item: &Node, key: &str) -> Option<String> {
    match item.get_attribute(key) {
        Some(AnyValue::Str(text)) => Some(text.clone()),
        _ => None,
    }
}

fn states(document: &Document) -> Vec<Option<String>> {
    let state = |item: &&Node| match item.get(Field::TRACE_STATE) {
        Some(AnyValue::Str(state)) => Some(state.clone()),
        _ => None,
    };
    document.items().iter().map(state).collect()
}

#[test]
fn spans_are_kept_and_say_so_as_the_vectors_say() {
    for Group { seed, percentage, th, ids } in groups() {
        let spans = ids.iter().map(|one| json!({"trace_id": {"$bytes": one.id}})).collect();
        let mut document = Document::traces(spans);
        run(config(seed, percentage), &mut document);
        let kept = ids.iter().filter(|one| one.kept);
        let expected: Vec<_> = kept.map(|one| Some(format!("ot=th:{th};rv:{}", one.rv))).collect();
        assert_eq!(states(&document), expected, "seed {seed}, {percentage} %");
    }
}

#[test]
fn records_are_kept_by_their_trace_or_by_a_key_and_say_so_as_the_vectors_say() {
    for Group { seed, percentage, th, ids } in groups() {
        let kept = || ids.iter().filter(|one| one.kept);
        let expected: Vec<_> = kept().map(|one| (Some(th.clone()), Some(one.rv.clone()))).collect();
        let said = |document: &Document| -> Vec<(Option<String>, Option<String>)> {
            let said = |item: &&Node| (text(item, "sampling.threshold"), text(item, "sampling.randomness"));
            document.items().iter().map(said).collect()
        };
        let by_trace = ids.iter().map(|one| json!({"trace_id": {"$bytes": one.id}, "body": "x"})).collect();
        let mut document = Document::logs(by_trace);
        run(config(seed, percentage), &mut document);
        assert_eq!(said(&document), expected, "by trace: seed {seed}, {percentage} %");

        // The bytes of a key are hashed as those of a trace id are; the trace id is not looked at.
        let by_key = ids.iter().map(|one| {
            json!({"trace_id": {"$bytes": "000102030405060708090a0b0c0d0e0f"}, "attributes": {"id": {"$bytes": one.id}}})
        });
        let mut document = Document::logs(by_key.collect());
        let mut keyed = config(seed, percentage);
        keyed["logs"]["judge_by"] = json!("key");
        keyed["logs"]["key"] = json!({"attribute": "id"});
        run(keyed, &mut document);
        assert_eq!(said(&document), expected, "by key: seed {seed}, {percentage} %");
    }
}

/// One span of a trace that the seed 22 keeps at half, and one that it drops.
fn pair() -> (String, String) {
    let Group { ids, .. } =
        groups().into_iter().find(|group| (group.seed, group.percentage) == (22, 50.0)).unwrap();
    let find = |kept| ids.iter().find(|one| one.kept == kept).unwrap().id.clone();
    (find(true), find(false))
}

#[test]
fn spans_that_others_have_sampled_are_accepted_and_lose_a_threshold_that_is_no_longer_true() {
    let (kept, dropped) = pair();
    for (state, expected) in [
        ("ot=th:0", None),
        ("ot=th:0,a=1", Some("a=1".to_owned())),
        ("ot=rv:00000000000001", Some("ot=rv:00000000000001".to_owned())),
        ("a=1,ot=th:0;rv:f0000000000001", Some("ot=rv:f0000000000001,a=1".to_owned())),
    ] {
        let span = |id: &str| json!({"trace_id": {"$bytes": id}, "trace_state": state});
        let mut document = Document::traces(json!([span(&kept), span(&dropped)]));
        run(config(22, 50.0), &mut document);
        assert_eq!(states(&document), [expected], "{state}");
    }
}

#[test]
fn two_tiers_with_one_seed_compose_as_the_later_one_would_alone() {
    let Group { ids, .. } = groups().remove(1);
    let spans: Value = ids.iter().map(|one| json!({"trace_id": {"$bytes": one.id}})).collect();
    let mut tiers = Document::traces(spans.clone());
    run(config(22, 50.0), &mut tiers);
    run(config(22, 15.3), &mut tiers);
    let mut alone = Document::traces(spans);
    run(config(22, 15.3), &mut alone);
    assert!(!alone.items().is_empty());
    assert_eq!(states(&tiers), states(&alone));
    // A higher percentage behind a lower one changes nothing.
    run(config(22, 50.0), &mut tiers);
    assert_eq!(states(&tiers), states(&alone));
}

#[test]
fn records_that_others_have_sampled_are_accepted() {
    let (kept, dropped) = pair();
    let record = |id: &str| json!({"trace_id": {"$bytes": id}, "attributes": {"sampling.threshold": "0"}});
    let mut document = Document::logs(json!([record(&kept), record(&dropped)]));
    run(config(22, 50.0), &mut document);
    let said = document.items().iter().map(|item| text(item, "sampling.threshold")).collect::<Vec<_>>();
    assert_eq!(said, [None]);
}

#[test]
fn numbers_and_booleans_are_keys_as_their_text_is() {
    let fates = |values: Value| {
        let records = values.as_array().unwrap().iter().map(|value| json!({"attributes": {"id": value}}));
        let mut document = Document::logs(records.collect());
        let logs = json!({"percentage": 50, "key": {"attribute": "id"}, "missing_key": "drop"});
        run(json!({"mode": "hash_seed", "hash_seed": 9, "logs": logs}), &mut document);
        document.items().iter().map(|item| text(item, "sampling.randomness").unwrap()).collect::<Vec<_>>()
    };
    let numbers = fates((0..40).map(|number| json!(number)).chain([json!(0.5), json!(true)]).collect());
    let texts =
        fates((0..40).map(|number| json!(number.to_string())).chain([json!("0.5"), json!("true")]).collect());
    assert_eq!(numbers, texts);
    assert!(numbers.len() > 5 && numbers.len() < 40, "{}", numbers.len());
}

#[test]
fn a_record_without_anything_to_be_judged_by_goes_as_the_operator_says() {
    let count = |missing: &str| {
        take_counters();
        let mut document = Document::logs(json!([
            {"body": "no key"}, {"body": "empty key", "attributes": {"id": ""}},
        ]));
        let logs = json!({"percentage": 0.1, "key": {"attribute": "id"}, "missing_key": missing});
        run(json!({"mode": "hash_seed", "logs": logs}), &mut document);
        let counters = take_counters();
        let count =
            |name: &str| counters.get(&(name.into(), "logs.missing_key".into())).copied().unwrap_or(0);
        (document.items().len(), count("kept"), count("dropped"))
    };
    assert_eq!(count("drop"), (0, 0, 2));
    assert_eq!(count("keep"), (2, 2, 0));
}

#[test]
fn a_record_may_say_its_own_percentage() {
    let (kept, dropped) = pair();
    let fate = |id: &str, percentage: Value| {
        let mut document =
            Document::logs(json!([{"trace_id": {"$bytes": id}, "attributes": {"rate": percentage}}]));
        let mut config = config(22, 0.0);
        config["keep_errors"] = json!(false);
        config["logs"]["percentage_attribute"] = json!("rate");
        run(config, &mut document);
        document.items().len()
    };
    for (percentage, fates) in [
        (json!(100), (1, 1)),
        (json!(250.5), (1, 1)),
        (json!(50), (1, 0)),
        (json!(50.0), (1, 0)),
        (json!(0), (0, 0)),
        // No percentage: what is configured holds.
        (json!(-1), (0, 0)),
        (json!("100"), (0, 0)),
    ] {
        assert_eq!(
            (fate(&kept, percentage.clone()), fate(&dropped, percentage.clone())),
            fates,
            "{percentage}"
        );
    }
}

#[test]
fn a_priority_below_zero_says_nothing() {
    let (kept, dropped) = pair();
    let fate = |id: &str, priority: Value| {
        let span = json!({"trace_id": {"$bytes": id}, "attributes": {"sampling.priority": priority}});
        let mut document = Document::traces(json!([span]));
        run(config(22, 50.0), &mut document);
        document.items().len()
    };
    for (priority, fates) in [
        (json!(1), (1, 1)),
        (json!("0.5"), (1, 1)),
        (json!(0), (0, 0)),
        (json!("0"), (0, 0)),
        (json!(-1), (1, 0)),
        (json!("high"), (1, 0)),
        (json!(true), (1, 0)),
    ] {
        assert_eq!((fate(&kept, priority.clone()), fate(&dropped, priority.clone())), fates, "{priority}");
    }
}

#[test]
fn an_inconsistent_threshold_costs_the_item_where_the_operator_says_so() {
    let fate = |inconsistent: &str| {
        let lie =
            json!({"trace_id": {"$bytes": "000000000000000000f0000000000001"}, "trace_state": "ot=th:f8"});
        let mut document = Document::traces(json!([lie]));
        run(json!({"percentage": 50, "inconsistent": inconsistent}), &mut document);
        states(&document)
    };
    assert_eq!(fate("erase"), [None]);
    assert_eq!(fate("keep"), [None]);
    assert_eq!(fate("drop"), [] as [Option<String>; 0]);
}
