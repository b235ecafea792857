//! From PEM to what rustls serves with.

use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig};

use super::{Protocols, TlsSettings};
use crate::tls::{TlsVersion, certificates, provider, read_file};

/// What is in the files.
pub(super) struct Files {
    cert: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
    /// A fingerprint of all of it. Good enough to see a change.
    pub(super) content: u64,
}

/// What a server is served with.
pub(super) struct Loaded {
    pub(super) config: Arc<ServerConfig>,
    /// The fingerprint of the files that it was made of.
    pub(super) content: u64,
}

impl Files {
    pub(super) fn read(settings: &TlsSettings) -> Result<Self, String> {
        let (cert, key) = (settings.cert.read()?, settings.key.read()?);
        let client_ca = settings.client_ca.as_deref().map(read_file).transpose()?;
        let mut hasher = DefaultHasher::new();
        for part in [Some(&cert), Some(&key), client_ca.as_ref()].into_iter().flatten() {
            hasher.write_usize(part.len());
            hasher.write(part);
        }
        Ok(Files { cert, key, client_ca, content: hasher.finish() })
    }

    pub(super) fn load(self, settings: &TlsSettings, protocols: Protocols) -> Result<Loaded, String> {
        let provider = provider();
        let versions: &[_] = match settings.min_version {
            TlsVersion::V1_2 => &[&TLS13, &TLS12],
            TlsVersion::V1_3 => &[&TLS13],
        };
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .map_err(|error| format!("tls: {error}"))?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(authorities) => builder.with_client_cert_verifier(client_verifier(authorities, provider)?),
        };
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|_| "tls: key holds no usable private key in PEM".to_owned())?;
        let mut config = builder
            .with_single_cert(certificates(&self.cert, "cert")?, key)
            .map_err(|error| format!("tls: the certificate cannot be used with the key: {error}"))?;
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Ok(Loaded { config: Arc::new(config), content: self.content })
    }
}

/// Clients must have a certificate of one of these authorities.
fn client_verifier(
    authorities: &[u8],
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(authorities, "client_ca_file")? {
        roots
            .add(certificate)
            .map_err(|error| format!("tls: a certificate of client_ca_file is not usable: {error}"))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
    verifier.map_err(|error| format!("tls: client_ca_file: {error}"))
}
