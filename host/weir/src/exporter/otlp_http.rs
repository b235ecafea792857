//! The `otlp_http` exporter: one `POST` a batch, on the batch's own bytes.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use weir_otlp::Signal;
use weir_pipeline::{Batch, BoxFuture, ExportError, Exported, Exporter};

use super::OtlpHttpSettings;
use super::http_client::HttpClient;
use super::response::{BadResponse, RESPONSE_BYTES_MAX, explanation, exported, read};
use super::status::{bad_response, http_error};
use super::target::Targets;
use crate::wire::code;

const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");

/// One upstream.
pub(super) struct OtlpHttpExporter {
    client: HttpClient,
    targets: Targets,
}

impl OtlpHttpExporter {
    pub(super) fn new(id: &str, settings: &OtlpHttpSettings) -> Result<Self, String> {
        let targets = Targets::http(settings)?;
        let client = HttpClient::new(id, &settings.client, PROTOBUF, targets.iter())?;
        Ok(OtlpHttpExporter { client, targets })
    }

    async fn attempt(&self, signal: Signal, payload: Bytes) -> Result<Exported, ExportError> {
        let Some(uri) = self.targets.of(signal) else {
            let message = format!("no endpoint is configured for {}", signal.name());
            return Err(ExportError::permanent(code::UNIMPLEMENTED, message));
        };
        let (head, body) = self.client.post(uri, payload, None).await?.into_parts();
        if !head.status.is_success() {
            return Err(http_error(head.status, &head.headers, &explanation(body).await));
        }
        match read(body, RESPONSE_BYTES_MAX).await {
            // Anything but protobuf is some other software's way of saying yes.
            Ok((body, _)) if is_protobuf(&head.headers) => Ok(exported(&body)),
            // The status is the answer, and the upstream has the data: a retry would double it.
            Ok(_) | Err(BadResponse::Broken(_)) => Ok(Exported::default()),
            Err(bad @ BadResponse::TooLarge) => Err(bad_response(&bad)),
        }
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
            let _compressed = self.client.charge(&batch);
            self.client.attempt(self.attempt(batch.signal, batch.payload)).await
        })
    }
}
