//! The main configuration changes while weir runs: what starts a reload, what a bad file does, and that no sender sees it.

mod components;
mod endpoints;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use weir_tests::guest::Guest;
use weir_tests::weir::{self, command, plain_grpc};
use weir_tests::{
    Connection, GrpcSender, Ids, Launch, Ports, Signal, Upstream, Volume, Weir, requests, wait,
};

/// Sends numbered items on one connection until it is told to stop, and gives the ids of all of them.
async fn send_until(stop: Arc<AtomicBool>, mut connection: Connection, name: String) -> Vec<String> {
    let mut sent = Vec::new();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let tag = format!("{name}r{number}");
        let answer = connection.send(Signal::Logs, requests::unique(Signal::Logs, &tag, 10)).await;
        assert!(answer.expect("the connection stays open"), "a reload is not seen by senders");
        sent.extend(requests::unique_ids(&tag, 10));
    }
    sent
}

/// `config` with one more exporter in every pipeline.
fn with_exporter(config: &Value, id: &str, settings: Value) -> Value {
    let mut launch = Launch::new();
    launch.config = config.clone();
    launch.exporter(id, settings).config
}

/// Whether a request sent now arrives at this upstream.
async fn arrives(weir: &Weir, upstream: &Upstream, tag: &str) -> bool {
    let body = requests::unique(Signal::Logs, tag, 1);
    let sent = GrpcSender::new(weir.ports.grpc).send(Signal::Logs, body).await;
    sent.is_ok() && upstream.delivered_ids().contains(&format!("{tag}-0"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sighup_adds_an_exporter_under_load_and_nothing_is_refused_lost_or_doubled() {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    let launch = Launch::new().to_grpc(&first.address());
    let config = launch.config.clone();
    let weir = launch.start().await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut senders = tokio::task::JoinSet::new();
    for number in 0..2 {
        let grpc = Connection::grpc(weir.ports.grpc).await;
        senders.spawn(send_until(Arc::clone(&stop), grpc, format!("grpc{number}")));
        let http = Connection::http(weir.ports.http).await;
        senders.spawn(send_until(Arc::clone(&stop), http, format!("http{number}")));
    }
    first.deliveries(50).await;
    weir.reconfigure(&with_exporter(&config, "otlp_grpc/second", plain_grpc(&second.address())));
    weir.signal("HUP");
    second.deliveries(50).await;
    assert_eq!(weir.health().await, Some(200));
    weir.reconfigure(&config);
    weir.signal("HUP");
    weir.reloads("success", 2).await;
    let before = first.delivered().len();
    first.deliveries(before + 50).await;
    stop.store(true, Ordering::Relaxed);
    let mut sent = Vec::new();
    while let Some(ids) = senders.join_next().await {
        sent.extend(ids.unwrap());
    }
    let (sent, delivered): (Ids, _) = (sent.into_iter().collect(), first.delivered_ids());
    assert_eq!(delivered, sent, "the exporter that was kept got each id once");
    let added = second.delivered_ids();
    assert_eq!((added.doubled(), added.missing_in(&sent)), (Vec::new(), Vec::new()));
    let metrics = weir.metrics().await;
    let accepted = metrics.sum("otelcol_receiver_accepted_log_records_total", &[]);
    let of_kept = [("exporter", "otlp_grpc")];
    assert_eq!(accepted, sent.len() as f64);
    assert_eq!(metrics.sum("otelcol_exporter_sent_log_records_total", &of_kept), accepted);
    assert_eq!(metrics.sum("weir_config_reloads_total", &[("result", "failure")]), 0.0);
}

#[tokio::test]
async fn a_changed_file_takes_effect_by_itself_and_the_log_names_the_components() {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    let launch = Launch::new().to_grpc(&first.address());
    let config = launch.config.clone();
    let weir = launch.start().await;
    weir.reconfigure(&with_exporter(&config, "otlp_grpc/second", plain_grpc(&second.address())));
    weir.reloads("success", 1).await;
    assert!(arrives(&weir, &second, "both").await);
    weir.stderr_says("configuration reloaded").await;
    let log = weir.stderr();
    for part in [
        "trigger=\"a file changed\"",
        "added=\"exporters::otlp_grpc/second\"",
        "changed=\"service::pipelines::logs",
        "removed=\"none\"",
        "kept=\"exporters::otlp_grpc, receivers::otlp",
    ] {
        assert!(log.contains(part), "{part} in {log}");
    }
}

#[tokio::test]
async fn every_swap_of_a_config_maps_data_link_takes_effect() {
    let ports = Ports::pick();
    let upstreams = [Upstream::start().await, Upstream::start().await, Upstream::start().await];
    let config = |upstream: &Upstream| {
        let mut launch = Launch::on(ports).to_grpc(&upstream.address());
        launch.config["service"]["telemetry"]["logs"] = json!({"level": "info"});
        launch.config.to_string()
    };
    let mut volume = Volume::new();
    volume.publish(&[("weir.yaml", config(&upstreams[0]).as_bytes())]);
    let weir = start_with(&volume.path().join("weir.yaml"), ports).await;
    assert!(arrives(&weir, &upstreams[0], "v0").await);
    for (number, upstream) in upstreams.iter().enumerate().skip(1) {
        let version = format!("v{number}");
        volume.publish(&[("weir.yaml", config(upstream).as_bytes())]);
        weir.reloads("success", number as u32).await;
        assert!(arrives(&weir, upstream, &version).await, "{version} is in effect");
    }
}

async fn start_with(file: &Path, ports: Ports) -> Weir {
    let config = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let mut command = command(None);
    command.arg("--config").arg(file);
    let weir = Weir::watch(command, ports, &config, tempfile::tempdir().unwrap());
    weir.ready().await;
    weir
}

#[tokio::test]
async fn a_bad_file_changes_nothing_and_says_why_and_the_repaired_one_works() {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    let launch = Launch::new().to_grpc(&first.address());
    let config = launch.config.clone();
    let weir = launch.start().await;
    let mut open = Connection::grpc(weir.ports.grpc).await;
    let bad = format!("# one line more\n{}", config.to_string().replace("\"endpoint\"", "\"endpont\""));
    weir.reconfigure_text(&bad);
    let metrics = weir.reloads("failure", 1).await;
    assert_eq!(metrics.sum("weir_config_last_reload_successful", &[]), 0.0);
    assert_eq!(metrics.sum("weir_config_reloads_total", &[("result", "success")]), 0.0);
    weir.stderr_says("nothing was changed").await;
    let log = weir.stderr();
    assert!(log.contains("weir.yaml:2:"), "the place: {log}");
    assert!(log.contains("unknown key \"endpont\"; did you mean \"endpoint\"?"), "the reason: {log}");
    assert!(log.contains("ERROR"), "{log}");
    assert_eq!(weir.health().await, Some(200));
    assert!(open.send(Signal::Logs, requests::unique(Signal::Logs, "on", 1)).await.unwrap());
    assert!(first.delivered_ids().contains("on-0"), "traffic goes on");
    weir.reconfigure(&with_exporter(&config, "otlp_grpc/second", plain_grpc(&second.address())));
    let metrics = weir.reloads("success", 1).await;
    assert_eq!(metrics.sum("weir_config_last_reload_successful", &[]), 1.0);
    assert!(arrives(&weir, &second, "repaired").await);
}

#[tokio::test]
async fn two_reloads_in_a_row_leave_the_last_file_in_effect() {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    let launch = Launch::new().to_grpc(&first.address());
    let config = launch.config.clone();
    let weir = launch.start().await;
    weir.reconfigure(&with_exporter(&config, "debug", json!({})));
    weir.signal("HUP");
    weir.reconfigure(&with_exporter(&config, "otlp_grpc/second", plain_grpc(&second.address())));
    weir.signal("HUP");
    wait::until("the last file is in effect", async || arrives(&weir, &second, "last").await.then_some(()))
        .await;
    // The third time there is nothing new.
    weir.signal("HUP");
    weir.stderr_says("nothing in it has changed").await;
    assert_eq!(weir.health().await, Some(200));
}

#[tokio::test]
async fn sigterm_right_after_sighup_stops_with_status_0() {
    let upstream = Upstream::start().await;
    let launch = Launch::new().to_grpc(&upstream.address());
    let mut config = launch.config.clone();
    let mut weir = launch.start().await;
    GrpcSender::new(weir.ports.grpc)
        .send(Signal::Logs, requests::unique(Signal::Logs, "one", 3))
        .await
        .unwrap();
    let plugins = tempfile::tempdir().unwrap();
    config["processors"]["wasm/new"] = json!({"plugin": Guest::Read.install(plugins.path(), "read")});
    config["service"]["pipelines"]["logs"]["processors"] = json!(["wasm/new"]);
    weir.reconfigure(&config);
    weir.signal("HUP");
    weir.signal("TERM");
    assert_eq!(weir.wait().await.code(), Some(0));
    assert_eq!(upstream.delivered_ids().len(), 3);
}

#[tokio::test]
async fn the_level_of_the_log_changes() {
    let mut launch = Launch::new().exporter("nop", json!({}));
    launch.config["service"]["telemetry"]["logs"] = json!({"level": "error"});
    let mut config = launch.config.clone();
    let weir = launch.start().await;
    config["service"]["telemetry"]["logs"] = json!({"level": "info", "encoding": "json"});
    weir.reconfigure(&config);
    weir.stderr_says("changed=\"service::telemetry\"").await;
    weir.stderr_says("encoding changes only with a restart").await;
    assert!(!weir.stderr().contains("listening"), "that was before: {}", weir.stderr());
}

#[tokio::test]
async fn without_a_file_sighup_reads_the_built_in_configuration_again() {
    let ports = Ports::pick();
    let mut command = command(None);
    for (key, port) in [
        ("receivers.otlp.protocols.grpc.endpoint", ports.grpc),
        ("receivers.otlp.protocols.http.endpoint", ports.http),
        ("extensions.health_check.endpoint", ports.health),
        ("service.telemetry.metrics.address", ports.metrics),
    ] {
        command.args(["--set".to_owned(), format!("{key}=127.0.0.1:{port}")]);
    }
    let dir = tempfile::tempdir().unwrap();
    let plugins = dir.path().join("plugins.d");
    command.current_dir(dir.path()).env("XDG_CACHE_HOME", dir.path().join("cache"));
    let weir = Weir::watch(command, ports, &weir::built_in(ports), dir);
    weir.ready().await;
    weir.signal("HUP");
    weir.stderr_says("nothing in it has changed").await;
    std::fs::create_dir(&plugins).unwrap();
    weir.signal("HUP");
    weir.stderr_says("added=\"processors::wasm\"").await;
}
