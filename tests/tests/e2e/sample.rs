//! The shipped sampler: exact by the trace id, and counted.

use prost::Message;
use serde_json::json;
use weir_tests::build::plugin;
use weir_tests::requests::{self, log, logs, span, spans, trace_id, traces, unique_ids};
use weir_tests::{GrpcSender, Launch, Signal, Upstream, Weir};

const ITEMS: usize = 400;

async fn sampling(config: serde_json::Value) -> (Upstream, Weir) {
    let upstream = Upstream::start().await;
    let settings = json!({"plugin": plugin("sample"), "config": config});
    let weir = Launch::new().to_grpc(&upstream.address()).processor("wasm/sample", settings).start().await;
    (upstream, weir)
}

/// A quarter is kept if the last 56 bits of the trace id, as a number, are in their top quarter.
fn is_in_top_quarter(id: &str) -> bool {
    trace_id(id)[9] >= 0xc0
}

fn expected() -> Vec<String> {
    let mut kept: Vec<_> = unique_ids("s", ITEMS).into_iter().filter(|id| is_in_top_quarter(id)).collect();
    kept.sort();
    kept
}

#[tokio::test]
async fn a_quarter_of_the_traces_is_kept_exactly_by_their_ids_and_says_so_in_trace_state() {
    let (upstream, weir) = sampling(json!({"percentage": 25})).await;
    let all = unique_ids("s", ITEMS);
    let body = traces(all.iter().map(|id| span(id)).collect()).encode_to_vec();
    GrpcSender::new(weir.ports.grpc).send(Signal::Traces, body).await.unwrap();
    let arrived = upstream.deliveries(1).await.remove(0).body;
    let mut kept = weir_tests::ids::of(Signal::Traces, &arrived);
    kept.sort();
    assert!(kept.len() > ITEMS / 8 && kept.len() < ITEMS / 2, "{} of {ITEMS}", kept.len());
    assert_eq!(kept, expected());
    for span in spans(&arrived) {
        assert_eq!(span.trace_state, "ot=th:c");
    }
    let metrics = weir.metrics().await;
    let labels = [("plugin", "sample"), ("signal", "traces"), ("reason", "plugin")];
    assert_eq!(metrics.sum("weir_plugin_items_dropped_total", &labels), (ITEMS - kept.len()) as f64);
}

#[tokio::test]
async fn logs_follow_their_traces() {
    let (upstream, weir) = sampling(json!({"percentage": 25})).await;
    let body = logs(unique_ids("s", ITEMS).iter().map(|id| log(id)).collect()).encode_to_vec();
    GrpcSender::new(weir.ports.grpc).send(Signal::Logs, body).await.unwrap();
    let mut kept = weir_tests::ids::of(Signal::Logs, &upstream.deliveries(1).await[0].body);
    kept.sort();
    assert_eq!(kept, expected());
}

#[tokio::test]
async fn spans_with_an_error_are_kept_whatever_the_percentage() {
    let (upstream, weir) = sampling(json!({"percentage": 0})).await;
    let mut failed = span("failed");
    failed.status.as_mut().unwrap().code = 2;
    let body = traces(vec![span("fine"), failed]).encode_to_vec();
    GrpcSender::new(weir.ports.grpc).send(Signal::Traces, body).await.unwrap();
    let kept = weir_tests::ids::of(Signal::Traces, &upstream.deliveries(1).await[0].body);
    assert_eq!(kept, ["failed"]);
}

#[tokio::test]
async fn a_request_of_which_nothing_is_left_is_acknowledged_and_not_sent() {
    let (upstream, weir) = sampling(json!({"percentage": 0})).await;
    let body = requests::unique(Signal::Traces, "none", 50);
    GrpcSender::new(weir.ports.grpc).send(Signal::Traces, body).await.unwrap();
    let metrics = weir.metrics().await;
    assert_eq!(metrics.sum("weir_plugin_items_dropped_total", &[("plugin", "sample")]), 50.0);
    assert!(upstream.received().is_empty());
}

#[tokio::test]
async fn without_a_configuration_everything_is_kept_as_it_is() {
    let (upstream, weir) = sampling(json!(null)).await;
    for signal in Signal::READ {
        let body = requests::unique(signal, "all", 50);
        GrpcSender::new(weir.ports.grpc).send(signal, body.clone()).await.unwrap();
        assert_eq!(upstream.delivered().pop().unwrap().body, body);
    }
}
