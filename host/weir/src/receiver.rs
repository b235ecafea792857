//! The receivers: `otlp`, gRPC and HTTP in, and `otlp_json_file` (`file`), lines of files in; batches out to a [`Consumer`].
//!
//! The life of a request of `otlp`, the same on both transports:
//! 1. path, method, media type and encoding are checked on the head alone;
//! 2. [`Admission`] gives it a place, before its body is read;
//! 3. the body is gathered, bounded in bytes and time, and charged to the budget as it grows;
//! 4. it is decompressed, bounded in what comes out;
//! 5. its items are counted by the outer framing, and the consumer takes it or refuses it;
//! 6. one table turns the refusal into a gRPC status or an HTTP status.

mod admission;
mod body;
mod cors;
mod decompress;
mod file;
mod grpc;
mod http;
mod intake;
mod media;
mod reply;
mod settings;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use weir_pipeline::Consumer;

pub use self::admission::{Admission, AdmissionSettings, MemoryBound};
pub use self::cors::CorsSettings;
pub use self::file::{FILE_TRANSPORT, FileReceiver, FileReceiverSettings, prepare_storage};
pub use self::intake::Intake;
pub use self::settings::{GrpcSettings, HttpPaths, HttpSettings, Ping, ReceiverSettings};
use crate::listen::{Bound, Front, Protocols, Serving, Tls};
use crate::telemetry::Telemetry;

/// What OTLP recommends for the largest request, before and after decompression.
pub const REQUEST_BYTES_MAX: u64 = 64 << 20;

/// How much a sender may have under way on one stream before weir has read it. A request of a thousand spans fits,
/// so that a sender need not wait for window updates in the middle of one.
const STREAM_WINDOW: u32 = 1 << 20;

/// The same for a whole connection.
const CONNECTION_WINDOW: u32 = 4 << 20;

/// The largest HTTP/2 frame. A request that fits in one is never copied between socket and pipeline.
const FRAME_BYTES_MAX: u32 = 1 << 20;

/// One protocol of a receiver: what is served on one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// OTLP/gRPC.
    Grpc(Box<GrpcSettings>),
    /// OTLP/HTTP.
    Http(Box<HttpSettings>),
}

/// A receiver that could not start.
#[derive(Debug, thiserror::Error)]
#[error("receiver {id}: {reason}")]
pub struct ReceiverError {
    id: String,
    reason: String,
}

/// A receiver at work, of which nothing but its end will change.
#[derive(Debug)]
pub struct RunningReceiver {
    servings: Vec<(&'static str, Serving)>,
}

// === impl ReceiverSettings ===

impl ReceiverSettings {
    /// The protocols that are on.
    pub fn protocols(&self) -> impl Iterator<Item = Protocol> {
        let grpc = self.grpc.clone().map(|grpc| Protocol::Grpc(Box::new(grpc)));
        grpc.into_iter().chain(self.http.clone().map(|http| Protocol::Http(Box::new(http))))
    }
}

// === impl Protocol ===

impl Protocol {
    /// `host:port` to listen on, or the path of a Unix socket.
    pub fn endpoint(&self) -> &str {
        match self {
            Protocol::Grpc(grpc) => &grpc.endpoint,
            Protocol::Http(http) => &http.endpoint,
        }
    }

    /// `grpc` or `http`.
    pub fn transport(&self) -> &'static str {
        match self {
            Protocol::Grpc(_) => "grpc",
            Protocol::Http(_) => "http",
        }
    }

    /// Reads the certificates, if TLS is on. `id` is the receiver's, for what is told of them later.
    ///
    /// # Errors
    /// If they cannot be read or used.
    pub fn tls(&self, id: &str, telemetry: &Telemetry) -> Result<Option<Arc<Tls>>, String> {
        let (settings, protocols): (_, Protocols) = match self {
            Protocol::Grpc(grpc) => (&grpc.tls, &["h2"]),
            Protocol::Http(http) => (&http.tls, &["h2", "http/1.1"]),
        };
        let Some(settings) = settings else { return Ok(None) };
        let server = format!("receiver {id} ({})", self.transport());
        let metrics = telemetry.certificates(id, self.transport());
        let on_renewal = move |outcome: Result<(), &str>| {
            metrics.renewed(outcome.is_ok());
            match outcome {
                Ok(()) => tracing::info!(server, "new connections get the renewed certificates"),
                Err(reason) => {
                    tracing::error!(server, reason, "certificates were not renewed, the former ones stay");
                }
            }
        };
        let loaded = Tls::load(settings, protocols, Box::new(on_renewal));
        // At a reload of the configuration this is a renewal that failed, too.
        loaded.map(Some).inspect_err(|_| telemetry.certificates(id, self.transport()).renewed(false))
    }

