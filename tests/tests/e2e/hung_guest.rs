//! A guest that never returns is nobody else's problem.

use prost::Message;
use serde_json::json;
use weir_tests::bench::cpu::cpu_nanos;
use weir_tests::guest::Guest;
use weir_tests::requests::{self, attribute, log, logs, text};
use weir_tests::{GrpcSender, Launch, Signal, Upstream, Weir, wait};

/// Waits until weir burns CPU time as only a guest in an endless loop makes it do.
async fn spins(weir: &Weir) {
    let start = cpu_nanos(weir.pid()).unwrap();
    wait::until("the guest is in its loop", async || {
        (cpu_nanos(weir.pid()).unwrap() > start + 200_000_000).then_some(())
    })
    .await;
}

#[tokio::test]
async fn while_a_guest_hangs_health_answers_and_another_pipeline_delivers() {
    let upstream = Upstream::start().await;
    let plugins = tempfile::tempdir().unwrap();
    let plugin = Guest::Hang.install(plugins.path(), "hang");
    let mut launch = Launch::new()
        .to_grpc(&upstream.address())
        .processor("wasm/hang", json!({"plugin": plugin, "timeout": "4s", "on_error": "reject"}));
    launch.config["service"]["pipelines"]["traces"]["processors"] = json!([]);
    let weir = launch.start().await;

    let mut record = log("hangs");
    record.attributes.push(attribute("test.trigger", text("now")));
    let body = logs(vec![record]).encode_to_vec();
    let sender = GrpcSender::new(weir.ports.grpc);
    let hung: Vec<_> = (0..4)
        .map(|_| {
            let (sender, body) = (sender.clone(), body.clone());
            tokio::spawn(async move { sender.send(Signal::Logs, body).await })
        })
        .collect();
    spins(&weir).await;
    for number in 0..20 {
        assert_eq!(weir.health().await, Some(200));
        let body = requests::unique(Signal::Traces, &format!("free{number}"), 10);
        sender.send(Signal::Traces, body).await.unwrap();
    }
    assert!(hung.iter().all(|request| !request.is_finished()), "all of that happened while the guest hung");
    assert_eq!(upstream.delivered_ids().len(), 200);
    for request in hung {
        assert_eq!(request.await.unwrap().unwrap_err().code(), tonic::Code::Unavailable);
    }
    let labels = [("plugin", "hang"), ("reason", "timeout")];
    assert!(weir.metrics().await.sum("weir_plugin_failures_total", &labels) >= 1.0);
}

#[tokio::test]
async fn a_guest_that_hangs_does_not_hold_up_the_end() {
    let plugins = tempfile::tempdir().unwrap();
    let plugin = Guest::Hang.install(plugins.path(), "hang");
    let launch = Launch::new()
        .exporter("nop", json!({}))
        .processor("wasm/hang", json!({"plugin": plugin, "timeout": "3s"}));
    let mut weir = launch.start().await;
    let mut record = log("hangs");
    record.attributes.push(attribute("test.trigger", text("now")));
    let sender = GrpcSender::new(weir.ports.grpc);
    let request =
        tokio::spawn(async move { sender.send(Signal::Logs, logs(vec![record]).encode_to_vec()).await });
    spins(&weir).await;
    weir.stop().await;
    assert!(request.await.unwrap().is_err());
}
