//! A guest's memory holds what its interest asks for, and nothing else of a batch: not in a corner, not for a moment.

use bytes::Bytes;
use prost::Message;
use serde_json::json;
use weir_tests::guest::Guest;
use weir_tests::requests::{attribute, log, logs, text};
use weir_tests::{GrpcSender, Launch, Signal, Upstream};

use super::ATTACK;

/// The guest of this file.
pub(super) const GUESTS: [&str; 1] = ["process/scans_its_memory"];
/// What the guest looks for.
const MARKER: &str = "OnlyHere";

/// A request with the marker in everything that the guest did not ask for.
fn marked(word: &str) -> Bytes {
    let mut record = log(MARKER);
    record.body = Some(text(MARKER.repeat(100)));
    record.severity_text = MARKER.into();
    record.attributes.push(attribute("test.trigger", text(word)));
    record.attributes.push(attribute("test.triggers", text(MARKER)));
    record.attributes.push(attribute(MARKER, text("a key")));
    let mut request = logs(vec![record; 20]);
    let resource = &mut request.resource_logs[0];
    resource.resource.as_mut().unwrap().attributes.push(attribute("host.name", text(MARKER)));
    resource.scope_logs[0].scope.as_mut().unwrap().name = MARKER.into();
    request.encode_to_vec().into()
}

#[tokio::test]
async fn a_guest_finds_nothing_in_its_memory_that_it_did_not_ask_for() {
    let upstream = Upstream::start().await;
    let plugins = tempfile::tempdir().unwrap();
    let install = |guest, name| Guest::Hostile(guest).install(plugins.path(), name);
    // One that is shown everything runs before it, in the same buffers of weir.
    let weir = Launch::new()
        .to_grpc(&upstream.address())
        .processor("wasm/all", json!({"plugin": install("configure/wants_everything", "all")}))
        .processor("wasm/guest", json!({"plugin": install(GUESTS[0], "guest"), "timeout": "20s"}))
        .start()
        .await;
    let sender = GrpcSender::new(weir.ports.grpc);
    for _ in 0..10 {
        sender.send(Signal::Logs, marked(ATTACK)).await.unwrap();
        assert_eq!(upstream.delivered().pop().unwrap().body, marked(ATTACK));
    }
    let calls = weir.metrics().await.sum("weir_plugin_calls_total", &[("plugin", "guest")]);
    assert_eq!(calls, 10.0, "it looked each time");

    // And it does find the marker where it is shown it.
    let status = sender.send(Signal::Logs, marked(&format!("{ATTACK} {MARKER}"))).await.unwrap_err();
    assert_eq!(status.message(), "plugin guest failed (trap), try again");
}
