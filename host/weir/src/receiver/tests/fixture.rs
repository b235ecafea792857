//! A receiver with one pipeline of logs, and clients that talk to it over real sockets.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use ::http::{HeaderMap, Request, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use prost::Message;
use tokio::sync::Notify;
use weir_otlp::Signal;
use weir_pipeline::{
    Batch, BoxFuture, ExportError, ExportQueue, Exported, Exporter, Keeping, Pipeline, Processor,
    QueueSettings, RetrySettings, Unobserved,
};

use super::super::*;
use crate::wire::rpc;

/// What the upstream of a test does with everything.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Behaviour {
    Takes,
    IsDown,
    Rejects,
    PanicsInAProcessor,
    /// Says that it has begun, and takes once it is let.
    Waits,
}

#[derive(Default)]
pub(super) struct Gate {
    pub(super) begun: Notify,
    pub(super) open: Notify,
}

pub(super) struct Upstream(Behaviour, Arc<Gate>);

impl Exporter for Upstream {
    fn export(&self, _: Batch) -> BoxFuture<'_, Result<Exported, ExportError>> {
        if self.0 == Behaviour::Waits {
            return Box::pin(async {
                self.1.begun.notify_one();
                self.1.open.notified().await;
                Ok(Exported::default())
            });
        }
        let outcome = match self.0 {
            Behaviour::IsDown => Err(ExportError::retryable(14, "down")),
            Behaviour::Rejects => Err(ExportError::permanent(3, "no")),
            _ => Ok(Exported::default()),
        };
        Box::pin(std::future::ready(outcome))
    }
}

pub(super) struct Panics;

impl Processor for Panics {
    fn process(&self, _: Batch) -> BoxFuture<'_, Result<weir_pipeline::Processed, weir_pipeline::Refusal>> {
        panic!("expected by the test");
    }
}

pub(super) struct Weir {
    pub(super) receiver: RunningReceiver,
    pub(super) telemetry: Telemetry,
    pub(super) gate: Arc<Gate>,
}

/// Where to send to.
#[derive(Clone, Copy)]
pub(super) struct Sender {
    pub(super) grpc: SocketAddr,
    pub(super) http: SocketAddr,
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) trailers: HeaderMap,
}

pub(super) const LIMIT: u64 = 10_000;

impl Weir {
    pub(super) async fn start(behaviour: Behaviour) -> Self {
        Weir::with_admission(behaviour, AdmissionSettings::default()).await
    }

    pub(super) async fn with_admission(behaviour: Behaviour, admission: AdmissionSettings) -> Self {
        let gate = Arc::new(Gate::default());
        let retry = RetrySettings { enabled: false, ..RetrySettings::default() };
        let settings = QueueSettings { retry, ..QueueSettings::default() };
        let queue = ExportQueue::new(
            "upstream",
            Arc::new(Upstream(behaviour, Arc::clone(&gate))),
            settings,
            Arc::new(Unobserved),
            Keeping::default(),
        );
        let mut processors: Vec<Box<dyn Processor>> = Vec::new();
        if behaviour == Behaviour::PanicsInAProcessor {
            processors.push(Box::new(Panics));
        }
        let name = "logs".to_owned();
        let pipeline =
            Pipeline { name, signal: Signal::Logs, processors, exporters: vec![queue], batching: None };
        let settings = ReceiverSettings {
            id: "otlp".to_owned(),
            grpc: Some(GrpcSettings {
                endpoint: "127.0.0.1:0".to_owned(),
                message_bytes_max: LIMIT,
                ..GrpcSettings::default()
            }),
            http: Some(HttpSettings {
                endpoint: "127.0.0.1:0".to_owned(),
                body_bytes_max: LIMIT,
                ..HttpSettings::default()
            }),
        };
        let telemetry = Telemetry::new().unwrap();
        let consumer = Arc::new(Consumer::new(vec![Arc::new(pipeline)]));
        let receiver =
            RunningReceiver::start(&settings, consumer, Admission::new(admission), &telemetry).await.unwrap();
        Weir { receiver, telemetry, gate }
    }

    pub(super) fn sender(&self) -> Sender {
        Sender { grpc: self.receiver.grpc_addr().unwrap(), http: self.receiver.http_addr().unwrap() }
    }

    pub(super) async fn http(&self, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        self.sender().http(path, headers, body).await
    }

    pub(super) async fn grpc(&self, path: &str, headers: &[(&str, &str)], framed: Vec<u8>) -> Answer {
        self.sender().grpc(path, headers, framed).await
    }

    /// The value of a series of the receiver, by the beginning of its name and its transport.
    pub(super) fn count(&self, name: &str, transport: &str) -> u64 {
        let text = String::from_utf8(self.telemetry.render().unwrap()).unwrap();
        let is_it =
            |line: &&str| line.starts_with(name) && line.contains(&format!("transport=\"{transport}\""));
        text.lines().filter(is_it).map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }

    pub(super) fn items(&self, transport: &str) -> [u64; 3] {
        ["accepted", "refused", "failed"]
            .map(|kind| self.count(&format!("otelcol_receiver_{kind}_log_records_total"), transport))
    }
}

impl Sender {
    pub(super) async fn http(self, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let uri = format!("http://{}{path}", self.http);
        let mut request = Request::post(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
        answer(client.request(request.body(Full::new(Bytes::from(body))).unwrap()).await.unwrap()).await
    }

    pub(super) async fn grpc(self, path: &str, headers: &[(&str, &str)], framed: Vec<u8>) -> Answer {
        let uri = format!("http://{}{path}", self.grpc);
        let mut request = Request::post(uri).header("content-type", "application/grpc");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let client: Client<HttpConnector, Full<Bytes>> =
            Client::builder(TokioExecutor::new()).http2_only(true).build_http();
        answer(client.request(request.body(Full::new(Bytes::from(framed))).unwrap()).await.unwrap()).await
    }
}

pub(super) async fn answer(response: ::http::Response<hyper::body::Incoming>) -> Answer {
    let (head, body) = response.into_parts();
    let collected = body.collect().await.unwrap();
    let trailers = collected.trailers().cloned().unwrap_or_default();
    Answer { status: head.status, headers: head.headers, body: collected.to_bytes(), trailers }
}

impl Answer {
    pub(super) fn grpc_code(&self) -> u8 {
        let status = self.headers.get("grpc-status").or(self.trailers.get("grpc-status")).unwrap();
        status.to_str().unwrap().parse().unwrap()
    }

    pub(super) fn retry_delay(&self) -> Option<Duration> {
        tonic::Status::from_header_map(&self.headers).and_then(|status| rpc::retry_delay(status.details()))
    }
}

/// A request of this many log records.
pub(super) fn logs(count: usize) -> Vec<u8> {
    let scope_logs = vec![ScopeLogs { log_records: vec![LogRecord::default(); count], ..Default::default() }];
    let resource_logs = vec![ResourceLogs { scope_logs, ..Default::default() }];
    ExportLogsServiceRequest { resource_logs }.encode_to_vec()
}

pub(super) fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    let mut framed = vec![flag];
    framed.extend_from_slice(&(message.len() as u32).to_be_bytes());
    framed.extend_from_slice(message);
    framed
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
