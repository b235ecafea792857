//! The application of the demo: sends the recorded requests, over and over, through weir's own OTLP exporter.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use weir_pipeline::{Batch, Exporter};

use super::DemoError;
use super::recorded::Recorded;
use super::screen::Screen;
use crate::exporter::{self, Compression, ExporterSettings, OtlpGrpcSettings, TlsSettings};

/// A connection to the sidecar.
pub(super) struct Replay {
    exporter: Arc<dyn Exporter>,
}

impl Replay {
    pub(super) fn to(sidecar: SocketAddr) -> Result<Self, DemoError> {
        let settings = OtlpGrpcSettings {
            tls: TlsSettings { insecure: true, ..TlsSettings::default() },
            compression: Compression::None,
            timeout: Duration::from_secs(10),
            ..OtlpGrpcSettings::new(sidecar.to_string())
        };
        let exporter = exporter::build("replay", &ExporterSettings::OtlpGrpc(settings))
            .map_err(|error| DemoError::new("make the client", error))?;
        Ok(Replay { exporter })
    }

    /// Sends every recorded request `rounds` times. Each must be taken. Returns the rounds.
    pub(super) async fn rounds(
        &self,
        rounds: u64,
        recorded: &[Recorded],
        screen: &mut Screen,
    ) -> Result<u64, DemoError> {
        for round in 1..=rounds {
            for Recorded { signal, payload } in recorded {
                let items = weir_otlp::count(*signal, payload).unwrap_or(0);
                let payload = payload.clone();
                let batch = Batch::new(*signal, payload, items);
                self.exporter
                    .export(batch)
                    .await
                    .map_err(|error| DemoError::new("send a recorded request", error))?;
            }
            if rounds > 1 {
                screen.progress(&format!("replaying: round {round} of {rounds}"));
            }
        }
        Ok(rounds)
    }
}
