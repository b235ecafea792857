//! The `otlp_http` exporter: one `POST` a batch, on the batch's own bytes.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request};
use weir_otlp::Signal;
use weir_pipeline::{Batch, BoxFuture, ExportError, Exported, Exporter};

use super::client::{Client, RequestBody, http as http_client};
use super::compress::Compression;
use super::response::{BadResponse, RESPONSE_BYTES_MAX, exported, read};
use super::status::{bad_response, http_error, transport_error, within};
use super::target::Targets;
use super::tls::Tls;
use super::{OtlpHttpSettings, USER_AGENT as AGENT};
use crate::wire::code;

/// How much of the body of an error is read; it is only there to be told to the sender.
const ERROR_BYTES_MAX: usize = 64 << 10;

const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");

/// One upstream.
pub(super) struct OtlpHttpExporter {
    client: Client,
    targets: Targets,
    headers: HeaderMap,
    compression: Compression,
    timeout: Duration,
}

impl OtlpHttpExporter {
    pub(super) fn new(settings: &OtlpHttpSettings) -> Result<Self, String> {
        let targets = Targets::http(settings)?;
        let tls = if targets.need_tls() { Tls::new(&settings.tls)? } else { Tls::unused()? };
        let mut headers = settings.headers.to_map(false)?;
        headers.insert(CONTENT_TYPE, PROTOBUF);
        headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
        if let Some(name) = settings.compression.name() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        Ok(OtlpHttpExporter {
            client: http_client(tls),
            targets,
            headers,
            compression: settings.compression,
            timeout: settings.timeout,
        })
    }

    async fn attempt(&self, signal: Signal, payload: Bytes) -> Result<Exported, ExportError> {
        let Some(uri) = self.targets.of(signal) else {
            let message = format!("no endpoint is configured for {}", signal.name());
            return Err(ExportError::permanent(code::UNIMPLEMENTED, message));
        };
        let mut request = Request::new(RequestBody::bare(self.compression.apply(payload).await?));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = self.headers.clone();

        let response = self.client.request(request).await.map_err(|error| transport_error(&error))?;
        let (head, body) = response.into_parts();
        if head.status.is_success() {
            return match read(body, RESPONSE_BYTES_MAX).await {
                // Anything but protobuf is some other software's way of saying yes.
                Ok((body, _)) if head.headers.get(CONTENT_TYPE) == Some(&PROTOBUF) => Ok(exported(&body)),
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

impl Exporter for OtlpHttpExporter {
    fn export(&self, batch: Batch) -> BoxFuture<'_, Result<Exported, ExportError>> {
        Box::pin(within(self.timeout, self.attempt(batch.signal, batch.payload)))
    }
}
