//! One HTTP/1.1 request on a connection of its own, with whatever headers and body a test wants.

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
