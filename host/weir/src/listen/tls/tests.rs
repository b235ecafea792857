//! Certificates that are loaded, renewed and broken under a server.

use std::fs;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use super::*;

const CA: &str = include_str!("../../exporter/testdata/ca.pem");
const SERVER: &str = include_str!("../../exporter/testdata/server.pem");
const SERVER_KEY: &str = include_str!("../../exporter/testdata/server.key.pem");
const CLIENT: &str = include_str!("../../exporter/testdata/client.pem");
const CLIENT_KEY: &str = include_str!("../../exporter/testdata/client.key.pem");

/// Settings with files in a directory.
fn settings(home: &tempfile::TempDir) -> TlsSettings {
    fs::write(home.path().join("cert.pem"), SERVER).unwrap();
    fs::write(home.path().join("key.pem"), SERVER_KEY).unwrap();
    TlsSettings {
        cert: Pem::File(home.path().join("cert.pem")),
        key: Pem::File(home.path().join("key.pem")),
        client_ca: None,
        min_version: TlsVersion::V1_2,
        reload_interval: None,
        client_ca_reload: false,
    }
}

/// What was told of renewals.
type Told = Arc<Mutex<Vec<Result<(), String>>>>;

fn load(settings: &TlsSettings) -> (Arc<Tls>, Told) {
    let told = Told::default();
    let tell = Arc::clone(&told);
    let on_renewal =
        move |outcome: Result<(), &str>| tell.lock().unwrap().push(outcome.map_err(str::to_owned));
    (Tls::load(settings, &["h2"], Box::new(on_renewal)).unwrap(), told)
}

/// The certificate that a client is shown.
async fn shown(tls: &Arc<Tls>) -> CertificateDer<'static> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(CA.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let connector = TlsConnector::from(Arc::new(client));
    let connecting = connector.connect(ServerName::try_from("collector.test").unwrap(), theirs);
    let (accepted, connected) = tokio::join!(tls.accept(ours), connecting);
    accepted.unwrap();
    connected.unwrap().get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

/// The same server with the chain lengthened: other content, which can be used.
fn renewed() -> String {
    format!("{SERVER}\n{CA}")
}

#[tokio::test]
async fn files_are_looked_at_again_at_a_handshake_after_the_interval() {
    let home = tempfile::tempdir().unwrap();
    let settings = TlsSettings { reload_interval: Some(Duration::ZERO), ..settings(&home) };
    let (tls, told) = load(&settings);
    shown(&tls).await;
    assert!(told.lock().unwrap().is_empty(), "nothing has changed");
    fs::write(home.path().join("cert.pem"), renewed()).unwrap();
    shown(&tls).await;
    assert_eq!(*told.lock().unwrap(), [Ok(())]);
}

#[tokio::test]
async fn without_an_interval_files_are_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let (tls, told) = load(&settings(&home));
    fs::write(home.path().join("cert.pem"), "broken").unwrap();
    shown(&tls).await;
    assert!(told.lock().unwrap().is_empty());
}

#[tokio::test]
async fn broken_files_are_told_once_and_the_former_certificate_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let settings = TlsSettings { reload_interval: Some(Duration::ZERO), ..settings(&home) };
    let (tls, told) = load(&settings);
    let first = shown(&tls).await;
    fs::write(home.path().join("cert.pem"), "broken").unwrap();
    for _ in 0..3 {
        assert_eq!(shown(&tls).await, first);
    }
    assert_eq!(*told.lock().unwrap(), [Err("tls: cert holds no certificate in PEM".to_owned())]);
    fs::write(home.path().join("cert.pem"), CLIENT).unwrap();
    assert_eq!(shown(&tls).await, first, "a certificate without its key");
    assert!(told.lock().unwrap()[1].as_ref().unwrap_err().contains("cannot be used with the key"));
    fs::remove_file(home.path().join("key.pem")).unwrap();
    assert_eq!(shown(&tls).await, first);
    assert!(told.lock().unwrap()[2].as_ref().unwrap_err().contains("cannot read"));
    fs::write(home.path().join("key.pem"), CLIENT_KEY).unwrap();
    fs::write(home.path().join("cert.pem"), CLIENT).unwrap();
    assert_eq!(tls.config().await.alpn_protocols, [b"h2"]);
    assert_eq!(told.lock().unwrap().last(), Some(&Ok(())));
}

#[test]
fn a_key_in_the_configuration_is_never_shown() {
    let shown = format!("{:?}", Pem::Text(SERVER_KEY.to_owned()));
    assert_eq!(shown, "Text([REDACTED])");
}
