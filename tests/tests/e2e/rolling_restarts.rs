//! An upstream that is replaced again and again under load: whatever a sender was told is delivered, is.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use weir_tests::ports::free_port;
use weir_tests::weir::plain_grpc;
use weir_tests::{GrpcSender, Launch, Signal, Upstream, requests};

const RESTARTS: usize = 50;
const SENDERS: usize = 4;
/// Requests that each upstream sees at least, so that it is stopped in the middle of them.
const REQUESTS_OF_EACH: usize = 5;

/// Sends one request after the other until it is told to stop; the ids of what was acknowledged.
async fn sends(port: u16, name: usize, stop: Arc<AtomicBool>) -> Vec<String> {
    let sender = GrpcSender::new(port);
    let mut acknowledged = Vec::new();
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        let tag = format!("sender{name}-{number}");
        number += 1;
        if sender.send(Signal::Logs, requests::unique(Signal::Logs, &tag, 2)).await.is_ok() {
            acknowledged.extend(requests::unique_ids(&tag, 2));
        }
    }
    acknowledged
}

async fn restarts(exporter: &str, settings: Value, port: u16) {
    let mut upstream = Upstream::start_on(port).await;
    let weir = Launch::new().exporter(exporter, settings).start().await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut senders = tokio::task::JoinSet::new();
    for name in 0..SENDERS {
        senders.spawn(sends(weir.ports.grpc, name, Arc::clone(&stop)));
    }
    let mut delivered: BTreeSet<String> = BTreeSet::new();
    let mut collect = |upstream: &Upstream| {
        delivered
            .extend(upstream.delivered().iter().flat_map(|one| weir_tests::ids::of(one.signal, &one.body)));
    };
    for restart in 0..RESTARTS {
        upstream.arrivals(REQUESTS_OF_EACH).await;
        // Every other one crashes.
        if restart % 2 == 0 {
            upstream.drain().await
        } else {
            upstream.kill().await
        }
        collect(&upstream);
        upstream = Upstream::start_on(port).await;
    }
    stop.store(true, Ordering::Relaxed);
    let mut acknowledged = 0;
    let mut lost = Vec::new();
    let told: Vec<Vec<String>> = senders.join_all().await;
    collect(&upstream);
    for id in told.into_iter().flatten() {
        acknowledged += 1;
        if !delivered.contains(&id) {
            lost.push(id);
        }
    }
    assert!(lost.is_empty(), "{} of {acknowledged} were acknowledged and are lost: {lost:?}", lost.len());
    assert!(acknowledged > RESTARTS, "only {acknowledged} were acknowledged at all");
}

#[tokio::test]
async fn nothing_that_was_acknowledged_is_lost_when_a_grpc_upstream_restarts_fifty_times() {
    let port = free_port();
    restarts("otlp_grpc", plain_grpc(&format!("127.0.0.1:{port}")), port).await;
}

#[tokio::test]
async fn nothing_that_was_acknowledged_is_lost_when_an_http_upstream_restarts_fifty_times() {
    let port = free_port();
    let endpoint = format!("http://127.0.0.1:{port}");
    restarts("otlp_http", serde_json::json!({"endpoint": endpoint, "compression": "none"}), port).await;
}
