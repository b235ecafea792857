//! The two ways in which OTLP/HTTP writes a request, and so its answer: protobuf and JSON.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use weir_otlp::{Signal, json};
use weir_pipeline::{Cause, Charge, Exported, Refusal};

use super::body::without_slack;
use crate::wire::partial;

/// Texts up to this size are decoded where they are: handing them to another thread would cost as much.
const INLINE_BYTES_MAX: usize = 32 << 10;

/// How a request is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    Protobuf,
    Json,
}

impl Media {
    /// What a sender may choose from, as an answer names it.
    pub(super) const SUPPORTED: &'static str = "[application/json, application/x-protobuf]";

    /// The media type of a request; `None` if it is neither.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let name = value.split(';').next().unwrap_or_default().trim();
        if name.eq_ignore_ascii_case("application/x-protobuf") {
            Some(Media::Protobuf)
        } else if name.eq_ignore_ascii_case("application/json") {
            Some(Media::Json)
        } else {
            None
        }
    }

    /// The header of an answer.
    pub(super) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Media::Protobuf => "application/x-protobuf",
            Media::Json => "application/json",
        })
    }

    /// The body that says that everything was taken, or what the upstream rejected of it.
    pub(super) fn success(self, signal: Signal, exported: &Exported) -> Bytes {
        match self {
            Media::Protobuf => Bytes::from(partial::encode(exported)),
            Media::Json => Bytes::from(partial::encode_as_json(signal, exported)),
        }
    }

    /// The request as protobuf, charged for while it is made.
    ///
    /// # Errors
    /// It is no request of the signal, or there is no room for it.
    pub(super) async fn decode(self, signal: Signal, body: Bytes, charge: &Charge) -> Result<Bytes, Refusal> {
        if self == Media::Protobuf {
            return Ok(body);
        }
        // The names and quotes that fall away are more than what is added.
        charge.grow_to(2 * body.len() as u64)?;
        let charge = charge.clone();
        off_the_sockets(body.len(), move || decode_json(signal, &body, &charge)).await
    }
}

/// Does work on so many bytes of text: where it is asked for if they are few, and where no sockets are served if they are many.
pub(super) async fn off_the_sockets<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    if bytes <= INLINE_BYTES_MAX {
        return work();
    }
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Refusal::permanent(Cause::Internal, "the decoder of OTLP/JSON failed")))
}

/// The request of a text as protobuf, charged for.
///
/// # Errors
/// It is no request of the signal, or there is no room for it.
pub(super) fn decode_json(signal: Signal, text: &[u8], charge: &Charge) -> Result<Bytes, Refusal> {
    let bytes = json::decode(signal, text).map_err(|error| {
        let cause = if error.is_too_large() { Cause::TooLarge } else { Cause::Malformed };
        Refusal::permanent(cause, format!("malformed OTLP/JSON request: {error}"))
    })?;
    charge.grow_to((text.len() + bytes.len()) as u64)?;
    Ok(without_slack(bytes))
}
