//! Metrics of every kind, as SDKs send them and as they may be.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint,
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar,
    number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use weir_tests::requests::{attribute, int, text};

pub const DELTA: i32 = 1;
pub const CUMULATIVE: i32 = 2;

/// The time of all points. Some of it is before, since counting has begun before.
pub fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_nanos()).unwrap()
}

pub fn labels(pairs: &[(&str, &str)]) -> Vec<KeyValue> {
    pairs.iter().map(|(key, value)| attribute(key, text(*value))).collect()
}

pub fn point(pairs: &[(&str, &str)], value: f64) -> NumberDataPoint {
    NumberDataPoint {
        attributes: labels(pairs),
        start_time_unix_nano: now() - 60_000_000_000,
        time_unix_nano: now(),
        value: Some(number_data_point::Value::AsDouble(value)),
        ..NumberDataPoint::default()
    }
}

pub fn metric(name: &str, unit: &str, data: Data) -> Metric {
    let description = format!("What {name} is about.");
    Metric { name: name.into(), unit: unit.into(), description, data: Some(data), ..Metric::default() }
}

pub fn gauge(name: &str, unit: &str, data_points: Vec<NumberDataPoint>) -> Metric {
    metric(name, unit, Data::Gauge(Gauge { data_points }))
}

pub fn sum(
    name: &str,
    unit: &str,
    temporality: i32,
    is_monotonic: bool,
    data_points: Vec<NumberDataPoint>,
) -> Metric {
    metric(name, unit, Data::Sum(Sum { aggregation_temporality: temporality, is_monotonic, data_points }))
}

pub fn counter(name: &str, unit: &str, data_points: Vec<NumberDataPoint>) -> Metric {
    sum(name, unit, CUMULATIVE, true, data_points)
}

fn seen(value: f64) -> Exemplar {
    Exemplar {
        time_unix_nano: now(),
        value: Some(exemplar::Value::AsDouble(value)),
        trace_id: (1..=16).collect(),
        span_id: (1..=8).collect(),
        ..Exemplar::default()
    }
}

pub fn histogram(name: &str, unit: &str, pairs: &[(&str, &str)]) -> Metric {
    let point = HistogramDataPoint {
        attributes: labels(pairs),
        start_time_unix_nano: now() - 60_000_000_000,
        time_unix_nano: now(),
        count: 10,
        sum: Some(12.75),
        bucket_counts: vec![1, 2, 3, 4],
        explicit_bounds: vec![0.005, 0.1, 2.5],
        exemplars: vec![seen(0.05), seen(9.0)],
        ..HistogramDataPoint::default()
    };
    let data = Histogram { aggregation_temporality: CUMULATIVE, data_points: vec![point] };
    metric(name, unit, Data::Histogram(data))
}

/// 12 values at a scale that Prometheus does not have: 3 of them negative, 2 zero.
pub fn exponential(name: &str, unit: &str, temporality: i32) -> Metric {
    let buckets = |offset, counts: &[u64]| Some(Buckets { offset, bucket_counts: counts.to_vec() });
    let point = ExponentialHistogramDataPoint {
        attributes: labels(&[("path", "/a")]),
        start_time_unix_nano: now() - 60_000_000_000,
        time_unix_nano: now(),
        count: 12,
        sum: Some(21.5),
        scale: 10,
        zero_count: 2,
        positive: buckets(-1024, &[1, 0, 0, 0, 2, 4]),
        negative: buckets(100, &[3]),
        ..ExponentialHistogramDataPoint::default()
    };
    let data = ExponentialHistogram { aggregation_temporality: temporality, data_points: vec![point] };
    metric(name, unit, Data::ExponentialHistogram(data))
}

pub fn summary(name: &str, unit: &str) -> Metric {
    let quantile = |quantile, value| ValueAtQuantile { quantile, value };
    let point = SummaryDataPoint {
        attributes: labels(&[("path", "/a")]),
        time_unix_nano: now(),
        count: 7,
        sum: 3.5,
        quantile_values: vec![quantile(0.5, 0.25), quantile(0.99, 2.0), quantile(1.0, 1e7)],
        ..SummaryDataPoint::default()
    };
    metric(name, unit, Data::Summary(Summary { data_points: vec![point] }))
}

