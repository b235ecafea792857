//! An upstream's answer: its body, bounded, its trailers, and what it says about items that it did not take.

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use weir_pipeline::Exported;

use crate::wire::partial;

/// The largest answer that OTLP lets a client take.
pub(super) const RESPONSE_BYTES_MAX: usize = 4 << 20;

/// How much of the body of an error is read; it is only there to be told to the sender.
const ERROR_BYTES_MAX: usize = 64 << 10;

/// The most of an upstream's own words that is passed on.
const SAID_BYTES_MAX: usize = 1024;

/// Why there is no whole answer.
#[derive(Debug)]
pub(super) enum BadResponse {
    TooLarge,
    /// The connection or the stream broke.
    Broken(hyper::Error),
}

/// Reads a body to its end, with the trailers behind it.
pub(super) async fn read(
    mut body: Incoming,
    bytes_max: usize,
) -> Result<(Bytes, Option<HeaderMap>), BadResponse> {
    let mut gathered = BytesMut::new();
    let mut trailers = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(BadResponse::Broken)?;
        match frame.into_data() {
            Ok(data) if gathered.len() + data.len() > bytes_max => return Err(BadResponse::TooLarge),
            Ok(data) => gathered.extend_from_slice(data.chunk()),
            Err(frame) => trailers = frame.into_trailers().ok().or(trailers),
        }
    }
    Ok((gathered.freeze(), trailers))
}

/// What an upstream says about a failure. The status is the answer, whether its explanation arrives or not.
pub(super) async fn explanation(body: Incoming) -> Bytes {
    read(body, ERROR_BYTES_MAX).await.map_or_else(|_| Bytes::new(), |(body, _)| body)
}

/// What a success says.
pub(super) fn exported(message: &[u8]) -> Exported {
    let Exported { rejected, message } = partial::decode(message);
    Exported { rejected, message: message.map(shorten) }
}

/// An upstream's words, cut to a length that may be passed on.
pub(super) fn shorten(mut said: String) -> String {
    if said.len() > SAID_BYTES_MAX {
        said.truncate(said.floor_char_boundary(SAID_BYTES_MAX));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_between_characters() {
        let cut = shorten("\u{e4}".repeat(1000));
        assert_eq!(cut.len(), SAID_BYTES_MAX);
        assert_eq!(shorten("short".to_owned()), "short");
    }
}
