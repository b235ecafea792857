//! Batches through plugins that behave, and through plugins that do not.

use std::sync::Arc;
use std::time::Duration;

use weir_otlp::Signal;
use weir_pipeline::Cause;
use weir_plugin::{EngineSettings, GuestLimits, OnError, PluginSettings, WasmProcessor};

use crate::guest::{guest, nosy, sleeper};
use crate::support::{Rig, batch, logs, survivors, through, with_letters};

#[tokio::test]
async fn a_plugin_that_changes_nothing_gives_back_the_very_same_bytes() {
    let rig = Rig::new();
    let plugin = rig.write("p.wasm", &guest('n'));
    let pipeline = rig.pipeline_of(PluginSettings::of(&plugin)).await;
    let sent = logs(3);
    let kept = through(&pipeline, sent.clone()).await.unwrap().unwrap();
    assert_eq!(kept.payload.as_ptr(), sent.payload.as_ptr(), "not even copied");
    assert_eq!((kept.payload.len(), kept.items), (sent.payload.len(), 3));

    let by = [("plugin", "p"), ("signal", "logs")];
    assert_eq!(rig.metric("weir_plugin_calls_total", &by), 1.0);
    assert_eq!(rig.metric("weir_plugin_items_in_total", &by), 3.0);
    assert_eq!(rig.metric("weir_plugin_edits_total", &by), 0.0);
    assert_eq!(rig.metric("weir_plugin_instances", &[("plugin", "p")]), 1.0);
    assert!(rig.metric("weir_plugin_memory_bytes", &[("plugin", "p")]) >= 65536.0);
    assert_eq!(rig.metric("weir_plugin_counter_total", &[("plugin", "p"), ("counter", "calls")]), 1.0);
}

#[tokio::test]
async fn dropped_items_leave_the_batch_and_are_counted() {
    let rig = Rig::new();
    let pipeline = rig.pipeline_of(PluginSettings::of(rig.write("half.wasm", &guest('h')))).await;
    assert_eq!(survivors(&pipeline, 3).await, Some(2));
    let by = [("plugin", "half"), ("signal", "logs"), ("reason", "plugin")];
    assert_eq!(rig.metric("weir_plugin_items_dropped_total", &by), 1.0);
    assert_eq!(rig.metric("weir_plugin_edits_total", &[("plugin", "half"), ("signal", "logs")]), 1.0);

    let pipeline = rig.pipeline_of(PluginSettings::of(rig.write("all.wasm", &guest('d')))).await;
    assert!(through(&pipeline, logs(3)).await.unwrap().is_none(), "nothing is left to send");
    let by = [("plugin", "all"), ("signal", "logs"), ("reason", "plugin")];
    assert_eq!(rig.metric("weir_plugin_items_dropped_total", &by), 3.0);
}

#[tokio::test]
async fn each_plugin_of_a_chain_sees_what_the_former_ones_left() {
    let rig = Rig::new();
    let half = rig.load(PluginSettings::of(rig.write("half.wasm", &guest('h')))).await.unwrap();
    let last = rig.load(PluginSettings::of(rig.write("last.wasm", &guest('n')))).await.unwrap();
    let pipeline = rig.pipeline(&[&half, &half, &last]);
    assert_eq!(survivors(&pipeline, 5).await, Some(3));
    assert_eq!(rig.metric("weir_plugin_items_in_total", &[("plugin", "half"), ("signal", "logs")]), 9.0);
    assert_eq!(rig.metric("weir_plugin_items_in_total", &[("plugin", "last"), ("signal", "logs")]), 3.0);
}

