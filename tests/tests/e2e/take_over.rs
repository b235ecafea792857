//! What a plugin has to show before it takes over, and what happens if it does badly afterwards.

use prost::Message;
use serde_json::{Value, json};
use weir_tests::build::plugin;
use weir_tests::guest::Guest;
use weir_tests::requests::{self, attribute, log, logs, text};
use weir_tests::weir::run;
use weir_tests::{GrpcSender, Launch, Signal, Upstream, Weir, http, wait};

/// A request on which [`Guest::Trap`] traps.
fn poisoned() -> Vec<u8> {
    let mut record = log("poisoned");
    record.attributes.push(attribute("test.trigger", text("now")));
    logs(vec![record]).encode_to_vec()
}

async fn reloads(weir: &Weir, result: &str) -> f64 {
    weir.metrics().await.sum("weir_plugin_reloads_total", &[("plugin", "guest"), ("result", result)])
}

#[tokio::test]
async fn a_version_that_fails_in_traffic_is_rolled_back_and_everyone_is_told() {
    let upstream = Upstream::start().await;
    let plugins = tempfile::tempdir().unwrap();
    let path = Guest::Tag("test.tag", "good").install(plugins.path(), "guest");
    let launch = Launch::new().to_grpc(&upstream.address());
    let weir = launch.processor("wasm/guest", json!({"plugin": path})).start().await;
    let sender = GrpcSender::new(weir.ports.grpc);
    sender.send(Signal::Logs, requests::unique(Signal::Logs, "before", 3)).await.unwrap();

    Guest::Trap.install(plugins.path(), "guest");
    weir.metrics_until("the bad version takes over", |metrics| {
        metrics.sum("weir_plugin_reloads_total", &[("result", "success")]) == 1.0
    })
    .await;
    wait::until("the good version is back", async || sender.send(Signal::Logs, poisoned()).await.ok()).await;
    let resource = requests::log_resource(&upstream.delivered().last().unwrap().body);
    assert_eq!(requests::text_of(&resource, "test.tag"), Some("good"));
    assert_eq!(reloads(&weir, "rolled_back").await, 1.0);
    weir.stderr_says("plugin rolled back").await;
    let health = http::get(weir.ports.health, "/").await.unwrap();
    assert_eq!(health.status, 200);
    assert!(health.text().contains(r#"{"plugin":"guest","state":"rolled_back"}"#), "{}", health.text());
    let page: Value =
        serde_json::from_str(&http::get(weir.ports.health, "/plugins").await.unwrap().text()).unwrap();
    let guest = &page["processors"]["wasm/guest"]["plugins"][0];
    assert_eq!(guest["generation"], 1);
    assert_eq!(guest["given_up"].as_str().unwrap().len(), 64, "{guest}");
}

/// Of one record with an attribute `a` that is to come out with one more.
fn sample(attributes: &Value) -> String {
    let attribute = |(key, value): (&String, &Value)| json!({"key": key, "value": {"stringValue": value}});
    let request = |attributes: &Value| {
        let attributes: Vec<Value> = attributes.as_object().unwrap().iter().map(attribute).collect();
        let record = json!({"body": {"stringValue": "a line"}, "attributes": attributes});
        json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]})
    };
    json!({"input": request(&json!({"a": "1"})), "output": request(attributes)}).to_string()
}

#[tokio::test]
async fn a_shipped_plugin_is_held_to_the_samples_beside_it() {
    let home = tempfile::tempdir().unwrap();
    let enrich = home.path().join("enrich.wasm");
    std::fs::copy(plugin("enrich"), &enrich).unwrap();
    let samples = home.path().join("enrich.samples");
    std::fs::create_dir(&samples).unwrap();
    std::fs::write(samples.join("adds-b.json"), sample(&json!({"a": "1", "b": "2"}))).unwrap();
    let launch = Launch::new()
        .exporter("nop", json!({}))
        .processor("wasm/enrich", json!({"plugin": enrich, "config": {"set": {"b": "2"}}}));
    let config = home.path().join("weir.yaml");
    std::fs::write(&config, launch.config.to_string()).unwrap();
    let validate = async || {
        let output = run(&["validate", "--config", &config.display().to_string()], home.path()).await;
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, stderr) = validate().await;
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("samples=1"), "{stderr}");

    std::fs::write(samples.join("adds-b.json"), sample(&json!({"a": "1", "b": "3"}))).unwrap();
    let (code, stderr) = validate().await;
    assert_eq!(code, Some(64), "{stderr}");
    assert!(stderr.contains("does not do what the sample"), "{stderr}");
    assert!(stderr.contains("logRecords[0].attributes[\"b\"]"), "{stderr}");
}

#[tokio::test]
async fn a_failure_names_the_functions_of_the_guest_if_it_carries_their_names() {
    let plugins = tempfile::tempdir().unwrap();
    let path = Guest::Trap.install(plugins.path(), "guest");
    let weir = Launch::new()
        .exporter("nop", json!({}))
        .processor("wasm/guest", json!({"plugin": path}))
        .start()
        .await;
    GrpcSender::new(weir.ports.grpc).send(Signal::Logs, poisoned()).await.unwrap_err();
    weir.stderr_says("`unreachable` instruction executed, in guest!").await;
}
