//! The shipped enricher, alone and behind the two others.

use std::path::Path;

use serde_json::{Value, json};
use weir_tests::build::{plugin, source_file};
use weir_tests::requests::{self, text_of};
use weir_tests::{GrpcSender, Launch, Signal, Upstream, wait};

#[tokio::test]
async fn resource_attributes_are_added_and_those_of_the_sender_win() {
    let upstream = Upstream::start().await;
    let mut launch = Launch::new().to_grpc(&upstream.address());
    launch.env = vec![("REGION".into(), "eu-1".into())];
    let config = json!({"resource": {"set": {
        "cloud.region": "${env:REGION}",
        "deployment.environment.name": "test",
        "service.name": "not this one",
    }}});
    let settings = json!({"plugin": plugin("enrich"), "config": config});
    let weir = launch.processor("wasm/enrich", settings).start().await;
    GrpcSender::new(weir.ports.grpc)
        .send(Signal::Logs, requests::unique(Signal::Logs, "rich", 2))
        .await
        .unwrap();
    let resource = requests::log_resource(&upstream.deliveries(1).await[0].body);
    assert_eq!(text_of(&resource, "cloud.region"), Some("eu-1"));
    assert_eq!(text_of(&resource, "deployment.environment.name"), Some("test"));
    assert_eq!(text_of(&resource, "service.name"), Some("checkout"));
}

/// Looks the team of a method up in `teams.csv` of a granted directory.
fn teams_by_method(directory: &Path) -> Value {
    json!({
        "plugin": plugin("enrich"),
        "files": [{"source": directory, "path": "/tables"}],
        "config": {
            "tables": {"teams": {"file": "/tables/teams.csv", "key": "method"}},
            "lookups": [{"table": "teams", "from": "http.request.method", "level": "item", "set": {"team": "team.name"}}],
        },
    })
}

#[tokio::test]
async fn a_table_that_the_configuration_grants_is_looked_up_and_a_change_of_it_takes_effect() {
    let upstream = Upstream::start().await;
    let files = tempfile::tempdir().unwrap();
    let table = |team: &str| {
        std::fs::write(files.path().join("teams.csv"), format!("method,team\nGET,{team}\nPUT,other\n"))
            .unwrap();
    };
    table("readers");
    let settings = teams_by_method(files.path());
    let weir = Launch::new().to_grpc(&upstream.address()).processor("wasm/enrich", settings).start().await;
    let sender = GrpcSender::new(weir.ports.grpc);
    for team in ["readers", "writers"] {
        table(team);
        wait::until(&format!("the team is {team}"), async || {
            sender.send(Signal::Logs, requests::unique(Signal::Logs, "look", 1)).await.ok()?;
            let records = requests::log_records(&upstream.delivered().pop()?.body);
            (text_of(&records.first()?.attributes, "team.name") == Some(team)).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn without_a_configuration_nothing_is_changed() {
    let upstream = Upstream::start().await;
    let settings = json!({"plugin": plugin("enrich")});
    let weir = Launch::new().to_grpc(&upstream.address()).processor("wasm/enrich", settings).start().await;
    for signal in Signal::READ {
        let body = requests::unique(signal, "same", 5);
        GrpcSender::new(weir.ports.grpc).send(signal, body.clone()).await.unwrap();
        assert_eq!(upstream.delivered().pop().unwrap().body, body);
    }
}

#[tokio::test]
async fn the_three_shipped_plugins_work_together_on_recorded_requests() {
    let upstream = Upstream::start().await;
    let weir = Launch::new()
        .to_grpc(&upstream.address())
        .processor("wasm/sample", json!({"plugin": plugin("sample"), "config": {"percentage": 50}}))
        .processor("wasm/redact", json!({"plugin": plugin("redact")}))
        .processor(
            "wasm/enrich",
            json!({"plugin": plugin("enrich"), "config": {"resource": {"set": {"k8s.cluster.name": "blue"}}}}),
        )
        .start()
        .await;
    let sender = GrpcSender::new(weir.ports.grpc);
    for name in ["traces-1", "traces-2"] {
        let recorded = std::fs::read(source_file(format!("recorded/{name}.bin"))).unwrap();
        sender.send(Signal::Traces, recorded).await.unwrap();
    }
    let delivered = upstream.deliveries(2).await;
    let spans: Vec<_> = delivered.iter().flat_map(|one| requests::spans(&one.body)).collect();
    assert!(spans.len() > 40 && spans.len() < 120, "{} of 144 spans", spans.len());
    for span in spans.iter().filter(|span| span.status.as_ref().is_none_or(|status| status.code != 2)) {
        assert!(span.trace_id[9] >= 0x80, "sampled by the trace id");
    }
    for one in delivered {
        let has = |text: &str| one.body.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(has("k8s.cluster.name") && !has("ada.lovelace"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_in_a_granted_directory_that_breaks_leaves_the_former_one_in_use_however_many_ask() {
    let upstream = Upstream::start().await;
    let files = tempfile::tempdir().unwrap();
    let table = files.path().join("teams.csv");
    std::fs::write(&table, "method,team\nGET,readers\n").unwrap();
    let settings = teams_by_method(files.path());
    let weir = Launch::new().to_grpc(&upstream.address()).processor("wasm/enrich", settings).start().await;
    std::fs::write(&table, "no such column\n").unwrap();
    weir.metrics_until("the failure is counted", |metrics| {
        metrics.sum("weir_plugin_reloads_total", &[("result", "failure")]) > 0.0
    })
    .await;
    let sender = GrpcSender::new(weir.ports.grpc);
    let mut senders = tokio::task::JoinSet::new();
    for number in 0..200 {
        let sender = sender.clone();
        senders.spawn(async move {
            sender.send(Signal::Logs, requests::unique(Signal::Logs, &format!("r{number}"), 500)).await
        });
    }
    while let Some(sent) = senders.join_next().await {
        sent.unwrap().expect("the former table serves everybody");
    }
}
