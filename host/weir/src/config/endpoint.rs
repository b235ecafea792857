//! Endpoints: `host:port` to listen on, and the URLs or names of upstreams.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// An address to listen on. An empty host is every address of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// A name or an address, an IPv6 one without its brackets.
    pub host: String,
    /// The port; 0 lets the system choose.
    pub port: u16,
}

impl HostPort {
    /// `localhost` and a port: what weir listens on unless it is told otherwise, as the Collector does.
    pub fn localhost(port: u16) -> Self {
        HostPort { host: "localhost".to_owned(), port }
    }

    /// Reads `host:port`, `[v6]:port` or `:port`.
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let host = match host.strip_prefix('[') {
            Some(v6) => v6.strip_suffix(']').filter(|v6| v6.parse::<std::net::Ipv6Addr>().is_ok())?,
            None => host,
        };
        let is_v6 = host.contains(':') && text.starts_with('[');
        let is_name = host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
        let is_port = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        if host.len() > 253 || !(is_v6 || is_name) || !is_port {
            return None;
        }
        Some(HostPort { host: host.to_owned(), port: port.parse().ok()? })
    }

    /// Whether two servers could not listen on both.
    pub fn collides_with(&self, other: &HostPort) -> bool {
        fn canonical(host: &str) -> String {
            match host {
                "127.0.0.1" | "::1" => "localhost".to_owned(),
                "" | "::" => "0.0.0.0".to_owned(),
                host => host.to_ascii_lowercase(),
            }
        }
        let (ours, theirs) = (canonical(&self.host), canonical(&other.host));
        let same_host = ours == theirs || ours == "0.0.0.0" || theirs == "0.0.0.0";
        self.port != 0 && self.port == other.port && same_host
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// The endpoint of a gRPC upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpcEndpoint {
    /// Where it listens.
    pub address: GrpcAddress,
    /// Whether to use TLS, if the endpoint says so by its scheme; otherwise `tls.insecure` decides.
    pub tls: Option<bool>,
}

/// What a gRPC upstream listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrpcAddress {
    /// A host and a port.
    Tcp(HostPort),
    /// A Unix socket, by its absolute path.
    Unix(String),
}

/// The longest path that Linux takes for a socket, without the zero behind it.
const SOCKET_PATH_BYTES_MAX: usize = 107;

impl GrpcEndpoint {
    /// Reads `host:port`, `http://host:port`, `https://host:port` or `unix:///path`.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix("unix:") {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            let is_path = path.len() > 1 && path.len() <= SOCKET_PATH_BYTES_MAX && path.starts_with('/');
            let is_usable = is_path && !path.contains('\0');
            return is_usable
                .then(|| GrpcEndpoint { address: GrpcAddress::Unix(path.to_owned()), tls: None });
        }
        let (tls, rest) = match (text.strip_prefix("http://"), text.strip_prefix("https://")) {
            (Some(rest), _) => (Some(false), rest),
            (_, Some(rest)) => (Some(true), rest),
            _ => (None, text.strip_prefix("dns:///").unwrap_or(text)),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let authority = HostPort::parse(rest).or_else(|| default_port(rest, tls?))?;
        if authority.host.is_empty() || authority.port == 0 {
            return None;
        }
        Some(GrpcEndpoint { address: GrpcAddress::Tcp(authority), tls })
    }
}

/// A URL without a port has that of its scheme.
fn default_port(host: &str, tls: bool) -> Option<HostPort> {
    HostPort::parse(&format!("{host}:{}", if tls { 443 } else { 80 }))
}

/// The URL of an HTTP upstream, `http://` or `https://`. Never has a user or a password in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpUrl(String);

impl HttpUrl {
    /// Reads a URL. `None` if it is none, or names a user.
    pub fn parse(text: &str) -> Option<Self> {
        let uri: http::Uri = text.parse().ok()?;
        let scheme_is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        let authority = uri.authority()?;
        if !scheme_is_http || authority.host().is_empty() || authority.as_str().contains('@') {
            return None;
        }
        Some(HttpUrl(text.to_owned()))
    }

    /// The URL as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names the host alone.
    pub fn has_no_path(&self) -> bool {
        self.0.parse::<http::Uri>().is_ok_and(|uri| matches!(uri.path(), "" | "/"))
    }

