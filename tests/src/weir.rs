//! The real binary as a child process: started with a configuration, watched, stopped.

mod balance;

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

use crate::accounts::Accounts;
use crate::metrics::Metrics;
use crate::ports::free_port;
use crate::{build, http, process, wait};

/// The ports that one weir listens on, all on the loopback interface.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// OTLP over gRPC.
    pub grpc: u16,
    /// OTLP over HTTP.
    pub http: u16,
    /// The health check.
    pub health: u16,
    /// The metrics.
    pub metrics: u16,
}

impl Ports {
    /// Four free ones.
    pub fn pick() -> Ports {
        Ports { grpc: free_port(), http: free_port(), health: free_port(), metrics: free_port() }
    }
}

/// What is to be started. The configuration is built as JSON, which is YAML as well.
#[derive(Clone, Debug)]
pub struct Launch {
    /// Where it will listen.
    pub ports: Ports,
    /// The whole configuration; change what the test is about.
    pub config: Value,
    /// Further command line arguments.
    pub args: Vec<String>,
    /// Environment variables beside the inherited ones.
    pub env: Vec<(String, String)>,
    /// The core that the process may use; any if `None`.
    pub core: Option<usize>,
    /// Another binary than the usual one.
    pub binary: Option<PathBuf>,
    /// What runs the process instead, such as [`crate::namespace`]: words before its command line.
    pub within: Vec<String>,
    /// Where compiled plugins are kept; by default one place for all tests, so that each is compiled once.
    pub cache: PathBuf,
}

impl Default for Launch {
    fn default() -> Launch {
        Launch::new()
    }
}

impl Launch {
    /// One pipeline per signal from the OTLP receiver to nothing yet: add exporters and processors.
    pub fn new() -> Launch {
        Launch::on(Ports::pick())
    }

    /// The same on these ports.
    pub fn on(ports: Ports) -> Launch {
        let pipeline = json!({"receivers": ["otlp"], "processors": [], "exporters": []});
        let at = |port: u16| format!("127.0.0.1:{port}");
        let config = json!({
            "receivers": {"otlp": {"protocols": {
                "grpc": {"endpoint": at(ports.grpc)}, "http": {"endpoint": at(ports.http)},
            }}},
            "processors": {},
            "exporters": {},
            "extensions": {"health_check": {"endpoint": at(ports.health)}},
            "service": {
                "extensions": ["health_check"],
                "telemetry": {"metrics": {"address": at(ports.metrics)}},
                "pipelines": {"traces": pipeline, "metrics": pipeline, "logs": pipeline},
            },
        });
        let cache = build::target_dir().join("test-cache");
        Launch {
            ports,
            config,
            args: Vec::new(),
            env: Vec::new(),
            core: None,
            binary: None,
            within: Vec::new(),
            cache,
        }
    }

    /// Adds an exporter to every pipeline.
    pub fn exporter(mut self, id: &str, settings: Value) -> Launch {
        self.config["exporters"][id] = settings;
        self.append_to_pipelines("exporters", id);
        self
    }

    /// Adds an `otlp_grpc` exporter to every pipeline: no TLS, no compression, everything else by default.
    pub fn to_grpc(self, address: &str) -> Launch {
        self.exporter("otlp_grpc", plain_grpc(address))
    }

    /// Adds an `otlp_http` exporter to every pipeline: no compression, everything else by default.
    pub fn to_http(self, address: &str) -> Launch {
        self.exporter("otlp_http", json!({"endpoint": format!("http://{address}"), "compression": "none"}))
    }

    /// Adds a processor at the end of every pipeline.
    pub fn processor(mut self, id: &str, settings: Value) -> Launch {
        self.config["processors"][id] = settings;
        self.append_to_pipelines("processors", id);
        self
    }

    fn append_to_pipelines(&mut self, stage: &str, id: &str) {
        let pipelines = self.config["service"]["pipelines"].as_object_mut().expect("a map of pipelines");
        for pipeline in pipelines.values_mut() {
            pipeline[stage].as_array_mut().expect("a list of ids").push(json!(id));
        }
    }

    /// Starts it and waits until the health check says that it is ready.
    pub async fn start(self) -> Weir {
        let weir = self.spawn().await;
        weir.ready().await;
        weir
    }

