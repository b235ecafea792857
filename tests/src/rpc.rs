//! `google.rpc.Status` and the `RetryInfo` in it, as far as OTLP uses them: no crate here has these messages.

use std::time::Duration;

use bytes::Bytes;
use prost::Message;

/// The type of a `google.rpc.RetryInfo`.
const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
pub struct Status {
    /// The code of gRPC.
    #[prost(int32, tag = "1")]
    pub code: i32,
    /// What is wrong.
    #[prost(string, tag = "2")]
    pub message: String,
    /// More about it.
    #[prost(message, repeated, tag = "3")]
    pub details: Vec<Any>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
pub struct Any {
    /// Which message it is.
    #[prost(string, tag = "1")]
    pub type_url: String,
    /// The message.
    #[prost(bytes = "bytes", tag = "2")]
    pub value: Bytes,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, PartialEq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

impl Status {
    /// One that asks to try again after this time.
    pub fn retry_after(code: i32, delay: Duration) -> Status {
        let seconds = i64::try_from(delay.as_secs()).expect("a short delay");
        let nanos = i32::try_from(delay.subsec_nanos()).expect("less than a second");
        let value = RetryInfo { retry_delay: Some(Delay { seconds, nanos }) }.encode_to_vec().into();
        let details = vec![Any { type_url: RETRY_INFO.to_owned(), value }];
        Status { code, message: String::new(), details }
    }

    /// After which time it asks to try again. Panics if its `RetryInfo` is none, or goes back in time.
    pub fn retry_delay(&self) -> Option<Duration> {
        let info = self.details.iter().find(|detail| detail.type_url == RETRY_INFO)?;
        let info = RetryInfo::decode(&info.value[..]).expect("a google.rpc.RetryInfo");
        let Delay { seconds, nanos } = info.retry_delay?;
        let seconds = u64::try_from(seconds).expect("a delay is not negative");
        Some(Duration::new(seconds, u32::try_from(nanos).expect("a delay is not negative")))
    }
}

/// The delay in the details of a gRPC status, if there is one.
pub fn retry_delay(details: &[u8]) -> Option<Duration> {
    Status::decode(details).ok()?.retry_delay()
}
