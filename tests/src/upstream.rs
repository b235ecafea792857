//! A fake upstream: speaks OTLP over gRPC and over HTTP on one port, remembers what it took, and answers as a
//! script says.

mod answer;
mod fault;
mod framed;
mod front;
mod serve;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::{Ids, Signal, ids, wait};

pub use answer::{Answer, Gate, Raw};
pub use fault::Fault;
pub use framed::{FramedUpstream, Frames};
pub use front::{Act, Front};

/// One request that reached the upstream whole.
#[derive(Clone, Debug)]
pub struct Received {
    /// When it was there.
    pub at: std::time::Instant,
    /// The signal, by the path.
    pub signal: Signal,
    /// The message, decompressed.
    pub body: Bytes,
    /// How it was compressed on the wire: "" for not at all.
    pub encoding: String,
    /// The headers or metadata.
    pub headers: http::HeaderMap,
    /// Whether it was answered with success, so that it counts as delivered.
    pub accepted: bool,
}

impl Received {
    /// Whether it came over gRPC.
    pub fn is_grpc(&self) -> bool {
        let content_type = self.headers.get("content-type").map_or(&b""[..], |value| value.as_bytes());
        content_type.starts_with(b"application/grpc")
    }
}

#[derive(Default)]
struct State {
    received: Vec<Received>,
    script: VecDeque<Answer>,
    always: Answer,
    chooser: Option<Chooser>,
    is_forgetful: bool,
}

/// What to answer to a request.
type Chooser = Box<dyn Fn(&Received) -> Answer + Send>;

