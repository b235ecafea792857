//! Answers that are none, and such as are meant to hurt: weir neither panics nor believes them.

use bytes::Bytes;
use tonic::Code;
use weir_tests::upstream::Raw;
use weir_tests::{Answer, Upstream, Weir};

use super::{Fate, Senders, TRY_AGAIN, check, grpc_settings, http_settings, received, told, weir};

const UNKNOWN: Fate = Fate::Final(told(Code::Unknown, 500));
const TOO_LARGE: Fate = Fate::Final(told(Code::ResourceExhausted, 413));
/// One byte more than OTLP lets a client take, without gRPC's five.
const OVER_4_MIB: usize = (4 << 20) + 1;

fn raw(status: u16, headers: &[(&'static str, &[u8])], body: impl Into<Bytes>) -> Raw {
    let headers = headers.iter().map(|(name, value)| (*name, value.to_vec())).collect();
    Raw { status, headers, body: body.into(), trailers: Vec::new() }
}

/// A gRPC answer without a message.
fn status(headers: &[(&'static str, &[u8])]) -> Raw {
    let kind: [(&'static str, &[u8]); 1] = [("content-type", b"application/grpc")];
    raw(200, &[&kind, headers].concat(), Bytes::new())
}

async fn no_panic(weir: &Weir) {
    let metrics = weir.metrics().await;
    assert_eq!(metrics.sum("weir_exporter_panics_total", &[]), 0.0);
    assert_eq!(metrics.sum("weir_receiver_panics_total", &[]), 0.0);
}

/// T11: these bytes panic in decoders that expect base64 to be base64.
#[tokio::test]
async fn hostile_status_details_are_as_if_there_were_none() {
    let upstream = Upstream::start().await;
    let weir = weir("otlp_grpc", grpc_settings(&upstream.address())).await;
    let long = vec![b'A'; 8000];
    let values: [&[u8]; 11] = [
        b"",
        b"=",
        b"====",
        b"A",
        b"AA=A",
        b"%%%%",
        b"not base64 at all",
        b"\xff\xfe\xfd",
        b"CAgS//////////8=",
        b"Gv////8P",
        &long,
    ];
    for value in values {
        let what = format!("details {:?}", value.escape_ascii().take(20).map(char::from).collect::<String>());
        for (code, fate) in [(&b"8"[..], TOO_LARGE), (b"14", Fate::Retried), (b"13", FINAL_INTERNAL)] {
            let answer = status(&[("grpc-status", code), ("grpc-status-details-bin", value)]);
            let prepare = || upstream.script([Answer::Raw(answer.clone())]);
            check(&what, &weir, &received(&upstream), &prepare, fate).await;
        }
    }
    no_panic(&weir).await;
}

const FINAL_INTERNAL: Fate = Fate::Final(told(Code::Internal, 500));

#[tokio::test]
async fn a_status_or_a_message_that_cannot_be_read_is_final_and_harmless() {
    let upstream = Upstream::start().await;
    let weir = weir("otlp_grpc", grpc_settings(&upstream.address())).await;
    let codes: [&[u8]; 7] = [b"", b"17", b"-1", b"99999999999", b"zero", b"0x0", b"\xff"];
    for code in codes {
        let answer = status(&[("grpc-status", code)]);
        let prepare = || upstream.script([Answer::Raw(answer.clone())]);
        check(&format!("grpc-status {code:?}"), &weir, &received(&upstream), &prepare, UNKNOWN).await;
    }
    let messages: [&[u8]; 5] = [b"%", b"%zz", b"%ff%fe", b"\xff\xfe", &[b'%'; 5000]];
    for message in messages {
        let answer = status(&[("grpc-status", b"13"), ("grpc-message", message)]);
        let prepare = || upstream.script([Answer::Raw(answer.clone())]);
        check("grpc-message", &weir, &received(&upstream), &prepare, FINAL_INTERNAL).await;
    }
    no_panic(&weir).await;
}

#[tokio::test]
async fn a_success_without_trailers_is_sent_again_and_one_over_four_mebibytes_is_final() {
    let upstream = Upstream::start().await;
    let weir = weir("otlp_grpc", grpc_settings(&upstream.address())).await;
    let kind: [(&'static str, &[u8]); 1] = [("content-type", b"application/grpc")];
    let mut large = vec![0];
    large.extend_from_slice(&(OVER_4_MIB as u32).to_be_bytes());
    large.resize(5 + OVER_4_MIB, 0);
    let with_status =
        |body: Vec<u8>| Raw { trailers: vec![("grpc-status", b"0".to_vec())], ..raw(200, &kind, body) };
    for (what, answer, fate) in [
        ("without trailers", raw(200, &kind, Bytes::from_static(&[0; 5])), Fate::Retried),
        ("over 4 MiB", with_status(large), TOO_LARGE),
        // The status is the answer; what stands before it cannot be read, and the data is with the upstream.
        ("a frame that lies", with_status(vec![0, 0xff, 0xff, 0xff, 0xff, 1]), Fate::Taken),
        ("no frame", with_status(Vec::new()), Fate::Taken),
    ] {
        let prepare = || upstream.script([Answer::Raw(answer.clone())]);
        check(what, &weir, &received(&upstream), &prepare, fate).await;
    }
    no_panic(&weir).await;
}

#[tokio::test]
async fn the_body_of_an_http_answer_does_not_change_what_its_status_says() {
    let upstream = Upstream::start().await;
    let weir = weir("otlp_http", http_settings(&upstream.address())).await;
    let protobuf: [(&'static str, &[u8]); 1] = [("content-type", b"application/x-protobuf")];
    let html: [(&'static str, &[u8]); 1] = [("content-type", b"text/html")];
    let nonsense = || Bytes::from_static(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
    let large = || Bytes::from(vec![b'x'; OVER_4_MIB]);
    for (what, answer, fate) in [
        ("nonsense", raw(200, &protobuf, nonsense()), Fate::Taken),
        ("a web page", raw(200, &html, "<html>"), Fate::Taken),
        ("over 4 MiB", raw(200, &protobuf, large()), TOO_LARGE),
        ("an error over 4 MiB", raw(503, &html, large()), Fate::Retried),
        ("an error of nonsense", raw(400, &protobuf, nonsense()), FINAL_BAD),
    ] {
        let prepare = || upstream.script([Answer::Raw(answer.clone())]);
        check(what, &weir, &received(&upstream), &prepare, fate).await;
    }
    no_panic(&weir).await;
}

const FINAL_BAD: Fate = Fate::Final(told(Code::InvalidArgument, 400));

/// Headers without end, or a message without end: bounded, and no success.
#[tokio::test]
async fn headers_that_are_too_large_are_no_answer() {
    let upstream = Upstream::start().await;
    let weir = super::impatient("otlp_grpc", grpc_settings(&upstream.address())).await;
    let huge = vec![b'a'; 1 << 20];
    upstream.always(Answer::Raw(status(&[("grpc-status", b"0"), ("x-filler", &huge)])));
    assert_eq!(Senders::of(&weir).grpc("huge").await.0, TRY_AGAIN.grpc);
    upstream.always(Answer::Ok);
    assert_eq!(Senders::of(&weir).grpc("after").await.0, Code::Ok);
    no_panic(&weir).await;
}
