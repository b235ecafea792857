//! A plugin that declares state runs as exactly one instance.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use serde_json::json;
use weir_tests::guest::Guest;
use weir_tests::{GrpcSender, Launch, Signal, Upstream, requests};

#[tokio::test]
async fn a_stateful_plugin_sees_every_request_in_one_instance() {
    let upstream = Upstream::start().await;
    let plugins = tempfile::tempdir().unwrap();
    let settings = json!({"plugin": Guest::Count.install(plugins.path(), "count"), "timeout": "20s"});
    let weir = Launch::new().to_grpc(&upstream.address()).processor("wasm/count", settings).start().await;
    let sender = GrpcSender::new(weir.ports.grpc);
    let mut requests = tokio::task::JoinSet::new();
    for number in 0..60 {
        let sender = sender.clone();
        requests.spawn(async move {
            sender.send(Signal::Logs, requests::unique(Signal::Logs, &format!("r{number}"), 5)).await
        });
    }
    while let Some(request) = requests.join_next().await {
        request.unwrap().unwrap();
    }
    let number_of = |body: &[u8]| {
        let resource = requests::log_resource(body);
        let number = resource.into_iter().find(|attribute| attribute.key == "test.number");
        match number.and_then(|attribute| attribute.value?.value) {
            Some(Value::IntValue(number)) => number,
            other => panic!("no number: {other:?}"),
        }
    };
    let mut numbers: Vec<i64> = upstream.delivered().iter().map(|one| number_of(&one.body)).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=60).collect::<Vec<_>>(), "each request has the next number");
    assert_eq!(weir.metrics().await.sum("weir_plugin_instances", &[("plugin", "count")]), 1.0);
}

#[tokio::test]
async fn one_stateful_plugin_in_several_pipelines_is_still_one_instance() {
    let upstream = Upstream::start().await;
    let plugins = tempfile::tempdir().unwrap();
    Guest::Count.install(plugins.path(), "count");
    let launch = Launch::new().to_grpc(&upstream.address());
    let weir = launch.processor("wasm", json!({"directory": plugins.path()})).start().await;
    let sender = GrpcSender::new(weir.ports.grpc);
    for round in 0..3 {
        for signal in Signal::READ {
            sender.send(signal, requests::unique(signal, &format!("r{round}"), 2)).await.unwrap();
        }
    }
    let metrics = weir.metrics().await;
    assert_eq!(metrics.sum("weir_plugin_instances", &[("plugin", "count")]), 1.0);
    assert_eq!(metrics.sum("weir_plugin_calls_total", &[("plugin", "count")]), 9.0);
}
