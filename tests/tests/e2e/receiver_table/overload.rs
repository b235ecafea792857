//! More than weir takes at a time: it is told to try again, or not to open so many streams.

use std::time::Duration;

use serde_json::json;
use weir_tests::h2::{call, frame};
use weir_tests::raw_h2::{DATA, END_STREAM, HEADERS, MAX_CONCURRENT_STREAMS, RST_STREAM, SETTINGS};
use weir_tests::{HttpSender, Launch, RawH2, Signal, Upstream, requests, wait};

use super::{JSON, PROTOBUF, Refused, table};

/// REFUSED_STREAM (RFC 9113, section 7): nothing of it was looked at, so it may be tried again.
const REFUSED_STREAM: u32 = 7;

/// What a body that is still to come may hold up: more than there are places.
const STREAMS: u32 = 120;
const CONNECTIONS: usize = 12;

/// Requests that weir has under way at most.
const PLACES: f64 = 1024.0;

#[tokio::test]
async fn more_requests_than_there_are_places_are_told_to_try_again_later() {
    let (upstream, weir) = table().await;
    let mut holders = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut holder = RawH2::connect(weir.ports.grpc, &[]).await;
        for number in 0..STREAMS {
            assert!(holder.post(2 * number + 1, Signal::Logs.grpc_path(), "application/grpc", 0).await);
        }
        holders.push(holder);
    }
    // Nothing else asks meanwhile: a call that came and went would leave a place free for good.
    let surplus = f64::from(STREAMS) * CONNECTIONS as f64 - PLACES;
    weir.metrics_until("all places are taken", |metrics| {
        let refused = [("transport", "grpc"), ("outcome", "refused")];
        metrics.sum("otelcol_receiver_requests_total", &refused) >= surplus
    })
    .await;
    let body = requests::unique(Signal::Logs, "overload", 1);
    let message = frame(false, body.len(), &body);
    let reply = call(weir.ports.grpc, Signal::Logs.grpc_path(), &[], message).await;
    assert_eq!(reply.status, Some(14), "{}", reply.message);
    let status = tonic::Status::from_header_map(&reply.headers).expect("a status");
    let refused = Refused::of_protobuf(status.details());
    assert!(refused.retry.is_some_and(|retry| retry >= Duration::from_secs(1)), "{refused:?}");
    let sender = HttpSender::new(weir.ports.http);
    for media_type in [PROTOBUF, JSON] {
        let reply = sender.post("/v1/logs", &[media_type], body.clone()).await;
        assert_eq!(reply.status, 503, "{}", reply.text());
        assert!(reply.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds >= 1));
        assert_eq!(reply.header("content-type"), media_type.1);
        let refused = Refused::of(&reply);
        assert_eq!(refused.code, 14);
        assert!(refused.retry.is_some(), "{refused:?}");
    }
    assert_eq!(weir.health().await, Some(200));
    drop(holders);
    wait::until("there are places again", async || {
        (sender.send(Signal::Logs, body.clone()).await.status == 200).then_some(())
    })
    .await;
    drop(upstream);
}

#[tokio::test]
async fn streams_beyond_the_announced_number_are_refused_and_the_others_served() {
    let upstream = Upstream::start().await;
    let mut launch = Launch::new().to_grpc(&upstream.address());
    launch.config["receivers"]["otlp"]["protocols"]["grpc"]["max_concurrent_streams"] = json!(3);
    let weir = launch.start().await;
    let mut greedy = RawH2::connect(weir.ports.grpc, &[]).await;
    let settings = greedy.next_of(SETTINGS).await.unwrap();
    assert_eq!(settings.setting(MAX_CONCURRENT_STREAMS), Some(3));
    for stream in [1, 3, 5, 7] {
        assert!(greedy.post(stream, Signal::Logs.grpc_path(), "application/grpc", 0).await);
    }
    let refused = greedy.next_of(RST_STREAM).await.unwrap();
    let code = u32::from_be_bytes(refused.payload[..].try_into().unwrap());
    assert_eq!((refused.stream, code), (7, REFUSED_STREAM));
    let body = requests::unique(Signal::Logs, "stream", 1);
    for stream in [1, 3, 5] {
        assert!(greedy.send(DATA, END_STREAM, stream, &frame(false, body.len(), &body)).await);
        // The headers of the answer, then its trailers.
        for is_end in [false, true] {
            let headers = greedy.next_of(HEADERS).await.unwrap();
            assert_eq!((headers.stream, headers.flags & END_STREAM != 0), (stream, is_end));
        }
    }
    assert_eq!(upstream.delivered().len(), 3);
}
