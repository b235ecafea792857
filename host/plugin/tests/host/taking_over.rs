//! What a new generation has to show before it takes over, and how it is taken back if it does badly afterwards.

use std::path::Path;
use std::sync::Arc;

use weir_pipeline::Batch;
use weir_plugin::{OnError, PluginSet, PluginSettings, WasmProcessor};

use crate::guest::guest;
use crate::support::{Rig, eventually, logs_of, survivors, through, with_letters};

fn reloads(rig: &Rig, result: &str) -> f64 {
    rig.metric("weir_plugin_reloads_total", &[("plugin", "p"), ("result", result)])
}

fn of(bodies: &[&str]) -> Batch {
    logs_of(&[bodies])
}

/// Received so long after the batch before that it is kept for rehearsals.
fn later(batch: Batch, seconds: u64) -> Batch {
    Batch { received_unix_nano: seconds * 1_000_000_000, ..batch }
}

async fn one(rig: &Rig, letter: char) -> (Arc<PluginSet>, WasmProcessor) {
    let plugin = rig.write("p.wasm", &guest(letter));
    let set = rig.load(PluginSettings::of(&plugin)).await.unwrap();
    let pipeline = rig.pipeline(&[&set]);
    (set, pipeline)
}

#[tokio::test]
async fn a_generation_that_fails_on_recent_batches_never_takes_over() {
    let rig = Rig::new();
    let (set, pipeline) = one(&rig, 'n').await;
    let _watch = set.watch();
    through(&pipeline, later(of(&["clean", "poison!"]), 10)).await.unwrap();
    let calls = [("plugin", "p")];
    let before = rig.metric("weir_plugin_calls_total", &calls);
    rig.write("p.wasm", &guest('p'));
    eventually("it is refused", || async { reloads(&rig, "failure") == 1.0 }).await;
    let former = set.plugins().remove(0);
    assert_eq!((former.generation, former.failures), (1, 0), "a rehearsal is nobody's failure");
    assert_eq!(rig.metric("weir_plugin_calls_total", &calls), before, "and no call");
    assert!(through(&pipeline, of(&["poison!"])).await.is_ok(), "the former one runs");

    // One that gets through them does take over, and what it does in the rehearsal is seen by nobody.
    rig.write("p.wasm", &guest('h'));
    eventually("the next one takes over", || async { set.plugins()[0].generation == 2 }).await;
    assert_eq!(rig.metric("weir_plugin_counter_total", &[("plugin", "p")]), before + 1.0);
    assert_eq!(rig.metric("weir_plugin_items_dropped_total", &[("plugin", "p")]), 0.0);
    assert_eq!(survivors(&pipeline, 3).await, Some(2));
}

#[tokio::test]
async fn recent_batches_are_those_that_the_plugin_was_shown_and_got_through() {
    let rig = Rig::new();
    let first = rig.load(PluginSettings::of(rig.write("first.wasm", &guest('h')))).await.unwrap();
    let (set, _) = one(&rig, 'q').await;
    let pipeline = rig.pipeline(&[&first, &set]);
    let _watch = set.watch();
    // The plugin before it drops the first item, so this one never sees the poison.
    let kept = through(&pipeline, later(of(&["poison!", "clean"]), 10)).await.unwrap().unwrap();
    assert_eq!(kept.items, 1);
    rig.write("p.wasm", &guest('p'));
    eventually("it takes over", || async { set.plugins()[0].generation == 2 }).await;
    // On this one it fails, so its next generation need not get through it.
    assert!(through(&pipeline, later(of(&["clean", "poison!"]), 20)).await.is_err());
    rig.write("p.wasm", &guest('t').replace("(i32.const 116)", "(i32.const 112)"));
    rig.write("p.wasm", &format!("{} ;; again", guest('p')));
    eventually("it takes over again", || async { set.plugins()[0].generation == 3 }).await;
    assert_eq!(reloads(&rig, "failure"), 0.0);
}

#[tokio::test]
async fn of_a_large_batch_the_first_items_are_kept() {
    let rig = Rig::new();
    let (set, pipeline) = one(&rig, 'n').await;
    let _watch = set.watch();
    let clean = vec!["a clean line of some length, as they are"; 20_000];
    let mut late = clean.clone();
    late.push("poison!");
    through(&pipeline, later(of(&late), 10)).await.unwrap();
    rig.write("p.wasm", &guest('p'));
    eventually("it takes over", || async { set.plugins()[0].generation == 2 }).await;

    let mut early = vec!["poison!"];
    early.extend(clean);
    rig.write("p.wasm", &guest('n'));
    eventually("and is replaced", || async { set.plugins()[0].generation == 3 }).await;
    through(&pipeline, later(of(&early), 20)).await.unwrap();
    rig.write("p.wasm", &guest('p'));
    eventually("it is refused", || async { reloads(&rig, "failure") == 1.0 }).await;
}

