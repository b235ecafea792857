//! Connections that break: nobody has said that the data is bad, so it is sent again.

use std::time::Duration;

use serde_json::json;
use tonic::Code;
use weir_tests::ports::free_port;
use weir_tests::upstream::{Act, FramedUpstream, Frames, Front, Gate};
use weir_tests::{Answer, Upstream};

use super::{
    Fate, ITEMS, Senders, TRY_AGAIN, check, counts, grpc_settings, http_settings, impatient, received, weir,
};

const NO_ERROR: u32 = 0;
const INTERNAL_ERROR: u32 = 2;
const REFUSED_STREAM: u32 = 7;
const CANCEL: u32 = 8;
const ENHANCE_YOUR_CALM: u32 = 11;

#[tokio::test]
async fn an_upstream_that_refuses_connections_is_unavailable() {
    let address = format!("127.0.0.1:{}", free_port());
    for (exporter, settings) in
        [("otlp_grpc", grpc_settings(&address)), ("otlp_http", http_settings(&address))]
    {
        let weir = impatient(exporter, settings).await;
        assert_eq!(Senders::of(&weir).grpc("refused").await.0, TRY_AGAIN.grpc, "{exporter}");
        assert_eq!(Senders::of(&weir).http("refused").await.0, TRY_AGAIN.http, "{exporter}");
        assert_eq!(counts(&weir).await, [0.0, 2.0 * ITEMS as f64]);
    }
}

/// T2: a connection that breaks in the middle of a request is no UNKNOWN of the upstream's.
#[tokio::test]
async fn a_request_whose_connection_breaks_is_sent_again() {
    for exporter in ["otlp_grpc", "otlp_http"] {
        let upstream = Upstream::start().await;
        for act in [
            Act::Close,
            Act::ResetAfter(1),
            Act::ResetAfter(60),
            Act::ResetAfter(150),
            Act::CutAnswerAfter(0),
            Act::CutAnswerAfter(12),
        ] {
            // A front for each, so that the next connection is the one that breaks.
            let front = Front::start(upstream.port()).await;
            let settings = match exporter {
                "otlp_grpc" => grpc_settings(&front.address()),
                _ => http_settings(&front.address()),
            };
            let weir = weir(exporter, settings).await;
            front.script([act]);
            assert_eq!(Senders::of(&weir).grpc("broken").await.0, Code::Ok, "{exporter} {act:?}");
            assert_eq!(front.left(), 0);
            assert_eq!(counts(&weir).await, [ITEMS as f64, 0.0], "{exporter} {act:?}");
        }
    }
}

#[tokio::test]
async fn a_request_whose_connection_is_closed_without_an_answer_is_sent_again() {
    let upstream = Upstream::start().await;
    for (exporter, settings) in
        [("otlp_grpc", grpc_settings(&upstream.address())), ("otlp_http", http_settings(&upstream.address()))]
    {
        let weir = weir(exporter, settings).await;
        let answer = || upstream.script([Answer::Reset]);
        check(exporter, &weir, &received(&upstream), &answer, Fate::Retried).await;
    }
}

/// T2: GOAWAY in the middle, which is how a rolling restart looks; and T12: a client that is told to calm down goes on.
#[tokio::test]
async fn a_stream_that_is_refused_reset_or_cut_off_by_goaway_is_sent_again() {
    for frames in [
        Frames::GoawayBefore(NO_ERROR),
        Frames::GoawayAfter(NO_ERROR),
        Frames::GoawayAfter(INTERNAL_ERROR),
        Frames::GoawayAfter(ENHANCE_YOUR_CALM),
        Frames::ResetStream(REFUSED_STREAM),
        Frames::ResetStream(CANCEL),
        Frames::ResetStream(INTERNAL_ERROR),
        Frames::ResetStream(ENHANCE_YOUR_CALM),
    ] {
        let upstream = FramedUpstream::start([frames]).await;
        let weir = weir("otlp_grpc", grpc_settings(&upstream.address())).await;
        let senders = Senders::of(&weir);
        assert_eq!(senders.grpc("cut").await.0, Code::Ok, "{frames:?}");
        assert_eq!(upstream.requests(), 2, "{frames:?}");
        assert_eq!(senders.grpc("next").await.0, Code::Ok, "{frames:?}");
    }
}

#[tokio::test]
async fn an_upstream_that_keeps_resetting_streams_is_told_as_unavailable() {
    let upstream = FramedUpstream::start([Frames::ResetStream(REFUSED_STREAM); 2]).await;
    let weir = impatient("otlp_grpc", grpc_settings(&upstream.address())).await;
    assert_eq!(Senders::of(&weir).grpc("reset").await.0, TRY_AGAIN.grpc);
    assert_eq!(Senders::of(&weir).http("reset").await.0, TRY_AGAIN.http);
}

/// T12: gRPC servers answer pings without need with GOAWAY, so there are none.
#[tokio::test]
async fn no_ping_is_sent_to_an_upstream() {
    let upstream = FramedUpstream::start([]).await;
    let weir = weir("otlp_grpc", grpc_settings(&upstream.address())).await;
    let senders = Senders::of(&weir);
    for _ in 0..100 {
        assert_eq!(senders.grpc("calm").await.0, Code::Ok);
    }
    assert_eq!((upstream.requests(), upstream.pings()), (100, 0));
}

#[tokio::test]
async fn an_answer_that_does_not_come_within_the_timeout_is_asked_for_again() {
    for exporter in ["otlp_grpc", "otlp_http"] {
        let upstream = Upstream::start().await;
        let mut settings = match exporter {
            "otlp_grpc" => grpc_settings(&upstream.address()),
            _ => http_settings(&upstream.address()),
        };
        settings["timeout"] = json!("300ms");
        let never = Gate::default();
        upstream.script([Answer::Hold(never.clone())]);
        let patient = weir(exporter, settings.clone()).await;
        assert_eq!(Senders::of(&patient).grpc("slow").await.0, Code::Ok, "{exporter}");
        let received = upstream.received();
        assert_eq!(received.len(), 2, "{exporter}");
        assert!(received[1].at - received[0].at >= Duration::from_millis(250), "{exporter}");
        // One that stays slow is told as what it is.
        upstream.always(Answer::Hold(never));
        let impatient = impatient(exporter, settings).await;
        assert_eq!(Senders::of(&impatient).grpc("slow").await.0, TRY_AGAIN.grpc, "{exporter}");
        assert_eq!(Senders::of(&impatient).http("slow").await.0, TRY_AGAIN.http, "{exporter}");
    }
}
