//! Compressed bodies that are whole, and all the ways in which they are not.

use bytes::Bytes;
use weir_tests::h2::{GrpcReply, call, frame};
use weir_tests::sender::{gzip, zstd};
use weir_tests::{HttpSender, Signal, Weir, requests};

use super::{JSON, PROTOBUF, Refused, table};

async fn grpc(weir: &Weir, encoding: &str, body: &[u8]) -> GrpcReply {
    let message = frame(true, body.len(), body);
    call(weir.ports.grpc, Signal::Logs.grpc_path(), &[("grpc-encoding", encoding)], message).await
}

fn pack(encoding: &str, bytes: &[u8]) -> Vec<u8> {
    if encoding == "gzip" { gzip(bytes) } else { zstd(bytes) }
}

#[tokio::test]
async fn members_and_frames_in_a_row_are_one_body() {
    let (upstream, weir) = table().await;
    let body = requests::unique(Signal::Logs, "pieces", 50);
    for encoding in ["gzip", "zstd"] {
        let pieces: Vec<u8> = body.chunks(700).flat_map(|piece| pack(encoding, piece)).collect();
        let reply = grpc(&weir, encoding, &pieces).await;
        assert_eq!(reply.status, Some(0), "{encoding}: {}", reply.message);
        let reply = HttpSender::new(weir.ports.http).send_encoded(Signal::Logs, encoding, pieces).await;
        assert_eq!(reply.status, 200, "{encoding}: {}", reply.text());
    }
    let delivered = upstream.delivered();
    assert_eq!(delivered.len(), 4);
    assert!(delivered.iter().all(|one| one.body == body));
}

#[tokio::test]
async fn compressed_bytes_that_are_cut_damaged_or_followed_by_others_are_malformed() {
    let (upstream, weir) = table().await;
    let body = requests::unique(Signal::Logs, "damaged", 50);
    for encoding in ["gzip", "zstd"] {
        let whole = pack(encoding, &body);
        let mut damaged = whole.clone();
        damaged[whole.len() / 2..].fill(0xaa);
        let broken = [
            ("cut at the end", whole[..whole.len() - 1].to_vec()),
            ("cut in the middle", whole[..whole.len() / 2].to_vec()),
            ("cut in the header", whole[..3].to_vec()),
            ("damaged", damaged),
            ("followed by others", [&whole[..], b"more"].concat()),
            ("not compressed", body.to_vec()),
        ];
        for (what, bytes) in broken {
            let reply = grpc(&weir, encoding, &bytes).await;
            assert_eq!(reply.status, Some(3), "{encoding} {what}: {}", reply.message);
            let reply = HttpSender::new(weir.ports.http).send_encoded(Signal::Logs, encoding, bytes).await;
            assert_eq!(reply.status, 400, "{encoding} {what}: {}", reply.text());
            assert_eq!(Refused::of(&reply).code, 3);
        }
    }
    assert!(upstream.received().is_empty());
}

#[tokio::test]
async fn an_unknown_content_encoding_is_told_in_the_encoding_of_the_request() {
    let (upstream, weir) = table().await;
    let sender = HttpSender::new(weir.ports.http);
    for media_type in [PROTOBUF, JSON] {
        for encoding in ["br", "snappy", "gzip, gzip", "\u{ff}"] {
            let reply = sender.post("/v1/logs", &[media_type, ("content-encoding", encoding)], "{}").await;
            assert_eq!(reply.status, 400, "{encoding}");
            assert_eq!(reply.header("content-type"), media_type.1);
            let refused = Refused::of(&reply);
            assert_eq!(refused.code, 3);
            assert!(refused.message.contains("gzip") && refused.message.contains("zstd"), "{refused:?}");
        }
    }
    assert!(upstream.received().is_empty());
}

#[tokio::test]
async fn a_message_that_is_not_marked_as_compressed_is_taken_as_it_is() {
    let (upstream, weir) = table().await;
    let body = requests::unique(Signal::Logs, "plain", 1);
    let message = frame(false, body.len(), &body);
    let reply = call(weir.ports.grpc, Signal::Logs.grpc_path(), &[("grpc-encoding", "gzip")], message).await;
    assert_eq!(reply.status, Some(0), "{}", reply.message);
    let unnamed = Bytes::from(gzip(&body));
    let message = frame(true, unnamed.len(), &unnamed);
    let reply = call(weir.ports.grpc, Signal::Logs.grpc_path(), &[], message).await;
    assert_eq!(reply.status, Some(3), "marked, but not named: {}", reply.message);
    assert_eq!(upstream.delivered().len(), 1);
}
