//! weir in a real container, by runc: the file tree of the image as a read-only root, user 10001, no capability, no new privileges, the
//! seccomp profile that container runtimes have by default, and nothing writable but /tmp. What the kubelet would ask the runtime for,
//! except for the network, which is that of the tests.

mod spec;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::{Weir, build, weir};

/// What a container is started with.
pub struct Image {
    dir: tempfile::TempDir,
    is_static: bool,
}

/// A container that is running. It is killed when this is dropped.
pub struct Container {
    /// The process, as the other tests know it. Its id is runc's, which passes signals on.
    pub weir: Weir,
    // After it, since weir is asked for its accounts when it is dropped.
    id: Id,
}

/// The container, as runc knows it.
struct Id(String);

impl Image {
    /// The tree that `deploy/image/tree.sh` lays out, with the static binary if `make image` has built it and with the tests' own
    /// otherwise. `None`, which is said, where no container can be run.
    pub fn tree(more: &[(&str, &str)]) -> Option<Image> {
        if !may_run() {
            return None;
        }
        let dir = tempfile::tempdir().expect("a temporary directory");
        let static_binary = build::static_binary();
        let binary = static_binary.clone().unwrap_or_else(build::weir_binary);
        let script = build::source_file("../deploy/image/tree.sh");
        let mut command = Command::new(script);
        command.arg(dir.path().join("rootfs")).arg(&binary).arg(build::target_dir().join("plugins"));
        command.envs(more.iter().copied());
        let output = command.output().expect("tree.sh runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let image = Image { dir, is_static: static_binary.is_some() };
        if !image.is_static {
            eprintln!(
                "without `make image` the binary is not static: the loader and the C library are mounted beside it"
            );
        }
        Some(image)
    }

    /// The root of the container.
    pub fn root(&self) -> PathBuf {
        self.dir.path().join("rootfs")
    }

    /// Runs the image's command with this configuration in place of the image's own, and with `tmp` as its /tmp, and waits until it is ready.
    pub async fn run(
        &self,
        ports: crate::Ports,
        config: &Value,
        tmp: &Path,
        arguments: &[&str],
    ) -> Container {
        let bundle = tempfile::tempdir().expect("a temporary directory");
        let conf = bundle.path().join("conf");
        std::fs::create_dir(&conf).expect("a writable temporary directory");
        std::fs::write(conf.join("config.yaml"), config.to_string()).expect("a writable temporary directory");
        let mut mounts = vec![spec::read_only(&conf, "/etc/weir"), spec::writable(tmp, "/tmp")];
        if !self.is_static {
            mounts.extend(
                libraries(&self.root().join("usr/local/bin/weir"))
                    .iter()
                    .map(|file| spec::read_only(file, file)),
            );
        }
        let mut words = vec!["/usr/local/bin/weir"];
        words.extend(arguments);
        let spec = spec::of(&self.root(), &words, mounts);
        std::fs::write(bundle.path().join("config.json"), spec.to_string())
            .expect("a writable temporary directory");
        let id = format!("weir-test-{}-{}", std::process::id(), ports.grpc);
        let mut command = tokio::process::Command::new("runc");
        command.arg("run").arg("--bundle").arg(bundle.path()).arg(&id);
        let container = Container { weir: Weir::watch(command, ports, config, bundle), id: Id(id) };
        container.weir.ready().await;
        container
    }
}

impl Container {
    /// A line of the process's own `/proc/PID/status`.
    pub fn status(&self, key: &str) -> String {
        let output = Command::new("runc").args(["state", &self.id.0]).output().expect("runc runs");
        let state: Value = serde_json::from_slice(&output.stdout).expect("the state is JSON");
        let text = std::fs::read_to_string(format!("/proc/{}/status", state["pid"])).expect("it runs");
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{key}:")));
        line.unwrap_or_else(|| panic!("no {key} in {text}")).trim().replace('\t', " ")
    }
}

impl Drop for Id {
    fn drop(&mut self) {
        // A runc that is killed leaves its container behind. One that has ended by itself is not known any more.
        let mut command = Command::new("runc");
        command.args(["delete", "--force", &self.0]).stdout(Stdio::null()).stderr(Stdio::null());
        let _ = command.status();
    }
}

/// Whether runc and its profile are there, and may be used.
fn may_run() -> bool {
    if spec::profile().is_none() {
        eprintln!(
            "skipped: the default seccomp profile is not installed here, `make clients` installs it for root"
        );
        return false;
    }
    let bundle = tempfile::tempdir().expect("a temporary directory");
    let root = bundle.path().join("rootfs");
    std::fs::create_dir(&root).expect("a writable temporary directory");
    let folders = ["/usr", "/lib", "/lib64"].map(Path::new).into_iter().filter(|folder| folder.exists());
    let mounts = folders.map(|folder| spec::read_only(folder, folder)).collect();
    let spec = spec::of(&root, &["/usr/bin/true"], mounts);
    std::fs::write(bundle.path().join("config.json"), spec.to_string())
        .expect("a writable temporary directory");
    let id = format!("weir-trial-{}-{}", std::process::id(), crate::ports::free_port());
    let mut command = Command::new("runc");
    command.arg("run").arg("--bundle").arg(bundle.path()).arg(id).stdin(Stdio::null());
    let may = command.output().is_ok_and(|output| output.status.success());
    if !may {
        eprintln!("skipped: runc is not installed here, or this user may not run a container");
    }
    may
}

/// The files that a binary is linked to, as the loader finds them.
fn libraries(binary: &Path) -> Vec<PathBuf> {
    let output = Command::new("ldd").arg(binary).output().expect("ldd runs");
    let text = String::from_utf8(output.stdout).expect("paths");
    text.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from).collect()
}

/// The addresses of a weir in a container, whose network is that of the tests, with its exporter.
pub fn config(ports: crate::Ports, processors: &Value, exporter: Value) -> Value {
    let mut launch = weir::Launch::on(ports).exporter("otlp_grpc", exporter);
    for (id, settings) in processors.as_object().into_iter().flatten() {
        launch = launch.processor(id, settings.clone());
    }
    launch.config
}