    /// What connections are served with. Their requests go to `intake`.
    pub fn front(&self, tls: Option<Arc<Tls>>, intake: &Arc<Intake>) -> Front {
        let intake = Arc::clone(intake);
        match self {
            Protocol::Grpc(grpc) => {
                let service = grpc::GrpcService::new(grpc, intake);
                Front::new(grpc_server(grpc), grpc.bounds.clone(), tls, service)
            }
            Protocol::Http(http) => {
                let service = http::HttpService::new(http, intake);
                Front::new(http_server(http), http.bounds.clone(), tls, service)
            }
        }
    }
}

// === impl RunningReceiver ===

impl RunningReceiver {
    /// Listens and serves. Signals that no pipeline of `consumer` takes are answered as unknown.
    ///
    /// # Errors
    /// If an endpoint cannot be listened on; then nothing is listening.
    pub async fn start(
        settings: &ReceiverSettings,
        consumer: Arc<Consumer>,
        admission: Arc<Admission>,
        telemetry: &Telemetry,
    ) -> Result<Self, ReceiverError> {
        // All are bound before any is served: a receiver is up or it is not.
        let fail = |reason: String| ReceiverError { id: settings.id.clone(), reason };
        let mut bound = Vec::new();
        for protocol in settings.protocols() {
            let tls = protocol.tls(&settings.id, telemetry).map_err(fail)?;
            let sockets = Bound::bind(protocol.endpoint()).await.map_err(|error| fail(error.to_string()))?;
            bound.push((protocol, tls, sockets));
        }
        let serve = |(protocol, tls, bound): (Protocol, Option<Arc<Tls>>, Bound)| {
            let transport = protocol.transport();
            let (consumer, admission) = (Arc::clone(&consumer), Arc::clone(&admission));
            let intake = Intake::new(&settings.id, transport, consumer, admission, telemetry);
            (transport, bound.serve(protocol.front(tls, &intake)))
        };
        Ok(RunningReceiver { servings: bound.into_iter().map(serve).collect() })
    }

    /// Where OTLP/gRPC is taken, if it is.
    pub fn grpc_addr(&self) -> Option<SocketAddr> {
        self.addr("grpc")
    }

    /// Where OTLP/HTTP is taken, if it is.
    pub fn http_addr(&self) -> Option<SocketAddr> {
        self.addr("http")
    }

    fn addr(&self, transport: &str) -> Option<SocketAddr> {
        let (_, serving) = self.servings.iter().find(|(served, _)| *served == transport)?;
        serving.address().tcp()
    }

    /// Takes no new connections and requests, and lets those under way finish until the deadline. Returns
    /// whether they all did.
    pub async fn stop(self, deadline: Instant) -> bool {
        let mut is_clean = true;
        let stops = self.servings.into_iter().map(|(_, serving)| tokio::spawn(serving.stop(deadline)));
        for stop in stops.collect::<Vec<_>>() {
            is_clean &= stop.await.unwrap_or(false);
        }
        is_clean
    }
}

fn grpc_server(settings: &GrpcSettings) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new()).http2_only();
    tune_http2(&mut builder, settings.concurrent_streams_max);
    if let Some(Ping { after, timeout }) = settings.ping {
        builder.http2().keep_alive_interval(after).keep_alive_timeout(timeout);
    }
    builder
}

fn http_server(settings: &HttpSettings) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // How long a head may take is among the connection's bounds: hyper's own would also end idle connections.
    builder.http1().header_read_timeout(None).keep_alive(settings.keeps_alive);
    tune_http2(&mut builder, GrpcSettings::default().concurrent_streams_max);
    builder
}

fn tune_http2(builder: &mut Builder<TokioExecutor>, concurrent_streams_max: u32) {
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(concurrent_streams_max)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_BYTES_MAX);
}

#[cfg(test)]
mod tests;
