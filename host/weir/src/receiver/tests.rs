//! The receiver over real sockets: every status on both transports, and that each item is counted once.

mod fixture;

use std::net::SocketAddr;
use std::time::Duration;

use ::http::StatusCode;
use fixture::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use weir_otlp::Signal;

use super::*;
use crate::wire::{grpc_path, rpc};

#[tokio::test]
async fn a_request_is_answered_with_an_empty_success_and_its_items_are_accepted() {
    let weir = Weir::start(Behaviour::Takes).await;
    let answer = weir.grpc(grpc_path(Signal::Logs), &[], framed(0, &logs(3))).await;
    assert_eq!((answer.status, answer.grpc_code(), answer.body.as_ref()), (StatusCode::OK, 0, &[0; 5][..]));
    assert_eq!(weir.items("grpc"), [3, 0, 0]);
    let answer = weir.http("/v1/logs", &[("content-type", "Application/X-Protobuf; a=b")], logs(4)).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 0));
    assert_eq!(answer.headers["content-type"], "application/x-protobuf");
    assert_eq!(weir.items("http"), [4, 0, 0]);
    assert_eq!(weir.count("otelcol_receiver_requests_total{outcome=\"success\"", "http"), 1);
}

#[tokio::test]
async fn both_compressions_are_taken_on_both_transports() {
    let weir = Weir::start(Behaviour::Takes).await;
    let zstd = zstd::encode_all(logs(5).as_slice(), 0).unwrap();
    for (name, body) in [("gzip", gzip(&logs(5))), ("zstd", zstd), ("identity", logs(5))] {
        let flag = u8::from(name != "identity");
        let answer =
            weir.grpc(grpc_path(Signal::Logs), &[("grpc-encoding", name)], framed(flag, &body)).await;
        assert_eq!(answer.grpc_code(), 0, "{name}");
        let answer = weir.http("/v1/logs", &[PROTOBUF, ("content-encoding", name)], body).await;
        assert_eq!(answer.status, StatusCode::OK, "{name}");
    }
    assert_eq!((weir.items("grpc"), weir.items("http")), ([15, 0, 0], [15, 0, 0]));
}

#[tokio::test]
async fn an_empty_request_succeeds_and_counts_nothing() {
    let weir = Weir::start(Behaviour::IsDown).await;
    assert_eq!(weir.grpc(grpc_path(Signal::Logs), &[], framed(0, &[])).await.grpc_code(), 0);
    assert_eq!(weir.http("/v1/logs", &[PROTOBUF], Vec::new()).await.status, StatusCode::OK);
    assert_eq!((weir.items("grpc"), weir.items("http")), ([0; 3], [0; 3]));
}

#[tokio::test]
async fn a_message_over_the_limit_is_resource_exhausted_without_retry_info_and_413() {
    let weir = Weir::start(Behaviour::Takes).await;
    let (large, bomb) = (vec![0; LIMIT as usize + 1], gzip(&vec![0; 1 << 20]));
    for (headers, body) in [(vec![], framed(0, &large)), (vec![("grpc-encoding", "gzip")], framed(1, &bomb))]
    {
        let answer = weir.grpc(grpc_path(Signal::Logs), &headers, body).await;
        assert_eq!((answer.grpc_code(), answer.retry_delay()), (8, None));
    }
    for (headers, body) in [(vec![PROTOBUF], large), (vec![PROTOBUF, ("content-encoding", "gzip")], bomb)] {
        let answer = weir.http("/v1/logs", &headers, body).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(answer.headers["content-type"], "application/x-protobuf");
        assert!(rpc::status_message(&answer.body).unwrap().contains("larger than 10000 bytes"));
    }
    assert_eq!(weir.count("otelcol_receiver_requests_total{outcome=\"refused\"", "http"), 2);
}

