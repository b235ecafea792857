//! The Go SDK as stack 1 uses it: otlptracegrpc, otelhttp, otelpgx, zap over otelzap, and its metrics. `tests/go` is the program.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use weir_tests::{Client, Fork, Item, Oracle, Signal, items};

/// What `tests/go/main.go` makes: an agent with its owner, a request to a model and a row of a table each; one in five fails.
const AGENTS: usize = 40;

fn is_failed(number: usize) -> bool {
    number % 5 == 4
}

pub(crate) fn oracle() -> Oracle<'static> {
    Oracle::of_three_plugins((0..AGENTS).map(|number| format!("owner{number}@example.com")))
}

/// The program's run; `None` where it is not built.
async fn run(fork: &Fork) -> Option<()> {
    Client::Go.run(&[&format!("127.0.0.1:{}", fork.weir.ports.grpc)], &[]).await.map(drop)
}

fn with<'a>(items: &'a [Item], path: &str, value: impl Into<Value>) -> Vec<&'a Item> {
    let value = value.into();
    items.iter().filter(|item| *item.at(path) == value).collect()
}

#[tokio::test]
async fn the_go_sdk_s_spans_are_sampled_redacted_and_enriched_and_nothing_else_about_them_changes() {
    let fork = Fork::through_three_plugins().await;
    let Some(()) = run(&fork).await else { return };
    let (sent, arrived) = fork.both();
    let spans = items::of(Signal::Traces, &sent);
    created_agents(&spans);
    let outcome = oracle().compare(Signal::Traces, &sent, &arrived);
    assert_eq!(outcome.sent, spans.len());
    assert!(outcome.kept > outcome.sent / 4 && outcome.kept < outcome.sent, "{outcome:?}");
    let masked = [
        "attributes[agent.name]",
        "attributes[db.query.text]",
        "attributes[url.full]",
        "events[0].attributes[exception.message]",
        "status.message",
    ];
    assert_eq!(outcome.masked_paths(), masked.into());
}

/// What the program is known to send, whatever weir does.
fn created_agents(spans: &[Item]) {
    let agents = with(spans, "name", "agent.Create");
    let requests = with(spans, "scope.name", "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp");
    let statements: Vec<_> = spans.iter().filter(|span| !span.attribute("db.query.text").is_null()).collect();
    assert_eq!((agents.len(), requests.len(), statements.len()), (AGENTS, AGENTS, AGENTS));
    let traces: BTreeSet<_> = agents.iter().map(|span| &span.trace_id).collect();
    assert_eq!(traces.len(), AGENTS);
    for span in &agents {
        let number = span.attribute("agent.number").as_u64().unwrap() as usize;
        assert_eq!(*span.attribute("agent.id"), format!("agent-{number:04}"));
        assert_eq!(*span.attribute("project.id"), format!("project-{}", number % 3));
        assert_eq!(*span.attribute("agent.framework"), "langgraph");
        assert_eq!(*span.attribute("agent.name"), format!("helper of owner{number}@example.com"));
        assert_eq!(span.text("resource.attributes[service.name]"), "agents");
        assert_eq!(span.text("resource.attributes[deployment.environment]"), "production");
        assert_eq!(span.text("resource.schema_url"), "https://opentelemetry.io/schemas/1.21.0");
        assert_eq!(span.at("status.code").as_u64(), is_failed(number).then_some(2));
        let failure = is_failed(number).then(|| format!("owner{number}@example.com has too many agents"));
        assert_eq!(span.text("status.message"), failure.clone().unwrap_or_default());
        assert_eq!(span.text("events[0].attributes[exception.message]"), failure.unwrap_or_default());
        let has_stack = span.text("events[0].attributes[exception.stacktrace]").contains("goroutine");
        assert_eq!(has_stack, is_failed(number));
    }
    for span in requests.iter().chain(&statements) {
        assert!(
            traces.contains(&span.trace_id) && *span.at("kind") == 3,
            "a client's span in an agent's trace"
        );
    }
    for span in statements {
        assert!(span.attribute("db.query.text").as_str().unwrap().starts_with("INSERT INTO agents"));
    }
}

