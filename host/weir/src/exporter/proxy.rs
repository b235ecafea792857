//! Proxies between weir and an upstream: one that is configured, or those that the environment names, as Go's HTTP client
//! reads it.

use std::fmt;
use std::net::IpAddr;

use http::uri::Authority;
use http::{HeaderValue, Uri};

/// What the configuration says about proxies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ProxySettings {
    /// There is none.
    #[default]
    None,
    /// This one, for every URL.
    Url(ProxyUrl),
    /// What the environment says.
    Environment(Box<EnvironmentProxies>),
}

/// The variables of the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentProxies {
    /// `HTTP_PROXY`, for `http` URLs. The error says what is wrong with it.
    pub http: Result<Option<ProxyUrl>, String>,
    /// `HTTPS_PROXY`, for `https` URLs.
    pub https: Result<Option<ProxyUrl>, String>,
    /// `NO_PROXY`: hosts that are reached without.
    pub no_proxy: String,
}

/// A proxy that speaks HTTP. The user and the password are never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl {
    /// Host and port.
    pub address: String,
    /// The user and the password, with a colon between them.
    pub credentials: Option<String>,
}

/// The proxies of one exporter.
#[derive(Debug, Default)]
pub(super) struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    /// Whether loopback addresses and what `without` matches are reached directly.
    has_exceptions: bool,
    without: Vec<Exception>,
}

/// One proxy.
#[derive(Clone, Debug)]
pub(super) struct Proxy {
    uri: Uri,
    authorization: Option<HeaderValue>,
}

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

// === impl ProxyUrl ===

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let credentials = self.credentials.as_ref().map(|_| "[REDACTED]");
        f.debug_struct("ProxyUrl").field("address", &self.address).field("credentials", &credentials).finish()
    }
}

// === impl Proxies ===

impl Proxies {
    /// The proxies before these URLs.
    ///
    /// # Errors
    /// If one that is needed is not usable.
    pub(super) fn new<'a>(
        settings: &ProxySettings,
        targets: impl Iterator<Item = &'a Uri>,
    ) -> Result<Self, String> {
        match settings {
            ProxySettings::None => Ok(Proxies::default()),
            ProxySettings::Url(url) => {
                let proxy = Proxy::new(url)?;
                Ok(Proxies { http: Some(proxy.clone()), https: Some(proxy), ..Proxies::default() })
            }
            ProxySettings::Environment(environment) => Self::of_environment(environment, targets),
        }
    }

    fn of_environment<'a>(
        environment: &EnvironmentProxies,
        targets: impl Iterator<Item = &'a Uri>,
    ) -> Result<Self, String> {
        let EnvironmentProxies { http, https, no_proxy } = environment;
        let without = no_proxy.split(',').filter_map(|entry| Exception::parse(entry.trim())).collect();
        let mut proxies = Proxies { has_exceptions: true, without, ..Proxies::default() };
        for target in targets.filter(|target| !proxies.goes_around(target)) {
            // What is wrong with a variable that nobody needs is nobody's trouble.
            match target.scheme_str() {
                Some("https") => https.as_ref().map_err(String::clone)?,
                _ => http.as_ref().map_err(String::clone)?,
            };
        }
        let proxy = |url: &Result<Option<ProxyUrl>, String>| {
            url.as_ref().ok().and_then(Option::as_ref).map(Proxy::new).transpose()
        };
        (proxies.http, proxies.https) = (proxy(http)?, proxy(https)?);
        Ok(proxies)
    }

    /// The proxy before this URL, if there is one.
    pub(super) fn before(&self, target: &Uri) -> Option<&Proxy> {
        let proxy = match target.scheme_str() {
            Some("https") => self.https.as_ref(),
            _ => self.http.as_ref(),
        };
        proxy.filter(|_| !self.goes_around(target))
    }

    /// What a request to this URL has to show the proxy, if the proxy is the one that reads it.
    pub(super) fn authorization(&self, target: &Uri) -> Option<&HeaderValue> {
        self.before(target).filter(|_| target.scheme_str() == Some("http"))?.authorization()
    }

    fn goes_around(&self, target: &Uri) -> bool {
        if !self.has_exceptions {
            return false;
        }
        let host = target.host().unwrap_or_default();
        let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
        let address: Option<IpAddr> = host.parse().ok();
        let port = target.port_u16().or(match target.scheme_str() {
            Some("https") => Some(443),
            _ => Some(80),
        });
        host == "localhost"
            || address.is_some_and(|address| address.is_loopback())
            || self.without.iter().any(|exception| exception.matches(&host, address, port))
    }
}