/// A fake upstream. It stops listening when it is dropped.
pub struct Upstream {
    port: u16,
    state: Arc<Mutex<State>>,
    draining: watch::Sender<bool>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Upstream {
    /// One on a free port.
    pub async fn start() -> Upstream {
        Upstream::start_on(crate::ports::free_port()).await
    }

    /// One on this port, as when a backend comes back.
    pub async fn start_on(port: u16) -> Upstream {
        Upstream::start_at("127.0.0.1", port).await
    }

    /// One on this port of an address of this machine. [`Upstream::address`] is still that of the loopback interface.
    pub async fn start_at(host: &str, port: u16) -> Upstream {
        Upstream::listen(host, port, None).await
    }

    /// One on a free port that speaks TLS alone, with the certificate of the tests for `localhost`.
    pub async fn start_tls() -> Upstream {
        Upstream::listen("127.0.0.1", crate::ports::free_port(), Some(crate::tls::acceptor())).await
    }

    async fn listen(host: &str, port: u16, tls: Option<TlsAcceptor>) -> Upstream {
        let listener = TcpListener::bind((host, port)).await.expect("the port is free");
        let (state, draining) = (Arc::new(Mutex::new(State::default())), watch::Sender::new(false));
        let accepting = tokio::spawn(serve::accept(listener, tls, Arc::clone(&state), draining.subscribe()));
        Upstream { port, state, draining, accepting }
    }

    /// One on a Unix socket. It has no port.
    pub async fn start_unix(path: &std::path::Path) -> Upstream {
        let listener = UnixListener::bind(path).expect("the socket can be made");
        let (state, draining) = (Arc::new(Mutex::new(State::default())), watch::Sender::new(false));
        let accepting = tokio::spawn(serve::accept_unix(listener, Arc::clone(&state), draining.subscribe()));
        Upstream { port: 0, state, draining, accepting }
    }

    /// Stops at once, in the middle of whatever there is, and frees the port.
    pub async fn kill(&mut self) {
        self.accepting.abort();
        // The error says that it was aborted.
        let _ = (&mut self.accepting).await;
    }

    /// Stops as a deployment does: no new connections, and the old ones end when what is under way is answered.
    pub async fn drain(&mut self) {
        self.draining.send_replace(true);
        (&mut self.accepting).await.expect("no connection panics");
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Answers the next requests like this, one each, and all later ones as before.
    pub fn script(&self, answers: impl IntoIterator<Item = Answer>) {
        self.lock().script.extend(answers);
    }

    /// Answers every request like this that no script is left for.
    pub fn always(&self, answer: Answer) {
        self.lock().always = answer;
    }

    /// Answers each request that no script is left for as this says.
    pub fn choose(&self, answer: impl Fn(&Received) -> Answer + Send + 'static) {
        self.lock().chooser = Some(Box::new(answer));
    }

    /// Remembers nothing of what comes from now on: for loads that last.
    pub fn forget(&self) {
        self.lock().is_forgetful = true;
    }

    /// Every request that arrived, in order, also those that were answered with an error.
    pub fn received(&self) -> Vec<Received> {
        self.lock().received.clone()
    }

    /// The requests that were answered with success.
    pub fn delivered(&self) -> Vec<Received> {
        self.lock().received.iter().filter(|one| one.accepted).cloned().collect()
    }

    /// The ids of all items that were delivered, each as often as it came.
    pub fn delivered_ids(&self) -> Ids {
        self.delivered().iter().flat_map(|one| ids::of(one.signal, &one.body)).collect()
    }

    /// Waits until this many requests have been answered with success, and gives them.
    pub async fn deliveries(&self, count: usize) -> Vec<Received> {
        wait::until(&format!("{count} deliveries"), async || {
            Some(self.delivered()).filter(|delivered| delivered.len() >= count)
        })
        .await
    }

    /// Waits until this many requests have arrived, whatever was answered.
    pub async fn arrivals(&self, count: usize) -> Vec<Received> {
        wait::until(&format!("{count} arrivals"), async || {
            Some(self.received()).filter(|received| received.len() >= count)
        })
        .await
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no handler panics")
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tonic::Code;

    use super::*;
    use crate::{GrpcSender, HttpSender, requests};

    #[tokio::test]
    async fn it_takes_both_protocols_and_remembers_the_ids() {
        let upstream = Upstream::start().await;
        let sender = GrpcSender::new(upstream.port());
        for signal in Signal::READ {
            sender.send(signal, requests::unique(signal, signal.name(), 3)).await.unwrap();
        }
        let reply =
            HttpSender::new(upstream.port()).send(Signal::Logs, requests::unique(Signal::Logs, "x", 1)).await;
        assert_eq!(reply.status, 200);
        assert_eq!((upstream.delivered().len(), upstream.delivered_ids().len()), (4, 10));
    }

    #[tokio::test]
    async fn it_answers_as_the_script_says_and_then_as_before() {
        let upstream = Upstream::start().await;
        upstream.script([Answer::Grpc(Code::Unavailable, Some(Duration::from_secs(2))), Answer::Reset]);
        let sender = GrpcSender::new(upstream.port());
        let body = requests::unique(Signal::Traces, "x", 1);
        let status = sender.send(Signal::Traces, body.clone()).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
        assert!(status.details().ends_with(&[0x08, 2]), "the details end with the delay of two seconds");
        sender.send(Signal::Traces, body.clone()).await.unwrap_err();
        sender.send(Signal::Traces, body.clone()).await.unwrap();
        upstream.script([Answer::Http(503, Some("7"))]);
        let reply = HttpSender::new(upstream.port()).send(Signal::Traces, body).await;
        assert_eq!((reply.status, reply.header("retry-after")), (503, "7"));
        assert_eq!((upstream.received().len(), upstream.delivered().len()), (4, 1));
    }

    #[tokio::test]
    async fn what_is_held_is_delivered_when_the_gate_opens() {
        let upstream = Upstream::start().await;
        let gate = Gate::default();
        upstream.always(Answer::Hold(gate.clone()));
        let sender = GrpcSender::new(upstream.port());
        let request = tokio::spawn(async move {
            sender.send(Signal::Logs, requests::unique(Signal::Logs, "x", 1)).await.is_ok()
        });
        upstream.arrivals(1).await;
        assert!(upstream.delivered().is_empty());
        gate.open();
        assert!(request.await.unwrap());
        assert_eq!(upstream.delivered().len(), 1);
    }
}
