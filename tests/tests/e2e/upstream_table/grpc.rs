//! The seventeen codes of gRPC, and what stands for them.

use std::time::Duration;

use tonic::Code;
use weir_tests::{Answer, Signal, Upstream, requests};

use super::{Fate, Senders, TRY_AGAIN, check, grpc_settings, impatient, received, told, weir};

/// Every code, in gRPC's order.
const CODES: [(Code, Fate); 17] = [
    (Code::Ok, Fate::Taken),
    (Code::Cancelled, Fate::Retried),
    (Code::Unknown, Fate::Final(told(Code::Unknown, 500))),
    (Code::InvalidArgument, Fate::Final(told(Code::InvalidArgument, 400))),
    (Code::DeadlineExceeded, Fate::Retried),
    (Code::NotFound, Fate::Final(told(Code::NotFound, 500))),
    (Code::AlreadyExists, Fate::Final(told(Code::AlreadyExists, 500))),
    (Code::PermissionDenied, Fate::Final(told(Code::PermissionDenied, 403))),
    // Without RetryInfo. Over HTTP it is not 429, which a sender would try again.
    (Code::ResourceExhausted, Fate::Final(told(Code::ResourceExhausted, 413))),
    (Code::FailedPrecondition, Fate::Final(told(Code::FailedPrecondition, 500))),
    (Code::Aborted, Fate::Retried),
    (Code::OutOfRange, Fate::Retried),
    (Code::Unimplemented, Fate::Final(told(Code::Unimplemented, 404))),
    (Code::Internal, Fate::Final(told(Code::Internal, 500))),
    (Code::Unavailable, Fate::Retried),
    (Code::DataLoss, Fate::Retried),
    (Code::Unauthenticated, Fate::Final(told(Code::Unauthenticated, 401))),
];

/// T2, T3: a code is final only if the upstream itself sent it; CANCELLED, which a panic behind tonic looks like, is not.
#[tokio::test]
async fn each_of_the_seventeen_codes_is_success_final_or_tried_again() {
    let upstream = Upstream::start().await;
    let weir = weir("otlp_grpc", grpc_settings(&upstream.address())).await;
    for (number, (code, fate)) in CODES.into_iter().enumerate() {
        assert_eq!(code as usize, number);
        let answer = || upstream.script([Answer::Grpc(code, None)]);
        check(&format!("{code:?}"), &weir, &received(&upstream), &answer, fate).await;
    }
}

#[tokio::test]
async fn resource_exhausted_is_tried_again_exactly_if_it_has_retry_info() {
    let upstream = Upstream::start().await;
    let weir = weir("otlp_grpc", grpc_settings(&upstream.address())).await;
    for (delay, fate) in [
        (Some(1), Fate::Retried),
        (Some(0), Fate::Retried),
        (None, CODES[Code::ResourceExhausted as usize].1),
    ] {
        let delay = delay.map(Duration::from_secs);
        let answer = || upstream.script([Answer::Grpc(Code::ResourceExhausted, delay)]);
        check(&format!("{delay:?}"), &weir, &received(&upstream), &answer, fate).await;
    }
}

#[tokio::test]
async fn a_code_that_may_be_tried_again_and_stays_is_told_as_unavailable() {
    let upstream = Upstream::start().await;
    let weir = impatient("otlp_grpc", grpc_settings(&upstream.address())).await;
    let retryable = CODES.into_iter().filter(|(_, fate)| matches!(fate, Fate::Retried));
    for (code, _) in retryable {
        let answer = || upstream.script([Answer::Grpc(code, None)]);
        check(&format!("{code:?}"), &weir, &received(&upstream), &answer, Fate::Final(TRY_AGAIN)).await;
    }
}

/// Something in between that knows no gRPC answers in HTTP: gRPC's own table.
#[tokio::test]
async fn an_http_status_in_place_of_a_grpc_one_has_the_meaning_that_grpc_gives_it() {
    let upstream = Upstream::start().await;
    let weir = weir("otlp_grpc", grpc_settings(&upstream.address())).await;
    for (status, fate) in [
        // 200 without a grpc-status: nobody has said that the data was taken.
        (200, Fate::Retried),
        (400, Fate::Final(told(Code::Internal, 500))),
        (401, Fate::Final(told(Code::Unauthenticated, 401))),
        (403, Fate::Final(told(Code::PermissionDenied, 403))),
        (404, Fate::Final(told(Code::Unimplemented, 404))),
        (429, Fate::Retried),
        (500, Fate::Final(told(Code::Unknown, 500))),
        (502, Fate::Retried),
        (503, Fate::Retried),
        (504, Fate::Retried),
    ] {
        let answer = || upstream.script([Answer::Http(status, None)]);
        check(&format!("HTTP {status}"), &weir, &received(&upstream), &answer, fate).await;
    }
}

#[tokio::test]
async fn partial_success_is_ok_for_the_sender_and_what_was_rejected_is_counted() {
    for launch in [weir_tests::Launch::to_grpc, weir_tests::Launch::to_http] {
        let upstream = Upstream::start().await;
        let weir = launch(weir_tests::Launch::new(), &upstream.address()).start().await;
        let senders = Senders::of(&weir);
        // More than there were, and a negative number, are an upstream's mistakes; a message alone is a warning.
        let rejected = [1, 1, 99, -5, 0];
        upstream.script(rejected.map(|rejected| Answer::Partial { rejected, message: "too old" }));
        for _ in rejected {
            assert_eq!(senders.grpc("part").await.0, Code::Ok);
        }
        assert_eq!(upstream.received().len(), rejected.len(), "none is sent again");
        let metrics = weir.metrics().await;
        let sum = |name| metrics.sum(name, &[]);
        assert_eq!(sum("weir_exporter_rejected_items_total"), 4.0);
        assert_eq!(sum("otelcol_exporter_send_failed_log_records_total"), 4.0);
        assert_eq!(sum("otelcol_exporter_sent_log_records_total"), 6.0);
        let body = requests::unique(Signal::Traces, "whole", 1);
        senders.grpc.send(Signal::Traces, body).await.unwrap();
    }
}
