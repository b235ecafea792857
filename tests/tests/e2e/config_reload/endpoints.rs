//! Endpoints over reloads: those that stay keep their sockets, new ones are bound before anything changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use weir_tests::ports::free_port;
use weir_tests::{
    Connection, GrpcSender, HttpSender, Ids, Launch, Signal, Upstream, Weir, http, requests, wait,
};

async fn start(launch: &Launch) -> Weir {
    launch.clone().start().await
}

fn at(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

async fn is_refused(port: u16) -> Option<()> {
    TcpStream::connect(("127.0.0.1", port)).await.is_err().then_some(())
}

/// A request of about this many bytes.
fn large(bytes: usize, tag: &str) -> bytes::Bytes {
    let mut log = requests::log(tag);
    log.body = Some(requests::text("x".repeat(bytes)));
    prost::Message::encode_to_vec(&requests::logs(vec![log])).into()
}

/// A connection and a request each, on and on; none may fail. Gives the ids.
async fn connect_until(stop: Arc<AtomicBool>, port: u16, is_grpc: bool, name: usize) -> Vec<String> {
    let mut sent = Vec::new();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let tag = format!("s{name}r{number}");
        while !is_taken(port, is_grpc, requests::unique(Signal::Logs, &tag, 1)).await {}
        sent.extend(requests::unique_ids(&tag, 1));
    }
    sent
}

