//! Receivers with TLS: who is served, who is not, and certificates that are renewed while senders are connected.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use weir_tests::sender::raw_exchange;
use weir_tests::tls::{self, TlsClient};
use weir_tests::{Connection, GrpcSender, Launch, Signal, Upstream, Weir, requests, wait, weir};

/// The `tls` block with the certificate of a directory.
fn block(home: &Path) -> Value {
    json!({"cert_file": home.join("cert.pem"), "key_file": home.join("key.pem")})
}

/// Puts one of the tests' certificates into place, key first.
fn install(home: &Path, name: &str) {
    fs::copy(tls::file(&format!("{name}.key.pem")), home.join("key.pem")).unwrap();
    fs::copy(tls::file(&format!("{name}.pem")), home.join("cert.pem")).unwrap();
}

/// A weir with this block on both ports.
fn launch(upstream: &Upstream, block: &Value) -> Launch {
    let mut launch = Launch::new().to_grpc(&upstream.address());
    for protocol in ["grpc", "http"] {
        launch.config["receivers"]["otlp"]["protocols"][protocol]["tls"] = block.clone();
    }
    launch
}

struct Secured {
    upstream: Upstream,
    weir: Weir,
    home: tempfile::TempDir,
}

/// One that is running, with whatever else is in the block.
async fn secured(more: Value) -> Secured {
    let (upstream, home) = (Upstream::start().await, tempfile::tempdir().unwrap());
    install(home.path(), "server");
    let mut block = block(home.path());
    block.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let weir = launch(&upstream, &block).start().await;
    Secured { upstream, weir, home }
}

fn body(tag: &str) -> bytes::Bytes {
    requests::unique(Signal::Logs, tag, 1)
}

/// A connection of each protocol, if both handshakes succeed.
async fn connect(weir: &Weir, client: &TlsClient) -> std::io::Result<[Connection; 2]> {
    let with = |protocol| TlsClient { protocols: vec![protocol], ..client.clone() };
    let grpc = with("h2").connect(weir.ports.grpc).await?;
    let http = with("http/1.1").connect(weir.ports.http).await?;
    Ok([Connection::grpc_over(grpc).await, Connection::http_over(http).await])
}

/// Whether both protocols serve this client.
async fn serves(weir: &Weir, client: &TlsClient) -> bool {
    let Ok(connections) = connect(weir, client).await else { return false };
    let mut served = 0;
    for mut connection in connections {
        // With TLS 1.3 a client learns that it is refused when it reads.
        served += usize::from(matches!(connection.send(Signal::Logs, body("tls")).await, Ok(true)));
    }
    assert_ne!(served, 1, "both protocols, or none");
    served == 2
}

/// Whether new connections are shown this certificate.
async fn shows(weir: &Weir, name: &str) -> bool {
    let stream = TlsClient::offering(&["h2"]).connect(weir.ports.grpc).await.unwrap();
    tls::is_shown(&stream, name)
}

fn renewals(metrics: &weir_tests::metrics::Metrics, result: &str) -> f64 {
    metrics.sum("weir_receiver_certificate_renewals_total", &[("result", result), ("transport", "grpc")])
}

#[tokio::test]
async fn both_protocols_are_served_within_tls_and_agree_on_what_to_speak() {
    let Secured { upstream, weir, .. } = secured(json!({})).await;
    assert!(serves(&weir, &TlsClient::default()).await);
    assert!(
        serves(&weir, &TlsClient { is_old: true, ..TlsClient::default() }).await,
        "TLS 1.2 is the oldest"
    );
    let (grpc, http) = (weir.ports.grpc, weir.ports.http);
    for (port, offered, agreed) in [
        (grpc, &["h2", "http/1.1"][..], "h2"),
        (http, &["http/1.1", "h2"], "h2"),
        (http, &["http/1.1"], "http/1.1"),
        (http, &[], ""),
        (grpc, &[], ""),
    ] {
        let stream = TlsClient::offering(offered).connect(port).await.unwrap();
        assert_eq!(tls::protocol(&stream), agreed, "{offered:?}");
    }
    assert!(TlsClient::offering(&["http/1.1"]).connect(grpc).await.is_err(), "gRPC needs h2");
    assert_eq!(upstream.delivered().len(), 4);
}

