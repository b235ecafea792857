//! The `prometheus` exporter: a page with the last value of every series, for Prometheus to scrape.
//!
//! The way of a point: `ingest.rs` (the request's bytes, walked) -> `translation.rs`, `units.rs`, `labels.rs`, `resource.rs` (what it
//! is called) -> `series.rs`, `histogram.rs`, `native.rs` (what it makes of its series) -> `store.rs` (all series, bounded by
//! `limits.rs`). The way of a page: `scrape.rs` (HTTP) -> `negotiate.rs`, `escape.rs` (what the reader takes) -> `page.rs` ->
//! `text.rs`, `openmetrics.rs` or `protobuf.rs`.
//!
//! Points that have no place are refused by rules with names (`refused.rs`): they count as rejected, and the sender is told. A
//! cumulative point that is older than what is there counts as sent: it is overtaken, as all points are between two scrapes.
//!
//! The way up to `store.rs` is that of the exporter `prometheusremotewrite` too, whose points go into a request instead.

mod escape;
pub(super) mod exemplar;
pub(super) mod histogram;
pub(super) mod ingest;
pub(super) mod labels;
pub(super) mod limits;
pub(super) mod native;
mod negotiate;
mod number;
mod openmetrics;
mod page;
pub(super) mod protobuf;
pub(super) mod refused;
pub(super) mod resource;
mod scrape;
pub(super) mod series;
pub(super) mod store;
mod text;
pub(super) mod translation;
mod units;
pub(super) mod wire;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderMap;
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto::Builder;
use weir_otlp::Signal;
use weir_pipeline::{Batch, BoxFuture, ExportError, Exported, Exporter};

use self::ingest::Rules;
use self::refused::Refusals;
use self::scrape::Scrapes;
use self::store::{At, Store};
use crate::listen::{Bounds, Front, Protocols, Tls, TlsSettings};
use crate::telemetry::PrometheusMetrics;
use crate::wire::code;

pub use self::limits::SERIES_MAX;
pub use self::refused::Refused;
pub use self::resource::ResourceLabels;
pub use self::translation::Strategy;

/// A request of this size is worked on where sockets are served: it takes less than handing it over.
const SMALL_REQUEST_BYTES: usize = 32 << 10;

/// How often the log says that points are refused, at most.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// What an exporter makes of its series.
#[derive(Clone, Debug, PartialEq)]
pub struct PrometheusSettings {
    /// Stands in front of every name.
    pub namespace: String,
    /// Labels of every series.
    pub const_labels: Vec<(String, String)>,
    /// Whether samples have the time of their points.
    pub send_timestamps: bool,
    /// How long a series stays without a new point.
    pub metric_expiration: Duration,
    /// Whether OpenMetrics is given to those who ask for it.
    pub enable_open_metrics: bool,
    /// How names are translated.
    pub strategy: Strategy,
    /// Which attributes of a resource are labels.
    pub resource_labels: ResourceLabels,
    /// Whether series have no labels of their scopes.
    pub without_scope_info: bool,
    /// How many series there may be.
    pub series_max: usize,
}

/// How the page of an exporter is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScrapeSettings {
    /// `host:port` to listen on, or the path of a Unix socket.
    pub endpoint: String,
    /// The certificates, if TLS is on.
    pub tls: Option<TlsSettings>,
    /// How long a connection may do what.
    pub bounds: Bounds,
    /// Whether a connection may carry another request.
    pub keeps_alive: bool,
    /// Headers of every answer.
    pub response_headers: HeaderMap,
}

/// The exporter: its series, and what it counts.
pub struct PrometheusExporter {
    id: String,
    rules: Rules,
    store: tokio::sync::Mutex<Store>,
    with_openmetrics: bool,
    send_timestamps: bool,
    metrics: OnceLock<PrometheusMetrics>,
    logged: Mutex<Option<Instant>>,
}

// === impl PrometheusExporter ===

impl PrometheusExporter {
    /// Without any series yet.
    pub fn new(id: &str, settings: &PrometheusSettings) -> Arc<Self> {
        let rules = Rules::new(
            (settings.strategy, &settings.namespace),
            &settings.const_labels,
            &settings.resource_labels,
            settings.without_scope_info,
        );
        let target_info = rules.translation.target_info();
        let (series_max, expiration) = (settings.series_max, settings.metric_expiration);
        Arc::new(PrometheusExporter {
            id: id.to_owned(),
            rules,
            store: tokio::sync::Mutex::new(Store::new(target_info, series_max, expiration, Instant::now())),
            with_openmetrics: settings.enable_open_metrics,
            send_timestamps: settings.send_timestamps,
            metrics: OnceLock::new(),
            logged: Mutex::new(None),
        })
    }

