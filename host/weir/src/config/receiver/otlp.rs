//! The `otlp` receiver's part of the configuration.

use std::time::Duration;

use serde::Deserialize;

use crate::config::at::At;
use crate::config::diagnostic::Diagnostic;
use crate::config::field::{bounded, duration, positive_duration, url_path};
use crate::config::headers::Headers;
use crate::config::keepalive::KeepaliveConfig;
use crate::config::listening::{ServerEndpoint, Transport};
use crate::config::reader;
use crate::config::tls::ServerTlsConfig;

/// OTLP/gRPC's port (OTLP specification).
const GRPC_PORT: u16 = 4317;
/// OTLP/HTTP's port (OTLP specification).
const HTTP_PORT: u16 = 4318;
/// The largest request, in MiB: what the OTLP specification recommends since 1.11.
const MESSAGE_MIB: u64 = 64;
/// Streams at a time on one connection. tonic has no limit of its own, and memory is bounded per stream.
const CONCURRENT_STREAMS: u32 = 128;
/// How long a client may take for the headers of a request. The Collector's minute is more than an
/// application in the same pod can need, and a slow client holds a connection.
const READ_HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection of OTLP/HTTP is kept without a request, as in the Collector.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// Above 2 GiB no request can be held in one piece.
const MESSAGE_MIB_MAX: u64 = 2047;
const BODY_BYTES_MAX: u64 = MESSAGE_MIB_MAX << 20;

/// One `otlp` receiver: at least one of its protocols is on.
#[derive(Clone, Debug, PartialEq)]
pub struct OtlpReceiverConfig {
    /// OTLP/gRPC, if it is on.
    pub grpc: Option<GrpcServerConfig>,
    /// OTLP/HTTP, if it is on.
    pub http: Option<HttpServerConfig>,
}

/// An OTLP/gRPC server.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GrpcServerConfig {
    /// Where to listen.
    pub endpoint: ServerEndpoint,
    /// Over what.
    pub transport: Transport,
    /// TLS, if it is on.
    pub tls: Option<ServerTlsConfig>,
    /// How long connections live.
    pub keepalive: KeepaliveConfig,
    /// The largest request, decompressed, in MiB.
    #[serde(deserialize_with = "bounded::<1, MESSAGE_MIB_MAX, _, _>")]
    pub max_recv_msg_size_mib: u64,
    /// Requests at a time on one connection.
    #[serde(deserialize_with = "bounded::<1, 1_000_000, _, _>")]
    pub max_concurrent_streams: u32,
}

impl Default for GrpcServerConfig {
    fn default() -> Self {
        GrpcServerConfig {
            endpoint: ServerEndpoint::localhost(GRPC_PORT),
            transport: Transport::Tcp,
            tls: None,
            keepalive: KeepaliveConfig::default(),
            max_recv_msg_size_mib: MESSAGE_MIB,
            max_concurrent_streams: CONCURRENT_STREAMS,
        }
    }
}

/// An OTLP/HTTP server.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpServerConfig {
    /// Where to listen.
    pub endpoint: ServerEndpoint,
    /// Over what.
    pub transport: Transport,
    /// TLS, if it is on.
    pub tls: Option<ServerTlsConfig>,
    /// The largest body, before and after decompression, in bytes.
    #[serde(deserialize_with = "bounded::<1, BODY_BYTES_MAX, _, _>")]
    pub max_request_body_size: u64,
    /// The path for traces.
    #[serde(deserialize_with = "url_path")]
    pub traces_url_path: String,
    /// The path for metrics.
    #[serde(deserialize_with = "url_path")]
    pub metrics_url_path: String,
    /// The path for logs.
    #[serde(deserialize_with = "url_path")]
    pub logs_url_path: String,
    /// How long a client may take for the headers of a request.
    #[serde(deserialize_with = "positive_duration")]
    pub read_header_timeout: Duration,
    /// How long a client may take for the body of a request; 0: one minute. Unlike the Collector's it does not begin
    /// with the head, which has a bound of its own.
    #[serde(deserialize_with = "duration")]
    pub read_timeout: Duration,
    /// How long a client may take none of its answers; 0: half a minute.
    #[serde(deserialize_with = "duration")]
    pub write_timeout: Duration,
    /// How long a connection is kept without a request; 0: for as long as the client likes.
    #[serde(deserialize_with = "duration")]
    pub idle_timeout: Duration,
    /// Whether a connection of HTTP/1 may carry another request. Those of HTTP/2 do in any case.
    pub keep_alives_enabled: bool,
    /// Headers of every answer.
    pub response_headers: Headers,
    /// Which pages of other origins may send, from a browser.
    pub cors: CorsConfig,
}

