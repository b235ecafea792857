//! The ways of HTTP in which a request may come: in chunks, after asking, in old versions and in new ones.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use weir_tests::http::Reply;
use weir_tests::sender::{gzip, raw_exchange};
use weir_tests::{Signal, Weir, requests, wait};

use super::{LIMIT, Refused, table};

/// A head of HTTP/1.1 for logs in protobuf, with these lines in it.
fn head(lines: &str) -> Vec<u8> {
    format!("POST /v1/logs HTTP/1.1\r\nhost: x\r\n{lines}\r\n\r\n").into_bytes()
}

const PROTOBUF_LINE: &str = "content-type: application/x-protobuf";

/// Reads until the end of a head.
async fn read_head(stream: &mut TcpStream) -> String {
    let mut said = Vec::new();
    while !said.ends_with(b"\r\n\r\n") {
        let byte = tokio::time::timeout(wait::PATIENCE, stream.read_u8()).await.expect("an answer in time");
        said.push(byte.expect("the connection is open"));
    }
    String::from_utf8(said).unwrap()
}

async fn connect(weir: &Weir) -> TcpStream {
    TcpStream::connect(("127.0.0.1", weir.ports.http)).await.unwrap()
}

#[tokio::test]
async fn a_sender_that_asks_first_is_told_to_continue() {
    let (upstream, weir) = table().await;
    let body = requests::unique(Signal::Logs, "asked", 3);
    let mut stream = connect(&weir).await;
    let lines = format!("{PROTOBUF_LINE}\r\nexpect: 100-continue\r\ncontent-length: {}", body.len());
    stream.write_all(&head(&lines)).await.unwrap();
    assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 100"));
    stream.write_all(&body).await.unwrap();
    assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 200"));
    assert_eq!(upstream.delivered()[0].body, body);
}

#[tokio::test]
async fn a_sender_that_asks_first_is_refused_before_it_has_sent_its_body() {
    let (upstream, weir) = table().await;
    let ask = async |path: &str, lines: &str, length: usize| {
        let mut stream = connect(&weir).await;
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\n{lines}\r\nexpect: 100-continue\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let said = read_head(&mut stream).await;
        said.split(' ').nth(1).unwrap().parse::<u16>().unwrap()
    };
    assert_eq!(ask("/v1/logs", PROTOBUF_LINE, LIMIT + 1).await, 413);
    assert_eq!(ask("/v1/logs", "content-type: text/plain", 10).await, 415);
    assert_eq!(ask("/nowhere", PROTOBUF_LINE, 10).await, 404);
    let unknown = format!("{PROTOBUF_LINE}\r\ncontent-encoding: br");
    assert_eq!(ask("/v1/logs", &unknown, 10).await, 400);
    assert!(upstream.received().is_empty());
}

#[tokio::test]
async fn chunked_bodies_are_taken() {
    let (upstream, weir) = table().await;
    let body = requests::unique(Signal::Logs, "chunks", 20);
    for (encoding, bytes) in [("identity", body.to_vec()), ("gzip", gzip(&body))] {
        let lines = format!(
            "{PROTOBUF_LINE}\r\ncontent-encoding: {encoding}\r\nconnection: close\r\ntrailer: x-sum\r\ntransfer-encoding: chunked"
        );
        let mut request = head(&lines);
        for chunk in bytes.chunks(100) {
            request.extend_from_slice(format!("{:x};name=\"value\"\r\n", chunk.len()).as_bytes());
            request.extend_from_slice(chunk);
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"0\r\nx-sum: 1\r\n\r\n");
        let said = raw_exchange(weir.ports.http, &request, wait::PATIENCE).await;
        assert!(said.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&said));
    }
    let delivered = upstream.delivered();
    assert!(delivered.len() == 2 && delivered.iter().all(|one| one.body == body));
}