#[tokio::test]
async fn zap_s_records_follow_their_traces_and_keep_their_ids() {
    let fork = Fork::through_three_plugins().await;
    let Some(()) = run(&fork).await else { return };
    let (sent, arrived) = fork.both();
    let records = items::of(Signal::Logs, &sent);
    assert_eq!(records.len(), AGENTS);
    let agents = items::of(Signal::Traces, &sent);
    for record in &records {
        let number = record.attribute("number").as_u64().unwrap() as usize;
        assert_eq!(*record.attribute("trace_id"), record.text("trace_id"));
        assert_eq!(*record.attribute("span_id"), record.text("span_id"));
        let span = agents.iter().find(|span| span.text("span_id") == record.text("span_id")).unwrap();
        assert_eq!(*span.attribute("agent.id"), *record.attribute("agent.id"));
        let (severity, body) = match is_failed(number) {
            true => (17, "agent not created".to_owned()),
            false => (9, format!("agent created for owner{number}@example.com")),
        };
        assert_eq!((record.at("severity_number"), record.text("body")), (&json!(severity), body.as_str()));
    }
    let outcome = oracle().compare(Signal::Logs, &sent, &arrived);
    assert!(outcome.kept > AGENTS / 4 && outcome.kept < AGENTS, "{outcome:?}");
    let kept: BTreeSet<_> =
        items::of(Signal::Traces, &arrived).into_iter().map(|span| span.trace_id).collect();
    let follow = items::of(Signal::Logs, &arrived);
    assert!(follow.iter().all(|record| kept.contains(&record.trace_id)), "a record whose trace is gone");
    assert!(outcome.masked.contains_key("body"), "{outcome:?}");
}

#[tokio::test]
async fn the_go_sdk_s_metrics_arrive_with_their_names_units_bounds_and_values() {
    let fork = Fork::through_three_plugins().await;
    let Some(()) = run(&fork).await else { return };
    let (sent, arrived) = fork.both();
    let points = items::of(Signal::Metrics, &sent);
    let of = |name: &str| with(&points, "metric.name", name);
    let failed = (0..AGENTS).filter(|number| is_failed(*number)).count();

    let requests = of("http_requests_total");
    assert_eq!(requests.len(), 2);
    for (status, count) in [(201, AGENTS - failed), (409, failed)] {
        let point = requests.iter().find(|point| *point.attribute("status") == status).unwrap();
        assert_eq!((point.at("as_int"), point.at("metric.unit")), (&json!(count), &json!("{request}")));
        assert_eq!((point.text("metric.kind"), point.at("metric.temporality")), ("monotonic sum", &json!(2)));
        assert_eq!((point.attribute("method"), point.attribute("path")), (&json!("POST"), &json!("/agents")));
    }
    let tokens: i64 = of("chat_tokens_total").iter().map(|point| point.at("as_int").as_i64().unwrap()).sum();
    assert_eq!(tokens, (0..AGENTS as i64).map(|number| 101 * number).sum::<i64>());
    assert!(of("chat_tokens_total").iter().all(|point| *point.at("metric.unit") == "{token}"));

    let bounds = json!([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]);
    let durations = of("http_request_duration_seconds");
    let counted: u64 = durations.iter().map(|point| point.at("count").as_u64().unwrap()).sum();
    assert_eq!((durations.len(), counted), (2, AGENTS as u64));
    assert!(
        durations
            .iter()
            .all(|point| *point.at("explicit_bounds") == bounds && *point.at("metric.unit") == "s")
    );
    assert!(
        durations.iter().all(|point| point.text("exemplars[0].attributes[owner]").contains("@example.com"))
    );
    let bounds = json!([0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0]);
    let calls = of("llm_call_duration_seconds");
    assert_eq!(calls.len(), 3);
    assert!(
        calls
            .iter()
            .all(|point| *point.at("explicit_bounds") == bounds && *point.attribute("model") == "small-1")
    );
    let active = of("agents_active");
    assert_eq!(active.len(), AGENTS);
    assert!(active.iter().all(|point| point.text("metric.kind") == "sum"), "it goes up and down");
    let up: i64 = active.iter().map(|point| point.at("as_int").as_i64().unwrap()).sum();
    assert_eq!(up, AGENTS as i64 / 2);

    let outcome = oracle().compare(Signal::Metrics, &sent, &arrived);
    assert_eq!((outcome.sent, outcome.kept), (points.len(), points.len()), "metrics are not sampled");
    let masked = outcome.masked_paths();
    assert!(masked.contains("exemplars[0].attributes[owner]"), "{masked:?}");
    assert!(masked.iter().all(|path| path.starts_with("exemplars[")), "{masked:?}");
}
