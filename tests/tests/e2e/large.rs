//! Large requests: more items than a plugin is shown at once, and more bytes than any buffer starts with.

use prost::Message;
use serde_json::json;
use weir_tests::build::plugin;
use weir_tests::guest::Guest;
use weir_tests::requests::{self, log, logs, text, trace_id, unique_ids};
use weir_tests::{GrpcSender, HttpSender, Launch, Signal, Upstream};

const ITEMS: usize = 30_000;

#[tokio::test]
async fn the_three_plugins_handle_every_item_of_a_large_request() {
    let upstream = Upstream::start().await;
    let weir = Launch::new()
        .to_grpc(&upstream.address())
        .processor(
            "wasm/sample",
            json!({"plugin": plugin("sample"), "config": {"percentage": 50}, "timeout": "10s"}),
        )
        .processor("wasm/redact", json!({"plugin": plugin("redact"), "timeout": "10s"}))
        .processor(
            "wasm/enrich",
            json!({"plugin": plugin("enrich"), "config": {"set": {"seen": "yes"}}, "timeout": "10s"}),
        )
        .start()
        .await;
    let ids = unique_ids("l", ITEMS);
    let mut records: Vec<_> = ids.iter().map(|id| log(id)).collect();
    for record in records.iter_mut().step_by(7) {
        record.body = Some(text("sent to ada.lovelace@example.org"));
    }
    GrpcSender::new(weir.ports.grpc).send(Signal::Logs, logs(records).encode_to_vec()).await.unwrap();
    let delivered = upstream.deliveries(1).await.remove(0).body;
    assert!(!delivered.windows(12).any(|window| window == b"ada.lovelace"), "all are masked");
    let arrived = requests::log_records(&delivered);
    let all_seen = arrived.iter().all(|record| requests::text_of(&record.attributes, "seen") == Some("yes"));
    assert!(all_seen, "all are enriched");
    let kept: Vec<_> = weir_tests::ids::of(Signal::Logs, &delivered);
    let expected: Vec<_> = ids.into_iter().filter(|id| trace_id(id)[9] >= 0x80).collect();
    assert_eq!(kept, expected, "in their order");
}

#[tokio::test]
async fn what_a_plugin_changed_in_a_part_is_undone_when_it_fails_on_a_later_one() {
    // The trap is triggered by the last item only; the first parts go well.
    let upstream = Upstream::start().await;
    let plugins = tempfile::tempdir().unwrap();
    let settings = json!({"plugin": Guest::Trap.install(plugins.path(), "trap"), "on_error": "bypass", "timeout": "10s"});
    let weir = Launch::new().to_grpc(&upstream.address()).processor("wasm/trap", settings).start().await;
    let mut records: Vec<_> = unique_ids("l", ITEMS).iter().map(|id| log(id)).collect();
    records[ITEMS - 1].attributes.push(requests::attribute("test.trigger", text("now")));
    let body = logs(records).encode_to_vec();
    GrpcSender::new(weir.ports.grpc).send(Signal::Logs, body.clone()).await.unwrap();
    assert_eq!(upstream.deliveries(1).await[0].body, body);
    assert_eq!(weir.metrics().await.sum("weir_plugin_failures_total", &[("reason", "trap")]), 1.0);
}

#[tokio::test]
async fn sixty_mebibytes_go_through_on_both_ports_by_default() {
    let upstream = Upstream::start().await;
    let plugins = tempfile::tempdir().unwrap();
    let settings = json!({"plugin": Guest::Read.install(plugins.path(), "read"), "timeout": "10s"});
    let weir = Launch::new().to_grpc(&upstream.address()).processor("wasm/read", settings).start().await;
    let records = (0..60)
        .map(|number| {
            let mut record = log(&format!("large-{number}"));
            record.body = Some(text("x".repeat(1 << 20)));
            record
        })
        .collect();
    let body = bytes::Bytes::from(logs(records).encode_to_vec());
    GrpcSender::new(weir.ports.grpc).send(Signal::Logs, body.clone()).await.unwrap();
    assert_eq!(HttpSender::new(weir.ports.http).send(Signal::Logs, body.clone()).await.status, 200);
    for one in upstream.deliveries(2).await {
        assert!(one.body == body, "byte for byte");
    }
}

#[tokio::test]
async fn an_attribute_value_of_two_mebibytes_is_searched_to_its_end() {
    let upstream = Upstream::start().await;
    let settings = json!({"plugin": plugin("redact"), "timeout": "10s"});
    let weir = Launch::new().to_grpc(&upstream.address()).processor("wasm/redact", settings).start().await;
    let mut record = log("long");
    let padding = "lorem ipsum ".repeat(180_000);
    record.body = Some(text(format!("{padding}ada.lovelace@example.org{padding}")));
    GrpcSender::new(weir.ports.grpc).send(Signal::Logs, logs(vec![record]).encode_to_vec()).await.unwrap();
    let delivered = upstream.deliveries(1).await.remove(0).body;
    assert!(!delivered.windows(12).any(|window| window == b"ada.lovelace"));
    assert!(delivered.len() > 2 * padding.len() - 100);
}
