//! How things end: why a batch is refused, and how an export went. One bit matters most: may it be tried again?

use std::time::Duration;

/// Why a batch is not taken, in terms that a receiver can turn into a gRPC status or an HTTP status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of trouble.
    pub cause: Cause,
    /// Whether the sender should send the same again.
    pub retryable: bool,
    /// How long the sender should wait first.
    pub retry_after: Option<Duration>,
    /// For the sender: says what is wrong, never shows telemetry or secrets.
    pub message: String,
}

/// The kinds of trouble, each of which has one gRPC code and one HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The bytes are not what they should be: INVALID_ARGUMENT, 400.
    Malformed,
    /// Over a size limit: RESOURCE_EXHAUSTED without RetryInfo, 413.
    TooLarge,
    /// weir has no room at the moment: UNAVAILABLE, 503.
    Overload,
    /// A plugin failed and its policy is `reject`: UNAVAILABLE, 503.
    Plugin,
    /// An upstream cannot be reached or asks for patience: UNAVAILABLE, 503.
    UpstreamUnavailable,
    /// An upstream refused the data for good, with this gRPC code.
    UpstreamRejected(u8),
    /// weir is stopping: UNAVAILABLE, 503.
    Stopping,
    /// A fault of weir's own: INTERNAL, 500.
    Internal,
}

impl Refusal {
    /// The sender should not send this again.
    pub fn permanent(cause: Cause, message: impl Into<String>) -> Self {
        Refusal { cause, retryable: false, retry_after: None, message: message.into() }
    }

    /// The sender should try again, after a while if one is given.
    pub fn retryable(cause: Cause, retry_after: Option<Duration>, message: impl Into<String>) -> Self {
        Refusal { cause, retryable: true, retry_after, message: message.into() }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

/// What an upstream said to one export that it took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Items that the upstream rejected by partial success. They are lost and must not be sent again.
    pub rejected: u64,
    /// What the upstream said about it, or a warning.
    pub message: Option<String>,
}

/// Why one export attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportError {
    /// Whether the same request may be sent again.
    pub retryable: bool,
    /// The least time to wait before, if the upstream named one.
    pub retry_after: Option<Duration>,
    /// The gRPC code that describes it best (an HTTP status is translated).
    pub code: u8,
    /// What happened, in weir's own words: without secrets and without telemetry, so that it may be logged.
    pub message: String,
    /// What the upstream said about it. It may quote telemetry, so only the sender is told, never a log.
    pub upstream_said: Option<String>,
}

impl ExportError {
    /// An error that a later attempt may not meet; `code` is the gRPC code that describes it.
    pub fn retryable(code: u8, message: impl Into<String>) -> Self {
        ExportError { retryable: true, retry_after: None, code, message: message.into(), upstream_said: None }
    }

    /// An error that every later attempt would meet as well; `code` is the gRPC code that describes it.
    pub fn permanent(code: u8, message: impl Into<String>) -> Self {
        ExportError { retryable: false, ..ExportError::retryable(code, message) }
    }
}

impl std::fmt::Display for ExportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}
