//! TLS towards a real TLS server: whom weir trusts, and who it says it is.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use rustls::ProtocolVersion::TLSv1_2;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use weir_otlp::Signal;
use weir_pipeline::{Batch, ExportError, Exported};

use super::*;
use crate::tls::{Pem, TlsVersion};

const CA: &str = include_str!("testdata/ca.pem");
const SERVER: &str = include_str!("testdata/server.pem");
const SERVER_KEY: &str = include_str!("testdata/server.key.pem");
const CLIENT: &str = include_str!("testdata/client.pem");
const CLIENT_KEY: &str = include_str!("testdata/client.key.pem");

/// The same from an authority that took the first one's place.
const RENEWED_CA: &str = include_str!("testdata/renewed/ca.pem");
const RENEWED_SERVER: &str = include_str!("testdata/renewed/server.pem");
const RENEWED_SERVER_KEY: &str = include_str!("testdata/renewed/server.key.pem");
const RENEWED_CLIENT: &str = include_str!("testdata/renewed/client.pem");
const RENEWED_CLIENT_KEY: &str = include_str!("testdata/renewed/client.key.pem");

/// What an upstream shows, and whom it asks for a certificate.
#[derive(Clone, Copy)]
struct Shown {
    certificate: &'static str,
    key: &'static str,
    client_ca: Option<&'static str>,
    newest_is_1_2: bool,
}

const SHOWN: Shown = Shown { certificate: SERVER, key: SERVER_KEY, client_ca: None, newest_is_1_2: false };

/// An upstream that speaks TLS, as `collector.test`, and says yes to everything.
async fn upstream(wants_client_certificate: bool) -> SocketAddr {
    let shown = Shown { client_ca: wants_client_certificate.then_some(CA), ..SHOWN };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, acceptor(shown)));
    address
}

fn acceptor(shown: Shown) -> TlsAcceptor {
    let is_spoken = |version: &&&SupportedProtocolVersion| !shown.newest_is_1_2 || version.version == TLSv1_2;
    let versions: Vec<_> = rustls::ALL_VERSIONS.iter().filter(is_spoken).copied().collect();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions)
        .unwrap();
    let builder = match shown.client_ca {
        None => builder.with_no_client_auth(),
        Some(ca) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        }
    };
    let chain = vec![CertificateDer::from_pem_slice(shown.certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(shown.key.as_bytes()).unwrap();
    let mut config = builder.with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor) {
    // The connections end with the upstream.
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        connections.spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(|_: Request<Incoming>| async {
                let answer = Response::builder().header("grpc-status", "0");
                Ok::<_, Infallible>(answer.body(Full::new(Bytes::from_static(&[0; 5]))).unwrap())
            });
            let builder = Builder::new(TokioExecutor::new());
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// An exporter of each transport.
fn exporters(address: SocketAddr, tls: TlsSettings) -> [Arc<dyn Exporter>; 2] {
    let grpc = OtlpGrpcSettings { tls: tls.clone(), ..OtlpGrpcSettings::new(address.to_string()) };
    let client = HttpClientSettings { tls, ..HttpClientSettings::default() };
    let http = OtlpHttpSettings { client, ..OtlpHttpSettings::new(format!("https://{address}")) };
    [ExporterSettings::OtlpGrpc(grpc), ExporterSettings::OtlpHttp(http)]
        .map(|settings| build("under_test", &settings).unwrap())
}

async fn send(exporter: &dyn Exporter) -> Result<Exported, ExportError> {
    let payload = Bytes::from_static(b"x");
    let batch = Batch::new(Signal::Logs, payload, 1);
    exporter.export(batch).await
}

/// One export over each transport.
async fn export(address: SocketAddr, tls: TlsSettings) -> [Result<Exported, ExportError>; 2] {
    let [grpc, http] = exporters(address, tls);
    [send(&*grpc).await, send(&*http).await]
}

fn text(pem: &str) -> Option<Pem> {
    Some(Pem::Text(pem.to_owned()))
}

fn trusting() -> TlsSettings {
    TlsSettings {
        ca: text(CA),
        server_name_override: Some("collector.test".to_owned()),
        ..Default::default()
    }
}

#[tokio::test]
async fn an_upstream_with_a_certificate_of_the_given_authority_is_trusted() {
    let address = upstream(false).await;
    for min_version in [TlsVersion::V1_2, TlsVersion::V1_3] {
        let outcomes = export(address, TlsSettings { min_version, ..trusting() }).await;
        assert_eq!(outcomes, [Ok(Exported::default()), Ok(Exported::default())]);
    }
}

#[tokio::test]
async fn an_upstream_of_another_name_or_authority_is_not_sent_anything() {
    let address = upstream(false).await;
    let other_name = TlsSettings { server_name_override: None, ..trusting() };
    let other_authority = TlsSettings { ca: text(CLIENT), ..trusting() };
    for settings in [other_name, other_authority] {
        for outcome in export(address, settings.clone()).await {
            let error = outcome.unwrap_err();
            assert!(error.retryable && error.message.contains("certificate"), "{error:?}");
        }
    }
}

#[tokio::test]
async fn insecure_skip_verify_takes_any_certificate() {
    let settings = TlsSettings { insecure_skip_verify: true, ..Default::default() };
    let outcomes = export(upstream(false).await, settings).await;
    assert_eq!(outcomes, [Ok(Exported::default()), Ok(Exported::default())]);
}

#[tokio::test]
async fn an_upstream_that_wants_a_client_certificate_gets_the_configured_one() {
    let address = upstream(true).await;
    let settings = TlsSettings { cert: text(CLIENT), key: text(CLIENT_KEY), ..trusting() };
    assert_eq!(export(address, settings).await, [Ok(Exported::default()), Ok(Exported::default())]);
    assert!(export(address, trusting()).await.iter().all(Result::is_err));
}

#[tokio::test]
async fn no_version_newer_than_the_newest_that_is_allowed_is_spoken() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let old = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, acceptor(Shown { newest_is_1_2: true, ..SHOWN })));
    for (min_version, max_version, is_spoken) in [
        (TlsVersion::V1_2, Some(TlsVersion::V1_2), true),
        (TlsVersion::V1_2, Some(TlsVersion::V1_3), true),
        (TlsVersion::V1_3, None, false),
    ] {
        let outcomes = export(old, TlsSettings { min_version, max_version, ..trusting() }).await;
        assert!(outcomes.iter().all(|outcome| outcome.is_ok() == is_spoken), "{outcomes:?}");
    }
    let contradiction =
        TlsSettings { min_version: TlsVersion::V1_3, max_version: Some(TlsVersion::V1_2), ..trusting() };
    let grpc = OtlpGrpcSettings { tls: contradiction, ..OtlpGrpcSettings::new("up:1") };
    let error = build("a", &ExporterSettings::OtlpGrpc(grpc)).err().unwrap();
    assert_eq!(error.to_string(), "exporter a: tls: max_version is older than min_version");
}

