//! Malformed and hostile requests over HTTP: each gets the right status, and nobody else notices.

use std::time::Duration;

use prost::Message;
use serde_json::json;
use weir_tests::guest::Guest;
use weir_tests::http::Reply;
use weir_tests::rpc::Status;
use weir_tests::sender::{gzip, raw_exchange, zstd};
use weir_tests::{HttpSender, Launch, Signal, Upstream, Weir, requests, wait};

const LIMIT: usize = 100_000;

async fn reading() -> (Upstream, Weir, tempfile::TempDir) {
    let upstream = Upstream::start().await;
    let plugins = tempfile::tempdir().unwrap();
    let plugin = Guest::Read.install(plugins.path(), "read");
    let mut launch =
        Launch::new().to_grpc(&upstream.address()).processor("wasm/read", json!({"plugin": plugin}));
    let http = &mut launch.config["receivers"]["otlp"]["protocols"]["http"];
    http["max_request_body_size"] = json!(LIMIT);
    http["read_header_timeout"] = json!("1s");
    (upstream, launch.start().await, plugins)
}

fn is_status(reply: &Reply, http: u16, code: i32) {
    assert_eq!(reply.status, http, "{}", reply.text());
    assert_eq!(reply.header("content-type"), "application/x-protobuf");
    let status = Status::decode(&reply.body[..]).expect("google.rpc.Status");
    assert_eq!(status.code, code);
    assert!(!status.message.is_empty());
}

#[tokio::test]
async fn methods_paths_and_media_types_that_do_not_exist_are_told_apart() {
    let (upstream, weir, _plugins) = reading().await;
    let sender = HttpSender::new(weir.ports.http);
    let body = requests::unique(Signal::Logs, "x", 1);
    let protobuf = [("content-type", "application/x-protobuf")];
    for method in ["GET", "PUT", "DELETE", "HEAD", "OPTIONS"] {
        let reply = sender.request(method, "/v1/logs", &protobuf, body.clone()).await.unwrap();
        assert_eq!(reply.status, 405, "{method}");
    }
    for path in ["/", "/v1/log", "/v2/logs", "/v1/logs/", "/v1/../v1/logs"] {
        assert_eq!(sender.post(path, &protobuf, body.clone()).await.status, 404, "{path}");
    }
    for media_type in ["text/plain", "text/json", "application/protobuf", "", "x"] {
        let reply = sender.post("/v1/logs", &[("content-type", media_type)], body.clone()).await;
        assert_eq!(reply.status, 415, "{media_type}");
        assert!(reply.text().contains("application/x-protobuf"), "{}", reply.text());
    }
    assert_eq!(sender.post("/v1/logs", &[], body).await.status, 415, "no media type");
    assert!(upstream.received().is_empty());
}

#[tokio::test]
async fn the_media_type_may_have_parameters_and_capitals() {
    let (upstream, weir, _plugins) = reading().await;
    let sender = HttpSender::new(weir.ports.http);
    let body = requests::unique(Signal::Logs, "x", 1);
    for media_type in ["application/x-protobuf; charset=utf-8", "Application/X-Protobuf"] {
        let reply = sender.post("/v1/logs", &[("content-type", media_type)], body.clone()).await;
        assert_eq!(reply.status, 200, "{media_type}: {}", reply.text());
    }
    assert_eq!(upstream.delivered().len(), 2);
}