// === impl Proxy ===

impl Proxy {
    fn new(url: &ProxyUrl) -> Result<Self, String> {
        let unusable = || "the proxy's URL has no usable host and port".to_owned();
        let authority = Authority::try_from(url.address.as_str()).map_err(|_| unusable())?;
        let uri = Uri::builder().scheme("http").authority(authority).path_and_query("/").build();
        let authorization = url.credentials.as_ref().map(|credentials| {
            let mut value = HeaderValue::try_from(format!("Basic {}", base64(credentials.as_bytes())))
                .map_err(|_| unusable())?;
            value.set_sensitive(true);
            Ok::<_, String>(value)
        });
        Ok(Proxy { uri: uri.map_err(|_| unusable())?, authorization: authorization.transpose()? })
    }

    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }

    pub(super) fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }
}

// === impl Exception ===

impl Exception {
    /// One entry, `None` if it is empty or makes no sense, as in Go.
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

/// Base64 with padding, which is how HTTP carries a user and a password.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0u32, |word, &byte| word << 8 | u32::from(byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = ALPHABET[(word >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(address: &str) -> ProxyUrl {
        ProxyUrl { address: address.to_owned(), credentials: None }
    }

    /// Whether a request to this URL goes by way of a proxy if `NO_PROXY` is this.
    fn goes_by(target: &str, no_proxy: &str) -> bool {
        let settings = ProxySettings::Environment(Box::new(EnvironmentProxies {
            http: Ok(Some(url("proxy:1"))),
            https: Ok(Some(url("proxy:2"))),
            no_proxy: no_proxy.to_owned(),
        }));
        let target: Uri = target.parse().unwrap();
        Proxies::new(&settings, std::iter::once(&target)).unwrap().before(&target).is_some()
    }

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
            assert_eq!(goes_by(target, no_proxy), expected, "{target} with {no_proxy}");
        }
    }

    #[test]
    fn a_configured_proxy_is_for_everything_and_the_environments_by_scheme() {
        let (plain, tls): (Uri, Uri) = ("http://localhost:1".parse().unwrap(), "https://up".parse().unwrap());
        let configured = Proxies::new(&ProxySettings::Url(url("proxy:3128")), std::iter::empty()).unwrap();
        assert_eq!(configured.before(&plain).unwrap().uri(), "http://proxy:3128/");
        let settings = ProxySettings::Environment(Box::new(EnvironmentProxies {
            http: Err("HTTP_PROXY is odd".to_owned()),
            https: Ok(Some(url("proxy:2"))),
            no_proxy: String::new(),
        }));
        let only_tls = Proxies::new(&settings, [&plain, &tls].into_iter()).unwrap();
        assert_eq!(only_tls.before(&tls).unwrap().uri(), "http://proxy:2/");
        let remote: Uri = "http://up".parse().unwrap();
        let error = Proxies::new(&settings, std::iter::once(&remote)).unwrap_err();
        assert_eq!(error, "HTTP_PROXY is odd");
    }

    #[test]
    fn credentials_are_sent_to_whoever_reads_the_request_and_never_shown() {
        let secret = ProxyUrl { credentials: Some("ada:s3cret!".to_owned()), ..url("proxy:1") };
        let proxies = Proxies::new(&ProxySettings::Url(secret.clone()), std::iter::empty()).unwrap();
        let header = proxies.authorization(&"http://up".parse().unwrap()).unwrap();
        assert_eq!(header, "Basic YWRhOnMzY3JldCE=");
        assert!(proxies.authorization(&"https://up".parse().unwrap()).is_none(), "the tunnel has it");
        let shown = format!("{secret:?} {proxies:?}");
        assert!(!shown.contains("s3cret") && !shown.contains("YWRh"), "{shown}");
    }

    #[test]
    fn base64_has_its_padding() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
