//! Proxies between weir and an upstream: one that is configured, or those that the environment names, as Go's HTTP client
//! reads it.

use std::fmt;

use http::uri::Authority;
use http::{HeaderValue, Uri};

use super::no_proxy::NoProxy;

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
    /// What is reached without; a configured proxy has no exceptions.
    without: Option<NoProxy>,
}

/// One proxy.
#[derive(Clone, Debug)]
pub(super) struct Proxy {
    uri: Uri,
    authorization: Option<HeaderValue>,
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
        let without = NoProxy::parse(no_proxy);
        for target in targets.filter(|target| !without.holds(target)) {
            // What is wrong with a variable that nobody needs is nobody's trouble.
            match target.scheme_str() {
                Some("https") => https.as_ref().map_err(String::clone)?,
                _ => http.as_ref().map_err(String::clone)?,
            };
        }
        let proxy = |url: &Result<Option<ProxyUrl>, String>| {
            url.as_ref().ok().and_then(Option::as_ref).map(Proxy::new).transpose()
        };
        Ok(Proxies { http: proxy(http)?, https: proxy(https)?, without: Some(without) })
    }

    /// The proxy before this URL, if there is one.
    pub(super) fn before(&self, target: &Uri) -> Option<&Proxy> {
        let proxy = match target.scheme_str() {
            Some("https") => self.https.as_ref(),
            _ => self.http.as_ref(),
        };
        proxy.filter(|_| !self.without.as_ref().is_some_and(|without| without.holds(target)))
    }

    /// What a request to this URL has to show the proxy, if the proxy is the one that reads it.
    pub(super) fn authorization(&self, target: &Uri) -> Option<&HeaderValue> {
        self.before(target).filter(|_| target.scheme_str() == Some("http"))?.authorization()
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