#[tokio::test]
async fn malformed_requests_are_invalid_argument_and_400() {
    let weir = Weir::start(Behaviour::Takes).await;
    let garbage = vec![0xff; 20];
    let gzip_header: &[(&str, &str)] = &[("grpc-encoding", "gzip")];
    for (headers, body) in [
        (&[][..], framed(0, &garbage)),
        (&[][..], framed(1, &logs(1))),
        (&[][..], framed(9, &logs(1))),
        (&[][..], vec![0, 0, 0, 1, 0, 1]),
        (&[][..], [framed(0, &logs(1)), framed(0, &logs(1))].concat()),
        (gzip_header, framed(1, &garbage)),
    ] {
        assert_eq!(weir.grpc(grpc_path(Signal::Logs), headers, body).await.grpc_code(), 3);
    }
    for headers in
        [&[PROTOBUF][..], &[PROTOBUF, ("content-encoding", "gzip")], &[PROTOBUF, ("content-encoding", "br")]]
    {
        let answer = weir.http("/v1/logs", headers, garbage.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(rpc::status_message(&answer.body).is_some());
    }
    assert_eq!((weir.items("grpc"), weir.items("http")), ([0; 3], [0; 3]));
}

#[tokio::test]
async fn what_weir_does_not_serve_is_unimplemented_or_404_405_415() {
    let weir = Weir::start(Behaviour::Takes).await;
    for path in [grpc_path(Signal::Traces), "/", "/opentelemetry.proto.collector.logs.v1.LogsService/Import"]
    {
        assert_eq!(weir.grpc(path, &[], framed(0, &logs(1))).await.grpc_code(), 12, "{path}");
    }
    let answer =
        weir.grpc(grpc_path(Signal::Logs), &[("grpc-encoding", "snappy")], framed(1, &logs(1))).await;
    assert_eq!(
        (answer.grpc_code(), &answer.headers["grpc-accept-encoding"]),
        (12, &"identity,gzip,zstd".parse().unwrap())
    );
    for (path, headers, status) in [
        ("/v1/traces", &[PROTOBUF][..], 404),
        ("/", &[PROTOBUF][..], 404),
        ("/v1/logs", &[][..], 415),
        ("/v1/logs", &[("content-type", "text/plain")][..], 415),
        ("/v1/logs", &[("content-type", "text/json")][..], 415),
    ] {
        let answer = weir.http(path, headers, logs(1)).await;
        assert_eq!(answer.status.as_u16(), status, "{path} {headers:?}");
        assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
    }
    let raw = raw_http(
        weir.receiver.http_addr().unwrap(),
        b"GET /v1/logs HTTP/1.1\r\nhost: w\r\nconnection: close\r\n\r\n",
    )
    .await;
    assert!(raw.starts_with("HTTP/1.1 405"), "{raw}");
    assert!(raw.ends_with("405 method not allowed, supported: [POST]"), "{raw}");
}

async fn raw_http(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn an_upstream_that_is_down_is_unavailable_and_503_and_its_items_are_accepted() {
    let weir = Weir::start(Behaviour::IsDown).await;
    assert_eq!(weir.grpc(grpc_path(Signal::Logs), &[], framed(0, &logs(2))).await.grpc_code(), 14);
    let answer = weir.http("/v1/logs", &[PROTOBUF], logs(2)).await;
    assert_eq!((answer.status.as_u16(), &answer.headers["retry-after"]), (503, &"1".parse().unwrap()));
    assert_eq!(
        (weir.items("grpc"), weir.items("http")),
        ([2, 0, 0], [2, 0, 0]),
        "the exporter counts them as failed"
    );
}

#[tokio::test]
async fn a_final_rejection_by_the_upstream_is_final_for_the_sender() {
    let weir = Weir::start(Behaviour::Rejects).await;
    assert_eq!(weir.grpc(grpc_path(Signal::Logs), &[], framed(0, &logs(1))).await.grpc_code(), 3);
    assert_eq!(weir.http("/v1/logs", &[PROTOBUF], logs(1)).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn overload_is_unavailable_with_a_delay_and_503_with_retry_after() {
    let nothing = AdmissionSettings { bytes_max: 0, requests_max: 0, memory: None };
    let weir = Weir::with_admission(Behaviour::Takes, nothing).await;
    let answer = weir.grpc(grpc_path(Signal::Logs), &[], framed(0, &logs(1))).await;
    assert_eq!((answer.grpc_code(), answer.retry_delay()), (14, Some(Duration::from_secs(1))));
    let answer = weir.http("/v1/logs", &[PROTOBUF], logs(1)).await;
    assert_eq!((answer.status.as_u16(), &answer.headers["retry-after"]), (503, &"1".parse().unwrap()));
}

#[tokio::test]
async fn a_panic_is_an_internal_error_that_no_sender_repeats_and_the_receiver_goes_on() {
    let weir = Weir::start(Behaviour::PanicsInAProcessor).await;
    for _ in 0..2 {
        assert_eq!(weir.grpc(grpc_path(Signal::Logs), &[], framed(0, &logs(2))).await.grpc_code(), 13);
    }
    assert_eq!(weir.http("/v1/logs", &[PROTOBUF], logs(2)).await.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!((weir.items("grpc"), weir.items("http")), ([0, 0, 4], [0, 0, 2]));
    assert_eq!(weir.count("weir_receiver_panics_total", "grpc"), 2);
    assert_eq!(weir.count("otelcol_receiver_requests_total{outcome=\"failure\"", "grpc"), 2);
}

#[tokio::test]
async fn a_stopped_receiver_lets_go_of_its_ports() {
    let weir = Weir::start(Behaviour::Takes).await;
    let (grpc, http) = (weir.receiver.grpc_addr().unwrap(), weir.receiver.http_addr().unwrap());
    weir.http("/v1/logs", &[PROTOBUF], logs(1)).await;
    assert!(weir.receiver.stop(Instant::now() + Duration::from_secs(10)).await);
    for address in [grpc, http] {
        assert!(TcpStream::connect(address).await.is_err());
    }
}

#[tokio::test]
async fn a_stop_lets_requests_under_way_finish() {
    for is_grpc in [true, false] {
        let weir = Weir::start(Behaviour::Waits).await;
        let (sender, gate) = (weir.sender(), Arc::clone(&weir.gate));
        let call = tokio::spawn(async move {
            match is_grpc {
                true => sender.grpc(grpc_path(Signal::Logs), &[], framed(0, &logs(1))).await.grpc_code() == 0,
                false => sender.http("/v1/logs", &[PROTOBUF], logs(1)).await.status == StatusCode::OK,
            }
        });
        gate.begun.notified().await;
        let stop = tokio::spawn(weir.receiver.stop(Instant::now() + Duration::from_secs(10)));
        tokio::task::yield_now().await;
        gate.open.notify_one();
        assert!(call.await.unwrap(), "the request under way succeeds");
        assert!(stop.await.unwrap(), "and the stop is clean");
    }
}

#[tokio::test]
async fn a_taken_port_is_named_with_the_receiver() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = taken.local_addr().unwrap().to_string();
    let grpc = Some(GrpcSettings { endpoint: endpoint.clone(), ..GrpcSettings::default() });
    let settings = ReceiverSettings { id: "otlp/in".to_owned(), grpc, http: None };
    let consumer = Arc::new(Consumer::new(Vec::new()));
    let admission = Admission::new(AdmissionSettings::default());
    let error =
        RunningReceiver::start(&settings, consumer, admission, &Telemetry::new().unwrap()).await.unwrap_err();
    let expected = format!(
        "receiver otlp/in: cannot listen on {endpoint}: address already in use (is another collector running?)"
    );
    assert_eq!(error.to_string(), expected);
}
