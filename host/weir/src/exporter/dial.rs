//! How a connection to an upstream is made, below TLS: over TCP, through a proxy, or to a Unix socket.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tower_service::Service;

use super::proxy::{Proxies, Proxy};
use super::status::root_cause;

/// A peer that acknowledges nothing for this long is gone, whatever TCP hopes for. Without it, a connection whose
/// peer vanished would swallow one attempt after another.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(20);

/// After this long without traffic the kernel looks whether the peer is still there. No process wakes up for it, and
/// no gRPC server counts it as a ping.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);

/// Makes connections. Cloning is cheap.
#[derive(Clone)]
pub(super) enum Dialer {
    /// To the host of the URI, or to the proxy that stands before it.
    Tcp(HttpConnector, Arc<Proxies>),
    /// To this socket, whatever the URI says.
    Socket(Arc<Path>),
}

/// A connection. What a system call costs hides what the indirection does.
pub(super) struct Dialed {
    io: TokioIo<Box<dyn Io>>,
    /// Whether requests go to a proxy, which wants to read whole URLs in them.
    is_proxied: bool,
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

// === impl Dialer ===

impl Dialer {
    pub(super) fn tcp(proxies: Arc<Proxies>) -> Self {
        let mut tcp = HttpConnector::new();
        // Whether a URL may be https is the TLS layer's business.
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEPALIVE_AFTER));
        tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX));
        Dialer::Tcp(tcp, proxies)
    }

    pub(super) fn socket(path: PathBuf) -> Self {
        Dialer::Socket(path.into())
    }

    async fn dial(self, target: Uri) -> Result<Dialed, io::Error> {
        match self {
            Dialer::Socket(path) => Ok(Dialed::new(UnixStream::connect(path).await?, false)),
            Dialer::Tcp(mut tcp, proxies) => match proxies.before(&target) {
                None => {
                    let stream =
                        tcp.call(target).await.map_err(|error| io::Error::other(root_cause(&error)))?;
                    Ok(Dialed::new(stream.into_inner(), false))
                }
                Some(proxy) => proxied(tcp, proxy, target)
                    .await
                    .map_err(|reason| io::Error::other(format!("by way of the proxy: {reason}"))),
            },
        }
    }
}

/// Through a tunnel where the request is encrypted; otherwise the proxy reads it.
async fn proxied(mut tcp: HttpConnector, proxy: &Proxy, target: Uri) -> Result<Dialed, String> {
    if target.scheme_str() == Some("http") {
        let stream = tcp.call(proxy.uri().clone()).await.map_err(|error| root_cause(&error))?;
        return Ok(Dialed::new(stream.into_inner(), true));
    }
    let mut tunnel = Tunnel::new(proxy.uri().clone(), tcp);
    if let Some(authorization) = proxy.authorization() {
        tunnel = tunnel.with_auth(authorization.clone());
    }
    let stream = tunnel.call(target).await.map_err(|error| root_cause(&error))?;
    Ok(Dialed::new(stream.into_inner(), false))
}

impl Service<Uri> for Dialer {
    type Response = Dialed;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Dialed, io::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        Box::pin(self.clone().dial(target))
    }
}

// === impl Dialed ===

impl Dialed {
    fn new(stream: impl Io + 'static, is_proxied: bool) -> Self {
        Dialed { io: TokioIo::new(Box::new(stream)), is_proxied }
    }
}

impl Connection for Dialed {
    fn connected(&self) -> Connected {
        Connected::new().proxy(self.is_proxied)
    }
}

impl Read for Dialed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl Write for Dialed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, pieces)
    }
}
