//! TCP listeners and the connections on them: bind, accept, serve HTTP/1 or HTTP/2, stop gracefully.
//!
//! Receivers and the admin servers stand on this; what is asked and answered is theirs.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;

/// Connections that one server holds at a time. More wait in the kernel's backlog.
const CONNECTIONS_MAX: usize = 1024;

/// A connection that says nothing for this long after it was opened is closed: it holds one of the places above.
const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(30);

/// The pause after a failed accept, such as one for want of file descriptors, so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Sockets that listen, and are not served yet.
#[derive(Debug)]
pub struct Bound {
    /// At least one. `localhost` may mean two addresses.
    sockets: Vec<TcpListener>,
    local_addr: SocketAddr,
}

/// An endpoint that cannot be listened on, and why.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {endpoint}: {reason}")]
pub struct BindError {
    endpoint: String,
    reason: String,
}

/// A server at work.
#[derive(Debug)]
pub struct Serving {
    local_addr: SocketAddr,
    phase: watch::Sender<Phase>,
    accepting: Vec<JoinHandle<()>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Running,
    /// No new connections; those that are open finish what they began.
    Stopping,
    /// Whatever is left is cut.
    Cut,
}

// === impl Bound ===

impl Bound {
    /// Listens on `host:port`; an empty host means every address, port 0 any free one.
    ///
    /// # Errors
    /// If the endpoint is not of that form, cannot be resolved, or is taken.
    pub async fn bind(endpoint: &str) -> Result<Self, BindError> {
        let fail = |reason: String| BindError { endpoint: endpoint.to_owned(), reason };
        let (host, port) =
            split(endpoint).ok_or_else(|| fail("it is not of the form host:port".to_owned()))?;
        let addresses = resolve(host, port).await.map_err(|error| fail(reason(&error)))?;
        let (first, others) =
            addresses.split_first().ok_or_else(|| fail("the host has no address".to_owned()))?;
        let socket = TcpListener::bind(first).await.map_err(|error| fail(reason(&error)))?;
        let local_addr = socket.local_addr().map_err(|error| fail(reason(&error)))?;
        let mut sockets = vec![socket];
        for other in others {
            // The same name's other address family is a courtesy: a machine without it is fine.
            let same_port = SocketAddr::new(other.ip(), local_addr.port());
            if let Ok(socket) = TcpListener::bind(same_port).await {
                sockets.push(socket);
            }
        }
        Ok(Bound { sockets, local_addr })
    }

    /// The address, with the port that was chosen if none was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Accepts connections and serves them until [`Serving::stop`].
    pub fn serve<S, B>(self, builder: Builder<TokioExecutor>, service: S) -> Serving
    where
        S: hyper::service::Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
        S: Clone + Send + 'static,
        S::Future: Send + 'static,
        B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
    {
        let phase = watch::Sender::new(Phase::Running);
        let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let accepting = self.sockets.into_iter().map(|socket| {
            let (builder, service) = (builder.clone(), service.clone());
            tokio::spawn(accept_all(socket, Arc::clone(&slots), phase.subscribe(), builder, service))
        });
        Serving { local_addr: self.local_addr, accepting: accepting.collect(), phase }
    }
}

// === impl Serving ===

impl Serving {
    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Stops accepting, tells the peers (GOAWAY, `connection: close`), and lets requests under way finish until
    /// the deadline. Returns whether they all did.
    pub async fn stop(self, deadline: Instant) -> bool {
        self.phase.send_replace(Phase::Stopping);
        let mut clean = true;
        for accepting in self.accepting {
            clean &= tokio::time::timeout_at(deadline.into(), accepting).await.is_ok();
        }
        self.phase.send_replace(Phase::Cut);
        clean
    }
}