/// Metrics of a service of which there may be several, with a scope that has everything.
pub fn of_service(metrics: Vec<Metric>) -> ExportMetricsServiceRequest {
    let mut attributes = labels(&[
        ("service.name", "checkout"),
        ("service.namespace", "shop"),
        ("service.instance.id", "pod-1"),
        ("service.version", "1.2"),
        ("k8s.pod.name", "checkout-1"),
    ]);
    attributes.push(attribute("process.pid", int(42)));
    let scope = InstrumentationScope {
        name: "lib.http".into(),
        version: "0.9".into(),
        attributes: labels(&[("team", "web")]),
        ..InstrumentationScope::default()
    };
    let schema_url = "https://opentelemetry.io/schemas/1.38.0".to_owned();
    let scope_metrics = vec![ScopeMetrics { scope: Some(scope), metrics, schema_url }];
    let resource = Some(Resource { attributes, ..Resource::default() });
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics { resource, scope_metrics, schema_url: String::new() }],
    }
}

/// What Prometheus finds of [`rich`], however it came there.
pub const FOUND_OF_RICH: [(&str, &str); 15] = [
    (r#"http_requests_total{path="/a",status="200",job="shop/checkout",instance="pod-1"}"#, "5"),
    (r#"http_requests_total{path="/b",otel_scope_name="lib.http",otel_scope_team="web"}"#, "1000000"),
    (r#"chat_tokens_total{gen_ai_system="x"}"#, "12345"),
    (r#"http_request_duration_seconds_bucket{le="0.005"}"#, "1"),
    (r#"http_request_duration_seconds_bucket{le="2.5"}"#, "6"),
    (r#"http_request_duration_seconds_bucket{le="+Inf"}"#, "10"),
    ("http_request_duration_seconds_sum", "12.75"),
    ("http_request_duration_seconds_count", "10"),
    ("agents_active", "-2"),
    (r#"cpu_utilization_ratio{cpu="1"}"#, "0.25"),
    ("memory_usage_bytes", "123456789"),
    (r#"rpc_quantiles_seconds{quantile="0.99"}"#, "2"),
    ("rpc_quantiles_seconds_count", "7"),
    (r#"target_info{service_version="1.2",process_pid="42",k8s_pod_name="checkout-1"}"#, "1"),
    ("memory_usage_bytes * on (job, instance) group_left (service_version) target_info", "123456789"),
];

/// What a platform in Go sends, and one metric of every other kind.
pub fn rich() -> ExportMetricsServiceRequest {
    let counted =
        NumberDataPoint { exemplars: vec![seen(1.0)], ..point(&[("path", "/a"), ("status", "200")], 5.0) };
    of_service(vec![
        counter("http_requests_total", "{request}", vec![counted, point(&[("path", "/b")], 1e6)]),
        counter(
            "chat_tokens_total",
            "{token}",
            vec![point(&[("model", "m\"1\\\n"), ("gen_ai.system", "x")], 12345.0)],
        ),
        histogram("http_request_duration_seconds", "s", &[("path", "/a")]),
        histogram("llm.call.duration", "ms", &[("model", "m")]),
        sum("agents.active", "{agent}", CUMULATIVE, false, vec![point(&[("agent.id", "7")], -2.0)]),
        gauge("cpu.utilization", "1", vec![point(&[("cpu", "0")], 0.5), point(&[("cpu", "1")], 0.25)]),
        gauge("memory.usage", "By", vec![point(&[], 123_456_789.0)]),
        gauge("network.throughput", "By/s", vec![point(&[], 0.000_01)]),
        counter("io", "MiBy", vec![point(&[("direction", "read")], 3.5)]),
        counter("total.time.total", "s", vec![point(&[], 9.0)]),
        exponential("rpc.latency", "s", CUMULATIVE),
        summary("rpc.quantiles", "s"),
    ])
}
