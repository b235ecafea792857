//! Where weir listens: bind, accept, serve HTTP/1 or HTTP/2, with TLS or without, stop gracefully.
//!
//! Receivers and the admin servers stand on this; what is asked and answered is theirs. The way of a connection:
//! `tcp.rs` or `unix.rs` (the socket) -> `serving.rs` (the loop that accepts, within a number of places) -> `front.rs` (what it
//! is served with) -> `connection.rs` (handshake by `tls.rs`, protocol by `peeked.rs`, then HTTP), watched by
//! `activity.rs` and judged by `bounds.rs` until it ends.

mod activity;
mod bounds;
mod connection;
mod front;
mod peeked;
mod serving;
mod stream;
mod tcp;
mod tls;
mod unix;
mod wire;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, UnixListener};

pub use bounds::Bounds;
pub use front::{Former, Front};
pub use serving::Serving;
use stream::Stream;
pub use tls::{OnRenewal, Protocols, Tls, TlsSettings};
use unix::SocketFile;

/// Sockets that listen, and are not served yet.
#[derive(Debug)]
pub struct Bound {
    /// At least one. `localhost` may mean two addresses.
    sockets: Vec<Socket>,
    address: Address,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// With the port that was chosen if none was asked for.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

/// A socket that listens.
#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    /// With its file, which goes with it.
    Unix(UnixListener, #[expect(dead_code, reason = "it is there to be dropped")] SocketFile),
}

/// An endpoint that cannot be listened on, and why.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {endpoint}: {reason}")]
pub struct BindError {
    endpoint: String,
    reason: String,
}

// === impl Bound ===

impl Bound {
    /// Listens on `host:port`, where an empty host means every address and port 0 any free one; or on the path of a
    /// Unix socket, which begins with a slash.
    ///
    /// # Errors
    /// If the endpoint is of neither form, cannot be resolved, or is taken.
    pub async fn bind(endpoint: &str) -> Result<Self, BindError> {
        let bound = match endpoint.starts_with('/') {
            true => Bound::bind_unix(Path::new(endpoint)).await,
            false => Bound::bind_tcp(endpoint).await,
        };
        bound.map_err(|reason| BindError { endpoint: endpoint.to_owned(), reason })
    }

    async fn bind_tcp(endpoint: &str) -> Result<Self, String> {
        let (sockets, address) = tcp::bind(endpoint).await?;
        Ok(Bound { sockets: sockets.into_iter().map(Socket::Tcp).collect(), address: Address::Tcp(address) })
    }

    async fn bind_unix(path: &Path) -> Result<Self, String> {
        let (socket, file) = unix::bind(path).await?;
        Ok(Bound { sockets: vec![Socket::Unix(socket, file)], address: Address::Unix(path.to_owned()) })
    }

    /// Where it listens.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Accepts connections and serves them with `front` until [`Serving::stop`].
    pub fn serve(self, front: Front) -> Serving {
        Serving::start(self.sockets, self.address, front)
    }
}

// === impl Socket ===

impl Socket {
    async fn accept(&self) -> io::Result<Stream> {
        match self {
            Socket::Tcp(socket) => socket.accept().await.map(|(stream, _)| stream.into()),
            Socket::Unix(socket, _) => socket.accept().await.map(|(stream, _)| stream.into()),
        }
    }
}

// === impl Address ===

impl Address {
    /// The address of a TCP server.
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Address::Tcp(address) => Some(*address),
            Address::Unix(_) => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(address) => address.fmt(f),
            Address::Unix(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    #[tokio::test]
    async fn localhost_is_the_ipv4_loopback_and_port_zero_any_port() {
        let bound = Bound::bind("localhost:0").await.unwrap();
        let address = bound.address().tcp().unwrap();
        assert_eq!(address.ip(), IpAddr::from(Ipv4Addr::LOCALHOST));
        assert_ne!(address.port(), 0);
    }

    #[tokio::test]
    async fn a_taken_port_says_so_and_asks_about_the_likely_cause() {
        let first = Bound::bind("127.0.0.1:0").await.unwrap();
        let endpoint = first.address().to_string();
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
