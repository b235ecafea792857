//! The endpoint that serves the page. Each page is written when it is asked for; a bounded number of them at a time is in memory.

use std::convert::Infallible;
use std::future::Future;
use std::io::Write;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, VARY};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::Service;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::negotiate::Accepted;
use super::{PrometheusExporter, page};

/// Where the page is, as in the Collector.
const SCRAPE_PATH: &str = "/metrics";

/// Pages at a time, from the first look until the reader has taken the last byte. Prometheus asks for one every few seconds.
const PAGES_MAX: usize = 8;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Answers scrapes of one exporter.
#[derive(Clone)]
pub(super) struct Scrapes {
    exporter: Option<Arc<PrometheusExporter>>,
    response_headers: HeaderMap,
    pages: Arc<Semaphore>,
}

/// An answer that holds its place among the pages.
pub(super) struct PageBody {
    body: Full<Bytes>,
    #[expect(dead_code, reason = "it is there to be dropped")]
    place: Option<OwnedSemaphorePermit>,
}

impl Scrapes {
    pub(super) fn new(exporter: Option<Arc<PrometheusExporter>>, response_headers: HeaderMap) -> Self {
        Scrapes { exporter, response_headers, pages: Arc::new(Semaphore::new(PAGES_MAX)) }
    }

    async fn answer(&self, method: &Method, path: &str, headers: &HeaderMap) -> Response<PageBody> {
        let Some(exporter) = self.exporter.clone().filter(|_| path == SCRAPE_PATH) else {
            let text = format!("404 page not found, try {SCRAPE_PATH}\n");
            return PageBody::text(StatusCode::NOT_FOUND, text);
        };
        if !matches!(*method, Method::GET | Method::HEAD) {
            return PageBody::text(StatusCode::METHOD_NOT_ALLOWED, "405 method not allowed\n");
        }
        let Ok(place) = Arc::clone(&self.pages).try_acquire_owned() else {
            let mut response =
                PageBody::text(StatusCode::SERVICE_UNAVAILABLE, "503 too many scrapes at a time\n");
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            return response;
        };
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let accepted = Accepted::of(text(ACCEPT), exporter.with_openmetrics);
        let is_gzip = takes_gzip(text(ACCEPT_ENCODING));
        // Sockets are served on this thread, and a page may take a while.
        let written = tokio::task::spawn_blocking(move || {
            let page = {
                let mut store = exporter.store.blocking_lock();
                page::write(&mut store, accepted, exporter.send_timestamps, Instant::now())
            };
            if is_gzip { gzip(&page) } else { page }
        });
        let Ok(body) = written.await else {
            return PageBody::text(StatusCode::INTERNAL_SERVER_ERROR, "500 the page cannot be written\n");
        };
        let mut response = Response::new(PageBody { body: Full::from(body), place: Some(place) });
        let headers = response.headers_mut();
        // It is made of nothing but ASCII.
        if let Ok(content_type) = HeaderValue::try_from(accepted.content_type()) {
            headers.insert(CONTENT_TYPE, content_type);
        }
        headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
        if is_gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}

impl Service<Request<Incoming>> for Scrapes {
    type Response = Response<PageBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let (head, _) = request.into_parts();
            let mut response = this.answer(&head.method, head.uri.path(), &head.headers).await;
            response.headers_mut().extend(this.response_headers);
            Ok(response)
        })
    }
}

impl PageBody {
    fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Self> {
        let mut response = Response::new(PageBody { body: Full::new(text.into()), place: None });
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, TEXT);
        response
    }
}

impl Body for PageBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Whether a reader takes gzip: it has to name it.
fn takes_gzip(accept_encoding: &str) -> bool {
    accept_encoding.split(',').any(|coding| {
        let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = parameters.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f32>);
        name.trim().eq_ignore_ascii_case("gzip") && weight.is_ok_and(|weight| weight > 0.0)
    })
}

fn gzip(page: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(page.len() / 8), Compression::fast());
    // Writing to memory does not fail.
    let _ = encoder.write_all(page);
    encoder.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_for_those_who_name_it() {
        for (header, takes) in [
            ("", false),
            ("gzip", true),
            ("deflate, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip;q=x", false),
            ("*", false),
        ] {
            assert_eq!(takes_gzip(header), takes, "{header}");
        }
    }
}
