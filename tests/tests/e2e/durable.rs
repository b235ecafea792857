//! Queues on disk: what is acknowledged gets to the upstream, whatever happens to weir in between.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};
use weir_tests::ports::free_port;
use weir_tests::weir::plain_grpc;
use weir_tests::{
    Answer, GrpcSender, Ids, Launch, Ports, Signal, Upstream, Weir, ids, namespace, requests, wait,
};

/// A weir whose one exporter has its queue in this directory.
fn durable(directory: &Path, upstream: &str, queue: Value) -> Launch {
    let mut settings = plain_grpc(upstream);
    settings["sending_queue"] = json!({"storage": "file_storage"});
    for (key, value) in queue.as_object().into_iter().flatten() {
        settings["sending_queue"][key] = value.clone();
    }
    settings["retry_on_failure"] = json!({"initial_interval": "50ms", "max_interval": "200ms"});
    let mut launch = Launch::new().exporter("otlp_grpc", settings);
    launch.config["extensions"]["file_storage"] = json!({"directory": directory});
    launch.config["service"]["extensions"] = json!(["health_check", "file_storage"]);
    launch
}

/// Sends numbered requests one after the other until weir does not answer any more, and gives the ids of those that
/// were acknowledged.
async fn send_until_it_dies(port: u16, tag: String) -> Vec<String> {
    let sender = GrpcSender::new(port);
    let mut acknowledged = Vec::new();
    for number in 0.. {
        let body = requests::unique(Signal::Logs, &format!("{tag}-{number}-"), 3);
        match sender.send(Signal::Logs, body.clone()).await {
            Ok(_) => acknowledged.extend(ids::of(Signal::Logs, &body)),
            Err(_) => break,
        }
    }
    acknowledged
}

async fn all_arrive(upstream: &Upstream, acknowledged: &[String]) -> Ids {
    let acknowledged: Ids = acknowledged.iter().cloned().collect();
    wait::until("everything that was acknowledged arrives", async || {
        let arrived = upstream.delivered_ids();
        acknowledged.missing_in(&arrived).is_empty().then_some(arrived)
    })
    .await
}

fn settled_queue(metrics: &weir_tests::metrics::Metrics) -> bool {
    metrics.sum("weir_exporter_queue_items", &[]) == 0.0
}

#[tokio::test]
async fn the_sender_is_answered_while_the_upstream_is_away_and_a_restart_delivers() {
    let directory = tempfile::tempdir().unwrap();
    let port = free_port();
    let address = format!("127.0.0.1:{port}");
    let mut launch = durable(directory.path(), &address, json!({}));
    launch.args.extend(["--shutdown-timeout".to_owned(), "1s".to_owned()]);
    let mut weir = launch.start().await;
    let sender = GrpcSender::new(weir.ports.grpc);
    let mut acknowledged = Vec::new();
    for signal in [Signal::Traces, Signal::Metrics, Signal::Logs] {
        let body = requests::unique(signal, signal.name(), 5);
        sender.send(signal, body.clone()).await.unwrap();
        acknowledged.extend(ids::of(signal, &body));
    }
    assert_eq!(weir.metrics().await.sum("weir_exporter_queue_items", &[]), 15.0);
    // Once more in between: what was not sent is still there.
    weir.stop().await;
    drop(weir);
    let mut weir = durable(directory.path(), &address, json!({})).start().await;
    let recovered = weir.metrics().await.sum("weir_exporter_recovered_items_total", &[]);
    assert_eq!(recovered, 15.0);
    weir.signal("KILL");
    weir.wait().await;
    drop(weir);

    let upstream = Upstream::start_on(port).await;
    let weir = durable(directory.path(), &address, json!({})).start().await;
    let arrived = all_arrive(&upstream, &acknowledged).await;
    assert!(arrived.doubled().is_empty(), "{:?}", arrived.doubled());
    weir.metrics_until("the queue is empty", settled_queue).await;
}

