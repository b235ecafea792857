//! Malformed and hostile requests over gRPC: each gets the right status, and nobody else notices.

use bytes::Bytes;
use prost::Message;
use serde_json::json;
use tonic::Code;
use tonic::codec::CompressionEncoding;
use weir_tests::guest::Guest;
use weir_tests::h2::{call, frame};
use weir_tests::requests::{self, attribute, log, logs, map, text};
use weir_tests::sender::gzip;
use weir_tests::{GrpcSender, Launch, Signal, Upstream, Weir};

const LIMIT: usize = 1 << 20;

/// A weir that takes messages of one MiB and whose chain reads every item, and an upstream.
async fn reading() -> (Upstream, Weir, tempfile::TempDir) {
    let upstream = Upstream::start().await;
    let plugins = tempfile::tempdir().unwrap();
    let plugin = Guest::Read.install(plugins.path(), "read");
    let mut launch =
        Launch::new().to_grpc(&upstream.address()).processor("wasm/read", json!({"plugin": plugin}));
    launch.config["receivers"]["otlp"]["protocols"]["grpc"]["max_recv_msg_size_mib"] = json!(1);
    (upstream, launch.start().await, plugins)
}

/// A request for logs of exactly this many bytes.
fn logs_of(bytes: usize) -> Bytes {
    let request = |padding: usize| {
        let mut record = log("padded");
        record.body = Some(text("x".repeat(padding)));
        logs(vec![record]).encode_to_vec()
    };
    let overhead = request(bytes).len() - bytes;
    // The length prefixes have the same width for the padding found here: it is only a little shorter.
    let exact = request(bytes - overhead);
    assert_eq!(exact.len(), bytes);
    exact.into()
}

/// One log record whose body is a map in a map, so many times over.
fn nested(depth: usize) -> Bytes {
    let mut record = log("nested");
    record.body = Some((0..depth).fold(text("leaf"), |inner, _| map([("k", inner)])));
    logs(vec![record]).encode_to_vec().into()
}

async fn code(weir: &Weir, body: impl Into<Bytes>) -> Code {
    match GrpcSender::new(weir.ports.grpc).send(Signal::Logs, body).await {
        Ok(_) => Code::Ok,
        Err(status) => status.code(),
    }
}

#[tokio::test]
async fn a_message_at_the_size_limit_is_taken_and_one_above_is_resource_exhausted_for_good() {
    let (_upstream, weir, _plugins) = reading().await;
    assert_eq!(code(&weir, logs_of(LIMIT)).await, Code::Ok);
    let sender = GrpcSender::new(weir.ports.grpc);
    let status = sender.send(Signal::Logs, logs_of(LIMIT + 1)).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.details().is_empty(), "no RetryInfo: it must not be sent again");
}

#[tokio::test]
async fn what_is_too_large_only_after_decompression_is_resource_exhausted_too() {
    let (upstream, weir, _plugins) = reading().await;
    for encoding in [CompressionEncoding::Gzip, CompressionEncoding::Zstd] {
        let sender = GrpcSender::new(weir.ports.grpc).compressed(encoding);
        let status = sender.send(Signal::Logs, logs_of(40 * LIMIT)).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{encoding:?}");
    }
    assert!(upstream.received().is_empty());
}

#[tokio::test]
async fn broken_bytes_are_an_invalid_argument_and_reach_nobody() {
    let (upstream, weir, _plugins) = reading().await;
    let whole = requests::unique(Signal::Logs, "cut", 3);
    let mut not_utf8 = whole.to_vec();
    let at = not_utf8.windows(4).position(|window| window == b"cart").unwrap();
    not_utf8[at] = 0xff;
    let broken: [(&str, Vec<u8>); 6] = [
        ("no protobuf", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("an endless varint", vec![0xff; 40]),
        ("cut in the middle", whole[..whole.len() - 7].to_vec()),
        ("a length beyond the end", vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0x07]),
        ("a group that never ends", vec![0x0b]),
        ("a string that is not UTF-8", not_utf8),
    ];
    for (what, body) in broken {
        assert_eq!(code(&weir, body).await, Code::InvalidArgument, "{what}");
    }
    assert!(upstream.received().is_empty());
}

