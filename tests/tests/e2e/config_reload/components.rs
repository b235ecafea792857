//! Exporters and plugins over reloads: what is the same goes on with what it holds, what is gone delivers the rest.

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use serde_json::{Value, json};
use weir_tests::guest::{Guest, install};
use weir_tests::upstream::Gate;
use weir_tests::weir::plain_grpc;
use weir_tests::{Answer, GrpcSender, Launch, Received, Signal, Upstream, Weir, http, requests, wait};

/// An exporter that answers the sender as soon as a batch is queued.
fn queued(upstream: &Upstream) -> Value {
    let mut settings = plain_grpc(&upstream.address());
    settings["sending_queue"] = json!({"wait_for_result": false, "num_consumers": 1});
    settings
}

async fn send(weir: &Weir, tag: &str) {
    let body = requests::unique(Signal::Logs, tag, 2);
    GrpcSender::new(weir.ports.grpc).send(Signal::Logs, body).await.unwrap();
}

/// Sends one request and gives it as it arrived.
async fn through(weir: &Weir, upstream: &Upstream, tag: &str) -> Received {
    send(weir, tag).await;
    upstream.delivered().pop().unwrap()
}

fn tag_of(received: &Received, key: &str) -> Option<String> {
    requests::text_of(&requests::log_resource(&received.body), key).map(str::to_owned)
}

fn number_of(received: &Received) -> i64 {
    let resource = requests::log_resource(&received.body);
    let number = resource.into_iter().find(|attribute| attribute.key == "test.number");
    match number.and_then(|attribute| attribute.value?.value) {
        Some(Any::IntValue(number)) => number,
        other => panic!("no number: {other:?}"),
    }
}

#[tokio::test]
async fn what_a_removed_exporter_has_queued_still_goes_out() {
    let (removed, kept) = (Upstream::start().await, Upstream::start().await);
    let gate = Gate::default();
    removed.always(Answer::Hold(gate.clone()));
    let without = Launch::new().to_grpc(&kept.address());
    let with = without.clone().exporter("otlp_grpc/removed", queued(&removed));
    let weir = with.start().await;
    for number in 0..5 {
        send(&weir, &format!("r{number}")).await;
    }
    weir.reconfigure(&without.config);
    weir.reloads("success", 1).await;
    send(&weir, "after").await;
    assert!(removed.delivered().is_empty());
    gate.open();
    removed.deliveries(5).await;
    weir.stderr_says("has delivered what it had").await;
    let metrics = weir.metrics().await;
    let of = |id| [("exporter", id)];
    assert_eq!(metrics.sum("otelcol_exporter_sent_log_records_total", &of("otlp_grpc/removed")), 10.0);
    assert_eq!(metrics.sum("otelcol_exporter_sent_log_records_total", &of("otlp_grpc")), 12.0);
    assert_eq!(metrics.sum("otelcol_exporter_queue_size", &of("otlp_grpc/removed")), 0.0);
    assert_eq!(removed.delivered_ids().len(), 10);
}

#[tokio::test]
async fn a_changed_exporter_gets_a_queue_of_its_own_and_both_count_under_its_id() {
    let (former, next) = (Upstream::start().await, Upstream::start().await);
    let gate = Gate::default();
    former.always(Answer::Hold(gate.clone()));
    let launch = Launch::new().exporter("otlp_grpc", queued(&former));
    let changed = Launch::on(launch.ports).exporter("otlp_grpc", queued(&next));
    let mut weir = launch.start().await;
    send(&weir, "former").await;
    weir.reconfigure(&changed.config);
    weir.reloads("success", 1).await;
    send(&weir, "next").await;
    next.deliveries(1).await;
    weir.metrics_until("what the former holds shows", |metrics| {
        metrics.sum("otelcol_exporter_queue_size", &[]) == 1.0
    })
    .await;
    gate.open();
    // The stop waits for it too.
    weir.stop().await;
    assert_eq!((former.delivered_ids().len(), next.delivered_ids().len()), (2, 2));
}

