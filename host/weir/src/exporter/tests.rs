//! Exporters against scripted upstreams on real sockets: what they send, and what they make of each answer.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use weir_otlp::Signal;
use weir_pipeline::{Batch, ExportError, Exported};

use super::*;
use crate::tls::Pem;
use crate::wire::rpc::encode_status;

/// An upstream that answers from a script, and keeps what it was asked.
pub(super) struct Upstream {
    pub(super) address: SocketAddr,
    asked: Arc<Mutex<Vec<Request<Bytes>>>>,
}

impl Upstream {
    pub(super) async fn start(script: Vec<Response<Full<Bytes>>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, script) = (Arc::clone(&asked), Arc::new(Mutex::new(VecDeque::from(script))));
        tokio::spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                let (log, script) = (Arc::clone(&log), Arc::clone(&script));
                let service = service_fn(move |request: Request<Incoming>| {
                    let (log, script) = (Arc::clone(&log), Arc::clone(&script));
                    async move {
                        let (mut head, body) = request.into_parts();
                        // Tells one connection from another.
                        head.extensions.insert(peer.port());
                        let body = body.collect().await.unwrap().to_bytes();
                        log.lock().unwrap().push(Request::from_parts(head, body));
                        Ok::<_, Infallible>(script.lock().unwrap().pop_front().unwrap())
                    }
                });
                let builder = Builder::new(TokioExecutor::new());
                tokio::spawn(
                    async move { builder.serve_connection(TokioIo::new(stream), service).await.ok() },
                );
            }
        });
        Upstream { address, asked }
    }

    pub(super) fn asked(&self) -> Vec<Request<Bytes>> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

/// An upstream that reads something from each connection and then closes it.
async fn hangs_up() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 100]).await;
        }
    });
    address
}

fn batch(payload: &[u8]) -> Batch {
    let payload = Bytes::copy_from_slice(payload);
    Batch::new(Signal::Logs, payload, 1)
}

fn grpc(address: SocketAddr) -> OtlpGrpcSettings {
    OtlpGrpcSettings { compression: Compression::None, ..OtlpGrpcSettings::new(format!("http://{address}")) }
}

fn http(address: SocketAddr) -> OtlpHttpSettings {
    http_by(address, uncompressed())
}

fn uncompressed() -> HttpClientSettings {
    HttpClientSettings { compression: Compression::None, ..HttpClientSettings::default() }
}

fn http_by(address: SocketAddr, client: HttpClientSettings) -> OtlpHttpSettings {
    OtlpHttpSettings { client, ..OtlpHttpSettings::new(format!("http://{address}")) }
}

async fn export(settings: ExporterSettings, payload: &[u8]) -> Result<Exported, ExportError> {
    build("under_test", &settings).unwrap().export(batch(payload)).await
}

/// A gRPC answer whose status is in the headers, with a message behind them.
fn grpc_answer(code: u8, message: &[u8]) -> Response<Full<Bytes>> {
    let mut framed = vec![0, 0, 0, 0, message.len() as u8];
    framed.extend_from_slice(message);
    let answer = Response::builder().header("content-type", "application/grpc");
    answer.header("grpc-status", code.to_string()).body(Full::new(Bytes::from(framed))).unwrap()
}

fn http_answer(status: u16, body: Vec<u8>) -> Response<Full<Bytes>> {
    let answer = Response::builder().status(status).header("content-type", "application/x-protobuf");
    answer.body(Full::new(Bytes::from(body))).unwrap()
}

#[tokio::test]
async fn grpc_sends_the_payload_as_it_is_with_the_headers_that_were_configured() {
    let upstream = Upstream::start(vec![grpc_answer(0, &[])]).await;
    let mut settings = grpc(upstream.address);
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    settings.headers = Headers(vec![header("Authorization", "Bearer x"), header("tenant-bin", "\u{e4}")]);
    let payload = vec![7; 100_000];
    assert_eq!(export(ExporterSettings::OtlpGrpc(settings), &payload).await, Ok(Exported::default()));
    let asked = upstream.asked().remove(0);
    assert_eq!(asked.uri().path(), crate::wire::grpc_path(Signal::Logs));
    assert_eq!(asked.headers()["authorization"], "Bearer x");
    assert_eq!(asked.headers()["tenant-bin"], "w6Q");
    assert_eq!(asked.headers()["te"], "trailers");
    assert_eq!(asked.headers()["user-agent"], USER_AGENT);
    assert_eq!(asked.headers()["grpc-timeout"], "5000m");
    assert_eq!(asked.body()[..5], [0, 0, 1, 0x86, 0xa0]);
    assert_eq!(asked.body()[5..], payload);
}

