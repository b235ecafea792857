//! What both sides of TLS have in common: versions, and PEM text or where it is.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// More than any chain of certificates, and an end to a file that has none.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
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
    /// In this file.
    File(PathBuf),
    /// As it stands. It may be a key and is never shown.
    Text(String),
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pem::File(path) => f.debug_tuple("File").field(path).finish(),
            Pem::Text(_) => f.write_str("Text([REDACTED])"),
        }
    }
}

impl Pem {
    pub(crate) fn read(&self) -> Result<Vec<u8>, String> {
        match self {
            Pem::File(path) => read_file(path),
            Pem::Text(text) => Ok(text.clone().into_bytes()),
        }
    }
}

/// When the files of certificates are to be looked at again. Nothing does so by the clock: whoever needs them asks.
#[derive(Debug)]
pub(crate) struct Looks {
    /// Never, if there is none.
    interval: Option<Duration>,
    last: Mutex<Instant>,
}

impl Looks {
    /// They were looked at now.
    pub(crate) fn every(interval: Option<Duration>) -> Self {
        Looks { interval, last: Mutex::new(Instant::now()) }
    }

    /// Whether it is time to look: true for one caller in each interval.
    pub(crate) fn are_due(&self) -> bool {
        let Some(interval) = self.interval else { return false };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.elapsed() >= interval;
        if is_due {
            *last = Instant::now();
        }
        is_due
    }
}

/// The bytes of a file. The error names it.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(bytes),
        Err(error) => Err(format!("tls: cannot read {}: {error}", path.display())),
    }
}

/// The certificates in a PEM text; at least one. `what` is its key in the configuration.
pub(crate) fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(format!("tls: {what} holds no certificate in PEM")),
        // The parser's own words might quote the text.
        Err(_) => Err(format!("tls: {what} is not PEM")),
    }
}

/// The cryptography of all of weir.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_caller_in_each_interval_looks_and_nobody_without_one() {
        assert!(!Looks::every(None).are_due());
        let looks = Looks::every(Some(Duration::from_secs(60)));
        assert!(!looks.are_due(), "they were looked at just now");
        *looks.last.lock().unwrap() = Instant::now().checked_sub(Duration::from_secs(60)).unwrap();
        assert_eq!([looks.are_due(), looks.are_due()], [true, false]);
    }
}