#[tokio::test]
async fn a_generation_that_fails_too_often_is_taken_back() {
    let rig = Rig::new();
    let (set, pipeline) = one(&rig, 'h').await;
    let _watch = set.watch();
    through(&pipeline, later(of(&["clean", "clean"]), 10)).await.unwrap();
    let sha = set.plugins().remove(0).sha256;
    rig.write("p.wasm", &guest('p'));
    eventually("it takes over", || async { set.plugins()[0].generation == 2 }).await;
    let bad = set.plugins().remove(0).sha256;
    // Some failures among many batches are not enough.
    for n in 0..40 {
        let outcome = through(&pipeline, of(if n % 10 == 0 { &["poison!"] } else { &["clean"] })).await;
        assert_eq!(outcome.is_err(), n % 10 == 0);
    }
    assert_eq!(reloads(&rig, "rolled_back"), 0.0);
    let mut refused = 0;
    while through(&pipeline, of(&["poison!", "clean"])).await.is_err() {
        refused += 1;
        assert!(refused < 100, "it is never taken back");
        // The breaker holds instances back for a while.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(reloads(&rig, "rolled_back"), 1.0);
    let info = set.plugins().remove(0);
    assert_eq!((info.sha256, info.generation, info.given_up), (sha, 1, Some(bad)));
    assert_eq!(set.troubled(), [("p".to_owned(), "rolled_back")]);
    assert_eq!(survivors(&pipeline, 3).await, Some(2), "the former one runs");

    // Another file is another try.
    rig.write("p.wasm", &guest('d'));
    eventually("it takes over", || async { set.plugins()[0].generation == 3 }).await;
    assert_eq!(survivors(&pipeline, 3).await, Some(0));
    assert!(set.troubled().is_empty());
}

#[tokio::test]
async fn a_stateful_plugin_takes_over_without_what_it_saw_in_the_rehearsal() {
    let rig = Rig::new();
    let plugin = rig.write("p.wasm", &guest('n'));
    let set = rig.load(with_letters(&plugin, "wS")).await.unwrap();
    let pipeline = rig.pipeline(&[&set]);
    let _watch = set.watch();
    // Drops everything in its first call and traps in its second.
    assert_eq!(through(&pipeline, later(of(&["a"]), 10)).await.unwrap().map(|kept| kept.items), None);
    rig.write("p.wasm", &format!("{} ;; again", guest('n')));
    eventually("it takes over", || async { set.plugins()[0].generation == 2 }).await;
    assert_eq!(survivors(&pipeline, 3).await, Some(0), "this is its first call");
    assert_eq!(rig.metric("weir_plugin_instances", &[("plugin", "p")]), 2.0, "its own, and the former one's");
}

fn sample(rig: &Rig, name: &str, text: &str) {
    let directory = rig.home.path().join("p.samples");
    std::fs::create_dir_all(&directory).unwrap();
    let temporary = directory.join(".new");
    std::fs::write(&temporary, text).unwrap();
    std::fs::rename(temporary, directory.join(name)).unwrap();
}

fn request(bodies: &[&str]) -> String {
    let records: Vec<String> =
        bodies.iter().map(|body| format!(r#"{{"body":{{"stringValue":"{body}"}}}}"#)).collect();
    format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{}]}}]}}]}}"#, records.join(","))
}

#[tokio::test]
async fn a_plugin_must_do_what_the_samples_beside_it_say() {
    let rig = Rig::new();
    let [two, one] = [request(&["a", "b"]), request(&["b"])];
    sample(&rig, "drops-the-first.json", &format!(r#"{{"input": {two}, "output": {one}}}"#));
    sample(&rig, "notes.txt", "no sample");
    let plugin = rig.write("p.wasm", &guest('h'));
    let set = rig.load(PluginSettings::of(&plugin)).await.unwrap();
    let pipeline = rig.pipeline(&[&set]);
    let _watch = set.watch();
    assert_eq!(survivors(&pipeline, 3).await, Some(2));

    rig.write("p.wasm", &guest('d'));
    eventually("it is refused", || async { reloads(&rig, "failure") == 1.0 }).await;
    assert_eq!(survivors(&pipeline, 3).await, Some(2));
    // What is to come out may change too, without any change of the plugin.
    sample(&rig, "drops-the-first.json", &format!(r#"{{"input": {two}, "output": null}}"#));
    eventually("it takes over", || async { survivors(&pipeline, 3).await == Some(0) }).await;
}

#[tokio::test]
async fn a_sample_that_does_not_come_out_says_which_and_where() {
    let rig = Rig::new();
    let two = request(&["a", "b"]);
    let plugin = rig.write("p.wasm", &guest('h'));
    for (text, expected) in [
        (format!(r#"{{"input": {two}, "output": {two}}}"#), "logRecords"),
        (format!(r#"{{"input": {two}}}"#), "missing field `output`"),
        (format!(r#"{{"input": {{}}, "output": {two}}}"#), "input has none of resourceSpans"),
        (r#"{"input": {"resourceLogs": 7}, "output": null}"#.to_owned(), "input: "),
        ("{".to_owned(), "OTLP/JSON request or null"),
    ] {
        sample(&rig, "s.json", &text);
        let error = rig.load(PluginSettings::of(&plugin)).await.err().unwrap().to_string();
        let path = Path::new("p.samples/s.json").display().to_string();
        assert!(error.contains("plugin p does not do what the sample") && error.contains(&path), "{error}");
        assert!(error.contains(expected), "{error}");
    }
    let failing = PluginSettings { on_error: OnError::Drop, ..with_letters(&plugin, "t") };
    sample(&rig, "s.json", &format!(r#"{{"input": {two}, "output": null}}"#));
    let error = rig.load(failing).await.err().unwrap().to_string();
    assert!(error.contains("the plugin failed (trap)"), "{error}");
}
