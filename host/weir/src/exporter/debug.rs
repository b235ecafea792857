//! The `debug` exporter: prints what arrives to stdout. The only place in weir where telemetry is shown, since that is
//! what it was configured for.
//!
//! Batches are decoded into owned messages here, which is fine: nobody prints telemetry at full speed.

mod detailed;
mod normal;
mod value;

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::{DecodeError, Message};
use weir_otlp::Signal;
use weir_pipeline::{Batch, BoxFuture, ExportError, Exported, Exporter};

use crate::wire::code;

/// How much is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verbosity {
    /// One line a batch.
    #[default]
    Basic,
    /// One line a batch and one an item.
    Normal,
    /// Everything.
    Detailed,
}

/// Prints batches.
pub struct DebugExporter {
    verbosity: Verbosity,
    out: Arc<Mutex<dyn Write + Send>>,
}

/// A decoded request.
enum Decoded {
    Traces(ExportTraceServiceRequest),
    Metrics(ExportMetricsServiceRequest),
    Logs(ExportLogsServiceRequest),
    Profiles,
}

impl DebugExporter {
    /// Prints to stdout.
    pub fn to_stdout(verbosity: Verbosity) -> Self {
        DebugExporter::new(verbosity, std::io::stdout())
    }

    /// Prints to `out`.
    pub fn new(verbosity: Verbosity, out: impl Write + Send + 'static) -> Self {
        DebugExporter { verbosity, out: Arc::new(Mutex::new(out)) }
    }
}

impl Exporter for DebugExporter {
    fn export(&self, batch: Batch) -> BoxFuture<'_, Result<Exported, ExportError>> {
        let (verbosity, out) = (self.verbosity, Arc::clone(&self.out));
        Box::pin(async move {
            // A terminal or a pipe may make its writer wait, and sockets are served on this thread.
            let printed = tokio::task::spawn_blocking(move || print(&batch, verbosity, &out)).await;
            match printed {
                Ok(outcome) => outcome.map(|()| Exported::default()),
                Err(_) => Err(ExportError::permanent(code::INTERNAL, "the debug exporter failed")),
            }
        })
    }
}

fn print(batch: &Batch, verbosity: Verbosity, out: &Mutex<dyn Write + Send>) -> Result<(), ExportError> {
    let text = render(batch, verbosity).map_err(|_| {
        ExportError::permanent(
            code::INVALID_ARGUMENT,
            format!("the {} cannot be decoded", batch.signal.name()),
        )
    })?;
    // One write a batch, so that batches do not mix.
    let mut out = out.lock().unwrap_or_else(PoisonError::into_inner);
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| ExportError::permanent(code::INTERNAL, format!("cannot write to stdout: {error}")))
}

fn render(batch: &Batch, verbosity: Verbosity) -> Result<String, DecodeError> {
    let decoded = Decoded::new(batch)?;
    let mut text = format!(
        "{} resources={} {}={} bytes={}\n",
        batch.signal.name(),
        decoded.resources(),
        batch.signal.items_name(),
        batch.items,
        batch.payload.len(),
    );
    match verbosity {
        Verbosity::Basic => {}
        Verbosity::Normal => normal::write(&mut text, &decoded),
        Verbosity::Detailed => detailed::write(&mut text, &decoded),
    }
    Ok(text)
}

impl Decoded {
    fn new(batch: &Batch) -> Result<Self, DecodeError> {
        let bytes = batch.payload.clone();
        Ok(match batch.signal {
            Signal::Traces => Decoded::Traces(Message::decode(bytes)?),
            Signal::Metrics => Decoded::Metrics(Message::decode(bytes)?),
            Signal::Logs => Decoded::Logs(Message::decode(bytes)?),
            Signal::Profiles => Decoded::Profiles,
        })
    }

    fn resources(&self) -> usize {
        match self {
            Decoded::Traces(request) => request.resource_spans.len(),
            Decoded::Metrics(request) => request.resource_metrics.len(),
            Decoded::Logs(request) => request.resource_logs.len(),
            Decoded::Profiles => 0,
        }
    }
}

#[cfg(test)]
mod tests;