#[tokio::test]
async fn what_a_removed_exporter_cannot_deliver_is_counted_and_told() {
    let kept = Upstream::start().await;
    let dead = format!("127.0.0.1:{}", weir_tests::ports::free_port());
    let mut without = Launch::new().to_grpc(&kept.address());
    without.args = vec!["--shutdown-timeout".into(), "1s".into()];
    let mut settings = plain_grpc(&dead);
    settings["sending_queue"] = json!({"wait_for_result": false});
    let with = without.clone().exporter("otlp_grpc/dead", settings);
    let weir = with.start().await;
    send(&weir, "lost").await;
    weir.reconfigure(&without.config);
    let of_dead = [("exporter", "otlp_grpc/dead")];
    weir.metrics_until("the loss is counted", |metrics| {
        metrics.sum("otelcol_exporter_send_failed_log_records_total", &of_dead) == 2.0
    })
    .await;
    weir.stderr_says("the rest is lost").await;
}

#[tokio::test]
async fn plugins_are_added_changed_and_removed_by_the_configuration() {
    let upstream = Upstream::start().await;
    let plugins = tempfile::tempdir().unwrap();
    let bare = Launch::new().to_grpc(&upstream.address());
    let tag = |name: &str, value: &'static str| {
        let plugin = Guest::Tag("test.tag", value).install(plugins.path(), name);
        bare.clone().processor("wasm/tag", json!({"plugin": plugin})).config
    };
    let (one, two) = (tag("one", "one"), tag("two", "two"));
    let weir = bare.clone().start().await;
    assert_eq!(tag_of(&through(&weir, &upstream, "none").await, "test.tag"), None);
    for (count, config, expected) in
        [(1, &one, Some("one")), (2, &two, Some("two")), (3, &bare.config, None), (4, &one, Some("one"))]
    {
        weir.reconfigure(config);
        weir.reloads("success", count).await;
        let received = through(&weir, &upstream, &format!("r{count}")).await;
        assert_eq!(tag_of(&received, "test.tag").as_deref(), expected, "reload {count}");
        let page = http::get(weir.ports.health, "/plugins").await.unwrap().text();
        assert_eq!(page.contains("wasm/tag"), expected.is_some(), "{page}");
        assert_eq!(weir.health().await, Some(200));
    }
    // The plugin's own file is watched as after a start.
    Guest::Tag("test.tag", "three").install(plugins.path(), "one");
    wait::until("the replaced file is in effect", async || {
        let received = through(&weir, &upstream, "replaced").await;
        (tag_of(&received, "test.tag").as_deref() == Some("three")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_stateful_plugin_that_did_not_change_keeps_its_state() {
    let upstream = Upstream::start().await;
    let plugins = tempfile::tempdir().unwrap();
    let count = json!({"plugin": Guest::Count.install(plugins.path(), "count")});
    let launch = Launch::new().to_grpc(&upstream.address()).processor("wasm/count", count);
    let read = json!({"plugin": Guest::Read.install(plugins.path(), "read")});
    let more = launch.clone().processor("wasm/read", read).exporter("debug", json!({})).config;
    let mut slower = more.clone();
    slower["processors"]["wasm/count"]["timeout"] = json!("9s");
    let weir = launch.start().await;
    assert_eq!(number_of(&through(&weir, &upstream, "a").await), 1);
    // A comment moves every line and changes nothing.
    weir.reconfigure_text(&format!("# a comment\n\n{more}"));
    weir.reloads("success", 1).await;
    assert_eq!(number_of(&through(&weir, &upstream, "b").await), 2);
    weir.reconfigure(&slower);
    weir.reloads("success", 2).await;
    assert_eq!(number_of(&through(&weir, &upstream, "c").await), 1, "a changed plugin starts anew");
}

#[tokio::test]
async fn a_plugin_that_does_not_load_fails_the_reload_in_both_forms() {
    let upstream = Upstream::start().await;
    let plugins = tempfile::tempdir().unwrap();
    let broken = install(b"this is no component", plugins.path(), "broken");
    let launch = Launch::new().to_grpc(&upstream.address());
    let forms = [json!({"plugin": broken}), json!({"directory": plugins.path()})];
    let weir = launch.clone().start().await;
    for (count, form) in (1..).zip(forms) {
        weir.reconfigure(&launch.clone().processor("wasm", form).config);
        weir.reloads("failure", count).await;
        assert_eq!(weir.health().await, Some(200));
        through(&weir, &upstream, &format!("after{count}")).await;
    }
    weir.stderr_says("a plugin in the directory does not load").await;
    // Repaired, it is taken with the next look at the configuration.
    Guest::Tag("test.tag", "repaired").install(plugins.path(), "broken");
    weir.signal("HUP");
    weir.reloads("success", 1).await;
    let received = through(&weir, &upstream, "repaired").await;
    assert_eq!(tag_of(&received, "test.tag").as_deref(), Some("repaired"));
}
