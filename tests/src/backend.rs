//! Real backends as child processes, as `tests/backends/run.sh` runs them, on free ports of the loopback interface with everything that
//! they write in a directory of their own. Where one is not in the cache a test says that it was skipped; with `WEIR_BACKENDS=required`,
//! which `make test-backends` sets, it fails.

mod find;
mod kind;
mod prometheus;
mod query;

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::ports::free_port;
use crate::{build, http, process, wait};

use kind::Kind;

pub use find::{found, promtool};
pub use prometheus::Prometheus;
pub use query::encoded;

/// How long one may take until it answers. Loki is the slowest, with a second on an idle machine.
const START: Duration = Duration::from_secs(60);

/// A running backend. It is killed when this is dropped.
pub struct Backend {
    /// Where it takes OTLP over gRPC (Jaeger, the Collector).
    pub grpc: u16,
    /// Where it takes OTLP over HTTP (Jaeger, the Collector).
    pub http: u16,
    /// Where it is asked what it has; Prometheus and Loki take what they are sent there too.
    pub api: u16,
    /// `${env:SCRAPE}` of the Collector's configuration, for a `prometheus` exporter.
    pub scrape: u16,
    kind: Kind,
    child: Child,
    dir: tempfile::TempDir,
}

impl Backend {
    /// Jaeger with its traces in memory. `None` where it is not in the cache, which it says.
    pub async fn jaeger() -> Option<Backend> {
        Backend::start(Kind::Jaeger, &[], None).await
    }

    /// Loki, which answers 429 above so many MB/s; unconfigured it has 4.
    pub async fn loki(rate_mb: u32) -> Option<Backend> {
        Backend::start(Kind::Loki, &[("RATE_MB", rate_mb.to_string())], None).await
    }

    /// Prometheus from the cache, or Debian's where that will do.
    pub async fn prometheus(options: Prometheus) -> Option<Backend> {
        let binary = find::prometheus(options.is_recent)?;
        let has_otlp = find::is_cached(&binary);
        let env = [("PROMETHEUS", binary.display().to_string()), ("OTLP", u8::from(has_otlp).to_string())];
        Backend::start(Kind::Prometheus, &env, Some(options.config(has_otlp).to_string())).await
    }

    /// The Collector with this configuration, in which the variables `${env:GRPC}`, `${env:HTTP}`, `${env:SCRAPE}` and `${env:DATA}`
    /// are the ports of this backend and its directory. Where its own metrics go is added.
    pub async fn collector(config: &str) -> Option<Backend> {
        Backend::start(Kind::Collector, &[], Some(config.to_owned())).await
    }

    async fn start(kind: Kind, env: &[(&str, String)], config: Option<String>) -> Option<Backend> {
        if kind != Kind::Prometheus {
            found(kind.binary())?;
        }
        let dir = tempfile::tempdir().expect("a temporary directory");
        let [grpc, http, api, api_grpc, scrape] = std::array::from_fn(|_| free_port());
        let mut command = Command::new(build::source_file("backends/run.sh"));
        command
            .arg(kind.binary())
            .env("DATA", dir.path())
            .envs(env.iter().map(|(name, value)| (name, value)));
        let ports =
            [("GRPC", grpc), ("HTTP", http), ("API", api), ("API_GRPC", api_grpc), ("SCRAPE", scrape)];
        command.envs(ports.map(|(name, port)| (name, port.to_string())));
        if let Some(text) = config {
            let file = dir.path().join("config.yaml");
            std::fs::write(&file, text).expect("a writable temporary directory");
            command.env("CONFIG", file);
        }
        let output = File::create(dir.path().join("output")).expect("a writable temporary directory");
        let errors = output.try_clone().expect("a file can be shared");
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let child = command.spawn().expect("bash runs");
        let backend = Backend { grpc, http, api, scrape, kind, child, dir };
        backend.ready().await;
        Some(backend)
    }

    async fn ready(&self) {
        let name = self.kind.binary();
        wait::within(START, &format!("{name} is ready"), async || {
            assert!(process::is_running(self.child.id()), "{name} ended instead of starting");
            let reply = http::get(self.api, self.kind.ready_path()).await?;
            // The Collector has its metrics before it listens for anything else.
            let is_up = self.kind != Kind::Collector || self.output().contains("Everything is ready");
            (reply.status == 200 && is_up).then_some(())
        })
        .await;
    }

    /// What it has printed so far; the Collector's `debug` exporter prints there.
    pub fn output(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("output")).unwrap_or_default()
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// `GET` of its API: the body as JSON, or `None` if it is none or the status is not 200.
    pub async fn get(&self, path_and_query: &str) -> Option<Value> {
        let reply = http::get(self.api, path_and_query).await?;
        if reply.status != 200 {
            return None;
        }
        serde_json::from_slice(&reply.body).ok()
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- output of {} ---\n{}", self.kind.binary(), self.output());
        }
        // The script has replaced itself by the backend, so this is its process.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
