//! Stack 2: a shop made with haiway (`deploy/stacks/haiway/app.py`) in front of the weir of `deploy/stacks/haiway/weir.yaml`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use weir_tests::{Client, Item, Launch, Oracle, Received, Signal, Upstream, Weir, items, stack};

pub(crate) const ORDERS: usize = 40;
const SIGNOZ_KEY: &str = "signoz-hush-1111";

fn is_declined(number: usize) -> bool {
    number % 5 == 4
}

struct Haiway {
    sent: Upstream,
    jaeger: Upstream,
    prometheus: Upstream,
    signoz: Upstream,
    weir: Weir,
}

/// The weir of the stack, ready to be started.
pub(crate) fn launch(sent: &Upstream, jaeger: String, prometheus: String, signoz: String) -> Launch {
    let pipelines = json!({
        "traces": {
            "receivers": ["otlp"], "processors": ["wasm/sample", "wasm/redact", "wasm/enrich"],
            "exporters": ["otlp_grpc/jaeger", "otlp_grpc/signoz"],
        },
        "metrics": {
            "receivers": ["otlp"], "processors": ["wasm/redact", "wasm/enrich"],
            "exporters": ["otlp_http/prometheus", "otlp_grpc/signoz"],
        },
        "logs": {
            "receivers": ["otlp"], "processors": ["wasm/sample", "wasm/redact", "wasm/enrich"],
            "exporters": ["otlp_grpc/signoz"],
        },
    });
    let env = [
        ("WEIR_TOKEN_KEY", "0123456789abcdef0123456789abcdef".to_owned()),
        ("SAMPLE_PERCENTAGE", "50".to_owned()),
        ("CLOUD_REGION", "eu-1".to_owned()),
        ("JAEGER_ENDPOINT", jaeger),
        ("PROMETHEUS_URL", prometheus),
        ("SIGNOZ_ENDPOINT", signoz),
        ("SIGNOZ_INGESTION_KEY", SIGNOZ_KEY.to_owned()),
    ];
    stack::launch("haiway", pipelines, sent, &env)
}

/// Runs the application to its end; `None` where haiway is not installed.
pub(crate) async fn app(weir: &Weir) -> Option<()> {
    let endpoint = format!("http://127.0.0.1:{}", weir.ports.grpc);
    let app = Client::Stack("../deploy/stacks/haiway/app.py");
    app.run(&[&endpoint, &ORDERS.to_string()], &[]).await.map(drop)
}

impl Haiway {
    /// The stack after the application has run; `None` where haiway is not installed.
    async fn run() -> Option<Haiway> {
        let (sent, jaeger) = (Upstream::start().await, Upstream::start().await);
        let (prometheus, signoz) = (Upstream::start().await, Upstream::start().await);
        let url = format!("http://{}", prometheus.address());
        let weir = launch(&sent, jaeger.address(), url, signoz.address()).start().await;
        app(&weir).await?;
        Some(Haiway { sent, jaeger, prometheus, signoz, weir })
    }
}

/// The token of each user, by what arrived: the same wherever the user stands, and another one for each.
fn tokens(sent: &[Received], arrived: &[Received]) -> BTreeMap<String, String> {
    let before: BTreeMap<_, _> =
        items::of(Signal::Traces, sent).into_iter().map(|span| (span.key.clone(), span)).collect();
    let mut tokens: BTreeMap<String, String> = BTreeMap::new();
    for span in items::of(Signal::Traces, arrived) {
        let user = before[&span.key].text("attributes[user.id]");
        let token = span.text("attributes[user.id]");
        if user.is_empty() {
            continue;
        }
        assert!(
            token.starts_with("<key:k1:") && token.len() == "<key:k1:>".len() + 16,
            "{user} became {token}"
        );
        let former = tokens.entry(user.to_owned()).or_insert_with(|| token.to_owned());
        assert_eq!(former, token, "{user} has one token");
    }
    assert_eq!(tokens.values().collect::<BTreeSet<_>>().len(), tokens.len(), "{tokens:?}");
    tokens
}

fn oracle<'a>(tokens: &'a BTreeMap<String, String>) -> Oracle<'a> {
    let mut texts: Vec<(String, &str)> =
        (0..ORDERS).map(|number| (format!("ada.lovelace{number}@example.com"), "[REDACTED:email]")).collect();
    texts.push(("4111 1111 1111 1111".to_owned(), "[REDACTED:credit_card]"));
    // Longer ones first: one address is the beginning of another.
    texts.extend((0..ORDERS).rev().map(|number| (format!("203.0.113.{number}"), "[REDACTED:ip]")));
    texts.extend(tokens.iter().map(|(user, token)| (user.clone(), token.as_str())));
    Oracle { threshold: "8", texts, resource: &[("cloud.region", "eu-1")] }
}

/// What the application is known to send, whatever weir does.
fn is_the_shop_s(spans: &[Item]) {
    let named =
        |name: &str| -> Vec<&Item> { spans.iter().filter(|span| span.text("name") == name).collect() };
    let (checkouts, payments) = (named("checkout"), named("payment"));
    assert_eq!((checkouts.len(), payments.len(), spans.len()), (ORDERS, ORDERS, 2 * ORDERS));
    for checkout in checkouts {
        let number = checkout.attribute("order.number").as_u64().unwrap() as usize;
        assert_eq!(*checkout.attribute("order.id"), format!("order-{number:04}"));
        assert_eq!(*checkout.attribute("user.id"), format!("user-{}", number % 7));
        assert_eq!(checkout.text("events[0].name"), "order.received");
        assert_eq!(checkout.text("events[0].attributes[client_ip]"), format!("203.0.113.{number}"));
        let payment = payments.iter().find(|payment| payment.trace_id == checkout.trace_id).unwrap();
        assert_eq!(payment.text("parent_span_id"), checkout.text("span_id"));
        assert_eq!(*payment.attribute("payment.amount"), 10.5 * number as f64);
        let (status, told) = if is_declined(number) { (2, "was declined") } else { (1, "") };
        assert_eq!(*payment.at("status.code"), status, "{number}");
        assert!(checkout.text("events[1].attributes[exception.message]").contains(told));
        assert_eq!(checkout.at("events[1].name").is_null(), !is_declined(number));
        assert_eq!(checkout.text("resource.attributes[service.name]"), "shop");
        assert_eq!(checkout.text("resource.attributes[deployment.environment]"), "production");
    }
}

