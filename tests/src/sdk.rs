//! A sender that behaves as OpenTelemetry's SDKs do: one connection that it keeps, one batch at a time, and retries of what OTLP
//! allows to be retried, with a back-off of its own. A hasty one: it does not wait for as long as it is asked to.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rand::RngExt;
use tokio::net::TcpStream;
use tonic::Code;

use crate::grpc::RawClient;
use crate::rpc;
use crate::sender::gzip;
use crate::{Signal, requests};

/// What most SDKs give an export.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The first wait before a retry; each one is up to twice as long as the one before.
const BACKOFF: Duration = Duration::from_millis(10);

/// No wait is longer.
const BACKOFF_MAX: Duration = Duration::from_millis(160);

/// How a batch travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wire {
    /// Protobuf over gRPC.
    Grpc,
    /// Protobuf over HTTP.
    Http,
    /// The same, compressed.
    HttpGzip,
    /// JSON over HTTP.
    HttpJson,
}

impl Wire {
    /// All.
    pub const ALL: [Wire; 4] = [Wire::Grpc, Wire::Http, Wire::HttpGzip, Wire::HttpJson];

    /// For the ids of its items and for tables.
    pub fn name(self) -> &'static str {
        match self {
            Wire::Grpc => "grpc",
            Wire::Http => "http",
            Wire::HttpGzip => "gzip",
            Wire::HttpJson => "json",
        }
    }
}

/// What a sender was told of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Success.
    Taken,
    /// To try again, with the time to wait if one was named; or nothing at all, since the connection broke.
    Later(Option<Duration>),
    /// Never to try again, and why.
    Never(String),
}

/// One such sender.
pub struct Sdk {
    wire: Wire,
    port: u16,
    attempts_max: u32,
    grpc: RawClient,
    http: Option<SendRequest<Full<Bytes>>>,
}

impl Sdk {
    /// A sender to this port of the loopback interface. It gives up a batch after so many attempts.
    pub fn new(wire: Wire, port: u16, attempts_max: u32) -> Sdk {
        let grpc = RawClient::new(&format!("127.0.0.1:{port}"));
        Sdk { wire, port, attempts_max, grpc, http: None }
    }

    /// Sends one batch until it is taken, refused for good or given up. What it was told at last, and after how many attempts.
    pub async fn export(&mut self, signal: Signal, tag: &str, items: usize) -> (Told, u32) {
        let body = self.encode(signal, tag, items);
        let mut wait = BACKOFF;
        for attempt in 1.. {
            let told = self.send(signal, body.clone()).await;
            if attempt >= self.attempts_max || !matches!(told, Told::Later(_)) {
                return (told, attempt);
            }
            let jitter = rand::rng().random_range(0.5..1.0);
            tokio::time::sleep(wait.mul_f64(jitter)).await;
            wait = (wait * 2).min(BACKOFF_MAX);
        }
        unreachable!("attempts are counted from one without an end")
    }

    /// A request of items with unique ids, as its wire wants it.
    pub fn encode(&self, signal: Signal, tag: &str, items: usize) -> Bytes {
        match self.wire {
            Wire::Grpc | Wire::Http => requests::unique(signal, tag, items),
            Wire::HttpGzip => gzip(&requests::unique(signal, tag, items)).into(),
            Wire::HttpJson => requests::unique_json(signal, tag, items),
        }
    }

    /// One attempt with a request that is encoded already.
    pub async fn send(&mut self, signal: Signal, body: Bytes) -> Told {
        match self.wire {
            Wire::Grpc => self.send_grpc(signal, body).await,
            _ => match tokio::time::timeout(TIMEOUT, self.send_http(signal, body)).await {
                Ok(Ok(told)) => told,
                // Broken or silent: what became of the batch is not known.
                Ok(Err(_)) | Err(_) => {
                    self.http = None;
                    Told::Later(None)
                }
            },
        }
    }

