//! The one table from an upstream's answer to an outcome: which failures may be tried again, and after how long.
//!
//! The rule behind it: only what the peer said for good is final. A connection that breaks, a stream that is reset, an
//! answer without an end: nobody has said that the data is bad, so it is sent again.

use std::error::Error;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderValue, StatusCode};
use weir_pipeline::ExportError;

use super::response::{BadResponse, shorten};
use crate::wire::{code, is_retryable, rpc};

// === gRPC ===

/// What the peer's `grpc-status` says, `None` if there is none.
pub(super) fn grpc_outcome(headers: &HeaderMap) -> Option<Result<(), ExportError>> {
    let status = headers.get("grpc-status")?;
    let code = status.to_str().ok().and_then(|text| text.parse().ok()).filter(|&code: &u8| code <= 16);
    match code.unwrap_or(code::UNKNOWN) {
        code::OK => Some(Ok(())),
        code => Some(Err(grpc_error(code, headers))),
    }
}

fn grpc_error(code: u8, headers: &HeaderMap) -> ExportError {
    let details = details(headers);
    let retry_after = details.as_deref().and_then(rpc::retry_delay);
    let said = headers.get("grpc-message").map(|message| percent_decode(message.as_bytes()));
    ExportError {
        retryable: is_retryable(code, retry_after.is_some()),
        retry_after: retry_after.filter(|delay| !delay.is_zero()),
        code,
        message: format!("the upstream answered {}", code_name(code)),
        upstream_said: said.filter(|said| !said.is_empty()).map(shorten),
    }
}

/// `grpc-status-details-bin`, if it is what it should be. A hostile peer may have put anything there.
fn details(headers: &HeaderMap) -> Option<Vec<u8>> {
    let mut only = HeaderMap::with_capacity(1);
    only.insert("grpc-status-details-bin", headers.get("grpc-status-details-bin")?.clone());
    let metadata = tonic::metadata::MetadataMap::from_headers(only);
    Some(metadata.get_bin("grpc-status-details-bin")?.to_bytes().ok()?.to_vec())
}

/// An HTTP status in place of a gRPC one: something in between answered, such as a proxy. gRPC's own table.
pub(super) fn grpc_http_error(status: StatusCode) -> ExportError {
    let (code, retryable) = match status.as_u16() {
        200 => (code::UNKNOWN, true),
        400 => (code::INTERNAL, false),
        401 => (code::UNAUTHENTICATED, false),
        403 => (code::PERMISSION_DENIED, false),
        404 => (code::UNIMPLEMENTED, false),
        429 | 502 | 503 | 504 => (code::UNAVAILABLE, true),
        _ => (code::UNKNOWN, false),
    };
    let message = match status {
        StatusCode::OK => "the upstream's answer has no grpc-status".to_owned(),
        status => format!("the upstream answered HTTP {} to a gRPC call", status.as_u16()),
    };
    ExportError { retryable, ..ExportError::permanent(code, message) }
}

// === HTTP ===

/// The failure behind an HTTP status that is not a success.
pub(super) fn http_error(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ExportError {
    let (code, retryable) = match status.as_u16() {
        429 | 502 | 503 | 504 => (code::UNAVAILABLE, true),
        // 407 is a proxy's word.
        401 | 407 => (code::UNAUTHENTICATED, false),
        403 => (code::PERMISSION_DENIED, false),
        404 | 405 => (code::UNIMPLEMENTED, false),
        413 => (code::RESOURCE_EXHAUSTED, false),
        400..=499 => (code::INVALID_ARGUMENT, false),
        500..=599 => (code::INTERNAL, false),
        _ => (code::UNKNOWN, false),
    };
    let retry_after = headers.get(http::header::RETRY_AFTER).filter(|_| retryable);
    let message = match status.is_redirection() {
        true => format!(
            "the upstream answered HTTP {}; weir follows no redirects, fix the endpoint",
            status.as_u16()
        ),
        false => format!("the upstream answered HTTP {}", status.as_u16()),
    };
    ExportError {
        retryable,
        retry_after: retry_after.and_then(|value| parse_retry_after(value, SystemTime::now())),
        code,
        message,
        upstream_said: rpc::status_message(body).map(shorten),
    }
}

/// Reads `Retry-After`: seconds, or a date.
fn parse_retry_after(value: &HeaderValue, now: SystemTime) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = UNIX_EPOCH.checked_add(Duration::from_secs(http_date(text)?))?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// Seconds since 1970 of a date such as `Sun, 06 Nov 1994 08:49:37 GMT`, the only form that servers may send.
fn http_date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, date) = text.split_once(", ")?;
    let mut words = date.split(' ');
    let day: u64 = words.next()?.parse().ok()?;
    let name = words.next()?;
    let month = MONTHS.iter().position(|month| *month == name)? as u64 + 1;
    let year: u64 = words.next()?.parse().ok()?;
    let mut clock = words.next()?.split(':').map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let is_valid = (1970..=9999).contains(&year) && (1..=31).contains(&day) && hour < 24 && minute < 60;
    if !is_valid || second > 60 || words.next()? != "GMT" {
        return None;
    }
    // Years are counted from a first of March, so that the leap day is the last of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    Some(days.checked_sub(719_468)? * 86_400 + hour * 3600 + minute * 60 + second)
}

