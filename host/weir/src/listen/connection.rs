//! One connection: its handshake, which protocol it is, its requests, and its end, each within its bound.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::sync::watch;
use tokio::time::Sleep;

use super::activity::{Activity, Noted};
use super::bounds::{Bounds, Verdict};
use super::front::{Phase, reached};
use super::peeked::{Beginning, Peeked};
use super::stream::Stream;
use super::tls::Tls;
use super::wire::{Heard, Wire};

/// How long a connection that is still being opened may go on when its server stops: its request may be on the way.
const LAST_CALL: Duration = Duration::from_secs(1);

/// A timer that fires by so much too early is good enough: it is looked at again then.
const TIMER_SLACK: Duration = Duration::from_millis(50);

/// What connections of one front are served with.
pub(super) struct Served<S> {
    pub(super) builder: Builder<TokioExecutor>,
    pub(super) bounds: Bounds,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) service: S,
}

/// Connections of one front that get the buffers that the builder says: those of a sidecar's application. What a connection
/// buffers is held as long as it is open and is not charged to any budget, so the others get little.
const ROOMY_CONNECTIONS: usize = 4;

/// The largest HTTP/2 frame, and what HTTP/1 reads at once, on one of many connections.
const NARROW_BUFFER: u32 = 32 << 10;

/// What may be under way on a stream, and on a connection, before weir has read it, on one of many connections.
const NARROW_STREAM_WINDOW: u32 = 64 << 10;
const NARROW_CONNECTION_WINDOW: u32 = 256 << 10;

fn make_narrow(builder: &mut Builder<TokioExecutor>) {
    builder.http1().max_buf_size(NARROW_BUFFER as usize);
    builder
        .http2()
        .max_frame_size(NARROW_BUFFER)
        .initial_stream_window_size(NARROW_STREAM_WINDOW)
        .initial_connection_window_size(NARROW_CONNECTION_WINDOW);
}

/// Serves one connection until it ends.
pub(super) async fn serve<S, B>(
    served: Arc<Served<S>>,
    stream: Peeked<Stream>,
    mut phase: watch::Receiver<Phase>,
) where
    S: hyper::service::Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + Unpin + 'static,
    B: Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static,
{
    // Counted before this one has said anything: the front holds one, and each connection of it.
    let is_one_of_few = Arc::strong_count(&served) <= ROOMY_CONNECTIONS + 1;
    let Served { builder, bounds, tls, service } = served.as_ref();
    let opened = tokio::select! {
        biased;
        opened = open(stream, bounds, tls.as_ref()) => opened,
        () = last_call(phase.clone()) => None,
    };
    let Some((wire, is_http2)) = opened else { return };
    let activity = Activity::new();
    let heard = Heard { wire, activity: (!is_http2).then(|| Arc::clone(&activity)) };
    let service = Noted::new(service.clone(), Arc::clone(&activity));
    let mut builder = builder.clone();
    if !is_one_of_few {
        make_narrow(&mut builder);
    }
    let mut connection = pin!(builder.serve_connection(TokioIo::new(heard), service));
    let mut watch = Watch::new(bounds, &activity);
    // How a connection ends is its peer's business; each request was answered and counted by itself. The connection goes
    // first: told to finish before it has read which protocol it is, it would close without an answer.
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        verdict = watch.verdict() => if matches!(verdict, Verdict::IsCut(_)) { return },
        () = reached(&mut phase, Phase::Stopping) => {}
    }
    connection.as_mut().graceful_shutdown();
    watch.told();
    tokio::select! {
        biased;
        _ = connection => {}
        _ = watch.verdict() => {}
        () = reached(&mut phase, Phase::Cut) => {}
    }
}

/// The handshake, and what the peer begins with: whether it is HTTP/2. `None` if it comes to nothing.
async fn open(
    stream: Peeked<Stream>,
    bounds: &Bounds,
    tls: Option<&Arc<Tls>>,
) -> Option<(Peeked<Wire>, bool)> {
    let stream = stream.map(|mut stream| {
        stream.set_patience(bounds.answer);
        stream
    });
    let mut wire = match tls {
        None => stream.map(Wire::Plain),
        Some(tls) => match tls.accept(stream).await {
            Ok(stream) => Peeked::new(Wire::Tls(Box::new(stream))),
            Err(reason) => {
                tracing::debug!(reason, "a TLS handshake failed");
                return None;
            }
        },
    };
    match tokio::time::timeout(bounds.head, wire.beginning()).await {
        Ok(Beginning::Http2) => Some((wire, true)),
        Ok(Beginning::Other) => Some((wire, false)),
        Ok(Beginning::End) | Err(_) => None,
    }
}

async fn last_call(mut phase: watch::Receiver<Phase>) {
    reached(&mut phase, Phase::Stopping).await;
    tokio::time::sleep(LAST_CALL).await;
}

/// Judges a connection whenever something happens on it, and when the next of its bounds is reached.
struct Watch<'a> {
    bounds: &'a Bounds,
    activity: &'a Activity,
    opened: Instant,
    age: Option<Duration>,
    told: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<'a> Watch<'a> {
    fn new(bounds: &'a Bounds, activity: &'a Activity) -> Self {
        Watch { bounds, activity, opened: Instant::now(), age: bounds.own_age(), told: None, timer: None }
    }

    /// The peer was told that the connection ends.
    fn told(&mut self) {
        self.told = Some(Instant::now());
        self.timer = None;
    }

    /// How the connection is to end, once it is.
    async fn verdict(&mut self) -> Verdict {
        std::future::poll_fn(|cx| self.poll_verdict(cx)).await
    }

    fn poll_verdict(&mut self, cx: &mut Context<'_>) -> Poll<Verdict> {
        loop {
            let told = self.told.map(|told| told.elapsed());
            let next = match self.bounds.judge(self.activity, self.opened.elapsed(), self.age, told) {
                Verdict::GoesOn(Some(next)) => tokio::time::Instant::now() + next,
                Verdict::GoesOn(None) => {
                    self.timer = None;
                    return Poll::Pending;
                }
                verdict @ (Verdict::Ends(why) | Verdict::IsCut(why)) => {
                    tracing::debug!(why, "a connection is ended");
                    return Poll::Ready(verdict);
                }
            };
            // Set anew only if it would fire too late: that costs a look now and then, and not a timer for each request.
            let timer = match &mut self.timer {
                Some(timer) if timer.deadline() <= next + TIMER_SLACK => timer,
                timer => timer.insert(Box::pin(tokio::time::sleep_until(next))),
            };
            ready!(timer.as_mut().poll(cx));
            self.timer = None;
        }
    }
}

#[cfg(test)]
mod tests;
