//! Unary gRPC with messages as raw bytes: the codec, a client and a small server. Both ends of the benchmark and
//! the senders of the tests are made of it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::UnaryService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};

/// No message of the tests is larger.
const MESSAGE_BYTES_MAX: usize = 256 << 20;

/// Hands messages through as they stand on the wire.
#[derive(Clone, Copy, Default)]
pub struct RawCodec;

impl Codec for RawCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = RawCodec;
    type Decoder = RawCodec;

    fn encoder(&mut self) -> RawCodec {
        RawCodec
    }

    fn decoder(&mut self) -> RawCodec {
        RawCodec
    }
}

impl Encoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, dst: &mut EncodeBuf<'_>) -> Result<(), Status> {
        dst.put(item);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, src: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(src.copy_to_bytes(src.remaining())))
    }
}

/// A client of one connection, which is made at the first call.
#[derive(Clone)]
pub struct RawClient {
    grpc: tonic::client::Grpc<Channel>,
}

impl RawClient {
    /// A client for `http://ADDRESS`. Panics if the address is not one: it comes from the test itself.
    pub fn new(address: &str) -> RawClient {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
        let channel = endpoint.tcp_nodelay(true).connect_lazy();
        let grpc = tonic::client::Grpc::new(channel)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .accept_compressed(tonic::codec::CompressionEncoding::Gzip);
        RawClient { grpc }
    }

    /// The same client, whose messages are compressed.
    pub fn compressed(self, encoding: tonic::codec::CompressionEncoding) -> RawClient {
        RawClient { grpc: self.grpc.send_compressed(encoding) }
    }

    /// Sends one message and waits for the answer.
    pub async fn call(&mut self, path: &'static str, message: Bytes) -> Result<Response<Bytes>, Status> {
        self.call_with(path, Request::new(message)).await
    }

    /// The same with metadata or a deadline.
    pub async fn call_with(
        &mut self,
        path: &'static str,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, Status> {
        self.grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        self.grpc.unary(request, http::uri::PathAndQuery::from_static(path), RawCodec).await
    }
}

/// What answers a call: path and message in, message out.
pub type Handler = Arc<dyn Fn(String, Bytes) -> Answering + Send + Sync>;
/// The answer that is being made.
pub type Answering = Pin<Box<dyn Future<Output = Result<Bytes, Status>> + Send>>;

/// Serves `handler` on every connection, for ever.
pub async fn serve(listener: TcpListener, handler: Handler) -> std::io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let handler = Arc::clone(&handler);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, Arc::clone(&handler)));
            // A connection that breaks ends its own task; the caller saw it at the other end.
            let _ = auto::Builder::new(TokioExecutor::new())
                .http2_only()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(
    request: http::Request<Incoming>,
    handler: Handler,
) -> Result<http::Response<tonic::body::Body>, std::convert::Infallible> {
    let path = request.uri().path().to_owned();
    let mut grpc = tonic::server::Grpc::new(RawCodec).max_decoding_message_size(MESSAGE_BYTES_MAX);
    Ok(grpc.unary(Unary { path, handler }, request).await)
}

struct Unary {
    path: String,
    handler: Handler,
}

impl UnaryService<Bytes> for Unary {
    type Response = Bytes;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Bytes>, Status>> + Send>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let answering = (self.handler)(std::mem::take(&mut self.path), request.into_inner());
        Box::pin(async move { answering.await.map(Response::new) })
    }
}
