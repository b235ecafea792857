//! The URL of a proxy, which may hold a password.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::endpoint::HostPort;
use super::secret::Secret;

/// The port of a proxy whose URL names none, as in Go.
const DEFAULT_PORT: u16 = 80;

/// A proxy that speaks HTTP to weir.
#[derive(Clone, Debug, PartialEq)]
pub struct ProxyUrl {
    /// Where it listens.
    pub address: HostPort,
    /// The user and the password, with a colon between them.
    pub credentials: Option<Secret>,
}

const EXPECTED: &str =
    "a URL such as http://proxy:3128 or http://user:password@proxy:3128; no other scheme is supported";

impl ProxyUrl {
    /// Reads `http://[user[:password]@]host[:port]`.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("http://")?;
        Self::parse_authority(rest.strip_suffix('/').unwrap_or(rest))
    }

    /// The same with the scheme left out, which variables of the environment may do.
    pub fn parse_variable(text: &str) -> Option<Self> {
        if text.contains("://") { Self::parse(text) } else { Self::parse_authority(text) }
    }

    fn parse_authority(text: &str) -> Option<Self> {
        let (user, host) = match text.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, text),
        };
        let address = HostPort::parse(host).or_else(|| HostPort::parse(&format!("{host}:{DEFAULT_PORT}")));
        let address = address.filter(|address| !address.host.is_empty() && address.port != 0)?;
        let credentials = match user {
            None => None,
            Some(user) => {
                let (user, password) = user.split_once(':').unwrap_or((user, ""));
                Some(Secret::new(format!("{}:{}", decoded(user)?, decoded(password)?)))
            }
        };
        Some(ProxyUrl { address, credentials })
    }
}

/// Undoes the percent encoding of a user or a password.
fn decoded(text: &str) -> Option<String> {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        bytes.push(u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok().filter(|text| !text.chars().any(char::is_control))
}

impl<'de> Deserialize<'de> for ProxyUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_string(ProxyUrlVisitor)
    }
}

struct ProxyUrlVisitor;

impl Visitor<'_> for ProxyUrlVisitor {
    type Value = ProxyUrl;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ProxyUrl, E> {
        // Without the text, which may hold a password.
        ProxyUrl::parse(text).ok_or_else(|| E::custom(format_args!("expected {EXPECTED}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxys_url_may_name_a_user_whose_password_is_never_shown() {
        for (text, address, credentials) in [
            ("http://proxy:3128", "proxy:3128", None),
            ("http://proxy", "proxy:80", None),
            ("http://[::1]:3128/", "[::1]:3128", None),
            ("http://ada@proxy:1", "proxy:1", Some("ada:")),
            ("http://ada:p%40ss%3aword@proxy:1", "proxy:1", Some("ada:p@ss:word")),
        ] {
            let url = ProxyUrl::parse(text).unwrap();
            let shown = format!("{url:?}");
            assert_eq!(url.address.to_string(), address, "{text}");
            assert_eq!(url.credentials.as_ref().map(Secret::expose), credentials, "{text}");
            assert!(!shown.contains("ada"), "{shown}");
        }
    }

    #[test]
    fn what_is_no_http_proxy_is_refused() {
        for text in [
            "",
            "proxy:3128",
            "https://proxy",
            "socks5://proxy:1080",
            "http://",
            "http://proxy:0",
            "http://proxy/path",
            "http://a:%zz@proxy",
            "http://a:%0a@proxy",
            "http://a b@c d",
        ] {
            assert_eq!(ProxyUrl::parse(text), None, "{text}");
        }
        assert_eq!(ProxyUrl::parse_variable("proxy:1"), ProxyUrl::parse("http://proxy:1"));
        assert_eq!(ProxyUrl::parse_variable("socks5://proxy:1"), None);
    }
}
