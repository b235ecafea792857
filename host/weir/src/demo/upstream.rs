//! The embedded upstream: weir's own OTLP receiver, with an exporter behind it that keeps what arrives.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use weir_otlp::Signal;
use weir_pipeline::{
    Batch, BoxFuture, Consumer, ExportError, ExportQueue, Exported, Exporter, Keeping, Pipeline,
    QueueSettings, Unobserved,
};

use super::DemoError;
use super::items::{self, Item};
use crate::receiver::{Admission, AdmissionSettings, GrpcSettings, ReceiverSettings, RunningReceiver};
use crate::telemetry::Telemetry;

/// An upstream that remembers.
pub(super) struct Upstream {
    kept: Arc<Kept>,
    _receiver: RunningReceiver,
    pub address: SocketAddr,
}

/// What has arrived.
#[derive(Default)]
struct Kept(Mutex<Vec<Batch>>);

impl Upstream {
    /// Listens on a free port of loopback.
    pub(super) async fn start() -> Result<Self, DemoError> {
        let kept = Arc::new(Kept::default());
        let pipelines = [Signal::Traces, Signal::Metrics, Signal::Logs].map(|signal| {
            let exporter = Arc::clone(&kept) as Arc<dyn Exporter>;
            let queue = ExportQueue::new(
                "kept",
                exporter,
                QueueSettings::default(),
                Arc::new(Unobserved),
                Keeping::default(),
            );
            let name = signal.name().to_owned();
            Arc::new(Pipeline {
                name,
                signal,
                processors: Vec::new(),
                exporters: vec![queue],
                batching: None,
            })
        });
        let grpc = GrpcSettings { endpoint: "127.0.0.1:0".to_owned(), ..GrpcSettings::default() };
        let settings = ReceiverSettings { id: "upstream".to_owned(), grpc: Some(grpc), http: None };
        let telemetry = Telemetry::new().map_err(|error| DemoError::new("start the upstream", error))?;
        let receiver = RunningReceiver::start(
            &settings,
            Arc::new(Consumer::new(pipelines.into())),
            Admission::new(AdmissionSettings::default()),
            &telemetry,
        )
        .await
        .map_err(|error| DemoError::new("start the upstream", error))?;
        let address =
            receiver.grpc_addr().ok_or_else(|| DemoError::new("start the upstream", "it has no address"))?;
        Ok(Upstream { kept, _receiver: receiver, address })
    }

    /// Takes out what has arrived since the last time.
    pub(super) fn take(&self) -> Result<Vec<Item>, DemoError> {
        let batches = std::mem::take(&mut *self.kept.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut arrived = Vec::new();
        for batch in batches {
            let decoded = items::of(batch.signal, &batch.payload);
            arrived.extend(decoded.map_err(|error| DemoError::new("decode what arrived", error))?);
        }
        Ok(arrived)
    }
}

impl Exporter for Kept {
    fn export(&self, batch: Batch) -> BoxFuture<'_, Result<Exported, ExportError>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(batch);
        Box::pin(std::future::ready(Ok(Exported::default())))
    }
}
