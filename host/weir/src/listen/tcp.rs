//! TCP: which addresses an endpoint means, and listening on all of them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;

/// Listens on `host:port`; an empty host means every address, port 0 any free one. The first socket is the one to
/// announce.
///
/// # Errors
/// If the endpoint is not of that form, cannot be resolved, or is taken.
pub(super) async fn bind(endpoint: &str) -> Result<(Vec<TcpListener>, SocketAddr), String> {
    let (host, port) = split(endpoint).ok_or("it is not of the form host:port")?;
    let addresses = resolve(host, port).await.map_err(|error| reason(&error))?;
    let (first, others) = addresses.split_first().ok_or("the host has no address")?;
    let socket = TcpListener::bind(first).await.map_err(|error| reason(&error))?;
    let local_addr = socket.local_addr().map_err(|error| reason(&error))?;
    let mut sockets = vec![socket];
    for other in others {
        // The same name's other address family is a courtesy: a machine without it is fine.
        let same_port = SocketAddr::new(other.ip(), local_addr.port());
        if let Ok(socket) = TcpListener::bind(same_port).await {
            sockets.push(socket);
        }
    }
    Ok((sockets, local_addr))
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
