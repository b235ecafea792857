//! A TLS client and the server's side, and the certificates of `tests/certificates`.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig, crypto};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::build::source_file;

/// A file of `tests/certificates`, such as `server.pem`.
pub fn file(name: &str) -> PathBuf {
    source_file(format!("certificates/{name}"))
}

/// How to connect. It trusts the authority of the tests.
#[derive(Clone, Default)]
pub struct TlsClient {
    /// What it offers to speak, by its names in ALPN.
    pub protocols: Vec<&'static str>,
    /// Whose certificate it shows: the name of a file without `.pem`.
    pub identity: Option<&'static str>,
    /// Whether it cannot speak TLS 1.3.
    pub is_old: bool,
}

impl TlsClient {
    /// One that offers this.
    pub fn offering(protocols: &[&'static str]) -> TlsClient {
        TlsClient { protocols: protocols.to_vec(), ..TlsClient::default() }
    }

    /// Connects to a port of the loopback interface, as `localhost`.
    pub async fn connect(&self, port: u16) -> io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from("localhost").expect("a name");
        TlsConnector::from(Arc::new(self.config())).connect(name, stream).await
    }

    fn config(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(certificate("ca")).expect("an authority");
        let versions: &[_] = if self.is_old { &[&TLS12] } else { &[&TLS13, &TLS12] };
        let builder = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_protocol_versions(versions)
            .expect("versions that there are")
            .with_root_certificates(roots);
        let mut config = match self.identity {
            None => builder.with_no_client_auth(),
            Some(name) => {
                let key = PrivateKeyDer::from_pem_file(file(&format!("{name}.key.pem"))).expect("a key");
                builder.with_client_auth_cert(vec![certificate(name)], key).expect("a pair")
            }
        };
        config.alpn_protocols = self.protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        config
    }
}

/// A server with the certificate of the tests for `localhost`, which offers both versions of HTTP.
pub fn acceptor() -> TlsAcceptor {
    let key = PrivateKeyDer::from_pem_file(file("server.key.pem")).expect("a key");
    let builder = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions that there are");
    let mut config =
        builder.with_no_client_auth().with_single_cert(vec![certificate("server")], key).expect("a pair");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

/// A certificate of the tests.
pub fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(file(&format!("{name}.pem"))).expect("a certificate")
}

/// Whether the other side showed this certificate.
pub fn is_shown(stream: &TlsStream<TcpStream>, name: &str) -> bool {
    let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    shown == Some(&certificate(name))
}

/// The protocol that was agreed upon, "" if none was.
pub fn protocol(stream: &TlsStream<TcpStream>) -> String {
    String::from_utf8_lossy(stream.get_ref().1.alpn_protocol().unwrap_or_default()).into_owned()
}
