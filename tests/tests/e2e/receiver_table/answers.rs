//! What a sender is told when all went well, and when its upstream did not take it.

use serde_json::json;
use tonic::Code;
use weir_tests::h2::{GrpcReply, call, frame};
use weir_tests::weir::plain_grpc;
use weir_tests::{Answer, HttpSender, Launch, Signal, Upstream, Weir, requests};

use super::{JSON, PROTOBUF, Refused, table};

async fn grpc(weir: &Weir, signal: Signal, body: &[u8]) -> GrpcReply {
    call(weir.ports.grpc, signal.grpc_path(), &[], frame(false, body.len(), body)).await
}

#[tokio::test]
async fn an_empty_request_of_each_signal_succeeds_and_reaches_nobody() {
    let (upstream, weir) = table().await;
    let sender = HttpSender::new(weir.ports.http);
    for signal in Signal::READ {
        // Nothing at all, and one resource without anything in it.
        for body in [&b""[..], b"\x0a\x00"] {
            let reply = grpc(&weir, signal, body).await;
            assert_eq!(reply.status, Some(0), "{signal:?}: {}", reply.message);
            let reply = sender.post(signal.http_path(), &[PROTOBUF], body.to_vec()).await;
            assert_eq!((reply.status, reply.body.len()), (200, 0), "{signal:?}");
        }
        let reply = sender.post(signal.http_path(), &[JSON], "{}").await;
        assert_eq!((reply.status, reply.header("content-type")), (200, "application/json"), "{signal:?}");
    }
    assert!(upstream.received().is_empty());
}

#[tokio::test]
async fn success_leaves_partial_success_unset() {
    let (upstream, weir) = table().await;
    for signal in Signal::READ {
        let body = requests::unique(signal, "taken", 3);
        assert_eq!(grpc(&weir, signal, &body).await.status, Some(0));
        let reply = HttpSender::new(weir.ports.http).send(signal, body).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, "application/x-protobuf"));
        assert!(reply.body.is_empty(), "{:?}", reply.body);
    }
    assert_eq!(upstream.delivered().len(), 6);
}

/// A weir that gives up at an upstream's first answer.
async fn impatient() -> (Upstream, Weir) {
    let upstream = Upstream::start().await;
    let mut settings = plain_grpc(&upstream.address());
    settings["retry_on_failure"] = json!({"enabled": false});
    let weir = Launch::new().exporter("otlp_grpc", settings).start().await;
    (upstream, weir)
}

#[tokio::test]
async fn each_final_answer_of_an_upstream_is_final_for_the_sender() {
    let (upstream, weir) = impatient().await;
    let body = requests::unique(Signal::Logs, "final", 1);
    for (answer, code, http) in [
        (Code::Unknown, 2, 500),
        (Code::InvalidArgument, 3, 400),
        (Code::NotFound, 5, 500),
        (Code::AlreadyExists, 6, 500),
        (Code::PermissionDenied, 7, 403),
        (Code::ResourceExhausted, 8, 413),
        (Code::FailedPrecondition, 9, 500),
        (Code::Unimplemented, 12, 404),
        (Code::Internal, 13, 500),
        (Code::Unauthenticated, 16, 401),
    ] {
        upstream.always(Answer::Grpc(answer, None));
        let reply = grpc(&weir, Signal::Logs, &body).await;
        assert_eq!(reply.status, Some(code), "{answer:?}: {}", reply.message);
        assert!(reply.headers.get("grpc-status-details-bin").is_none(), "{answer:?}");
        for media_type in [PROTOBUF, JSON] {
            let text = br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]}]}]}"#;
            let body = if media_type == JSON { text.to_vec() } else { body.to_vec() };
            let reply = HttpSender::new(weir.ports.http).post("/v1/logs", &[media_type], body).await;
            assert_eq!(reply.status, http, "{answer:?}: {}", reply.text());
            assert_eq!(reply.header("retry-after"), "", "{answer:?}");
            let refused = Refused::of(&reply);
            assert_eq!((refused.code, refused.retry), (code, None), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn each_retryable_answer_of_an_upstream_invites_the_sender_to_try_again() {
    let (upstream, weir) = impatient().await;
    let body = requests::unique(Signal::Logs, "retryable", 1);
    for answer in [
        Code::Cancelled,
        Code::DeadlineExceeded,
        Code::Aborted,
        Code::OutOfRange,
        Code::Unavailable,
        Code::DataLoss,
    ] {
        upstream.always(Answer::Grpc(answer, None));
        let reply = grpc(&weir, Signal::Logs, &body).await;
        assert_eq!(reply.status, Some(14), "{answer:?}: {}", reply.message);
        let reply = HttpSender::new(weir.ports.http).send(Signal::Logs, body.clone()).await;
        assert_eq!(reply.status, 503, "{answer:?}: {}", reply.text());
        assert!(reply.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds >= 1), "{answer:?}");
        assert_eq!(Refused::of(&reply).code, 14, "{answer:?}");
    }
}
