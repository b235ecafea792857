//! The TLS settings of new connections. With a `reload_interval`, the certificates' files are looked at again when a connection
//! is made and the last look is longer ago: no timer, and nothing to do for a weir that connects to nobody.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use super::tls::{self, Material, TlsSettings};
use crate::tls::Looks;

/// See the module.
pub(super) struct TlsSource {
    /// The exporter, for the log.
    id: String,
    settings: TlsSettings,
    /// Never where nothing is encrypted.
    looks: Looks,
    alpn: Alpn,
    server_name: Option<ServerName<'static>>,
    current: Mutex<Current>,
}

struct Current {
    config: Arc<ClientConfig>,
    /// What the files said when they were last read, whether it could be used or not.
    material: u64,
}

/// What is offered to the peer.
#[derive(Clone, Copy)]
pub(super) enum Alpn {
    Http2,
    /// Nothing, which is HTTP/1.1.
    Http1,
}

impl TlsSource {
    /// `is_needed` is false where all endpoints are plain: then nothing is read from disk.
    ///
    /// # Errors
    /// If a certificate, a key or a name is not usable.
    pub(super) fn new(id: &str, settings: &TlsSettings, is_needed: bool, alpn: Alpn) -> Result<Self, String> {
        let material = if is_needed { Some(Material::read(settings)?) } else { None };
        let config = match &material {
            Some(material) => tls::client_config(settings, material)?,
            None => tls::unused_config()?,
        };
        Ok(TlsSource {
            id: id.to_owned(),
            settings: settings.clone(),
            looks: Looks::every(settings.reload_interval.filter(|_| is_needed)),
            alpn,
            server_name: if is_needed { tls::server_name(settings)? } else { None },
            current: Mutex::new(Current {
                config: alpn.applied(config),
                material: material.map_or(0, |material| material.hash()),
            }),
        })
    }

    /// The name that a certificate must bear, if it is not that of the URL.
    pub(super) fn server_name(&self) -> Option<&ServerName<'static>> {
        self.server_name.as_ref()
    }

    /// What the next connection is made with.
    pub(super) async fn config(self: Arc<Self>) -> Arc<ClientConfig> {
        if self.looks.are_due() {
            let this = Arc::clone(&self);
            // A panic in there leaves what was; reading files may block.
            let _ = tokio::task::spawn_blocking(move || this.look()).await;
        }
        Arc::clone(&self.lock().config)
    }

    /// Reads the files. What cannot be used, half of a renewed pair for instance, leaves in place what was before.
    fn look(&self) {
        let renewed = Material::read(&self.settings).and_then(|material| {
            let hash = material.hash();
            if self.lock().material == hash {
                return Ok(None);
            }
            self.lock().material = hash;
            tls::client_config(&self.settings, &material).map(Some)
        });
        match renewed {
            Ok(None) => {}
            Ok(Some(config)) => {
                self.lock().config = self.alpn.applied(config);
                tracing::info!(exporter = %self.id, "the certificates were renewed; new connections use them");
            }
            Err(reason) => {
                tracing::warn!(
                    exporter = %self.id, %reason,
                    "the renewed certificates cannot be used; new connections use the former ones",
                );
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Alpn {
    fn applied(self, mut config: ClientConfig) -> Arc<ClientConfig> {
        if let Alpn::Http2 = self {
            config.alpn_protocols = vec![b"h2".to_vec()];
        }
        Arc::new(config)
    }
}
