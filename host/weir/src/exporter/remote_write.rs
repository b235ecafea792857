//! The `prometheusremotewrite` exporter: points of metrics as series, pushed by Prometheus' remote write 1.0.
//!
//! What a point is called, which labels it has and whether it has a place at all is what the exporter `prometheus` makes of it, by
//! the same code (`prometheus/ingest.rs`). `series.rs` gathers what is to be written, `encode.rs` writes it, `split.rs` makes
//! requests of it that are not too large.
//!
//! Nothing is remembered from one request to the next, so that a delta has nothing to be added to: it is refused, and the sender told.

mod encode;
mod series;
mod split;

use std::sync::Arc;

use http::header::CONTENT_ENCODING;
use http::{HeaderName, HeaderValue, Uri};
use weir_otlp::Signal;
use weir_pipeline::{Batch, BoxFuture, Charge, ExportError, Exported, Exporter};

use super::HttpClientSettings;
use super::http_client::HttpClient;
use super::prometheus::ingest::Rules;
use super::prometheus::refused::Refusals;
use super::prometheus::translation::Translation;
use super::prometheus::{Refused, ResourceLabels, Strategy};
use super::response::explanation;
use super::status::text_error;
use super::tally::Tally;
use super::target::http_uri;
use crate::wire::code;
use series::{Gathering, Wanted};
use split::Write;

/// The most that a request may come to. Every series has the labels of its resource in it, and every bucket is a series, so that it
/// may grow beyond measure.
const WRITE_BYTES_MAX: usize = 32 << 20;

/// What is converted where sockets are served. More would keep others waiting, and goes to a thread that may block.
const INLINE_BYTES_MAX: usize = 16 << 10;

const VERSION: HeaderName = HeaderName::from_static("x-prometheus-remote-write-version");

/// `prometheusremotewrite`.
#[derive(Clone, Debug)]
pub struct RemoteWriteSettings {
    /// The URL that is written to.
    pub endpoint: String,
    /// Stands in front of every name.
    pub namespace: String,
    /// Labels of every series that has none of the name. Those that begin with two underscores are sent as they are.
    pub external_labels: Vec<(String, String)>,
    /// Whether names get no suffixes of units and types.
    pub without_suffixes: bool,
    /// Which attributes of a resource are labels.
    pub resource_labels: ResourceLabels,
    /// Whether series have no labels of their scopes.
    pub without_scope_info: bool,
    /// Whether there is a series with the attributes of each target.
    pub target_info: bool,
    /// Whether types, descriptions and units are sent too.
    pub send_metadata: bool,
    /// Bytes of one request, before it is compressed.
    pub batch_bytes_max: usize,
    /// How it is reached.
    pub client: HttpClientSettings,
}

/// One upstream.
pub(super) struct RemoteWriteExporter {
    id: String,
    client: HttpClient,
    target: Uri,
    conversion: Arc<Conversion>,
}

/// How requests are converted.
struct Conversion {
    rules: Rules,
    wanted: Wanted,
    batch_bytes_max: usize,
}

/// What a request comes to.
struct Converted {
    writes: Vec<Write>,
    refusals: Refusals,
}

// === impl RemoteWriteExporter ===

impl RemoteWriteExporter {
    pub(super) fn new(id: &str, settings: &RemoteWriteSettings) -> Result<Self, String> {
        let target = http_uri("endpoint", &settings.endpoint)?;
        let content_type = HeaderValue::from_static("application/x-protobuf");
        let client = HttpClient::new(id, &settings.client, content_type, std::iter::once(&target))?
            .with_header(CONTENT_ENCODING, HeaderValue::from_static("snappy"))
            .with_header(VERSION, HeaderValue::from_static("0.1.0"));
        let conversion = Arc::new(Conversion::new(settings));
        Ok(RemoteWriteExporter { id: id.to_owned(), client, target, conversion })
    }

    /// Sends everything in a batch. A part that is refused for good costs no other. Each part has the timeout for itself.
    async fn attempt(&self, batch: Batch) -> Result<Exported, ExportError> {
        if batch.signal != Signal::Metrics {
            return Err(ExportError::permanent(
                code::UNIMPLEMENTED,
                "only metrics can be written to Prometheus",
            ));
        }
        let charge = batch.charge.beside(0);
        let Converted { writes, refusals } = self.convert(batch, charge.clone()).await?;
        let mut tally = Tally::default();
        for Write { body, points } in writes {
            let outcome = self.client.attempt(self.write(body)).await.map(drop);
            // An upstream that is away for this part is away for the rest, and all of it is sent again.
            let is_away = outcome.as_ref().is_err_and(|error| error.retryable);
            tally.add(points, outcome);
            if is_away {
                break;
            }
        }
        drop(charge);
        Ok(self.with_refusals(tally.outcome()?, &refusals))
    }

