//! What stands between weir and an upstream and breaks connections: a load balancer on a bad day.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

/// What becomes of one connection.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    /// It is passed through.
    Pass,
    /// It is accepted and closed.
    Close,
    /// It is reset, which loses what is under way, after so many bytes of the sender's.
    ResetAfter(usize),
    /// It is passed through, and cut after so many bytes of the upstream's.
    CutAnswerAfter(usize),
}

/// See the module. It stops listening when it is dropped.
pub struct Front {
    port: u16,
    script: Arc<Mutex<VecDeque<Act>>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Front {
    /// One in front of a port, which lets everything pass until it is told otherwise.
    pub async fn start(upstream: u16) -> Front {
        let port = crate::ports::free_port();
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
        let script = Arc::new(Mutex::new(VecDeque::new()));
        let shared = Arc::clone(&script);
        let accepting = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                while connections.try_join_next().is_some() {}
                let act = shared.lock().expect("no connection panics").pop_front().unwrap_or(Act::Pass);
                connections.spawn(connection(stream, upstream, act));
            }
        });
        Front { port, script, accepting }
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Does this with the next connections, one each.
    pub fn script(&self, acts: impl IntoIterator<Item = Act>) {
        self.script.lock().expect("no connection panics").extend(acts);
    }

    /// How many acts are left of the script.
    pub fn left(&self) -> usize {
        self.script.lock().expect("no connection panics").len()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn connection(mut stream: TcpStream, upstream: u16, act: Act) -> io::Result<()> {
    let answer_bytes_max = match act {
        Act::Close => return Ok(()),
        Act::ResetAfter(bytes) => {
            let mut buffer = vec![0; bytes];
            stream.read_exact(&mut buffer).await?;
            return stream.set_zero_linger();
        }
        Act::CutAnswerAfter(bytes) => bytes as u64,
        Act::Pass => u64::MAX,
    };
    let upstream = TcpStream::connect(("127.0.0.1", upstream)).await?;
    let (mut from_sender, mut to_sender) = stream.split();
    let (from_upstream, mut to_upstream) = upstream.into_split();
    let mut answer = from_upstream.take(answer_bytes_max);
    tokio::select! {
        result = async {
            copy(&mut from_sender, &mut to_upstream).await?;
            to_upstream.shutdown().await?;
            // The answer to what was sent is still to come.
            std::future::pending().await
        } => result,
        result = async {
            copy(&mut answer, &mut to_sender).await?;
            to_sender.shutdown().await
        } => result,
    }
}
