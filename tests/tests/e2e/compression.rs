//! Compression on the way in and on the way out.

use serde_json::json;
use tonic::codec::CompressionEncoding;
use weir_tests::sender::{gzip, zstd};
use weir_tests::{GrpcSender, HttpSender, Launch, Signal, Upstream, requests};

#[tokio::test]
async fn gzip_and_zstd_are_taken_over_grpc() {
    let upstream = Upstream::start().await;
    let weir = Launch::new().to_grpc(&upstream.address()).start().await;
    for (number, encoding) in [CompressionEncoding::Gzip, CompressionEncoding::Zstd].into_iter().enumerate() {
        let body = requests::unique(Signal::Traces, "packed", 50);
        let sender = GrpcSender::new(weir.ports.grpc).compressed(encoding);
        sender.send(Signal::Traces, body.clone()).await.unwrap();
        assert_eq!(upstream.delivered()[number].body, body);
    }
}

#[tokio::test]
async fn gzip_zstd_and_identity_are_taken_over_http() {
    let upstream = Upstream::start().await;
    let weir = Launch::new().to_http(&upstream.address()).start().await;
    let sender = HttpSender::new(weir.ports.http);
    let body = requests::unique(Signal::Logs, "packed", 50);
    let halves = body.split_at(body.len() / 2);
    // A gzip file may consist of several members one after the other.
    let members = [gzip(halves.0), gzip(halves.1)].concat();
    let packed =
        [("gzip", gzip(&body)), ("gzip", members), ("zstd", zstd(&body)), ("identity", body.to_vec())];
    for (number, (encoding, bytes)) in packed.into_iter().enumerate() {
        let reply = sender.send_encoded(Signal::Logs, encoding, bytes).await;
        assert_eq!(reply.status, 200, "{encoding}: {}", reply.text());
        assert_eq!(upstream.delivered()[number].body, body, "{encoding}");
    }
}

#[tokio::test]
async fn exporters_compress_as_they_are_told_and_with_gzip_by_default() {
    let upstream = Upstream::start().await;
    let http = format!("http://{}", upstream.address());
    let grpc = |compression: Option<&str>| {
        let mut settings = json!({"endpoint": upstream.address(), "tls": {"insecure": true}});
        if let Some(compression) = compression {
            settings["compression"] = json!(compression);
        }
        settings
    };
    let cases = [
        ("otlp_grpc", grpc(None), "gzip"),
        ("otlp_grpc", grpc(Some("zstd")), "zstd"),
        ("otlp_grpc", grpc(Some("none")), ""),
        ("otlp_http", json!({"endpoint": http}), "gzip"),
        ("otlp_http", json!({"endpoint": http, "compression": "zstd"}), "zstd"),
        ("otlp_http", json!({"endpoint": http, "compression": "none"}), ""),
        ("otlp", grpc(None), "gzip"),
        ("otlphttp", json!({"endpoint": http}), "gzip"),
    ];
    let body = requests::unique(Signal::Metrics, "out", 50);
    for (number, (exporter, settings, encoding)) in cases.into_iter().enumerate() {
        let weir = Launch::new().exporter(exporter, settings.clone()).start().await;
        GrpcSender::new(weir.ports.grpc).send(Signal::Metrics, body.clone()).await.unwrap();
        let delivered = upstream.delivered();
        assert_eq!(delivered[number].encoding, encoding, "{exporter} {settings}");
        assert_eq!(delivered[number].body, body);
    }
}
