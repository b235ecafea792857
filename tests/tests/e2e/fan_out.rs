//! Several exporters, several pipelines.

use std::time::Duration;

use serde_json::json;
use tonic::Code;
use weir_tests::upstream::Gate;
use weir_tests::weir::plain_grpc;
use weir_tests::{Answer, GrpcSender, Launch, Signal, Upstream, requests, wait};

#[tokio::test]
async fn each_exporter_of_a_pipeline_gets_every_request() {
    let (one, two) = (Upstream::start().await, Upstream::start().await);
    let weir = Launch::new()
        .exporter("otlp_grpc/one", plain_grpc(&one.address()))
        .exporter("otlp_http/two", json!({"endpoint": format!("http://{}", two.address())}))
        .start()
        .await;
    let body = requests::unique(Signal::Traces, "both", 4);
    GrpcSender::new(weir.ports.grpc).send(Signal::Traces, body.clone()).await.unwrap();
    assert_eq!(one.deliveries(1).await[0].body, body);
    assert_eq!(two.deliveries(1).await[0].body, body);
}

#[tokio::test]
async fn the_failure_of_one_of_two_exporters_is_told_and_counted_for_that_one() {
    let (good, bad) = (Upstream::start().await, Upstream::start().await);
    bad.always(Answer::Grpc(Code::InvalidArgument, None));
    let weir = Launch::new()
        .exporter("otlp_grpc/good", plain_grpc(&good.address()))
        .exporter("otlp_grpc/bad", plain_grpc(&bad.address()))
        .start()
        .await;
    let body = requests::unique(Signal::Logs, "half", 4);
    let status = GrpcSender::new(weir.ports.grpc).send(Signal::Logs, body).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let metrics = weir.metrics().await;
    let count = |name, exporter| metrics.sum(name, &[("exporter", exporter)]);
    assert_eq!(count("otelcol_exporter_sent_log_records_total", "otlp_grpc/good"), 4.0);
    assert_eq!(count("otelcol_exporter_send_failed_log_records_total", "otlp_grpc/bad"), 4.0);
    assert_eq!(count("otelcol_exporter_sent_log_records_total", "otlp_grpc/bad"), 0.0);
}

#[tokio::test]
async fn two_pipelines_of_one_signal_both_get_the_data() {
    let (one, two) = (Upstream::start().await, Upstream::start().await);
    let mut launch = Launch::new();
    launch.config["exporters"] =
        json!({"otlp_grpc/one": plain_grpc(&one.address()), "otlp_grpc/two": plain_grpc(&two.address())});
    launch.config["service"]["pipelines"] = json!({
        "logs/one": {"receivers": ["otlp"], "exporters": ["otlp_grpc/one"]},
        "logs/two": {"receivers": ["otlp"], "exporters": ["otlp_grpc/two"]},
    });
    let weir = launch.start().await;
    let body = requests::unique(Signal::Logs, "twice", 2);
    GrpcSender::new(weir.ports.grpc).send(Signal::Logs, body.clone()).await.unwrap();
    assert_eq!(one.deliveries(1).await[0].body, body);
    assert_eq!(two.deliveries(1).await[0].body, body);
}

#[tokio::test]
async fn an_exporter_without_room_keeps_no_other_from_its_data_and_what_comes_again_is_for_the_one_alone() {
    let (free, full) = (Upstream::start().await, Upstream::start().await);
    let gate = Gate::default();
    full.always(Answer::Hold(gate.clone()));
    let mut narrow = plain_grpc(&full.address());
    narrow["sending_queue"] = json!({"queue_size": 1, "num_consumers": 1});
    let weir = Launch::new()
        .exporter("otlp_grpc/free", plain_grpc(&free.address()))
        .exporter("otlp_grpc/full", narrow)
        .start()
        .await;
    let sender = GrpcSender::new(weir.ports.grpc);
    let mut requests = tokio::task::JoinSet::new();
    for number in 0..10 {
        let sender = sender.clone();
        requests.spawn(async move {
            let body = requests::unique(Signal::Logs, &format!("r{number}"), 1);
            // As a client does, until somebody has room.
            while sender.send(Signal::Logs, body.clone()).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
    }
    full.arrivals(1).await;
    wait::until("the other exporter has everything", async || {
        (free.delivered_ids().len() == 10).then_some(())
    })
    .await;
    assert_eq!(full.delivered().len(), 0, "and this one has nothing yet");
    gate.open();
    full.always(Answer::Ok);
    while let Some(request) = requests.join_next().await {
        request.unwrap();
    }
    for upstream in [&free, &full] {
        let delivered = upstream.delivered_ids();
        assert_eq!((delivered.len(), delivered.doubled()), (10, Vec::new()));
    }
}
