//! What an upstream rejects for good is kept in files, if the operator wants it, and can be sent again from there.

use serde_json::json;
use tonic::Code;
use weir_tests::weir::plain_grpc;
use weir_tests::{Answer, GrpcSender, HttpSender, Launch, Signal, Upstream, requests};

#[tokio::test]
async fn rejected_requests_are_lines_of_otlp_json_that_can_be_sent_again() {
    let (upstream, home) = (Upstream::start().await, tempfile::tempdir().unwrap());
    let mut settings = plain_grpc(&upstream.address());
    settings["sending_queue"] = json!({"dead_letters": {"directory": home.path().join("letters")}});
    let weir = Launch::new().exporter("otlp_grpc/up", settings).start().await;
    let sender = GrpcSender::new(weir.ports.grpc);
    let body = requests::unique(Signal::Traces, "dead", 3);
    upstream.script([Answer::Grpc(Code::InvalidArgument, None)]);
    sender.send(Signal::Traces, body.clone()).await.unwrap_err();
    assert!(upstream.delivered().is_empty());

    let file = home.path().join("letters/otlp_grpc~2fup.traces.jsonl");
    let text = std::fs::read_to_string(file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 1);
    let headers = [("content-type", "application/json")];
    let reply = HttpSender::new(weir.ports.http).post("/v1/traces", &headers, lines[0].to_owned()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(upstream.deliveries(1).await[0].body, body);

    // What its sender will send again is no dead letter.
    upstream.always(Answer::Grpc(Code::Unavailable, None));
    sender.send(Signal::Traces, body).await.unwrap_err();
    let metrics = weir.metrics().await;
    let kept = |result| metrics.sum("weir_exporter_dead_letter_items_total", &[("result", result)]);
    assert_eq!((kept("kept"), kept("lost")), (3.0, 0.0));
}
