//! The Java SDK over gRPC and HTTP, with its own senders of both. `tests/java` is the program.

use std::collections::BTreeSet;

use serde_json::json;
use weir_tests::{Client, Fork, Oracle, Signal, items};

/// What `tests/java/Orders.java` makes: a span and a record each; one in five has an event and a second record.
const ORDERS: usize = 40;
const FAILED: usize = ORDERS / 5;

fn oracle() -> Oracle<'static> {
    Oracle::of_three_plugins((0..ORDERS).map(|number| format!("buyer{number}@example.com")))
}

async fn everything_is_sampled_redacted_and_enriched(protocol: &str) {
    let fork = Fork::through_three_plugins().await;
    let port = if protocol == "grpc" { fork.weir.ports.grpc } else { fork.weir.ports.http };
    let ran = Client::Java.run(&[protocol, &format!("http://127.0.0.1:{port}")], &[]).await;
    if ran.is_none() {
        return;
    }
    let (sent, arrived) = fork.both();

    let spans = items::of(Signal::Traces, &sent);
    assert_eq!(spans.len(), ORDERS);
    for span in &spans {
        let number = span.attribute("order.number").as_u64().unwrap() as usize;
        assert_eq!(span.text("name"), format!("order {number}"));
        assert_eq!(*span.attribute("contact"), format!("buyer{number}@example.com"));
        assert_eq!(
            (span.attribute("order.paid"), span.attribute("ratio")),
            (&json!(number.is_multiple_of(2)), &json!(0.5))
        );
        assert_eq!(*span.at("kind"), 2);
        let is_linked = number > 0 && number.is_multiple_of(3);
        assert_eq!(!span.at("links[0].span_id").is_null(), is_linked);
    }
    let outcome = oracle().compare(Signal::Traces, &sent, &arrived);
    assert!(outcome.kept > ORDERS / 4 && outcome.kept < ORDERS, "{outcome:?}");
    let masked = outcome.masked_paths();
    for path in ["attributes[contact]", "attributes[order.lines][1]", "status.message"] {
        assert!(masked.contains(path), "{masked:?}");
    }
    for path in ["events[0].attributes[exception.message]", "events[0].attributes[exception.stacktrace]"] {
        assert_eq!(outcome.masked[path], FAILED);
    }

    let records = items::of(Signal::Logs, &sent);
    assert_eq!(records.len(), ORDERS + FAILED);
    let traces: BTreeSet<_> = spans.iter().map(|span| &span.trace_id).collect();
    assert!(records.iter().all(|record| traces.contains(&record.trace_id)));
    let outcome = oracle().compare(Signal::Logs, &sent, &arrived);
    assert!(outcome.kept < records.len(), "{outcome:?}");
    let masked = outcome.masked_paths();
    assert!(masked.is_subset(&["attributes[contact]", "body", "body.mail"].into()), "{masked:?}");

    let points = items::of(Signal::Metrics, &sent);
    let kinds: BTreeSet<_> =
        points.iter().map(|point| (point.text("metric.name"), point.text("metric.kind"))).collect();
    let known = [
        ("shop.open", "sum"),
        ("shop.orders", "monotonic sum"),
        ("shop.payload.size", "histogram"),
        ("shop.queue.wait", "exponential histogram"),
        ("shop.temperature", "gauge"),
    ];
    assert_eq!(kinds, known.into());
    let outcome = oracle().compare(Signal::Metrics, &sent, &arrived);
    assert_eq!((outcome.sent, outcome.kept), (points.len(), points.len()));
    assert_eq!(outcome.masked["attributes[contact]"], 4, "one for each customer's series");
}

#[tokio::test]
async fn what_the_java_sdk_sends_over_grpc_is_sampled_redacted_and_enriched_and_nothing_else_about_it_changes()
 {
    everything_is_sampled_redacted_and_enriched("grpc").await;
}

#[tokio::test]
async fn what_the_java_sdk_sends_over_http_is_sampled_redacted_and_enriched_and_nothing_else_about_it_changes()
 {
    everything_is_sampled_redacted_and_enriched("http").await;
}
