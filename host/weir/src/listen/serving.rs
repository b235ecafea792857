//! A server at work: sockets that accept, and the front that new connections are served with.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::front::{Former, Front, Phase, reached};
use super::peeked::Peeked;
use super::stream::Stream;
use super::{Address, Socket};

/// Connections that one server holds at a time. More wait in the kernel's backlog.
const CONNECTIONS_MAX: usize = 1024;

/// A connection that says nothing for this long after it was opened is closed: it holds one of the places above.
const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(30);

/// The pause after a failed accept, such as one for want of file descriptors, so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A server at work.
pub struct Serving {
    address: Address,
    /// Of the sockets. Connections have that of their front.
    phase: watch::Sender<Phase>,
    front: Arc<Current>,
}

/// The front of the connections to come.
struct Current(Mutex<Front>);

// === impl Serving ===

impl Serving {
    pub(super) fn start(sockets: Vec<Socket>, address: Address, front: Front) -> Self {
        let phase = watch::Sender::new(Phase::Running);
        let front = Arc::new(Current(Mutex::new(front)));
        let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        for socket in sockets {
            tokio::spawn(accept_all(socket, Arc::clone(&slots), Arc::clone(&front), phase.subscribe()));
        }
        Serving { address, phase, front }
    }

    /// Where it listens.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Serves new connections with another front. The sockets stay open, so that no connection is refused; those that
    /// are open finish what they began.
    pub fn replace(&self, front: Front) -> Former {
        let mut current = self.front.lock();
        let former = current.finish();
        *current = front;
        former
    }

    /// Stops accepting, tells the peers, and lets requests under way finish until the deadline. Returns whether they
    /// all did.
    pub async fn stop(self, deadline: Instant) -> bool {
        self.phase.send_replace(Phase::Stopping);
        let former = self.front.lock().finish();
        // First those that were just accepted: they are the front's from their first byte on.
        let all_accepted = tokio::time::timeout_at(deadline.into(), self.phase.closed()).await.is_ok();
        former.stop(deadline).await && all_accepted
    }
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving").field("address", &self.address).finish_non_exhaustive()
    }
}

// === impl Current ===

impl Current {
    fn lock(&self) -> MutexGuard<'_, Front> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept_all(
    socket: Socket,
    slots: Arc<Semaphore>,
    front: Arc<Current>,
    mut phase: watch::Receiver<Phase>,
) {
    let accepted = phase.clone();
    loop {
        let (stream, slot) = tokio::select! {
            () = reached(&mut phase, Phase::Stopping) => return,
            accepted = accept(&socket, &slots) => accepted,
        };
        tokio::spawn(serve(stream, slot, Arc::clone(&front), accepted.clone()));
    }
}

/// One connection, with the front that is there at its first byte.
async fn serve(
    stream: Stream,
    slot: Option<OwnedSemaphorePermit>,
    front: Arc<Current>,
    mut phase: watch::Receiver<Phase>,
) {
    let _slot = slot;
    let mut stream = Peeked::new(stream);
    let has_spoken = tokio::select! {
        biased;
        spoken = tokio::time::timeout(FIRST_BYTE_TIMEOUT, stream.speaks()) => spoken.unwrap_or(false),
        () = reached(&mut phase, Phase::Stopping) => false,
    };
    if !has_spoken {
        return;
    }
    let connection = front.lock().connection(stream);
    // It is the front's now.
    drop(phase);
    connection.await;
}

/// The next connection and its place among [`CONNECTIONS_MAX`].
async fn accept(socket: &Socket, slots: &Arc<Semaphore>) -> (Stream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed, so that there is always a permit in the end.
    let slot = Arc::clone(slots).acquire_owned().await.ok();
    loop {
        match socket.accept().await {
            Ok(stream) => return (stream, slot),
            Err(error) => {
                tracing::debug!(%error, "could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bytes::Bytes;
    use http::{Request, Response};
    use http_body_util::Full;
    use hyper::body::Incoming;
    use hyper_util::rt::TokioExecutor;
    use hyper_util::server::conn::auto::Builder;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::super::{Bound, Bounds};
    use super::*;

    /// Answers every request with one word.
    #[derive(Clone)]
    struct Says(&'static str);

    impl hyper::service::Service<Request<Incoming>> for Says {
        type Response = Response<Full<Bytes>>;
        type Error = Infallible;
        type Future = std::future::Ready<Result<Self::Response, Infallible>>;

        fn call(&self, _: Request<Incoming>) -> Self::Future {
            std::future::ready(Ok(Response::new(Full::from(self.0))))
        }
    }

    fn says(word: &'static str) -> Front {
        Front::new(Builder::new(TokioExecutor::new()), Bounds::default(), None, Says(word))
    }

    async fn ask(stream: &mut TcpStream) -> String {
        stream.write_all(b"GET / HTTP/1.1\r\nhost: weir\r\n\r\n").await.unwrap();
        let mut buffer = [0; 1024];
        let read = stream.read(&mut buffer).await.unwrap();
        String::from_utf8_lossy(&buffer[..read]).into_owned()
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[tokio::test]
    async fn a_replaced_front_ends_its_connections_and_leaves_the_sockets_to_the_next() {
        let serving = Bound::bind("127.0.0.1:0").await.unwrap().serve(says("former"));
        let address = serving.address().tcp().unwrap();
        let mut used = TcpStream::connect(address).await.unwrap();
        let mut silent = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut used).await.ends_with("former"));
        let former = serving.replace(says("next"));
        assert!(former.stop(soon()).await);
        assert_eq!(used.read(&mut [0; 8]).await.unwrap(), 0, "it is closed");
        let answer = ask(&mut silent).await;
        assert!(answer.ends_with("next"), "it had said nothing yet: {answer:?}");
        let mut new = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut new).await.ends_with("next"));
    }

    #[tokio::test]
    async fn a_stop_closes_the_sockets_and_connections_that_never_said_anything() {
        let serving = Bound::bind("127.0.0.1:0").await.unwrap().serve(says("hello"));
        let address = serving.address().tcp().unwrap();
        let mut silent = TcpStream::connect(address).await.unwrap();
        let mut used = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut used).await.ends_with("hello"));
        assert!(serving.stop(soon()).await);
        assert_eq!(silent.read(&mut [0; 8]).await.unwrap(), 0);
        assert!(TcpStream::connect(address).await.is_err(), "nobody listens");
    }
}
