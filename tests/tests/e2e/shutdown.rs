//! SIGTERM with traffic on its way: what was acknowledged was delivered, and the other way round.

use serde_json::json;
use tonic::Code;
use weir_tests::upstream::Gate;
use weir_tests::weir::plain_grpc;
use weir_tests::{Answer, GrpcSender, HttpSender, Ids, Launch, Signal, Upstream, requests};

#[tokio::test]
async fn requests_that_wait_for_the_upstream_are_finished_before_the_end() {
    let upstream = Upstream::start().await;
    let gate = Gate::default();
    upstream.always(Answer::Hold(gate.clone()));
    let mut weir = Launch::new().to_grpc(&upstream.address()).start().await;
    let (grpc, http) = (GrpcSender::new(weir.ports.grpc), HttpSender::new(weir.ports.http));
    let mut waiting = Vec::new();
    for number in 0..4 {
        let grpc = grpc.clone();
        waiting.push(tokio::spawn(async move {
            let body = requests::unique(Signal::Traces, &format!("grpc{number}"), 5);
            grpc.send(Signal::Traces, body).await.is_ok()
        }));
        waiting.push(tokio::spawn(async move {
            let body = requests::unique(Signal::Traces, &format!("http{number}"), 5);
            http.send(Signal::Traces, body).await.status == 200
        }));
    }
    upstream.arrivals(8).await;
    weir.signal("TERM");
    gate.open();
    for request in waiting {
        assert!(request.await.unwrap(), "it was answered with success");
    }
    assert_eq!(weir.wait().await.code(), Some(0));
    let delivered = upstream.delivered_ids();
    assert_eq!((delivered.len(), delivered.doubled().len()), (40, 0));
}

#[tokio::test]
async fn with_traffic_in_flight_what_is_acknowledged_is_what_is_delivered() {
    let upstream = Upstream::start().await;
    let mut weir = Launch::new().to_grpc(&upstream.address()).start().await;
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..6 {
        let grpc = GrpcSender::new(weir.ports.grpc);
        let http = HttpSender::new(weir.ports.http);
        senders.spawn(async move {
            let mut acknowledged = Vec::new();
            for number in 0.. {
                let tag = format!("s{sender}r{number}");
                let body = requests::unique(Signal::Logs, &tag, 3);
                let is_taken = if sender % 2 == 0 {
                    grpc.send(Signal::Logs, body).await.is_ok()
                } else {
                    let headers = [("content-type", "application/x-protobuf")];
                    let reply = http.request("POST", "/v1/logs", &headers, body).await;
                    reply.is_ok_and(|reply| reply.status == 200)
                };
                if !is_taken {
                    break;
                }
                acknowledged.extend(requests::unique_ids(&tag, 3));
            }
            acknowledged
        });
    }
    upstream.deliveries(200).await;
    weir.stop().await;
    let mut acknowledged = Vec::new();
    while let Some(ids) = senders.join_next().await {
        acknowledged.extend(ids.unwrap());
    }
    let (acknowledged, delivered): (Ids, _) = (acknowledged.into_iter().collect(), upstream.delivered_ids());
    assert_eq!(acknowledged.missing_in(&delivered), Vec::<&str>::new(), "acknowledged and lost");
    assert_eq!(delivered.missing_in(&acknowledged), Vec::<&str>::new(), "delivered and not acknowledged");
    assert_eq!(delivered.doubled(), Vec::<&str>::new());
}

#[tokio::test]
async fn what_is_queued_is_delivered_before_the_end() {
    let upstream = Upstream::start().await;
    let gate = Gate::default();
    upstream.always(Answer::Hold(gate.clone()));
    let mut settings = plain_grpc(&upstream.address());
    settings["sending_queue"] = json!({"wait_for_result": false, "num_consumers": 1});
    let mut weir = Launch::new().exporter("otlp_grpc", settings).start().await;
    let sender = GrpcSender::new(weir.ports.grpc);
    for number in 0..20 {
        let body = requests::unique(Signal::Logs, &format!("queued{number}"), 2);
        sender.send(Signal::Logs, body).await.unwrap();
    }
    weir.signal("TERM");
    gate.open();
    assert_eq!(weir.wait().await.code(), Some(0));
    assert_eq!(upstream.delivered_ids().len(), 40);
}

#[tokio::test]
async fn an_upstream_that_is_dead_does_not_hold_up_the_end_for_ever() {
    let mut launch = Launch::new().to_grpc(&format!("127.0.0.1:{}", weir_tests::ports::free_port()));
    launch.args = vec!["--shutdown-timeout".into(), "2s".into()];
    launch.config["exporters"]["otlp_grpc"]["sending_queue"] = json!({"wait_for_result": false});
    let mut weir = launch.start().await;
    let body = requests::unique(Signal::Logs, "lost", 7);
    GrpcSender::new(weir.ports.grpc).send(Signal::Logs, body).await.unwrap();
    weir.stop().await;
    assert!(weir.stderr().contains('7'), "what is lost is told: {}", weir.stderr());
}

#[tokio::test]
async fn after_the_end_nobody_listens() {
    let mut weir = Launch::new().exporter("nop", json!({})).start().await;
    let sender = GrpcSender::new(weir.ports.grpc);
    sender.send(Signal::Logs, requests::unique(Signal::Logs, "one", 1)).await.unwrap();
    weir.stop().await;
    let status = sender.send(Signal::Logs, requests::unique(Signal::Logs, "two", 1)).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
}
