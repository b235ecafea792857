//! TLS towards an upstream and of a server, with the Collector's keys.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::at::At;
use super::diagnostic::Diagnostic;
use super::field::{duration, positive_duration};
use super::read;
use super::secret::Secret;

/// How to talk TLS to an upstream. TLS is on unless `insecure` or the endpoint's scheme says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// No TLS at all.
    pub insecure: bool,
    /// TLS, but with any certificate: open to whoever is in the middle.
    pub insecure_skip_verify: bool,
    /// The certificates to trust, instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The same as PEM text.
    pub ca_pem: Option<String>,
    /// weir's own certificate, for an upstream that asks for one.
    pub cert_file: Option<PathBuf>,
    /// The same as PEM text.
    pub cert_pem: Option<String>,
    /// The private key of that certificate.
    pub key_file: Option<PathBuf>,
    /// The same as PEM text.
    pub key_pem: Option<Secret>,
    /// The name that the upstream's certificate must have, if not that of the endpoint.
    pub server_name_override: Option<String>,
    /// Trust the system's certificates beside those given.
    pub include_system_ca_certs_pool: bool,
    /// The oldest version to talk.
    pub min_version: MinTlsVersion,
    /// The newest version to talk, if not the newest that there is.
    pub max_version: Option<MinTlsVersion>,
    /// After how long a new connection looks at the files again; never unless it is given. The Collector's is about the
    /// certificate and the key, weir's about the authorities as well.
    #[serde(deserialize_with = "some_positive_duration")]
    pub reload_interval: Option<Duration>,
}

fn some_positive_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    positive_duration(deserializer).map(Some)
}

/// A version of TLS. Older ones are broken and not to be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum MinTlsVersion {
    /// TLS 1.2, the Collector's default.
    #[default]
    #[serde(rename = "1.2")]
    V1_2,
    /// TLS 1.3.
    #[serde(rename = "1.3")]
    V1_3,
}

/// TLS of a server. It is on if the block is there.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerTlsConfig {
    /// The certificate chain.
    pub cert_file: Option<PathBuf>,
    /// The same as PEM text.
    pub cert_pem: Option<String>,
    /// Its private key.
    pub key_file: Option<PathBuf>,
    /// The same as PEM text.
    pub key_pem: Option<Secret>,
    /// The oldest version to talk.
    pub min_version: MinTlsVersion,
    /// Clients must have a certificate of one of these authorities: mutual TLS.
    pub client_ca_file: Option<PathBuf>,
    /// After how long the files are looked at again, at the next handshake; 0: only when the configuration is reloaded.
    #[serde(deserialize_with = "duration")]
    pub reload_interval: Duration,
    /// Look at `client_ca_file` again also without a `reload_interval`, every 30 seconds at most.
    pub client_ca_file_reload: bool,
}

impl ServerTlsConfig {
    /// Checks what concerns several keys, and that the files are there.
    pub(super) fn check(&self, at: &At<'_>, problems: &mut Vec<Diagnostic>) {
        let pairs = [
            ("cert_file", self.cert_file.is_some(), "cert_pem", self.cert_pem.is_some()),
            ("key_file", self.key_file.is_some(), "key_pem", self.key_pem.is_some()),
        ];
        for (file, has_file, pem, has_pem) in pairs {
            if has_file && has_pem {
                problems.push(at.key(pem).problem(format!("give {file} or {pem}, not both")));
            } else if !has_file && !has_pem {
                problems.push(at.problem(format!("a server with TLS needs {file} or {pem}")));
            }
        }
        if self.client_ca_file_reload && self.client_ca_file.is_none() {
            let reason = "there is no client_ca_file to look at";
            problems.push(at.key("client_ca_file_reload").problem(reason));
        }
        let files = [
            ("cert_file", &self.cert_file),
            ("key_file", &self.key_file),
            ("client_ca_file", &self.client_ca_file),
        ];
        for (key, file) in files {
            if let Some(Err(reason)) = file.as_deref().map(read::text) {
                problems.push(at.key(key).problem(reason));
            }
        }
    }
}

impl TlsConfig {
    /// Checks what concerns several keys, and that the files are there.
    pub(super) fn check(&self, at: &At<'_>, problems: &mut Vec<Diagnostic>) {
        let pairs = [
            ("ca_file", self.ca_file.is_some(), "ca_pem", self.ca_pem.is_some()),
            ("cert_file", self.cert_file.is_some(), "cert_pem", self.cert_pem.is_some()),
            ("key_file", self.key_file.is_some(), "key_pem", self.key_pem.is_some()),
        ];
        for (file, has_file, pem, has_pem) in pairs {
            if has_file && has_pem {
                problems.push(at.key(pem).problem(format!("give {file} or {pem}, not both")));
            }
        }
        let has_cert = self.cert_file.is_some() || self.cert_pem.is_some();
        let has_key = self.key_file.is_some() || self.key_pem.is_some();
        if has_cert != has_key {
            problems.push(at.problem("a client certificate needs both a cert and a key"));
        }
        if self.max_version.is_some_and(|newest| newest < self.min_version) {
            problems.push(at.key("max_version").problem("must not be older than min_version"));
        }
        for (key, file) in
            [("ca_file", &self.ca_file), ("cert_file", &self.cert_file), ("key_file", &self.key_file)]
        {
            if let Some(Err(reason)) = file.as_deref().map(read::text) {
                problems.push(at.key(key).problem(reason));
            }
        }
    }
}
