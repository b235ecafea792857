//! The `loki` exporter: logs to Loki's push API, laid out as the exporter of this name in the Collector did.
//!
//! A request becomes streams, which are what has the same labels, and each log a line. Most of what a log says is in its line;
//! labels are what Loki finds logs by, and must be few. Trace and span id stand in the line and, since Loki 3 has a place for what
//! belongs to a log and is no label, as structured metadata too.

mod convert;
mod hints;
mod labels;
mod line;
mod logfmt;
mod push;
mod refused;

use http::{HeaderName, HeaderValue, Uri};
use weir_pipeline::{Batch, BoxFuture, Charge, ExportError, Exported, Exporter};

use super::HttpClientSettings;
use super::http_client::HttpClient;
use super::response::explanation;
use super::status::{is_pushed, push_error};
use super::tally::Tally;
use super::target::http_uri;
use crate::wire::code;
use convert::{Converted, Layout, convert};
use push::Push;

/// The most that a request may come to. Every line has its resource in it, so that it may grow beyond measure. Loki's own limits
/// are lower, unless they are raised.
const PUSH_BYTES_MAX: usize = 32 << 20;

/// What is converted where sockets are served. More would keep others waiting, and goes to a thread that may block.
const INLINE_BYTES_MAX: u64 = 2 << 20;

/// Whose logs these are, for Loki.
const TENANT: HeaderName = HeaderName::from_static("x-scope-orgid");

/// The longest name of a tenant that Loki takes.
const TENANT_BYTES_MAX: usize = 150;

/// `loki`.
#[derive(Clone, Debug)]
pub struct LokiSettings {
    /// The URL of the push API.
    pub endpoint: String,
    /// The labels that are set without being asked for.
    pub default_labels: DefaultLabels,
    /// How pushes are encoded.
    pub encoding: PushEncoding,
    /// Whether trace and span ids are structured metadata too.
    pub structured_metadata: bool,
    /// How it is reached.
    pub client: HttpClientSettings,
}

/// The labels that are set without being asked for, where a log has what they say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DefaultLabels {
    /// `exporter`
    pub exporter: bool,
    /// `job`
    pub job: bool,
    /// `instance`
    pub instance: bool,
    /// `level`
    pub level: bool,
}

/// How pushes are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushEncoding {
    /// Protobuf in snappy.
    Proto,
    /// JSON.
    Json,
}

/// One Loki.
pub(super) struct LokiExporter {
    client: HttpClient,
    target: Uri,
    layout: Layout,
}

impl LokiExporter {
    pub(super) fn new(id: &str, settings: &LokiSettings) -> Result<Self, String> {
        let target = http_uri("endpoint", &settings.endpoint)?;
        let content_type = HeaderValue::from_static(match settings.encoding {
            PushEncoding::Proto => "application/x-protobuf",
            PushEncoding::Json => "application/json",
        });
        let client = HttpClient::new(id, &settings.client, content_type, std::iter::once(&target))?;
        let layout = Layout {
            default_labels: settings.default_labels,
            encoding: settings.encoding,
            structured_metadata: settings.structured_metadata,
        };
        Ok(LokiExporter { client, target, layout })
    }

    /// Sends everything in a batch. One tenant's trouble is not another's: each push is tried, whatever became of those before.
    async fn attempt(&self, batch: Batch) -> Result<Exported, ExportError> {
        let charge = batch.charge.beside(0);
        let Converted { pushes, unlabelled } = self.convert(batch, charge.clone()).await?;
        let mut tally = Tally::default();
        if unlabelled > 0 {
            let message = "Loki takes no logs without a label; enable a default label";
            tally.add(unlabelled, Err(ExportError::permanent(code::INVALID_ARGUMENT, message)));
        }
        for push in pushes {
            tally.add(push.items, self.push(push).await);
        }
        drop(charge);
        tally.outcome()
    }

    async fn convert(&self, batch: Batch, charge: Charge) -> Result<Converted, ExportError> {
        let Batch { payload, items, received_unix_nano, .. } = batch;
        let layout = self.layout;
        // No line is longer than the request, but for escapes.
        if items.saturating_mul(payload.len() as u64) <= INLINE_BYTES_MAX {
            return Ok(convert(&payload, layout, received_unix_nano, &charge)?);
        }
        let convert = move || convert(&payload, layout, received_unix_nano, &charge);
        let converted = tokio::task::spawn_blocking(convert).await;
        Ok(converted
            .map_err(|_| ExportError::permanent(code::INTERNAL, "the logs could not be converted"))??)
    }

    async fn push(&self, push: Push) -> Result<(), ExportError> {
        let Push { tenant, body, .. } = push;
        let tenant = match tenant.as_str() {
            "" => None,
            name => Some((TENANT, tenant_value(name)?)),
        };
        let (head, body) = self.client.post(&self.target, body.into(), tenant).await?.into_parts();
        if is_pushed(head.status) {
            return Ok(());
        }
        Err(push_error(head.status, &head.headers, &explanation(body).await))
    }
}

/// A tenant's name for the header, if Loki would take it.
fn tenant_value(name: &str) -> Result<HeaderValue, ExportError> {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"!-_.*'()".contains(&byte);
    let is_tenant =
        name.len() <= TENANT_BYTES_MAX && !matches!(name, "." | "..") && name.bytes().all(is_letter);
    let value = HeaderValue::from_str(name).ok().filter(|_| is_tenant);
    value.ok_or_else(|| {
        let message = "the attribute that loki.tenant names holds no name of a tenant";
        ExportError::permanent(code::INVALID_ARGUMENT, message)
    })
}

impl Exporter for LokiExporter {
    fn export(&self, batch: Batch) -> BoxFuture<'_, Result<Exported, ExportError>> {
        Box::pin(self.client.attempt(self.attempt(batch)))
    }
}

#[cfg(test)]
mod tests;
