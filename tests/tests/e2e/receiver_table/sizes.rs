//! The size limit: the last byte that is taken and the first that is not, on the wire and after decompression.

use bytes::Bytes;
use prost::Message;
use weir_tests::h2::{GrpcReply, call, frame};
use weir_tests::requests::{log, logs, text};
use weir_tests::sender::{gzip, zstd};
use weir_tests::{HttpSender, Signal, Weir};

use super::{LIMIT, Refused, table};

/// How a body is packed.
const ENCODINGS: [&str; 3] = ["identity", "gzip", "zstd"];

/// A request for logs of exactly this many bytes.
fn logs_of(bytes: usize) -> Vec<u8> {
    let request = |padding: usize| {
        let mut record = log("padded");
        record.body = Some(text("x".repeat(padding)));
        logs(vec![record]).encode_to_vec()
    };
    let exact = request(bytes - (request(bytes).len() - bytes));
    assert_eq!(exact.len(), bytes);
    exact
}

/// The body, packed, and filled up to this many bytes where that is more.
fn packed(encoding: &str, body: &[u8], filled_to: usize) -> Vec<u8> {
    match encoding {
        "gzip" => filled_gzip(body, filled_to),
        "zstd" => filled_zstd(body, filled_to),
        _ => body.to_vec(),
    }
}

/// Members of which nothing comes out fill it up: their headers hold a field of up to 64 KiB.
fn filled_gzip(body: &[u8], filled_to: usize) -> Vec<u8> {
    let empty = |extra: usize| {
        let builder = flate2::GzBuilder::new().extra(vec![0; extra]);
        builder.write(Vec::new(), flate2::Compression::default()).finish().unwrap()
    };
    let (mut packed, least) = (gzip(body), empty(0).len());
    while packed.len() < filled_to {
        // What is left over must be nothing, or room for another member.
        let extra = match filled_to - packed.len() - least {
            extra @ 0..=60_000 => extra,
            _ => 50_000,
        };
        packed.extend(empty(extra));
    }
    packed
}

/// A skippable frame fills it up (RFC 8878, section 3.1.2).
fn filled_zstd(body: &[u8], filled_to: usize) -> Vec<u8> {
    let mut packed = zstd(body);
    if let Some(missing) = filled_to.checked_sub(packed.len() + 8) {
        packed.extend_from_slice(&0x184D_2A50_u32.to_le_bytes());
        packed.extend_from_slice(&u32::try_from(missing).unwrap().to_le_bytes());
        packed.resize(filled_to, 0);
    }
    packed
}

async fn grpc(weir: &Weir, encoding: &str, body: &[u8]) -> GrpcReply {
    let message = frame(encoding != "identity", body.len(), body);
    call(weir.ports.grpc, Signal::Logs.grpc_path(), &[("grpc-encoding", encoding)], message).await
}

/// Both protocols refuse it for good.
async fn is_too_large(weir: &Weir, encoding: &str, body: Vec<u8>) {
    let reply = grpc(weir, encoding, &body).await;
    assert_eq!(reply.status, Some(8), "{encoding}: {}", reply.message);
    assert!(
        reply.headers.get("grpc-status-details-bin").is_none(),
        "no RetryInfo: it must not be sent again"
    );
    assert!(reply.message.contains(&LIMIT.to_string()), "{}", reply.message);
    let reply = HttpSender::new(weir.ports.http).send_encoded(Signal::Logs, encoding, body).await;
    assert_eq!(reply.status, 413, "{encoding}: {}", reply.text());
    assert_eq!(reply.header("retry-after"), "");
    let refused = Refused::of(&reply);
    assert_eq!((refused.code, refused.retry), (8, None));
}

async fn is_taken(weir: &Weir, encoding: &str, body: Vec<u8>) {
    let reply = grpc(weir, encoding, &body).await;
    assert_eq!(reply.status, Some(0), "{encoding}: {}", reply.message);
    let reply = HttpSender::new(weir.ports.http).send_encoded(Signal::Logs, encoding, body).await;
    assert_eq!(reply.status, 200, "{encoding}: {}", reply.text());
}

#[tokio::test]
async fn requests_up_to_the_limit_are_taken_however_they_are_packed() {
    let (upstream, weir) = table().await;
    for bytes in [LIMIT - 1, LIMIT] {
        for encoding in ENCODINGS {
            is_taken(&weir, encoding, packed(encoding, &logs_of(bytes), 0)).await;
        }
    }
    let delivered = upstream.delivered();
    assert_eq!(delivered.len(), 12);
    assert!(delivered.iter().all(|one| [LIMIT - 1, LIMIT].contains(&one.body.len())));
}

#[tokio::test]
async fn one_byte_more_than_the_limit_is_final_however_it_is_packed() {
    let (upstream, weir) = table().await;
    for encoding in ENCODINGS {
        is_too_large(&weir, encoding, packed(encoding, &logs_of(LIMIT + 1), 0)).await;
    }
    assert!(upstream.received().is_empty());
}

#[tokio::test]
async fn what_is_compressed_has_the_same_limit_on_the_wire() {
    let (upstream, weir) = table().await;
    let small = logs_of(1_000);
    for encoding in ["gzip", "zstd"] {
        for bytes in [LIMIT - 1, LIMIT] {
            let body = packed(encoding, &small, bytes);
            assert_eq!(body.len(), bytes);
            is_taken(&weir, encoding, body).await;
        }
        let body = packed(encoding, &small, LIMIT + 1);
        assert_eq!(body.len(), LIMIT + 1);
        is_too_large(&weir, encoding, body).await;
    }
    let delivered = upstream.delivered();
    assert_eq!(delivered.len(), 8);
    assert!(delivered.iter().all(|one| one.body == Bytes::copy_from_slice(&small)));
}

#[tokio::test]
async fn members_in_a_row_count_together() {
    let (upstream, weir) = table().await;
    let (exact, above) = (logs_of(LIMIT), logs_of(LIMIT + 1));
    for encoding in ["gzip", "zstd"] {
        let halves = |body: &[u8]| {
            let (first, second) = body.split_at(LIMIT / 2);
            [packed(encoding, first, 0), packed(encoding, second, 0)].concat()
        };
        is_taken(&weir, encoding, halves(&exact)).await;
        is_too_large(&weir, encoding, halves(&above)).await;
    }
    assert_eq!(upstream.delivered().len(), 4);
}
