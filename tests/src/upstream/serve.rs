//! The sockets of a fake upstream: HTTP/1.1 and HTTP/2 on one port; gRPC is told by its content type.

use std::convert::Infallible;
use std::io::Read;
use std::sync::{Arc, Mutex};

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Notify, watch};
use tokio_rustls::TlsAcceptor;

use super::answer::retry_details;
use super::{Answer, Fault, Raw, Received, State};
use crate::Signal;

type Body = BoxBody<Bytes, Infallible>;
type Shared = Arc<Mutex<State>>;

/// What stands before the paths of OTLP where Prometheus takes it.
const PROMETHEUS: &str = "/api/v1/otlp";

/// What an answer does to its connection.
#[derive(Default)]
struct Fate {
    /// It is closed at once.
    reset: Notify,
    /// It takes no more requests.
    goaway: Notify,
}

/// Serves until it is told to drain; then lets the connections end, with GOAWAY or `connection: close`.
pub(super) async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    state: Shared,
    mut draining: watch::Receiver<bool>,
) {
    // The connections end with the listener: an upstream that stops takes everything with it.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => return,
            },
            _ = draining.wait_for(|draining| *draining) => break,
        };
        while connections.try_join_next().is_some() {}
        let (tls, state, draining) = (tls.clone(), Arc::clone(&state), draining.clone());
        connections.spawn(async move {
            match tls {
                None => connection(stream, state, draining).await,
                // A client that does not like the certificate goes away by itself.
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        connection(stream, state, draining).await;
                    }
                }
            }
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// The same on a Unix socket, for ever.
pub(super) async fn accept_unix(listener: UnixListener, state: Shared, draining: watch::Receiver<bool>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        connections.spawn(connection(stream, Arc::clone(&state), draining.clone()));
    }
}

async fn connection<S>(stream: S, state: Shared, mut draining: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let fate = Arc::new(Fate::default());
    let answering = Arc::clone(&fate);
    let service = service_fn(move |request| answer(request, Arc::clone(&state), Arc::clone(&answering)));
    let builder = auto::Builder::new(TokioExecutor::new());
    let mut serving = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    loop {
        tokio::select! {
            _ = &mut serving => return,
            () = fate.reset.notified() => return,
            () = fate.goaway.notified() => serving.as_mut().graceful_shutdown(),
            _ = draining.wait_for(|draining| *draining) => break,
        }
    }
    serving.as_mut().graceful_shutdown();
    tokio::select! {
        _ = serving => {}
        () = fate.reset.notified() => {}
    }
}

async fn answer(
    request: Request<Incoming>,
    state: Shared,
    fate: Arc<Fate>,
) -> Result<Response<Body>, Infallible> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let path = path.strip_prefix(PROMETHEUS).unwrap_or(path);
    let Some(signal) = Signal::of_path(path) else { return Ok(plain(404)) };
    // A sender that goes away in the middle has delivered nothing.
    let Ok(body) = body.collect().await else { return Ok(plain(400)) };
    let is_grpc = header(&parts.headers, "content-type").starts_with("application/grpc");
    let Some((body, encoding)) = message(is_grpc, &parts.headers, body.to_bytes()) else {
        return Ok(plain(400));
    };
    let (answer, index) = remember(
        &state,
        Received {
            at: std::time::Instant::now(),
            signal,
            body,
            encoding,
            headers: parts.headers,
            accepted: false,
        },
    );
    match &answer {
        Answer::Hold(gate) => gate.pass().await,
        Answer::Reset => {
            fate.reset.notify_one();
            std::future::pending::<()>().await;
        }
        Answer::Raw(raw) => return Ok(raw_response(raw)),
        Answer::Faulty(Fault::Goaway) => fate.goaway.notify_one(),
        Answer::Faulty(Fault::Slow(delay)) => tokio::time::sleep(*delay).await,
        _ => {}
    }
    if answer.accepts(is_grpc)
        && let Some(received) = state.lock().expect("no handler panics").received.get_mut(index)
    {
        received.accepted = true;
    }
    Ok(if is_grpc { grpc_response(&answer) } else { http_response(&answer) })
}

