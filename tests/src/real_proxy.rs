//! Real proxies as child processes, where they are installed: nginx and haproxy, each with one port for gRPC and one for HTTP, on free
//! ports, with everything that they write in a directory of their own.

use std::cell::Cell;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::ports::free_port;
use crate::wait;

/// A proxy that has no new worker after so many looks, of which there are a hundred in a second, is told once more.
const LOOKS_BETWEEN_SIGNALS: u32 = 100;

/// Which proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One worker; `nginx -s reload`, which is SIGHUP to the master.
    Nginx,
    /// In master-worker mode; SIGUSR2 makes the master start anew and its former worker finish (`-sf`).
    Haproxy,
}

/// A running proxy. It is killed, with its workers, when this is dropped.
pub struct Proxy {
    /// Where it takes gRPC.
    pub grpc: u16,
    /// Where it takes HTTP/1.1.
    pub http: u16,
    kind: Kind,
    master: Child,
    dir: tempfile::TempDir,
}

impl Kind {
    fn program(self) -> &'static str {
        match self {
            Kind::Nginx => "nginx",
            Kind::Haproxy => "haproxy",
        }
    }

    /// Where it is; Debian keeps it where only root's PATH leads.
    fn find(self) -> Option<std::path::PathBuf> {
        let path = std::env::var("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).chain([Path::new("/usr/sbin").to_owned()]);
        folders.map(|folder| folder.join(self.program())).find(|file| file.is_file())
    }

    fn config(self, dir: &Path, [grpc, http]: [u16; 2], [to_grpc, to_http]: [u16; 2]) -> String {
        let template = match self {
            Kind::Nginx => include_str!("real_proxy/nginx.conf"),
            Kind::Haproxy => include_str!("real_proxy/haproxy.cfg"),
        };
        template
            .replace("DIR", &dir.display().to_string())
            .replace("FROM_GRPC", &grpc.to_string())
            .replace("FROM_HTTP", &http.to_string())
            .replace("TO_GRPC", &to_grpc.to_string())
            .replace("TO_HTTP", &to_http.to_string())
    }
}

impl Proxy {
    /// One in front of these ports of the loopback interface. `None` where it is not installed, which it says.
    pub async fn start(kind: Kind, to_grpc: u16, to_http: u16) -> Option<Proxy> {
        let Some(program) = kind.find() else {
            eprintln!("skipped: {} is not installed here", kind.program());
            return None;
        };
        let dir = tempfile::tempdir().expect("a temporary directory");
        let [grpc, http] = [free_port(), free_port()];
        let file = dir.path().join("proxy.conf");
        let config = kind.config(dir.path(), [grpc, http], [to_grpc, to_http]);
        std::fs::write(&file, config).expect("a writable temporary directory");
        let mut command = Command::new(program);
        match kind {
            Kind::Nginx => command.arg("-p").arg(dir.path()).arg("-c").arg(&file),
            Kind::Haproxy => command.arg("-W").arg("-f").arg(&file),
        };
        let output =
            std::fs::File::create(dir.path().join("output")).expect("a writable temporary directory");
        let errors = output.try_clone().expect("a file can be shared");
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let master = command.spawn().expect("a proxy that is installed runs");
        let proxy = Proxy { grpc, http, kind, master, dir };
        for port in [grpc, http] {
            wait::until(&format!("{} listens", kind.program()), async || {
                tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()
            })
            .await;
        }
        Some(proxy)
    }

    /// Makes it read its configuration again, and waits until a new worker is there.
    pub async fn reload(&self) {
        let before = children(self.master.id());
        let signal = match self.kind {
            Kind::Nginx => "HUP",
            Kind::Haproxy => "USR2",
        };
        let looks = Cell::new(0_u32);
        wait::until(&format!("{} has a new worker", self.kind.program()), async || {
            // haproxy's master does not hear a signal while it starts itself anew, so it is told again.
            if looks.replace(looks.get() + 1).is_multiple_of(LOOKS_BETWEEN_SIGNALS) {
                kill(signal, self.master.id());
            }
            children(self.master.id()).iter().any(|pid| !before.contains(pid)).then_some(())
        })
        .await;
    }

    fn output(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("output")).unwrap_or_default()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- output of {} ---\n{}", self.kind.program(), self.output());
        }
        // The master first, so that it starts no other worker; its workers are no longer listed after that.
        let workers = children(self.master.id());
        let _ = self.master.kill();
        for worker in workers {
            kill("KILL", worker);
        }
        let _ = self.master.wait();
    }
}

fn children(pid: u32) -> Vec<u32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

fn kill(signal: &str, pid: u32) {
    let mut command = Command::new("kill");
    command.args([&format!("-{signal}"), &pid.to_string()]).stderr(Stdio::null());
    // A worker may have gone by itself.
    let _ = command.status();
}
