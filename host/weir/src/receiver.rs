//! The OTLP receiver: gRPC and HTTP in, batches out to a [`Consumer`].
//!
//! The life of a request, the same on both transports:
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
mod grpc;
mod http;
mod intake;
mod media;
mod reply;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use weir_otlp::Signal;
use weir_pipeline::Consumer;

pub use self::admission::{Admission, AdmissionSettings, MemoryBound};
pub use self::cors::CorsSettings;
pub use self::intake::Intake;
use crate::listen::{BindError, Bound, Front, Serving};
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

/// One `otlp` receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiverSettings {
    /// As configured, such as `otlp` or `otlp/in`.
    pub id: String,
    /// OTLP/gRPC, if it is on.
    pub grpc: Option<GrpcSettings>,
    /// OTLP/HTTP, if it is on.
    pub http: Option<HttpSettings>,
}

/// OTLP/gRPC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpcSettings {
    /// `host:port` to listen on.
    pub endpoint: String,
    /// The largest message in bytes, before and after decompression.
    pub message_bytes_max: u64,
    /// Requests at a time on one connection.
    pub concurrent_streams_max: u32,
    /// How long a request's body may take to arrive.
    pub body_timeout: Duration,
}

/// OTLP/HTTP, over HTTP/1.1 and HTTP/2 without TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSettings {
    /// `host:port` to listen on.
    pub endpoint: String,
    /// The largest body in bytes, before and after decompression.
    pub body_bytes_max: u64,
    /// Where each signal is taken, with a leading slash.
    pub paths: HttpPaths,
    /// Which pages of other origins may send, from a browser.
    pub cors: CorsSettings,
    /// How long a request's head may take to arrive.
    pub header_timeout: Duration,
    /// How long a request's body may take to arrive.
    pub body_timeout: Duration,
}

/// The path of each signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpPaths {
    /// `/v1/traces` unless configured otherwise.
    pub traces: String,
    /// `/v1/metrics` unless configured otherwise.
    pub metrics: String,
    /// `/v1/logs` unless configured otherwise.
    pub logs: String,
    /// `/v1development/profiles` unless configured otherwise.
    pub profiles: String,
}

/// One protocol of a receiver: what is served on one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// OTLP/gRPC.
    Grpc(GrpcSettings),
    /// OTLP/HTTP.
    Http(HttpSettings),
}

/// A receiver that could not start.
#[derive(Debug, thiserror::Error)]
#[error("receiver {id}: {source}")]
pub struct ReceiverError {
    id: String,
    source: BindError,
}

/// A receiver at work, of which nothing but its end will change.
#[derive(Debug)]
pub struct RunningReceiver {
    servings: Vec<(&'static str, Serving)>,
}

// === impl settings ===

impl Default for GrpcSettings {
    fn default() -> Self {
        GrpcSettings {
            endpoint: "localhost:4317".to_owned(),
            message_bytes_max: REQUEST_BYTES_MAX,
            concurrent_streams_max: 128,
            body_timeout: Duration::from_secs(60),
        }
    }
}

impl Default for HttpSettings {
    fn default() -> Self {
        HttpSettings {
            endpoint: "localhost:4318".to_owned(),
            body_bytes_max: REQUEST_BYTES_MAX,
            paths: HttpPaths::default(),
            cors: CorsSettings::default(),
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(60),
        }
    }
}

impl Default for HttpPaths {
    fn default() -> Self {
        let path = |signal| crate::wire::http_path(signal).to_owned();
        HttpPaths {
            traces: path(Signal::Traces),
            metrics: path(Signal::Metrics),
            logs: path(Signal::Logs),
            profiles: path(Signal::Profiles),
        }
    }
}

// === impl ReceiverSettings ===

impl ReceiverSettings {
    /// The protocols that are on.
    pub fn protocols(&self) -> impl Iterator<Item = Protocol> {
        let grpc = self.grpc.clone().map(Protocol::Grpc);
        grpc.into_iter().chain(self.http.clone().map(Protocol::Http))
    }
}

// === impl Protocol ===

impl Protocol {
    /// `host:port` to listen on.
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

    /// What connections are served with. Their requests go to `intake`.
    pub fn front(&self, intake: &Arc<Intake>) -> Front {
        let intake = Arc::clone(intake);
        match self {
            Protocol::Grpc(grpc) => Front::new(grpc_server(grpc), grpc::GrpcService::new(grpc, intake)),
            Protocol::Http(http) => Front::new(http_server(http), http::HttpService::new(http, intake)),
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
        let mut bound = Vec::new();
        for protocol in settings.protocols() {
            let sockets = Bound::bind(protocol.endpoint()).await;
            let sockets = sockets.map_err(|source| ReceiverError { id: settings.id.clone(), source })?;
            bound.push((protocol, sockets));
        }
        let serve = |(protocol, bound): (Protocol, Bound)| {
            let transport = protocol.transport();
            let (consumer, admission) = (Arc::clone(&consumer), Arc::clone(&admission));
            let intake = Intake::new(&settings.id, transport, consumer, admission, telemetry);
            (transport, bound.serve(protocol.front(&intake)))
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
        self.servings.iter().find(|(served, _)| *served == transport).map(|(_, serving)| serving.local_addr())
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
    builder
}

fn http_server(settings: &HttpSettings) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(settings.header_timeout);
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