    /// Starts it and does not wait.
    pub async fn spawn(self) -> Weir {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = dir.path().join("weir.yaml");
        std::fs::write(&file, self.config.to_string()).expect("a writable temporary directory");
        let mut args = vec!["--config".to_owned(), file.display().to_string()];
        args.extend(self.args);
        let binary = self.binary.unwrap_or_else(build::weir_binary);
        let mut command = match self.within.split_first() {
            None => command_of(binary, self.core),
            Some((program, words)) => {
                let mut command = Command::new(program);
                command.args(words).arg(binary);
                command
            }
        };
        let config = expanded(&self.config, &self.env);
        command.args(args).env("XDG_CACHE_HOME", &self.cache).envs(self.env).current_dir(dir.path());
        Weir::watch(command, self.ports, &config, dir)
    }
}

/// The configuration with the variables of this environment put in, as far as the accounts need it.
fn expanded(config: &Value, env: &[(String, String)]) -> Value {
    let mut text = config.to_string();
    for (name, value) in env {
        text = text.replace(&format!("${{env:{name}}}"), value);
    }
    serde_json::from_str(&text).unwrap_or_else(|_| config.clone())
}

/// What weir does without a configuration, as far as the accounts need it.
pub fn built_in(ports: Ports) -> Value {
    let mut launch = Launch::on(ports).exporter("debug", json!({}));
    launch = launch.processor("wasm", json!({"directory": "plugins.d"}));
    launch.config
}

/// The settings of an `otlp_grpc` exporter without TLS and compression.
pub fn plain_grpc(address: &str) -> Value {
    json!({"endpoint": address, "tls": {"insecure": true}, "compression": "none"})
}

/// The command that runs the binary under test, on one core if it is named.
pub fn command(core: Option<usize>) -> Command {
    command_of(build::weir_binary(), core)
}

fn command_of(binary: PathBuf, core: Option<usize>) -> Command {
    match core {
        None => Command::new(binary),
        Some(core) => {
            // taskset replaces itself by the command, so the process id is the one of weir.
            let mut command = Command::new("taskset");
            command.args(["-c", &core.to_string()]).arg(binary);
            command
        }
    }
}

/// Runs the binary to its end; for `validate`, `--version` and configurations that must not start.
pub async fn run(args: &[&str], dir: &Path) -> std::process::Output {
    let mut command = command(None);
    command.args(args).current_dir(dir).stdin(Stdio::null()).kill_on_drop(true);
    command.env("XDG_CACHE_HOME", build::target_dir().join("test-cache"));
    tokio::time::timeout(wait::PATIENCE, command.output()).await.expect("it ends").expect("it runs")
}

/// A running weir. When this is dropped, its accounts have to balance (see [`Accounts`]), or the test fails; then it is
/// killed. One that the test itself has told to end, or has waited for, is not asked any more: such a test shows by the
/// ids of its items what became of them.
pub struct Weir {
    /// Where it listens.
    pub ports: Ports,
    child: Child,
    stderr: Arc<Mutex<String>>,
    stdout: Arc<Mutex<String>>,
    dir: tempfile::TempDir,
    accounts: Mutex<Accounts>,
    is_told_to_end: AtomicBool,
}

impl Weir {
    /// Starts `command`, whose configuration is `config` and names `ports`, and collects what it prints.
    pub fn watch(mut command: Command, ports: Ports, config: &Value, dir: tempfile::TempDir) -> Weir {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the binary runs");
        let stderr = collect(child.stderr.take().expect("stderr is piped"));
        let stdout = collect(child.stdout.take().expect("stdout is piped"));
        let accounts = Mutex::new(Accounts::of(config));
        Weir { ports, child, stderr, stdout, dir, accounts, is_told_to_end: AtomicBool::new(false) }
    }

    /// Replaces the configuration file by another in one step, as a deployment does.
    pub fn reconfigure(&self, config: &Value) {
        self.reconfigure_text(&config.to_string());
    }

    /// The same with any text, which has to be JSON but for comments.
    pub fn reconfigure_text(&self, text: &str) {
        self.reconfigured(text);
        let file = self.dir.path().join("weir.yaml");
        let hidden = self.dir.path().join(".weir.yaml.tmp");
        std::fs::write(&hidden, text)
            .and_then(|()| std::fs::rename(&hidden, &file))
            .expect("a writable temporary directory");
    }

