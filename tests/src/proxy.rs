//! A small HTTP proxy: it opens tunnels, passes on what asks for whole URLs, and remembers what it was asked with.

use std::io;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// More than any head of the tests.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// See the module. It stops listening when it is dropped.
pub struct Proxy {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
    accepting: tokio::task::JoinHandle<()>,
}

#[derive(Clone)]
struct Rules {
    /// Whatever host it is asked for, it connects to this port of the loopback interface.
    upstream: u16,
    /// The value of `proxy-authorization` that it wants, if it wants one.
    wanted: Option<&'static str>,
}

impl Proxy {
    /// One that lets everybody through to this port, if the value of `proxy-authorization` is as wanted.
    pub async fn start(upstream: u16, wanted: Option<&'static str>) -> Proxy {
        let port = crate::ports::free_port();
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
        let heads = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&heads);
        let accepting = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                while connections.try_join_next().is_some() {}
                connections.spawn(connection(stream, Rules { upstream, wanted }, Arc::clone(&shared)));
            }
        });
        Proxy { port, heads, accepting }
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What each connection began with: a request line and headers.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("no connection panics").clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn connection(mut stream: TcpStream, rules: Rules, heads: Arc<Mutex<Vec<String>>>) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < HEAD_BYTES_MAX {
        head.push(stream.read_u8().await?);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    heads.lock().expect("no connection panics").push(text.clone());
    let shown = text.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("proxy-authorization").then_some(value)
    });
    if rules.wanted.is_some() && rules.wanted != shown {
        // It quotes what it did not like, as some do.
        let quoted = shown.unwrap_or_default();
        let answer = format!("HTTP/1.1 407 {quoted}\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await?;
        return stream.shutdown().await;
    }
    let mut upstream = TcpStream::connect(("127.0.0.1", rules.upstream)).await?;
    match text.starts_with("CONNECT ") {
        true => stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?,
        // A server understands the URL, and later requests of the connection need no look.
        false => upstream.write_all(&head).await?,
    }
    copy_bidirectional(&mut stream, &mut upstream).await.map(drop)
}