// === pushes ===

/// The failure behind an answer of a push API whose explanations are text. All of 5xx may pass: a 500 is what such a server answers
/// while a part of it is away. So may 429, which is a rate. All of 4xx is about the data.
pub(super) fn text_error(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ExportError {
    let said = String::from_utf8_lossy(body).trim().to_owned();
    let mut error = http_error(status, headers, &[]);
    if status.is_server_error() {
        (error.code, error.retryable) = (code::UNAVAILABLE, true);
    }
    error.upstream_said = (!said.is_empty()).then(|| shorten(said));
    error
}

/// What Loki answers when the operator has blocked a tenant. It is a success only for clients that would retry a failure.
const BLOCKED: u16 = 260;

/// Whether Loki has taken a push.
pub(super) fn is_pushed(status: StatusCode) -> bool {
    status.is_success() && status.as_u16() != BLOCKED
}

/// The failure behind an answer of Loki's push API, as for Loki's own clients.
pub(super) fn push_error(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ExportError {
    let mut error = text_error(status, headers, body);
    if status.as_u16() == BLOCKED {
        error.code = code::PERMISSION_DENIED;
        error.message.push_str(", so its operator has blocked the tenant");
    } else if String::from_utf8_lossy(body).contains("allow_structured_metadata") {
        error.message.push_str(": it takes no structured metadata, set structured_metadata: false");
    }
    error
}

// === no answer ===

/// The connection could not be made, or broke before the answer was there.
pub(super) fn transport_error(error: &(dyn Error + 'static)) -> ExportError {
    ExportError::retryable(code::UNAVAILABLE, format!("no answer from the upstream: {}", root_cause(error)))
}

/// One attempt, or that its answer did not come in time.
pub(super) async fn within<T>(
    timeout: Duration,
    attempt: impl Future<Output = Result<T, ExportError>>,
) -> Result<T, ExportError> {
    tokio::time::timeout(timeout, attempt).await.unwrap_or_else(|_| {
        let message = format!("no answer from the upstream within {timeout:?}");
        Err(ExportError::retryable(code::DEADLINE_EXCEEDED, message))
    })
}

/// The answer came, but not whole.
pub(super) fn bad_response(bad: &BadResponse) -> ExportError {
    match bad {
        BadResponse::TooLarge => {
            ExportError::permanent(code::RESOURCE_EXHAUSTED, "the upstream's answer is larger than 4 MiB")
        }
        BadResponse::Broken(error) => transport_error(error),
    }
}

/// The innermost error, which is the one that says something.
pub(super) fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let text = innermost.to_string();
    match text.split_once(" (os error ") {
        Some((text, _)) => text.to_lowercase(),
        None => text,
    }
}

/// Decodes `grpc-message`. What is not UTF-8 in it is replaced.
fn percent_decode(text: &[u8]) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = (byte == b'%').then(|| after.first_chunk::<2>()).flatten().and_then(hex);
        match escaped {
            Some(value) => {
                decoded.push(value);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                decoded.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn hex(digits: &[u8; 2]) -> Option<u8> {
    let text = std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'))?;
    u8::from_str_radix(text, 16).ok()
}

fn code_name(code: u8) -> &'static str {
    match code {
        code::CANCELLED => "CANCELLED",
        code::INVALID_ARGUMENT => "INVALID_ARGUMENT",
        code::DEADLINE_EXCEEDED => "DEADLINE_EXCEEDED",
        code::NOT_FOUND => "NOT_FOUND",
        code::ALREADY_EXISTS => "ALREADY_EXISTS",
        code::PERMISSION_DENIED => "PERMISSION_DENIED",
        code::RESOURCE_EXHAUSTED => "RESOURCE_EXHAUSTED",
        code::FAILED_PRECONDITION => "FAILED_PRECONDITION",
        code::ABORTED => "ABORTED",
        code::OUT_OF_RANGE => "OUT_OF_RANGE",
        code::UNIMPLEMENTED => "UNIMPLEMENTED",
        code::INTERNAL => "INTERNAL",
        code::UNAVAILABLE => "UNAVAILABLE",
        code::DATA_LOSS => "DATA_LOSS",
        code::UNAUTHENTICATED => "UNAUTHENTICATED",
        _ => "UNKNOWN",
    }
}

#[cfg(test)]
mod tests;
