//! The `prometheus` exporter: its page in every format, read by programs that are not weir's; and its endpoint, which is there and
//! goes away with the configuration.

mod comparison;
pub mod corpus;
mod endpoint;
mod formats;
mod prometheus;

use bytes::Bytes;
use http_body_util::Full;
use prost::Message;
use serde_json::{Value, json};
use weir_tests::http::Reply;
use weir_tests::ports::free_port;
use weir_tests::{HttpSender, Launch, Signal, Weir, http};

use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};

/// A weir whose metrics are scraped.
struct Scraped {
    weir: Weir,
    port: u16,
}

/// A configuration with one pipeline, of metrics to a `prometheus` exporter on this port.
fn launch(port: u16, settings: Value) -> Launch {
    let mut launch = Launch::new();
    launch.config["exporters"]["prometheus"] = settings;
    launch.config["exporters"]["prometheus"]["endpoint"] = json!(format!("127.0.0.1:{port}"));
    launch.config["service"]["pipelines"] =
        json!({"metrics": {"receivers": ["otlp"], "exporters": ["prometheus"]}});
    launch
}

impl Scraped {
    async fn start(settings: Value) -> Scraped {
        let port = free_port();
        Scraped { weir: launch(port, settings).start().await, port }
    }

    /// Sends metrics, which have to be taken but for so many points.
    async fn send(&self, request: &ExportMetricsServiceRequest, refused: i64) -> String {
        let body = request.encode_to_vec();
        let reply = HttpSender::new(self.weir.ports.http).send(Signal::Metrics, body).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let answer =
            ExportMetricsServiceResponse::decode(reply.body).unwrap().partial_success.unwrap_or_default();
        assert_eq!(answer.rejected_data_points, refused, "{}", answer.error_message);
        answer.error_message
    }

    /// Scrapes in the format that is asked for.
    async fn page(&self, accept: &str) -> Reply {
        scrape(self.port, &[("accept", accept)]).await
    }

    async fn text(&self) -> String {
        self.page("text/plain;version=0.0.4").await.text()
    }
}

async fn scrape(port: u16, headers: &[(&str, &str)]) -> Reply {
    let mut request = ::http::Request::get("/metrics").header("host", "localhost");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::new())).unwrap();
    let reply = http::send(port, request).await.expect("the page is there");
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply
}