#[tokio::test]
async fn every_failure_is_refused_by_name_and_reason_and_the_next_batch_is_tried_again() {
    let rig = Rig::new();
    let plugin = rig.write("p.wasm", &guest('n'));
    for (letter, reason) in [
        ("t", "trap"),
        ("s", "stack"),
        ("l", "timeout"),
        ("m", "memory"),
        ("e", "error"),
        ("b", "bad_edit"),
        ("o", "bad_output"),
    ] {
        let settings =
            PluginSettings { timeout: Duration::from_millis(100), ..with_letters(&plugin, letter) };
        let pipeline = rig.pipeline_of(settings).await;
        let before = rig.failures(reason);
        for attempt in 1..=2 {
            let refusal = through(&pipeline, logs(2)).await.unwrap_err();
            assert_eq!((refusal.cause, refusal.retryable), (Cause::Plugin, true), "{reason}");
            assert_eq!(refusal.message, format!("plugin p failed ({reason}), try again"));
            assert!(refusal.retry_after.is_some());
            assert_eq!(rig.failures(reason), before + f64::from(attempt), "{reason}");
        }
    }
    let by = [("plugin", "p"), ("signal", "logs")];
    assert_eq!(rig.metric("weir_plugin_items_dropped_total", &by), 0.0, "a refused batch comes again");
}

#[tokio::test]
async fn drop_gives_up_the_batch_and_bypass_goes_on_without_the_plugin() {
    let rig = Rig::new();
    let plugin = rig.write("p.wasm", &guest('t'));
    let dropping = PluginSettings { on_error: OnError::Drop, ..PluginSettings::of(&plugin) };
    let dropping = rig.pipeline_of(dropping).await;
    assert_eq!(survivors(&dropping, 4).await, Some(0));
    let by = [("plugin", "p"), ("signal", "logs"), ("reason", "error")];
    assert_eq!(rig.metric("weir_plugin_items_dropped_total", &by), 4.0);

    let bypassing = PluginSettings { on_error: OnError::Bypass, ..PluginSettings::of(&plugin) };
    let bypassing = rig.load(bypassing).await.unwrap();
    let after = rig.load(PluginSettings::of(rig.write("h.wasm", &guest('h')))).await.unwrap();
    assert_eq!(survivors(&rig.pipeline(&[&bypassing, &after]), 4).await, Some(3));
    assert_eq!(rig.failures("trap"), 2.0);
}

#[tokio::test]
async fn bypass_undoes_the_edits_of_the_parts_before_the_failure() {
    let rig = Rig::new();
    // Drops everything in the first part of the batch and traps in the second.
    let plugin = rig.write("p.wasm", &guest('w'));
    let settings = PluginSettings {
        on_error: OnError::Bypass,
        timeout: Duration::from_secs(30),
        ..PluginSettings::of(&plugin)
    };
    let pipeline = rig.pipeline_of(settings).await;
    let sent = logs(60_000);
    let kept = through(&pipeline, sent.clone()).await.unwrap().unwrap();
    assert_eq!(rig.metric("weir_plugin_calls_total", &[("plugin", "p"), ("signal", "logs")]), 2.0);
    assert_eq!(kept.items, 60_000);
    assert_eq!(kept.payload, sent.payload);
    assert_eq!(rig.metric("weir_plugin_items_dropped_total", &[("plugin", "p")]), 0.0);
}

#[tokio::test]
async fn a_plugin_that_keeps_failing_rests_and_is_refused_meanwhile() {
    let rig = Rig::new();
    let pipeline = rig.pipeline_of(PluginSettings::of(rig.write("p.wasm", &guest('t')))).await;
    for _ in 0..40 {
        assert_eq!(survivors(&pipeline, 1).await, None);
    }
    assert!(rig.failures("resting") > 0.0);
    assert_eq!(rig.failures("resting") + rig.failures("trap"), 40.0);
}

#[tokio::test]
async fn malformed_bytes_are_refused_for_good_and_never_reach_a_plugin() {
    let rig = Rig::new();
    let pipeline = rig.pipeline_of(PluginSettings::of(rig.write("p.wasm", &guest('n')))).await;
    for bytes in [vec![0x0a, 0x7f], vec![0x0a, 0x05, 0x12, 0x03, 0x12, 0x01, 0xff]] {
        let refusal = through(&pipeline, batch(Signal::Logs, bytes)).await.unwrap_err();
        assert_eq!((refusal.cause, refusal.retryable), (Cause::Malformed, false));
    }
    assert_eq!(rig.metric("weir_plugin_calls_total", &[("plugin", "p")]), 0.0);
}