    /// Whether it is an `https` URL.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https:") || self.0.starts_with("HTTPS:")
    }

    /// The URL with a path appended.
    pub fn with_path(&self, path: &str) -> HttpUrl {
        HttpUrl(format!("{}{path}", self.0.trim_end_matches('/')))
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads one kind of endpoint from a string.
struct EndpointVisitor<T> {
    expected: &'static str,
    parse: fn(&str) -> Option<T>,
}

impl<T> Visitor<'_> for EndpointVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).ok_or_else(|| E::invalid_value(Unexpected::Other("text"), &self))
    }
}

impl<'de> Deserialize<'de> for HostPort {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "host:port, such as localhost:4317 or 0.0.0.0:4317";
        deserializer.deserialize_string(EndpointVisitor { expected, parse: HostPort::parse })
    }
}

impl<'de> Deserialize<'de> for GrpcEndpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected =
            "host:port, http://host:port or https://host:port, with neither path nor user, or unix:///path";
        deserializer.deserialize_string(EndpointVisitor { expected, parse: GrpcEndpoint::parse })
    }
}

impl<'de> Deserialize<'de> for HttpUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a URL that begins with http:// or https:// and names no user (use headers for that)";
        deserializer.deserialize_string(EndpointVisitor { expected, parse: HttpUrl::parse })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listening_addresses_are_host_and_port() {
        for (text, host, port) in [
            ("localhost:4317", "localhost", 4317),
            ("0.0.0.0:0", "0.0.0.0", 0),
            (":8888", "", 8888),
            ("[::]:4317", "::", 4317),
            ("[::1]:1", "::1", 1),
        ] {
            assert_eq!(HostPort::parse(text), Some(HostPort { host: host.to_owned(), port }), "{text}");
        }
        for text in
            ["", "localhost", "localhost:", "a:70000", "a:-1", "::1:4317", "[x]:1", "http://a:1", "a b:1"]
        {
            assert_eq!(HostPort::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_address_is_printed_as_it_is_read() {
        for text in ["localhost:4317", "[::1]:4317", ":1"] {
            assert_eq!(HostPort::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn two_servers_collide_on_one_port_of_one_host() {
        for (a, b, collide) in [
            ("localhost:1", "localhost:1", true),
            ("localhost:1", "127.0.0.1:1", true),
            ("0.0.0.0:1", "localhost:1", true),
            (":1", "10.0.0.1:1", true),
            ("localhost:1", "localhost:2", false),
            ("localhost:1", "10.0.0.1:1", false),
            ("localhost:0", "localhost:0", false),
        ] {
            let (left, right) = (HostPort::parse(a).unwrap(), HostPort::parse(b).unwrap());
            assert_eq!(left.collides_with(&right), collide, "{a} {b}");
        }
    }

    #[test]
    fn a_grpc_endpoint_may_have_a_scheme_that_decides_about_tls() {
        for (text, authority, tls) in [
            ("collector:4317", "collector:4317", None),
            ("http://collector:4317", "collector:4317", Some(false)),
            ("https://collector:4317/", "collector:4317", Some(true)),
            ("https://collector", "collector:443", Some(true)),
            ("dns:///collector:4317", "collector:4317", None),
        ] {
            let endpoint = GrpcEndpoint::parse(text).unwrap();
            let address = GrpcAddress::Tcp(HostPort::parse(authority).unwrap());
            assert_eq!(endpoint, GrpcEndpoint { address, tls }, "{text}");
        }
        for text in ["unix:///run/otlp.sock", "unix:/run/otlp.sock"] {
            let address = GrpcAddress::Unix("/run/otlp.sock".to_owned());
            assert_eq!(GrpcEndpoint::parse(text), Some(GrpcEndpoint { address, tls: None }), "{text}");
        }
        let long = format!("unix:///{}", "x".repeat(SOCKET_PATH_BYTES_MAX));
        for text in ["unix:", "unix:relative", "unix:///", "unix-abstract:x", &long] {
            assert_eq!(GrpcEndpoint::parse(text), None, "{text}");
        }
        for text in ["collector", ":4317", "https://u:p@c:1", "http://c:1/path", "c:0"] {
            assert_eq!(GrpcEndpoint::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_http_endpoint_is_a_url_without_a_user() {
        for text in ["http://a", "https://a:4318/base", "http://[::1]:4318"] {
            assert!(HttpUrl::parse(text).is_some(), "{text}");
        }
        for text in ["a:4318", "localhost", "ftp://a", "http://", "https://u:p@a", "http://a b"] {
            assert_eq!(HttpUrl::parse(text), None, "{text}");
        }
        assert_eq!(
            HttpUrl::parse("http://a/x/").unwrap().with_path("/v1/logs").as_str(),
            "http://a/x/v1/logs"
        );
    }
}
