//! An upstream on a Unix socket, as an agent on the same node has it.

use serde_json::json;
use tonic::Code;
use weir_tests::{GrpcSender, Launch, Signal, Upstream, requests, wait};

#[tokio::test]
async fn a_grpc_upstream_may_listen_on_a_unix_socket_and_come_back_on_it() {
    let home = tempfile::tempdir().unwrap();
    let socket = home.path().join("otlp.sock");
    let settings = json!({
        "endpoint": format!("unix://{}", socket.display()), "tls": {"insecure": true}, "compression": "none",
    });
    let weir = Launch::new().exporter("otlp_grpc", settings).start().await;
    let sender = GrpcSender::new(weir.ports.grpc);
    let body = requests::unique(Signal::Logs, "socket", 2);
    let status = sender.send(Signal::Logs, body.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains("no such file or directory"), "{}", status.message());
    for _ in 0..2 {
        let mut upstream = Upstream::start_unix(&socket).await;
        wait::until("weir finds the socket", async || {
            sender.send(Signal::Logs, body.clone()).await.ok().map(drop)
        })
        .await;
        let received = upstream.delivered().remove(0);
        assert_eq!(received.body, body);
        upstream.kill().await;
        std::fs::remove_file(&socket).unwrap();
    }
}
