//! The `otlp_grpc` exporter: one `Export` call a batch, on the batch's own bytes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, TE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Version};
use weir_otlp::Signal;
use weir_pipeline::{Batch, BoxFuture, ExportError, Exported, Exporter};

use super::client::{Client, RequestBody, grpc};
use super::compress::Compression;
use super::dial::Dialer;
use super::hide::Secrets;
use super::response::{RESPONSE_BYTES_MAX, exported, read};
use super::status::{bad_response, grpc_http_error, grpc_outcome, transport_error, within};
use super::target::Targets;
use super::tls_source::{Alpn, TlsSource};
use super::{OtlpGrpcSettings, ProxySettings, USER_AGENT as AGENT};
use crate::wire::code;
use crate::wire::frame::HEAD_BYTES;

/// One upstream.
pub(super) struct OtlpGrpcExporter {
    client: Client,
    targets: Targets,
    headers: HeaderMap,
    compression: Compression,
    timeout: Duration,
    secrets: Secrets,
}

impl OtlpGrpcExporter {
    pub(super) fn new(id: &str, settings: &OtlpGrpcSettings) -> Result<Self, String> {
        let (targets, socket) = Targets::grpc(&settings.endpoint, settings.tls.insecure)?;
        let tls = TlsSource::new(id, &settings.tls, targets.need_tls(), Alpn::Http2)?;
        let dialer = socket.map_or_else(|| Dialer::tcp(Arc::default()), Dialer::socket);
        // gRPC's own headers go in last: no configured one can take their place.
        let mut headers = settings.headers.to_map(true)?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
        headers.insert("grpc-timeout", grpc_timeout(settings.timeout));
        headers.insert("grpc-accept-encoding", HeaderValue::from_static("identity"));
        if let Some(name) = settings.compression.name() {
            headers.insert("grpc-encoding", HeaderValue::from_static(name));
        }
        Ok(OtlpGrpcExporter {
            client: grpc(dialer, tls),
            targets,
            headers,
            compression: settings.compression,
            timeout: settings.timeout,
            secrets: Secrets::of(&settings.headers, &ProxySettings::None),
        })
    }

    async fn attempt(&self, signal: Signal, payload: Bytes) -> Result<Exported, ExportError> {
        let message = self.compression.apply(payload, None).await?;
        let body = RequestBody::framed(message, self.compression != Compression::None).ok_or_else(|| {
            ExportError::permanent(
                code::RESOURCE_EXHAUSTED,
                "the request is larger than a gRPC message can be",
            )
        })?;
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.version_mut() = Version::HTTP_2;
        *request.uri_mut() = self.targets.of(signal).cloned().unwrap_or_default();
        *request.headers_mut() = self.headers.clone();

        let response = self.client.request(request).await.map_err(|error| transport_error(&error))?;
        let (head, body) = response.into_parts();
        if let Some(Err(error)) = grpc_outcome(&head.headers) {
            return Err(error);
        }
        if !head.status.is_success() {
            return Err(grpc_http_error(head.status));
        }
        let (framed, trailers) =
            read(body, RESPONSE_BYTES_MAX + HEAD_BYTES).await.map_err(|bad| bad_response(&bad))?;
        let outcome = trailers.as_ref().and_then(grpc_outcome).or_else(|| grpc_outcome(&head.headers));
        // Without a status the answer has no end, and nobody has said that the data was taken.
        outcome.unwrap_or_else(|| Err(grpc_http_error(head.status)))?;
        Ok(exported(framed.get(HEAD_BYTES..).unwrap_or_default()))
    }
}

impl Exporter for OtlpGrpcExporter {
    fn export(&self, batch: Batch) -> BoxFuture<'_, Result<Exported, ExportError>> {
        Box::pin(async move {
            let _compressed = self.compression.charge(&batch);
            let outcome = within(self.timeout, self.attempt(batch.signal, batch.payload)).await;
            self.secrets.hidden_in(outcome)
        })
    }
}

/// At most eight digits and a unit.
fn grpc_timeout(timeout: Duration) -> HeaderValue {
    let millis = timeout.as_millis();
    let text = match millis <= 99_999_999 {
        true => format!("{millis}m"),
        false => format!("{}S", timeout.as_secs().min(99_999_999)),
    };
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("99999999S"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_never_has_more_than_eight_digits() {
        for (timeout, expected) in [
            (Duration::from_secs(5), "5000m"),
            (Duration::from_secs(200_000), "200000S"),
            (Duration::MAX, "99999999S"),
        ] {
            assert_eq!(grpc_timeout(timeout), expected);
        }
    }
}
