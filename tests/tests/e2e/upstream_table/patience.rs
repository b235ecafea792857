//! The delays that upstreams ask for: weir waits at least as long, and passes on what its sender has no time for.

use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tonic::Code;
use weir_tests::upstream::Raw;
use weir_tests::{Answer, Upstream, Weir};

use super::{Senders, grpc_settings, http_settings, impatient, weir};

/// The time between the first two arrivals.
async fn between_attempts(weir: &Weir, upstream: &Upstream) -> Duration {
    assert_eq!(Senders::of(weir).grpc("patient").await.0, Code::Ok);
    let received = upstream.received();
    assert_eq!(received.len(), 2);
    received[1].at - received[0].at
}

fn retry_after(value: &str) -> Answer {
    let headers = vec![("retry-after", value.as_bytes().to_vec())];
    Answer::Raw(Raw { status: 503, headers, ..Raw::default() })
}

/// A date as HTTP writes it. Only the system's own `date` knows nothing of weir's way to read it.
fn http_date(at: u64) -> String {
    let mut command = Command::new("date");
    command.env("LC_ALL", "C").args(["-u", "-d", &format!("@{at}"), "+%a, %d %b %Y %H:%M:%S GMT"]);
    String::from_utf8(command.output().unwrap().stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn the_delay_of_a_retry_info_is_waited_for() {
    for code in [Code::Unavailable, Code::ResourceExhausted] {
        let upstream = Upstream::start().await;
        let weir = weir("otlp_grpc", grpc_settings(&upstream.address())).await;
        upstream.script([Answer::Grpc(code, Some(Duration::from_secs(1)))]);
        let waited = between_attempts(&weir, &upstream).await;
        assert!(waited >= Duration::from_secs(1), "{code:?}: {waited:?}");
    }
}

#[tokio::test]
async fn the_seconds_of_a_retry_after_are_waited_for() {
    let upstream = Upstream::start().await;
    let weir = weir("otlp_http", http_settings(&upstream.address())).await;
    upstream.script([retry_after("1")]);
    let waited = between_attempts(&weir, &upstream).await;
    assert!(waited >= Duration::from_secs(1), "{waited:?}");
}

#[tokio::test]
async fn the_date_of_a_retry_after_is_waited_for() {
    let upstream = Upstream::start().await;
    let weir = weir("otlp_http", http_settings(&upstream.address())).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let until = now.as_secs() + 2;
    let earliest = Instant::now() + (Duration::from_secs(until) - now);
    upstream.script([retry_after(&http_date(until))]);
    between_attempts(&weir, &upstream).await;
    let second = upstream.received()[1].at;
    assert!(second >= earliest, "{:?} too early", earliest - second);
}

#[tokio::test]
async fn a_retry_after_that_cannot_be_read_or_is_past_is_a_retry_like_any_other() {
    let upstream = Upstream::start().await;
    let weir = weir("otlp_http", http_settings(&upstream.address())).await;
    let past = http_date(1_000_000_000);
    for value in ["soon", "-1", "1.5", "99999999999999999999999", "Sun, 99 Foo 2000 00:00:00 GMT", &past] {
        let before = upstream.received().len();
        upstream.script([retry_after(value)]);
        assert_eq!(Senders::of(&weir).grpc("odd").await.0, Code::Ok, "{value}");
        assert_eq!(upstream.received().len() - before, 2, "{value}");
    }
}

/// What the upstream asks for outlasts the sender's patience: it is told now, with the delay, and there is no second attempt.
#[tokio::test]
async fn a_delay_that_the_sender_has_no_time_for_is_passed_on_to_it() {
    let minute = Duration::from_secs(60);
    for (exporter, answer) in [
        ("otlp_grpc", Answer::Grpc(Code::Unavailable, Some(minute))),
        ("otlp_grpc", Answer::Grpc(Code::ResourceExhausted, Some(minute))),
        ("otlp_http", retry_after("60")),
        ("otlp_http", Answer::Http(429, Some("60"))),
    ] {
        let upstream = Upstream::start().await;
        upstream.always(answer.clone());
        let settings = match exporter {
            "otlp_grpc" => grpc_settings(&upstream.address()),
            _ => http_settings(&upstream.address()),
        };
        for weir in [weir(exporter, settings.clone()).await, impatient(exporter, settings).await] {
            let (before, senders) = (upstream.received().len(), Senders::of(&weir));
            assert_eq!(senders.grpc("told").await, (Code::Unavailable, Some(minute)), "{answer:?}");
            assert_eq!(senders.http("told").await, (503, Some(minute)), "{answer:?}");
            assert_eq!(upstream.received().len() - before, 2, "{answer:?}");
        }
    }
}
