//! HTTP as clients and proxies really speak it.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::net::TcpStream;
use weir_tests::sender::raw_exchange;
use weir_tests::{GrpcSender, Launch, Signal, Upstream, Weir, requests};

async fn plain() -> (Upstream, Weir) {
    let upstream = Upstream::start().await;
    let weir = Launch::new().to_grpc(&upstream.address()).start().await;
    (upstream, weir)
}

fn head(version: &str, further: &str, length: usize) -> Vec<u8> {
    format!(
        "POST /v1/logs {version}\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: {length}\r\n{further}\r\n"
    )
    .into_bytes()
}

#[tokio::test]
async fn two_requests_one_after_the_other_on_one_connection_are_both_answered() {
    let (upstream, weir) = plain().await;
    let body = requests::unique(Signal::Logs, "kept-alive", 1);
    let one = [head("HTTP/1.1", "", body.len()), body.to_vec()].concat();
    let last = [head("HTTP/1.1", "connection: close\r\n", body.len()), body.to_vec()].concat();
    let answer = raw_exchange(weir.ports.http, &[one, last].concat(), Duration::from_secs(10)).await;
    let text = String::from_utf8_lossy(&answer);
    assert_eq!(text.matches("HTTP/1.1 200").count(), 2, "{text}");
    assert_eq!(upstream.delivered().len(), 2);
}

#[tokio::test]
async fn a_client_that_asks_before_it_sends_is_told_to_go_on() {
    let (upstream, weir) = plain().await;
    let body = requests::unique(Signal::Logs, "expected", 1);
    let request =
        [head("HTTP/1.1", "expect: 100-continue\r\nconnection: close\r\n", body.len()), body.to_vec()];
    let answer = raw_exchange(weir.ports.http, &request.concat(), Duration::from_secs(10)).await;
    let text = String::from_utf8_lossy(&answer);
    assert!(text.contains("HTTP/1.1 200"), "{text}");
    assert_eq!(upstream.delivered().len(), 1);
}

#[tokio::test]
async fn http_1_0_is_answered() {
    let (upstream, weir) = plain().await;
    let body = requests::unique(Signal::Logs, "old", 1);
    let request = [head("HTTP/1.0", "", body.len()), body.to_vec()].concat();
    let answer = raw_exchange(weir.ports.http, &request, Duration::from_secs(10)).await;
    assert!(answer.starts_with(b"HTTP/1.0 200") || answer.starts_with(b"HTTP/1.1 200"));
    assert_eq!(upstream.delivered().len(), 1);
}

#[tokio::test]
async fn otlp_over_http_2_without_tls_is_taken_on_the_http_port() {
    let (upstream, weir) = plain().await;
    let stream = TcpStream::connect(("127.0.0.1", weir.ports.http)).await.unwrap();
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let body = requests::unique(Signal::Logs, "h2c", 1);
    let request = http::Request::post("http://localhost/v1/logs")
        .header("content-type", "application/x-protobuf")
        .body(Full::new(body))
        .unwrap();
    assert_eq!(client.send_request(request).await.unwrap().status(), 200);
    assert_eq!(upstream.delivered().len(), 1);
}

#[tokio::test]
async fn hundreds_of_requests_at_once_on_one_grpc_connection_are_all_answered() {
    let (upstream, weir) = plain().await;
    let sender = GrpcSender::new(weir.ports.grpc);
    let mut requests = tokio::task::JoinSet::new();
    for number in 0..500 {
        let sender = sender.clone();
        requests.spawn(async move {
            sender.send(Signal::Traces, requests::unique(Signal::Traces, &format!("many{number}"), 2)).await
        });
    }
    while let Some(request) = requests.join_next().await {
        request.unwrap().unwrap();
    }
    let delivered = upstream.delivered_ids();
    assert_eq!((delivered.len(), delivered.doubled().len()), (1_000, 0));
}

#[tokio::test]
async fn a_second_receiver_with_paths_of_its_own_is_served() {
    let upstream = Upstream::start().await;
    let mut launch = Launch::new().to_grpc(&upstream.address());
    let port = weir_tests::ports::free_port();
    launch.config["receivers"]["otlp/second"] = json!({"protocols": {"http": {
        "endpoint": format!("127.0.0.1:{port}"), "logs_url_path": "/otlp/logs",
    }}});
    launch.config["service"]["pipelines"]["logs"]["receivers"] = json!(["otlp", "otlp/second"]);
    let weir = launch.start().await;
    let sender = weir_tests::HttpSender::new(port);
    let headers = [("content-type", "application/x-protobuf")];
    let body: Bytes = requests::unique(Signal::Logs, "second", 1);
    assert_eq!(sender.post("/otlp/logs", &headers, body.clone()).await.status, 200);
    assert_eq!(sender.post("/v1/logs", &headers, body).await.status, 404);
    assert_eq!(upstream.delivered().len(), 1);
    let metrics = weir.metrics().await;
    let labels = [("receiver", "otlp/second"), ("transport", "http")];
    assert_eq!(metrics.sum("otelcol_receiver_accepted_log_records_total", &labels), 1.0);
}