/// Cross-origin requests. Off without allowed origins.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CorsConfig {
    /// Origins, in each of which one `*` stands for anything.
    pub allowed_origins: Vec<String>,
    /// Headers that a page may set besides the usual ones; `*` for any.
    pub allowed_headers: Vec<String>,
    /// Headers of an answer that a page may read.
    pub exposed_headers: Vec<String>,
    /// How long a browser may remember the answer, in seconds.
    #[serde(deserialize_with = "bounded::<0, 86_400, _, _>")]
    pub max_age: u64,
}

impl Default for HttpServerConfig {
    fn default() -> Self {
        HttpServerConfig {
            endpoint: ServerEndpoint::localhost(HTTP_PORT),
            transport: Transport::Tcp,
            tls: None,
            max_request_body_size: MESSAGE_MIB << 20,
            traces_url_path: "/v1/traces".to_owned(),
            metrics_url_path: "/v1/metrics".to_owned(),
            logs_url_path: "/v1/logs".to_owned(),
            read_header_timeout: READ_HEADER_TIMEOUT,
            read_timeout: Duration::ZERO,
            write_timeout: Duration::ZERO,
            idle_timeout: IDLE_TIMEOUT,
            keep_alives_enabled: true,
            response_headers: Headers::default(),
            cors: CorsConfig::default(),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawOtlpReceiver {
    protocols: Protocols,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Protocols {
    grpc: Option<GrpcServerConfig>,
    http: Option<HttpServerConfig>,
}

impl OtlpReceiverConfig {
    /// Reads and checks one.
    pub(super) fn read(at: &At<'_>, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let RawOtlpReceiver { protocols: Protocols { grpc, http } } =
            reader::read(at.node()?, &at.path, problems)?;
        let protocols = at.key("protocols");
        if grpc.is_none() && http.is_none() {
            problems.push(protocols.problem("must specify at least one protocol: grpc, http or both"));
        }
        if let Some(grpc) = &grpc {
            let at = protocols.key("grpc");
            check_server(&grpc.endpoint, grpc.transport, grpc.tls.as_ref(), &at, problems);
        }
        if let Some(http) = &http {
            let at = protocols.key("http");
            check_server(&http.endpoint, http.transport, http.tls.as_ref(), &at, problems);
            http.response_headers.check(&at.key("response_headers"), problems);
            let paths = [&http.traces_url_path, &http.metrics_url_path, &http.logs_url_path];
            if paths[0] == paths[1] || paths[1] == paths[2] || paths[0] == paths[2] {
                problems.push(at.problem("each signal needs a URL path of its own"));
            }
            http.cors.check(&at.key("cors"), problems);
        }
        Some(OtlpReceiverConfig { grpc, http })
    }
}

/// Checks what both protocols have.
fn check_server(
    endpoint: &ServerEndpoint,
    transport: Transport,
    tls: Option<&ServerTlsConfig>,
    at: &At<'_>,
    problems: &mut Vec<Diagnostic>,
) {
    endpoint.check(transport, at, problems);
    if let Some(tls) = tls {
        tls.check(&at.key("tls"), problems);
    }
}

impl CorsConfig {
    /// An origin is what a browser sends: a scheme and a host, without a path.
    fn check(&self, at: &At<'_>, problems: &mut Vec<Diagnostic>) {
        let at = at.key("allowed_origins");
        for (index, origin) in self.allowed_origins.iter().enumerate() {
            let host = origin.split_once("://").map(|(_, host)| host);
            let is_origin = host.is_some_and(|host| !host.is_empty() && !host.contains('/'));
            if origin.matches('*').count() > 1 {
                problems.push(at.item(index).problem("an origin may have one * only"));
            } else if !is_origin && !["*", "null"].contains(&origin.as_str()) {
                let reason = "expected an origin such as https://shop.example, without a path, or *";
                problems.push(at.item(index).problem(reason));
            }
        }
    }
}
