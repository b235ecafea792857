//! A fake of what takes Prometheus' remote write: it is as strict as Prometheus, and in what the protocol asks for a little more so. It
//! remembers what was written, and answers as a script says.

mod request;

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

pub use request::{WrittenSample, WrittenSeries};

/// The path of Prometheus' own receiver.
pub const WRITE_PATH: &str = "/api/v1/write";

/// One request that kept the rules.
#[derive(Clone, Debug)]
pub struct Written {
    /// The headers.
    pub headers: HeaderMap,
    /// What is in it.
    pub series: Vec<WrittenSeries>,
    /// How large it was before it was compressed.
    pub bytes: usize,
    /// What was answered.
    pub status: u16,
}

#[derive(Default)]
struct State {
    written: Vec<Written>,
    faults: Vec<String>,
    script: VecDeque<(u16, String)>,
    /// The newest sample of each series that was taken.
    newest: BTreeMap<String, WrittenSample>,
}

/// See the module. It stops listening when it is dropped.
pub struct FakeRemoteWrite {
    port: u16,
    state: Arc<Mutex<State>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl FakeRemoteWrite {
    /// One on a free port.
    pub async fn start() -> FakeRemoteWrite {
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
        FakeRemoteWrite { port, state, accepting }
    }

    /// The URL that is written to.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}{WRITE_PATH}", self.port)
    }

    /// Answers the next requests like this, one each, and all later ones by 204.
    pub fn script<'a>(&self, answers: impl IntoIterator<Item = (u16, &'a str)>) {
        self.lock().script.extend(answers.into_iter().map(|(status, text)| (status, text.to_owned())));
    }

    /// Every request that kept the rules, in order, whatever was answered.
    pub fn written(&self) -> Vec<Written> {
        self.lock().written.clone()
    }

    /// What was wrong with those that did not.
    pub fn faults(&self) -> Vec<String> {
        self.lock().faults.clone()
    }

    /// The series of the requests that it took. Panics if it was ever asked wrong.
    pub fn taken(&self) -> Vec<WrittenSeries> {
        assert_eq!(self.faults(), Vec::<String>::new());
        let taken = self.written().into_iter().filter(|written| written.status == 204);
        taken.flat_map(|written| written.series).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no handler panics")
    }
}

impl Drop for FakeRemoteWrite {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl State {
    /// Takes samples that are not older than what is there; the same again is no news.
    fn take(&mut self, series: &[WrittenSeries]) -> Result<(), String> {
        for WrittenSeries { labels, samples, .. } in series {
            let key = format!("{labels:?}");
            for sample in samples {
                if let Some(newest) = self.newest.get(&key) {
                    let is_same = newest.time_ms == sample.time_ms
                        && newest.value.map(f64::to_bits) == sample.value.map(f64::to_bits);
                    if sample.time_ms <= newest.time_ms && !is_same {
                        return Err(format!("out of order sample: {key} {sample:?} after {newest:?}"));
                    }
                }
                self.newest.insert(key.clone(), *sample);
            }
        }
        Ok(())
    }
}

async fn answer(
    request: Request<Incoming>,
    state: Arc<Mutex<State>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    // A sender that goes away in the middle has written nothing.
    let Ok(body) = body.collect().await else { return Ok(text(400, "no whole body")) };
    let read = match (head.method.as_str(), head.uri.path()) {
        ("POST", WRITE_PATH) => request::read(&head.headers, &body.to_bytes()),
        other => Err(format!("it has no {other:?}")),
    };
    let mut state = state.lock().expect("no handler panics");
    let told = match read {
        Ok((series, bytes)) => {
            let (status, said) = state.script.pop_front().unwrap_or((204, String::new()));
            let taken = if status == 204 { state.take(&series) } else { Ok(()) };
            state.written.push(Written { headers: head.headers, series, bytes, status });
            taken.map(|()| (status, said))
        }
        Err(fault) => Err(fault),
    };
    let (status, said) = told.unwrap_or_else(|fault| {
        state.faults.push(fault.clone());
        (400, fault)
    });
    Ok(text(status, &said))
}

fn text(status: u16, text: &str) -> Response<Full<Bytes>> {
    let body = Full::new(Bytes::from(text.to_owned()));
    Response::builder().status(status).body(body).expect("a status and a text")
}