#[tokio::test]
async fn killed_again_and_again_under_load_it_loses_nothing_that_it_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let upstream = Upstream::start().await;
    let mut acknowledged = Vec::new();
    for round in 0..10_u64 {
        let mut weir = durable(directory.path(), &upstream.address(), json!({})).start().await;
        let senders: Vec<_> = (0..4)
            .map(|sender| tokio::spawn(send_until_it_dies(weir.ports.grpc, format!("r{round}s{sender}"))))
            .collect();
        // In one round of two the upstream refuses, so that there is something on disk when weir dies.
        upstream.always(if round % 2 == 0 {
            Answer::Grpc(tonic::Code::Unavailable, None)
        } else {
            Answer::Ok
        });
        let enough = 30.0 * (round + 1) as f64;
        weir.metrics_until("some requests were taken", |metrics| {
            metrics.sum("otelcol_receiver_accepted_log_records_total", &[]) >= enough
        })
        .await;
        weir.signal("KILL");
        weir.wait().await;
        for sender in senders {
            acknowledged.extend(sender.await.unwrap());
        }
    }
    assert!(acknowledged.len() > 300);
    upstream.always(Answer::Ok);
    let weir = durable(directory.path(), &upstream.address(), json!({})).start().await;
    all_arrive(&upstream, &acknowledged).await;
    weir.metrics_until("the queue is empty", settled_queue).await;
}

#[tokio::test]
async fn requests_on_disk_are_merged_when_the_upstream_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let port = free_port();
    let batch = json!({"batch": {"min_size": 100, "max_size": 100, "flush_timeout": "10ms"}});
    let weir = durable(directory.path(), &format!("127.0.0.1:{port}"), batch).start().await;
    let sender = GrpcSender::new(weir.ports.grpc);
    for number in 0..100 {
        let body = requests::unique(Signal::Logs, &format!("merged{number}-"), 1);
        sender.send(Signal::Logs, body).await.unwrap();
    }
    let upstream = Upstream::start_on(port).await;
    wait::until("all of them arrive", async || (upstream.delivered_ids().len() == 100).then_some(())).await;
    assert!(upstream.delivered().len() < 50, "{} requests for 100", upstream.delivered().len());
}

#[tokio::test]
async fn a_full_disk_is_told_to_senders_and_what_is_on_it_is_delivered_and_makes_room() {
    let directory = tempfile::tempdir().unwrap();
    let Some(within) = namespace::with_small_disk(directory.path()) else { return };
    let port = free_port();
    let mut launch = durable(directory.path(), &format!("127.0.0.1:{port}"), json!({}));
    launch.within = within;
    let weir = launch.start().await;
    let sender = GrpcSender::new(weir.ports.grpc);
    let mut acknowledged = Vec::new();
    let refused = loop {
        let body = requests::unique(Signal::Logs, &format!("full{}-", acknowledged.len()), 50);
        match sender.send(Signal::Logs, body.clone()).await {
            Ok(_) => acknowledged.extend(ids::of(Signal::Logs, &body)),
            Err(status) => break status,
        }
        assert!(acknowledged.len() < 100_000, "the disk is never full");
    };
    assert_eq!(refused.code(), tonic::Code::Unavailable);
    assert!(refused.message().contains("no space left") && !refused.details().is_empty(), "{refused:?}");
    let upstream = Upstream::start_on(port).await;
    all_arrive(&upstream, &acknowledged).await;
    wait::until("there is room again", async || {
        let body = requests::unique(Signal::Logs, "again", 50);
        sender.send(Signal::Logs, body).await.ok()
    })
    .await;
}

#[tokio::test]
async fn one_directory_is_for_one_weir() {
    let directory = tempfile::tempdir().unwrap();
    let address = format!("127.0.0.1:{}", free_port());
    let first = durable(directory.path(), &address, json!({})).start().await;
    let mut second = durable(directory.path(), &address, json!({})).spawn().await;
    assert_eq!(second.wait().await.code(), Some(64));
    // What it said may still be on its way through the pipe.
    second.stderr_says("exporters::otlp_grpc::sending_queue::storage").await;
    second.stderr_says("in use by").await;
    assert_eq!(first.health().await, Some(200));
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_told_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let mut weir = durable(&file, "127.0.0.1:1", json!({})).spawn().await;
    assert_eq!(weir.wait().await.code(), Some(64));
    weir.stderr_says("exporters::otlp_grpc::sending_queue::storage").await;
}

