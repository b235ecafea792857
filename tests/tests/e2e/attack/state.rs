//! Guests that behave for a while, and guests whose answers cost weir more than themselves.

use prost::Message;
use serde_json::json;
use weir_tests::requests::{attribute, log, logs, text};
use weir_tests::{GrpcSender, Signal};

use super::{ATTACK, Host, PEACE, saying};

/// The guests of this file.
pub(super) const GUESTS: [&str; 5] = [
    "process/a_million_edits",
    "process/breaks_after_ten_thousand_calls",
    "process/leaks",
    "process/sleeps_awhile",
    "process/slow_loop",
];

#[tokio::test]
async fn a_guest_that_leaks_fails_at_its_limit_and_a_fresh_instance_goes_on() {
    let host = Host::start("process/leaks", json!({})).await;
    let (mut passed, mut failed) = (0, Vec::new());
    while failed.len() < 3 {
        assert!(passed < 100, "a mebibyte each, of sixteen: {failed:?}");
        match host.send(saying(ATTACK)).await {
            Ok(_) => passed += 1,
            Err(status) => {
                assert_eq!(status.message(), "plugin guest failed (memory), try again");
                failed.push(passed);
                host.delivers_unchanged("the next batch", saying(PEACE)).await;
            }
        }
        let memory = host.weir.metrics().await.sum("weir_plugin_memory_bytes", &[("plugin", "guest")]);
        assert!(memory <= f64::from(16 << 20), "{memory}");
    }
    let periods: Vec<i32> = failed.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(periods, [failed[0]; 2], "each instance comes as far as the first one");
    host.is_well("leaks").await;
}

#[tokio::test]
async fn a_guest_that_behaves_ten_thousand_times_and_then_breaks_is_caught_all_the_same() {
    let host = Host::start("process/breaks_after_ten_thousand_calls", json!({})).await;
    let sender = GrpcSender::new(host.weir.ports.grpc);
    // One after the other, so that all of them reach one instance.
    for _ in 0..10_000 {
        sender.send(Signal::Logs, saying(ATTACK)).await.unwrap();
    }
    assert_eq!(host.all_failures().await, 0.0);
    let status = sender.send(Signal::Logs, saying(ATTACK)).await.unwrap_err();
    assert_eq!(status.message(), "plugin guest failed (trap), try again");
    host.delivers_unchanged("a fresh instance", saying(ATTACK)).await;
    assert_eq!((host.failures("trap").await, host.all_failures().await), (1.0, 1.0));
}

#[tokio::test]
async fn a_slow_guest_passes_if_it_may_take_its_time_and_not_if_it_may_not() {
    for guest in ["process/slow_loop", "process/sleeps_awhile"] {
        let host = Host::start(guest, json!({"timeout": "30s"})).await;
        host.delivers_unchanged(guest, saying(ATTACK)).await;
        assert_eq!(host.all_failures().await, 0.0, "{guest}");
    }
    let host = Host::start("process/slow_loop", json!({"timeout": "50ms"})).await;
    let status = host.send(saying(ATTACK)).await.unwrap_err();
    assert_eq!(status.message(), "plugin guest failed (timeout), try again");
    host.delivers_unchanged("the next batch", saying(PEACE)).await;
}

#[tokio::test]
async fn a_million_edits_that_weir_must_read_are_given_up_before_they_take_long() {
    let host = Host::start("process/a_million_edits", json!({"memory_limit_mib": 64})).await;
    // Its answer is larger than it may be in answer to so small a batch.
    let status = host.send(saying(ATTACK)).await.unwrap_err();
    assert_eq!(status.message(), "plugin guest failed (too_large), try again");
    // But not in answer to a large one. Each of its edits would make weir look through all the former ones.
    let mut large = log("large");
    let value = format!("{ATTACK}{}", "x".repeat(5_000_000));
    large.attributes.push(attribute("test.trigger", text(value)));
    let status = host.send(logs(vec![large]).encode_to_vec()).await.unwrap_err();
    assert_eq!(status.message(), "plugin guest failed (bad_edit), try again");
    host.weir.stderr_says("sets or renames too much").await;
    host.delivers_unchanged("the next batch", saying(PEACE)).await;
    host.is_well("a million edits").await;
}
