//! TLS towards an upstream: whom to trust, who to be.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::tls::{Pem, TlsVersion, certificates, provider};

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
    /// The newest version to speak; the newest that there is if `None`.
    pub max_version: Option<TlsVersion>,
    /// After how long a new connection looks at the files again; never if `None`.
    pub reload_interval: Option<Duration>,
}

/// The PEM text of everything that the settings name.
pub(super) struct Material {
    ca: Option<Vec<u8>>,
    cert: Option<Vec<u8>>,
    key: Option<Vec<u8>>,
}

// === impl Material ===

impl Material {
    /// Reads the files.
    pub(super) fn read(settings: &TlsSettings) -> Result<Self, String> {
        let read = |pem: &Option<Pem>| pem.as_ref().map(Pem::read).transpose();
        Ok(Material { ca: read(&settings.ca)?, cert: read(&settings.cert)?, key: read(&settings.key)? })
    }

    /// Tells one material from another.
    pub(super) fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.ca, &self.cert, &self.key).hash(&mut hasher);
        hasher.finish()
    }
}

// === rustls ===

/// For endpoints that are all plain: trusts nobody, and reads nothing from disk.
pub(super) fn unused_config() -> Result<ClientConfig, String> {
    let builder = with_versions(&TlsSettings::default())?;
    Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

/// What a connection is made with.
pub(super) fn client_config(settings: &TlsSettings, material: &Material) -> Result<ClientConfig, String> {
    let builder = with_versions(settings)?;
    let builder = match settings.insecure_skip_verify {
        true => builder.dangerous().with_custom_certificate_verifier(Arc::new(TrustAnyone(provider()))),
        false => {
            let roots = Arc::new(roots(settings, material)?);
            let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider()).build();
            builder.with_webpki_verifier(verifier.map_err(|error| format!("tls: {error}"))?)
        }
    };
    match (&material.cert, &material.key) {
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(cert), Some(key)) => {
            let key = PrivateKeyDer::from_pem_slice(key)
                .map_err(|_| "tls: key holds no usable private key in PEM".to_owned())?;
            builder
                .with_client_auth_cert(certificates(cert, "cert")?, key)
                .map_err(|error| format!("tls: the client certificate cannot be used: {error}"))
        }
        _ => Err("tls: cert and key go together, give both or neither".to_owned()),
    }
}

/// `server_name_override`, if there is one.
pub(super) fn server_name(settings: &TlsSettings) -> Result<Option<ServerName<'static>>, String> {
    let name = settings.server_name_override.as_deref().map(|name| {
        ServerName::try_from(name.to_owned())
            .map_err(|_| format!("tls: server_name_override {name:?} is not a host name"))
    });
    name.transpose()
}

type VersionedBuilder = rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>;

fn with_versions(settings: &TlsSettings) -> Result<VersionedBuilder, String> {
    let newest = settings.max_version.unwrap_or(TlsVersion::V1_3);
    let mut versions = vec![(TlsVersion::V1_3, &TLS13), (TlsVersion::V1_2, &TLS12)];
    versions.retain(|(version, _)| (settings.min_version..=newest).contains(version));
    let versions: Vec<_> = versions.into_iter().map(|(_, version)| version).collect();
    if versions.is_empty() {
        return Err("tls: max_version is older than min_version".to_owned());
    }
    let builder = ClientConfig::builder_with_provider(provider()).with_protocol_versions(&versions);
    builder.map_err(|error| format!("tls: {error}"))
}

fn roots(settings: &TlsSettings, material: &Material) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    if let Some(ca) = &material.ca {
        for certificate in certificates(ca, "ca")? {
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
