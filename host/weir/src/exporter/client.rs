//! The HTTP client of the OTLP exporters: one connection pool an exporter, plain or TLS, HTTP/2
//! for gRPC.
//!
//! gRPC does without tonic's channel: the payload goes to the socket as it is, where tonic would copy it into a buffer
//! of its own, and a failed attempt shows whether the peer sent a status or the connection broke, which decides
//! whether it is tried again.

use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use hyper::body::{Body, Frame, SizeHint};
use hyper_rustls::{
    DefaultServerNameResolver, FixedServerNameResolver, HttpsConnector, MaybeHttpsStream, ResolveServerName,
};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower_service::Service;

use super::dial::{Dialed, Dialer};
use super::tls_source::TlsSource;
use crate::wire::frame::{FrameHead, HEAD_BYTES};

/// The client itself. Cloning shares the pool.
pub(super) type Client = legacy::Client<Connector, RequestBody>;

/// Messages up to this size are sent in one piece with their frame's head; the copy is cheaper than a second frame.
const ONE_PIECE_BYTES_MAX: usize = 16 << 10;

/// What a request carries: a payload, behind five bytes in gRPC. Cloning is cheap.
#[derive(Clone, Debug)]
pub(super) struct RequestBody {
    head: Option<Bytes>,
    payload: Option<Bytes>,
}

/// What a client keeps of its connections while nobody uses them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolSettings {
    /// How many of one host; without a limit if `None`, which the number of attempts at a time is.
    pub idle_max_per_host: Option<usize>,
    /// For how long; until the peer closes them if `None`.
    pub idle_timeout: Option<Duration>,
}

/// Makes connections, with the TLS settings of the moment where the URL says `https`.
#[derive(Clone)]
pub(super) struct Connector {
    dialer: Dialer,
    tls: Arc<TlsSource>,
}

/// A client for gRPC.
pub(super) fn grpc(dialer: Dialer, tls: TlsSource) -> Client {
    let mut builder = builder(PoolSettings::default());
    builder.http2_only(true);
    builder.build(Connector { dialer, tls: Arc::new(tls) })
}

/// A client for HTTP/1.1, with a connection for each of the attempts that are under way at a time.
pub(super) fn http(dialer: Dialer, tls: TlsSource, pool: PoolSettings) -> Client {
    builder(pool).build(Connector { dialer, tls: Arc::new(tls) })
}

fn builder(pool: PoolSettings) -> legacy::Builder {
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder.timer(TokioTimer::new()).pool_idle_timeout(pool.idle_timeout);
    if let Some(idle_max) = pool.idle_max_per_host {
        builder.pool_max_idle_per_host(idle_max);
    }
    // No pool timer unless it is asked for: an idle sidecar does not wake. A connection that the peer closes leaves the pool by
    // itself.
    if pool.idle_timeout.is_some() {
        builder.pool_timer(TokioTimer::new());
    }
    builder
}

// === impl Connector ===

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<Dialed>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let Connector { dialer, tls } = self.clone();
        Box::pin(async move {
            let name: Arc<dyn ResolveServerName + Send + Sync> = match tls.server_name() {
                Some(name) => Arc::new(FixedServerNameResolver::new(name.clone())),
                None => Arc::new(DefaultServerNameResolver::default()),
            };
            let config = tls.config().await;
            HttpsConnector::new(dialer, config, false, name).call(target).await
        })
    }
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
