//! The answer to an export that was taken, `Export*ServiceResponse`, which has the same numbers for every signal: empty, or
//! with what was rejected of it and why.

use prost::Message;
use serde_json::json;
use weir_otlp::Signal;
use weir_pipeline::Exported;

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

/// The answer as protobuf. A full success leaves `partial_success` unset, as OTLP demands.
pub fn encode(exported: &Exported) -> Vec<u8> {
    let partial_success = (*exported != Exported::default()).then(|| PartialSuccess {
        rejected: i64::try_from(exported.rejected).unwrap_or(i64::MAX),
        error_message: exported.message.clone().unwrap_or_default(),
    });
    ExportResponse { partial_success }.encode_to_vec()
}

/// The answer as OTLP/JSON.
pub fn encode_as_json(signal: Signal, exported: &Exported) -> Vec<u8> {
    if *exported == Exported::default() {
        return b"{}".to_vec();
    }
    let key = match signal {
        Signal::Traces => "rejectedSpans",
        Signal::Metrics => "rejectedDataPoints",
        Signal::Logs => "rejectedLogRecords",
        Signal::Profiles => "rejectedProfiles",
    };
    // 64-bit numbers are strings in protobuf's JSON.
    let message = exported.message.as_deref().unwrap_or_default();
    json!({"partialSuccess": {key: exported.rejected.to_string(), "errorMessage": message}})
        .to_string()
        .into_bytes()
}

/// Reads an answer. One that cannot be read is a success all the same: the upstream has the data.
pub fn decode(message: &[u8]) -> Exported {
    let partial = ExportResponse::decode(message).ok().and_then(|response| response.partial_success);
    let Some(PartialSuccess { rejected, error_message }) = partial else { return Exported::default() };
    Exported {
        rejected: u64::try_from(rejected).unwrap_or_default(),
        message: (!error_message.is_empty()).then_some(error_message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejected_items_and_warnings_come_back_as_they_went() {
        for (rejected, message) in [(0, None), (3, Some("too old")), (0, Some("warning")), (7, None)] {
            let exported = Exported { rejected, message: message.map(str::to_owned) };
            assert_eq!(decode(&encode(&exported)), exported);
        }
        assert!(encode(&Exported::default()).is_empty(), "a full success is the empty message");
    }

    #[test]
    fn nonsense_is_a_plain_success() {
        assert_eq!(decode(b"<html>"), Exported::default());
        let negative = PartialSuccess { rejected: -5, error_message: String::new() };
        let negative = ExportResponse { partial_success: Some(negative) }.encode_to_vec();
        assert_eq!(decode(&negative), Exported::default());
    }

    #[test]
    fn json_names_the_items_of_the_signal_and_writes_the_number_as_text() {
        let exported = Exported { rejected: 3, message: Some("too old".to_owned()) };
        let text = |signal| String::from_utf8(encode_as_json(signal, &exported)).unwrap();
        let expected = r#"{"partialSuccess":{"errorMessage":"too old","rejectedDataPoints":"3"}}"#;
        assert_eq!(text(Signal::Metrics), expected);
        assert!(text(Signal::Logs).contains("rejectedLogRecords"));
    }
}
