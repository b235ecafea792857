//! The scrape endpoint of weir's own metrics.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::Service;

use super::{front, reply};
use crate::listen::Front;
use crate::telemetry::{TEXT_FORMAT, Telemetry};

/// Where the metrics are.
pub const METRICS_PATH: &str = "/metrics";

const TEXT: &str = "text/plain; charset=utf-8";

/// Answers scrapes.
pub fn metrics_front(telemetry: Arc<Telemetry>) -> Front {
    front(MetricsService { telemetry })
}

#[derive(Clone)]
struct MetricsService {
    telemetry: Arc<Telemetry>,
}

impl Service<Request<Incoming>> for MetricsService {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        ready(Ok(self.answer(&request)))
    }
}

impl MetricsService {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if request.uri().path() != METRICS_PATH {
            return reply(StatusCode::NOT_FOUND, TEXT, format!("404 page not found, try {METRICS_PATH}\n"));
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return reply(StatusCode::METHOD_NOT_ALLOWED, TEXT, "405 method not allowed\n");
        }
        match self.telemetry.render() {
            Ok(text) => reply(StatusCode::OK, TEXT_FORMAT, text),
            Err(error) => {
                tracing::error!(%error, "could not write the metrics");
                reply(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "500 the metrics cannot be written\n")
            }
        }
    }
}
