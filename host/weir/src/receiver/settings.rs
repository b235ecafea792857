//! What a receiver is told to do, and what it does unless it is told otherwise.

use std::time::Duration;

use http::HeaderMap;
use weir_otlp::Signal;

use super::{CorsSettings, REQUEST_BYTES_MAX};
use crate::listen::{Bounds, TlsSettings};

/// A connection of OTLP/gRPC without a request ends after this time, unless configured otherwise. The Collector keeps it for
/// good; here it holds one of the places of its port, and a client of gRPC takes another one without losing anything.
const GRPC_IDLE: Duration = Duration::from_secs(600);

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
    /// `host:port` to listen on, or the path of a Unix socket.
    pub endpoint: String,
    /// The certificates, if TLS is on.
    pub tls: Option<TlsSettings>,
    /// How long a connection may do what.
    pub bounds: Bounds,
    /// When to ask a silent client whether it is there.
    pub ping: Option<Ping>,
    /// The largest message in bytes, before and after decompression.
    pub message_bytes_max: u64,
    /// Requests at a time on one connection.
    pub concurrent_streams_max: u32,
    /// How long a request's body may take to arrive.
    pub body_timeout: Duration,
}

/// Asks clients of HTTP/2 whether they are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ping {
    /// After this time without a word.
    pub after: Duration,
    /// How long the answer may take.
    pub timeout: Duration,
}

/// OTLP/HTTP, over HTTP/1.1 and HTTP/2, also without TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSettings {
    /// `host:port` to listen on, or the path of a Unix socket.
    pub endpoint: String,
    /// The certificates, if TLS is on.
    pub tls: Option<TlsSettings>,
    /// How long a connection may do what.
    pub bounds: Bounds,
    /// Whether a connection of HTTP/1 may carry another request.
    pub keeps_alive: bool,
    /// Headers of every answer.
    pub response_headers: HeaderMap,
    /// The largest body in bytes, before and after decompression.
    pub body_bytes_max: u64,
    /// Where each signal is taken, with a leading slash.
    pub paths: HttpPaths,
    /// Which pages of other origins may send, from a browser.
    pub cors: CorsSettings,
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

impl Default for GrpcSettings {
    fn default() -> Self {
        GrpcSettings {
            endpoint: "localhost:4317".to_owned(),
            tls: None,
            bounds: Bounds { idle: Some(GRPC_IDLE), ..Bounds::default() },
            ping: None,
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
            tls: None,
            bounds: Bounds::default(),
            keeps_alive: true,
            response_headers: HeaderMap::new(),
            body_bytes_max: REQUEST_BYTES_MAX,
            paths: HttpPaths::default(),
            cors: CorsSettings::default(),
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
