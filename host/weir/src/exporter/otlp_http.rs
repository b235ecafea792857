//! The `otlp_http` exporter: one `POST` a batch, on the batch's own bytes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, PROXY_AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request};
use weir_otlp::Signal;
use weir_pipeline::{Batch, BoxFuture, ExportError, Exported, Exporter};

use super::client::{Client, RequestBody, http as http_client};
use super::compress::Compression;
use super::dial::Dialer;
use super::hide::Secrets;
use super::proxy::Proxies;
use super::response::{BadResponse, RESPONSE_BYTES_MAX, exported, read};
use super::status::{bad_response, http_error, transport_error, within};
use super::target::Targets;
use super::tls_source::{Alpn, TlsSource};
use super::{OtlpHttpSettings, USER_AGENT as AGENT};
use crate::wire::code;

/// How much of the body of an error is read; it is only there to be told to the sender.
const ERROR_BYTES_MAX: usize = 64 << 10;

const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");

/// One upstream.
pub(super) struct OtlpHttpExporter {
    client: Client,
    targets: Targets,
    proxies: Arc<Proxies>,
    headers: HeaderMap,
    compression: Compression,
    compression_level: Option<i32>,
    timeout: Duration,
    secrets: Secrets,
}

impl OtlpHttpExporter {
    pub(super) fn new(id: &str, settings: &OtlpHttpSettings) -> Result<Self, String> {
        let targets = Targets::http(settings)?;
        let tls = TlsSource::new(id, &settings.tls, targets.need_tls(), Alpn::Http1)?;
        let proxies = Arc::new(Proxies::new(&settings.proxy, targets.iter())?);
        let dialer = Dialer::tcp(Arc::clone(&proxies));
        let mut headers = settings.headers.to_map(false)?;
        headers.insert(CONTENT_TYPE, PROTOBUF);
        headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
        if let Some(name) = settings.compression.name() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        if settings.pool.idle_max_per_host == Some(0) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(OtlpHttpExporter {
            client: http_client(dialer, tls, settings.pool),
            targets,
            proxies,
            headers,
            compression: settings.compression,
            compression_level: settings.compression_level,
            timeout: settings.timeout,
            secrets: Secrets::of(&settings.headers, &settings.proxy),
        })
    }

    async fn attempt(&self, signal: Signal, payload: Bytes) -> Result<Exported, ExportError> {
        let Some(uri) = self.targets.of(signal) else {
            let message = format!("no endpoint is configured for {}", signal.name());
            return Err(ExportError::permanent(code::UNIMPLEMENTED, message));
        };
        let body = self.compression.apply(payload, self.compression_level).await?;
        let mut request = Request::new(RequestBody::bare(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = self.headers.clone();
        if let Some(authorization) = self.proxies.authorization(uri) {
            request.headers_mut().insert(PROXY_AUTHORIZATION, authorization.clone());
        }

        let response = self.client.request(request).await.map_err(|error| transport_error(&error))?;
        let (head, body) = response.into_parts();
        if head.status.is_success() {
            return match read(body, RESPONSE_BYTES_MAX).await {
                // Anything but protobuf is some other software's way of saying yes.
                Ok((body, _)) if is_protobuf(&head.headers) => Ok(exported(&body)),
                // The status is the answer, and the upstream has the data: a retry would double it.
                Ok(_) | Err(BadResponse::Broken(_)) => Ok(Exported::default()),
                Err(bad @ BadResponse::TooLarge) => Err(bad_response(&bad)),
            };
        }
        // The status is the answer, whether its explanation arrives or not.
        let said = match read(body, ERROR_BYTES_MAX).await {
            Ok((body, _)) => body,
            Err(BadResponse::TooLarge | BadResponse::Broken(_)) => Bytes::new(),
        };
        Err(http_error(head.status, &head.headers, &said))
    }
}

/// Whether a body is what OTLP says; parameters behind the type do not matter.
fn is_protobuf(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (media_type, _) = media_type.split_once(';').unwrap_or((media_type, ""));
    media_type.trim().eq_ignore_ascii_case("application/x-protobuf")
}

impl Exporter for OtlpHttpExporter {
    fn export(&self, batch: Batch) -> BoxFuture<'_, Result<Exported, ExportError>> {
        Box::pin(async move {
            let _compressed = self.compression.charge(&batch);
            let outcome = within(self.timeout, self.attempt(batch.signal, batch.payload)).await;
            self.secrets.hidden_in(outcome)
        })
    }
}