fn remember(state: &Shared, received: Received) -> (Answer, usize) {
    let mut state = state.lock().expect("no handler panics");
    let answer = match (state.script.pop_front(), &state.chooser) {
        (Some(answer), _) => answer,
        (None, Some(choose)) => choose(&received),
        (None, None) => state.always.clone(),
    };
    if state.is_forgetful {
        return (answer, usize::MAX);
    }
    state.received.push(received);
    (answer, state.received.len() - 1)
}

/// The message without framing and compression, and the name of the compression.
fn message(is_grpc: bool, headers: &HeaderMap, body: Bytes) -> Option<(Bytes, String)> {
    if !is_grpc {
        let encoding = header(headers, "content-encoding").to_owned();
        return Some((decompress(&encoding, &body)?, encoding));
    }
    let (frame, message) = body.split_at_checked(5)?;
    let length = u32::from_be_bytes(frame[1..].try_into().ok()?);
    if length as usize != message.len() {
        return None;
    }
    let encoding = if frame[0] == 1 { header(headers, "grpc-encoding") } else { "" };
    Some((decompress(encoding, message)?, encoding.to_owned()))
}

fn decompress(encoding: &str, bytes: &[u8]) -> Option<Bytes> {
    let mut plain = Vec::new();
    match encoding {
        "" | "identity" | "none" => plain.extend_from_slice(bytes),
        "gzip" => drop(flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain).ok()?),
        "zstd" => plain = zstd::decode_all(bytes).ok()?,
        _ => return None,
    }
    Some(plain.into())
}

fn grpc_response(answer: &Answer) -> Response<Body> {
    let mut response = Response::new(empty());
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    if let Answer::Grpc(code, delay) = answer {
        let status = match delay {
            Some(delay) => tonic::Status::with_details(*code, "scripted", retry_details(*code, *delay)),
            None => tonic::Status::new(*code, "scripted"),
        };
        status.add_header(response.headers_mut()).expect("a status of plain text");
        return response;
    }
    if let Answer::Http(status, _) = answer {
        return plain(*status);
    }
    let message = answer.response();
    let mut frame = BytesMut::with_capacity(5 + message.len());
    frame.put_u8(0);
    frame.put_u32(message.len() as u32);
    frame.put(message);
    let trailers =
        HeaderMap::from_iter([("grpc-status".parse().expect("a name"), HeaderValue::from_static("0"))]);
    if matches!(answer, Answer::Faulty(Fault::NoTrailers)) {
        *response.body_mut() = Full::new(frame.freeze()).boxed();
        return response;
    }
    *response.body_mut() = Full::new(frame.freeze()).with_trailers(async { Some(Ok(trailers)) }).boxed();
    response
}

fn http_response(answer: &Answer) -> Response<Body> {
    let mut response = plain(if let Answer::Http(status, _) = answer { *status } else { 200 });
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/x-protobuf"));
    if let Answer::Http(_, Some(delay)) = answer {
        response.headers_mut().insert("retry-after", HeaderValue::from_static(delay));
    }
    *response.body_mut() = Full::new(answer.response()).boxed();
    response
}

fn raw_response(raw: &Raw) -> Response<Body> {
    let mut response = plain(raw.status);
    *response.headers_mut() = header_map(&raw.headers);
    let body = Full::new(raw.body.clone());
    *response.body_mut() = match raw.trailers.is_empty() {
        true => body.boxed(),
        false => {
            let trailers = header_map(&raw.trailers);
            body.with_trailers(async { Some(Ok(trailers)) }).boxed()
        }
    };
    response
}

fn header_map(headers: &[(&'static str, Vec<u8>)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, HeaderValue::from_bytes(value).expect("bytes that a header may hold"));
    }
    map
}

fn plain(status: u16) -> Response<Body> {
    let mut response = Response::new(empty());
    *response.status_mut() = status.try_into().expect("a status between 100 and 999");
    response
}

fn empty() -> Body {
    Full::new(Bytes::new()).boxed()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
}