    /// Where batches go.
    pub fn sink(self: Arc<Self>) -> impl Exporter {
        Sink(self)
    }

    /// Counts from now on what is refused.
    pub fn observe(&self, metrics: PrometheusMetrics) {
        // It is done once, when the exporter starts.
        let _ = self.metrics.set(metrics);
    }

    /// Takes the points of a request. The whole of it is read first: of one that is no OTLP nothing is taken.
    fn take(
        &self,
        batch: &Batch,
        mut store: tokio::sync::MutexGuard<'_, Store>,
    ) -> Result<Exported, ExportError> {
        let mut place = At { store: &mut store, now: Instant::now() };
        let refusals = self.rules.take(&batch.payload, &mut place).map_err(malformed)?;
        let series = store.series();
        drop(store);
        if let Some(metrics) = self.metrics.get() {
            metrics.series(series);
            refusals.iter().for_each(|(refused, points)| metrics.refused(refused, points));
        }
        if refusals.total() == 0 {
            return Ok(Exported::default());
        }
        self.log(&refusals);
        let reasons: Vec<&str> = refusals.iter().map(|(refused, _)| refused.reason()).collect();
        let message = format!("exporter {}: {}", self.id, reasons.join("; "));
        Ok(Exported { rejected: refusals.total(), message: Some(message) })
    }

    fn check(&self, batch: &Batch) -> Result<(), ExportError> {
        self.rules.check(&batch.payload).map_err(malformed)
    }

    async fn take_small(&self, batch: &Batch) -> Result<Exported, ExportError> {
        self.check(batch)?;
        self.take(batch, self.store.lock().await)
    }

    fn log(&self, refusals: &Refusals) {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.is_some_and(|last| last.elapsed() < LOG_INTERVAL) {
            return;
        }
        *logged = Some(Instant::now());
        for (refused, points) in refusals.iter() {
            let (exporter, rule) = (&self.id, refused.name());
            tracing::warn!(exporter, rule, points, "data points were refused: {}", refused.reason());
        }
    }
}

/// Where batches go: the exporter, which is shared with the thread of a request that takes long.
struct Sink(Arc<PrometheusExporter>);

impl Exporter for Sink {
    fn export(&self, batch: Batch) -> BoxFuture<'_, Result<Exported, ExportError>> {
        Box::pin(async move {
            if batch.signal != Signal::Metrics {
                return Err(ExportError::permanent(code::UNIMPLEMENTED, "only metrics can be scraped"));
            }
            if batch.payload.len() <= SMALL_REQUEST_BYTES {
                return self.0.take_small(&batch).await;
            }
            let exporter = Arc::clone(&self.0);
            let taken = tokio::task::spawn_blocking(move || {
                exporter.check(&batch)?;
                exporter.take(&batch, exporter.store.blocking_lock())
            });
            taken
                .await
                .unwrap_or_else(|_| Err(ExportError::permanent(code::INTERNAL, "the exporter panicked")))
        })
    }
}

fn malformed(error: weir_otlp::WireError) -> ExportError {
    ExportError::permanent(code::INVALID_ARGUMENT, error.to_string())
}

// === impl ScrapeSettings ===

impl ScrapeSettings {
    /// Reads the certificates, if TLS is on. `id` is the exporter's, for what is told of them later.
    ///
    /// # Errors
    /// If they cannot be read or used.
    pub fn tls(&self, id: &str) -> Result<Option<Arc<Tls>>, String> {
        const PROTOCOLS: Protocols = &["http/1.1"];
        let Some(settings) = &self.tls else { return Ok(None) };
        let server = format!("exporter {id}");
        let on_renewal = move |outcome: Result<(), &str>| match outcome {
            Ok(()) => tracing::info!(server, "new connections get the renewed certificates"),
            Err(reason) => {
                tracing::error!(server, reason, "certificates were not renewed, the former ones stay");
            }
        };
        Tls::load(settings, PROTOCOLS, Box::new(on_renewal)).map(Some)
    }

    /// What connections are served with: the page of this exporter. Without one there is none.
    pub fn front(&self, tls: Option<Arc<Tls>>, exporter: Option<&Arc<PrometheusExporter>>) -> Front {
        let mut builder = Builder::new(TokioExecutor::new()).http1_only();
        // How long a head may take is among the connection's bounds.
        builder.http1().header_read_timeout(None).keep_alive(self.keeps_alive);
        let scrapes = Scrapes::new(exporter.cloned(), self.response_headers.clone());
        Front::new(builder, self.bounds.clone(), tls, scrapes)
    }
}

#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
