//! What each configuration that is taken does, with its own ports and names: in a network of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use tokio::net::{TcpListener, UnixStream};
use tokio::process::Command;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use weir_tests::requests::{log_records, span, spans, text_of, traces, unique, unique_ids, unique_json};
use weir_tests::tls::{self, TlsClient};
use weir_tests::{Connection, GrpcSender, HttpSender, Ids, Ports, Signal, Upstream, Weir, build, http, wait};

/// Where a configuration stands, with the files and variables that it names.
pub struct Site {
    dir: tempfile::TempDir,
}

/// The Collector's usual ports.
const PORTS: Ports = Ports { grpc: 4317, http: 4318, health: 13133, metrics: 8888 };

impl Site {
    pub fn new() -> Site {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("api-key"), "key of the vendor").unwrap();
        Site { dir }
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    /// The variables that the files name and that have no default.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let path = |name: &str| self.path(name).display().to_string();
        vec![
            ("QUEUE_DIR", path("queue")),
            ("SOCKET", path("weir.sock")),
            ("OUTPUT", path("output.json")),
            ("CERTIFICATES", super::certificates().display().to_string()),
        ]
    }

    /// Starts weir with a file and waits until it is ready.
    async fn start(self, file: &str) -> Weir {
        std::fs::copy(super::folder().join(file), self.path(file)).unwrap();
        let mut command = Command::new(build::weir_binary());
        command.args(["--config", file]).current_dir(self.dir()).envs(self.variables());
        command.env("XDG_CACHE_HOME", build::target_dir().join("test-cache"));
        // What becomes of every item is looked at here, by its id.
        let unaccounted = json!({"service": {"telemetry": {"metrics": {"level": "none"}}}});
        // What ran before has been told to end, and may not have yet.
        for port in [PORTS.grpc, PORTS.http, PORTS.health, PORTS.metrics] {
            is_free("0.0.0.0", port).await;
        }
        let weir = Weir::watch(command, PORTS, &unaccounted, self.dir);
        weir.ready().await;
        weir
    }
}

/// The upstream at a port of the address that all names have.
async fn upstream(port: u16) -> Upstream {
    is_free("::1", port).await;
    Upstream::start_at("::1", port).await
}

async fn is_free(host: &str, port: u16) {
    wait::until(&format!("port {port} is free"), async || TcpListener::bind((host, port)).await.ok()).await;
}

async fn send(signal: Signal, tag: &str, items: usize) {
    GrpcSender::new(PORTS.grpc).send(signal, unique(signal, tag, items)).await.unwrap();
}

/// Waits until exactly these many have been delivered, none of them twice.
async fn has(upstream: &Upstream, count: usize) -> Ids {
    wait::until(&format!("{count} items are there"), async || {
        (upstream.delivered_ids().len() >= count).then_some(())
    })
    .await;
    let ids = upstream.delivered_ids();
    assert_eq!((ids.len(), ids.doubled().len()), (count, 0), "{:?}", ids.doubled());
    ids
}

/// Runs one. What it needs beside weir is started here.
pub async fn run(file: &str, site: Site) {
    match file {
        "agent.yaml" => agent(file, site).await,
        "attributes.yaml" => attributes(file, site).await,
        "batching.yaml" => batching(file, site).await,
        "browser.yaml" => browser(file, site).await,
        "durable-queue.yaml" => durable_queue(file, site).await,
        "files.yaml" => files(file, site).await,
        "gateway-anchors.yaml" => gateway_anchors(file, site).await,
        "redaction.yaml" => redaction(file, site).await,
        "sampling.yaml" => sampling(file, site).await,
        "sidecar-env.yaml" => sidecar_env(file, site).await,
        "tls.yaml" => with_tls(file, site).await,
        "tuned.yaml" => tuned(file, site).await,
        "unix-socket.yaml" => unix_socket(file, site).await,
        "unused.yaml" => unused(file, site).await,
        other => panic!("{other} is taken, and nothing says what it does"),
    }
}

async fn agent(file: &str, site: Site) {
    let gateway = upstream(4417).await;
    let weir = site.start(file).await;
    for signal in Signal::READ {
        send(signal, signal.name(), 50).await;
    }
    has(&gateway, 150).await;
    assert_eq!(weir.metrics().await.sum("otelcol_receiver_accepted_spans_total", &[]), 50.0);
    assert!(weir.stderr().contains("extensions::zpages: left out"), "{}", weir.stderr());
}

