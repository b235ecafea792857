//! The worked example of `deploy/stacks/collector`: the file of a Collector between a Go platform and Tempo, Prometheus and Loki,
//! run as it is, with its own ports and names in a network of its own.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::process::Command;
use weir_tests::requests::{spans, text_of, unique};
use weir_tests::{GrpcSender, Ports, Signal, Upstream, Weir, build, http, namespace, wait};

const NAMES: &[&str] = &["tempo", "loki"];
const PORTS: Ports = Ports { grpc: 4317, http: 4318, health: 13133, metrics: 8888 };
const ITEMS: usize = 40;

fn file() -> PathBuf {
    build::source_file("../deploy/stacks/collector/otel-collector-config.yaml")
}

/// Whether this weir has the file's exporters; said if not.
async fn has_exporters() -> bool {
    let output = weir_tests::weir::run(&["components"], Path::new(".")).await;
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    for name in ["prometheus", "loki", "attributes"] {
        if !listed.contains(&format!("- name: {name}\n")) {
            eprintln!("skipped: this weir has no {name}");
            return false;
        }
    }
    true
}

async fn start(more: &[&str]) -> Weir {
    let mut command = Command::new(build::weir_binary());
    command.arg("--config").arg(file()).args(more);
    command.env("XDG_CACHE_HOME", build::target_dir().join("test-cache"));
    // Both of its ends are looked at here, by the ids of items.
    let unaccounted = json!({"service": {"telemetry": {"metrics": {"level": "none"}}}});
    let weir = Weir::watch(command, PORTS, &unaccounted, tempfile::tempdir().unwrap());
    weir.ready().await;
    weir
}

/// The bodies that a Loki at its usual port has been sent, all of which it takes.
async fn loki() -> Arc<Mutex<Vec<Bytes>>> {
    let pushed = Arc::new(Mutex::new(Vec::new()));
    let listener = TcpListener::bind("[::1]:3100").await.unwrap();
    let sink = Arc::clone(&pushed);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let sink = Arc::clone(&sink);
            let service = service_fn(move |request: hyper::Request<Incoming>| {
                let sink = Arc::clone(&sink);
                async move {
                    let is_push = request.method() == "POST" && request.uri().path() == "/loki/api/v1/push";
                    let body = request.into_body().collect().await.map(|body| body.to_bytes());
                    if let (true, Ok(body)) = (is_push, body) {
                        sink.lock().unwrap().push(body);
                    }
                    let status = if is_push { 204 } else { 404 };
                    Ok::<_, Infallible>(
                        hyper::Response::builder().status(status).body(Empty::<Bytes>::new()).unwrap(),
                    )
                }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    pushed
}

#[test]
fn the_file_is_the_one_of_the_seed_stack() {
    let text = std::fs::read_to_string(file()).unwrap();
    for part in
        ["tempo:4317", "namespace: agentstack", "http://loki:3100/loki/api/v1/push", "send_batch_size: 512"]
    {
        assert!(text.contains(part), "{part}");
    }
}

#[tokio::test]
async fn the_collectors_file_is_valid_with_one_warning() {
    if !has_exporters().await {
        return;
    }
    let output =
        weir_tests::weir::run(&["validate", "--config", file().to_str().unwrap()], Path::new(".")).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let warnings: Vec<&str> = said.lines().filter(|line| line.starts_with("warning: ")).collect();
    assert_eq!(warnings.len(), 1, "{said}");
    assert!(warnings[0].contains("processors::attributes: configured but used in no pipeline"), "{said}");
}

#[tokio::test]
async fn the_collectors_file_runs_unchanged_and_all_three_signals_flow_through_it() {
    let name = "collector_stack::the_collectors_file_runs_unchanged_and_all_three_signals_flow_through_it";
    if !has_exporters().await || !namespace::in_own_network(name, NAMES) {
        return;
    }
    let (tempo, pushed) = (Upstream::start_at("::1", 4317).await, loki().await);
    let weir = start(&[]).await;
    let sender = GrpcSender::new(PORTS.grpc);
    for signal in Signal::READ {
        sender.send(signal, unique(signal, signal.name(), ITEMS)).await.unwrap();
    }
    wait::until("the spans are in Tempo", async || (tempo.delivered_ids().len() == ITEMS).then_some(()))
        .await;
    assert!(tempo.delivered().iter().all(|one| one.signal == Signal::Traces));
    wait::until("the records are in Loki", async || (!pushed.lock().unwrap().is_empty()).then_some(())).await;
    // Snappy, or JSON: a line is there in plain sight either way.
    let is_there = |body: &Bytes| body.windows(11).any(|window| window == b"cart loaded");
    assert!(pushed.lock().unwrap().iter().any(is_there));
    let scraped = wait::until("the metrics can be scraped", async || {
        let text = http::get(8889, "/metrics").await?.text();
        text.contains("agentstack_cart_size").then_some(text)
    })
    .await;
    let points = scraped.lines().filter(|line| line.starts_with("agentstack_cart_size")).count();
    assert_eq!(points, ITEMS, "{scraped}");
    let stderr = weir.stderr();
    assert!(!stderr.contains("ERROR"), "{stderr}");
}

#[tokio::test]
async fn its_attributes_processor_works_where_it_is_put_into_a_pipeline() {
    let name = "collector_stack::its_attributes_processor_works_where_it_is_put_into_a_pipeline";
    if !has_exporters().await || !namespace::in_own_network(name, NAMES) {
        return;
    }
    let tempo = Upstream::start_at("::1", 4317).await;
    let set = "service.pipelines.traces.processors=[memory_limiter, attributes, batch]";
    let _weir = start(&["--set", set]).await;
    GrpcSender::new(PORTS.grpc).send(Signal::Traces, unique(Signal::Traces, "s", ITEMS)).await.unwrap();
    let delivered = tempo.deliveries(1).await;
    let spans: Vec<_> = delivered.iter().flat_map(|one| spans(&one.body)).collect();
    assert_eq!(spans.len(), ITEMS);
    assert!(spans.iter().all(|span| text_of(&span.attributes, "environment") == Some("production")));
}
