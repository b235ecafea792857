//! What becomes of a batch on which a plugin fails: one policy each, and a fresh instance afterwards.

use prost::Message;
use serde_json::{Value, json};
use tonic::Code;
use weir_tests::build::plugin;
use weir_tests::guest::Guest;
use weir_tests::requests::{self, attribute, log, logs, text};
use weir_tests::{GrpcSender, HttpSender, Launch, Signal, Upstream, Weir, http, wait};

/// Every way to fail, with the reason that the metric gives.
const FAILURES: [(Guest, &str); 5] = [
    (Guest::Trap, "trap"),
    (Guest::Hang, "timeout"),
    (Guest::Fail, "error"),
    (Guest::BadEdit, "bad_edit"),
    (Guest::Grow, "memory"),
];

/// A request on which the guests fail.
fn poisoned() -> Vec<u8> {
    let mut record = log("poisoned");
    record.attributes.push(attribute("test.trigger", text("now")));
    logs(vec![record, log("neighbour")]).encode_to_vec()
}

async fn weir_with(guest: Guest, on_error: &str, upstream: &Upstream) -> (Weir, tempfile::TempDir) {
    let plugins = tempfile::tempdir().unwrap();
    let settings = json!({
        "plugin": guest.install(plugins.path(), "guest"),
        "on_error": on_error,
        "timeout": "200ms",
        "memory_limit_mib": 8,
    });
    (Launch::new().to_grpc(&upstream.address()).processor("wasm/guest", settings).start().await, plugins)
}

async fn failed_once(weir: &Weir, reason: &str) {
    let metrics = weir.metrics().await;
    let failures = metrics.sum("weir_plugin_failures_total", &[("plugin", "guest"), ("reason", reason)]);
    assert_eq!(failures, 1.0, "{reason}");
}

/// The plugin is not asked for this one, or has a fresh instance.
async fn goes_on(weir: &Weir, upstream: &Upstream) {
    let body = requests::unique(Signal::Logs, "next", 1);
    GrpcSender::new(weir.ports.grpc).send(Signal::Logs, body.clone()).await.unwrap();
    assert_eq!(upstream.delivered().last().map(|one| one.body.clone()), Some(body));
}

#[tokio::test]
async fn reject_tells_the_sender_to_try_again_and_delivers_nothing() {
    for (guest, reason) in FAILURES {
        let upstream = Upstream::start().await;
        let (weir, _plugins) = weir_with(guest, "reject", &upstream).await;
        let status = GrpcSender::new(weir.ports.grpc).send(Signal::Logs, poisoned()).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{guest:?}: {}", status.message());
        assert!(status.message().contains("guest"), "it names the plugin: {}", status.message());
        failed_once(&weir, reason).await;
        assert!(upstream.received().is_empty());
        let metrics = weir.metrics().await;
        assert_eq!(metrics.sum("otelcol_receiver_refused_log_records_total", &[]), 2.0);
        goes_on(&weir, &upstream).await;
    }
}

#[tokio::test]
async fn reject_over_http_is_503_with_a_time_to_wait() {
    let upstream = Upstream::start().await;
    let (weir, _plugins) = weir_with(Guest::Trap, "reject", &upstream).await;
    let reply = HttpSender::new(weir.ports.http).send(Signal::Logs, poisoned()).await;
    assert_eq!(reply.status, 503);
    assert!(reply.header("retry-after").parse::<u32>().unwrap() >= 1);
}

#[tokio::test]
async fn drop_acknowledges_and_counts_what_is_lost() {
    for (guest, reason) in FAILURES {
        let upstream = Upstream::start().await;
        let (weir, _plugins) = weir_with(guest, "drop", &upstream).await;
        GrpcSender::new(weir.ports.grpc).send(Signal::Logs, poisoned()).await.unwrap();
        failed_once(&weir, reason).await;
        assert!(upstream.received().is_empty(), "{guest:?}");
        let labels = [("plugin", "guest"), ("signal", "logs"), ("reason", "error")];
        assert_eq!(weir.metrics().await.sum("weir_plugin_items_dropped_total", &labels), 2.0);
        goes_on(&weir, &upstream).await;
    }
}

#[tokio::test]
async fn bypass_sends_the_batch_on_as_it_came() {
    for (guest, reason) in FAILURES {
        let upstream = Upstream::start().await;
        let (weir, _plugins) = weir_with(guest, "bypass", &upstream).await;
        GrpcSender::new(weir.ports.grpc).send(Signal::Logs, poisoned()).await.unwrap();
        failed_once(&weir, reason).await;
        assert_eq!(upstream.delivered()[0].body, poisoned(), "{guest:?}");
        goes_on(&weir, &upstream).await;
    }
}