    async fn convert(&self, batch: Batch, charge: Charge) -> Result<Converted, ExportError> {
        if batch.payload.len() <= INLINE_BYTES_MAX {
            return self.conversion.convert(&batch, &charge);
        }
        let conversion = Arc::clone(&self.conversion);
        let converted = tokio::task::spawn_blocking(move || conversion.convert(&batch, &charge)).await;
        converted.unwrap_or_else(|_| {
            Err(ExportError::permanent(code::INTERNAL, "the points could not be converted"))
        })
    }

    async fn write(&self, body: Vec<u8>) -> Result<Exported, ExportError> {
        let (head, body) = self.client.post(&self.target, body.into(), None).await?.into_parts();
        if head.status.is_success() {
            return Ok(Exported::default());
        }
        Err(text_error(head.status, &head.headers, &explanation(body).await))
    }

    /// What the upstream has not taken, and what it was not even asked to take.
    fn with_refusals(&self, exported: Exported, refusals: &Refusals) -> Exported {
        if refusals.total() == 0 {
            return exported;
        }
        let reasons: Vec<&str> = refusals.iter().map(|(refused, _)| reason(refused)).collect();
        let mut message = format!("exporter {}: {}", self.id, reasons.join("; "));
        if let Some(said) = exported.message {
            message = format!("{said}; {message}");
        }
        Exported { rejected: exported.rejected + refusals.total(), message: Some(message) }
    }
}

impl Exporter for RemoteWriteExporter {
    fn export(&self, batch: Batch) -> BoxFuture<'_, Result<Exported, ExportError>> {
        Box::pin(self.attempt(batch))
    }
}

/// What the sender is told, and what can be done about it.
fn reason(refused: Refused) -> &'static str {
    match refused {
        Refused::Temporality => {
            "remote write has no place for deltas: have the application send cumulative metrics \
             (OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative), or let Prometheus scrape the exporter prometheus, \
             which adds them up"
        }
        other => other.reason(),
    }
}

/// Labels that begin with two underscores mean something to some upstreams, and keep their names.
fn external_label((name, value): &(String, String), translation: &Translation) -> (String, String) {
    if name.starts_with("__") {
        return (name.clone(), value.clone());
    }
    let mut translated = Vec::new();
    translation.put_label(name, &mut translated);
    (String::from_utf8(translated).unwrap_or_default(), value.clone())
}

// === impl Conversion ===

impl Conversion {
    fn new(settings: &RemoteWriteSettings) -> Self {
        let strategy = Strategy { keeps_utf8: false, without_suffixes: settings.without_suffixes };
        let mut rules = Rules::new(
            (strategy, &settings.namespace),
            &[],
            &settings.resource_labels,
            settings.without_scope_info,
        );
        let external = settings.external_labels.iter();
        rules.external_labels = external.map(|label| external_label(label, &rules.translation)).collect();
        let target_info = settings.target_info.then(|| rules.translation.target_info());
        let wanted = Wanted { target_info, metadata: settings.send_metadata };
        Conversion { rules, wanted, batch_bytes_max: settings.batch_bytes_max }
    }

    fn convert(&self, batch: &Batch, charge: &Charge) -> Result<Converted, ExportError> {
        let mut gathering = Gathering::new(&self.wanted, batch.received_unix_nano, charge);
        let refusals = self
            .rules
            .take(&batch.payload, &mut gathering)
            .map_err(|error| ExportError::permanent(code::INVALID_ARGUMENT, error.to_string()))?;
        let Some(writes) = gathering.finish(self.batch_bytes_max) else {
            let message = "as series the request is larger than 32 MiB; send smaller requests, or set \
                           remote_write_queue::batch::max_size";
            return Err(ExportError::permanent(code::RESOURCE_EXHAUSTED, message));
        };
        charge.set(writes.iter().map(|write| write.body.len() as u64).sum());
        Ok(Converted { writes, refusals })
    }
}

#[cfg(test)]
mod tests;
