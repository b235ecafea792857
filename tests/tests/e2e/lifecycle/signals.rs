//! SIGTERM: readiness, the linger in which applications say their last words, and a second signal; as process 1 too.

use serde_json::json;
use weir_tests::guest::Guest;
use weir_tests::sdk::{Sdk, Told, Wire};
use weir_tests::upstream::Gate;
use weir_tests::weir::plain_grpc;
use weir_tests::{Answer, GrpcSender, Launch, Signal, Upstream, namespace, requests, wait};

/// The linger lasts a second. A machine that stands still for longer than that gets another chance.
const CHANCES: usize = 5;

#[tokio::test]
async fn after_sigterm_it_is_not_ready_and_still_takes_what_an_application_flushes_at_its_end() {
    for wire in Wire::ALL {
        let mut taken = false;
        for _ in 0..CHANCES {
            let upstream = Upstream::start().await;
            let mut weir = Launch::new().to_grpc(&upstream.address()).start().await;
            // Not from one connection that is open already: an application may make its first one now.
            let mut sdk = Sdk::new(wire, weir.ports.http, 1);
            if wire == Wire::Grpc {
                sdk = Sdk::new(wire, weir.ports.grpc, 1);
            }
            weir.signal("TERM");
            wait::until("it is not ready", async || (weir.health().await == Some(503)).then_some(())).await;
            let (told, _) = sdk.export(Signal::Traces, "last", 3).await;
            assert_eq!(weir.wait().await.code(), Some(0));
            taken = told == Told::Taken;
            assert_eq!(upstream.delivered_ids().len(), if taken { 3 } else { 0 }, "{wire:?}");
            if taken {
                break;
            }
        }
        assert!(taken, "{wire:?}: the last words are taken");
    }
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    for second in ["TERM", "INT"] {
        let upstream = Upstream::start().await;
        upstream.always(Answer::Hold(Gate::default()));
        // Nothing but the second signal ends this one within the patience of the test.
        let mut settings = plain_grpc(&upstream.address());
        settings["timeout"] = json!("10m");
        settings["sending_queue"] = json!({"wait_for_result": false});
        let mut launch = Launch::new().exporter("otlp_grpc", settings);
        launch.args = vec!["--shutdown-timeout".into(), "10m".into()];
        let mut weir = launch.start().await;
        let body = requests::unique(Signal::Logs, "held", 1);
        GrpcSender::new(weir.ports.grpc).send(Signal::Logs, body).await.unwrap();
        upstream.arrivals(1).await;
        weir.signal("TERM");
        weir.stderr_says("stopping").await;
        weir.signal(second);
        assert_eq!(weir.wait().await.code(), Some(0));
        assert!(weir.stderr().contains("told to stop again"), "{}", weir.stderr());
    }
}

#[tokio::test]
async fn as_process_1_it_works_and_sigterm_ends_it_with_status_0() {
    let Some(within) = namespace::as_process_one() else { return };
    let upstream = Upstream::start().await;
    let home = tempfile::tempdir().unwrap();
    let plugin = Guest::Tag("test.tag", "one").install(home.path(), "tag");
    let mut launch =
        Launch::new().to_grpc(&upstream.address()).processor("wasm/tag", json!({"plugin": plugin}));
    launch.within = within;
    // An empty cache: what compiles the plugin is a child of process 1.
    launch.cache = home.path().join("cache");
    let mut weir = launch.start().await;
    let outer = weir.pid();
    let children = std::fs::read_to_string(format!("/proc/{outer}/task/{outer}/children")).unwrap();
    let inner = children.split_whitespace().next().expect("unshare has a child").to_owned();
    let status = std::fs::read_to_string(format!("/proc/{inner}/status")).unwrap();
    let own = status
        .lines()
        .find_map(|line| line.strip_prefix("NSpid:"))
        .and_then(|ids| ids.split('\t').next_back());
    assert_eq!(own, Some("1"), "{status}");
    let body = requests::unique(Signal::Logs, "one", 2);
    GrpcSender::new(weir.ports.grpc).send(Signal::Logs, body).await.unwrap();
    weir.settle().await;
    let sent = std::process::Command::new("kill").args(["-TERM", &inner]).status();
    assert!(sent.unwrap().success());
    assert_eq!(weir.wait().await.code(), Some(0));
    assert!(weir.stderr().contains("stopped"), "{}", weir.stderr());
    assert_eq!(upstream.delivered_ids().len(), 2);
}
