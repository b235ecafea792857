//! One HTTP/1.1 request on a connection of its own, with whatever headers and body a test wants.

use std::io::{Read, Write};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// All headers.
    pub headers: ::http::HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Reply {
    /// A header as text, or "" if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// The body as text, with replacement characters where it is none.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends `request` to a port of the loopback interface and reads the whole answer.
pub async fn send(
    port: u16,
    request: ::http::Request<Full<Bytes>>,
) -> Result<Reply, Box<dyn std::error::Error>> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let (mut client, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let (parts, body) = client.send_request(request).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    driver.abort();
    Ok(Reply { status: parts.status.as_u16(), headers: parts.headers, body })
}

/// `GET path`; `None` if nobody listens or the connection breaks.
pub async fn get(port: u16, path: &str) -> Option<Reply> {
    let request = ::http::Request::get(path)
        .header("host", "localhost")
        .header("connection", "close")
        .body(Full::new(Bytes::new()))
        .ok()?;
    send(port, request).await.ok()
}

/// How long [`get_blocking`] waits for each step.
const BLOCKING_PATIENCE: Duration = Duration::from_secs(5);

/// `GET path` without a runtime: the body of a 200, or `None`. The server has to close the connection after it.
pub fn get_blocking(address: &str, path: &str) -> Option<String> {
    let mut stream = std::net::TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(BLOCKING_PATIENCE)).ok()?;
    stream.set_write_timeout(Some(BLOCKING_PATIENCE)).ok()?;
    // HTTP/1.0, so that the body comes in one piece up to the end.
    let request = format!("GET {path} HTTP/1.0\r\nhost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.split(' ').nth(1).is_some_and(|status| status == "200").then(|| body.to_owned())
}
