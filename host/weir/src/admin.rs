//! What operators ask weir over HTTP: whether it is ready (`health_check`), and its metrics.
//!
//! Both are small HTTP/1 servers on the sockets' runtime, where no guest ever runs: they answer whatever plugins do.

mod health;
mod metrics;
mod plugins;

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto::Builder;

use crate::listen::{Bounds, Front};

pub(crate) use health::rfc3339;
pub use health::{Health, Phase, health_front};
pub use metrics::{METRICS_PATH, metrics_front};
pub(crate) use plugins::interest_page;
pub use plugins::{PLUGINS_PATH, PluginsStatus, Trouble};

/// How long the head of a request may take; a probe sends it at once.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection without a request is kept: longer than the minute between two scrapes that many have.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// A front for HTTP/1 without TLS.
fn front<S>(service: S) -> Front
where
    S: hyper::service::Service<Request<Incoming>, Response = Response<Full<Bytes>>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send + Unpin + 'static,
{
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().header_read_timeout(None);
    let bounds = Bounds { head: HEADER_TIMEOUT, idle: Some(IDLE_TIMEOUT), ..Bounds::default() };
    Front::new(builder, bounds, None, service)
}

fn reply(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::listen::Bound;
    use crate::telemetry::Telemetry;

    async fn get(address: SocketAddr, path: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: weir\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// Plugins that one bool stands for.
    #[derive(Default)]
    struct Plugins(AtomicBool);

    impl PluginsStatus for Plugins {
        fn is_ready(&self) -> bool {
            self.0.load(Ordering::Relaxed)
        }

        fn troubles(&self) -> Vec<Trouble> {
            let trouble = Trouble { plugin: "redact".to_owned(), state: "loading" };
            if self.is_ready() { Vec::new() } else { vec![trouble] }
        }

        fn page(&self) -> serde_json::Value {
            serde_json::json!({"plugins": []})
        }
    }

    #[tokio::test]
    async fn health_is_unavailable_until_all_is_ready_and_again_when_weir_stops() {
        let plugins = Arc::new(Plugins::default());
        let health = Arc::new(Health::new(Arc::clone(&plugins) as Arc<dyn PluginsStatus>));
        let bound = Bound::bind("127.0.0.1:0").await.unwrap();
        let server = bound.serve(health_front("/", Arc::clone(&health)));
        let address = server.address().tcp().unwrap();

        assert!(get(address, "/").await.starts_with("HTTP/1.1 503"));
        health.set(Phase::Running);
        let not_loaded = get(address, "/").await;
        assert!(not_loaded.contains(r#"{"status":"Server not available""#), "{not_loaded}");
        assert!(not_loaded.contains(r#""plugins":[{"plugin":"redact","state":"loading"}]"#), "{not_loaded}");
        assert!(get(address, "/plugins").await.ends_with(r#"{"plugins":[]}"#));
        plugins.0.store(true, Ordering::Relaxed);
        let ready = get(address, "/?verbose").await;
        assert!(!ready.contains("plugins"), "{ready}");
        assert!(ready.starts_with("HTTP/1.1 200"), "{ready}");
        assert!(ready.contains(r#"{"status":"Server available","upSince":"2"#), "{ready}");
        assert!(get(address, "/other").await.starts_with("HTTP/1.1 404"));
        health.set(Phase::Stopping);
        assert!(get(address, "/").await.starts_with("HTTP/1.1 503"));
    }

    #[tokio::test]
    async fn metrics_are_on_their_path_and_elsewhere_is_a_hint() {
        let telemetry = Arc::new(Telemetry::new().unwrap());
        let server = Bound::bind("127.0.0.1:0").await.unwrap().serve(metrics_front(telemetry));
        let metrics = get(server.address().tcp().unwrap(), "/metrics").await;
        assert!(metrics.contains("content-type: text/plain; version=0.0.4"), "{metrics}");
        assert!(metrics.contains("otelcol_process_uptime_seconds_total"), "{metrics}");
        let elsewhere = get(server.address().tcp().unwrap(), "/").await;
        assert!(elsewhere.starts_with("HTTP/1.1 404"), "{elsewhere}");
        assert!(elsewhere.contains("/metrics"), "{elsewhere}");
    }
}
