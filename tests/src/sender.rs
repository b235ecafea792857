//! Senders: OTLP over gRPC and over HTTP with the request's bytes exactly as the test made them.

use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::codec::CompressionEncoding;
use tonic::{Request, Status};

use crate::Signal;
use crate::grpc::RawClient;
use crate::http::{Reply, send};

/// OTLP over gRPC. Clones share one connection.
#[derive(Clone)]
pub struct GrpcSender {
    client: RawClient,
}

impl GrpcSender {
    /// One for a port of the loopback interface.
    pub fn new(port: u16) -> GrpcSender {
        GrpcSender { client: RawClient::new(&format!("127.0.0.1:{port}")) }
    }

    /// The same with compressed messages.
    pub fn compressed(self, encoding: CompressionEncoding) -> GrpcSender {
        GrpcSender { client: self.client.compressed(encoding) }
    }

    /// Sends one export request; the response's bytes on success.
    pub async fn send(&self, signal: Signal, body: impl Into<Bytes>) -> Result<Bytes, Status> {
        self.send_within(Duration::from_secs(30), signal, body).await
    }

    /// The same with a deadline that weir is told.
    pub async fn send_within(
        &self,
        limit: Duration,
        signal: Signal,
        body: impl Into<Bytes>,
    ) -> Result<Bytes, Status> {
        let mut request = Request::new(body.into());
        request.set_timeout(limit);
        self.client.clone().call_with(signal.grpc_path(), request).await.map(tonic::Response::into_inner)
    }

    /// Calls any method.
    pub async fn call(&self, path: &'static str, body: impl Into<Bytes>) -> Result<Bytes, Status> {
        self.client.clone().call(path, body.into()).await.map(tonic::Response::into_inner)
    }
}

/// OTLP over HTTP, a connection for each request.
#[derive(Clone, Copy)]
pub struct HttpSender {
    port: u16,
}

impl HttpSender {
    /// One for a port of the loopback interface.
    pub fn new(port: u16) -> HttpSender {
        HttpSender { port }
    }

    /// Sends one export request.
    pub async fn send(&self, signal: Signal, body: impl Into<Bytes>) -> Reply {
        self.post(signal.http_path(), &[("content-type", "application/x-protobuf")], body).await
    }

    /// Sends one that is compressed already and says how.
    pub async fn send_encoded(&self, signal: Signal, encoding: &str, body: impl Into<Bytes>) -> Reply {
        let headers = [("content-type", "application/x-protobuf"), ("content-encoding", encoding)];
        self.post(signal.http_path(), &headers, body).await
    }

    /// Any POST.
    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Reply {
        self.request("POST", path, headers, body).await.expect("an answer")
    }

    /// Any request; the error is that of the connection.
    pub async fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Reply, Box<dyn std::error::Error>> {
        let mut request = ::http::Request::builder().method(method).uri(path).header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(self.port, request.body(Full::new(body.into()))?).await
    }
}

/// Writes bytes to a port and reads until the other side closes or is silent for `patience`. For senders that do
/// not speak the protocol.
pub async fn raw_exchange(port: u16, bytes: &[u8], patience: Duration) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("the port listens");
    // The other side may close before all is written; what it said is what counts.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(Ok(read @ 1..)) = tokio::time::timeout(patience, stream.read(&mut buffer)).await {
        answer.extend_from_slice(&buffer[..read]);
    }
    answer
}

/// The bytes as one gzip member.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory does not fail")
}

/// The bytes as one zstd frame.
pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    ::zstd::encode_all(bytes, 3).expect("memory does not fail")
}
