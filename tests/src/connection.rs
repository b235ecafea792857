//! One connection that is kept open, so that a test sees when the other side closes it. No client that comes back by
//! itself.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::Signal;
use crate::h2::frame;

/// One connection to weir.
pub struct Connection(Client);

enum Client {
    Http(http1::SendRequest<Full<Bytes>>),
    Grpc(http2::SendRequest<Full<Bytes>>),
}

impl Connection {
    /// For OTLP over HTTP/1.1. Panics if it is refused.
    pub async fn http(port: u16) -> Connection {
        Connection::http_over(connect(port).await).await
    }

    /// For OTLP over gRPC. Panics if it is refused.
    pub async fn grpc(port: u16) -> Connection {
        Connection::grpc_over(connect(port).await).await
    }

    /// For OTLP over HTTP/1.1 on any stream.
    pub async fn http_over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Connection {
        let (client, connection) = http1::handshake(TokioIo::new(stream)).await.expect("a connection");
        tokio::spawn(connection);
        Connection(Client::Http(client))
    }

    /// For OTLP over gRPC on any stream.
    pub async fn grpc_over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Connection {
        let io = TokioIo::new(stream);
        let (client, connection) =
            http2::handshake(TokioExecutor::new(), io).await.expect("an HTTP/2 connection");
        tokio::spawn(connection);
        Connection(Client::Grpc(client))
    }

    /// Sends one export request and says whether it was taken. The error is that of the connection.
    pub async fn send(&mut self, signal: Signal, body: impl Into<Bytes>) -> Result<bool, hyper::Error> {
        let body = body.into();
        match &mut self.0 {
            Client::Http(client) => {
                client.ready().await?;
                let request = Request::post(signal.http_path())
                    .header("host", "localhost")
                    .header("content-type", "application/x-protobuf");
                let response = client.send_request(request.body(Full::new(body)).expect("a request")).await?;
                let is_taken = response.status() == 200;
                response.into_body().collect().await?;
                Ok(is_taken)
            }
            Client::Grpc(client) => {
                client.ready().await?;
                let request = Request::post(format!("http://localhost{}", signal.grpc_path()))
                    .header("content-type", "application/grpc")
                    .header("te", "trailers");
                let body = Full::new(frame(false, body.len(), &body));
                let (head, body) =
                    client.send_request(request.body(body).expect("a request")).await?.into_parts();
                let trailers = body.collect().await?.trailers().cloned().unwrap_or_default();
                let status = trailers.get("grpc-status").or(head.headers.get("grpc-status"));
                Ok(status.is_some_and(|status| status == "0"))
            }
        }
    }

    /// Whether the other side wants no more requests on it.
    pub fn is_closed(&self) -> bool {
        match &self.0 {
            Client::Http(client) => client.is_closed(),
            Client::Grpc(client) => client.is_closed(),
        }
    }
}

async fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("the connection is not refused");
    stream.set_nodelay(true).expect("a socket");
    stream
}