#[tokio::test]
async fn what_is_on_disk_is_for_nobody_else_to_read() {
    let directory = tempfile::tempdir().unwrap();
    let weir = durable(&directory.path().join("new"), "127.0.0.1:1", json!({})).start().await;
    let body = requests::unique(Signal::Logs, "secret", 1);
    GrpcSender::new(weir.ports.grpc).send(Signal::Logs, body).await.unwrap();
    let queue = directory.path().join("new/exporter.otlp_grpc");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&queue), 0o700);
    for file in std::fs::read_dir(&queue).unwrap() {
        assert_eq!(mode(&file.unwrap().path()) & 0o077, 0);
    }
}

#[tokio::test]
async fn a_reload_that_changes_the_exporter_hands_its_queue_over() {
    let directory = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut launch = durable(directory.path(), &format!("127.0.0.1:{port}"), json!({}));
    let mut changed = launch.config.clone();
    launch.args.extend(["--shutdown-timeout".to_owned(), "2s".to_owned()]);
    let weir = launch.start().await;
    let body = requests::unique(Signal::Logs, "handed", 4);
    let acknowledged = ids::of(Signal::Logs, &body);
    GrpcSender::new(weir.ports.grpc).send(Signal::Logs, body).await.unwrap();
    // To another address, where somebody is.
    let upstream = Upstream::start().await;
    changed["exporters"]["otlp_grpc"]["endpoint"] = json!(upstream.address());
    weir.reconfigure(&changed);
    weir.reloads("success", 1).await;
    // The former queue goes on for as long as a stop may take, and then the next one has it.
    let arrived = all_arrive(&upstream, &acknowledged).await;
    assert!(arrived.doubled().is_empty());
}

#[tokio::test]
async fn a_storage_that_nobody_uses_any_more_is_named_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("exporter.otlp_grpc~2fformer")).unwrap();
    let upstream = Upstream::start().await;
    let weir = durable(directory.path(), &upstream.address(), json!({})).start().await;
    weir.stderr_says("this is the queue of an exporter that is not configured").await;
}

/// A destination that is down across restarts, and applications that come and go: the order of things that loses data in
/// other collectors (#15677 of the OpenTelemetry Collector).
#[tokio::test]
async fn with_the_destination_down_across_restarts_every_stop_is_clean_and_nothing_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let port = free_port();
    let address = format!("127.0.0.1:{port}");
    let ports = Ports::pick();
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        let mut launch = relocated(durable(directory.path(), &address, json!({})), ports);
        launch.args.extend(["--shutdown-timeout".to_owned(), "1s".to_owned()]);
        let mut weir: Weir = launch.start().await;
        let body = requests::unique(Signal::Traces, &format!("down{round}-"), 5);
        GrpcSender::new(ports.grpc).send(Signal::Traces, body.clone()).await.unwrap();
        acknowledged.extend(ids::of(Signal::Traces, &body));
        weir.stop().await;
        weir.stderr_says("the rest stays on disk for the next start").await;
    }
    let upstream = Upstream::start_on(port).await;
    let weir = relocated(durable(directory.path(), &address, json!({})), ports).start().await;
    let arrived = all_arrive(&upstream, &acknowledged).await;
    assert!(arrived.doubled().is_empty());
    weir.metrics_until("the queue is empty", settled_queue).await;
}

fn relocated(mut launch: Launch, ports: Ports) -> Launch {
    let at = |port: u16| json!(format!("127.0.0.1:{port}"));
    launch.ports = ports;
    launch.config["receivers"]["otlp"]["protocols"] =
        json!({"grpc": {"endpoint": at(ports.grpc)}, "http": {"endpoint": at(ports.http)}});
    launch.config["extensions"]["health_check"]["endpoint"] = at(ports.health);
    launch.config["service"]["telemetry"]["metrics"]["address"] = at(ports.metrics);
    launch
}
