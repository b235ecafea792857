//! What goes on on one connection, noted where it happens, so that the connection can be judged from outside: requests
//! under way, answers on their way, the first bytes of a head.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use http::{Request, Response};
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// No moment: nothing of the kind is under way.
const NEVER: u64 = u64::MAX;

/// The notes about one connection.
pub(super) struct Activity {
    opened: Instant,
    /// Requests from their head on until the last byte of their answer is handed over.
    under_way: AtomicU64,
    /// Answers of which a part is still to be taken by the peer.
    answers: AtomicU64,
    /// Moments, in milliseconds since the connection was opened: when the last request ended,
    quiet_since: AtomicU64,
    /// since when no answer was taken to its end, if there are any,
    stuck_since: AtomicU64,
    /// and when a head of HTTP/1 began that is not there yet.
    head_since: AtomicU64,
}

/// What a look at the notes says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// For how long no request has been under way; `None` while one is.
    pub(super) quiet: Option<Duration>,
    /// For how long no answer was taken, though there are some to be taken.
    pub(super) stuck: Option<Duration>,
    /// For how long a head has been arriving.
    pub(super) head: Option<Duration>,
}

/// A request under way. It ends when this is dropped, wherever that is.
struct UnderWay {
    activity: Arc<Activity>,
    is_answered: bool,
}

/// A service whose requests are noted.
#[derive(Clone)]
pub(super) struct Noted<S> {
    service: S,
    activity: Arc<Activity>,
}

/// The future of a noted request.
pub(super) struct NotedFuture<F> {
    future: F,
    under_way: Option<UnderWay>,
}

/// The body of a noted answer.
pub(super) struct NotedBody<B> {
    body: B,
    _under_way: Option<UnderWay>,
}

// === impl Activity ===

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Activity {
            opened: Instant::now(),
            under_way: AtomicU64::new(0),
            answers: AtomicU64::new(0),
            quiet_since: AtomicU64::new(0),
            stuck_since: AtomicU64::new(NEVER),
            head_since: AtomicU64::new(NEVER),
        })
    }

    /// Bytes came. On HTTP/1 they belong to a head unless a request is under way.
    pub(super) fn heard(&self) {
        if self.under_way.load(Ordering::Relaxed) == 0 && self.head_since.load(Ordering::Relaxed) == NEVER {
            self.head_since.store(self.now(), Ordering::Relaxed);
        }
    }

    pub(super) fn look(&self) -> Look {
        let now = self.now();
        let since = |moment: &AtomicU64| match moment.load(Ordering::Relaxed) {
            NEVER => None,
            moment => Some(Duration::from_millis(now.saturating_sub(moment))),
        };
        // Each number says that the moment which belongs to it is noted already: requests of HTTP/2 run on other threads.
        let is_quiet = self.under_way.load(Ordering::Acquire) == 0;
        let is_answering = self.answers.load(Ordering::Acquire) > 0;
        Look {
            quiet: since(&self.quiet_since).filter(|_| is_quiet),
            stuck: since(&self.stuck_since).filter(|_| is_answering),
            head: since(&self.head_since).filter(|_| is_quiet),
        }
    }

    fn begin(self: &Arc<Self>) -> UnderWay {
        self.under_way.fetch_add(1, Ordering::Release);
        self.head_since.store(NEVER, Ordering::Relaxed);
        UnderWay { activity: Arc::clone(self), is_answered: false }
    }

    /// Milliseconds since the connection was opened.
    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(NEVER - 1)
    }
}

// === impl UnderWay ===

impl UnderWay {
    fn answer(&mut self) {
        self.is_answered = true;
        if self.activity.answers.load(Ordering::Relaxed) == 0 {
            self.activity.stuck_since.store(self.activity.now(), Ordering::Relaxed);
        }
        self.activity.answers.fetch_add(1, Ordering::Release);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let now = self.activity.now();
        if self.is_answered {
            self.activity.stuck_since.store(now, Ordering::Relaxed);
            self.activity.answers.fetch_sub(1, Ordering::Release);
        }
        self.activity.quiet_since.store(now, Ordering::Relaxed);
        self.activity.under_way.fetch_sub(1, Ordering::Release);
    }
}

// === impl Noted ===

impl<S> Noted<S> {
    pub(super) fn new(service: S, activity: Arc<Activity>) -> Self {
        Noted { service, activity }
    }
}

impl<S, B> hyper::service::Service<Request<Incoming>> for Noted<S>
where
    S: hyper::service::Service<Request<Incoming>, Response = Response<B>>,
    S::Future: Unpin,
{
    type Response = Response<NotedBody<B>>;
    type Error = S::Error;
    type Future = NotedFuture<S::Future>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let under_way = Some(self.activity.begin());
        NotedFuture { future: self.service.call(request), under_way }
    }
}

impl<F, B, E> Future for NotedFuture<F>
where
    F: Future<Output = Result<Response<B>, E>> + Unpin,
{
    type Output = Result<Response<NotedBody<B>>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(Pin::new(&mut self.future).poll(cx));
        let mut under_way = self.under_way.take();
        if let (Ok(_), Some(under_way)) = (&outcome, &mut under_way) {
            under_way.answer();
        }
        Poll::Ready(outcome.map(|answer| answer.map(|body| NotedBody { body, _under_way: under_way })))
    }
}

impl<B: Body + Unpin> Body for NotedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_under_way(activity: &Activity) -> (bool, bool, bool) {
        let look = activity.look();
        (look.quiet.is_none(), look.stuck.is_some(), look.head.is_some())
    }

    #[test]
    fn a_request_is_under_way_until_its_answer_is_taken_and_a_head_until_it_is_there() {
        let activity = Activity::new();
        assert_eq!(is_under_way(&activity), (false, false, false));
        activity.heard();
        assert_eq!(is_under_way(&activity), (false, false, true));
        let mut first = activity.begin();
        assert_eq!(is_under_way(&activity), (true, false, false));
        activity.heard();
        let second = activity.begin();
        first.answer();
        assert_eq!(is_under_way(&activity), (true, true, false), "bytes of a body are no head");
        drop(first);
        assert_eq!(is_under_way(&activity), (true, false, false));
        drop(second);
        assert_eq!(is_under_way(&activity), (false, false, false));
    }
}
