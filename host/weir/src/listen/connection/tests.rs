//! Peers that are slow, silent or deaf, on connections with short bounds.

use http_body_util::{BodyExt, Empty, Full};
use hyper::client::conn::http2;
use hyper::service::Service;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::super::{Bound, Front, Serving};
use super::*;

/// Never over in a test.
const LONG: Duration = Duration::from_secs(1_000);

/// Over at once, and still long enough for the peers that behave.
const SHORT: Duration = Duration::from_millis(300);

/// Answers every request with one word.
#[derive(Clone)]
struct Hello;

impl Service<Request<Incoming>> for Hello {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn call(&self, _: Request<Incoming>) -> Self::Future {
        std::future::ready(Ok(Response::new(Full::from("hello"))))
    }
}

fn bounds() -> Bounds {
    Bounds { head: LONG, idle: None, age: None, grace: LONG, answer: LONG }
}

async fn server(bounds: Bounds) -> Serving {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().header_read_timeout(None);
    let front = Front::new(builder, bounds, None, Hello);
    Bound::bind("127.0.0.1:0").await.unwrap().serve(front)
}

async fn connect(server: &Serving) -> TcpStream {
    TcpStream::connect(server.address().tcp().unwrap()).await.unwrap()
}

/// Reads until the other side is done.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    // Reset or closed: it is over.
    let _ = stream.read_to_end(&mut rest).await;
    rest
}

async fn is_served(server: &Serving) {
    let mut stream = connect(server).await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    assert!(rest(&mut stream).await.ends_with(b"hello"));
}

type Client = http2::SendRequest<Empty<Bytes>>;

/// A client of HTTP/2, and a task that ends with its connection.
async fn h2_client(server: &Serving, window: u32) -> (Client, tokio::task::JoinHandle<()>) {
    let io = TokioIo::new(connect(server).await);
    let mut builder = http2::Builder::new(TokioExecutor::new());
    let (client, connection) = builder.initial_stream_window_size(window).handshake(io).await.unwrap();
    let ended = tokio::spawn(async move {
        let _ = connection.await;
    });
    (client, ended)
}

fn get() -> Request<Empty<Bytes>> {
    Request::get("http://x/").body(Empty::new()).unwrap()
}

#[tokio::test]
async fn a_preface_or_a_head_that_never_ends_is_cut_and_keeps_nobody_waiting() {
    let server = server(Bounds { head: SHORT, ..bounds() }).await;
    let mut slow = Vec::new();
    for beginning in ["PRI * HTTP/2.0\r\n\r\nSM", "GET / HTTP/1.1\r\nhost:"] {
        let mut stream = connect(&server).await;
        stream.write_all(beginning.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    is_served(&server).await;
    for mut stream in slow {
        assert_eq!(rest(&mut stream).await, b"");
    }
}

#[tokio::test]
async fn a_head_that_dribbles_on_a_connection_that_was_used_is_cut_too() {
    let server = server(Bounds { head: SHORT, ..bounds() }).await;
    let mut stream = connect(&server).await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = [0; 1024];
    let read = stream.read(&mut answer).await.unwrap();
    assert!(answer[..read].ends_with(b"hello"));
    let dribbled = async {
        while stream.write_all(b"G").await.is_ok() {
            tokio::time::sleep(SHORT / 10).await;
        }
    };
    tokio::time::timeout(LONG, dribbled).await.unwrap();
}

#[tokio::test]
async fn idle_connections_are_closed_on_both_versions() {
    let server = server(Bounds { idle: Some(SHORT), ..bounds() }).await;
    let mut stream = connect(&server).await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(rest(&mut stream).await.ends_with(b"hello"));
    let (mut client, ended) = h2_client(&server, 1 << 16).await;
    let answer = client.send_request(get()).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "hello");
    ended.await.unwrap();
}

#[tokio::test]
async fn old_connections_end_while_they_are_used_and_lose_nothing() {
    let server = server(Bounds { age: Some(SHORT), ..bounds() }).await;
    let (mut client, ended) = h2_client(&server, 1 << 16).await;
    let mut answers = 0;
    while client.ready().await.is_ok() {
        match client.send_request(get()).await {
            Ok(answer) => assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "hello"),
            // It was told before the request was on its way.
            Err(error) => assert!(error.is_closed() || error.is_canceled(), "{error:?}"),
        }
        answers += 1;
    }
    assert!(answers > 0);
    ended.await.unwrap();
}

#[tokio::test]
async fn an_answer_that_is_never_taken_ends_the_connection() {
    let server = server(Bounds { answer: SHORT, ..bounds() }).await;
    let (mut client, ended) = h2_client(&server, 0).await;
    let answer = client.send_request(get()).await.unwrap();
    is_served(&server).await;
    // Not a byte of it fits into the window.
    assert!(answer.into_body().collect().await.is_err());
    ended.await.unwrap();
}

#[tokio::test]
async fn a_client_that_does_not_end_when_it_is_told_is_cut() {
    let server = server(Bounds { idle: Some(SHORT), grace: SHORT, ..bounds() }).await;
    let mut stream = connect(&server).await;
    // The preface and empty settings, and then not even an answer to a ping.
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let told = rest(&mut stream).await;
    assert!(!told.is_empty());
}
