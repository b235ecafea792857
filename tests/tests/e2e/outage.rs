//! An upstream that is down, or slower than what comes in: the sender is told the truth. `upstream_table` has the answers.

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