#[tokio::test]
async fn haiway_s_spans_are_sampled_and_name_nobody_any_more_and_nothing_else_about_them_changes() {
    let Some(stack) = Haiway::run().await else { return };
    let sent = stack.sent.delivered();
    is_the_shop_s(&items::of(Signal::Traces, &sent));
    for upstream in [&stack.jaeger, &stack.signoz] {
        let arrived = upstream.delivered();
        let tokens = tokens(&sent, &arrived);
        assert!(tokens.len() > 4, "{tokens:?}");
        let outcome = oracle(&tokens).compare(Signal::Traces, &sent, &arrived);
        assert!(
            outcome.sent == 2 * ORDERS && outcome.kept > ORDERS / 2 && outcome.kept < 2 * ORDERS,
            "{outcome:?}"
        );
        let masked = [
            "attributes[user.id]",
            "events[0].attributes[client_ip]",
            "events[0].attributes[mail]",
            "events[1].attributes[exception.message]",
            "events[1].attributes[exception.stacktrace]",
        ];
        // An exception that leaves a scope is an event of its own, if the release of haiway says so.
        let paths = outcome.masked_paths();
        let others: Vec<_> = paths.iter().filter(|path| !masked.contains(*path)).collect();
        assert!(others.iter().all(|path| path.contains("exception.")), "{others:?}");
        assert!(paths.is_superset(&masked[..3].iter().copied().collect()), "{paths:?}");
    }
    assert!(stack.signoz.delivered().iter().all(|one| one.headers["signoz-ingestion-key"] == SIGNOZ_KEY));
    assert!(stack.jaeger.delivered().iter().all(|one| !one.headers.contains_key("signoz-ingestion-key")));
    assert!(!stack.weir.stderr().contains(SIGNOZ_KEY));
}

#[tokio::test]
async fn haiway_s_log_records_follow_their_traces_and_name_nobody_any_more() {
    let Some(stack) = Haiway::run().await else { return };
    let (sent, arrived) = (stack.sent.delivered(), stack.signoz.delivered());
    let records = items::of(Signal::Logs, &sent);
    let declined = (0..ORDERS).filter(|number| is_declined(*number)).count();
    let told = |text: &str| records.iter().filter(|record| record.text("body").contains(text)).count();
    assert_eq!((told("received"), told("failed"), told("has to be asked")), (ORDERS, declined, declined));
    assert_eq!(told("not told"), 0);
    let spans: BTreeSet<String> =
        items::of(Signal::Traces, &sent).iter().map(|span| span.text("span_id").to_owned()).collect();
    assert!(records.iter().all(|record| spans.contains(record.text("span_id"))), "each is tied to its span");
    let users = tokens(&sent, &arrived);
    let outcome = oracle(&users).compare(Signal::Logs, &sent, &arrived);
    assert!(outcome.kept > outcome.sent / 4 && outcome.kept < outcome.sent, "{outcome:?}");
    assert_eq!(outcome.masked_paths(), ["body"].into());
}

#[tokio::test]
async fn haiway_s_metrics_reach_prometheus_and_signoz_with_their_names_units_and_values() {
    let Some(stack) = Haiway::run().await else { return };
    let sent = stack.sent.delivered();
    let points = items::of(Signal::Metrics, &sent);
    let of = |name: &str| -> Vec<&Item> {
        points.iter().filter(|point| point.text("metric.name") == name).collect()
    };
    // The interval is longer than the run, most of the time: the last point of each series has everything.
    let last = |name: &str| *of(name).last().unwrap_or_else(|| panic!("no {name}"));
    let orders = last("shop.orders");
    assert_eq!((orders.text("metric.kind"), orders.text("metric.unit")), ("monotonic sum", "{order}"));
    assert_eq!((orders.at("as_int"), orders.attribute("channel")), (&json!(ORDERS), &json!("web")));
    let values = last("shop.order.value");
    assert_eq!((values.text("metric.kind"), values.text("metric.unit")), ("histogram", "EUR"));
    assert_eq!((values.at("count"), values.at("max")), (&json!(ORDERS), &json!(10.5 * (ORDERS - 1) as f64)));
    let length = last("shop.queue.length");
    assert_eq!((length.text("metric.kind"), length.at("as_int")), ("gauge", &json!(ORDERS - 1)));
    let nobody = BTreeMap::new();
    for upstream in [&stack.prometheus, &stack.signoz] {
        let outcome = oracle(&nobody).compare(Signal::Metrics, &sent, &upstream.delivered());
        assert_eq!((outcome.sent, outcome.kept), (points.len(), points.len()));
    }
}

#[tokio::test]
async fn what_the_readme_lays_over_the_configuration_is_valid() {
    for overlays in [&[][..], &["look.yaml"], &["local.yaml"]] {
        let output = stack::validate("haiway", overlays).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{overlays:?}: {said}");
    }
}