#[tokio::test]
async fn with_a_client_authority_only_its_clients_are_served() {
    let Secured { upstream, weir, .. } = secured(json!({"client_ca_file": tls::file("ca.pem")})).await;
    let as_who = |identity| TlsClient { identity, ..TlsClient::default() };
    assert!(serves(&weir, &as_who(Some("client"))).await);
    assert!(!serves(&weir, &as_who(None)).await, "no certificate");
    assert!(!serves(&weir, &as_who(Some("stranger"))).await, "a certificate of another authority");
    assert!(!serves(&weir, &as_who(Some("server"))).await, "a certificate that is not for clients");
    assert_eq!(upstream.delivered().len(), 2);
    assert!(!weir.stderr().contains("handshake"), "at the level debug only: {}", weir.stderr());
}

#[tokio::test]
async fn versions_below_min_version_are_refused() {
    let Secured { weir, upstream: _upstream, .. } = secured(json!({"min_version": "1.3"})).await;
    assert!(serves(&weir, &TlsClient::default()).await);
    assert!(!serves(&weir, &TlsClient { is_old: true, ..TlsClient::default() }).await);
}

#[tokio::test]
async fn plain_text_on_a_tls_port_and_tls_on_a_plain_port_come_to_nothing_at_once() {
    let Secured { upstream, weir, .. } = secured(json!({})).await;
    let post = b"POST /v1/logs HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n";
    for port in [weir.ports.http, weir.ports.grpc] {
        let answer = raw_exchange(port, post, wait::PATIENCE).await;
        assert!(!answer.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&answer));
        let answer = raw_exchange(port, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", wait::PATIENCE).await;
        assert!(answer.len() < 100, "an alert at most");
    }
    assert!(GrpcSender::new(weir.ports.grpc).send(Signal::Logs, body("plain")).await.is_err());
    assert!(upstream.received().is_empty());

    let plain = Launch::new().to_grpc(&upstream.address()).start().await;
    for port in [plain.ports.grpc, plain.ports.http, plain.ports.health] {
        assert!(TlsClient::offering(&["h2"]).connect(port).await.is_err());
    }
    assert!(!plain.stderr().contains("ERROR") && !weir.stderr().contains("ERROR"));
}

#[tokio::test]
async fn a_handshake_that_stalls_is_given_up_and_keeps_nobody_waiting() {
    let Secured { weir, upstream: _upstream, .. } = secured(json!({})).await;
    let mut stalled = TcpStream::connect(("127.0.0.1", weir.ports.grpc)).await.unwrap();
    // The beginning of a ClientHello.
    stalled.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").await.unwrap();
    assert!(serves(&weir, &TlsClient::default()).await);
    let mut said = Vec::new();
    // Closed or reset: it is over.
    let _ = wait::in_time("it is closed", stalled.read_to_end(&mut said)).await;
}

#[tokio::test]
async fn renewed_files_are_found_after_the_interval_and_open_connections_go_on() {
    let Secured { weir, home, upstream: _upstream } = secured(json!({"reload_interval": "10ms"})).await;
    let mut open = connect(&weir, &TlsClient::default()).await.unwrap();
    for connection in &mut open {
        assert!(connection.send(Signal::Logs, body("before")).await.unwrap());
    }
    assert!(shows(&weir, "server").await);
    install(home.path(), "renewed");
    wait::until("the renewed certificate is shown", async || shows(&weir, "renewed").await.then_some(()))
        .await;
    for connection in &mut open {
        assert!(connection.send(Signal::Logs, body("after")).await.unwrap());
        assert!(!connection.is_closed());
    }
    let metrics = weir.metrics().await;
    assert!(renewals(&metrics, "success") >= 1.0);
}