async fn accept_all<S, B>(
    socket: TcpListener,
    slots: Arc<Semaphore>,
    phase: watch::Receiver<Phase>,
    builder: Builder<TokioExecutor>,
    service: S,
) where
    S: hyper::service::Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    let graceful = GracefulShutdown::new();
    let mut stop = phase.clone();
    loop {
        let (stream, slot) = tokio::select! {
            () = reached(&mut stop, Phase::Stopping) => break,
            accepted = accept(&socket, &slots) => accepted,
        };
        let (builder, service) = (builder.clone(), service.clone());
        let (watcher, mut phase) = (graceful.watcher(), phase.clone());
        tokio::spawn(async move {
            let _slot = slot;
            if tokio::time::timeout(FIRST_BYTE_TIMEOUT, stream.readable()).await.is_err() {
                return;
            }
            let connection = builder.serve_connection(TokioIo::new(stream), service);
            // How a connection ends is its peer's business; each request was answered and counted by itself.
            tokio::select! {
                _ = watcher.watch(connection) => {}
                () = reached(&mut phase, Phase::Cut) => {}
            }
        });
    }
    drop(socket);
    graceful.shutdown().await;
}

/// The next connection and its place among [`CONNECTIONS_MAX`].
async fn accept(socket: &TcpListener, slots: &Arc<Semaphore>) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed, so that there is always a permit in the end.
    let slot = Arc::clone(slots).acquire_owned().await.ok();
    loop {
        match socket.accept().await {
            Ok((stream, _peer)) => {
                // An answer is one small write: waiting to fill a segment would only delay it.
                let _ = stream.set_nodelay(true);
                return (stream, slot);
            }
            Err(error) => {
                tracing::debug!(%error, "could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Returns once the server is in this phase or a later one.
async fn reached(phase: &mut watch::Receiver<Phase>, wanted: Phase) {
    let is_there = |phase: &Phase| match wanted {
        Phase::Running => true,
        Phase::Stopping => *phase != Phase::Running,
        Phase::Cut => *phase == Phase::Cut,
    };
    if phase.wait_for(is_there).await.is_err() {
        // A server that is dropped without a stop goes on until the process ends.
        std::future::pending::<()>().await;
    }
}

fn split(endpoint: &str) -> Option<(&str, u16)> {
    let (host, port) = endpoint.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    Some((host, port.parse().ok()?))
}

/// The addresses of a host, the one to announce first. IPv4 goes first where a name has both, since that is
/// what the other end of a container is sure to have.
async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if host.is_empty() {
        // The IPv6 wildcard takes IPv4 too, where the machine has IPv6 at all.
        let wildcards: [IpAddr; 2] = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
        return Ok(wildcards.map(|ip| SocketAddr::new(ip, port)).to_vec());
    }
    if host.eq_ignore_ascii_case("localhost") {
        let loopbacks: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        return Ok(loopbacks.map(|ip| SocketAddr::new(ip, port)).to_vec());
    }
    let mut addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    addresses.dedup();
    Ok(addresses)
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "address already in use (is another collector running?)".to_owned(),
        io::ErrorKind::AddrNotAvailable => "this machine does not have the address".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied (choose a port from 1024 on)".to_owned(),
        _ => error.to_string().to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn localhost_is_the_ipv4_loopback_and_port_zero_any_port() {
        let bound = Bound::bind("localhost:0").await.unwrap();
        assert_eq!(bound.local_addr().ip(), IpAddr::from(Ipv4Addr::LOCALHOST));
        assert_ne!(bound.local_addr().port(), 0);
    }

    #[tokio::test]
    async fn a_taken_port_says_so_and_asks_about_the_likely_cause() {
        let first = Bound::bind("127.0.0.1:0").await.unwrap();
        let endpoint = first.local_addr().to_string();
        let error = Bound::bind(&endpoint).await.unwrap_err();
        let expected =
            format!("cannot listen on {endpoint}: address already in use (is another collector running?)");
        assert_eq!(error.to_string(), expected);
    }

    #[tokio::test]
    async fn an_endpoint_without_a_port_is_refused() {
        for endpoint in ["localhost", "localhost:", "localhost:99999", ""] {
            let error = Bound::bind(endpoint).await.unwrap_err();
            assert!(error.to_string().ends_with("it is not of the form host:port"), "{error}");
        }
    }
}
