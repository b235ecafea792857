//! An upstream's answer: its body, bounded, its trailers, and what it says about items that it did not take.

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use prost::Message;
use weir_pipeline::Exported;

/// The largest answer that OTLP lets a client take.
pub(super) const RESPONSE_BYTES_MAX: usize = 4 << 20;

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

/// `Export*ServiceResponse`, which has the same numbers for every signal.
#[derive(Clone, PartialEq, Message)]
struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

/// What a success says. An answer that cannot be read is a success all the same: the upstream has the data.
pub(super) fn exported(message: &[u8]) -> Exported {
    let partial = ExportResponse::decode(message).ok().and_then(|response| response.partial_success);
    let Some(PartialSuccess { rejected, error_message }) = partial else {
        return Exported::default();
    };
    Exported {
        rejected: u64::try_from(rejected).unwrap_or_default(),
        message: (!error_message.is_empty()).then(|| shorten(error_message)),
    }
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

    fn response(rejected: i64, error_message: &str) -> Vec<u8> {
        let partial_success = Some(PartialSuccess { rejected, error_message: error_message.to_owned() });
        ExportResponse { partial_success }.encode_to_vec()
    }

    #[test]
    fn rejected_items_and_warnings_are_read() {
        let expected =
            |rejected, message: Option<&str>| Exported { rejected, message: message.map(str::to_owned) };
        assert_eq!(exported(&[]), expected(0, None));
        assert_eq!(exported(&response(3, "too old")), expected(3, Some("too old")));
        assert_eq!(exported(&response(0, "warning")), expected(0, Some("warning")));
    }

    #[test]
    fn nonsense_is_a_plain_success() {
        assert_eq!(exported(b"<html>"), Exported::default());
        assert_eq!(exported(&response(-5, "")), Exported::default());
    }

    #[test]
    fn words_are_cut_between_characters() {
        let cut = shorten("\u{e4}".repeat(1000));
        assert_eq!(cut.len(), SAID_BYTES_MAX);
        assert_eq!(shorten("short".to_owned()), "short");
    }
}
