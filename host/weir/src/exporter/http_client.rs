//! What exporters over HTTP have in common: a `POST` with the headers, the compression, the proxies and the TLS that are
//! configured, within the timeout, and with nothing of weir's credentials in what its senders are told of the answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, PROXY_AUTHORIZATION, USER_AGENT};
use http::uri::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};
use hyper::body::Incoming;
use weir_pipeline::{Batch, Charge, ExportError, Exported};

use super::client::{Client, RequestBody, http as http_client};
use super::compress::Compression;
use super::dial::Dialer;
use super::hide::Secrets;
use super::proxy::Proxies;
use super::status::{transport_error, within};
use super::tls_source::{Alpn, TlsSource};
use super::{Headers, PoolSettings, ProxySettings, TlsSettings, USER_AGENT as AGENT};

/// How an exporter reaches its upstream over HTTP: the Collector's block `confighttp`, but for the endpoint.
#[derive(Clone, Debug)]
pub struct HttpClientSettings {
    /// How the connection is protected, where the URL says `https`.
    pub tls: TlsSettings,
    /// The proxies in between.
    pub proxy: ProxySettings,
    /// Which connections are kept.
    pub pool: PoolSettings,
    /// Sent with every request.
    pub headers: Headers,
    /// How requests are compressed.
    pub compression: Compression,
    /// How hard; as usual if `None`.
    pub compression_level: Option<i32>,
    /// How long one attempt may take.
    pub timeout: Duration,
}

/// The way to one upstream.
pub(super) struct HttpClient {
    client: Client,
    proxies: Arc<Proxies>,
    headers: HeaderMap,
    compression: Compression,
    compression_level: Option<i32>,
    timeout: Duration,
    secrets: Secrets,
}

impl Default for HttpClientSettings {
    /// The Collector's defaults.
    fn default() -> Self {
        HttpClientSettings {
            tls: TlsSettings::default(),
            proxy: ProxySettings::None,
            pool: PoolSettings::default(),
            headers: Headers::default(),
            compression: Compression::Gzip,
            compression_level: None,
            timeout: Duration::from_secs(30),
        }
    }
}

impl HttpClient {
    /// A client for these URLs, whose requests have bodies of one type.
    ///
    /// # Errors
    /// If a header, a proxy or a certificate is not usable.
    pub(super) fn new<'a>(
        id: &str,
        settings: &HttpClientSettings,
        content_type: HeaderValue,
        mut targets: impl Iterator<Item = &'a Uri> + Clone,
    ) -> Result<Self, String> {
        let proxies = Arc::new(Proxies::new(&settings.proxy, targets.clone())?);
        let needs_tls = targets.any(|target| target.scheme() == Some(&Scheme::HTTPS));
        let tls = TlsSource::new(id, &settings.tls, needs_tls, Alpn::Http1)?;
        let mut headers = settings.headers.to_map(false)?;
        headers.insert(CONTENT_TYPE, content_type);
        headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
        if let Some(name) = settings.compression.name() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        if settings.pool.idle_max_per_host == Some(0) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(HttpClient {
            client: http_client(Dialer::tcp(Arc::clone(&proxies)), tls, settings.pool),
            proxies,
            headers,
            compression: settings.compression,
            compression_level: settings.compression_level,
            timeout: settings.timeout,
            secrets: Secrets::of(&settings.headers, &settings.proxy),
        })
    }

    /// The same, with one more header in every request, in the place of a configured one.
    pub(super) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// One attempt of the exporter, which sends what it has by [`HttpClient::post`].
    pub(super) async fn attempt(
        &self,
        attempt: impl Future<Output = Result<Exported, ExportError>>,
    ) -> Result<Exported, ExportError> {
        self.secrets.hidden_in(within(self.timeout, attempt).await)
    }

    /// What a compressed payload takes of the budget while it is sent.
    pub(super) fn charge(&self, batch: &Batch) -> Option<Charge> {
        self.compression.charge(batch)
    }

    /// Sends a payload. A header of the request's own takes the place of a configured one.
    pub(super) async fn post(
        &self,
        target: &Uri,
        payload: Bytes,
        header: Option<(HeaderName, HeaderValue)>,
    ) -> Result<Response<Incoming>, ExportError> {
        let body = self.compression.apply(payload, self.compression_level).await?;
        let mut request = Request::new(RequestBody::bare(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = target.clone();
        *request.headers_mut() = self.headers.clone();
        if let Some((name, value)) = header {
            request.headers_mut().insert(name, value);
        }
        if let Some(authorization) = self.proxies.authorization(target) {
            request.headers_mut().insert(PROXY_AUTHORIZATION, authorization.clone());
        }
        self.client.request(request).await.map_err(|error| transport_error(&error))
    }
}