async fn attributes(file: &str, site: Site) {
    let gateway = upstream(4417).await;
    let _weir = site.start(file).await;
    send(Signal::Traces, "s", 10).await;
    let spans = spans(&gateway.deliveries(1).await[0].body);
    assert_eq!(spans.len(), 10);
    for span in spans {
        assert_eq!(text_of(&span.attributes, "environment"), Some("production"));
        assert_eq!(text_of(&span.attributes, "http.request.method"), None);
    }
    send(Signal::Logs, "l", 10).await;
    let body = gateway.deliveries(2).await.remove(1).body;
    let resource = weir_tests::requests::log_resource(&body);
    assert_eq!(text_of(&resource, "deployment.environment.name"), Some("production"));
}

async fn batching(file: &str, site: Site) {
    let gateway = upstream(4417).await;
    let _weir = site.start(file).await;
    let senders = (0..5).map(|n| {
        tokio::spawn(async move {
            let body = unique(Signal::Traces, &format!("s{n}"), 80);
            GrpcSender::new(PORTS.grpc).send(Signal::Traces, body).await.unwrap();
        })
    });
    for sender in senders.collect::<Vec<_>>() {
        sender.await.unwrap();
    }
    has(&gateway, 400).await;
    let sizes: Vec<usize> = gateway.delivered().iter().map(|one| spans(&one.body).len()).collect();
    assert!(sizes.iter().all(|size| *size <= 200) && sizes.len() < 5, "{sizes:?}");
    send(Signal::Metrics, "dropped by nop", 5).await;
}

async fn browser(file: &str, site: Site) {
    let upstreams = [upstream(4417).await, upstream(4418).await, upstream(4419).await];
    let _weir = site.start(file).await;
    let signals = [Signal::Traces, Signal::Logs, Signal::Metrics];
    for (signal, upstream) in signals.into_iter().zip(&upstreams) {
        let headers = [("content-type", "application/json"), ("origin", "https://www.shop.example")];
        let body = unique_json(signal, signal.name(), 20);
        let reply = HttpSender::new(PORTS.http).post(signal.http_path(), &headers, body).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.header("access-control-allow-origin"), "https://www.shop.example");
        assert_eq!(reply.header("x-served-by"), "weir");
        has(upstream, 20).await;
        assert!(upstream.delivered().iter().all(|one| one.signal == signal));
    }
    let large = vec![0; (1 << 20) + 1];
    assert_eq!(HttpSender::new(PORTS.http).send(Signal::Logs, large).await.status, 413);
}

async fn durable_queue(file: &str, site: Site) {
    let _weir = site.start(file).await;
    // Nobody is there to take it: the answer says that it is on disk.
    for signal in Signal::READ {
        send(signal, signal.name(), 20).await;
    }
    let gateway = upstream(4417).await;
    has(&gateway, 60).await;
}

async fn files(file: &str, site: Site) {
    let output = site.path("output.json");
    let mut weir = site.start(file).await;
    send(Signal::Traces, "s", 30).await;
    // The directory goes with weir, so it is read before.
    wait::until("every span is in the file", async || {
        let text = std::fs::read_to_string(&output).unwrap_or_default();
        unique_ids("s", 30).iter().all(|id| text.contains(&format!("\"{id}\""))).then_some(())
    })
    .await;
    weir.stop().await;
}

async fn gateway_anchors(file: &str, site: Site) {
    let (primary, secondary) = (upstream(4417).await, upstream(4418).await);
    let _weir = site.start(file).await;
    send(Signal::Traces, "a", 30).await;
    GrpcSender::new(5317).send(Signal::Traces, unique(Signal::Traces, "b", 40)).await.unwrap();
    has(&primary, 70).await;
    let second = has(&secondary, 40).await;
    assert!(second.iter().all(|id| id.starts_with("b-")));
    assert!(primary.delivered().iter().all(|one| one.encoding == "zstd"));
    for one in secondary.delivered() {
        assert_eq!((one.encoding.as_str(), &one.headers["x-scope-orgid"]), ("", &"team-b".parse().unwrap()));
    }
}

async fn redaction(file: &str, site: Site) {
    let gateway = upstream(4417).await;
    let _weir = site.start(file).await;
    let mut paid = span("paid");
    let card = weir_tests::requests::text("paid with 4111111111111111");
    paid.attributes.push(weir_tests::requests::attribute("note", card));
    let body = prost::Message::encode_to_vec(&traces(vec![paid]));
    GrpcSender::new(PORTS.grpc).send(Signal::Traces, body).await.unwrap();
    let arrived = spans(&gateway.deliveries(1).await[0].body).remove(0);
    assert_eq!(text_of(&arrived.attributes, "note"), Some("paid with ****"));
}