    /// Tells the accounts of a configuration that the test has put into effect by itself.
    pub fn reconfigured(&self, text: &str) {
        let json: String = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
        let config = serde_json::from_str(&json).expect("the accounts need the configuration as JSON");
        self.accounts.lock().expect("no reader panics").reconfigured(&config);
    }

    /// Waits until so many reloads of the configuration have ended like this: `success` or `failure`.
    pub async fn reloads(&self, result: &str, count: u32) -> Metrics {
        self.metrics_until(&format!("{count} reloads with {result}"), |metrics| {
            metrics.sum("weir_config_reloads_total", &[("result", result)]) >= f64::from(count)
        })
        .await
    }

    /// Waits until the health check answers 200. Panics if the process ends or never gets there.
    pub async fn ready(&self) {
        wait::until("weir is ready", async || match self.health().await {
            Some(200) => Some(()),
            _ => {
                assert!(self.is_running(), "weir ended instead of starting");
                None
            }
        })
        .await;
    }

    /// Whether the process is there and not a zombie.
    pub fn is_running(&self) -> bool {
        process::is_running(self.pid())
    }

    /// The process id; 0 once it has ended.
    pub fn pid(&self) -> u32 {
        self.child.id().unwrap_or(0)
    }

    /// The status of the health check, if it answers.
    pub async fn health(&self) -> Option<u16> {
        http::get(self.ports.health, "/").await.map(|reply| reply.status)
    }

    /// One scrape. Panics if it fails.
    pub async fn metrics(&self) -> Metrics {
        let reply = http::get(self.ports.metrics, "/metrics").await.expect("the metrics port answers");
        assert_eq!(reply.status, 200, "{}", reply.text());
        Metrics::parse(&reply.text())
    }

    /// Scrapes until `condition` holds.
    pub async fn metrics_until(&self, what: &str, condition: impl Fn(&Metrics) -> bool) -> Metrics {
        wait::until(what, async || Some(self.metrics().await).filter(&condition)).await
    }

    /// What it wrote to stderr so far.
    pub fn stderr(&self) -> String {
        self.stderr.lock().expect("no reader panics").clone()
    }

    /// What it wrote to stdout so far.
    pub fn stdout(&self) -> String {
        self.stdout.lock().expect("no reader panics").clone()
    }

    /// Waits until stderr holds `text`.
    pub async fn stderr_says(&self, text: &str) {
        wait::until(&format!("stderr says {text:?}"), async || self.stderr().contains(text).then_some(()))
            .await;
    }

    /// Sends a signal, `TERM` for instance.
    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = std::process::Command::new("kill").args([&format!("-{name}"), &pid]).status();
        assert!(sent.expect("kill runs").success(), "signal {name} was not sent");
        if name != "HUP" {
            self.is_told_to_end.store(true, Ordering::Relaxed);
        }
    }

    /// Waits for its end, at most the time that a pod is given.
    pub async fn wait(&mut self) -> ExitStatus {
        self.is_told_to_end.store(true, Ordering::Relaxed);
        let ended = tokio::time::timeout(Duration::from_secs(40), self.child.wait()).await;
        let status = ended.expect("weir ends in time").expect("a child can be waited for");
        // What it said last may still be in the pipes; each reader lets go of the text at their end.
        let all_read = async {
            while Arc::strong_count(&self.stderr) + Arc::strong_count(&self.stdout) > 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        // A child of its own may keep them open for a while longer.
        let _ = tokio::time::timeout(Duration::from_secs(2), all_read).await;
        status
    }

    /// SIGTERM, then the end with exit status 0.
    pub async fn stop(&mut self) {
        self.signal("TERM");
        let status = self.wait().await;
        assert_eq!(status.code(), Some(0), "after SIGTERM");
    }
}

fn collect(mut pipe: impl AsyncRead + Unpin + Send + 'static) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&text);
    tokio::spawn(async move {
        let mut buffer = vec![0; 4096];
        while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
            let piece = String::from_utf8_lossy(&buffer[..read]);
            sink.lock().expect("no reader panics").push_str(&piece);
        }
    });
    text
}
