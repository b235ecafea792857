//! Reload under load: nothing is lost, nothing is doubled, and each request saw one version of the chain.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use weir_tests::guest::Guest;
use weir_tests::{GrpcSender, HttpSender, Ids, Launch, Signal, Upstream, requests, wait};

const VERSIONS: [&str; 6] = ["v1", "v2", "v3", "v4", "v5", "v6"];

async fn send_until(stop: Arc<AtomicBool>, grpc: GrpcSender, http: HttpSender, name: usize) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let tag = format!("s{name}r{number}");
        let body = requests::unique(Signal::Logs, &tag, 20);
        if name.is_multiple_of(2) {
            grpc.send(Signal::Logs, body).await.expect("a reload is not seen by senders");
        } else {
            let reply = http.send(Signal::Logs, body).await;
            assert_eq!(reply.status, 200, "a reload is not seen by senders: {}", reply.text());
        }
        acknowledged.extend(requests::unique_ids(&tag, 20));
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plugins_replaced_under_load_lose_nothing_and_double_nothing() {
    let upstream = Upstream::start().await;
    let plugins = tempfile::tempdir().unwrap();
    Guest::Tag("test.tag", "v0").install(plugins.path(), "tag");
    let weir = Launch::new()
        .to_grpc(&upstream.address())
        .processor("wasm", json!({"directory": plugins.path()}))
        .start()
        .await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut senders = tokio::task::JoinSet::new();
    for name in 0..4 {
        let (grpc, http) = (GrpcSender::new(weir.ports.grpc), HttpSender::new(weir.ports.http));
        senders.spawn(send_until(Arc::clone(&stop), grpc, http, name));
    }
    for version in VERSIONS {
        Guest::Tag("test.tag", version).install(plugins.path(), "tag");
        wait::until(&format!("{version} is in effect"), async || {
            let last = upstream.delivered().pop()?;
            let resource = requests::log_resource(&last.body);
            (requests::text_of(&resource, "test.tag") == Some(version)).then_some(())
        })
        .await;
    }
    stop.store(true, Ordering::Relaxed);
    let mut acknowledged = Vec::new();
    while let Some(ids) = senders.join_next().await {
        acknowledged.extend(ids.unwrap());
    }
    let (acknowledged, delivered): (Ids, _) = (acknowledged.into_iter().collect(), upstream.delivered_ids());
    assert_eq!(delivered, acknowledged, "each id once");
    for one in upstream.delivered() {
        let resource = requests::log_resource(&one.body);
        let tags = resource.iter().filter(|attribute| attribute.key == "test.tag").count();
        assert_eq!(tags, 1, "one version of the plugin handled it");
    }
    let metrics = weir.metrics().await;
    let reloads = metrics.sum("weir_plugin_reloads_total", &[("plugin", "tag"), ("result", "success")]);
    assert!(reloads >= VERSIONS.len() as f64, "{reloads} reloads");
}
