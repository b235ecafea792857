//! Start, readiness, stop.

mod order;
mod signals;

use serde_json::json;
use tokio::net::TcpStream;
use weir_tests::guest::{Guest, install};
use weir_tests::{Launch, Upstream, Weir, http, wait};

async fn nop() -> Weir {
    Launch::new().exporter("nop", json!({})).start().await
}

#[tokio::test]
async fn once_ready_every_port_listens_and_stderr_says_so() {
    let weir = nop().await;
    weir.stderr_says("Everything is ready.").await;
    for port in [weir.ports.grpc, weir.ports.http, weir.ports.metrics] {
        assert!(TcpStream::connect(("127.0.0.1", port)).await.is_ok(), "port {port} listens");
    }
    let reply = http::get(weir.ports.health, "/").await.unwrap();
    assert_eq!(reply.status, 200);
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(body["status"], "Server available");
}

#[tokio::test]
async fn a_plugin_of_the_directory_that_does_not_load_keeps_health_at_503_until_it_is_gone() {
    let plugins = tempfile::tempdir().unwrap();
    install(b"this is no component", plugins.path(), "broken");
    let upstream = Upstream::start().await;
    let weir = Launch::new()
        .to_grpc(&upstream.address())
        .processor("wasm", json!({"directory": plugins.path()}))
        .spawn()
        .await;
    let seen = wait::until("health answers", async || weir.health().await).await;
    assert_eq!(seen, 503);
    weir.stderr_says("broken").await;
    assert!(!weir.stderr().contains("Everything is ready."), "it is not");
    std::fs::remove_file(plugins.path().join("broken.wasm")).unwrap();
    weir.ready().await;
    weir.stderr_says("Everything is ready.").await;
}

#[tokio::test]
async fn a_plugin_named_in_the_configuration_that_does_not_load_ends_the_start() {
    let plugins = tempfile::tempdir().unwrap();
    let plugin = Guest::Refuse.install(plugins.path(), "refuse");
    let mut weir = Launch::new()
        .exporter("nop", json!({}))
        .processor("wasm/refuse", json!({"plugin": plugin}))
        .spawn()
        .await;
    assert_ne!(weir.wait().await.code(), Some(0));
    weir.stderr_says("this guest refuses every configuration").await;
}

#[tokio::test]
async fn sigterm_ends_it_with_status_0() {
    let mut weir = nop().await;
    weir.signal("TERM");
    assert_eq!(weir.wait().await.code(), Some(0));
}

#[tokio::test]
async fn sigint_ends_it_with_status_0() {
    let mut weir = nop().await;
    weir.signal("INT");
    assert_eq!(weir.wait().await.code(), Some(0));
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_and_ends_the_start() {
    let launch = Launch::new().exporter("nop", json!({}));
    let taken = tokio::net::TcpListener::bind(("127.0.0.1", launch.ports.grpc)).await.unwrap();
    let mut weir = launch.spawn().await;
    assert_ne!(weir.wait().await.code(), Some(0));
    weir.stderr_says(&taken.local_addr().unwrap().port().to_string()).await;
}
