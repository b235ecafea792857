//! OTLP/HTTP: `POST` of protobuf and JSON bodies over HTTP/1.1 and HTTP/2.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body_util::Full;
use hyper::body::Incoming;
use weir_otlp::Signal;
use weir_pipeline::{Cause, Exported, Refusal, catch_panic};

use super::body::{BodyLimits, discard, gather, too_large};
use super::decompress::{Encoding, decompress};
use super::intake::Intake;
use super::media::Media;
use super::reply::{HttpBody, http_refusal};
use super::{CorsSettings, HttpPaths, HttpSettings};

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Serves one connection after another.
#[derive(Clone)]
pub(super) struct HttpService {
    shared: Arc<Shared>,
}

struct Shared {
    limits: BodyLimits,
    paths: HttpPaths,
    cors: CorsSettings,
    response_headers: HeaderMap,
    intake: Arc<Intake>,
}

// === impl HttpService ===

impl HttpService {
    pub(super) fn new(settings: &HttpSettings, intake: Arc<Intake>) -> Self {
        let limits = BodyLimits { bytes_max: settings.body_bytes_max, timeout: settings.body_timeout };
        let (paths, cors) = (settings.paths.clone(), settings.cors.clone());
        let response_headers = settings.response_headers.clone();
        HttpService { shared: Arc::new(Shared { limits, paths, cors, response_headers, intake }) }
    }
}

impl hyper::service::Service<Request<Incoming>> for HttpService {
    type Response = Response<HttpBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { Ok(shared.answer(request).await) })
    }
}

// === impl Shared ===

impl Shared {
    async fn answer(&self, request: Request<Incoming>) -> Response<HttpBody> {
        let version = request.version();
        let (head, mut body) = request.into_parts();
        let mut response = match self.cors.is_preflight(&head.method, &head.headers) {
            true => self.preflight(&head.headers),
            false => {
                let mut response = self.export_and_answer(version, &head, &mut body).await;
                self.cors.mark(&head.headers, response.headers_mut());
                response
            }
        };
        response.headers_mut().extend(self.response_headers.clone());
        response
    }

    /// Answered before anything else is looked at: a browser sends it without what the request itself will have.
    fn preflight(&self, asked: &HeaderMap) -> Response<HttpBody> {
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::NO_CONTENT;
        self.cors.answer_preflight(asked, response.headers_mut());
        response
    }

    async fn export_and_answer(
        &self,
        version: Version,
        head: &http::request::Parts,
        body: &mut Incoming,
    ) -> Response<HttpBody> {
        let (signal, media) = match self.signal(head) {
            Ok(known) => known,
            Err(response) => {
                self.let_finish(version, &head.headers, body).await;
                return *response;
            }
        };
        let outcome = match catch_panic(self.export(signal, media, &head.headers, body)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(self.intake.panicked()),
        };
        self.intake.count_request(&outcome);
        match outcome {
            Ok(exported) => succeeded(media, signal, &exported),
            Err(refusal) => {
                self.let_finish(version, &head.headers, body).await;
                http_refusal(&refusal, media)
            }
        }
    }

    /// Reads the head: which signal, written how, or the answer to a request that is none of OTLP's. Boxed, since it is large and rare.
    fn signal(&self, head: &http::request::Parts) -> Result<(Signal, Media), Box<Response<HttpBody>>> {
        let path = head.uri.path();
        let paths = [
            (self.paths.traces.as_str(), Signal::Traces),
            (self.paths.metrics.as_str(), Signal::Metrics),
            (self.paths.logs.as_str(), Signal::Logs),
            (self.paths.profiles.as_str(), Signal::Profiles),
        ];
        let signal = paths.into_iter().find(|(known, _)| *known == path).map(|(_, signal)| signal);
        let Some(signal) = signal.filter(|&signal| self.intake.takes(signal)) else {
            return Err(Box::new(text(StatusCode::NOT_FOUND, "404 page not found")));
        };
        if head.method != Method::POST {
            let answer = "405 method not allowed, supported: [POST]";
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, answer);
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return Err(Box::new(response));
        }
        match Media::of(&head.headers) {
            Some(Media::Json) if signal == Signal::Profiles => {
                let answer = "415 unsupported media type, supported for profiles: [application/x-protobuf]";
                Err(Box::new(text(StatusCode::UNSUPPORTED_MEDIA_TYPE, answer)))
            }
            Some(media) => Ok((signal, media)),
            None => {
                let answer = format!("415 unsupported media type, supported: {}", Media::SUPPORTED);
                Err(Box::new(text(StatusCode::UNSUPPORTED_MEDIA_TYPE, answer)))
            }
        }
    }

    async fn export(
        &self,
        signal: Signal,
        media: Media,
        headers: &HeaderMap,
        body: &mut Incoming,
    ) -> Result<Exported, Refusal> {
        let encoding = encoding(headers)?;
        let admitted = self.intake.admit()?;
        let charge = admitted.charge();
        let content_length = content_length(headers);
        if content_length.is_some_and(|len| len > self.limits.bytes_max) {
            return Err(too_large(self.limits.bytes_max));
        }
        let body = gather(body, self.limits, charge, |_| content_length).await?;
        let body = decompress(encoding, body, self.limits.bytes_max, charge).await?;
        let payload = media.decode(signal, body, charge).await?;
        self.intake.take(signal, payload, None, charge).await
    }

    /// Lets an HTTP/1 client finish writing before it is answered, unless it waits for leave to write.
    async fn let_finish(&self, version: Version, headers: &HeaderMap, body: &mut Incoming) {
        if version < Version::HTTP_2 && !headers.contains_key(EXPECT) {
            discard(body, self.limits).await;
        }
    }
}

fn succeeded(media: Media, signal: Signal, exported: &Exported) -> Response<HttpBody> {
    let mut response = Response::new(Full::new(media.success(signal, exported)));
    response.headers_mut().insert(CONTENT_TYPE, media.content_type());
    response
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<HttpBody> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, TEXT);
    response
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Refusal> {
    let known = match headers.get(CONTENT_ENCODING) {
        None => Some(Encoding::Identity),
        Some(name) => name.to_str().ok().and_then(Encoding::by_name),
    };
    known.ok_or_else(|| {
        let text = format!("the content-encoding is not supported, supported: {}", Encoding::SUPPORTED);
        Refusal::permanent(Cause::Malformed, text)
    })
}
