//! `NO_PROXY`: what is reached without a proxy, as Go reads it.

use std::net::IpAddr;

use http::Uri;

/// The entries of the variable. Loopback addresses are always meant.
#[derive(Debug)]
pub(super) struct NoProxy(Vec<Exception>);

/// One entry of `NO_PROXY`.
#[derive(Debug, PartialEq)]
enum Exception {
    Everything,
    /// A network, by its first address and the bits that count.
    Network(IpAddr, u8),
    /// A host by its name or address, at this port if one is given.
    Host {
        name: String,
        /// Whether hosts below it are meant.
        below: bool,
        /// Whether it is meant itself.
        itself: bool,
        port: Option<u16>,
    },
}

// === impl NoProxy ===

impl NoProxy {
    /// Entries stand between commas; those that make no sense are passed over, as in Go.
    pub(super) fn parse(variable: &str) -> Self {
        NoProxy(variable.split(',').filter_map(|entry| Exception::parse(entry.trim())).collect())
    }

    /// Whether this URL is reached without a proxy.
    pub(super) fn holds(&self, target: &Uri) -> bool {
        let host = target.host().unwrap_or_default();
        let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
        let address: Option<IpAddr> = host.parse().ok();
        let port = target.port_u16().or(match target.scheme_str() {
            Some("https") => Some(443),
            _ => Some(80),
        });
        host == "localhost"
            || address.is_some_and(|address| address.is_loopback())
            || self.0.iter().any(|exception| exception.matches(&host, address, port))
    }
}

// === impl Exception ===

impl Exception {
    /// One entry, `None` if it is empty or makes no sense.
    fn parse(entry: &str) -> Option<Self> {
        let entry = entry.to_ascii_lowercase();
        if entry.is_empty() {
            return None;
        }
        if entry == "*" {
            return Some(Exception::Everything);
        }
        if let Some((address, bits)) = entry.split_once('/') {
            let address: IpAddr = address.parse().ok()?;
            let bits: u8 = bits.parse().ok()?;
            let all = if address.is_ipv4() { 32 } else { 128 };
            return (bits <= all).then_some(Exception::Network(address, bits));
        }
        let (name, port) = match entry.rsplit_once(':') {
            Some((name, port)) if !name.contains(':') || name.ends_with(']') => {
                (name.to_owned(), Some(port.parse().ok()?))
            }
            _ => (entry, None),
        };
        let name = name.trim_matches(['[', ']']);
        let below_only = name.strip_prefix("*.").or_else(|| name.strip_prefix('.'));
        let is_address = name.parse::<IpAddr>().is_ok();
        Some(Exception::Host {
            name: below_only.unwrap_or(name).to_owned(),
            below: !is_address,
            itself: below_only.is_none(),
            port,
        })
    }

    fn matches(&self, host: &str, address: Option<IpAddr>, at: Option<u16>) -> bool {
        match self {
            Exception::Everything => true,
            Exception::Network(network, bits) => {
                address.is_some_and(|address| same_network(*network, address, *bits))
            }
            Exception::Host { name, below, itself, port } => {
                let is_below = || host.strip_suffix(name.as_str()).is_some_and(|left| left.ends_with('.'));
                (port.is_none() || *port == at) && (*itself && host == name || *below && is_below())
            }
        }
    }
}

fn same_network(one: IpAddr, other: IpAddr, bits: u8) -> bool {
    let (one, other, unused) = match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            (u128::from(one.to_bits()), u128::from(other.to_bits()), 32 - u32::from(bits))
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits(), other.to_bits(), 128 - u32::from(bits)),
        _ => return false,
    };
    (one ^ other).checked_shr(unused).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_is_read_as_go_reads_it() {
        for (target, no_proxy, expected) in [
            ("http://up:1", "", true),
            ("https://up", "", true),
            ("http://localhost:1", "", false),
            ("http://127.3.2.1:1", "", false),
            ("http://[::1]:1", "", false),
            ("http://up:1", "*", false),
            ("http://up.example.com", "example.com", false),
            ("http://example.com", "example.com", false),
            ("http://EXAMPLE.com.", "Example.COM", false),
            ("http://notexample.com", "example.com", true),
            ("http://example.com", ".example.com", true),
            ("http://up.example.com", "*.example.com", false),
            ("http://up.example.com:4318", "example.com:4318", false),
            ("http://up.example.com:4319", "example.com:4318", true),
            ("https://example.com", "example.com:443", false),
            ("http://10.1.2.3:1", "other, 10.0.0.0/8", false),
            ("http://11.1.2.3:1", "10.0.0.0/8", true),
            ("http://10.1.2.3:1", "10.1.2.3", false),
            ("http://[fd00::1]:1", "fd00::/8", false),
            ("http://[fd00::1]:1", "[fd00::1]:1", false),
            ("http://10.1.2.3:1", "0.0.0.0/0", false),
            ("http://[fd00::1]:1", "0.0.0.0/0", true),
            ("http://up:1", "10.0.0.0/99,:x,/,up:port", true),
        ] {
            assert_eq!(
                !NoProxy::parse(no_proxy).holds(&target.parse().unwrap()),
                expected,
                "{target} with {no_proxy}"
            );
        }
    }
}