#[tokio::test]
async fn isolate_drops_the_item_that_breaks_the_plugin_and_sends_the_others_on() {
    for (guest, reason) in FAILURES {
        let upstream = Upstream::start().await;
        let (weir, _plugins) = weir_with(guest, "isolate", &upstream).await;
        GrpcSender::new(weir.ports.grpc).send(Signal::Logs, poisoned()).await.unwrap();
        let delivered = upstream.delivered();
        assert_eq!(delivered.len(), 1, "{guest:?}");
        let left = logs(vec![log("neighbour")]).encode_to_vec();
        assert_eq!(delivered[0].body, left, "{guest:?}");
        let metrics = weir.metrics().await;
        assert!(metrics.sum("weir_plugin_failures_total", &[("reason", reason)]) >= 2.0, "{guest:?}");
        let labels = [("plugin", "guest"), ("signal", "logs"), ("reason", "isolated")];
        assert_eq!(metrics.sum("weir_plugin_items_dropped_total", &labels), 1.0);
        let accepted = metrics.sum("otelcol_receiver_accepted_log_records_total", &[]);
        let sent = metrics.sum("otelcol_exporter_sent_log_records_total", &[]);
        assert_eq!((accepted, sent), (2.0, 1.0), "accepted = sent + dropped");
        weir.stderr_says("items that broke the plugin were dropped").await;
        assert!(!weir.stderr().contains("poisoned"), "its place is logged, never its content");
        goes_on(&weir, &upstream).await;
    }
}

#[tokio::test]
async fn an_open_breaker_is_a_metric_a_log_line_and_a_detail_of_the_health_page() {
    let upstream = Upstream::start().await;
    let (weir, _plugins) = weir_with(Guest::Trap, "reject", &upstream).await;
    let sender = GrpcSender::new(weir.ports.grpc);
    wait::until("the breaker opens", async || {
        sender.send(Signal::Logs, poisoned()).await.unwrap_err();
        let state = weir.metrics().await.sum("weir_plugin_breaker_state", &[("plugin", "guest")]);
        (state == 2.0).then_some(())
    })
    .await;
    weir.stderr_says("circuit breaker open").await;
    let health = http::get(weir.ports.health, "/").await.unwrap();
    assert_eq!(health.status, 200, "a plugin must not take the pod out of its Service");
    assert!(health.text().contains(r#""plugin":"guest""#), "{}", health.text());

    let page = http::get(weir.ports.health, "/plugins").await.unwrap();
    let page: Value = serde_json::from_str(&page.text()).unwrap();
    assert_eq!(page["pipelines"]["logs"]["processors"], json!(["wasm/guest"]));
    let plugin = &page["processors"]["wasm/guest"]["plugins"][0];
    assert_eq!((&plugin["name"], &plugin["generation"]), (&json!("guest"), &json!(1)));
    assert!(["open", "half_open"].contains(&plugin["breaker"].as_str().unwrap()), "{plugin}");
    assert!(plugin["failures"].as_u64().unwrap() >= 10, "{plugin}");
    let reason = plugin["last_error"]["reason"].as_str().unwrap();
    assert!(reason.starts_with("trap") || reason.starts_with("resting"), "{reason}");
    assert!(!page.to_string().contains("poisoned"));
}

#[tokio::test]
async fn reject_is_the_default() {
    let upstream = Upstream::start().await;
    let plugins = tempfile::tempdir().unwrap();
    let settings = json!({"plugin": Guest::Fail.install(plugins.path(), "guest")});
    let weir = Launch::new().to_grpc(&upstream.address()).processor("wasm/guest", settings).start().await;
    let status = GrpcSender::new(weir.ports.grpc).send(Signal::Logs, poisoned()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
}

#[tokio::test]
async fn what_a_plugin_did_before_another_one_failed_is_kept_by_bypass() {
    let upstream = Upstream::start().await;
    let plugins = tempfile::tempdir().unwrap();
    let tag = Guest::Tag("test.tag", "done").install(plugins.path(), "tag");
    let trap = Guest::Trap.install(plugins.path(), "trap");
    let weir = Launch::new()
        .to_grpc(&upstream.address())
        .processor("wasm/tag", json!({"plugin": tag}))
        .processor("wasm/trap", json!({"plugin": trap, "on_error": "bypass"}))
        .start()
        .await;
    GrpcSender::new(weir.ports.grpc).send(Signal::Logs, poisoned()).await.unwrap();
    let resource = requests::log_resource(&upstream.delivered()[0].body);
    assert_eq!(requests::text_of(&resource, "test.tag"), Some("done"));
}

#[tokio::test]
async fn a_plugin_that_redacts_may_not_be_bypassed() {
    let settings: Value = json!({"plugin": plugin("redact"), "on_error": "bypass"});
    let mut weir = Launch::new().exporter("nop", json!({})).processor("wasm/redact", settings).spawn().await;
    assert_ne!(weir.wait().await.code(), Some(0));
    weir.stderr_says("bypass").await;
}

#[tokio::test]
async fn a_plugin_that_fails_again_and_again_never_ends_weir() {
    let upstream = Upstream::start().await;
    let (weir, _plugins) = weir_with(Guest::Trap, "reject", &upstream).await;
    let sender = GrpcSender::new(weir.ports.grpc);
    for _ in 0..50 {
        let status = sender.send(Signal::Logs, poisoned()).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
    }
    assert_eq!(weir.health().await, Some(200));
    assert!(weir.metrics().await.sum("weir_plugin_instances", &[("plugin", "guest")]) <= 8.0);
}
