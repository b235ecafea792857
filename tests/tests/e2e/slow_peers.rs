//! Peers that are slow, silent or deaf: each is ended within the bound that the configuration names, and none keeps others
//! from being served. The bounds without a key, and those of OTLP/gRPC, are tested beside the code
//! (`host/weir/src/listen/connection/tests.rs`, `host/weir/src/receiver/body.rs`).

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use weir_tests::raw_h2::{DATA, GOAWAY, HEADERS, INITIAL_WINDOW_SIZE};
use weir_tests::{HttpSender, Launch, RawH2, Signal, Weir, requests, wait};

/// A weir with these bounds on its HTTP port.
async fn weir(bounds: Value) -> Weir {
    let mut launch = Launch::new().exporter("nop", json!({}));
    let http = launch.config["receivers"]["otlp"]["protocols"]["http"].as_object_mut().unwrap();
    http.extend(bounds.as_object().unwrap().clone());
    launch.start().await
}

async fn connect(weir: &Weir) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", weir.ports.http)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

async fn others_are_served(weir: &Weir) {
    let body = requests::unique(Signal::Logs, "other", 1);
    assert_eq!(HttpSender::new(weir.ports.http).send(Signal::Logs, body).await.status, 200);
}

/// Writes a byte now and then until the other side has closed; what it said.
async fn dribble(mut stream: TcpStream, bytes: &'static [u8]) -> String {
    let (mut reads, mut writes) = stream.split();
    let write = async {
        for byte in bytes.iter().cycle() {
            if writes.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let mut said = Vec::new();
    tokio::select! {
        // Closed with bytes unread it is a reset, which is an end too.
        _ = reads.read_to_end(&mut said) => {}
        () = write => {}
    }
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn a_head_that_dribbles_is_cut() {
    let weir = weir(json!({"read_header_timeout": "1s"})).await;
    let mut stream = connect(&weir).await;
    stream.write_all(b"POST /v1/logs HTTP/1.1\r\n").await.unwrap();
    let slow = tokio::spawn(dribble(stream, b"x-header: y\r\n"));
    others_are_served(&weir).await;
    assert!(!wait::in_time("it is cut", slow).await.unwrap().contains("200"));
}

#[tokio::test]
async fn a_second_head_that_dribbles_is_cut_too() {
    let weir = weir(json!({"read_header_timeout": "1s", "idle_timeout": "1h"})).await;
    let mut stream = connect(&weir).await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    stream.readable().await.unwrap();
    let slow = tokio::spawn(dribble(stream, b"x-header: y\r\n"));
    others_are_served(&weir).await;
    assert!(wait::in_time("it is cut", slow).await.unwrap().starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn a_preface_that_never_ends_is_cut() {
    let weir = weir(json!({"read_header_timeout": "1s"})).await;
    let mut stream = connect(&weir).await;
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM").await.unwrap();
    others_are_served(&weir).await;
    let mut said = Vec::new();
    let _ = wait::in_time("it is cut", stream.read_to_end(&mut said)).await;
    assert!(said.is_empty());
}

#[tokio::test]
async fn a_body_that_comes_byte_by_byte_is_refused() {
    let weir = weir(json!({"read_timeout": "1s"})).await;
    let mut stream = connect(&weir).await;
    let head = b"POST /v1/logs HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: 10000\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let slow = tokio::spawn(dribble(stream, b"\x0a"));
    others_are_served(&weir).await;
    let said = wait::in_time("it is ended", slow).await.unwrap();
    assert!(said.starts_with("HTTP/1.1 400") && said.contains("took too long to arrive"), "{said}");
}

#[tokio::test]
async fn streams_that_are_opened_and_never_filled_are_answered_and_the_connection_ends() {
    let weir = weir(json!({"read_timeout": "1s", "idle_timeout": "1s"})).await;
    let mut greedy = RawH2::connect(weir.ports.http, &[]).await;
    for number in 0..100 {
        assert!(greedy.post(2 * number + 1, "/v1/logs", "application/x-protobuf", 0).await);
    }
    others_are_served(&weir).await;
    let ended = async {
        let mut answers = 0;
        while let Some(frame) = greedy.next().await {
            answers += usize::from(frame.kind == HEADERS);
            if frame.kind == GOAWAY {
                break;
            }
        }
        answers
    };
    assert_eq!(wait::in_time("it is ended", ended).await, 100);
}

#[tokio::test]
async fn a_peer_that_reads_no_answers_on_http_1_is_cut() {
    let padding = "x".repeat(8_000);
    let weir = weir(json!({"write_timeout": "1s", "response_headers": {"x-padding": padding}})).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut deaf = socket.connect(([127, 0, 0, 1], weir.ports.http).into()).await.unwrap();
    let asks =
        tokio::spawn(
            async move { while deaf.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.is_ok() {} },
        );
    others_are_served(&weir).await;
    wait::in_time("it is cut", asks).await.unwrap();
    others_are_served(&weir).await;
}

#[tokio::test]
async fn a_peer_that_takes_no_answer_on_http_2_is_cut() {
    let weir = weir(json!({"write_timeout": "1s"})).await;
    let mut deaf = RawH2::connect(weir.ports.http, &[(INITIAL_WINDOW_SIZE, 0)]).await;
    assert!(deaf.post(1, "/v1/logs", "application/json", 0).await);
    assert!(deaf.send(DATA, 1, 1, b"{}").await);
    others_are_served(&weir).await;
    // There is an answer, and no room in the window for its body.
    assert!(deaf.next_of(HEADERS).await.is_some());
    let ended = async { while deaf.next().await.is_some() {} };
    wait::in_time("it is cut", ended).await;
}