#[tokio::test]
async fn deep_nesting_is_taken_to_a_bound_and_refused_beyond_without_harm() {
    let (_upstream, weir, _plugins) = reading().await;
    assert_eq!(code(&weir, nested(30)).await, Code::Ok);
    assert_eq!(code(&weir, nested(101)).await, Code::InvalidArgument);
    assert_eq!(code(&weir, nested(5_000)).await, Code::InvalidArgument);
    assert_eq!(code(&weir, nested(30)).await, Code::Ok, "weir goes on");
}

#[tokio::test]
async fn unknown_methods_and_encodings_are_unimplemented() {
    let (_upstream, weir, _plugins) = reading().await;
    let sender = GrpcSender::new(weir.ports.grpc);
    let status =
        sender.call("/opentelemetry.proto.collector.logs.v1.LogsService/Import", "").await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);

    let body = requests::unique(Signal::Logs, "snappy", 1);
    let message = frame(true, body.len(), &body);
    let reply =
        call(weir.ports.grpc, Signal::Logs.grpc_path(), &[("grpc-encoding", "snappy")], message).await;
    assert_eq!(reply.status, Some(12), "{}", reply.message);
    let accepted = reply.headers.get("grpc-accept-encoding").unwrap().to_str().unwrap();
    assert!(accepted.contains("gzip") && accepted.contains("zstd"), "{accepted}");
}

#[tokio::test]
async fn corrupt_compression_and_corrupt_frames_are_final_errors() {
    let (upstream, weir, _plugins) = reading().await;
    let body = requests::unique(Signal::Logs, "corrupt", 5);
    let mut packed = gzip(&body);
    let middle = packed.len() / 2;
    packed[middle..].fill(0xaa);
    let path = Signal::Logs.grpc_path();
    let reply =
        call(weir.ports.grpc, path, &[("grpc-encoding", "gzip")], frame(true, packed.len(), &packed)).await;
    assert_eq!(reply.status, Some(3), "corrupt gzip: {}", reply.message);

    // Codes that a sender must not retry: OTLP lists the retryable ones.
    let retryable = [Some(1), Some(4), Some(10), Some(11), Some(14), Some(15)];
    let frames = [
        ("a frame longer than the body", frame(false, body.len() + 9, &body)),
        ("two messages", [frame(false, body.len(), &body), frame(false, body.len(), &body)].concat().into()),
        ("a flag that gRPC does not have", [&[7, 0, 0, 0, 0][..], &body].concat().into()),
        ("no message at all", Bytes::new()),
    ];
    for (what, body) in frames {
        let reply = call(weir.ports.grpc, path, &[], body).await;
        assert_ne!(reply.status, Some(0), "{what}");
        assert!(!retryable.contains(&reply.status), "{what}: {:?} {}", reply.status, reply.message);
    }
    assert!(upstream.received().is_empty());
}

#[tokio::test]
async fn a_bad_sender_never_costs_another_ones_data() {
    let (upstream, weir, _plugins) = reading().await;
    let bad = GrpcSender::new(weir.ports.grpc);
    let good = GrpcSender::new(weir.ports.grpc);
    let mut senders = tokio::task::JoinSet::new();
    for number in 0..40 {
        let (bad, good) = (bad.clone(), good.clone());
        senders.spawn(async move {
            let mut body = requests::unique(Signal::Logs, &format!("bad{number}"), 10).to_vec();
            body.truncate(body.len() - 1 - number);
            bad.send(Signal::Logs, body).await.expect_err("it is cut");
            let body = requests::unique(Signal::Logs, &format!("good{number}"), 10);
            good.send(Signal::Logs, body).await.expect("it is whole");
        });
    }
    while let Some(sender) = senders.join_next().await {
        sender.unwrap();
    }
    let delivered = upstream.delivered_ids();
    assert_eq!((delivered.len(), delivered.doubled().len()), (400, 0));
    let metrics = weir.metrics().await;
    assert_eq!(metrics.sum("otelcol_receiver_accepted_log_records_total", &[("transport", "grpc")]), 400.0);
}

#[tokio::test]
async fn attribute_keys_of_any_kind_do_no_harm() {
    let (upstream, weir, _plugins) = reading().await;
    let mut record = log("keys");
    let long = "k".repeat(70_000);
    for key in ["", "\u{0}", "\"", "a\nb", "\u{202e}x", long.as_str(), "http.request.method"] {
        record.attributes.push(attribute(key, text("v")));
    }
    let body = Bytes::from(logs(vec![record]).encode_to_vec());
    assert_eq!(code(&weir, body.clone()).await, Code::Ok);
    assert_eq!(upstream.delivered()[0].body, body);
}
