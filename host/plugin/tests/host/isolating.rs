//! `on_error: isolate`: the items that break a plugin are found and dropped, everything else goes on.

use std::time::Duration;

use weir_otlp::Signal;
use weir_pipeline::Batch;
use weir_plugin::{Grant, OnError, PluginSettings, WasmProcessor};

use crate::guest::guest;
use crate::support::{Rig, logs_of, survivors, through, with_letters};

async fn isolating(rig: &Rig, letter: &str) -> WasmProcessor {
    let plugin = rig.write("p.wasm", &guest('n'));
    rig.pipeline_of(PluginSettings { on_error: OnError::Isolate, ..with_letters(&plugin, letter) }).await
}

fn isolated(rig: &Rig) -> f64 {
    rig.metric("weir_plugin_items_dropped_total", &[("plugin", "p"), ("reason", "isolated")])
}

/// Bodies, of which these are poison.
fn bodies(count: usize, poison: &[usize]) -> Vec<String> {
    (0..count)
        .map(|i| if poison.contains(&i) { format!("poison {i}!") } else { format!("clean {i}") })
        .collect()
}

fn request(bodies: &[String]) -> Batch {
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    // Two resources, so that a search crosses from one to the other.
    let (one, other) = bodies.split_at(bodies.len() / 3);
    if one.is_empty() { logs_of(&[other]) } else { logs_of(&[one, other]) }
}

#[tokio::test]
async fn only_the_poisonous_items_are_dropped_wherever_they_stand() {
    let rig = Rig::new();
    let pipeline = isolating(&rig, "p").await;
    let mut dropped = 0.0;
    for (count, poison) in [
        (1000, vec![0]),
        (1000, vec![999]),
        (1000, vec![332, 333, 334]),
        (1000, vec![1, 500, 998]),
        (2, vec![1]),
        (7, vec![0, 1, 2, 3, 4, 5]),
    ] {
        let all = bodies(count, &poison);
        let kept = through(&pipeline, request(&all)).await.unwrap().unwrap();
        let clean: Vec<String> = all.iter().filter(|body| !body.contains('!')).cloned().collect();
        assert_eq!(kept.items as usize, clean.len());
        assert_eq!(weir_otlp::count(Signal::Logs, &kept.payload), Ok(kept.items));
        let mut rest = kept.payload.as_ref();
        for body in &clean {
            let at = rest.windows(body.len()).position(|window| window == body.as_bytes());
            rest = &rest[at.unwrap_or_else(|| panic!("{body} is lost")) + body.len()..];
        }
        assert!(!kept.payload.contains(&b'!'));
        dropped += poison.len() as f64;
        assert_eq!(isolated(&rig), dropped, "{poison:?} of {count}");
    }
}

#[tokio::test]
async fn a_request_of_one_poisonous_item_is_dropped_so_that_its_sender_does_not_send_it_again() {
    let rig = Rig::new();
    let pipeline = isolating(&rig, "p").await;
    assert!(through(&pipeline, logs_of(&[&["!"]])).await.unwrap().is_none());
    assert_eq!(isolated(&rig), 1.0);
}

#[tokio::test]
async fn what_the_plugin_does_to_the_other_items_is_kept() {
    let rig = Rig::new();
    let poison = rig.load(PluginSettings {
        on_error: OnError::Isolate,
        ..with_letters(&rig.write("p.wasm", &guest('n')), "p")
    });
    let poison = poison.await.unwrap();
    let half = rig.load(PluginSettings::of(rig.write("half.wasm", &guest('h')))).await.unwrap();
    let pipeline = rig.pipeline(&[&half, &poison, &half]);
    let kept = through(&pipeline, logs_of(&[&["a", "b!", "c", "d", "e"]])).await.unwrap().unwrap();
    assert_eq!(kept.items, 2, "one dropped by half, one isolated, one dropped by half");
    assert_eq!(isolated(&rig), 1.0);
}

#[tokio::test]
async fn a_plugin_that_breaks_on_everything_is_refused_after_a_few_batches_instead_of_dropping_all() {
    let rig = Rig::new();
    let pipeline = isolating(&rig, "t").await;
    let mut outcomes = Vec::new();
    for _ in 0..40 {
        outcomes.push(survivors(&pipeline, 4).await);
        // Some are refused since the next instance is held back; given time, more searches are made than are allowed.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let dropped = outcomes.iter().filter(|outcome| outcome.is_some()).count();
    assert!((1..=3).contains(&dropped), "{outcomes:?}");
    assert_eq!(isolated(&rig), 4.0 * dropped as f64);
}

#[tokio::test]
async fn a_search_is_bounded_and_gives_up_what_is_still_under_suspicion() {
    let rig = Rig::new();
    let pipeline = isolating(&rig, "p").await;
    // Every second item is poison, more than can be found one by one.
    let poison: Vec<usize> = (0..2000).step_by(2).collect();
    let all = bodies(2000, &poison);
    let kept = through(&pipeline, request(&all)).await.unwrap();
    let left = kept.map_or(0, |batch| {
        assert!(!batch.payload.contains(&b'!'), "what broke the plugin never passes");
        batch.items
    });
    assert_eq!(left as f64 + isolated(&rig), 2000.0);
    assert!(rig.metric("weir_plugin_calls_total", &[("plugin", "p")]) < 300.0);
}

#[tokio::test]
async fn items_on_which_the_plugin_hangs_are_found_too() {
    let rig = Rig::new();
    let plugin = rig.write("p.wasm", &guest('n'));
    let settings = PluginSettings {
        on_error: OnError::Isolate,
        timeout: Duration::from_millis(400),
        ..with_letters(&plugin, "q")
    };
    let pipeline = rig.pipeline_of(settings).await;
    let kept = through(&pipeline, logs_of(&[&["a", "b"], &["c!", "d"]])).await.unwrap().unwrap();
    assert_eq!((kept.items, isolated(&rig)), (3, 1.0));
    assert!(rig.failures("timeout") >= 3.0);
}

#[tokio::test]
async fn a_fresh_instance_that_does_not_come_up_in_the_middle_of_a_search_is_counted_too() {
    let rig = Rig::new();
    let plugin = rig.write("p.wasm", &guest('n'));
    let granted = tempfile::tempdir().unwrap();
    let settings = PluginSettings {
        on_error: OnError::Isolate,
        files: vec![Grant { source: granted.path().to_owned(), path: "/granted".to_owned() }],
        ..with_letters(&plugin, "p")
    };
    let pipeline = rig.pipeline_of(settings).await;
    // The first instance has the directory open; no other one can open it.
    granted.close().unwrap();
    let refusal = through(&pipeline, logs_of(&[&["a", "b!"]])).await.unwrap_err();
    assert_eq!(refusal.message, "plugin p failed (start), try again");
    assert_eq!((rig.failures("trap"), rig.failures("start")), (1.0, 1.0));
}
