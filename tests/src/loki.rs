//! A fake Loki: takes pushes as strictly as the real one and a little more so, remembers them, and answers as a script says.

mod labels;
mod push;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::wait;

pub use push::{PushedEntry, PushedStream};

/// The path of the push API.
pub const PUSH_PATH: &str = "/loki/api/v1/push";

/// One push that kept the rules.
#[derive(Clone, Debug)]
pub struct Pushed {
    /// The headers.
    pub headers: HeaderMap,
    /// What is in it.
    pub streams: Vec<PushedStream>,
    /// What was answered.
    pub status: u16,
}

#[derive(Default)]
struct State {
    pushed: Vec<Pushed>,
    faults: Vec<String>,
    script: VecDeque<(u16, String)>,
}

/// See the module. It stops listening when it is dropped.
pub struct FakeLoki {
    port: u16,
    state: Arc<Mutex<State>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl FakeLoki {
    /// One on a free port.
    pub async fn start() -> FakeLoki {
        let port = crate::ports::free_port();
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                let service = service_fn(move |request| answer(request, Arc::clone(&state)));
                let serving = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                connections.spawn(serving);
            }
        });
        FakeLoki { port, state, accepting }
    }

    /// The URL of its push API.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}{PUSH_PATH}", self.port)
    }

    /// Answers the next pushes like this, one each, and all later ones by 204.
    pub fn script<'a>(&self, answers: impl IntoIterator<Item = (u16, &'a str)>) {
        self.lock().script.extend(answers.into_iter().map(|(status, text)| (status, text.to_owned())));
    }

    /// Every push that kept the rules, in order, whatever was answered.
    pub fn pushed(&self) -> Vec<Pushed> {
        self.lock().pushed.clone()
    }

    /// What was wrong with those that did not.
    pub fn faults(&self) -> Vec<String> {
        self.lock().faults.clone()
    }

    /// The streams of the pushes that it took. Panics if it was ever asked wrong.
    pub fn taken(&self) -> Vec<PushedStream> {
        assert_eq!(self.faults(), Vec::<String>::new());
        let taken = self.pushed().into_iter().filter(|pushed| pushed.status == 204);
        taken.flat_map(|pushed| pushed.streams).collect()
    }

    /// Waits until there were so many pushes.
    pub async fn pushes(&self, count: usize) -> Vec<Pushed> {
        wait::until(&format!("{count} pushes"), async || {
            Some(self.pushed()).filter(|pushed| pushed.len() >= count)
        })
        .await
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no handler panics")
    }
}

impl Drop for FakeLoki {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn answer(
    request: Request<Incoming>,
    state: Arc<Mutex<State>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    // A sender that goes away in the middle has pushed nothing.
    let Ok(body) = body.collect().await else { return Ok(text(400, "no whole body")) };
    let read = match (head.method.as_str(), head.uri.path()) {
        ("POST", PUSH_PATH) => push::read(&head.headers, &body.to_bytes()),
        other => Err(format!("it has no {other:?}")),
    };
    let mut state = state.lock().expect("no handler panics");
    match read {
        Ok(streams) => {
            let (status, said) = state.script.pop_front().unwrap_or((204, String::new()));
            state.pushed.push(Pushed { headers: head.headers, streams, status });
            Ok(text(status, &said))
        }
        Err(fault) => {
            state.faults.push(fault.clone());
            Ok(text(400, &fault))
        }
    }
}

fn text(status: u16, text: &str) -> Response<Full<Bytes>> {
    let body = Full::new(Bytes::from(text.to_owned()));
    Response::builder().status(status).body(body).expect("a status and a text")
}
