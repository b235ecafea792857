//! Receivers on Unix sockets: served, guarded, and cleaned up.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde_json::json;
use tokio::net::UnixStream;
use weir_tests::{Connection, Launch, Ports, Signal, Upstream, Weir, requests, weir};

struct Sockets {
    home: tempfile::TempDir,
}

impl Sockets {
    fn new() -> Sockets {
        Sockets { home: tempfile::tempdir().unwrap() }
    }

    fn path(&self, protocol: &str) -> PathBuf {
        self.home.path().join(format!("{protocol}.sock"))
    }

    /// A weir whose protocols listen on these.
    fn launch(&self, upstream: &Upstream) -> Launch {
        let mut launch = Launch::new().to_grpc(&upstream.address());
        for protocol in ["grpc", "http"] {
            let settings = &mut launch.config["receivers"]["otlp"]["protocols"][protocol];
            settings["transport"] = json!("unix");
            settings["endpoint"] = json!(self.path(protocol));
        }
        launch
    }

    async fn connect(&self) -> [Connection; 2] {
        let stream = async |protocol| UnixStream::connect(self.path(protocol)).await.unwrap();
        [Connection::grpc_over(stream("grpc").await).await, Connection::http_over(stream("http").await).await]
    }

    async fn are_served(&self) {
        for mut connection in self.connect().await {
            assert!(connection.send(Signal::Logs, requests::unique(Signal::Logs, "unix", 1)).await.unwrap());
        }
    }
}

fn inode(path: &Path) -> u64 {
    fs::metadata(path).unwrap().ino()
}

/// Starts a weir that must not start, and gives what it says.
async fn refused(launch: Launch) -> String {
    let mut weir: Weir = launch.spawn().await;
    assert_eq!(weir.wait().await.code(), Some(1));
    weir.stderr()
}

#[tokio::test]
async fn both_protocols_are_served_for_user_and_group_and_the_sockets_go_at_the_end() {
    let (upstream, sockets) = (Upstream::start().await, Sockets::new());
    let mut weir = sockets.launch(&upstream).start().await;
    sockets.are_served().await;
    assert_eq!(upstream.delivered().len(), 2);
    for protocol in ["grpc", "http"] {
        let mode = fs::metadata(sockets.path(protocol)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
    }
    weir.stop().await;
    assert_eq!(fs::read_dir(sockets.home.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_a_killed_weir_left_is_replaced_and_a_live_one_is_left_alone() {
    let (upstream, sockets) = (Upstream::start().await, Sockets::new());
    let mut killed = sockets.launch(&upstream).start().await;
    killed.signal("KILL");
    killed.wait().await;
    assert!(sockets.path("grpc").exists());
    let _weir = sockets.launch(&upstream).start().await;
    sockets.are_served().await;
    let said = refused(sockets.launch(&upstream)).await;
    assert!(said.contains("another process listens on it (is another collector running?)"), "{said}");
    sockets.are_served().await;
}

#[tokio::test]
async fn a_file_that_is_no_socket_is_never_removed() {
    let (upstream, sockets) = (Upstream::start().await, Sockets::new());
    fs::write(sockets.path("http"), "precious").unwrap();
    let said = refused(sockets.launch(&upstream)).await;
    assert!(said.contains("there is a file that is no socket; weir does not remove it"), "{said}");
    assert_eq!(fs::read_to_string(sockets.path("http")).unwrap(), "precious");
    assert!(!sockets.path("grpc").exists(), "what was bound before is cleaned up");
}

#[tokio::test]
async fn a_reload_keeps_a_socket_that_stays_and_moves_one_that_moves() {
    let (upstream, sockets) = (Upstream::start().await, Sockets::new());
    let launch = sockets.launch(&upstream);
    let mut config = launch.config.clone();
    let weir = launch.start().await;
    let [mut grpc, _] = sockets.connect().await;
    let before = inode(&sockets.path("grpc"));
    let moved = sockets.home.path().join("moved.sock");
    config["receivers"]["otlp"]["protocols"]["http"]["endpoint"] = json!(moved);
    weir.reconfigure(&config);
    weir.reloads("success", 1).await;
    assert_eq!(inode(&sockets.path("grpc")), before);
    assert!(grpc.send(Signal::Logs, requests::unique(Signal::Logs, "kept", 1)).await.unwrap());
    assert!(!grpc.is_closed());
    let mut http = Connection::http_over(UnixStream::connect(&moved).await.unwrap()).await;
    assert!(http.send(Signal::Logs, requests::unique(Signal::Logs, "moved", 1)).await.unwrap());
    weir_tests::wait::until("the former socket is gone", async || {
        (!sockets.path("http").exists()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn transports_that_cannot_carry_otlp_are_refused_with_a_reason() {
    let home = tempfile::tempdir().unwrap();
    let mut config = Launch::on(Ports::pick()).exporter("nop", json!({})).config;
    config["receivers"]["otlp"]["protocols"]["grpc"]["transport"] = json!("udp");
    fs::write(home.path().join("weir.yaml"), config.to_string()).unwrap();
    let output = weir::run(&["validate", "--config", "weir.yaml"], home.path()).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains("OTLP needs a stream of bytes: use tcp or unix"), "{said}");
}