#[tokio::test]
async fn chunks_that_lie_are_malformed_and_close_the_connection() {
    let (upstream, weir) = table().await;
    for chunks in ["zz\r\nhello\r\n0\r\n\r\n", "5\r\nhello!!\r\n0\r\n\r\n", "ffffffffffffffffff\r\nhello"] {
        let lines = format!("{PROTOBUF_LINE}\r\ntransfer-encoding: chunked");
        let request = [head(&lines), chunks.as_bytes().to_vec()].concat();
        let said = raw_exchange(weir.ports.http, &request, wait::PATIENCE).await;
        assert!(said.starts_with(b"HTTP/1.1 400"), "{chunks:?}: {}", String::from_utf8_lossy(&said));
    }
    assert!(upstream.received().is_empty());
}

#[tokio::test]
async fn http_1_0_is_answered_and_closed() {
    let (upstream, weir) = table().await;
    let body = requests::unique(Signal::Logs, "old", 2);
    let head = format!("POST /v1/logs HTTP/1.0\r\n{PROTOBUF_LINE}\r\ncontent-length: {}\r\n\r\n", body.len());
    let request = [head.as_bytes(), &body].concat();
    let said = raw_exchange(weir.ports.http, &request, wait::PATIENCE).await;
    assert!(said.starts_with(b"HTTP/1.0 200"), "{}", String::from_utf8_lossy(&said));
    assert_eq!(upstream.delivered()[0].body, body);
}

#[tokio::test]
async fn of_two_media_types_the_first_counts() {
    let (upstream, weir) = table().await;
    let body = requests::unique(Signal::Logs, "twice", 1);
    let post = async |first: &str, second: &str| {
        let lines = format!(
            "content-type: {first}\r\ncontent-type: {second}\r\nconnection: close\r\ncontent-length: {}",
            body.len()
        );
        let said =
            raw_exchange(weir.ports.http, &[head(&lines), body.to_vec()].concat(), wait::PATIENCE).await;
        String::from_utf8_lossy(&said).into_owned()
    };
    assert!(post("application/x-protobuf", "application/x-protobuf").await.starts_with("HTTP/1.1 200"));
    assert!(post("application/x-protobuf", "text/plain").await.starts_with("HTTP/1.1 200"));
    assert!(post("text/plain", "application/x-protobuf").await.starts_with("HTTP/1.1 415"));
    assert_eq!(upstream.delivered().len(), 2);
}

/// A POST over HTTP/2 without TLS.
async fn h2c(weir: &Weir, path: &str, content_type: &str, body: Bytes) -> Reply {
    let io = TokioIo::new(connect(weir).await);
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let request = Request::post(format!("http://localhost{path}"))
        .header("content-type", content_type)
        .body(Full::new(body));
    let (head, body) = client.send_request(request.unwrap()).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Reply { status: head.status.as_u16(), headers: head.headers, body }
}

#[tokio::test]
async fn http_2_without_tls_is_spoken_on_the_http_port() {
    let (upstream, weir) = table().await;
    let protobuf = "application/x-protobuf";
    let body = requests::unique(Signal::Logs, "h2c", 3);
    assert_eq!(h2c(&weir, "/v1/logs", protobuf, body.clone()).await.status, 200);
    assert_eq!(upstream.delivered()[0].body, body);
    for (media_type, code) in [(protobuf, 3), ("application/json", 3)] {
        let reply = h2c(&weir, "/v1/logs", media_type, Bytes::from_static(b"[broken")).await;
        assert_eq!((reply.status, Refused::of(&reply).code), (400, code), "{media_type}");
    }
    let large = h2c(&weir, "/v1/logs", protobuf, vec![0; LIMIT + 1].into()).await;
    assert_eq!((large.status, Refused::of(&large).code), (413, 8));
    assert_eq!(h2c(&weir, "/v1/logs", "text/plain", body.clone()).await.status, 415);
    assert_eq!(h2c(&weir, "/nowhere", protobuf, body).await.status, 404);
}
