//! What a receiver answers, row by row, for OTLP/gRPC and OTLP/HTTP, each against the real binary.
//!
//! Here and in the modules below; where a row was proved already, its test is named with its file.
//!
//! | what is sent | gRPC | HTTP | test |
//! |---|---|---|---|
//! | a request of the limit less one, and of the limit | OK | 200 | `sizes` requests_up_to_the_limit_are_taken_however_they_are_packed |
//! | one byte more, plain or after decompression | RESOURCE_EXHAUSTED, final | 413 | `sizes` one_byte_more_than_the_limit_is_final_however_it_is_packed |
//! | one byte more before decompression | RESOURCE_EXHAUSTED, final | 413 | `sizes` what_is_compressed_has_the_same_limit_on_the_wire |
//! | decompression bombs | RESOURCE_EXHAUSTED | 413 | `hostile_grpc` what_is_too_large_only_after_decompression_is_resource_exhausted_too, `hostile_http` a_body_over_the_limit_is_413_however_it_is_packed |
//! | gzip members and zstd frames in a row | OK | 200 | `encodings` members_and_frames_in_a_row_are_one_body; their sum: `sizes` members_in_a_row_count_together |
//! | compressed bytes that are cut, damaged or followed by others | INVALID_ARGUMENT | 400 | `encodings` compressed_bytes_that_are_cut_damaged_or_followed_by_others_are_malformed |
//! | plain bytes that are cut | INVALID_ARGUMENT | 400 | `hostile_grpc` broken_bytes_..., `hostile_http` broken_bodies_... |
//! | an encoding that weir does not know | UNIMPLEMENTED | 400 | `hostile_grpc` unknown_methods_..., `encodings` an_unknown_content_encoding_is_told_in_the_encoding_of_the_request |
//! | windows beyond 8 MiB (zstd) | INVALID_ARGUMENT | 400 | `hostile_http` a_zstd_frame_that_asks_for_a_huge_window_is_refused |
//! | `Expect: 100-continue` | | 100, then 200 | `http_heads` a_sender_that_asks_first_is_told_to_continue |
//! | the same for what will be refused | | 413, 415, 404 and no 100 | `http_heads` a_sender_that_asks_first_is_refused_before_it_has_sent_its_body |
//! | chunks, with extensions and trailers | | 200 | `http_heads` chunked_bodies_are_taken; over the limit: `hostile_http` a_chunked_body_... |
//! | HTTP/1.0 | | 200, closed | `http_heads` http_1_0_is_answered_and_closed |
//! | HTTP/2 with prior knowledge on the HTTP port | | as HTTP/1.1 | `http_heads` http_2_without_tls_is_spoken_on_the_http_port |
//! | Content-Type twice | | the first counts | `http_heads` of_two_media_types_the_first_counts |
//! | Content-Type missing, wrong | 415 | 415 | `hostile_http` methods_paths_and_media_types_..., `grpc_heads` what_is_no_grpc_is_told_so_in_http |
//! | Content-Type in capitals, with a charset | OK | 200 | `hostile_http` the_media_type_may_have_..., `json` it_may_be_compressed_..., `grpc_heads` the_media_type_may_name_its_messages |
//! | another method than POST | 405 | 405 | `hostile_http` methods_paths_..., `grpc_heads` what_is_no_grpc_is_told_so_in_http |
//! | another path or method of OTLP | UNIMPLEMENTED | 404 | `hostile_grpc` unknown_methods_..., `hostile_http` methods_paths_... |
//! | a signal without a pipeline | UNIMPLEMENTED | 404 | `grpc_heads` a_signal_that_no_pipeline_takes_is_unimplemented, `config_reload` health_check_and_metrics_move_too_and_a_signal_may_go |
//! | an empty request of each signal | OK, an empty message | 200, an empty body | `answers` an_empty_request_of_each_signal_succeeds_and_reaches_nobody |
//! | a call without a message | INVALID_ARGUMENT | | `hostile_grpc` corrupt_compression_and_corrupt_frames_are_final_errors |
//! | success | an empty message | an empty body | `answers` success_leaves_partial_success_unset |
//! | an upstream that says no for good | its code | by the code | `answers` each_final_answer_of_an_upstream_is_final_for_the_sender |
//! | an upstream that may be tried again | UNAVAILABLE | 503, Retry-After | `answers` each_retryable_answer_of_an_upstream_invites_the_sender_to_try_again |
//! | overload | UNAVAILABLE, RetryInfo | 503, Retry-After | `overload` more_requests_than_there_are_places_are_told_to_try_again_later; a full queue: `outage` a_full_queue_is_unavailable_... |
//! | more streams than max_concurrent_streams | REFUSED_STREAM | REFUSED_STREAM | `overload` streams_beyond_the_announced_number_are_refused_and_the_others_served |
//! | a page of another origin, with its preflight | | CORS | `json` a_page_may_send_if_its_origin_is_allowed_and_its_browser_asks_first |
//! | a request that makes weir panic | INTERNAL | 500 | none is known; `host/weir/src/receiver/tests.rs` a_panic_is_an_internal_error_that_no_sender_repeats_and_the_receiver_goes_on |
//!
//! Errors over HTTP are a `google.rpc.Status` in the encoding of the request, and are read as such here.

mod answers;
mod encodings;
mod grpc_heads;
mod http_heads;
mod overload;
mod sizes;

use std::time::Duration;

use prost::Message;
use serde_json::{Value, json};
use weir_tests::http::Reply;
use weir_tests::rpc::Status;
use weir_tests::{Launch, Upstream, Weir};

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json");

/// The largest request on both ports.
const LIMIT: usize = 1 << 20;

/// A weir that takes requests of up to [`LIMIT`], and an upstream.
async fn table() -> (Upstream, Weir) {
    let upstream = Upstream::start().await;
    let mut launch = Launch::new().to_grpc(&upstream.address());
    let protocols = &mut launch.config["receivers"]["otlp"]["protocols"];
    protocols["grpc"]["max_recv_msg_size_mib"] = json!(1);
    protocols["http"]["max_request_body_size"] = json!(LIMIT);
    (upstream, launch.start().await)
}

/// A refusal, as a sender reads it.
#[derive(Debug, PartialEq)]
struct Refused {
    /// The code of gRPC.
    code: i32,
    message: String,
    /// After which time it is to be tried again.
    retry: Option<Duration>,
}

impl Refused {
    /// What a refusal over HTTP says. Panics if it is not a whole `google.rpc.Status` in the media type that it names.
    fn of(reply: &Reply) -> Refused {
        let refused = match reply.header("content-type") {
            "application/x-protobuf" => Refused::of_protobuf(&reply.body),
            "application/json" => Refused::of_json(&reply.text()),
            other => panic!("{} in {other:?}: {}", reply.status, reply.text()),
        };
        assert!(!refused.message.is_empty(), "{refused:?}");
        refused
    }

    fn of_protobuf(bytes: &[u8]) -> Refused {
        let status = Status::decode(bytes).expect("a google.rpc.Status");
        let retry = status.retry_delay();
        let Status { code, message, .. } = status;
        Refused { code, message, retry }
    }

    fn of_json(text: &str) -> Refused {
        let status: Value = serde_json::from_str(text).expect("JSON");
        let delay = &status["details"][0]["retryDelay"];
        let retry = delay.as_str().map(|delay| {
            Duration::from_secs_f64(delay.strip_suffix('s').expect("seconds").parse().expect("a number"))
        });
        let code = i32::try_from(status["code"].as_i64().expect("a code")).unwrap();
        Refused { code, message: status["message"].as_str().expect("a message").to_owned(), retry }
    }
}
