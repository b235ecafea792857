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
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use weir_otlp::Signal;
use weir_pipeline::{Batch, ExportError, Exported};

use super::*;

const CA: &str = include_str!("testdata/ca.pem");
const SERVER: &str = include_str!("testdata/server.pem");
const SERVER_KEY: &str = include_str!("testdata/server.key.pem");
const CLIENT: &str = include_str!("testdata/client.pem");
const CLIENT_KEY: &str = include_str!("testdata/client.key.pem");

/// An upstream that speaks TLS, as `collector.test`, and says yes to everything.
async fn upstream(wants_client_certificate: bool) -> SocketAddr {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match wants_client_certificate {
        false => builder.with_no_client_auth(),
        true => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(CA.as_bytes()).unwrap()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        }
    };
    let chain = vec![CertificateDer::from_pem_slice(SERVER.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(SERVER_KEY.as_bytes()).unwrap();
    let mut config = builder.with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = service_fn(|_: Request<Incoming>| async {
                    let answer = Response::builder().header("grpc-status", "0");
                    Ok::<_, Infallible>(answer.body(Full::new(Bytes::from_static(&[0; 5]))).unwrap())
                });
                let builder = Builder::new(TokioExecutor::new());
                let _ = builder.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    address
}

/// One export over each transport.
async fn export(address: SocketAddr, tls: TlsSettings) -> [Result<Exported, ExportError>; 2] {
    let grpc = OtlpGrpcSettings { tls: tls.clone(), ..OtlpGrpcSettings::new(address.to_string()) };
    let http = OtlpHttpSettings { tls, ..OtlpHttpSettings::new(format!("https://{address}")) };
    let batch = || Batch::new(Signal::Logs, Bytes::from_static(b"x"), 1);
    let send = async |settings| build("under_test", &settings).unwrap().export(batch()).await;
    [send(ExporterSettings::OtlpGrpc(grpc)).await, send(ExporterSettings::OtlpHttp(http)).await]
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
