//! Requests that have something for every rule of the table.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::*;
use opentelemetry_proto::tonic::trace::v1::{ScopeSpans, Span, span};
use prost::Message;
use weir_tests::Signal;
use weir_tests::requests::{self, array, attribute, int, map, text};

fn any(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

/// Attributes of every type, and texts that rules are about.
fn attributes() -> Vec<KeyValue> {
    vec![
        attribute("user.email", text("ada@example.org")),
        attribute("user.id", int(4711)),
        attribute("card", text("pay 4111111111111111 by 5500000000000004 now")),
        attribute("lines", text("first\nsecond\n")),
        attribute("empty", text("")),
        attribute("number", text("42")),
        attribute("plus", text("+7")),
        attribute("fraction", text("1.5e3")),
        attribute("words", text("forty-two")),
        attribute("truth", any(Value::BoolValue(true))),
        attribute("lie", any(Value::BoolValue(false))),
        attribute("small", any(Value::DoubleValue(1e-7))),
        attribute("large", any(Value::DoubleValue(-2.5e21))),
        attribute("plain", any(Value::DoubleValue(3.75))),
        attribute("whole", any(Value::DoubleValue(100.0))),
        attribute("bytes", any(Value::BytesValue(vec![0, 1, 2, 255]))),
        attribute("nothing", AnyValue { value: None }),
        attribute("list", array([text("a"), int(1), any(Value::DoubleValue(0.5)), AnyValue { value: None }])),
        attribute(
            "tree",
            map([
                ("z", text("4111111111111111")),
                ("a", map([("deep", int(4711)), ("<b>", text("\"q\" & \u{e4}\u{2028}"))])),
            ]),
        ),
        attribute("http.url", text("https://shop.example/cart/17?token=s3cret#top")),
        attribute("http.status_code", int(503)),
        attribute("redaction.masked.keys", text("earlier")),
        attribute("redaction.masked.count", int(1)),
        attribute("gr\u{f6}\u{df}e", text("\u{663}\u{664} \u{fc}ber 12")),
    ]
}

fn bodies() -> Vec<Option<AnyValue>> {
    let card = || text("card 4111111111111111");
    vec![
        Some(text("ada@example.org paid with 4111111111111111")),
        Some(map([
            ("user", map([("email", text("ada@example.org")), ("id", int(4711)), ("card", card())])),
            ("card", card()),
            ("secret.token", text("one\ntwo")),
            ("secret.number", int(7)),
            (
                "list",
                array([card(), map([("card", card()), ("ok", text("fine"))]), int(4711), array([card()])]),
            ),
            ("kept", any(Value::BoolValue(true))),
        ])),
        Some(array([card(), text("fine"), map([("secret.token", card())])])),
        Some(int(4711)),
        Some(any(Value::DoubleValue(1.5))),
        Some(any(Value::BytesValue(vec![1, 2, 3]))),
        Some(any(Value::BoolValue(true))),
        Some(AnyValue { value: None }),
        None,
        Some(text("")),
    ]
}

fn scopes() -> [Option<InstrumentationScope>; 3] {
    let scope = |name: &str, version: &str| {
        let attributes = vec![attribute("card", text("4111111111111111")), attribute("kept", text("yes"))];
        Some(InstrumentationScope {
            name: name.into(),
            version: version.into(),
            attributes,
            ..Default::default()
        })
    };
    [scope("io.http", "1.2.3"), scope("io.db", ""), None]
}

/// The first request's resource has more; a second one has another service, and a third one none.
macro_rules! resources {
    ($first:expr) => {{
        let first = $first;
        let (mut second, mut third) = (first.clone(), first.clone());
        second.resource.as_mut().unwrap().attributes = vec![attribute("service.name", text("billing"))];
        third.resource = None;
        let mut first = first;
        let attributes = &mut first.resource.as_mut().unwrap().attributes;
        attributes.extend([
            attribute("host.name", text("node-7")),
            attribute("k8s.pod.name", text("checkout-4111111111111111")),
            attribute("process.pid", int(4711)),
            attribute("tags", array([text("a"), text("b")])),
        ]);
        vec![first, second, third]
    }};
}

/// The request of a signal.
pub fn request(signal: Signal) -> Vec<u8> {
    match signal {
        Signal::Traces => traces(),
        Signal::Logs => logs(),
        _ => metrics(),
    }
}

fn traces() -> Vec<u8> {
    let names = ["GET /cart", "SELECT cards", "", "POST /pay/4111111111111111", "GET /cart", "consume"];
    let spans: Vec<Span> = names
        .iter()
        .zip(0..)
        .map(|(name, kind)| {
            let mut span = requests::span(&format!("rich-{kind}"));
            (span.name, span.kind) = ((*name).into(), kind);
            span.attributes = if kind == 2 { Vec::new() } else { attributes() };
            span.events = vec![span::Event {
                name: "4111111111111111".into(),
                attributes: attributes(),
                ..Default::default()
            }];
            span.links = vec![span::Link {
                trace_id: span.trace_id.clone(),
                span_id: span.span_id.clone(),
                attributes: attributes(),
                ..Default::default()
            }];
            span
        })
        .collect();
    let mut request = requests::traces(Vec::new());
    let scoped = |scope| ScopeSpans { scope, spans: spans.clone(), ..Default::default() };
    request.resource_spans[0].scope_spans = scopes().into_iter().map(scoped).collect();
    request.resource_spans = resources!(request.resource_spans.remove(0));
    request.encode_to_vec()
}

fn logs() -> Vec<u8> {
    let severities = [0, 1, 9, 9, 13, 17, 21, 24, 5, 0];
    let records: Vec<LogRecord> = bodies()
        .into_iter()
        .zip(severities)
        .map(|(body, severity_number)| {
            let record = requests::log(&format!("rich-{severity_number}"));
            let attributes = if severity_number == 5 { Vec::new() } else { attributes() };
            let severity_text = if severity_number > 12 { "ERROR" } else { "info" }.into();
            LogRecord { body, severity_number, severity_text, attributes, ..record }
        })
        .collect();
    let mut request = requests::logs(Vec::new());
    let scoped = |scope| ScopeLogs { scope, log_records: records.clone(), ..Default::default() };
    request.resource_logs[0].scope_logs = scopes().into_iter().map(scoped).collect();
    request.resource_logs = resources!(request.resource_logs.remove(0));
    request.encode_to_vec()
}

fn metrics() -> Vec<u8> {
    let exemplars = || vec![Exemplar { filtered_attributes: attributes(), ..Exemplar::default() }];
    let number = || {
        let value = Some(number_data_point::Value::AsInt(7));
        vec![
            NumberDataPoint { attributes: attributes(), value, exemplars: exemplars(), ..Default::default() },
            NumberDataPoint { value, ..Default::default() },
        ]
    };
    let data = [
        ("cart.size", Data::Gauge(Gauge { data_points: number() })),
        (
            "requests",
            Data::Sum(Sum { data_points: number(), aggregation_temporality: 2, is_monotonic: true }),
        ),
        (
            "latency",
            Data::Histogram(Histogram {
                data_points: vec![HistogramDataPoint {
                    attributes: attributes(),
                    count: 1,
                    bucket_counts: vec![1, 0],
                    explicit_bounds: vec![1.0],
                    exemplars: exemplars(),
                    ..Default::default()
                }],
                aggregation_temporality: 1,
            }),
        ),
        (
            "sizes",
            Data::ExponentialHistogram(ExponentialHistogram {
                data_points: vec![ExponentialHistogramDataPoint {
                    attributes: attributes(),
                    count: 1,
                    ..Default::default()
                }],
                aggregation_temporality: 1,
            }),
        ),
        (
            "quantiles",
            Data::Summary(Summary {
                data_points: vec![SummaryDataPoint {
                    attributes: attributes(),
                    count: 1,
                    ..Default::default()
                }],
            }),
        ),
    ];
    let metrics: Vec<Metric> = data
        .into_iter()
        .map(|(name, data)| Metric {
            name: name.into(),
            data: Some(data),
            metadata: vec![attribute("card", text("4111111111111111"))],
            ..Default::default()
        })
        .collect();
    let mut request = requests::metrics(Vec::new());
    let scoped = |scope| ScopeMetrics { scope, metrics: metrics.clone(), ..Default::default() };
    request.resource_metrics[0].scope_metrics = scopes().into_iter().map(scoped).collect();
    request.resource_metrics = resources!(request.resource_metrics.remove(0));
    request.encode_to_vec()
}
