//! weir's own metrics: names, types, and where they are served.

use prost::Message;
use serde_json::json;
use weir_tests::build::plugin;
use weir_tests::ports::free_port;
use weir_tests::requests::{attribute, log, logs, text};
use weir_tests::{GrpcSender, Launch, Signal, Upstream, http};

#[tokio::test]
async fn every_series_is_there_before_the_first_request() {
    let weir = Launch::new().exporter("nop", json!({})).start().await;
    let metrics = weir.metrics().await;
    for signal in Signal::READ {
        for what in [
            "receiver_accepted",
            "receiver_refused",
            "exporter_sent",
            "exporter_send_failed",
            "exporter_enqueue_failed",
        ] {
            let name = format!("otelcol_{what}_{}_total", signal.items());
            assert!(metrics.has(&name, &[]), "{name}");
            assert_eq!(metrics.sum(&name, &[]), 0.0);
        }
    }
    for name in
        ["otelcol_exporter_queue_size", "otelcol_exporter_queue_capacity", "otelcol_process_memory_rss"]
    {
        assert!(metrics.has(name, &[]), "{name}");
    }
}

#[tokio::test]
async fn what_senders_make_up_does_not_grow_the_metrics() {
    let upstream = Upstream::start().await;
    let weir = Launch::new()
        .to_grpc(&upstream.address())
        .processor("wasm/redact", json!({"plugin": plugin("redact")}))
        .start()
        .await;
    let sender = GrpcSender::new(weir.ports.grpc);
    let send = async |tag: &str| {
        let mut record = log(tag);
        record.attributes.push(attribute(&format!("password.{tag}"), text(format!("{tag}@example.org"))));
        record.severity_text = tag.to_owned();
        sender.send(Signal::Logs, logs(vec![record]).encode_to_vec()).await.unwrap();
    };
    send("first").await;
    let before = weir.metrics().await.samples().len();
    for number in 0..200 {
        send(&format!("made-up-{number}")).await;
    }
    assert_eq!(weir.metrics().await.samples().len(), before);
}

#[tokio::test]
async fn the_text_is_what_prometheus_expects() {
    let launch = Launch::new()
        .exporter("nop", json!({}))
        .processor("wasm/redact", json!({"plugin": plugin("redact")}));
    let weir = launch.start().await;
    let reply = http::get(weir.ports.metrics, "/metrics").await.unwrap();
    assert!(reply.header("content-type").starts_with("text/plain; version=0.0.4"), "{:?}", reply.headers);
    let text = reply.text();
    let types: Vec<(&str, &str)> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    assert!(types.len() > 20);
    for (name, kind) in types {
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
        assert!(text.contains(&format!("# HELP {name} ")), "{name} has a help text");
        assert!(name.starts_with("otelcol_") || name.starts_with("weir_"), "{name}");
    }
    assert_eq!(http::get(weir.ports.metrics, "/other").await.unwrap().status, 404);
}

#[tokio::test]
async fn the_newer_form_of_the_configuration_serves_them_too() {
    let mut launch = Launch::new().exporter("nop", json!({}));
    let port = free_port();
    launch.config["service"]["telemetry"]["metrics"] =
        json!({"readers": [{"pull": {"exporter": {"prometheus": {"host": "127.0.0.1", "port": port}}}}]});
    launch.ports.metrics = port;
    let weir = launch.start().await;
    assert!(weir.metrics().await.has("otelcol_process_uptime_seconds_total", &[]));
}

#[tokio::test]
async fn with_level_none_they_are_off() {
    let mut launch = Launch::new().exporter("nop", json!({}));
    launch.config["service"]["telemetry"]["metrics"]["level"] = json!("none");
    let weir = launch.start().await;
    assert!(http::get(weir.ports.metrics, "/metrics").await.is_none(), "nobody listens");
    let body = weir_tests::requests::unique(Signal::Logs, "uncounted", 1);
    GrpcSender::new(weir.ports.grpc).send(Signal::Logs, body).await.unwrap();
}