#[tokio::test]
async fn broken_bodies_are_400_with_a_status_in_protobuf() {
    let (upstream, weir, _plugins) = reading().await;
    let sender = HttpSender::new(weir.ports.http);
    let whole = requests::unique(Signal::Logs, "cut", 3);
    is_status(&sender.send(Signal::Logs, "this is no protobuf").await, 400, 3);
    is_status(&sender.send(Signal::Logs, whole.slice(..whole.len() - 3)).await, 400, 3);
    let mut packed = gzip(&whole);
    packed.truncate(packed.len() / 2);
    is_status(&sender.send_encoded(Signal::Logs, "gzip", packed).await, 400, 3);
    is_status(&sender.send_encoded(Signal::Logs, "zstd", "no zstd at all").await, 400, 3);
    is_status(&sender.send_encoded(Signal::Logs, "snappy", whole).await, 400, 3);
    assert!(upstream.received().is_empty());
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_however_it_is_packed() {
    let (upstream, weir, _plugins) = reading().await;
    let sender = HttpSender::new(weir.ports.http);
    let large = requests::unique(Signal::Logs, "large", 2_000);
    assert!(large.len() > LIMIT);
    assert_eq!(sender.send(Signal::Logs, large.clone()).await.status, 413);
    let zeros = vec![0; 50 << 20];
    for (encoding, body) in
        [("gzip", gzip(&large)), ("zstd", zstd(&large)), ("gzip", gzip(&zeros)), ("zstd", zstd(&zeros))]
    {
        assert!(body.len() < LIMIT, "small on the wire");
        assert_eq!(sender.send_encoded(Signal::Logs, encoding, body).await.status, 413, "{encoding}");
    }
    assert!(upstream.received().is_empty());
}

#[tokio::test]
async fn a_chunked_body_without_a_length_is_bounded_too() {
    let (upstream, weir, _plugins) = reading().await;
    let mut request =
        b"POST /v1/logs HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ntransfer-encoding: chunked\r\n\r\n"
            .to_vec();
    for _ in 0..20 {
        request.extend_from_slice(b"2710\r\n");
        request.extend_from_slice(&[0x0a; 10_000]);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    let answer = raw_exchange(weir.ports.http, &request, wait::PATIENCE).await;
    assert!(answer.starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&answer));
    assert!(upstream.received().is_empty());
}

#[tokio::test]
async fn a_zstd_frame_that_asks_for_a_huge_window_is_refused() {
    let (_upstream, weir, _plugins) = reading().await;
    let mut encoder = ::zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(31).and_then(|()| encoder.long_distance_matching(true)).unwrap();
    std::io::Write::write_all(&mut encoder, &requests::unique(Signal::Logs, "window", 1)).unwrap();
    let reply =
        HttpSender::new(weir.ports.http).send_encoded(Signal::Logs, "zstd", encoder.finish().unwrap()).await;
    assert!([400, 413].contains(&reply.status), "{} {}", reply.status, reply.text());
}

#[tokio::test]
async fn a_sender_that_never_finishes_its_headers_is_cut_off_and_holds_nobody_up() {
    let (upstream, weir, _plugins) = reading().await;
    let port = weir.ports.http;
    let slow =
        tokio::spawn(
            async move { raw_exchange(port, b"POST /v1/logs HTTP/1.1\r\nhost:", wait::PATIENCE).await },
        );
    let body = requests::unique(Signal::Logs, "quick", 1);
    assert_eq!(HttpSender::new(port).send(Signal::Logs, body).await.status, 200);
    assert!(!slow.await.unwrap().starts_with(b"HTTP/1.1 200"));
    assert_eq!(upstream.delivered().len(), 1);
}

#[tokio::test]
async fn noise_on_the_ports_does_no_harm() {
    let (upstream, weir, _plugins) = reading().await;
    let noise: [&[u8]; 5] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"POST /v1/logs HTTP/1.1\r\ncontent-length: 99999999999999999999\r\n\r\n",
        b"POST /v1/logs HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
        &[0; 3_000],
    ];
    for bytes in noise {
        for port in [weir.ports.grpc, weir.ports.http, weir.ports.health, weir.ports.metrics] {
            let answer = raw_exchange(port, bytes, Duration::from_millis(300)).await;
            assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        }
    }
    assert_eq!(weir.health().await, Some(200));
    let body = requests::unique(Signal::Logs, "after", 1);
    assert_eq!(HttpSender::new(weir.ports.http).send(Signal::Logs, body).await.status, 200);
    assert_eq!(upstream.delivered().len(), 1);
}

#[tokio::test]
async fn a_sender_that_goes_away_in_the_middle_has_sent_nothing() {
    let (upstream, weir, _plugins) = reading().await;
    let body = requests::unique(Signal::Logs, "half", 5);
    let head = format!(
        "POST /v1/logs HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let bytes = [head.as_bytes(), &body[..body.len() / 2]].concat();
    raw_exchange(weir.ports.http, &bytes, Duration::from_millis(200)).await;
    let whole = requests::unique(Signal::Logs, "whole", 1);
    assert_eq!(HttpSender::new(weir.ports.http).send(Signal::Logs, whole).await.status, 200);
    let delivered = upstream.delivered_ids();
    assert_eq!((delivered.len(), delivered.contains("whole-0")), (1, true));
}
