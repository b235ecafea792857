//! The one table from a refusal to what its sender is told: a gRPC status, or an HTTP status with a `google.rpc.Status`.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use tonic::{Code, Status};
use weir_pipeline::{Cause, Refusal};

use super::media::Media;
use crate::wire::{code, is_retryable, rpc};

/// The body of an HTTP answer.
pub(super) type HttpBody = Full<Bytes>;

/// The gRPC code of a refusal. Whatever the cause: a retryable refusal gets a retryable code, a final one a final code.
pub(super) fn grpc_code(refusal: &Refusal) -> u8 {
    if refusal.retryable {
        return code::UNAVAILABLE;
    }
    match refusal.cause {
        Cause::Malformed => code::INVALID_ARGUMENT,
        Cause::TooLarge => code::RESOURCE_EXHAUSTED,
        Cause::UpstreamRejected(code) => final_code(code),
        Cause::Overload | Cause::Plugin | Cause::UpstreamUnavailable | Cause::Stopping | Cause::Internal => {
            code::INTERNAL
        }
    }
}

/// The upstream's own code, unless a sender would take it for an invitation to try again.
fn final_code(upstream: u8) -> u8 {
    match upstream {
        code::OK | 17.. => code::UNKNOWN,
        upstream if is_retryable(upstream, false) => code::INVALID_ARGUMENT,
        upstream => upstream,
    }
}

/// The HTTP status of a refusal.
pub(super) fn http_status(refusal: &Refusal) -> StatusCode {
    match grpc_code(refusal) {
        code::UNAVAILABLE => StatusCode::SERVICE_UNAVAILABLE,
        code::INVALID_ARGUMENT => StatusCode::BAD_REQUEST,
        // Final here, so not 429, which a sender may try again.
        code::RESOURCE_EXHAUSTED => StatusCode::PAYLOAD_TOO_LARGE,
        code::UNAUTHENTICATED => StatusCode::UNAUTHORIZED,
        code::PERMISSION_DENIED => StatusCode::FORBIDDEN,
        code::UNIMPLEMENTED => StatusCode::NOT_FOUND,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// How long a sender should wait that is welcome to try again, if nothing says more.
const USUAL_WAIT: Duration = Duration::from_secs(1);

/// After how long the sender may try again, if it may at all. There is always a time: without one, senders come back at once and
/// all together.
fn retry_after(refusal: &Refusal) -> Option<Duration> {
    refusal.retryable.then(|| refusal.retry_after.unwrap_or(USUAL_WAIT))
}

/// The gRPC status of a refusal, with RetryInfo if it is retryable.
pub(super) fn grpc_status(refusal: &Refusal) -> Status {
    let code = grpc_code(refusal);
    let details = match retry_after(refusal) {
        Some(delay) => Bytes::from(rpc::encode_status(code, &refusal.message, Some(delay))),
        None => Bytes::new(),
    };
    Status::with_details(Code::from_i32(i32::from(code)), refusal.message.clone(), details)
}

/// The HTTP answer to a refusal, written as the request was, with Retry-After wherever trying again is welcome.
pub(super) fn http_refusal(refusal: &Refusal, media: Media) -> Response<HttpBody> {
    let status = http_status(refusal);
    let retry_after = retry_after(refusal);
    let code = grpc_code(refusal);
    let body = match media {
        Media::Protobuf => rpc::encode_status(code, &refusal.message, retry_after),
        Media::Json => rpc::encode_status_as_json(code, &refusal.message, retry_after),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, media.content_type());
    if let Some(delay) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(whole_seconds(delay)));
    }
    response
}

/// Rounded up, and at least one: zero would invite a storm.
fn whole_seconds(delay: Duration) -> u64 {
    (delay.as_secs() + u64::from(delay.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_its_grpc_code_and_its_http_status() {
        let permanent = |cause| Refusal::permanent(cause, "why");
        let retryable = |cause| Refusal::retryable(cause, None, "why");
        for (refusal, code, status) in [
            (permanent(Cause::Malformed), 3, 400),
            (permanent(Cause::TooLarge), 8, 413),
            (retryable(Cause::Overload), 14, 503),
            (retryable(Cause::Plugin), 14, 503),
            (retryable(Cause::UpstreamUnavailable), 14, 503),
            (retryable(Cause::Stopping), 14, 503),
            (permanent(Cause::Internal), 13, 500),
            (permanent(Cause::Plugin), 13, 500),
            (permanent(Cause::UpstreamRejected(0)), 2, 500),
            (permanent(Cause::UpstreamRejected(1)), 3, 400),
            (permanent(Cause::UpstreamRejected(2)), 2, 500),
            (permanent(Cause::UpstreamRejected(3)), 3, 400),
            (permanent(Cause::UpstreamRejected(4)), 3, 400),
            (permanent(Cause::UpstreamRejected(5)), 5, 500),
            (permanent(Cause::UpstreamRejected(7)), 7, 403),
            (permanent(Cause::UpstreamRejected(8)), 8, 413),
            (permanent(Cause::UpstreamRejected(11)), 3, 400),
            (permanent(Cause::UpstreamRejected(12)), 12, 404),
            (permanent(Cause::UpstreamRejected(13)), 13, 500),
            (permanent(Cause::UpstreamRejected(14)), 3, 400),
            (permanent(Cause::UpstreamRejected(16)), 16, 401),
            (permanent(Cause::UpstreamRejected(200)), 2, 500),
        ] {
            assert_eq!(grpc_code(&refusal), code, "{refusal:?}");
            assert_eq!(http_status(&refusal).as_u16(), status, "{refusal:?}");
        }
    }

    #[test]
    fn no_final_refusal_looks_retryable_on_either_transport() {
        for upstream in 0..=255 {
            let refusal = Refusal::permanent(Cause::UpstreamRejected(upstream), "why");
            assert!(!is_retryable(grpc_code(&refusal), false), "{upstream}");
            assert!(![429, 502, 503, 504].contains(&http_status(&refusal).as_u16()), "{upstream}");
        }
    }

    #[test]
    fn a_delay_travels_as_retry_info_and_as_retry_after() {
        let refusal = Refusal::retryable(Cause::Overload, Some(Duration::from_millis(1200)), "full");
        let status = grpc_status(&refusal);
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(rpc::retry_delay(status.details()), Some(Duration::from_millis(1200)));
        let response = http_refusal(&refusal, Media::Json);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        let response = http_refusal(&refusal, Media::Protobuf);
        assert_eq!(response.headers()[RETRY_AFTER], "2");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/x-protobuf");
    }

    #[test]
    fn whoever_may_try_again_is_told_after_how_long() {
        let refusal = Refusal::retryable(Cause::UpstreamUnavailable, None, "away");
        assert_eq!(rpc::retry_delay(grpc_status(&refusal).details()), Some(USUAL_WAIT));
        assert_eq!(http_refusal(&refusal, Media::Protobuf).headers()[RETRY_AFTER], "1");
    }

    #[test]
    fn a_final_refusal_carries_no_delay() {
        let refusal =
            Refusal { retryable: false, ..Refusal::retryable(Cause::TooLarge, Some(Duration::MAX), "") };
        assert!(grpc_status(&refusal).details().is_empty());
        assert!(!http_refusal(&refusal, Media::Protobuf).headers().contains_key(RETRY_AFTER));
    }
}
