//! The budget of bytes in flight: an upstream that stalls fills it, senders are told to wait, and it empties again.

use std::time::Duration;

use serde_json::json;
use weir_tests::upstream::Gate;
use weir_tests::weir::plain_grpc;
use weir_tests::{Answer, GrpcSender, HttpSender, Launch, Signal, Upstream, requests, wait};

const BUDGET: &str = "weir_memory_budget_bytes";
const IN_FLIGHT: &str = "weir_memory_in_flight_bytes";

#[tokio::test]
async fn what_is_queued_counts_after_its_sender_was_answered_and_fills_the_budget() {
    let upstream = Upstream::start().await;
    let gate = Gate::default();
    upstream.always(Answer::Hold(gate.clone()));
    let mut settings = plain_grpc(&upstream.address());
    settings["sending_queue"] = json!({"wait_for_result": false});
    settings["timeout"] = json!("60s");
    let limiter = json!({"check_interval": "1s", "limit_mib": 400, "spike_limit_mib": 398});
    let weir =
        Launch::new().processor("memory_limiter", limiter).exporter("otlp_grpc", settings).start().await;
    assert_eq!(weir.metrics().await.sum(BUDGET, &[]), f64::from(2 << 20));

    let (grpc, http) = (GrpcSender::new(weir.ports.grpc), HttpSender::new(weir.ports.http));
    let body = requests::unique(Signal::Logs, "held", 2000);
    let mut taken = 0;
    let refused = loop {
        match grpc.send(Signal::Logs, body.clone()).await {
            Ok(_) => taken += 1,
            Err(status) => break status,
        }
        assert!(taken < 1000, "the budget is never used up");
    };
    assert!(taken > 0);
    assert_eq!(refused.code(), tonic::Code::Unavailable);
    assert!(!refused.details().is_empty(), "it says after how long");
    let record = r#"{"body": {"stringValue": "held"}}"#;
    let records = [record; 10_000].join(",");
    let json = format!(r#"{{"resourceLogs": [{{"scopeLogs": [{{"logRecords": [{records}]}}]}}]}}"#);
    let replies = [
        http.send(Signal::Logs, body.clone()).await,
        http.send_encoded(Signal::Logs, "gzip", weir_tests::sender::gzip(&body)).await,
        http.post("/v1/logs", &[("content-type", "application/json")], json).await,
    ];
    for reply in replies {
        assert_eq!((reply.status, reply.header("retry-after")), (503, "1"), "{}", reply.text());
    }
    let held = weir.metrics().await.sum(IN_FLIGHT, &[]);
    assert!(held >= (taken * body.len()) as f64, "{held} bytes for {taken} requests");

    upstream.always(Answer::Ok);
    gate.open();
    wait::until("the budget is free again", async || {
        (weir.metrics().await.sum(IN_FLIGHT, &[]) == 0.0).then_some(())
    })
    .await;
    grpc.send(Signal::Logs, body).await.unwrap();
}

#[tokio::test]
async fn a_request_that_never_fits_is_refused_for_good() {
    let upstream = Upstream::start().await;
    let limiter = json!({"check_interval": "1s", "limit_mib": 400, "spike_limit_mib": 399});
    let weir = Launch::new().processor("memory_limiter", limiter).to_grpc(&upstream.address()).start().await;
    let body = requests::unique(Signal::Logs, "huge", 20_000);
    assert!(body.len() > 1 << 20);
    let status = GrpcSender::new(weir.ports.grpc).send(Signal::Logs, body.clone()).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::ResourceExhausted);
    assert!(status.details().is_empty(), "repeating it is of no use");
    let reply = HttpSender::new(weir.ports.http).send(Signal::Logs, body).await;
    assert_eq!(reply.status, 413);
    assert_eq!(weir.metrics().await.sum(IN_FLIGHT, &[]), 0.0);
}

#[tokio::test]
async fn a_process_above_its_limit_takes_nothing_until_the_limit_is_raised() {
    let upstream = Upstream::start().await;
    let limiter = |mib: u32| json!({"check_interval": "10ms", "limit_mib": mib, "spike_limit_mib": mib - 1});
    let launch = Launch::new().processor("memory_limiter", limiter(2)).to_grpc(&upstream.address());
    let mut raised = launch.config.clone();
    raised["processors"]["memory_limiter"] = limiter(1000);
    let weir = launch.start().await;
    let sender = GrpcSender::new(weir.ports.grpc);
    let body = requests::unique(Signal::Logs, "pressed", 2);
    let status = sender.send(Signal::Logs, body.clone()).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unavailable);
    assert!(status.message().contains("high memory usage"), "{}", status.message());
    weir.reconfigure(&raised);
    weir.reloads("success", 1).await;
    tokio::time::timeout(Duration::from_secs(20), sender.send(Signal::Logs, body)).await.unwrap().unwrap();
}
