//! A configuration of `deploy/stacks` as its users have it: the very file, with ports and upstreams of its own, and beside its
//! pipelines one for each signal that leads to an upstream which so knows what the application sent.

use serde_json::{Value, json};

use crate::build::{source_file, target_dir};
use crate::weir::plain_grpc;
use crate::{Launch, Upstream};

/// `deploy/stacks/NAME/weir.yaml`, ready to be started. `pipelines` are those of the file, for the accounts: in them the file has the
/// last word, and it is caught by the accounts if it has another one. Every variable of `env` is one that the file names.
pub fn launch(name: &str, pipelines: Value, sent: &Upstream, env: &[(&str, String)]) -> Launch {
    let mut launch = Launch::new();
    let settings = [
        ("receivers.otlp.protocols.grpc.endpoint", launch.ports.grpc),
        ("receivers.otlp.protocols.http.endpoint", launch.ports.http),
        ("extensions.health_check.endpoint", launch.ports.health),
        ("service.telemetry.metrics.address", launch.ports.metrics),
    ];
    let file = source_file("../deploy/stacks").join(name).join("weir.yaml");
    launch.args = vec!["--config".to_owned(), file.display().to_string()];
    for (key, port) in settings {
        launch.args.extend(["--set".to_owned(), format!("{key}=127.0.0.1:{port}")]);
    }
    let mut all = pipelines;
    for id in all.as_object().expect("a map of pipelines").keys().cloned().collect::<Vec<_>>() {
        let signal = id.split('/').next().unwrap_or_default();
        all[format!("{signal}/sent")] = json!({"receivers": ["otlp"], "exporters": ["otlp_grpc/sent"]});
    }
    launch.config["exporters"]["otlp_grpc/sent"] = plain_grpc(&sent.address());
    launch.config["service"]["pipelines"] = all;
    let plugins = target_dir().join("plugins").display().to_string();
    launch.env = vec![("WEIR_PLUGINS".to_owned(), plugins)];
    launch.env.extend(env.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    launch
}

/// What `weir validate` says of `deploy/stacks/NAME/weir.yaml` with other files of that folder over it.
pub async fn validate(name: &str, overlays: &[&str]) -> std::process::Output {
    let folder = source_file("../deploy/stacks").join(name);
    let mut command = crate::weir::command(None);
    command.arg("validate").env("XDG_CACHE_HOME", target_dir().join("test-cache"));
    command
        .env("WEIR_PLUGINS", target_dir().join("plugins"))
        .env("WEIR_TOKEN_KEY", "0123456789abcdef".repeat(2));
    for file in std::iter::once(&"weir.yaml").chain(overlays) {
        command.arg("--config").arg(folder.join(file));
    }
    command.output().await.expect("the binary runs")
}
