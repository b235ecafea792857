//! Merging and splitting on the way out, by the `batch` processor and by `sending_queue::batch`.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use prost::Message;
use serde_json::{Value, json};
use tonic::Code;
use weir_tests::guest::Guest;
use weir_tests::weir::plain_grpc;
use weir_tests::{Answer, GrpcSender, HttpSender, Ids, Launch, Signal, Upstream, Weir, ids, requests};

async fn merging(upstream: &Upstream, batch: Value) -> Weir {
    Launch::new().processor("batch", batch).to_grpc(&upstream.address()).start().await
}

/// One request of two items from each of so many senders at a time, and what each is told.
async fn send_together(weir: &Weir, tag: &str, senders: usize) -> Vec<Result<bytes::Bytes, tonic::Status>> {
    let port = weir.ports.grpc;
    let calls = (0..senders).map(|number| {
        let body = requests::unique(Signal::Traces, &format!("{tag}{number}-"), 2);
        tokio::spawn(async move { GrpcSender::new(port).send(Signal::Traces, body).await })
    });
    let mut answers = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        answers.push(call.await.unwrap());
    }
    answers
}

#[tokio::test]
async fn the_batch_processor_merges_requests_of_several_senders_into_one() {
    let upstream = Upstream::start().await;
    let weir = merging(&upstream, json!({"send_batch_size": 8, "timeout": "30s"})).await;
    for answer in send_together(&weir, "merged", 4).await {
        answer.unwrap();
    }
    let delivered = upstream.deliveries(1).await;
    assert_eq!(delivered.len(), 1, "one request for all");
    let arrived = upstream.delivered_ids();
    assert_eq!((arrived.len(), arrived.doubled().len()), (8, 0));
}

#[tokio::test]
async fn what_is_alone_goes_out_after_the_timeout() {
    let upstream = Upstream::start().await;
    let weir = merging(&upstream, json!({"send_batch_size": 1000, "timeout": "50ms"})).await;
    for answer in send_together(&weir, "alone", 1).await {
        answer.unwrap();
    }
    assert_eq!(upstream.delivered_ids().len(), 2);
}

#[tokio::test]
async fn of_a_merged_request_that_is_rejected_only_the_bad_part_is_lost_and_only_its_sender_is_told() {
    let upstream = Upstream::start().await;
    // The whole, and then one of its three parts.
    let bad = || Answer::Grpc(Code::InvalidArgument, None);
    upstream.script([bad(), Answer::Ok, bad(), Answer::Ok]);
    let weir = merging(&upstream, json!({"send_batch_size": 6, "timeout": "30s"})).await;
    let answers = send_together(&weir, "mixed", 3).await;
    let refused = answers.iter().filter_map(|answer| answer.as_ref().err()).map(tonic::Status::code);
    assert_eq!(refused.collect::<Vec<Code>>(), [Code::InvalidArgument]);
    let arrived = upstream.delivered_ids();
    assert_eq!((arrived.len(), arrived.doubled().len()), (4, 0));
    let metrics = weir.metrics().await;
    assert_eq!(metrics.sum("otelcol_exporter_send_failed_spans_total", &[]), 2.0);
}

#[tokio::test]
async fn requests_larger_than_the_vendor_allows_are_split_by_bytes() {
    let upstream = Upstream::start().await;
    let limit = 4000;
    let mut settings = plain_grpc(&upstream.address());
    settings["sending_queue"] =
        json!({"batch": {"sizer": "bytes", "min_size": 0, "max_size": limit, "flush_timeout": "0s"}});
    let weir = Launch::new().exporter("otlp_grpc", settings).start().await;
    for signal in [Signal::Traces, Signal::Metrics, Signal::Logs] {
        let body = requests::unique(signal, "large", 200);
        assert!(body.len() > 2 * limit);
        let sent: Ids = ids::of(signal, &body).into_iter().collect();
        let before = upstream.delivered().len();
        GrpcSender::new(weir.ports.grpc).send(signal, body).await.unwrap();
        let delivered = upstream.delivered().split_off(before);
        assert!(delivered.len() > 2 && delivered.iter().all(|one| one.body.len() <= limit), "{signal:?}");
        let arrived: Ids = delivered.iter().flat_map(|one| ids::of(signal, &one.body)).collect();
        assert!(sent.missing_in(&arrived).is_empty() && arrived.doubled().is_empty(), "{signal:?}");
    }
}

#[tokio::test]
async fn items_that_are_lost_to_a_plugin_that_failed_are_told_as_rejected() {
    let (upstream, home) = (Upstream::start().await, tempfile::tempdir().unwrap());
    let trap = json!({"plugin": Guest::Trap.install(home.path(), "trap"), "on_error": "drop"});
    let weir = Launch::new().processor("wasm", trap).to_grpc(&upstream.address()).start().await;
    let mut record = requests::log("doomed");
    record.attributes.push(requests::attribute("test.trigger", requests::text("now")));
    let body = requests::logs(vec![record]).encode_to_vec();
    let told = GrpcSender::new(weir.ports.grpc).send(Signal::Logs, body).await.unwrap();
    let told = ExportLogsServiceResponse::decode(told).unwrap().partial_success.unwrap();
    assert_eq!(told.rejected_log_records, 1);
    assert_eq!(told.error_message, "plugin trap failed on items, which were dropped");
}

#[tokio::test]
async fn what_the_upstream_rejects_by_partial_success_is_passed_on_to_the_sender() {
    let upstream = Upstream::start().await;
    let weir = Launch::new().to_grpc(&upstream.address()).start().await;
    let partial = || upstream.script([Answer::Partial { rejected: 1, message: "too old" }]);
    // Field 1, holding fields 1 (varint) and 2 (text).
    let expected = [&[10, 11, 8, 1, 18, 7][..], b"too old"].concat();

    partial();
    let body = requests::unique(Signal::Logs, "partial", 3);
    let told = GrpcSender::new(weir.ports.grpc).send(Signal::Logs, body.clone()).await.unwrap();
    assert_eq!(told, expected);
    partial();
    let reply = HttpSender::new(weir.ports.http).send(Signal::Logs, body).await;
    assert_eq!((reply.status, reply.body.to_vec()), (200, expected));
    partial();
    let json = r#"{"resourceLogs": [{"scopeLogs": [{"logRecords": [{}, {}, {}]}]}]}"#;
    let headers = [("content-type", "application/json")];
    let reply = HttpSender::new(weir.ports.http).post("/v1/logs", &headers, json).await;
    let told: Value = serde_json::from_str(&reply.text()).unwrap();
    assert_eq!(told, json!({"partialSuccess": {"rejectedLogRecords": "1", "errorMessage": "too old"}}));
    let metrics = weir.metrics().await;
    assert_eq!(metrics.sum("weir_exporter_rejected_items_total", &[]), 3.0);
}
