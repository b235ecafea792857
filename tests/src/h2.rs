//! gRPC by hand: any frame with any headers, for senders that a well-behaved client cannot play.

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

/// What a gRPC server answered.
#[derive(Clone, Debug)]
pub struct GrpcReply {
    /// `grpc-status`, from the trailers or the headers; `None` if there was none.
    pub status: Option<i32>,
    /// `grpc-message`.
    pub message: String,
    /// Headers and trailers together.
    pub headers: HeaderMap,
}

/// The five bytes before a message: whether it is compressed and how long it says it is.
pub fn frame(compressed: bool, length: usize, message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(5 + message.len());
    frame.put_u8(u8::from(compressed));
    frame.put_u32(u32::try_from(length).expect("a length of 32 bits"));
    frame.put_slice(message);
    frame.freeze()
}

/// One call whose body is `body` as it stands. Panics if the connection breaks before an answer.
pub async fn call(port: u16, path: &str, headers: &[(&str, &str)], body: Bytes) -> GrpcReply {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("the port listens");
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("an HTTP/2 server");
    let driver = tokio::spawn(connection);
    let mut request = Request::post(format!("http://localhost{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body)).expect("valid headers");
    let (parts, body) = client.send_request(request).await.expect("an answer").into_parts();
    let trailers = body.collect().await.ok().and_then(|body| body.trailers().cloned());
    driver.abort();
    let mut headers = parts.headers;
    headers.extend(trailers.unwrap_or_default());
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    let (status, message) = (text("grpc-status").parse().ok(), text("grpc-message").to_owned());
    GrpcReply { status, message, headers }
}
