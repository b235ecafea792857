//! `google.rpc.Status` and `google.rpc.RetryInfo`: the body of an HTTP error and the details of a gRPC one.

use std::time::Duration;

use prost::Message;
use serde_json::json;

const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<ProtoDuration>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct ProtoDuration {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// A `google.rpc.Status` as it is sent: with a RetryInfo among its details if `retry_after` is given.
pub fn encode_status(code: u8, message: &str, retry_after: Option<Duration>) -> Vec<u8> {
    let details = retry_after.map(|delay| {
        let retry_delay = Some(ProtoDuration {
            seconds: i64::try_from(delay.as_secs()).unwrap_or(i64::MAX),
            nanos: i32::try_from(delay.subsec_nanos()).unwrap_or_default(),
        });
        Any { type_url: RETRY_INFO.to_owned(), value: RetryInfo { retry_delay }.encode_to_vec() }
    });
    let details = details.into_iter().collect();
    RpcStatus { code: i32::from(code), message: message.to_owned(), details }.encode_to_vec()
}

/// The same in protobuf's JSON mapping.
pub fn encode_status_as_json(code: u8, message: &str, retry_after: Option<Duration>) -> Vec<u8> {
    let details: Vec<_> = retry_after
        .map(|delay| json!({"@type": RETRY_INFO, "retryDelay": duration_as_json(delay)}))
        .into_iter()
        .collect();
    json!({"code": code, "message": message, "details": details}).to_string().into_bytes()
}

/// Seconds with no, three, six or nine digits behind the point: the form of `google.protobuf.Duration`.
fn duration_as_json(delay: Duration) -> String {
    let (seconds, nanos) = (delay.as_secs(), delay.subsec_nanos());
    match (nanos % 1_000_000, nanos % 1_000) {
        _ if nanos == 0 => format!("{seconds}s"),
        (0, _) => format!("{seconds}.{:03}s", nanos / 1_000_000),
        (_, 0) => format!("{seconds}.{:06}s", nanos / 1_000),
        _ => format!("{seconds}.{nanos:09}s"),
    }
}

/// The message of an encoded `google.rpc.Status`, `None` if the bytes are no such thing or say nothing.
pub fn status_message(bytes: &[u8]) -> Option<String> {
    let status = RpcStatus::decode(bytes).ok()?;
    (!status.message.is_empty()).then_some(status.message)
}

/// The delay of the RetryInfo among the details of an encoded `google.rpc.Status`. A RetryInfo without a
/// delay counts as one of zero: its presence alone says that a retry is welcome.
pub fn retry_delay(bytes: &[u8]) -> Option<Duration> {
    let status = RpcStatus::decode(bytes).ok()?;
    let info = status.details.iter().find(|detail| detail.type_url == RETRY_INFO)?;
    let delay = RetryInfo::decode(info.value.as_slice()).ok()?.retry_delay.unwrap_or_default();
    let seconds = u64::try_from(delay.seconds).unwrap_or_default();
    let nanos = u32::try_from(delay.nanos).unwrap_or_default().min(999_999_999);
    Some(Duration::new(seconds, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_comes_back_as_it_went() {
        let delay = Duration::from_millis(1500);
        let bytes = encode_status(14, "busy", Some(delay));
        assert_eq!(retry_delay(&bytes), Some(delay));
        assert_eq!(status_message(&bytes).as_deref(), Some("busy"));
    }

    #[test]
    fn the_json_of_a_status_is_that_of_protobuf() {
        let text = |delay| String::from_utf8(encode_status_as_json(14, "a \"b\"", delay)).unwrap();
        let details = format!(r#"[{{"@type":"{RETRY_INFO}","retryDelay":"1.500s"}}]"#);
        let expected = format!(r#"{{"code":14,"details":{details},"message":"a \"b\""}}"#);
        assert_eq!(text(Some(Duration::from_millis(1500))), expected);
        assert_eq!(text(None), r#"{"code":14,"details":[],"message":"a \"b\""}"#);
        for (nanos, expected) in [(2_000_000_000, "2s"), (1_000, "0.000001s"), (3, "0.000000003s")] {
            assert_eq!(duration_as_json(Duration::from_nanos(nanos)), expected);
        }
    }

    #[test]
    fn without_retry_info_there_is_no_delay() {
        assert_eq!(retry_delay(&encode_status(8, "too large", None)), None);
    }

    #[test]
    fn hostile_details_are_no_delay_or_a_harmless_one() {
        assert_eq!(retry_delay(&[0xff; 40]), None);
        let retry_delay_of = |seconds, nanos| {
            let value = RetryInfo { retry_delay: Some(ProtoDuration { seconds, nanos }) }.encode_to_vec();
            let details = vec![Any { type_url: RETRY_INFO.to_owned(), value }];
            retry_delay(&RpcStatus { code: 14, message: String::new(), details }.encode_to_vec())
        };
        assert_eq!(retry_delay_of(-5, -5), Some(Duration::ZERO));
        assert_eq!(retry_delay_of(1, i32::MAX), Some(Duration::new(1, 999_999_999)));
    }
}