#[tokio::test]
async fn a_signal_that_no_plugin_wants_is_not_even_walked() {
    let rig = Rig::new();
    let set = rig.load(PluginSettings::of(rig.write("p.wasm", &guest('t')))).await.unwrap();
    for signal in [Signal::Metrics, Signal::Profiles] {
        let sets = vec![Arc::clone(&set)];
        let pipeline = WasmProcessor::new(Arc::clone(&rig.engine), signal, signal.name().to_owned(), sets);
        // Bytes that would be refused if anyone looked.
        let sent = batch(signal, vec![0xff, 0xff]);
        let kept = through(&pipeline, sent.clone()).await.unwrap().unwrap();
        assert_eq!(kept.payload, sent.payload);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stateful_plugin_is_one_instance_whoever_asks() {
    let rig = Rig::new();
    let plugin = rig.write("p.wasm", &guest('n'));
    let set = rig.load(with_letters(&plugin, "nS")).await.unwrap();
    let pipelines = [Arc::new(rig.pipeline(&[&set])), Arc::new(rig.pipeline(&[&set]))];
    let mut tasks = Vec::new();
    for round in 0..40 {
        let pipeline = Arc::clone(&pipelines[round % 2]);
        tasks.push(tokio::spawn(async move { survivors(&pipeline, 1).await }));
    }
    for task in tasks {
        assert_eq!(task.await.unwrap(), Some(1));
    }
    assert_eq!(rig.metric("weir_plugin_instances", &[("plugin", "p")]), 1.0);
    assert_eq!(rig.metric("weir_plugin_calls_total", &[("plugin", "p")]), 40.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_too_long_for_a_stateful_plugin_is_told_so() {
    let rig = Rig::new();
    let plugin = rig.write("p.wasm", &guest('n'));
    let settings = PluginSettings { timeout: Duration::from_millis(300), ..with_letters(&plugin, "lS") };
    let pipeline = Arc::new(rig.pipeline_of(settings).await);
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let pipeline = Arc::clone(&pipeline);
            tokio::spawn(async move { survivors(&pipeline, 1).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), None);
    }
    assert!(rig.failures("busy") >= 1.0);
    assert_eq!(rig.failures("busy") + rig.failures("timeout"), 4.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guests_that_hang_keep_neither_the_runtime_nor_another_pipeline_from_running() {
    let rig = Rig::with(EngineSettings { cache_dir: None, workers: 2, ..EngineSettings::default() });
    let plugin = rig.write("hangs.wasm", &guest('l'));
    let settings = PluginSettings { timeout: Duration::from_secs(3), ..PluginSettings::of(&plugin) };
    let hung = Arc::new(rig.pipeline_of(settings).await);
    for _ in 0..8 {
        let hung = Arc::clone(&hung);
        tokio::spawn(async move { survivors(&hung, 1).await });
    }
    let healthy = rig.pipeline_of(PluginSettings::of(rig.write("healthy.wasm", &guest('n')))).await;
    for _ in 0..100 {
        assert_eq!(survivors(&healthy, 1).await, Some(1));
    }
    // Its workers are taken, so a sender with a deadline is told to come again.
    let deadline = std::time::Instant::now() + Duration::from_millis(50);
    let impatient = weir_pipeline::Batch { deadline: Some(deadline), ..logs(1) };
    crate::support::eventually("both workers hang", || async {
        rig.metric("weir_plugin_calls_total", &[("plugin", "hangs")]) >= 2.0
    })
    .await;
    let refusal = through(&hung, impatient).await.unwrap_err();
    assert_eq!((refusal.cause, refusal.retryable), (Cause::Overload, true));
}

#[tokio::test]
async fn a_guest_that_sleeps_in_the_host_wakes_at_its_deadline() {
    let rig = Rig::new();
    let plugin = rig.write("p.wasm", &sleeper());
    let settings = PluginSettings { timeout: Duration::from_millis(100), ..PluginSettings::of(&plugin) };
    let pipeline = rig.pipeline_of(settings).await;
    // The hour ends with the call's time. Whether the guest returns before the next tick ends it is a race.
    match through(&pipeline, logs(1)).await {
        Ok(kept) => assert_eq!(kept.map(|batch| batch.items), Some(1)),
        Err(refusal) => assert_eq!(refusal.message, "plugin p failed (timeout), try again"),
    }
}

#[tokio::test]
async fn a_guest_finds_no_environment_no_arguments_and_no_network() {
    assert!(std::env::vars_os().next().is_some(), "there is an environment that it could find");
    let rig = Rig::new();
    let plugin = rig.write("p.wasm", &nosy());
    let pipeline = rig.pipeline_of(PluginSettings::of(&plugin)).await;
    assert_eq!(survivors(&pipeline, 1).await, Some(1));
}

#[tokio::test]
async fn the_last_error_says_what_happened_where_and_in_which_function() {
    let rig = Rig::new();
    let plugin = rig.write("p.wasm", &guest('n'));
    for (letter, words) in [
        ("l", "timeout: it ran for longer than it may, which was 100ms, in "),
        ("s", "stack: it recursed deeper than its stack of 1 MiB, in main-module!deep < main-module!deep"),
        ("m", "memory: wants "),
        ("t", "trap: wasm trap: wasm `unreachable` instruction executed, in "),
        ("b", "bad_edit: edit 0 (op 1) has a target that is not in the batch"),
    ] {
        let settings =
            PluginSettings { timeout: Duration::from_millis(100), ..with_letters(&plugin, letter) };
        let set = rig.load(settings).await.unwrap();
        assert_eq!(survivors(&rig.pipeline(&[&set]), 2).await, None);
        let (_, text) = set.plugins().remove(0).last_error.unwrap();
        assert!(text.starts_with(words), "{text}");
    }
}

#[tokio::test]
async fn the_limits_of_a_plugin_are_those_that_it_is_given() {
    let rig = Rig::new();
    let plugin = rig.write("p.wasm", &guest('n'));
    let with = |letter: &str, limits| PluginSettings { limits, ..with_letters(&plugin, letter) };
    // It answers one edit for each of three items.
    let edits = |edits| GuestLimits { edits, ..GuestLimits::default() };
    assert_eq!(survivors(&rig.pipeline_of(with("d", edits(3))).await, 3).await, Some(0));
    assert_eq!(survivors(&rig.pipeline_of(with("d", edits(2))).await, 3).await, None);
    assert_eq!(rig.failures("too_large"), 1.0);
    let small = GuestLimits { answer_factor: 0, answer_bytes: 40, ..GuestLimits::default() };
    assert_eq!(survivors(&rig.pipeline_of(with("d", small)).await, 3).await, None);
    assert_eq!(rig.failures("too_large"), 2.0);

    let silent = GuestLimits { log_lines_per_second: 0, counters: 0, ..GuestLimits::default() };
    let settings =
        PluginSettings { limits: silent, ..PluginSettings::of(rig.write("silent.wasm", &guest('c'))) };
    assert_eq!(survivors(&rig.pipeline_of(settings).await, 1).await, Some(1));
    assert_eq!(rig.metric("weir_plugin_log_lines_dropped_total", &[("plugin", "silent")]), 1.0);
    let counted = [("plugin", "silent"), ("counter", "other")];
    assert_eq!(rig.metric("weir_plugin_counter_total", &counted), 1.0);
}

#[tokio::test]
async fn a_plugin_may_log() {
    let rig = Rig::new();
    let pipeline = rig.pipeline_of(PluginSettings::of(rig.write("p.wasm", &guest('c')))).await;
    for _ in 0..300 {
        assert_eq!(survivors(&pipeline, 1).await, Some(1));
    }
    assert!(rig.metric("weir_plugin_log_lines_dropped_total", &[("plugin", "p")]) > 100.0);
}