async fn sampling(file: &str, site: Site) {
    let gateway = upstream(4417).await;
    let _weir = site.start(file).await;
    send(Signal::Traces, "s", 400).await;
    send(Signal::Logs, "l", 400).await;
    let delivered = gateway.deliveries(2).await;
    let of = |signal| delivered.iter().filter(move |one| one.signal == signal);
    let spans: Vec<_> = of(Signal::Traces).flat_map(|one| spans(&one.body)).collect();
    assert!((50..200).contains(&spans.len()), "{} of 400", spans.len());
    assert!(spans.iter().all(|span| span.trace_state == "ot=th:c" && span.trace_id[9] >= 0xc0));
    let records: Vec<_> = of(Signal::Logs).flat_map(|one| log_records(&one.body)).collect();
    assert!((80..240).contains(&records.len()), "{} of 400", records.len());
    for record in records {
        // 6553 of 16384 are kept.
        assert_eq!(text_of(&record.attributes, "sampling.threshold"), Some("999c"));
        assert!(text_of(&record.attributes, "sampling.randomness") >= Some("999c"));
    }
}

async fn sidecar_env(file: &str, site: Site) {
    let vendor = upstream(4417).await;
    let weir = site.start(file).await;
    for signal in [Signal::Traces, Signal::Logs] {
        let reply = HttpSender::new(PORTS.http).send(signal, unique(signal, signal.name(), 10)).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
    has(&vendor, 20).await;
    for one in vendor.delivered() {
        let header = |name: &str| one.headers[name].to_str().unwrap().to_owned();
        assert_eq!(
            (header("api-key"), header("x-environment")),
            ("key of the vendor".into(), "staging$1".into())
        );
        assert_eq!(one.encoding, "");
    }
    let metrics = http::get(8899, "/metrics").await.unwrap().text();
    assert!(metrics.contains("otelcol_receiver_accepted_spans_total"), "{metrics}");
    let stderr = weir.stderr();
    assert!(stderr.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{stderr}");
    assert!(!stderr.contains("key of the vendor"), "{stderr}");
}

/// An upstream that takes one connection, whose client must show a certificate, and gives that certificate.
async fn shown_certificate(listener: TcpListener) -> bool {
    let mut authorities = RootCertStore::empty();
    authorities.add(tls::certificate("ca")).unwrap();
    let verifier = WebPkiClientVerifier::builder(Arc::new(authorities)).build().unwrap();
    let key = PrivateKeyDer::from_pem_file(tls::file("server.key.pem")).unwrap();
    let mut config = ServerConfig::builder()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![tls::certificate("server")], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let (stream, _) = listener.accept().await.unwrap();
    let stream = TlsAcceptor::from(Arc::new(config)).accept(stream).await.unwrap();
    stream.get_ref().1.peer_certificates().and_then(<[_]>::first) == Some(&tls::certificate("client"))
}

async fn with_tls(file: &str, site: Site) {
    let listener = TcpListener::bind("127.0.0.1:4417").await.unwrap();
    let weir = site.start(file).await;
    let known = TlsClient { protocols: vec!["h2"], identity: Some("client"), is_old: false };
    let stream = known.connect(PORTS.grpc).await.unwrap();
    assert!(tls::is_shown(&stream, "server"));
    let mut connection = Connection::grpc_over(stream).await;
    assert!(connection.send(Signal::Traces, unique(Signal::Traces, "s", 5)).await.unwrap());
    // Without TLS nothing is served there.
    let plain = GrpcSender::new(PORTS.grpc).send(Signal::Traces, unique(Signal::Traces, "p", 5)).await;
    assert!(plain.is_err());
    let sender = tokio::spawn(async {
        HttpSender::new(PORTS.http).send(Signal::Logs, unique(Signal::Logs, "l", 5)).await.status
    });
    assert!(wait::in_time("the exporter connects", shown_certificate(listener)).await);
    // The upstream went away behind the handshake, so the sender is told to try again.
    assert_eq!(sender.await.unwrap(), 503);
    drop(weir);
}

async fn tuned(file: &str, site: Site) {
    let gateway = upstream(4417).await;
    let weir = site.start(file).await;
    send(Signal::Traces, "s", 30).await;
    has(&gateway, 30).await;
    let said = weir.stderr();
    assert_eq!(said.lines().filter(|line| line.contains("no data depends on it")).count(), 11, "{said}");
}

async fn unix_socket(file: &str, site: Site) {
    let socket = site.path("weir.sock");
    let gateway = upstream(4417).await;
    let _weir = site.start(file).await;
    let mut connection = Connection::grpc_over(UnixStream::connect(socket).await.unwrap()).await;
    assert!(connection.send(Signal::Metrics, unique(Signal::Metrics, "m", 25)).await.unwrap());
    has(&gateway, 25).await;
}

async fn unused(file: &str, site: Site) {
    let gateway = upstream(4417).await;
    let weir = site.start(file).await;
    send(Signal::Traces, "s", 25).await;
    has(&gateway, 25).await;
    assert!(
        weir.stderr().contains("processors::filter/noise: weir has no such component"),
        "{}",
        weir.stderr()
    );
}
