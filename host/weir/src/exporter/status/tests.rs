//! The status table, row by row.

use super::*;
use crate::wire::rpc::encode_status;

fn grpc(code: &str, details: Option<&str>) -> Option<Result<(), ExportError>> {
    let mut headers = HeaderMap::new();
    headers.insert("grpc-status", HeaderValue::from_str(code).unwrap());
    if let Some(details) = details {
        headers.insert("grpc-status-details-bin", HeaderValue::from_str(details).unwrap());
    }
    grpc_outcome(&headers)
}

fn with_retry_info(code: u8, delay: Duration) -> HeaderMap {
    let details = encode_status(code, "busy", Some(delay)).into();
    let status = tonic::Status::with_details(tonic::Code::from_i32(i32::from(code)), "busy", details);
    status.into_http::<()>().headers().clone()
}

#[test]
fn every_grpc_code_is_retryable_or_final_as_otlp_has_it() {
    for code in 1..=16_u8 {
        let error = grpc(&code.to_string(), None).unwrap().unwrap_err();
        assert_eq!(error.retryable, [1, 4, 10, 11, 14, 15].contains(&code), "code {code}");
        assert_eq!(error.code, code);
    }
    assert_eq!(grpc("0", None), Some(Ok(())));
    assert_eq!(grpc_outcome(&HeaderMap::new()), None);
}

#[test]
fn a_code_that_does_not_exist_is_unknown_and_final() {
    for text in ["17", "255", "-1", "fourteen", ""] {
        let error = grpc(text, None).unwrap().unwrap_err();
        assert_eq!((error.code, error.retryable), (code::UNKNOWN, false), "{text:?}");
    }
}

#[test]
fn resource_exhausted_is_retryable_with_retry_info_alone() {
    let headers = with_retry_info(code::RESOURCE_EXHAUSTED, Duration::from_secs(7));
    let error = grpc_outcome(&headers).unwrap().unwrap_err();
    assert_eq!((error.retryable, error.retry_after), (true, Some(Duration::from_secs(7))));
    assert!(!grpc("8", None).unwrap().unwrap_err().retryable);
}

#[test]
fn hostile_details_are_ignored() {
    for details in ["", "%%%%", "AAA=A", "////////", "a"] {
        let error = grpc("14", Some(details)).unwrap().unwrap_err();
        assert_eq!((error.retryable, error.retry_after), (true, None), "{details:?}");
        assert!(!grpc("8", Some(details)).unwrap().unwrap_err().retryable, "{details:?}");
    }
}

#[test]
fn what_the_upstream_said_is_kept_apart_from_what_may_be_logged() {
    let mut headers = HeaderMap::new();
    headers.insert("grpc-status", HeaderValue::from_static("3"));
    headers.insert("grpc-message", HeaderValue::from_static("bad%20value%3A ada%40example.org %zz%4"));
    let error = grpc_outcome(&headers).unwrap().unwrap_err();
    assert_eq!(error.message, "the upstream answered INVALID_ARGUMENT");
    assert_eq!(error.upstream_said.as_deref(), Some("bad value: ada@example.org %zz%4"));
}

#[test]
fn an_http_status_in_place_of_a_grpc_one_follows_grpcs_table() {
    for (status, code, retryable) in [
        (200, code::UNKNOWN, true),
        (400, code::INTERNAL, false),
        (401, code::UNAUTHENTICATED, false),
        (403, code::PERMISSION_DENIED, false),
        (404, code::UNIMPLEMENTED, false),
        (429, code::UNAVAILABLE, true),
        (500, code::UNKNOWN, false),
        (502, code::UNAVAILABLE, true),
        (503, code::UNAVAILABLE, true),
        (504, code::UNAVAILABLE, true),
    ] {
        let error = grpc_http_error(StatusCode::from_u16(status).unwrap());
        assert_eq!((error.code, error.retryable), (code, retryable), "HTTP {status}");
    }
}

#[test]
fn of_http_statuses_only_four_are_retryable() {
    let retryable: Vec<u16> = (300..600)
        .filter(|&status| http_error(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), &[]).retryable)
        .collect();
    assert_eq!(retryable, [429, 502, 503, 504]);
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let now = UNIX_EPOCH + Duration::from_secs(784_111_770);
    for (value, expected) in [
        ("120", Some(Duration::from_secs(120))),
        ("Sun, 06 Nov 1994 08:49:37 GMT", Some(Duration::from_secs(7))),
        ("Sun, 06 Nov 1994 08:49:00 GMT", Some(Duration::ZERO)),
        ("Sun, 06 Nov 1994 08:49:37 CET", None),
        ("Sun, 06 Foo 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 99999 08:49:37 GMT", None),
        ("-1", None),
        ("soon", None),
        ("", None),
    ] {
        assert_eq!(parse_retry_after(&HeaderValue::from_str(value).unwrap(), now), expected, "{value:?}");
    }
}

#[test]
fn a_delay_on_a_final_status_is_ignored() {
    let mut headers = HeaderMap::new();
    headers.insert(http::header::RETRY_AFTER, HeaderValue::from_static("5"));
    assert_eq!(http_error(StatusCode::BAD_REQUEST, &headers, &[]).retry_after, None);
    let later = http_error(StatusCode::SERVICE_UNAVAILABLE, &headers, &encode_status(14, "busy", None));
    assert_eq!(later.retry_after, Some(Duration::from_secs(5)));
    assert_eq!(later.upstream_said.as_deref(), Some("busy"));
}

#[test]
fn what_loki_answers_to_a_push_is_taken_as_its_own_clients_take_it() {
    for status in [200, 202, 204] {
        assert!(is_pushed(StatusCode::from_u16(status).unwrap()), "{status}");
    }
    for (status, code, retryable) in [
        (260, code::PERMISSION_DENIED, false),
        (302, code::UNKNOWN, false),
        (400, code::INVALID_ARGUMENT, false),
        (401, code::UNAUTHENTICATED, false),
        (404, code::UNIMPLEMENTED, false),
        (413, code::RESOURCE_EXHAUSTED, false),
        (429, code::UNAVAILABLE, true),
        (500, code::UNAVAILABLE, true),
        (502, code::UNAVAILABLE, true),
        (503, code::UNAVAILABLE, true),
        (504, code::UNAVAILABLE, true),
        (507, code::UNAVAILABLE, true),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        assert!(!is_pushed(status), "{status}");
        let error = push_error(status, &HeaderMap::new(), b" entry for stream '{a=\"b\"}' \n");
        assert_eq!((error.code, error.retryable), (code, retryable), "{status}");
        assert!(!error.message.contains("a="), "Loki's words are for the sender alone: {}", error.message);
        assert_eq!(error.upstream_said.as_deref(), Some("entry for stream '{a=\"b\"}'"));
    }
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", HeaderValue::from_static("3"));
    let error = push_error(StatusCode::TOO_MANY_REQUESTS, &headers, b"");
    assert_eq!((error.retry_after, error.upstream_said), (Some(Duration::from_secs(3)), None));
    let said = b"includes structured metadata, but this feature is disallowed. See limits_config.allow_structured_metadata";
    let error = push_error(StatusCode::BAD_REQUEST, &HeaderMap::new(), said);
    assert!(error.message.ends_with("set structured_metadata: false"), "{}", error.message);
}
