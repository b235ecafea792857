//! Where a receiver listens: a TCP address, or a Unix socket.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::{Deserialize, Deserializer, Error};

use super::at::At;
use super::diagnostic::Diagnostic;
use super::endpoint::HostPort;

/// The longest path of a Unix socket on Linux, without the zero at its end.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// An endpoint of a server. What it has to be depends on the transport beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerEndpoint {
    /// `host:port`.
    Tcp(HostPort),
    /// The path of a socket.
    Unix(PathBuf),
    /// Something else, which no transport takes. It is not kept: it may hold a secret.
    Neither,
}

/// What a server listens on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// TCP.
    #[default]
    Tcp,
    /// A Unix socket, whose path is the endpoint.
    Unix,
}

impl ServerEndpoint {
    /// `localhost` and a port.
    pub fn localhost(port: u16) -> Self {
        ServerEndpoint::Tcp(HostPort::localhost(port))
    }

    /// Reads `host:port` or an absolute path.
    pub fn parse(text: &str) -> Self {
        match HostPort::parse(text) {
            Some(address) => ServerEndpoint::Tcp(address),
            None if text.starts_with('/') => ServerEndpoint::Unix(PathBuf::from(text)),
            None => ServerEndpoint::Neither,
        }
    }

    /// Whether two servers could not listen on both.
    pub fn collides_with(&self, other: &ServerEndpoint) -> bool {
        match (self, other) {
            (ServerEndpoint::Tcp(ours), ServerEndpoint::Tcp(theirs)) => ours.collides_with(theirs),
            (ServerEndpoint::Unix(ours), ServerEndpoint::Unix(theirs)) => ours == theirs,
            _ => false,
        }
    }

    /// Whether each server that asks for it gets another one: port 0.
    pub fn is_any(&self) -> bool {
        matches!(self, ServerEndpoint::Tcp(address) if address.port == 0)
    }

    /// Checks that it is one for the transport.
    pub(super) fn check(&self, transport: Transport, at: &At<'_>, problems: &mut Vec<Diagnostic>) {
        let reason = match (transport, self) {
            (Transport::Tcp, ServerEndpoint::Tcp(_)) => return,
            (Transport::Tcp, ServerEndpoint::Unix(_)) => {
                "this is the path of a socket, which needs transport: unix beside it".to_owned()
            }
            (Transport::Tcp, ServerEndpoint::Neither) => {
                "expected host:port, such as localhost:4317 or 0.0.0.0:4317".to_owned()
            }
            (Transport::Unix, ServerEndpoint::Unix(path)) if fits(path) => return,
            (Transport::Unix, ServerEndpoint::Unix(_)) => {
                format!("the path of a socket has at most {SOCKET_PATH_BYTES_MAX} bytes")
            }
            (Transport::Unix, ServerEndpoint::Tcp(_) | ServerEndpoint::Neither) => {
                "expected the path of a socket, from the root on, such as /run/weir/otlp.sock".to_owned()
            }
        };
        problems.push(at.key("endpoint").problem(reason));
    }
}

fn fits(path: &Path) -> bool {
    path.as_os_str().len() <= SOCKET_PATH_BYTES_MAX
}

impl From<HostPort> for ServerEndpoint {
    fn from(address: HostPort) -> Self {
        ServerEndpoint::Tcp(address)
    }
}

impl fmt::Display for ServerEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServerEndpoint::Tcp(address) => address.fmt(f),
            ServerEndpoint::Unix(path) => path.display().fmt(f),
            ServerEndpoint::Neither => f.write_str("(no endpoint)"),
        }
    }
}

impl<'de> Deserialize<'de> for ServerEndpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| ServerEndpoint::parse(&text))
    }
}

impl<'de> Deserialize<'de> for Transport {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.to_ascii_lowercase().as_str() {
            "" | "tcp" => Ok(Transport::Tcp),
            "unix" => Ok(Transport::Unix),
            "tcp4" | "tcp6" => {
                Err(D::Error::custom("use tcp, with an address of that family as the endpoint"))
            }
            "udp" | "udp4" | "udp6" | "ip" | "ip4" | "ip6" | "unixgram" | "unixpacket" => {
                Err(D::Error::custom("OTLP needs a stream of bytes: use tcp or unix"))
            }
            _ => Err(D::Error::custom("expected tcp or unix")),
        }
    }
}
