//! OTLP/gRPC: the `Export` calls, on the message's bytes as they are.
//!
//! tonic's own server side would work too; it copies each message once more, cannot be asked to charge bytes
//! as they arrive, and answers messages that are too large with a code that OTLP calls retryable. The framing of a
//! unary call is five bytes, so it is done here, and tonic writes the statuses.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tonic::{Code, Status};
use weir_otlp::Signal;
use weir_pipeline::{Cause, Exported, Refusal, catch_panic};

use super::GrpcSettings;
use super::body::{BodyLimits, gather, too_large};
use super::decompress::{Encoding, decompress};
use super::intake::Intake;
use super::reply::grpc_status;
use crate::wire::frame::{FrameHead, HEAD_BYTES};
use crate::wire::{grpc_path, partial};

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// The success of an `Export` with `partial_success` unset: an empty message.
const EMPTY_MESSAGE: &[u8] = &[0; HEAD_BYTES];

/// Serves the four services on one connection after another.
#[derive(Clone)]
pub(super) struct GrpcService {
    shared: Arc<Shared>,
}

struct Shared {
    limits: BodyLimits,
    intake: Arc<Intake>,
}

/// The body of an answer: a message and trailers, or nothing where the headers say it all.
pub(super) struct GrpcBody {
    message: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

/// What the head of a call says.
struct Call {
    signal: Signal,
    encoding: Encoding,
    deadline: Option<Instant>,
}

// === impl GrpcService ===

impl GrpcService {
    pub(super) fn new(settings: &GrpcSettings, intake: Arc<Intake>) -> Self {
        let limits = BodyLimits { bytes_max: settings.message_bytes_max, timeout: settings.body_timeout };
        GrpcService { shared: Arc::new(Shared { limits, intake }) }
    }
}

impl hyper::service::Service<Request<Incoming>> for GrpcService {
    type Response = Response<GrpcBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { Ok(shared.answer(request).await) })
    }
}

// === impl Shared ===

impl Shared {
    async fn answer(&self, request: Request<Incoming>) -> Response<GrpcBody> {
        // As the gRPC protocol has it: these peers would not understand a gRPC status.
        if !is_grpc(request.headers()) {
            return plain(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        }
        if request.method() != Method::POST {
            return plain(StatusCode::METHOD_NOT_ALLOWED);
        }
        let call = match self.call(&request) {
            Ok(call) => call,
            Err(status) => return refused(*status),
        };
        let outcome = match catch_panic(self.export(&call, request.into_body())).await {
            Ok(outcome) => outcome,
            Err(_) => Err(self.intake.panicked()),
        };
        self.intake.count_request(&outcome);
        match outcome {
            Ok(exported) => succeeded(&exported),
            Err(refusal) => refused(grpc_status(&refusal)),
        }
    }

    /// Reads the head. Boxed, since a status is large and rare.
    fn call<B>(&self, request: &Request<B>) -> Result<Call, Box<Status>> {
        let path = request.uri().path();
        let signal = Signal::ALL.into_iter().find(|&signal| grpc_path(signal) == path);
        let Some(signal) = signal.filter(|&signal| self.intake.takes(signal)) else {
            let message = "no such service here: no pipeline takes this signal, or the path is not OTLP's";
            return Err(Box::new(Status::unimplemented(message)));
        };
        let encoding = match request.headers().get("grpc-encoding") {
            None => Some(Encoding::Identity),
            Some(name) => name.to_str().ok().and_then(Encoding::by_name),
        };
        let Some(encoding) = encoding else {
            let message = "the grpc-encoding is not supported, use gzip, zstd or none";
            let mut status = Status::new(Code::Unimplemented, message);
            let supported = tonic::metadata::MetadataValue::from_static(Encoding::SUPPORTED);
            status.metadata_mut().insert("grpc-accept-encoding", supported);
            return Err(Box::new(status));
        };
        let deadline = request.headers().get("grpc-timeout").and_then(timeout);
        let deadline = deadline.and_then(|timeout| Instant::now().checked_add(timeout));
        Ok(Call { signal, encoding, deadline })
    }

    async fn export(&self, call: &Call, mut body: Incoming) -> Result<Exported, Refusal> {
        let admitted = self.intake.admit()?;
        let charge = admitted.charge();
        let limits =
            BodyLimits { bytes_max: self.limits.bytes_max.saturating_add(HEAD_BYTES as u64), ..self.limits };
        let announced = |arrived: &[u8]| {
            let head = FrameHead::decode(*arrived.first_chunk()?).ok()?;
            Some(u64::from(head.len) + HEAD_BYTES as u64)
        };
        let framed = gather(&mut body, limits, charge, announced).await.map_err(|refusal| {
            match refusal.cause {
                // The sender knows the message's size, not the frame's.
                Cause::TooLarge => too_large(self.limits.bytes_max),
                _ => refusal,
            }
        })?;
        let (is_compressed, message) = unframe(framed)?;
        let encoding = match (is_compressed, call.encoding) {
            (false, _) => Encoding::Identity,
            (true, Encoding::Identity) => {
                let text = "the message is marked as compressed, but grpc-encoding names no encoding";
                return Err(Refusal::permanent(Cause::Malformed, text));
            }
            (true, encoding) => encoding,
        };
        let payload = decompress(encoding, message, self.limits.bytes_max, charge).await?;
        self.intake.take(call.signal, payload, call.deadline, charge).await
    }
}

// === impl GrpcBody ===

impl GrpcBody {
    fn empty() -> Self {
        GrpcBody { message: None, trailers: None }
    }
}

impl Body for GrpcBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = match self.message.take() {
            Some(message) => Some(Frame::data(message)),
            None => self.trailers.take().map(Frame::trailers),
        };
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.message.is_none() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.message.as_ref().map_or(0, |message| message.len() as u64))
    }
}