#[tokio::test]
async fn a_broken_file_keeps_the_former_certificate_and_is_told_and_counted() {
    let Secured { weir, home, upstream: _upstream } = secured(json!({"reload_interval": "10ms"})).await;
    fs::write(home.path().join("cert.pem"), "not a certificate").unwrap();
    wait::until("the failure is counted", async || {
        assert!(shows(&weir, "server").await);
        (renewals(&weir.metrics().await, "failure") >= 1.0).then_some(())
    })
    .await;
    weir.stderr_says("certificates were not renewed, the former ones stay").await;
    for _ in 0..5 {
        assert!(shows(&weir, "server").await);
    }
    assert_eq!(renewals(&weir.metrics().await, "failure"), 1.0, "the same file is told once");
    install(home.path(), "renewed");
    wait::until("the next one is taken", async || shows(&weir, "renewed").await.then_some(())).await;
}

#[tokio::test]
async fn a_reload_renews_certificates_and_a_broken_one_changes_nothing() {
    let Secured { weir, home, upstream: _upstream } = secured(json!({})).await;
    let mut open = connect(&weir, &TlsClient::default()).await.unwrap();
    install(home.path(), "renewed");
    assert!(shows(&weir, "server").await, "nobody looks without an interval");
    weir.signal("HUP");
    weir.reloads("success", 1).await;
    assert!(shows(&weir, "renewed").await);
    for connection in &mut open {
        assert!(connection.send(Signal::Logs, body("open")).await.unwrap(), "open connections go on");
        assert!(!connection.is_closed());
    }
    assert_eq!(renewals(&weir.metrics().await, "success"), 1.0);
    fs::write(home.path().join("cert.pem"), "not a certificate").unwrap();
    weir.signal("HUP");
    weir.reloads("failure", 1).await;
    weir.stderr_says("receivers::otlp::protocols::grpc::tls: tls: cert holds no certificate in PEM").await;
    assert!(shows(&weir, "renewed").await);
    assert_eq!(renewals(&weir.metrics().await, "failure"), 1.0);
}

#[tokio::test]
async fn tls_may_be_turned_on_by_a_reload() {
    let (upstream, home) = (Upstream::start().await, tempfile::tempdir().unwrap());
    install(home.path(), "server");
    let plain = Launch::new().to_grpc(&upstream.address());
    let mut config = plain.config.clone();
    let weir = plain.start().await;
    let mut open = Connection::grpc(weir.ports.grpc).await;
    assert!(open.send(Signal::Logs, body("plain")).await.unwrap());
    for protocol in ["grpc", "http"] {
        config["receivers"]["otlp"]["protocols"][protocol]["tls"] = block(home.path());
    }
    weir.reconfigure(&config);
    weir.reloads("success", 1).await;
    assert!(serves(&weir, &TlsClient::default()).await);
    wait::until("the plain connection is told to end", async || open.is_closed().then_some(())).await;
}

#[tokio::test]
async fn certificates_that_cannot_be_used_are_found_by_validate() {
    let home = tempfile::tempdir().unwrap();
    install(home.path(), "server");
    fs::copy(tls::file("renewed.key.pem"), home.path().join("key.pem")).unwrap();
    let config = launch(&Upstream::start().await, &block(home.path())).config;
    fs::write(home.path().join("weir.yaml"), config.to_string()).unwrap();
    let output = weir::run(&["validate", "--config", "weir.yaml"], home.path()).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{said}");
    for protocol in ["grpc", "http"] {
        let problem =
            format!("receivers::otlp::protocols::{protocol}::tls: tls: the certificate cannot be used");
        assert!(said.contains(&problem), "{said}");
    }
    assert!(!said.contains("PRIVATE KEY"), "{said}");
}
