//! What no plugin touches arrives byte for byte.

use bytes::{BufMut, Bytes, BytesMut};
use serde_json::json;
use weir_tests::build::source_file;
use weir_tests::guest::Guest;
use weir_tests::{GrpcSender, HttpSender, Launch, Signal, Upstream, Weir, requests};

/// A request with a field that no version of OTLP has: number 1000, at the top and inside the resource.
fn with_unknown_fields(signal: Signal) -> Bytes {
    let unknown = [0xc2, 0x3e, 3, b'n', b'e', b'w'];
    let mut body = BytesMut::from(&requests::unique(signal, "unknown", 3)[..]);
    body.put_slice(&unknown);
    // A second resource entry with nothing in it but the unknown field.
    body.put_slice(&[0x0a, unknown.len() as u8]);
    body.put_slice(&unknown);
    body.freeze()
}

async fn send_both_ways(weir: &Weir, signal: Signal, body: &Bytes) {
    GrpcSender::new(weir.ports.grpc).send(signal, body.clone()).await.unwrap();
    let reply = HttpSender::new(weir.ports.http).send(signal, body.clone()).await;
    assert_eq!((reply.status, reply.body.len()), (200, 0), "partial_success is unset");
    assert_eq!(reply.header("content-type"), "application/x-protobuf");
}

async fn arrives_unchanged(launch: Launch, upstream: &Upstream) {
    let weir = launch.start().await;
    for (number, signal) in Signal::READ.into_iter().enumerate() {
        let body = with_unknown_fields(signal);
        send_both_ways(&weir, signal, &body).await;
        let delivered = upstream.deliveries(2 * number + 2).await;
        for one in &delivered[2 * number..] {
            assert_eq!((one.signal, &one.body), (signal, &body));
        }
    }
}

#[tokio::test]
async fn over_grpc_requests_arrive_byte_for_byte_with_their_unknown_fields() {
    let upstream = Upstream::start().await;
    arrives_unchanged(Launch::new().to_grpc(&upstream.address()), &upstream).await;
}

#[tokio::test]
async fn over_http_requests_arrive_byte_for_byte_with_their_unknown_fields() {
    let upstream = Upstream::start().await;
    arrives_unchanged(Launch::new().to_http(&upstream.address()), &upstream).await;
}

#[tokio::test]
async fn a_plugin_that_changes_nothing_changes_no_byte() {
    let upstream = Upstream::start().await;
    let plugins = tempfile::tempdir().unwrap();
    let plugin = Guest::Read.install(plugins.path(), "read");
    let launch = Launch::new().to_grpc(&upstream.address()).processor("wasm/read", json!({"plugin": plugin}));
    arrives_unchanged(launch, &upstream).await;
}

#[tokio::test]
async fn recorded_requests_of_the_python_sdk_arrive_byte_for_byte_through_a_plugin_that_only_reads() {
    let upstream = Upstream::start().await;
    let plugins = tempfile::tempdir().unwrap();
    let plugin = Guest::Read.install(plugins.path(), "read");
    let launch = Launch::new().to_grpc(&upstream.address()).processor("wasm/read", json!({"plugin": plugin}));
    let weir = launch.start().await;
    let sender = GrpcSender::new(weir.ports.grpc);
    for (signal, name) in
        [(Signal::Traces, "traces-1"), (Signal::Metrics, "metrics-1"), (Signal::Logs, "logs-1")]
    {
        let body = Bytes::from(std::fs::read(source_file(format!("recorded/{name}.bin"))).unwrap());
        sender.send(signal, body.clone()).await.unwrap();
        assert_eq!(upstream.delivered().last().map(|one| &one.body), Some(&body), "{name}");
    }
}

#[tokio::test]
async fn profiles_pass_untouched() {
    let upstream = Upstream::start().await;
    let mut launch = Launch::new().to_grpc(&upstream.address());
    let pipeline = launch.config["service"]["pipelines"]["traces"].clone();
    launch.config["service"]["pipelines"]["profiles"] = pipeline;
    let weir = launch.start().await;
    let body = Bytes::from_static(&[0x0a, 4, 0x1a, 2, b'h', b'i']);
    send_both_ways(&weir, Signal::Profiles, &body).await;
    for one in upstream.deliveries(2).await {
        assert_eq!((one.signal, one.body), (Signal::Profiles, body.clone()));
    }
}

#[tokio::test]
async fn an_empty_request_succeeds() {
    let upstream = Upstream::start().await;
    let weir = Launch::new().to_grpc(&upstream.address()).start().await;
    for signal in Signal::READ {
        send_both_ways(&weir, signal, &Bytes::new()).await;
    }
}

#[tokio::test]
async fn a_signal_without_a_pipeline_is_refused_and_not_lost_silently() {
    let upstream = Upstream::start().await;
    let mut launch = Launch::new().to_grpc(&upstream.address());
    launch.config["service"]["pipelines"].as_object_mut().unwrap().remove("logs");
    let weir = launch.start().await;
    let body = requests::unique(Signal::Logs, "nowhere", 1);
    let status = GrpcSender::new(weir.ports.grpc).send(Signal::Logs, body.clone()).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unimplemented);
    assert_eq!(HttpSender::new(weir.ports.http).send(Signal::Logs, body).await.status, 404);
}
