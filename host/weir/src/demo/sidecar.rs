//! The sidecar of the demo: the same binary as a child process, with the configuration in `deploy/examples/demo`.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::DemoError;

const CONFIG: &str = include_str!("../../../../deploy/examples/demo/config.yaml");

/// The shipped plugins, in the order of the chain, with their configuration.
const PLUGINS: [(&str, &str, &str); 3] = [
    ("10-sample", "sample.wasm", include_str!("../../../../deploy/examples/demo/plugins/10-sample.yaml")),
    ("20-enrich", "enrich.wasm", include_str!("../../../../deploy/examples/demo/plugins/20-enrich.yaml")),
    ("30-redact", "redact.wasm", include_str!("../../../../deploy/examples/demo/plugins/30-redact.yaml")),
];

/// A first start compiles the plugins; on a busy machine that takes a while.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// A running weir with its files.
pub(super) struct Sidecar {
    child: Child,
    folder: tempfile::TempDir,
    shipped: PathBuf,
    pub grpc: SocketAddr,
    health: SocketAddr,
    metrics: SocketAddr,
}

impl Sidecar {
    /// Starts it, forwarding to `upstream`, and waits until it is ready.
    pub(super) async fn start(upstream: SocketAddr) -> Result<Self, DemoError> {
        let shipped = shipped_plugins()?;
        let folder = tempfile::tempdir().map_err(|error| DemoError::new("make a temporary folder", error))?;
        let config = folder.path().join("config.yaml");
        write(&config, CONFIG)?;
        fs::create_dir(folder.path().join("plugins.d"))
            .map_err(|error| DemoError::new("make the plugin directory", error))?;
        let [grpc, http, health, metrics] = free_addresses()?;
        let log = fs::File::create(folder.path().join("weir.log"))
            .map_err(|error| DemoError::new("make the log file", error))?;
        let exe = std::env::current_exe().map_err(|error| DemoError::new("find weir's own file", error))?;
        let mut command = Command::new(exe);
        command
            .arg("--config")
            .arg(&config)
            .env("DEMO_GRPC", grpc.to_string())
            .env("DEMO_HTTP", http.to_string())
            .env("DEMO_HEALTH", health.to_string())
            .env("DEMO_METRICS", metrics.to_string())
            .env("DEMO_UPSTREAM", upstream.to_string())
            .env("DEMO_PLUGINS", folder.path().join("plugins.d"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        for (name, file, config) in PLUGINS {
            let directory = folder.path().join("plugins.d");
            write(&directory.join(format!("{name}.yaml")), config)?;
            install(&shipped.join(file), &directory, &format!("{name}.wasm"))?;
        }
        let child = command.spawn().map_err(|error| DemoError::new("start weir", error))?;
        let mut sidecar = Sidecar { child, folder, shipped, grpc, health, metrics };
        sidecar.wait_ready().await?;
        Ok(sidecar)
    }

    async fn wait_ready(&mut self) -> Result<(), DemoError> {
        let start = Instant::now();
        while start.elapsed() < READY_WITHIN {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(DemoError::new(format!("start weir ({status})\n{}", self.log()), "it ended"));
            }
            if get(self.health, "/").await.is_ok_and(|response| response.starts_with("HTTP/1.1 200")) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(DemoError::new(format!("start weir\n{}", self.log()), "it is not ready after two minutes"))
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Drops the fourth plugin into the directory, as an operator would: written aside, then renamed.
    pub(super) fn drop_in_fourth(&self) -> Result<(), DemoError> {
        install(
            &self.shipped.join("examples/tenant.wasm"),
            &self.folder.path().join("plugins.d"),
            "40-tenant.wasm",
        )
    }

    /// The value of every series of weir's own metrics, by name with labels.
    pub(super) async fn metrics(&self) -> Result<Vec<(String, f64)>, DemoError> {
        let response = get(self.metrics, "/metrics")
            .await
            .map_err(|error| DemoError::new("read weir's metrics", error))?;
        let lines = response.lines().filter(|line| !line.starts_with('#'));
        let series = |line: &str| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        Ok(lines.filter_map(series).collect())
    }

    /// Stops it with SIGTERM and says whether it ended with 0.
    pub(super) async fn stop(mut self) -> Result<bool, DemoError> {
        let pid = self.child.id().to_string();
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .map_err(|error| DemoError::new("send SIGTERM to weir", error))?;
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(30) {
            match self.child.try_wait() {
                Ok(Some(status)) => return Ok(status.success()),
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
        Ok(false)
    }

    /// The last lines that it logged.
    pub(super) fn log(&self) -> String {
        let log = fs::read_to_string(self.folder.path().join("weir.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(12).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

/// A demo that is interrupted leaves nothing running.
impl Drop for Sidecar {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

/// Where the built plugins are: named by WEIR_PLUGINS, or where `make build` or the image puts them.
fn shipped_plugins() -> Result<PathBuf, DemoError> {
    let exe = std::env::current_exe().ok();
    let beside = exe.as_deref().and_then(Path::parent).and_then(Path::parent).map(|top| top.join("plugins"));
    let named = std::env::var_os("WEIR_PLUGINS").map(PathBuf::from);
    let candidates = [named, beside, Some(PathBuf::from("/usr/share/weir/plugins"))];
    candidates.into_iter().flatten().find(|folder| folder.join("redact.wasm").is_file()).ok_or_else(|| {
        DemoError::new("find the shipped plugins", "run `make build`, or set WEIR_PLUGINS to their folder")
    })
}

fn install(from: &Path, directory: &Path, name: &str) -> Result<(), DemoError> {
    let aside = directory.join(format!(".{name}.tmp"));
    let what = || format!("copy the plugin {}", from.display());
    fs::copy(from, &aside).map_err(|error| DemoError::new(what(), error))?;
    fs::rename(&aside, directory.join(name)).map_err(|error| DemoError::new(what(), error))
}

fn write(path: &Path, text: &str) -> Result<(), DemoError> {
    fs::write(path, text).map_err(|error| DemoError::new(format!("write {}", path.display()), error))
}

/// Loopback ports that were free a moment ago. All are held until all are known, so that they differ.
fn free_addresses() -> Result<[SocketAddr; 4], DemoError> {
    let fail = |error| DemoError::new("find free ports on loopback", error);
    let mut held = Vec::new();
    let mut addresses = [SocketAddr::from(([127, 0, 0, 1], 0)); 4];
    for address in &mut addresses {
        let listener = TcpListener::bind(*address).map_err(fail)?;
        *address = listener.local_addr().map_err(fail)?;
        held.push(listener);
    }
    Ok(addresses)
}

/// One GET; the whole response as text.
async fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response).await?;
    Ok(String::from_utf8_lossy(&response).into_owned())
}