fn succeeded(exported: &Exported) -> Response<GrpcBody> {
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = GrpcBody { message: Some(message(exported)), trailers: Some(trailers) };
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, GRPC);
    response
}

/// The answer's one message, in its frame.
fn message(exported: &Exported) -> Bytes {
    let answer = partial::encode(exported);
    let Ok(len) = u32::try_from(answer.len()) else { return Bytes::from_static(EMPTY_MESSAGE) };
    if answer.is_empty() {
        return Bytes::from_static(EMPTY_MESSAGE);
    }
    Bytes::from([FrameHead { is_compressed: false, len }.encode().as_slice(), &answer].concat())
}

fn refused(status: Status) -> Response<GrpcBody> {
    status.into_http::<()>().map(|()| GrpcBody::empty())
}

fn plain(status: StatusCode) -> Response<GrpcBody> {
    let mut response = Response::new(GrpcBody::empty());
    *response.status_mut() = status;
    response
}

/// Messages are in protobuf if the media type does not say in what. Those of gRPC-Web are framed otherwise.
fn is_grpc(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name = value.split(';').next().unwrap_or_default().trim();
    ["application/grpc", "application/grpc+proto"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Takes the one message of a unary call out of its frame.
fn unframe(framed: Bytes) -> Result<(bool, Bytes), Refusal> {
    let malformed = |text: String| Refusal::permanent(Cause::Malformed, text);
    let Some(head) = framed.first_chunk() else {
        return Err(malformed("the call holds no message".to_owned()));
    };
    let head = FrameHead::decode(*head).map_err(|error| malformed(error.to_string()))?;
    let message = framed.slice(HEAD_BYTES..);
    match (message.len() as u64).cmp(&u64::from(head.len)) {
        std::cmp::Ordering::Equal => Ok((head.is_compressed, message)),
        std::cmp::Ordering::Less => Err(malformed("the message is shorter than it says".to_owned())),
        std::cmp::Ordering::Greater => Err(malformed("the call holds more than one message".to_owned())),
    }
}

/// Reads `grpc-timeout`: at most eight digits and a unit. Nonsense counts as no timeout, as elsewhere in gRPC.
fn timeout(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_in_every_unit_and_nonsense_is_none() {
        for (text, expected) in [
            ("1H", Some(Duration::from_secs(3600))),
            ("2M", Some(Duration::from_secs(120))),
            ("10S", Some(Duration::from_secs(10))),
            ("99999999m", Some(Duration::from_millis(99_999_999))),
            ("7u", Some(Duration::from_micros(7))),
            ("8n", Some(Duration::from_nanos(8))),
            ("123456789S", None),
            ("S", None),
            ("", None),
            ("-1S", None),
            ("5", None),
        ] {
            assert_eq!(timeout(&HeaderValue::from_str(text).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn a_call_holds_exactly_one_whole_message() {
        let frame = |bytes: &[u8]| unframe(Bytes::copy_from_slice(bytes));
        assert_eq!(frame(&[0, 0, 0, 0, 2, 8, 9]).unwrap(), (false, Bytes::from_static(&[8, 9])));
        assert_eq!(frame(&[1, 0, 0, 0, 0]).unwrap(), (true, Bytes::new()));
        for bad in [
            &[][..],
            &[0, 0, 0, 0][..],
            &[0, 0, 0, 0, 2, 8][..],
            &[0, 0, 0, 0, 1, 8, 9][..],
            &[9, 0, 0, 0, 0][..],
        ] {
            assert_eq!(frame(bad).unwrap_err().cause, Cause::Malformed, "{bad:?}");
        }
    }
}
