//! What connections are served with: a protocol and a service. A server's front may be replaced while it listens; the
//! connections that it had go on with what they began.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto::Builder;
use tokio::sync::watch;

use super::bounds::Bounds;
use super::connection::{Served, serve};
use super::peeked::Peeked;
use super::stream::Stream;
use super::tls::Tls;

/// A protocol and a service.
pub struct Front {
    serve: Arc<Serve>,
    phase: watch::Sender<Phase>,
}

/// One connection, until it ends.
type Connection = Pin<Box<dyn Future<Output = ()> + Send>>;

type Serve = dyn Fn(Peeked<Stream>, watch::Receiver<Phase>) -> Connection + Send + Sync;

/// The connections of a front that gets no more of them.
#[must_use = "nobody cuts the connections that do not end"]
pub struct Former(watch::Sender<Phase>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(super) enum Phase {
    Running,
    /// Connections finish what they began.
    Stopping,
    /// Whatever is left is cut.
    Cut,
}

// === impl Front ===

impl Front {
    /// Serves connections as `builder` says with clones of `service`, within TLS if there is any.
    pub fn new<S, B>(
        builder: Builder<TokioExecutor>,
        bounds: Bounds,
        tls: Option<Arc<Tls>>,
        service: S,
    ) -> Self
    where
        S: hyper::service::Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
        S: Clone + Send + Sync + 'static,
        S::Future: Send + Unpin + 'static,
        B: Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static,
    {
        let served = Arc::new(Served { builder, bounds, tls, service });
        let serve =
            move |stream, phase| -> Connection { Box::pin(serve(Arc::clone(&served), stream, phase)) };
        Front { serve: Arc::new(serve), phase: watch::Sender::new(Phase::Running) }
    }

    /// The future of one connection. It belongs to this front from now on, even if it is not polled yet.
    pub(super) fn connection(&self, stream: Peeked<Stream>) -> Connection {
        (self.serve)(stream, self.phase.subscribe())
    }

    /// Tells the peers (GOAWAY, `connection: close`): what is under way may finish, and no more.
    pub(super) fn finish(&self) -> Former {
        self.phase.send_replace(Phase::Stopping);
        Former(self.phase.clone())
    }
}

// === impl Former ===

impl Former {
    /// Lets requests under way finish until the deadline. Returns whether they all did.
    pub async fn stop(self, deadline: Instant) -> bool {
        let Former(phase) = self;
        // Each connection holds a receiver as long as it lives.
        let is_clean = tokio::time::timeout_at(deadline.into(), phase.closed()).await.is_ok();
        phase.send_replace(Phase::Cut);
        is_clean
    }
}

/// Returns once the phase is this one or a later one.
pub(super) async fn reached(phase: &mut watch::Receiver<Phase>, wanted: Phase) {
    if phase.wait_for(|phase| *phase >= wanted).await.is_err() {
        // A server that is dropped without a stop goes on until the process ends.
        std::future::pending::<()>().await;
    }
}
