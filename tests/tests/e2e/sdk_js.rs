//! The real SDK for JavaScript, whose HTTP exporters write OTLP/JSON, and over gRPC.

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValue;
use prost::Message;
use serde_json::json;
use weir_tests::build::plugin;
use weir_tests::requests::{log_records, spans, text_of};
use weir_tests::{Client, Fork, Launch, Oracle, Signal, Upstream, Weir, items};

/// What `tests/js/emit.mjs` sends.
const ORDERS: usize = 24;

/// Runs emit.mjs over HTTP without or with a compression, or over gRPC; `None` if the SDK is not here.
async fn emit(weir: &Weir, wire: &str) -> Option<()> {
    let port = if wire == "grpc" { weir.ports.grpc } else { weir.ports.http };
    Client::JavaScript.run(&[&format!("http://127.0.0.1:{port}"), wire], &[]).await.map(drop)
}

async fn everything_arrives(compression: &str) {
    let upstream = Upstream::start().await;
    let weir = Launch::new().to_grpc(&upstream.address()).start().await;
    if emit(&weir, compression).await.is_none() {
        return;
    }
    let delivered = upstream.delivered();
    let of = |signal: Signal| delivered.iter().filter(move |one| one.signal == signal);
    let all: Vec<_> = of(Signal::Traces).flat_map(|one| spans(&one.body)).collect();
    let ids: BTreeSet<_> = all.iter().map(|span| (span.trace_id.clone(), span.span_id.clone())).collect();
    assert_eq!((all.len(), ids.len()), (ORDERS, ORDERS));
    assert!(all.iter().all(|span| span.trace_id.len() == 16 && span.span_id.len() == 8 && span.kind == 2));
    assert_eq!(all.iter().map(|span| span.events.len()).sum::<usize>(), 8);
    assert_eq!(all.iter().map(|span| span.links.len()).sum::<usize>(), 7);
    let linked = all.iter().flat_map(|span| &span.links).all(|link| link.span_id.len() == 8);
    assert!(linked, "the ids of links are hexadecimal too");
    let weight = all.iter().flat_map(|span| &span.events).flat_map(|event| &event.attributes);
    let weights: Vec<_> = weight.filter(|attribute| attribute.key == "weight").collect();
    assert_eq!(weights[0].value.as_ref().unwrap().value, Some(AnyValue::IntValue(1 << 40)));

    let records: Vec<_> = of(Signal::Logs).flat_map(|one| log_records(&one.body)).collect();
    assert_eq!(records.len(), ORDERS);
    let raw = records[0].attributes.iter().find(|attribute| attribute.key == "raw").unwrap();
    assert_eq!(raw.value.as_ref().unwrap().value, Some(AnyValue::BytesValue(vec![0, 255, 16])));
    assert!(
        records.iter().any(|one| matches!(one.body.as_ref().unwrap().value, Some(AnyValue::KvlistValue(_))))
    );

    let names: BTreeSet<_> = of(Signal::Metrics)
        .flat_map(|one| ExportMetricsServiceRequest::decode(&one.body[..]).unwrap().resource_metrics)
        .flat_map(|resource| resource.scope_metrics.into_iter().flat_map(|scope| scope.metrics))
        .map(|metric| metric.name)
        .collect();
    assert_eq!(names, ["shop.orders", "shop.payload.size", "shop.temperature"].map(str::to_owned).into());
    let metrics = weir.metrics().await;
    assert_eq!(metrics.sum("otelcol_receiver_accepted_spans_total", &[]), ORDERS as f64);
    assert_eq!(metrics.sum("otelcol_receiver_requests_total", &[("outcome", "refused")]), 0.0);
}

#[tokio::test]
async fn everything_that_the_javascript_sdk_sends_as_json_arrives() {
    everything_arrives("none").await;
}

#[tokio::test]
async fn everything_that_the_javascript_sdk_sends_as_json_with_gzip_arrives() {
    everything_arrives("gzip").await;
}

#[tokio::test]
async fn everything_that_the_javascript_sdk_sends_over_grpc_arrives() {
    everything_arrives("grpc").await;
}

async fn everything_is_sampled_redacted_and_enriched(wire: &str) {
    let fork = Fork::through_three_plugins().await;
    if emit(&fork.weir, wire).await.is_none() {
        return;
    }
    let (sent, arrived) = fork.both();
    let oracle = Oracle::of_three_plugins((0..ORDERS).map(|number| format!("buyer{number}@example.com")));
    let compare = |signal| oracle.compare(signal, &sent, &arrived);

    let outcome = compare(Signal::Traces);
    assert!(outcome.sent == ORDERS && outcome.kept < ORDERS, "{outcome:?}");
    let masked = ["attributes[contact]", "events[0].attributes[by]"];
    assert!(outcome.masked_paths().is_subset(&masked.into()) && !outcome.masked.is_empty(), "{outcome:?}");

    let outcome = compare(Signal::Logs);
    assert!(outcome.sent == ORDERS && outcome.kept < ORDERS, "{outcome:?}");
    let masked = ["attributes[contact]", "body", "body.mail"];
    assert!(outcome.masked_paths().is_subset(&masked.into()) && !outcome.masked.is_empty(), "{outcome:?}");
    let traces: BTreeSet<_> =
        items::of(Signal::Traces, &arrived).into_iter().map(|span| span.trace_id).collect();
    let records = items::of(Signal::Logs, &arrived);
    assert!(records.iter().all(|record| traces.contains(&record.trace_id)), "records follow their traces");

    let outcome = compare(Signal::Metrics);
    assert_eq!((outcome.sent, outcome.kept), (ORDERS + 2, ORDERS + 2));
    assert_eq!(outcome.masked, [("attributes[contact]".to_owned(), ORDERS)].into());
}

#[tokio::test]
async fn what_the_javascript_sdk_sends_as_json_is_sampled_redacted_and_enriched_and_nothing_else_changes() {
    everything_is_sampled_redacted_and_enriched("none").await;
}

#[tokio::test]
async fn what_the_javascript_sdk_sends_over_grpc_is_sampled_redacted_and_enriched_and_nothing_else_changes() {
    everything_is_sampled_redacted_and_enriched("grpc").await;
}

#[tokio::test]
async fn what_the_javascript_sdk_says_about_people_is_masked() {
    let upstream = Upstream::start().await;
    let redact = json!({"plugin": plugin("redact")});
    let weir = Launch::new().to_grpc(&upstream.address()).processor("wasm/redact", redact).start().await;
    if emit(&weir, "none").await.is_none() {
        return;
    }
    let delivered = upstream.delivered();
    assert!(delivered.len() >= 3);
    for one in &delivered {
        assert!(!one.body.windows(12).any(|window| window == b"@example.com"), "{:?}", one.signal);
    }
    let span =
        delivered.iter().filter(|one| one.signal == Signal::Traces).flat_map(|one| spans(&one.body)).next();
    assert_eq!(text_of(&span.unwrap().attributes, "contact"), Some("[REDACTED:email]"));
}
