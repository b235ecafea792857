//! The three stacks with a real Jaeger behind weir, and the second with a real Prometheus: what they have is what the applications
//! sent, after weir. Where a backend or an application is not installed, these tests say that they were skipped.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use weir_tests::backend::{Backend, Prometheus};
use weir_tests::build::plugin;
use weir_tests::{Client, Item, Launch, Signal, Upstream, items, wait};

use super::{sdk_go, stack_haiway, stack_junjo};

/// Waits until Jaeger has so many spans of a service, and gives them by their ids.
async fn spans_in(jaeger: &Backend, service: &str, count: usize) -> BTreeMap<String, Value> {
    wait::until(&format!("Jaeger has {count} spans of {service}"), async || {
        let traces = jaeger.traces(service).await;
        let spans: Vec<Value> =
            traces.iter().flat_map(|trace| trace["spans"].as_array().cloned().unwrap_or_default()).collect();
        (spans.len() >= count).then_some(spans)
    })
    .await
    .into_iter()
    .map(|span| (span["spanID"].as_str().unwrap_or_default().to_owned(), span))
    .collect()
}

/// The value of a tag of a span, or of a field of an event.
fn tag<'a>(of: &'a Value, key: &str) -> &'a Value {
    let found = of.as_array().into_iter().flatten().find(|tag| tag["key"] == key);
    found.map_or(&Value::Null, |tag| &tag["value"])
}

/// Jaeger writes 21.0 as 21.
fn is_same(found: &Value, value: &Value) -> bool {
    found == value || (found.is_number() && found.as_f64() == value.as_f64())
}

/// Each span that had to arrive is there by its ids, under its parent, with its name and its own attributes as weir has to leave them.
fn are_there(expected: &[(&Item, items::Leaves)], found: &BTreeMap<String, Value>) {
    assert_eq!(found.len(), expected.len());
    for (item, leaves) in expected {
        let span = &found[item.text("span_id")];
        assert_eq!(span["traceID"], item.text("trace_id"));
        assert_eq!(span["operationName"], item.text("name"));
        let parent = span["references"].as_array().and_then(|of| of.first()).map(|of| of["spanID"].clone());
        assert_eq!(parent.unwrap_or(json!("")), item.text("parent_span_id"));
        for (path, value) in leaves {
            let key = path.strip_prefix("attributes[").and_then(|rest| rest.strip_suffix(']'));
            // Lists are shown as one tag; their leaves are compared elsewhere.
            if let Some(key) = key.filter(|key| !key.contains("][")) {
                let found = tag(&span["tags"], key);
                assert!(is_same(found, value), "{key} of {} is {found} and not {value}", item.key);
            }
        }
        if let Some(message) = leaves.get("events[0].attributes[exception.message]") {
            assert_eq!(tag(&span["logs"][0]["fields"], "exception.message"), message);
        }
    }
}

#[tokio::test]
async fn a_go_service_s_traces_are_found_in_jaeger_without_what_names_a_person() {
    let Some(jaeger) = Backend::jaeger().await else { return };
    let sent = Upstream::start().await;
    let redact = json!({"plugin": plugin("redact")});
    let mut launch = Launch::new().to_grpc(&at(jaeger.grpc)).processor("wasm/redact", redact);
    launch.config["exporters"]["otlp_grpc/sent"] = weir_tests::weir::plain_grpc(&sent.address());
    let pipelines = &mut launch.config["service"]["pipelines"];
    // Jaeger has no use for metrics and logs, and says so.
    for signal in ["metrics", "logs"] {
        pipelines[signal] = json!({"receivers": ["otlp"], "exporters": ["otlp_grpc/sent"]});
    }
    pipelines["traces/sent"] = json!({"receivers": ["otlp"], "exporters": ["otlp_grpc/sent"]});
    let weir = launch.start().await;
    let ran = Client::Go.run(&[&format!("127.0.0.1:{}", weir.ports.grpc)], &[]).await;
    if ran.is_none() {
        return;
    }
    let sent = items::of(Signal::Traces, &sent.delivered());
    let oracle = weir_tests::Oracle { threshold: "", resource: &[], ..sdk_go::oracle() };
    let expected: Vec<_> = sent.iter().map(|span| (span, oracle.expected(span))).collect();
    let found = spans_in(&jaeger, "agents", sent.len()).await;
    are_there(&expected, &found);
    assert!(!json!(found).to_string().contains("@example.com"));
}

