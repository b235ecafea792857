//! From configured endpoints to the URIs that requests go to.

use std::path::PathBuf;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use weir_otlp::Signal;

use super::OtlpHttpSettings;
use crate::wire::{grpc_path, http_path};

/// The URI of each signal, if there is one.
#[derive(Clone, Debug)]
pub(super) struct Targets([Option<Uri>; Signal::ALL.len()]);

impl Targets {
    /// The services behind one gRPC endpoint, and the Unix socket that it is, if it is one.
    pub(super) fn grpc(endpoint: &str, insecure: bool) -> Result<(Self, Option<PathBuf>), String> {
        if let Some(path) = endpoint.strip_prefix("unix://") {
            // The authority that gRPC's clients name to a socket.
            let authority = Authority::from_static("localhost");
            return Ok((Self::services(&default_scheme(insecure), &authority), Some(path.into())));
        }
        let (scheme, rest) = match endpoint.split_once("://") {
            Some(("http", rest)) => (Scheme::HTTP, rest),
            Some(("https", rest)) => (Scheme::HTTPS, rest),
            // gRPC's own notation for a name that is resolved by DNS, as every name is here.
            Some(("dns", rest)) => (default_scheme(insecure), rest.trim_start_matches('/')),
            Some((other, _)) => {
                return Err(format!("endpoint: the scheme {other:?} is not supported, use http or https"));
            }
            None => (default_scheme(insecure), endpoint),
        };
        let host_port = rest.strip_suffix('/').unwrap_or(rest);
        let authority = authority(host_port)?;
        if scheme.as_str() == "http" && authority.port().is_none() {
            return Err("endpoint: it has no port, use host:port".to_owned());
        }
        Ok((Self::services(&scheme, &authority), None))
    }

    fn services(scheme: &Scheme, authority: &Authority) -> Self {
        Targets(Signal::ALL.map(|signal| {
            let path = PathAndQuery::from_static(grpc_path(signal));
            let uri = Uri::builder().scheme(scheme.clone()).authority(authority.clone()).path_and_query(path);
            uri.build().ok()
        }))
    }

    /// The URLs of the HTTP exporter: a signal's own as it is, or the base with the signal's path behind it.
    pub(super) fn http(settings: &OtlpHttpSettings) -> Result<Self, String> {
        let own = &settings.signal_endpoints;
        let target = |signal: Signal, own: &Option<String>| match (own, &settings.endpoint) {
            (Some(own), _) => http_uri(&format!("{}_endpoint", signal.name()), own).map(Some),
            (None, Some(base)) => {
                let url = format!("{}{}", base.trim_end_matches('/'), http_path(signal));
                http_uri("endpoint", &url).map(Some)
            }
            (None, None) => Ok(None),
        };
        Ok(Targets([
            target(Signal::Traces, &own.traces)?,
            target(Signal::Metrics, &own.metrics)?,
            target(Signal::Logs, &own.logs)?,
            target(Signal::Profiles, &own.profiles)?,
        ]))
    }

    pub(super) fn of(&self, signal: Signal) -> Option<&Uri> {
        let Targets([traces, metrics, logs, profiles]) = self;
        match signal {
            Signal::Traces => traces.as_ref(),
            Signal::Metrics => metrics.as_ref(),
            Signal::Logs => logs.as_ref(),
            Signal::Profiles => profiles.as_ref(),
        }
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Uri> + Clone {
        self.0.iter().flatten()
    }

    /// Whether any of them needs TLS.
    pub(super) fn need_tls(&self) -> bool {
        self.iter().any(|uri| uri.scheme() == Some(&Scheme::HTTPS))
    }
}

fn default_scheme(insecure: bool) -> Scheme {
    if insecure { Scheme::HTTP } else { Scheme::HTTPS }
}

/// Messages here never show the endpoint itself: it may hold a password, wrongly.
fn authority(host_port: &str) -> Result<Authority, String> {
    if host_port.contains('@') {
        return Err("endpoint: it holds credentials, put them into headers".to_owned());
    }
    Authority::try_from(host_port).map_err(|_| "endpoint: it is not of the form host:port".to_owned())
}

/// A configured URL.
pub(super) fn http_uri(key: &str, url: &str) -> Result<Uri, String> {
    let uri = Uri::try_from(url).map_err(|_| format!("{key}: it is not a URL"))?;
    match (uri.scheme_str(), uri.authority()) {
        (Some("http" | "https"), Some(authority)) if authority.as_str().contains('@') => {
            Err(format!("{key}: it holds credentials, put them into headers"))
        }
        (Some("http" | "https"), Some(_)) => Ok(uri),
        _ => Err(format!("{key}: it must begin with http:// or https://")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::SignalEndpoints;
    use super::*;

    #[test]
    fn a_grpc_endpoint_takes_its_scheme_from_itself_or_from_the_tls_block() {
        for (endpoint, insecure, expected) in [
            ("collector:4317", true, "http://collector:4317"),
            ("collector:4317", false, "https://collector:4317"),
            ("http://collector:4317", false, "http://collector:4317"),
            ("https://collector:443/", true, "https://collector:443"),
            ("dns:///collector:4317", true, "http://collector:4317"),
            ("[::1]:4317", true, "http://[::1]:4317"),
        ] {
            let (targets, socket) = Targets::grpc(endpoint, insecure).unwrap();
            assert_eq!(socket, None);
            let uri = targets.of(Signal::Logs).unwrap().to_string();
            assert_eq!(uri, format!("{expected}{}", grpc_path(Signal::Logs)), "{endpoint}");
            assert_eq!(targets.need_tls(), expected.starts_with("https"), "{endpoint}");
        }
    }

    #[test]
    fn a_socket_is_reached_by_its_path_under_the_name_of_localhost() {
        let (targets, socket) = Targets::grpc("unix:///run/otlp.sock", true).unwrap();
        assert_eq!(socket, Some(PathBuf::from("/run/otlp.sock")));
        let uri = targets.of(Signal::Logs).unwrap().to_string();
        assert_eq!(uri, format!("http://localhost{}", grpc_path(Signal::Logs)));
    }

    #[test]
    fn unusable_grpc_endpoints_say_why_and_never_show_a_password() {
        for endpoint in
            ["", "ftp://host:1", "a b:1", "user:secret@host:4317", "http://collector", "host:1/path"]
        {
            let error = Targets::grpc(endpoint, true).unwrap_err();
            assert!(error.starts_with("endpoint: "), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn an_http_base_gets_the_signals_path_and_an_own_url_does_not() {
        let mut settings = OtlpHttpSettings::new("http://collector:4318/prefix/");
        settings.signal_endpoints =
            SignalEndpoints { logs: Some("https://loki/otlp/in?x=1".to_owned()), ..Default::default() };
        let targets = Targets::http(&settings).unwrap();
        assert_eq!(targets.of(Signal::Traces).unwrap(), "http://collector:4318/prefix/v1/traces");
        assert_eq!(targets.of(Signal::Logs).unwrap(), "https://loki/otlp/in?x=1");
        assert!(targets.need_tls());
        settings.endpoint = None;
        assert!(Targets::http(&settings).unwrap().of(Signal::Traces).is_none());
    }

    #[test]
    fn an_http_url_without_a_scheme_or_with_a_password_is_refused() {
        for url in ["collector:4318", "ftp://host", "http://user:secret@host", "::"] {
            let error = Targets::http(&OtlpHttpSettings::new(url)).unwrap_err();
            assert!(error.starts_with("endpoint: ") && !error.contains("secret"), "{error}");
        }
    }
}
