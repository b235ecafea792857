//! An upstream that is down, slow or unwilling: the sender is told the truth.

use std::time::Duration;

use serde_json::{Value, json};
use tonic::Code;
use weir_tests::ports::free_port;
use weir_tests::upstream::Gate;
use weir_tests::weir::plain_grpc;
use weir_tests::{Answer, GrpcSender, HttpSender, Launch, Signal, Upstream, Weir, requests, wait};

async fn code_of(weir: &Weir, tag: &str) -> Code {
    let body = requests::unique(Signal::Logs, tag, 1);
    match GrpcSender::new(weir.ports.grpc).send(Signal::Logs, body).await {
        Ok(_) => Code::Ok,
        Err(status) => status.code(),
    }
}

#[tokio::test]
async fn a_dead_upstream_is_unavailable_with_a_time_to_wait_and_comes_back() {
    let port = free_port();
    let address = format!("127.0.0.1:{port}");
    let weir = Launch::new().to_grpc(&address).start().await;
    let body = requests::unique(Signal::Logs, "later", 2);
    let status = GrpcSender::new(weir.ports.grpc).send(Signal::Logs, body.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{}", status.message());
    let reply = HttpSender::new(weir.ports.http).send(Signal::Logs, body.clone()).await;
    assert_eq!(reply.status, 503);
    assert!(reply.header("retry-after").parse::<u32>().unwrap() >= 1);
    assert_eq!(weir.health().await, Some(200), "the pod is not to be restarted for it");
    let metrics = weir.metrics().await;
    assert_eq!(metrics.sum("otelcol_exporter_send_failed_log_records_total", &[]), 4.0);

    let upstream = Upstream::start_on(port).await;
    wait::until("weir finds the upstream again", async || {
        (code_of(&weir, "back").await == Code::Ok).then_some(())
    })
    .await;
    GrpcSender::new(weir.ports.grpc).send(Signal::Logs, body.clone()).await.unwrap();
    assert_eq!(upstream.delivered().last().map(|one| one.body.clone()), Some(body));
}

/// Answers that OTLP lets a client try again: the second attempt succeeds.
#[tokio::test]
async fn answers_that_may_be_retried_are_retried_over_grpc() {
    let upstream = Upstream::start().await;
    let weir = Launch::new().to_grpc(&upstream.address()).start().await;
    let brief = Some(Duration::from_secs(1));
    let retryable = [
        Answer::Grpc(Code::Cancelled, None),
        Answer::Grpc(Code::DeadlineExceeded, None),
        Answer::Grpc(Code::Aborted, None),
        Answer::Grpc(Code::OutOfRange, None),
        Answer::Grpc(Code::Unavailable, None),
        Answer::Grpc(Code::DataLoss, None),
        Answer::Grpc(Code::Unavailable, brief),
        Answer::Grpc(Code::ResourceExhausted, brief),
        Answer::Http(503, None),
        Answer::Reset,
    ];
    for (number, answer) in retryable.into_iter().enumerate() {
        let attempts = upstream.received().len();
        upstream.script([answer.clone()]);
        assert_eq!(code_of(&weir, &format!("again{number}")).await, Code::Ok, "{answer:?}");
        assert_eq!(upstream.received().len() - attempts, 2, "{answer:?}");
    }
    assert!(upstream.delivered_ids().doubled().is_empty());
}

#[tokio::test]
async fn answers_that_are_final_are_told_to_the_sender_after_one_attempt_over_grpc() {
    let upstream = Upstream::start().await;
    let weir = Launch::new().to_grpc(&upstream.address()).start().await;
    let codes = [
        Code::Unknown,
        Code::InvalidArgument,
        Code::NotFound,
        Code::AlreadyExists,
        Code::PermissionDenied,
        Code::Unauthenticated,
        Code::FailedPrecondition,
        Code::Unimplemented,
        Code::Internal,
        Code::ResourceExhausted,
    ];
    // What OTLP lets the sender of weir try again.
    let retryable = [
        Code::Cancelled,
        Code::DeadlineExceeded,
        Code::Aborted,
        Code::OutOfRange,
        Code::Unavailable,
        Code::DataLoss,
    ];
    for code in codes {
        let attempts = upstream.received().len();
        upstream.script([Answer::Grpc(code, None)]);
        let told = code_of(&weir, "final").await;
        assert!(told != Code::Ok && !retryable.contains(&told), "{code:?} was told as {told:?}");
        assert_eq!(upstream.received().len() - attempts, 1, "{code:?}");
    }
    assert!(upstream.delivered().is_empty());
}

#[tokio::test]
async fn http_statuses_are_retried_or_final_as_otlp_says() {
    let upstream = Upstream::start().await;
    let weir = Launch::new().to_http(&upstream.address()).start().await;
    for (status, delay) in
        [(429, None), (502, None), (503, None), (504, None), (503, Some("1")), (429, Some("1"))]
    {
        let attempts = upstream.received().len();
        upstream.script([Answer::Http(status, delay)]);
        assert_eq!(code_of(&weir, "again").await, Code::Ok, "{status}");
        assert_eq!(upstream.received().len() - attempts, 2, "{status} with {delay:?}");
    }
    for status in [400, 401, 403, 404, 408, 413, 415, 500, 501, 301] {
        let attempts = upstream.received().len();
        upstream.script([Answer::Http(status, None)]);
        let told = code_of(&weir, "final").await;
        assert!(![Code::Ok, Code::Unavailable].contains(&told), "{status} was told as {told:?}");
        assert_eq!(upstream.received().len() - attempts, 1, "{status}");
    }
    upstream.script([Answer::Reset]);
    assert_eq!(code_of(&weir, "reset").await, Code::Ok);
}

#[tokio::test]
async fn an_upstream_that_asks_for_more_patience_than_the_sender_has_ends_in_unavailable() {
    let upstream = Upstream::start().await;
    let weir = Launch::new().to_grpc(&upstream.address()).start().await;
    upstream.script([Answer::Grpc(Code::Unavailable, Some(Duration::from_secs(60)))]);
    assert_eq!(code_of(&weir, "patience").await, Code::Unavailable);
    assert_eq!(upstream.received().len(), 1);
}

#[tokio::test]
async fn what_the_upstream_rejects_in_part_is_counted_and_not_sent_again() {
    for launch in [Launch::to_grpc, Launch::to_http] {
        let upstream = Upstream::start().await;
        let weir = launch(Launch::new(), &upstream.address()).start().await;
        upstream.script([Answer::Partial { rejected: 3, message: "three were too old" }]);
        let body = requests::unique(Signal::Traces, "part", 10);
        GrpcSender::new(weir.ports.grpc).send(Signal::Traces, body).await.unwrap();
        let metrics = weir.metrics().await;
        assert_eq!(metrics.sum("otelcol_exporter_sent_spans_total", &[]), 7.0);
        assert_eq!(metrics.sum("otelcol_exporter_send_failed_spans_total", &[]), 3.0);
        assert_eq!(upstream.received().len(), 1);
    }
}

fn narrow(upstream: &Upstream) -> Value {
    let mut settings = plain_grpc(&upstream.address());
    settings["sending_queue"] = json!({"queue_size": 1, "num_consumers": 1});
    settings
}

#[tokio::test]
async fn a_full_queue_is_unavailable_at_once_and_what_was_taken_is_delivered() {
    let upstream = Upstream::start().await;
    let gate = Gate::default();
    upstream.always(Answer::Hold(gate.clone()));
    let weir = Launch::new().exporter("otlp_grpc", narrow(&upstream)).start().await;
    let sender = GrpcSender::new(weir.ports.grpc);
    let mut requests = tokio::task::JoinSet::new();
    for number in 0..20 {
        let sender = sender.clone();
        requests.spawn(async move {
            let body = requests::unique(Signal::Logs, &format!("crowd{number}"), 1);
            sender.send(Signal::Logs, body).await.map(|_| format!("crowd{number}-0"))
        });
    }
    let refused = requests.join_next().await.unwrap().unwrap().unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{}", refused.message());
    upstream.arrivals(1).await;
    gate.open();
    let mut taken = Vec::new();
    while let Some(request) = requests.join_next().await {
        match request.unwrap() {
            Ok(id) => taken.push(id),
            Err(status) => assert_eq!(status.code(), Code::Unavailable),
        }
    }
    taken.sort();
    let delivered = upstream.delivered_ids();
    assert!(!taken.is_empty());
    assert_eq!(delivered.len(), taken.len());
    assert!(taken.iter().all(|id| delivered.contains(id)));
    assert!(weir.metrics().await.sum("otelcol_exporter_enqueue_failed_log_records_total", &[]) >= 1.0);
}

#[tokio::test]
async fn with_wait_for_result_off_the_sender_is_answered_when_the_data_is_queued() {
    let upstream = Upstream::start().await;
    let gate = Gate::default();
    upstream.always(Answer::Hold(gate.clone()));
    let mut settings = plain_grpc(&upstream.address());
    settings["sending_queue"] = json!({"wait_for_result": false});
    let weir = Launch::new().exporter("otlp_grpc", settings).start().await;
    let body = requests::unique(Signal::Logs, "queued", 2);
    GrpcSender::new(weir.ports.grpc).send(Signal::Logs, body).await.unwrap();
    assert!(upstream.delivered().is_empty());
    gate.open();
    assert_eq!(upstream.deliveries(1).await.len(), 1);
    weir.metrics_until("it is counted", |metrics| {
        metrics.sum("otelcol_exporter_sent_log_records_total", &[]) == 2.0
    })
    .await;
}