fn at(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

#[tokio::test]
async fn the_haiway_shop_s_sampled_traces_are_in_jaeger_and_name_nobody() {
    let Some(jaeger) = Backend::jaeger().await else { return };
    let (sent, prometheus, signoz) =
        (Upstream::start().await, Upstream::start().await, Upstream::start().await);
    let url = format!("http://{}", prometheus.address());
    let weir = stack_haiway::launch(&sent, at(jaeger.grpc), url, signoz.address()).start().await;
    let Some(()) = stack_haiway::app(&weir).await else { return };
    let sent = items::of(Signal::Traces, &sent.delivered());
    // The fake SigNoz has the same: what users became is compared in stack_haiway.
    let arrived = items::of(Signal::Traces, &signoz.delivered());
    let expected: Vec<_> = arrived.iter().map(|span| (span, span.leaves.clone())).collect();
    let found = spans_in(&jaeger, "shop", expected.len()).await;
    assert!(found.len() < sent.len());
    are_there(&expected, &found);
    let everything = json!(found).to_string();
    for secret in ["ada.lovelace", "4111 1111", "203.0.113."] {
        assert!(!everything.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn the_haiway_shop_s_metrics_are_in_prometheus_over_otlp() {
    let options = Prometheus { is_recent: true, ..Prometheus::default() };
    let Some(prometheus) = Backend::prometheus(options).await else { return };
    let (sent, jaeger, signoz) = (Upstream::start().await, Upstream::start().await, Upstream::start().await);
    let url = format!("http://{}", at(prometheus.api));
    let weir = stack_haiway::launch(&sent, jaeger.address(), url, signoz.address()).start().await;
    let Some(()) = stack_haiway::app(&weir).await else { return };
    let one = async |query: &str| {
        wait::until(query, async || {
            let found = prometheus.vector(query).await;
            let value: f64 = found.first()?.pointer("/value/1")?.as_str()?.parse().ok()?;
            Some((value, found[0]["metric"].clone()))
        })
        .await
    };
    let orders = stack_haiway::ORDERS as f64;
    let (value, labels) = one("shop_orders_total").await;
    assert_eq!((value, &labels["channel"], &labels["job"]), (orders, &json!("web"), &json!("examples/shop")));
    assert_eq!(one("shop_order_value_EUR_count").await.0, orders);
    let sum: f64 = (0..stack_haiway::ORDERS).map(|number| 10.5 * number as f64).sum();
    assert_eq!(one("shop_order_value_EUR_sum").await.0, sum);
    assert_eq!(one("shop_queue_length").await.0, orders - 1.0);
    let info = one("target_info").await.1;
    assert_eq!(info["cloud_region"], "eu-1", "what the enricher added");
}

#[tokio::test]
async fn the_junjo_help_desk_s_workflows_are_in_jaeger_with_their_state_as_json() {
    let Some(jaeger) = Backend::jaeger().await else { return };
    let (sent, junjo) = (Upstream::start().await, Upstream::start().await);
    let (tempo, honeycomb) = (Upstream::start().await, Upstream::start_tls().await);
    let weir = stack_junjo::launch(&sent, &junjo, at(jaeger.grpc), &tempo, &honeycomb).start().await;
    let Some(()) = stack_junjo::app(&weir).await else { return };
    let sent = items::of(Signal::Traces, &sent.delivered());
    let oracle = stack_junjo::oracle("");
    let expected: Vec<_> = sent.iter().map(|span| (span, oracle.expected(span))).collect();
    let found = spans_in(&jaeger, "help-desk", sent.len()).await;
    are_there(&expected, &found);
    let states: Vec<Value> = found
        .values()
        .filter_map(|span| tag(&span["tags"], "junjo.workflow.state.end").as_str())
        .map(|text| serde_json::from_str(text).expect("JSON stays JSON"))
        .collect();
    let desks: Vec<_> = states.iter().filter(|state| state["letter"].is_object()).collect();
    assert_eq!(desks.len(), stack_junjo::LETTERS);
    assert!(desks.iter().all(|state| state["letter"]["sender"] == "[REDACTED:email]"));
}
