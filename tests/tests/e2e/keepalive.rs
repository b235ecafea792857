//! How long connections live: the keepalive of gRPC, and what HTTP has instead.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tonic::Status;
use weir_tests::raw_h2::{ACK, GOAWAY, PING};
use weir_tests::{Connection, GrpcSender, HttpSender, Launch, RawH2, Signal, Upstream, Weir, requests, wait};

/// A weir with these server parameters of gRPC.
async fn with_grpc(parameters: Value) -> (Upstream, Weir) {
    let upstream = Upstream::start().await;
    let mut launch = Launch::new().to_grpc(&upstream.address());
    launch.config["receivers"]["otlp"]["protocols"]["grpc"]["keepalive"] = json!({
        "server_parameters": parameters,
        "enforcement_policy": {"min_time": "10s", "permit_without_stream": true},
    });
    (upstream, launch.start().await)
}

/// A weir with these settings of HTTP.
async fn with_http(settings: Value) -> (Upstream, Weir) {
    let upstream = Upstream::start().await;
    let mut launch = Launch::new().to_grpc(&upstream.address());
    let http = launch.config["receivers"]["otlp"]["protocols"]["http"].as_object_mut().unwrap();
    http.extend(settings.as_object().unwrap().clone());
    (upstream, launch.start().await)
}

fn body(tag: &str) -> Bytes {
    requests::unique(Signal::Logs, tag, 1)
}

async fn is_ended(connection: &Connection) {
    wait::until("the connection is ended", async || connection.is_closed().then_some(())).await;
}

/// Sends, and again what the client's own library took back before it was on the wire: it had just chosen a connection that was being
/// ended. Whatever weir may have seen of a request is an error here.
async fn send_on_any_connection(sender: &GrpcSender, body: Bytes) -> Result<Bytes, Status> {
    loop {
        match sender.send(Signal::Logs, body.clone()).await {
            Err(status) if was_never_sent(&status) => {}
            answered => return answered,
        }
    }
}

fn was_never_sent(status: &Status) -> bool {
    let mut source = status.source();
    while let Some(error) = source {
        if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled) {
            return true;
        }
        source = error.source();
    }
    false
}

#[tokio::test]
async fn an_idle_connection_of_grpc_is_ended_with_goaway() {
    let (_upstream, weir) = with_grpc(json!({"max_connection_idle": "1s"})).await;
    let mut used = Connection::grpc(weir.ports.grpc).await;
    assert!(used.send(Signal::Logs, body("used")).await.unwrap());
    is_ended(&used).await;
    let mut unused = RawH2::connect(weir.ports.grpc, &[]).await;
    let told = wait::in_time("one that never sent a request is told too", unused.next_of(GOAWAY)).await;
    assert!(told.is_some());
}

#[tokio::test]
async fn an_old_connection_of_grpc_is_ended_while_it_is_used_and_nothing_is_lost() {
    let (upstream, weir) = with_grpc(json!({"max_connection_age": "300ms"})).await;
    // This client takes another connection when it is told to.
    let sender = GrpcSender::new(weir.ports.grpc);
    let mut watched = Connection::grpc(weir.ports.grpc).await;
    assert!(watched.send(Signal::Logs, body("watched")).await.unwrap());
    let mut sent = requests::unique_ids("watched", 1);
    for number in 0..2_000 {
        let tag = format!("aged{number}");
        send_on_any_connection(&sender, body(&tag)).await.unwrap();
        sent.extend(requests::unique_ids(&tag, 1));
        if number >= 50 && watched.is_closed() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(watched.is_closed());
    assert_eq!(upstream.delivered_ids(), sent.into_iter().collect(), "each once");
}

#[tokio::test]
async fn a_client_that_does_not_say_that_it_is_there_is_cut() {
    let (_upstream, weir) = with_grpc(json!({"time": "1s", "timeout": "1s"})).await;
    let mut dead = RawH2::connect(weir.ports.grpc, &[]).await;
    let ping = wait::in_time("it is asked", dead.next_of(PING)).await.expect("a frame");
    assert_eq!(ping.flags & ACK, 0);
    wait::in_time("it is cut", async { while dead.next().await.is_some() {} }).await;
}

#[tokio::test]
async fn a_client_that_is_told_to_end_and_does_not_is_cut_after_the_grace() {
    let parameters =
        json!({"max_connection_idle": "300ms", "max_connection_age_grace": "300ms", "time": "1h"});
    let (_upstream, weir) = with_grpc(parameters).await;
    let mut deaf = RawH2::connect(weir.ports.grpc, &[]).await;
    wait::in_time("it is cut", async { while deaf.next().await.is_some() {} }).await;
}

#[tokio::test]
async fn an_idle_connection_of_http_is_closed_and_a_busy_one_is_not() {
    let (_upstream, weir) = with_http(json!({"idle_timeout": "1s"})).await;
    let mut idle = Connection::http(weir.ports.http).await;
    let mut busy = Connection::http(weir.ports.http).await;
    assert!(idle.send(Signal::Logs, body("idle")).await.unwrap());
    let busy = async {
        while !idle.is_closed() {
            assert!(busy.send(Signal::Logs, body("busy")).await.unwrap());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    wait::in_time("the idle one is closed", busy).await;
    let mut h2 = RawH2::connect(weir.ports.http, &[]).await;
    let told = wait::in_time("HTTP/2 on the same port is told", h2.next_of(GOAWAY)).await;
    assert!(told.is_some());
}

#[tokio::test]
async fn without_keep_alives_each_request_has_a_connection_of_its_own() {
    let (_upstream, weir) = with_http(json!({"keep_alives_enabled": false})).await;
    let mut connection = Connection::http(weir.ports.http).await;
    assert!(connection.send(Signal::Logs, body("one")).await.unwrap());
    is_ended(&connection).await;
}

#[tokio::test]
async fn response_headers_are_on_every_answer() {
    let headers = json!({"Strict-Transport-Security": "max-age=60", "x-served-by": "weir"});
    let cors = json!({"allowed_origins": ["https://shop.example"]});
    let (_upstream, weir) = with_http(json!({"response_headers": headers, "cors": cors})).await;
    let sender = HttpSender::new(weir.ports.http);
    let preflight = [("origin", "https://shop.example"), ("access-control-request-method", "POST")];
    let replies = [
        sender.send(Signal::Logs, body("taken")).await,
        sender.send(Signal::Logs, "broken").await,
        sender.post("/nowhere", &[], "").await,
        sender.request("OPTIONS", "/v1/logs", &preflight, "").await.unwrap(),
    ];
    assert_eq!(replies.each_ref().map(|reply| reply.status), [200, 400, 404, 204]);
    for reply in replies {
        assert_eq!(reply.header("strict-transport-security"), "max-age=60", "{}", reply.status);
        assert_eq!(reply.header("x-served-by"), "weir", "{}", reply.status);
    }
}