#[tokio::test]
async fn both_compressions_are_named_and_can_be_undone() {
    let payload: Vec<u8> = b"telemetry repeats itself ".repeat(4000);
    for (compression, name) in [(Compression::Gzip, "gzip"), (Compression::Zstd, "zstd")] {
        let upstream = Upstream::start(vec![grpc_answer(0, &[]), http_answer(200, Vec::new())]).await;
        let settings = OtlpGrpcSettings { compression, ..grpc(upstream.address) };
        export(ExporterSettings::OtlpGrpc(settings), &payload).await.unwrap();
        let settings = http_by(upstream.address, HttpClientSettings { compression, ..uncompressed() });
        export(ExporterSettings::OtlpHttp(settings), &payload).await.unwrap();
        let asked = upstream.asked();
        assert_eq!(asked[0].headers()["grpc-encoding"], name);
        assert_eq!(asked[0].body()[0], 1, "the message is marked as compressed");
        assert_eq!(asked[1].headers()["content-encoding"], name);
        for compressed in [&asked[0].body()[5..], &asked[1].body()[..]] {
            let mut plain = Vec::new();
            match compression {
                Compression::Gzip => {
                    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(compressed), &mut plain)
                        .unwrap();
                }
                _ => plain = zstd::decode_all(compressed).unwrap(),
            }
            assert_eq!(plain, payload, "{name}");
        }
    }
}

#[tokio::test]
async fn a_level_says_how_hard_is_compressed() {
    let line = |at: u32| format!("service.name=checkout http.route=/cart/{} status={}; ", at * at, at % 7);
    let payload: Vec<u8> = (0..5_000).flat_map(|at| line(at).into_bytes()).collect();
    let sizes = async |compression, levels: [i32; 2]| {
        let mut sizes = Vec::new();
        for level in levels {
            let upstream = Upstream::start(vec![http_answer(200, Vec::new())]).await;
            let compression_level = Some(level);
            let client = HttpClientSettings { compression, compression_level, ..uncompressed() };
            let settings = http_by(upstream.address, client);
            export(ExporterSettings::OtlpHttp(settings), &payload).await.unwrap();
            sizes.push(upstream.asked()[0].body().len());
        }
        sizes
    };
    for (compression, levels) in [(Compression::Gzip, [1, 9]), (Compression::Zstd, [1, 11])] {
        let sizes = sizes(compression, levels).await;
        assert!(sizes[0] > sizes[1], "{compression:?}: {sizes:?}");
    }
    let none = sizes(Compression::Gzip, [0, -1]).await;
    assert!(none[0] > payload.len() && none[1] < payload.len(), "{none:?}");
}

/// Over how many connections this many requests go, one after the other.
async fn connections(pool: PoolSettings, requests: usize) -> usize {
    let script = (0..requests).map(|_| http_answer(200, Vec::new())).collect();
    let upstream = Upstream::start(script).await;
    let client = HttpClientSettings { pool, ..uncompressed() };
    let settings = ExporterSettings::OtlpHttp(http_by(upstream.address, client));
    let exporter = build("under_test", &settings).unwrap();
    for _ in 0..requests {
        exporter.export(batch(b"x")).await.unwrap();
    }
    let asked = upstream.asked();
    let ports: std::collections::BTreeSet<u16> =
        asked.iter().map(|request| *request.extensions().get().unwrap()).collect();
    let closes = asked.iter().filter(|request| request.headers().contains_key("connection")).count();
    assert_eq!(closes, if pool.idle_max_per_host == Some(0) { requests } else { 0 });
    ports.len()
}

#[tokio::test]
async fn connections_are_kept_unless_that_is_turned_off_or_their_time_is_over() {
    // A connection may come back to the pool a moment after the next request looked there.
    assert!(connections(PoolSettings::default(), 20).await < 20);
    let one = PoolSettings { idle_max_per_host: Some(1), ..PoolSettings::default() };
    assert!(connections(one, 20).await < 20);
    let none = PoolSettings { idle_max_per_host: Some(0), ..PoolSettings::default() };
    assert_eq!(connections(none, 4).await, 4);
    let brief = PoolSettings { idle_timeout: Some(Duration::from_nanos(1)), ..PoolSettings::default() };
    assert_eq!(connections(brief, 4).await, 4);
}

#[tokio::test]
async fn partial_success_is_a_success_that_says_what_is_lost() {
    // partial_success { rejected_log_records: 2, error_message: "old" }
    let message = [0x0a, 7, 0x08, 2, 0x12, 3, b'o', b'l', b'd'];
    let expected = Exported { rejected: 2, message: Some("old".to_owned()) };
    let upstream = Upstream::start(vec![grpc_answer(0, &message), http_answer(200, message.to_vec())]).await;
    let over_grpc = export(ExporterSettings::OtlpGrpc(grpc(upstream.address)), b"x").await;
    assert_eq!(over_grpc, Ok(expected.clone()));
    assert_eq!(export(ExporterSettings::OtlpHttp(http(upstream.address)), b"x").await, Ok(expected));
}

