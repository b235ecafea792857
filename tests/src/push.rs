//! A fake of a push API over HTTP: it reads each request by rules, remembers those that kept them, and answers as a script says.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// The rules of one API.
pub(crate) trait Rules: Send + 'static {
    /// Where it is.
    const PATH: &'static str;
    /// A request that kept the rules.
    type Push: Clone + Send;

    /// Reads a request, or says what is wrong with it.
    fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self::Push, String>;

    /// Takes what is answered by 204, or says why it does not fit to what was taken before.
    fn take(&mut self, push: &Self::Push) -> Result<(), String>;
}

/// A request that kept the rules of its reading.
#[derive(Clone, Debug)]
pub(crate) struct Received<P> {
    pub(crate) headers: HeaderMap,
    pub(crate) push: P,
    /// What the script had for it.
    pub(crate) status: u16,
}

/// See the module. It stops listening when it is dropped.
pub(crate) struct PushServer<R: Rules> {
    port: u16,
    state: Arc<Mutex<State<R>>>,
    accepting: tokio::task::JoinHandle<()>,
}

struct State<R: Rules> {
    rules: R,
    received: Vec<Received<R::Push>>,
    faults: Vec<String>,
    script: VecDeque<(u16, String)>,
}

impl<R: Rules> PushServer<R> {
    /// One on a free port.
    pub(crate) async fn start(rules: R) -> Self {
        let port = crate::ports::free_port();
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
        let state = State { rules, received: Vec::new(), faults: Vec::new(), script: VecDeque::new() };
        let state = Arc::new(Mutex::new(state));
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
        PushServer { port, state, accepting }
    }

    /// The URL that is pushed to.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}{}", self.port, R::PATH)
    }

    /// Answers the next pushes like this, one each, and all later ones by 204.
    pub(crate) fn script<'a>(&self, answers: impl IntoIterator<Item = (u16, &'a str)>) {
        self.lock().script.extend(answers.into_iter().map(|(status, text)| (status, text.to_owned())));
    }

    /// Every push that kept the rules, in order, whatever was answered.
    pub(crate) fn received(&self) -> Vec<Received<R::Push>> {
        self.lock().received.clone()
    }

    /// What was wrong with those that did not.
    pub(crate) fn faults(&self) -> Vec<String> {
        self.lock().faults.clone()
    }

    /// The pushes that it took. Panics if it was ever asked wrong.
    pub(crate) fn taken(&self) -> impl Iterator<Item = R::Push> {
        assert_eq!(self.faults(), Vec::<String>::new());
        self.received().into_iter().filter(|received| received.status == 204).map(|received| received.push)
    }

    fn lock(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().expect("no handler panics")
    }
}

impl<R: Rules> Drop for PushServer<R> {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn answer<R: Rules>(
    request: Request<Incoming>,
    state: Arc<Mutex<State<R>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    // A sender that goes away in the middle has pushed nothing.
    let Ok(body) = body.collect().await else { return Ok(text(400, "no whole body")) };
    let read = match (head.method.as_str(), head.uri.path()) {
        ("POST", path) if path == R::PATH => R::read(&head.headers, &body.to_bytes()),
        other => Err(format!("it has no {other:?}")),
    };
    let mut state = state.lock().expect("no handler panics");
    let told = match read {
        Ok(push) => {
            let (status, said) = state.script.pop_front().unwrap_or((204, String::new()));
            let taken = if status == 204 { state.rules.take(&push) } else { Ok(()) };
            state.received.push(Received { headers: head.headers, push, status });
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
