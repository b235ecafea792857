//! The heads of calls of gRPC: media types, methods, signals.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::net::TcpStream;
use weir_tests::h2::{call, frame};
use weir_tests::{Launch, Signal, Upstream, requests};

use super::table;

/// A request over HTTP/2 to the gRPC port: the status of HTTP, and that of gRPC if there is one.
async fn request(port: u16, method: &str, content_type: Option<&str>, body: Bytes) -> (u16, Option<String>) {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let io = TokioIo::new(stream);
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let path = format!("http://localhost{}", Signal::Logs.grpc_path());
    let mut request = Request::builder().method(method).uri(path);
    if let Some(content_type) = content_type {
        request = request.header("content-type", content_type);
    }
    let answer = client.send_request(request.body(Full::new(body)).unwrap()).await.unwrap();
    let (head, body) = answer.into_parts();
    let trailers = body.collect().await.unwrap().trailers().cloned().unwrap_or_default();
    let status = trailers.get("grpc-status").or(head.headers.get("grpc-status"));
    (head.status.as_u16(), status.map(|status| status.to_str().unwrap().to_owned()))
}

#[tokio::test]
async fn what_is_no_grpc_is_told_so_in_http() {
    let (upstream, weir) = table().await;
    let body = requests::unique(Signal::Logs, "no-grpc", 1);
    let body = frame(false, body.len(), &body);
    let others = [
        "application/json",
        "application/x-protobuf",
        "application/grpc-web+proto",
        "application/grpc+json",
        "",
    ];
    for content_type in others.map(Some).into_iter().chain([None]) {
        let told = request(weir.ports.grpc, "POST", content_type, body.clone()).await;
        assert_eq!(told, (415, None), "{content_type:?}");
    }
    for method in ["GET", "PUT", "OPTIONS"] {
        let told = request(weir.ports.grpc, method, Some("application/grpc"), Bytes::new()).await;
        assert_eq!(told, (405, None), "{method}");
    }
    assert!(upstream.received().is_empty());
}

#[tokio::test]
async fn the_media_type_may_name_its_messages() {
    let (upstream, weir) = table().await;
    for content_type in ["application/grpc", "application/grpc+proto", "Application/gRPC; charset=utf-8"] {
        let body = requests::unique(Signal::Logs, "grpc", 1);
        let told =
            request(weir.ports.grpc, "POST", Some(content_type), frame(false, body.len(), &body)).await;
        assert_eq!(told, (200, Some("0".to_owned())), "{content_type}");
    }
    assert_eq!(upstream.delivered().len(), 3);
}

#[tokio::test]
async fn a_signal_that_no_pipeline_takes_is_unimplemented() {
    let upstream = Upstream::start().await;
    let mut launch = Launch::new().to_grpc(&upstream.address());
    launch.config["service"]["pipelines"] =
        json!({"logs": {"receivers": ["otlp"], "exporters": ["otlp_grpc"]}});
    let weir = launch.start().await;
    for signal in [Signal::Traces, Signal::Metrics, Signal::Profiles] {
        let body = frame(false, 0, b"");
        let reply = call(weir.ports.grpc, signal.grpc_path(), &[], body).await;
        assert_eq!(reply.status, Some(12), "{signal:?}");
    }
    let body = requests::unique(Signal::Logs, "logs", 1);
    let reply = call(weir.ports.grpc, Signal::Logs.grpc_path(), &[], frame(false, body.len(), &body)).await;
    assert_eq!(reply.status, Some(0), "{}", reply.message);
}

#[tokio::test]
async fn a_timeout_that_makes_no_sense_counts_as_none() {
    let (upstream, weir) = table().await;
    for timeout in ["", "soon", "-1S", "999999999S", "1x"] {
        let body = requests::unique(Signal::Logs, "timeout", 1);
        let message = frame(false, body.len(), &body);
        let headers = [("grpc-timeout", timeout)];
        let reply = call(weir.ports.grpc, Signal::Logs.grpc_path(), &headers, message).await;
        assert_eq!(reply.status, Some(0), "{timeout:?}: {}", reply.message);
    }
    assert_eq!(upstream.delivered().len(), 5);
}
