//! TLS of a server: its certificate, whom it asks for one, and how both are renewed while it serves.
//!
//! Files are looked at when a handshake needs them and the interval is over, and at each reload of the configuration.
//! Nothing looks at them by the clock: an idle weir does not wake.

mod load;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use load::Loaded;

use crate::tls::{Looks, Pem, TlsVersion};

/// How long a handshake may take. It is two round trips and two signatures.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How often `client_ca_file_reload` looks at the file, at most, where no `reload_interval` says.
const CLIENT_CA_INTERVAL: Duration = Duration::from_secs(30);

/// The Collector's `tls` block of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// The certificate chain.
    pub cert: Pem,
    /// Its private key.
    pub key: Pem,
    /// Whose certificates clients must have. `None`: they need none.
    pub client_ca: Option<PathBuf>,
    /// The oldest version to speak.
    pub min_version: TlsVersion,
    /// After how long the files are looked at again, if at all.
    pub reload_interval: Option<Duration>,
    /// Whether `client_ca` is looked at again in any case.
    pub client_ca_reload: bool,
}

/// The certificates of one server, as they are now.
pub struct Tls {
    settings: TlsSettings,
    protocols: Protocols,
    current: ArcSwap<Loaded>,
    looks: Looks,
    /// What was in the files when they were looked at last, if that was no good.
    refused: Mutex<Option<u64>>,
    on_renewal: OnRenewal,
}

/// What may be spoken within TLS, by its name in ALPN, the best first.
pub type Protocols = &'static [&'static str];

/// Told of each renewal that was tried, and why it failed if it did.
pub type OnRenewal = Box<dyn Fn(Result<(), &str>) + Send + Sync>;

// === impl Tls ===

impl Tls {
    /// Reads the certificates.
    ///
    /// # Errors
    /// If a file cannot be read or what is in it cannot be used.
    pub fn load(
        settings: &TlsSettings,
        protocols: Protocols,
        on_renewal: OnRenewal,
    ) -> Result<Arc<Self>, String> {
        let files = load::Files::read(settings)?;
        let current = ArcSwap::from_pointee(files.load(settings, protocols)?);
        let client_ca_interval = settings.client_ca_reload.then_some(CLIENT_CA_INTERVAL);
        let looks = Looks::every(settings.reload_interval.or(client_ca_interval));
        let (settings, refused) = (settings.clone(), Mutex::default());
        Ok(Arc::new(Tls { settings, protocols, current, looks, refused, on_renewal }))
    }

    /// Takes over the certificates of another one with the same settings. Open connections keep theirs.
    pub fn adopt(&self, other: &Tls) {
        let next = other.current.load_full();
        if next.content != self.current.load().content {
            self.current.store(next);
            (self.on_renewal)(Ok(()));
        }
    }

    /// One handshake. The error is for people.
    pub(super) async fn accept<S>(self: &Arc<Self>, stream: S) -> Result<TlsStream<S>, String>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let acceptor = TlsAcceptor::from(self.config().await);
        match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("it took too long".to_owned()),
        }
    }

    /// What to serve with, renewed first if it is time to.
    async fn config(self: &Arc<Self>) -> Arc<ServerConfig> {
        if self.looks.are_due() {
            let this = Arc::clone(self);
            // The files may be on a slow network. Other handshakes go on with what is there.
            let _ = tokio::task::spawn_blocking(move || this.renew()).await;
        }
        Arc::clone(&self.current.load().config)
    }

    /// Reads the files again. What is no good is told once and leaves the former certificates in place.
    fn renew(&self) {
        let next = load::Files::read(&self.settings);
        // A file that cannot be read has no content, which is one more that is no good.
        let content = next.as_ref().map_or(0, |files| files.content);
        if content == self.current.load().content {
            *self.refused() = None;
            return;
        }
        match next.and_then(|files| files.load(&self.settings, self.protocols)) {
            Ok(next) => {
                self.current.store(Arc::new(next));
                *self.refused() = None;
                (self.on_renewal)(Ok(()));
            }
            Err(reason) => {
                if self.refused().replace(content) != Some(content) {
                    (self.on_renewal)(Err(&reason));
                }
            }
        }
    }

    fn refused(&self) -> std::sync::MutexGuard<'_, Option<u64>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
