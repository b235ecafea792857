//! The HTTP client of the OTLP exporters: one connection pool an exporter, plain or TLS, HTTP/2 for gRPC.
//!
//! gRPC does without tonic's channel: the payload goes to the socket as it is, where tonic would copy it into a buffer
//! of its own, and a failed attempt shows whether the peer sent a status or the connection broke, which decides
//! whether it is tried again.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::tls::Tls;
use crate::wire::frame::{FrameHead, HEAD_BYTES};

/// The client itself. Cloning shares the pool.
pub(super) type Client = legacy::Client<HttpsConnector<HttpConnector>, RequestBody>;

/// A peer that acknowledges nothing for this long is gone, whatever TCP hopes for. Without it, a connection whose
/// peer vanished would swallow one attempt after another.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(20);

/// After this long without traffic the kernel looks whether the peer is still there. No process wakes up for it, and
/// no gRPC server counts it as a ping.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);

/// Messages up to this size are sent in one piece with their frame's head; the copy is cheaper than a second frame.
const ONE_PIECE_BYTES_MAX: usize = 16 << 10;

/// What a request carries: a payload, behind five bytes in gRPC. Cloning is cheap.
#[derive(Clone, Debug)]
pub(super) struct RequestBody {
    head: Option<Bytes>,
    payload: Option<Bytes>,
}

/// A client for gRPC.
pub(super) fn grpc(tls: Tls) -> Client {
    let mut builder = builder();
    builder.http2_only(true);
    builder.build(connector(tls, |tls, tcp| tls.enable_http2().wrap_connector(tcp)))
}

/// A client for HTTP/1.1, with a connection for each of the attempts that are under way at a time.
pub(super) fn http(tls: Tls) -> Client {
    builder().build(connector(tls, |tls, tcp| tls.enable_http1().wrap_connector(tcp)))
}

fn builder() -> legacy::Builder {
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    // No pool timer: an idle sidecar does not wake. A connection that the peer closes leaves the pool by itself.
    builder.timer(TokioTimer::new()).pool_idle_timeout(None);
    builder
}

type WithSchemes = HttpsConnectorBuilder<hyper_rustls::builderstates::WantsProtocols1>;

fn connector(
    tls: Tls,
    finish: impl FnOnce(WithSchemes, HttpConnector) -> HttpsConnector<HttpConnector>,
) -> HttpsConnector<HttpConnector> {
    let mut builder = HttpsConnectorBuilder::new().with_tls_config(tls.config).https_or_http();
    if let Some(name) = tls.server_name {
        builder = builder.with_server_name_resolver(FixedServerNameResolver::new(name));
    }
    let mut tcp = HttpConnector::new();
    // Whether a URL may be https is the TLS layer's business.
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(KEEPALIVE_AFTER));
    tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX));
    finish(builder, tcp)
}

// === impl RequestBody ===

impl RequestBody {
    /// A body that is the payload and nothing else.
    pub(super) fn bare(payload: Bytes) -> Self {
        RequestBody { head: None, payload: Some(payload) }
    }

    /// A gRPC call of one message.
    pub(super) fn framed(message: Bytes, is_compressed: bool) -> Option<Self> {
        let len = u32::try_from(message.len()).ok()?;
        let head = FrameHead { is_compressed, len }.encode();
        if message.len() <= ONE_PIECE_BYTES_MAX {
            let mut whole = Vec::with_capacity(HEAD_BYTES + message.len());
            whole.extend_from_slice(&head);
            whole.extend_from_slice(&message);
            return Some(RequestBody { head: None, payload: Some(Bytes::from(whole)) });
        }
        Some(RequestBody { head: Some(Bytes::copy_from_slice(&head)), payload: Some(message) })
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let data = self.head.take().or_else(|| self.payload.take());
        Poll::Ready(data.map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.head.is_none() && self.payload.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let len = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
        SizeHint::with_exact(len(&self.head) + len(&self.payload))
    }
}