    async fn send_grpc(&mut self, signal: Signal, body: Bytes) -> Told {
        let mut request = tonic::Request::new(body);
        request.set_timeout(TIMEOUT);
        let Err(status) = self.grpc.call_with(signal.grpc_path(), request).await else { return Told::Taken };
        let hint = rpc::retry_delay(status.details());
        let is_retryable = match status.code() {
            Code::Cancelled
            | Code::DeadlineExceeded
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unavailable
            | Code::DataLoss => true,
            Code::ResourceExhausted => hint.is_some(),
            // A connection that broke is no answer: tonic has a source for what the other side did not say.
            _ => std::error::Error::source(&status).is_some(),
        };
        if is_retryable {
            Told::Later(hint)
        } else {
            Told::Never(format!("{:?}: {}", status.code(), status.message()))
        }
    }

    async fn send_http(&mut self, signal: Signal, body: Bytes) -> Result<Told, Box<dyn std::error::Error>> {
        let mut client = match self.http.take() {
            Some(client) if !client.is_closed() => client,
            _ => connect(self.port).await?,
        };
        let content_type =
            if self.wire == Wire::HttpJson { "application/json" } else { "application/x-protobuf" };
        let mut request = Request::post(signal.http_path())
            .header("host", "localhost")
            .header("content-type", content_type);
        if self.wire == Wire::HttpGzip {
            request = request.header("content-encoding", "gzip");
        }
        client.ready().await?;
        let (head, body) = client.send_request(request.body(Full::new(body))?).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        self.http = Some(client);
        Ok(match head.status.as_u16() {
            200 => Told::Taken,
            429 | 502 | 503 | 504 => Told::Later(retry_after(&head.headers)),
            status => Told::Never(format!("{status}: {}", String::from_utf8_lossy(&body))),
        })
    }
}

async fn connect(port: u16) -> Result<SendRequest<Full<Bytes>>, Box<dyn std::error::Error>> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let (client, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get("retry-after")?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Answer, Ids, Upstream};

    #[tokio::test]
    async fn every_wire_is_understood_and_carries_the_same_ids() {
        let upstream = Upstream::start().await;
        let wires = [Wire::Grpc, Wire::Http, Wire::HttpGzip];
        for wire in wires {
            let mut sdk = Sdk::new(wire, upstream.port(), 1);
            for signal in Signal::READ {
                let tag = format!("{}-{}", wire.name(), signal.name());
                assert_eq!(sdk.export(signal, &tag, 2).await, (Told::Taken, 1), "{wire:?}");
            }
        }
        let ids = upstream.delivered_ids();
        assert_eq!((ids.len(), ids.doubled().len()), (wires.len() * 3 * 2, 0));
    }

    #[tokio::test]
    async fn what_may_be_retried_is_and_nothing_else() {
        let upstream = Upstream::start().await;
        let second = Some(Duration::from_secs(1));
        for wire in [Wire::Grpc, Wire::Http] {
            let mut sdk = Sdk::new(wire, upstream.port(), 3);
            let later = match wire {
                Wire::Grpc => [Answer::Grpc(Code::ResourceExhausted, second), Answer::Reset],
                _ => [Answer::Http(503, Some("1")), Answer::Reset],
            };
            upstream.script(later.clone());
            assert_eq!(sdk.export(Signal::Logs, "later", 1).await, (Told::Taken, 3));
            upstream.script([later[0].clone()]);
            assert_eq!(
                sdk.send(Signal::Logs, requests::unique(Signal::Logs, "x", 1)).await,
                Told::Later(second)
            );
            let never = match wire {
                Wire::Grpc => Answer::Grpc(Code::ResourceExhausted, None),
                _ => Answer::Http(500, None),
            };
            upstream.script([never]);
            let (told, attempts) = sdk.export(Signal::Logs, "never", 1).await;
            assert!(matches!(told, Told::Never(_)) && attempts == 1, "{told:?}");
        }
        let ids: Ids = ["later-0".to_owned(), "later-0".to_owned()].into_iter().collect();
        assert_eq!(upstream.delivered_ids(), ids);
    }
}