#[tokio::test]
async fn grpc_statuses_are_final_or_retryable_and_unknown_from_the_peer_is_final() {
    for (code, retryable) in [(2, false), (3, false), (8, false), (13, false), (14, true), (4, true)] {
        let upstream = Upstream::start(vec![grpc_answer(code, &[])]).await;
        let error = export(ExporterSettings::OtlpGrpc(grpc(upstream.address)), b"x").await.unwrap_err();
        assert_eq!((error.code, error.retryable), (code, retryable));
    }
}

#[tokio::test]
async fn an_answer_without_a_grpc_status_is_retryable() {
    let upstream = Upstream::start(vec![http_answer(200, Vec::new())]).await;
    let error = export(ExporterSettings::OtlpGrpc(grpc(upstream.address)), b"x").await.unwrap_err();
    assert!(error.retryable, "{error:?}");
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_middle_of_a_request_is_retryable() {
    for settings in [
        ExporterSettings::OtlpGrpc(grpc(hangs_up().await)),
        ExporterSettings::OtlpHttp(http(hangs_up().await)),
    ] {
        let error = export(settings, &[7; 300_000]).await.unwrap_err();
        assert_eq!((error.retryable, error.code), (true, 14), "{error:?}");
    }
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_retryable_and_says_why() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    for settings in [ExporterSettings::OtlpGrpc(grpc(nobody)), ExporterSettings::OtlpHttp(http(nobody))] {
        let error = export(settings, b"x").await.unwrap_err();
        assert!(error.retryable);
        assert_eq!(error.message, "no answer from the upstream: connection refused");
    }
}

#[tokio::test]
async fn an_upstream_that_never_answers_is_retryable_after_the_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = HttpClientSettings { timeout: Duration::from_millis(20), ..uncompressed() };
    let settings = http_by(address, client);
    let error = export(ExporterSettings::OtlpHttp(settings), b"x").await.unwrap_err();
    assert_eq!((error.retryable, error.code), (true, 4));
}

#[tokio::test]
async fn an_answer_over_four_mebibytes_is_final() {
    let upstream = Upstream::start(vec![http_answer(200, vec![0; (4 << 20) + 1])]).await;
    let error = export(ExporterSettings::OtlpHttp(http(upstream.address)), b"x").await.unwrap_err();
    assert!(!error.retryable, "{error:?}");
}

#[tokio::test]
async fn http_refusals_carry_the_delay_and_the_upstreams_words() {
    let mut busy = http_answer(429, encode_status(8, "slow down", None));
    busy.headers_mut().insert("retry-after", HeaderValue::from_static("3"));
    let moved = Response::builder().status(307).header("location", "http://elsewhere/").body(Full::default());
    let upstream = Upstream::start(vec![busy, moved.unwrap()]).await;
    let error = export(ExporterSettings::OtlpHttp(http(upstream.address)), b"x").await.unwrap_err();
    assert_eq!((error.retryable, error.retry_after), (true, Some(Duration::from_secs(3))));
    assert_eq!(error.upstream_said.as_deref(), Some("slow down"));
    let error = export(ExporterSettings::OtlpHttp(http(upstream.address)), b"x").await.unwrap_err();
    assert!(!error.retryable, "a redirect is not followed");
    assert_eq!(upstream.asked().len(), 2);
}

#[test]
fn no_secret_is_shown_by_debug() {
    let mut settings = OtlpGrpcSettings::new("localhost:4317");
    settings.headers = Headers(vec![("authorization".to_owned(), "s3cret".to_owned())]);
    settings.tls.key = Some(Pem::Text("s3cret".to_owned()));
    let shown = format!("{settings:?}");
    assert!(shown.contains("authorization") && !shown.contains("s3cret"), "{shown}");
}

#[test]
fn settings_that_cannot_work_name_the_exporter_and_the_key() {
    let mut bad_header = OtlpGrpcSettings::new("http://localhost:4317");
    bad_header.headers = Headers(vec![("a b".to_owned(), "s3cret".to_owned())]);
    let mut no_file = OtlpGrpcSettings::new("localhost:4317");
    no_file.tls.ca = Some(Pem::File("/nowhere/ca.pem".into()));
    let mut no_key = OtlpGrpcSettings::new("localhost:4317");
    no_key.tls.insecure_skip_verify = true;
    no_key.tls.cert = Some(Pem::Text("x".to_owned()));
    let mut garbage = OtlpGrpcSettings::new("localhost:4317");
    garbage.tls.ca = Some(Pem::Text("s3cret".to_owned()));
    for (settings, expected) in [
        (bad_header, r#"exporter a: headers: "a b" is not a header name"#),
        (no_file, "exporter a: tls: cannot read /nowhere/ca.pem: No such file or directory (os error 2)"),
        (no_key, "exporter a: tls: cert and key go together, give both or neither"),
        (garbage, "exporter a: tls: ca holds no certificate in PEM"),
    ] {
        let error = build("a", &ExporterSettings::OtlpGrpc(settings)).err().unwrap();
        assert_eq!(error.to_string(), expected);
    }
}
