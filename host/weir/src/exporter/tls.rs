//! TLS towards an upstream: whom to trust, who to be.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

/// The Collector's `tls` block of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// No TLS at all, where the endpoint has no scheme that says otherwise.
    pub insecure: bool,
    /// Any certificate will do. For tests.
    pub insecure_skip_verify: bool,
    /// Certificate authorities to trust, in place of the system's.
    pub ca: Option<Pem>,
    /// Trust the system's authorities besides `ca`.
    pub include_system_ca_certs_pool: bool,
    /// weir's own certificate chain, if the upstream wants one.
    pub cert: Option<Pem>,
    /// The private key to `cert`.
    pub key: Option<Pem>,
    /// The name that the upstream's certificate must bear, if not the endpoint's host.
    pub server_name_override: Option<String>,
    /// The oldest version to speak.
    pub min_version: TlsVersion,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVersion {
    /// 1.2
    #[default]
    V1_2,
    /// 1.3
    V1_3,
}

/// PEM text, or where it is.
#[derive(Clone, PartialEq, Eq)]
pub enum Pem {
    /// In this file, which is read when the exporter is built.
    File(PathBuf),
    /// As it stands. It may be a key and is never shown.
    Text(String),
}

/// What the client needs to connect.
pub(super) struct Tls {
    pub(super) config: ClientConfig,
    pub(super) server_name: Option<ServerName<'static>>,
}

// === impl Pem ===

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pem::File(path) => f.debug_tuple("File").field(path).finish(),
            Pem::Text(_) => f.write_str("Text([REDACTED])"),
        }
    }
}

impl Pem {
    fn read(&self) -> Result<Vec<u8>, String> {
        match self {
            Pem::File(path) => {
                std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
            }
            Pem::Text(text) => Ok(text.clone().into_bytes()),
        }
    }

    fn certificates(&self, what: &str) -> Result<Vec<CertificateDer<'static>>, String> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.read()?).collect();
        match certificates {
            Ok(certificates) if !certificates.is_empty() => Ok(certificates),
            Ok(_) => Err(format!("tls: {what} holds no certificate")),
            // The parser's own words might quote the text.
            Err(_) => Err(format!("tls: {what} is not PEM")),
        }
    }
}

// === impl Tls ===

impl Tls {
    /// For endpoints that are all plain: trusts nobody, and reads nothing from disk.
    pub(super) fn unused() -> Result<Self, String> {
        let config = client_config(TlsVersion::V1_2)?.with_root_certificates(RootCertStore::empty());
        Ok(Tls { config: config.with_no_client_auth(), server_name: None })
    }

    pub(super) fn new(settings: &TlsSettings) -> Result<Self, String> {
        let builder = client_config(settings.min_version)?;
        let builder = match settings.insecure_skip_verify {
            true => builder.dangerous().with_custom_certificate_verifier(Arc::new(TrustAnyone(provider()))),
            false => {
                let verifier =
                    WebPkiServerVerifier::builder_with_provider(Arc::new(roots(settings)?), provider())
                        .build()
                        .map_err(|error| format!("tls: {error}"))?;
                builder.with_webpki_verifier(verifier)
            }
        };
        let config = match (&settings.cert, &settings.key) {
            (None, None) => builder.with_no_client_auth(),
            (Some(cert), Some(key)) => {
                let key = PrivateKeyDer::from_pem_slice(&key.read()?)
                    .map_err(|_| "tls: key holds no usable private key in PEM".to_owned())?;
                builder
                    .with_client_auth_cert(cert.certificates("cert")?, key)
                    .map_err(|error| format!("tls: the client certificate cannot be used: {error}"))?
            }
            _ => return Err("tls: cert and key go together, give both or neither".to_owned()),
        };
        let server_name = settings.server_name_override.as_deref().map(|name| {
            ServerName::try_from(name.to_owned())
                .map_err(|_| format!("tls: server_name_override {name:?} is not a host name"))
        });
        Ok(Tls { config, server_name: server_name.transpose()? })
    }
}

type VersionedBuilder = rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>;

fn client_config(min_version: TlsVersion) -> Result<VersionedBuilder, String> {
    let versions: &[_] = match min_version {
        TlsVersion::V1_2 => &[&TLS13, &TLS12],
        TlsVersion::V1_3 => &[&TLS13],
    };
    let builder = ClientConfig::builder_with_provider(provider()).with_protocol_versions(versions);
    builder.map_err(|error| format!("tls: {error}"))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn roots(settings: &TlsSettings) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    if let Some(ca) = &settings.ca {
        for certificate in ca.certificates("ca")? {
            roots
                .add(certificate)
                .map_err(|error| format!("tls: a certificate of ca is not usable: {error}"))?;
        }
    }
    if settings.ca.is_none() || settings.include_system_ca_certs_pool {
        // One odd certificate on the machine is no reason not to start; none at all is.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    match roots.is_empty() {
        true => {
            Err("tls: the system has no trusted certificates, give ca_file or set insecure: true".to_owned())
        }
        false => Ok(roots),
    }
}

/// `insecure_skip_verify`: the peer must own the key of the certificate that it shows, whichever that is.
#[derive(Debug)]
struct TrustAnyone(Arc<CryptoProvider>);

impl ServerCertVerifier for TrustAnyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
