//! What the command line promises: exit codes and messages.

use std::path::Path;
use std::process::Output;

use serde_json::json;
use tokio::net::TcpListener;
use weir_tests::guest::Guest;
use weir_tests::{GrpcSender, Launch, Ports, Signal, Weir, requests, wait, weir};

const GOOD: &str = "\
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 127.0.0.1:4317
exporters:
  debug:
    verbosity: basic
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [debug]
";

async fn validate(config: &str) -> Output {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("weir.yaml"), config).unwrap();
    weir::run(&["validate", "--config", "weir.yaml"], dir.path()).await
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn a_good_configuration_is_valid() {
    let output = validate(GOOD).await;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[tokio::test]
async fn a_wrong_key_is_told_with_its_place_and_the_nearest_name_and_exit_64() {
    let output = validate(&GOOD.replace("endpoint:", "endpiont:")).await;
    assert_eq!(output.status.code(), Some(64));
    let text = stderr(&output);
    assert!(text.contains("weir.yaml:5:9"), "{text}");
    assert!(text.contains("endpiont"), "{text}");
    assert!(text.contains("\"endpoint\""), "{text}");
}

#[tokio::test]
async fn starting_with_a_wrong_configuration_exits_64_too() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("weir.yaml"), GOOD.replace("verbosity", "verbostiy")).unwrap();
    for arguments in [&["--config", "weir.yaml"][..], &["--config=weir.yaml"]] {
        let output = weir::run(arguments, dir.path()).await;
        assert_eq!(output.status.code(), Some(64));
        assert!(stderr(&output).contains("weir.yaml:8:5"), "{}", stderr(&output));
    }
}

#[tokio::test]
async fn the_collectors_sentences_are_told_for_its_mistakes() {
    let mistakes = [
        ("exporters: [debug]", "exporters: [bedug]", "which is not configured"),
        ("      exporters: [debug]\n", "", "at least one exporter"),
        ("    verbosity: basic", "    verbosity: loud", "basic"),
        ("traces:", "spans:", "traces"),
    ];
    for (good, bad, expected) in mistakes {
        let output = validate(&GOOD.replace(good, bad)).await;
        assert_eq!(output.status.code(), Some(64), "{bad}");
        assert!(stderr(&output).contains(expected), "{bad}: {}", stderr(&output));
    }
}

#[tokio::test]
async fn a_file_that_is_not_there_and_an_unknown_flag_exit_64() {
    let dir = tempfile::tempdir().unwrap();
    for (arguments, told) in
        [(&["--config", "nowhere.yaml"][..], "nowhere.yaml"), (&["--confgi", "x"], "--config")]
    {
        let output = weir::run(arguments, dir.path()).await;
        assert_eq!(output.status.code(), Some(64));
        assert!(stderr(&output).contains(told), "{}", stderr(&output));
    }
}

#[tokio::test]
async fn validate_loads_the_plugins_too() {
    let dir = tempfile::tempdir().unwrap();
    Guest::Refuse.install(dir.path(), "refuse");
    let config = GOOD.replace(
        "exporters:\n  debug",
        "processors:\n  wasm/a:\n    plugin: refuse.wasm\nexporters:\n  debug",
    );
    let config =
        config.replace("      exporters: [debug]", "      processors: [wasm/a]\n      exporters: [debug]");
    std::fs::write(dir.path().join("weir.yaml"), config).unwrap();
    let output = weir::run(&["validate", "--config", "weir.yaml"], dir.path()).await;
    assert_eq!(output.status.code(), Some(64), "{}", stderr(&output));
    assert!(stderr(&output).contains("this guest refuses every configuration"), "{}", stderr(&output));
}

#[tokio::test]
async fn version_and_components_are_told_on_stdout() {
    let version = weir::run(&["--version"], Path::new(".")).await;
    assert_eq!(version.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&version.stdout).contains("weir"));
    let components = weir::run(&["components"], Path::new(".")).await;
    assert_eq!(components.status.code(), Some(0));
    let text = String::from_utf8_lossy(&components.stdout).into_owned();
    for name in ["otlp", "wasm", "otlp_grpc", "otlp_http", "debug", "nop", "health_check"] {
        assert!(text.contains(name), "{name} in {text}");
    }
}

#[tokio::test]
async fn of_two_configurations_the_later_one_wins_key_by_key() {
    let first = Launch::new().exporter("nop", json!({}));
    let dir = tempfile::tempdir().unwrap();
    let health = weir_tests::ports::free_port();
    let later = json!({"extensions": {"health_check": {"endpoint": format!("127.0.0.1:{health}")}}});
    std::fs::write(dir.path().join("later.yaml"), later.to_string()).unwrap();
    let mut launch = first.clone();
    launch.args = vec!["--config".into(), dir.path().join("later.yaml").display().to_string()];
    launch.ports.health = health;
    let weir = launch.start().await;
    let sender = GrpcSender::new(weir.ports.grpc);
    sender.send(Signal::Logs, requests::unique(Signal::Logs, "merged", 1)).await.unwrap();
}

#[tokio::test]
async fn environment_variables_are_put_in_and_their_defaults_too() {
    let mut launch = Launch::new();
    launch.config["exporters"]["debug"] = json!({"verbosity": "${env:LOUDNESS:-basic}"});
    launch.config["service"]["pipelines"] =
        json!({"logs": {"receivers": ["otlp"], "exporters": ["${env:EXPORTER}"]}});
    launch.env = vec![("EXPORTER".into(), "debug".into())];
    let weir = launch.start().await;
    let sender = GrpcSender::new(weir.ports.grpc);
    sender.send(Signal::Logs, requests::unique(Signal::Logs, "env", 3)).await.unwrap();
    wait::until("the debug exporter prints", async || weir.stdout().contains('3').then_some(())).await;
}

/// Uses the ports that everybody uses, so it needs a machine on which no other collector runs.
#[tokio::test]
async fn without_a_configuration_it_listens_on_localhost_and_prints_to_stdout() {
    let ports = Ports { grpc: 4317, http: 4318, health: 13133, metrics: 8888 };
    for port in [ports.grpc, ports.http, ports.health, ports.metrics] {
        if TcpListener::bind(("127.0.0.1", port)).await.is_err() {
            eprintln!("skipped: port {port} is taken, so weir cannot start without a configuration here");
            return;
        }
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("plugins.d")).unwrap();
    Guest::Tag("from.plugins.d", "yes").install(&dir.path().join("plugins.d"), "tag");
    let mut command = weir::command(None);
    command.current_dir(dir.path()).env("XDG_CACHE_HOME", dir.path().join("cache"));
    let mut weir = Weir::watch(command, ports, &weir::built_in(ports), dir);
    weir.ready().await;
    assert!(weir.stderr().contains("plugins.d"), "{}", weir.stderr());
    let sender = GrpcSender::new(4317);
    sender.send(Signal::Logs, requests::unique(Signal::Logs, "default", 5)).await.unwrap();
    wait::until("the debug exporter prints", async || weir.stdout().contains('5').then_some(())).await;
    let metrics = weir.metrics().await;
    assert_eq!(metrics.sum("weir_plugin_calls_total", &[("plugin", "tag")]), 1.0);
    weir.settle().await;
    weir.stop().await;
}
