//! The plugin as a whole: what it declares, and what it refuses.
#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use std::fs;

use enrich::Enrich;
use serde_json::{Value, json};
use weir_sdk::testing::{Document, Harness};
use weir_sdk::{AnyValue, Interest, Level, Signal};

fn harness(config: Value) -> Harness<Enrich> {
    Harness::new(config).unwrap()
}

fn error(config: Value) -> String {
    Harness::<Enrich>::new(config).err().unwrap()
}

#[test]
fn without_a_configuration_nothing_is_read_and_nothing_is_changed() {
    let mut harness = harness(json!(null));
    assert_eq!(*harness.interest(), Interest::default());
    let mut document = Document::logs(json!([{"body": "a"}]));
    assert_eq!(harness.run(&mut document), Ok(0));
}

#[test]
fn static_attributes_are_written_and_never_read() {
    let mut expected = Interest::default();
    expected.attribute("a").at(Level::RESOURCE).write();
    expected.attribute("b").at(Level::ITEM).write();
    let config = json!({"resource": {"set": {"a": 1}}, "set": {"b": 2}});
    assert_eq!(*harness(config).interest(), expected);
}

#[test]
fn all_three_signals_are_enriched_unless_it_is_said_otherwise() {
    let run = |signal, signals: Value| {
        let mut document = Document::in_one_resource(signal, json!({}), json!([{}]));
        harness(json!({"resource": {"set": {"a": 1}}, "signals": signals})).run(&mut document).unwrap()
    };
    for signal in [Signal::TRACES, Signal::METRICS, Signal::LOGS] {
        assert_eq!(run(signal, json!(null)), 1);
    }
    assert_eq!((run(Signal::TRACES, json!(["logs"])), run(Signal::LOGS, json!(["logs"]))), (0, 1));
}

#[test]
fn a_policy_says_what_becomes_of_values_that_are_there() {
    let run = |policy: &str, resource: Value| {
        let config = json!({"resource": {"set": {"a": "new"}, "policy": policy}});
        let mut document = Document::in_one_resource(Signal::LOGS, resource, json!([{}]));
        harness(config).run(&mut document).unwrap();
        document.resources[0].get_attribute("a").cloned()
    };
    let text = |text: &str| Some(AnyValue::from(text));
    let (there, absent) = (json!({"attributes": {"a": "old"}}), json!({}));
    assert_eq!((run("insert", there.clone()), run("insert", absent.clone())), (text("old"), text("new")));
    assert_eq!((run("update", there.clone()), run("update", absent.clone())), (text("new"), None));
    assert_eq!((run("upsert", there), run("upsert", absent)), (text("new"), text("new")));
}

#[test]
fn running_twice_is_running_once() {
    let config = json!({
        "resource": {"set": {"a": 1}}, "set": {"b": [1, {"c": 2}]}, "rename": {"x": "y"}, "delete": ["z*"],
    });
    let mut document = Document::traces(json!([{"attributes": {"x": 1, "zz": 2}}, {"attributes": {"y": 3}}]));
    let mut harness = harness(config);
    harness.run(&mut document).unwrap();
    let once = document.clone();
    harness.run(&mut document).unwrap();
    assert_eq!(document, once);
}

#[test]
fn mistakes_in_the_configuration_are_told_with_their_place() {
    for (config, expected) in [
        (
            json!({"resource": {"sett": {}}}),
            "config key `resource.sett`: unknown key `sett`; did you mean `set`? known: set, policy, otel_resource_attributes, otel_service_name",
        ),
        (
            json!({"resource": {"otel_resource_attributes": "a=1,b"}}),
            "config key `resource.otel_resource_attributes`: pair 2 is not of the form key=value, percent-encoded",
        ),
        (
            json!({"downward_api": {"annotations": ["team"]}}),
            "config key `downward_api`: annotation `team` must be a prefix and `*`",
        ),
        (json!({"rename": {"a": "b", "b": "c"}}), "config key `rename`: `b` is both an old and a new key"),
        (json!({"set": {"a": 1}, "rename": {"a": "b"}}), "config key `set`: `a` is renamed as well"),
        (
            json!({"set": {"debug.a": 1}, "delete": ["debug.*"]}),
            "config key `delete`: `debug.*` covers `debug.a`, which is set or renamed",
        ),
        (json!({"set": {"a*": 1}}), "config keys `set` and `rename`: `a*` is not the key of an attribute"),
        (
            json!({"lookups": [{"table": "t", "from": "a", "set": {"b": "c"}}]}),
            "config key `lookups[0]`: there is no table `t`",
        ),
        (
            json!({"set": {"c": 1}, "lookups": [{"table": "t", "from": "a", "set": {"b": "c"}}]}),
            "config key `lookups[0].set`: `c` is set, renamed or deleted elsewhere",
        ),
        (json!({"signals": []}), "config key `signals`: the list is empty; leave it out for all signals"),
    ] {
        assert_eq!(error(config), expected);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_told_with_what_to_do() {
    let error = error(json!({"files": {"a": "/no/such/file"}}));
    assert!(error.starts_with("config key `files.a`: cannot read /no/such/file: "), "{error}");
    assert!(error.ends_with("; grant it with `files` of the wasm processor"), "{error}");
}

#[test]
fn a_table_that_is_wrong_is_told_with_file_and_line() {
    let path = std::env::temp_dir().join(format!("weir-enrich-{}.csv", std::process::id()));
    fs::write(&path, "host,team\na,1\nb\n").unwrap();
    let config = json!({"tables": {"teams": {"file": path, "key": "host"}}});
    let expected =
        format!("config key `tables.teams`: {}: line 3: 1 fields, but there are 2 columns", path.display());
    assert_eq!(error(config), expected);
    fs::remove_file(&path).unwrap();
}