/// Sends one request on a new connection. On HTTP/2 it may be told, before the request is on its way, to take another
/// connection (GOAWAY without an error), which is no failure: clients of gRPC do so by themselves.
async fn is_taken(port: u16, is_grpc: bool, body: bytes::Bytes) -> bool {
    let mut connection = match is_grpc {
        true => Connection::grpc(port).await,
        false => Connection::http(port).await,
    };
    match connection.send(Signal::Logs, body).await {
        Ok(is_taken) => {
            assert!(is_taken);
            true
        }
        Err(error) => {
            let is_told = error.is_closed() || format!("{error:?}").contains("NO_ERROR");
            assert!(is_grpc && is_told, "{is_grpc}: {error:?}");
            false
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_limit_on_the_same_ports_refuses_no_connection_and_old_ones_finish() {
    let upstream = Upstream::start().await;
    let launch = Launch::new().to_grpc(&upstream.address());
    let mut config = launch.config.clone();
    let weir = start(&launch).await;
    let mut old = Connection::grpc(weir.ports.grpc).await;
    assert!(old.send(Signal::Logs, large(10_000, "old")).await.unwrap());
    let stop = Arc::new(AtomicBool::new(false));
    let mut senders = tokio::task::JoinSet::new();
    for name in 0..4 {
        let is_grpc = name % 2 == 0;
        let port = if is_grpc { weir.ports.grpc } else { weir.ports.http };
        senders.spawn(connect_until(Arc::clone(&stop), port, is_grpc, name));
    }
    for round in 1..=5 {
        upstream.deliveries(round * 40).await;
        let protocols = &mut config["receivers"]["otlp"]["protocols"];
        protocols["grpc"]["max_concurrent_streams"] = json!(100 + round);
        protocols["http"]["max_request_body_size"] = json!(5_000 + round);
        weir.reconfigure(&config);
        weir.signal("HUP");
        weir.reloads("success", round as u32).await;
    }
    upstream.deliveries(upstream.delivered().len() + 40).await;
    stop.store(true, Ordering::Relaxed);
    let mut sent = vec!["old".to_owned()];
    while let Some(ids) = senders.join_next().await {
        sent.extend(ids.unwrap());
    }
    assert_eq!(upstream.delivered_ids(), sent.into_iter().collect::<Ids>(), "each id once");
    wait::until("the old connection is told to end", async || old.is_closed().then_some(())).await;
    let reply = HttpSender::new(weir.ports.http).send(Signal::Logs, large(10_000, "new")).await;
    assert_eq!(reply.status, 413, "the new limit holds");
    assert!(!weir.stderr().contains("were cut"), "{}", weir.stderr());
}

#[tokio::test]
async fn a_changed_port_moves_and_the_old_one_is_refused() {
    let upstream = Upstream::start().await;
    let launch = Launch::new().to_grpc(&upstream.address());
    let (mut config, moved) = (launch.config.clone(), free_port());
    let weir = start(&launch).await;
    config["receivers"]["otlp"]["protocols"]["grpc"]["endpoint"] = json!(at(moved));
    weir.reconfigure(&config);
    weir.reloads("success", 1).await;
    let body = requests::unique(Signal::Logs, "moved", 1);
    GrpcSender::new(moved).send(Signal::Logs, body).await.unwrap();
    wait::until("the old port is refused", async || is_refused(weir.ports.grpc).await).await;
    let reply =
        HttpSender::new(weir.ports.http).send(Signal::Logs, requests::unique(Signal::Logs, "http", 1)).await;
    assert_eq!(reply.status, 200, "the other protocol stays where it was");
}

#[tokio::test]
async fn a_taken_port_fails_the_reload_and_has_no_effect() {
    let upstream = Upstream::start().await;
    let launch = Launch::new().to_grpc(&upstream.address());
    let mut config = launch.config.clone();
    let weir = start(&launch).await;
    let mut open = Connection::grpc(weir.ports.grpc).await;
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let protocols = &mut config["receivers"]["otlp"]["protocols"];
    protocols["grpc"]["endpoint"] = json!(at(free_port()));
    protocols["http"]["endpoint"] = json!(taken.local_addr().unwrap().to_string());
    config["exporters"]["debug"] = json!({});
    config["service"]["pipelines"]["logs"]["exporters"] = json!(["otlp_grpc", "debug"]);
    weir.reconfigure(&config);
    weir.reloads("failure", 1).await;
    weir.stderr_says("address already in use").await;
    assert!(open.send(Signal::Logs, requests::unique(Signal::Logs, "open", 1)).await.unwrap());
    assert!(weir.stdout().is_empty(), "the debug exporter is not in service: {}", weir.stdout());
    drop(taken);
    weir.signal("HUP");
    weir.reloads("success", 1).await;
}

#[tokio::test]
async fn a_new_host_on_the_same_port_is_refused_with_a_sentence() {
    let launch = Launch::new().exporter("nop", json!({}));
    let mut config = launch.config.clone();
    let weir = start(&launch).await;
    config["receivers"]["otlp"]["protocols"]["grpc"]["endpoint"] =
        json!(format!("0.0.0.0:{}", weir.ports.grpc));
    weir.reconfigure(&config);
    weir.reloads("failure", 1).await;
    weir.stderr_says("a new host on the same port takes a restart").await;
}

#[tokio::test]
async fn a_receiver_with_another_name_takes_over_the_sockets_of_the_former() {
    let upstream = Upstream::start().await;
    let launch = Launch::new().to_grpc(&upstream.address());
    let mut config = launch.config.clone();
    let weir = start(&launch).await;
    config["receivers"]["otlp/renamed"] = config["receivers"]["otlp"].take();
    config["receivers"].as_object_mut().unwrap().remove("otlp");
    for pipeline in config["service"]["pipelines"].as_object_mut().unwrap().values_mut() {
        pipeline["receivers"] = json!(["otlp/renamed"]);
    }
    weir.reconfigure(&config);
    weir.reloads("success", 1).await;
    let mut connection = Connection::http(weir.ports.http).await;
    assert!(connection.send(Signal::Logs, requests::unique(Signal::Logs, "x", 2)).await.unwrap());
    let metrics = weir.metrics().await;
    let of_renamed = [("receiver", "otlp/renamed")];
    assert_eq!(metrics.sum("otelcol_receiver_accepted_log_records_total", &of_renamed), 2.0);
}

#[tokio::test]
async fn health_check_and_metrics_move_too_and_a_signal_may_go() {
    let launch = Launch::new().exporter("nop", json!({}));
    let mut config = launch.config.clone();
    let weir = start(&launch).await;
    let [health, metrics] = [free_port(), free_port()];
    config["extensions"]["health_check"] = json!({"endpoint": at(health), "path": "/ready"});
    config["service"]["telemetry"]["metrics"]["address"] = json!(at(metrics));
    config["service"]["pipelines"].as_object_mut().unwrap().remove("traces");
    weir.reconfigure(&config);
    wait::until("health is at its new place", async || http::get(health, "/ready").await).await;
    let scrape = wait::until("metrics are at their new place", async || http::get(metrics, "/metrics").await);
    assert!(scrape.await.text().contains("weir_config_reloads_total{result=\"success\"} 1"));
    wait::until("the old health port is refused", async || is_refused(weir.ports.health).await).await;
    let sender = HttpSender::new(weir.ports.http);
    let of = |signal| requests::unique(signal, "x", 1);
    assert_eq!(sender.send(Signal::Traces, of(Signal::Traces)).await.status, 404);
    assert_eq!(sender.send(Signal::Logs, of(Signal::Logs)).await.status, 200);
}
