//! Where weir listens: bind, accept, serve HTTP/1 or HTTP/2, stop gracefully.
//!
//! Receivers and the admin servers stand on this; what is asked and answered is theirs. `front.rs` has what a connection
//! is served with, `serving.rs` the loop that accepts connections.

mod front;
mod serving;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;

pub use front::{Former, Front};
pub use serving::Serving;

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

    /// Accepts connections and serves them with `front` until [`Serving::stop`].
    pub fn serve(self, front: Front) -> Serving {
        Serving::start(self.sockets, self.local_addr, front)
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