/// An upstream whose authority and certificate are renewed, which asks for a certificate of weir's that is renewed, too.
#[tokio::test]
async fn renewed_certificates_are_used_by_the_next_connection_and_half_of_a_pair_is_not() {
    let home = tempfile::tempdir().unwrap();
    let file = |name: &str| home.path().join(name);
    let write = |name: &str, pem: &str| std::fs::write(file(name), pem).unwrap();
    write("ca.pem", CA);
    write("client.pem", CLIENT);
    write("client.key.pem", CLIENT_KEY);
    let pem = |name: &str| Some(Pem::File(file(name)));
    let settings = |reload_interval| TlsSettings {
        ca: pem("ca.pem"),
        cert: pem("client.pem"),
        key: pem("client.key.pem"),
        reload_interval,
        ..trusting()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let former = tokio::spawn(serve(listener, acceptor(Shown { client_ca: Some(CA), ..SHOWN })));
    let renewing = exporters(address, settings(Some(Duration::from_nanos(1))));
    let steady = exporters(address, settings(None));
    for exporter in renewing.iter().chain(&steady) {
        send(&**exporter).await.unwrap();
    }

    former.abort();
    let _ = former.await;
    let renewed = Shown {
        certificate: RENEWED_SERVER,
        key: RENEWED_SERVER_KEY,
        client_ca: Some(RENEWED_CA),
        newest_is_1_2: false,
    };
    let listener = TcpListener::bind(address).await.unwrap();
    tokio::spawn(serve(listener, acceptor(renewed)));
    let is_refused = async |what: &str| {
        for exporter in &renewing {
            // The first attempt may still meet the former connection.
            let _ = send(&**exporter).await;
            let error = send(&**exporter).await.unwrap_err();
            assert!(error.retryable, "{what}: {error:?}");
        }
    };
    is_refused("nothing is renewed").await;
    write("client.pem", RENEWED_CLIENT);
    is_refused("the key is the former one").await;
    write("client.key.pem", "half of a k");
    is_refused("the key is being written").await;
    write("client.key.pem", RENEWED_CLIENT_KEY);
    is_refused("the authority is the former one").await;
    write("ca.pem", RENEWED_CA);
    for exporter in &renewing {
        send(&**exporter).await.unwrap();
    }
    for exporter in &steady {
        assert!(send(&**exporter).await.is_err(), "without reload_interval the files are read once");
    }
}

/// A proxy that opens tunnels to whoever knows the password. Gives the lines that it was asked with.
async fn proxy() -> (SocketAddr, tokio::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (told, asked) = tokio::sync::mpsc::channel(16);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let told = told.clone();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                let head = String::from_utf8(head).unwrap();
                let target = head.split(' ').nth(1).unwrap().to_owned();
                let is_known = head.contains("Basic YWRhOnMzY3JldCE=");
                told.send(head).await.unwrap();
                if !is_known {
                    let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
                    return stream.write_all(refusal).await.unwrap();
                }
                let mut upstream = TcpStream::connect(target).await.unwrap();
                stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut upstream).await;
            });
        }
    });
    (address, asked)
}

#[tokio::test]
async fn an_upstream_behind_a_proxy_is_reached_by_a_tunnel_whose_password_only_the_proxy_sees() {
    let upstream = upstream(false).await;
    let (proxy, mut asked) = proxy().await;
    let exporter = |credentials: &str| {
        let url = ProxyUrl { address: proxy.to_string(), credentials: Some(credentials.to_owned()) };
        let proxy = ProxySettings::Url(url);
        let client = HttpClientSettings { tls: trusting(), proxy, ..HttpClientSettings::default() };
        let settings = OtlpHttpSettings { client, ..OtlpHttpSettings::new(format!("https://{upstream}")) };
        build("under_test", &ExporterSettings::OtlpHttp(settings)).unwrap()
    };
    assert_eq!(send(&*exporter("ada:s3cret!")).await, Ok(Exported::default()));
    assert!(asked.recv().await.unwrap().starts_with(&format!("CONNECT {upstream} HTTP/1.1\r\n")));
    let error = send(&*exporter("ada:wrong")).await.unwrap_err();
    let expected =
        "no answer from the upstream: by way of the proxy: tunnel error: proxy authorization required";
    assert_eq!((error.retryable, error.message.as_str()), (true, expected));
}
