//! Metrics for tests, an exporter that takes them at any time, and its page.

use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

use super::negotiate::Accepted;
use super::page;
use super::refused::{Refusals, Refused};
use super::*;

pub const DELTA: i32 = 1;
pub const CUMULATIVE: i32 = 2;

pub fn attributes(pairs: &[(&str, &str)]) -> Vec<KeyValue> {
    let attribute = |(key, value): &(&str, &str)| KeyValue {
        key: (*key).to_owned(),
        value: Some(AnyValue { value: Some(Any::StringValue((*value).to_owned())) }),
        ..KeyValue::default()
    };
    pairs.iter().map(attribute).collect()
}

pub fn settings() -> PrometheusSettings {
    PrometheusSettings {
        namespace: String::new(),
        const_labels: Vec::new(),
        send_timestamps: false,
        metric_expiration: Duration::from_secs(300),
        enable_open_metrics: true,
        strategy: Strategy::default(),
        resource_labels: ResourceLabels::default(),
        without_scope_info: true,
        series_max: 100,
    }
}

/// An int point. Times are in seconds.
pub fn point(labels: &[(&str, &str)], times: (u64, u64), value: i64) -> NumberDataPoint {
    NumberDataPoint {
        attributes: attributes(labels),
        start_time_unix_nano: times.0 * 1_000_000_000,
        time_unix_nano: times.1 * 1_000_000_000,
        value: Some(Value::AsInt(value)),
        ..NumberDataPoint::default()
    }
}

pub fn named(name: &str, data: Data) -> Metric {
    Metric { name: name.to_owned(), data: Some(data), ..Metric::default() }
}

pub fn gauge(name: &str, data_points: Vec<NumberDataPoint>) -> Metric {
    named(name, Data::Gauge(Gauge { data_points }))
}

pub fn sum(name: &str, temporality: i32, is_monotonic: bool, data_points: Vec<NumberDataPoint>) -> Metric {
    named(name, Data::Sum(Sum { aggregation_temporality: temporality, is_monotonic, data_points }))
}

pub fn counter(name: &str, data_points: Vec<NumberDataPoint>) -> Metric {
    sum(name, CUMULATIVE, true, data_points)
}

pub fn histogram(name: &str, temporality: i32, data_points: Vec<HistogramDataPoint>) -> Metric {
    named(name, Data::Histogram(Histogram { aggregation_temporality: temporality, data_points }))
}

/// A point with the bounds 1 and 2.
pub fn histogram_point(times: (u64, u64), counts: [u64; 3], sum: f64) -> HistogramDataPoint {
    HistogramDataPoint {
        start_time_unix_nano: times.0 * 1_000_000_000,
        time_unix_nano: times.1 * 1_000_000_000,
        count: counts.iter().sum(),
        sum: Some(sum),
        bucket_counts: counts.to_vec(),
        explicit_bounds: vec![1.0, 2.0],
        ..HistogramDataPoint::default()
    }
}

pub fn exponential(name: &str, temporality: i32, data_points: Vec<ExponentialHistogramDataPoint>) -> Metric {
    let data = ExponentialHistogram { aggregation_temporality: temporality, data_points };
    named(name, Data::ExponentialHistogram(data))
}

pub fn exponential_point(
    times: (u64, u64),
    scale: i32,
    positive: (i32, &[u64]),
    negative: (i32, &[u64]),
) -> ExponentialHistogramDataPoint {
    let buckets = |(offset, counts): (i32, &[u64])| Some(Buckets { offset, bucket_counts: counts.to_vec() });
    let count = positive.1.iter().chain(negative.1).fold(0_u64, |sum, count| sum.saturating_add(*count));
    ExponentialHistogramDataPoint {
        start_time_unix_nano: times.0 * 1_000_000_000,
        time_unix_nano: times.1 * 1_000_000_000,
        count,
        sum: Some(count as f64),
        scale,
        positive: buckets(positive),
        negative: buckets(negative),
        ..ExponentialHistogramDataPoint::default()
    }
}

/// A request whose metrics are those of one scope of one resource.
pub fn request(
    resource: &[(&str, &str)],
    scope: Option<InstrumentationScope>,
    metrics: Vec<Metric>,
) -> Vec<u8> {
    let scope_metrics = vec![ScopeMetrics { scope, metrics, schema_url: String::new() }];
    let resource = Some(Resource { attributes: attributes(resource), ..Resource::default() });
    let resource_metrics = vec![ResourceMetrics { resource, scope_metrics, schema_url: String::new() }];
    ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
}

/// An exporter, and a clock that stands still.
pub struct Bench {
    pub exporter: Arc<PrometheusExporter>,
    pub now: Instant,
}

impl Bench {
    pub fn new(settings: &PrometheusSettings) -> Self {
        Bench { exporter: PrometheusExporter::new("prometheus", settings), now: Instant::now() }
    }

    /// Takes metrics of a resource without attributes.
    pub fn send(&self, metrics: Vec<Metric>) -> Vec<(Refused, u64)> {
        self.send_bytes(&request(&[], None, metrics)).iter().collect()
    }

    pub fn send_bytes(&self, request: &[u8]) -> Refusals {
        let mut store = self.exporter.store.try_lock().unwrap();
        self.exporter.rules.check(request).unwrap();
        self.exporter.rules.take(request, &mut At { store: &mut store, now: self.now }).unwrap()
    }

    pub fn page_bytes(&self, accept: &str) -> Vec<u8> {
        let mut store = self.exporter.store.try_lock().unwrap();
        let accepted = Accepted::of(accept, true);
        page::write(&mut store, accepted, self.exporter.send_timestamps, self.now)
    }

    /// The page in the text format.
    pub fn page(&self) -> String {
        String::from_utf8(self.page_bytes("")).unwrap()
    }

    pub fn openmetrics(&self) -> String {
        String::from_utf8(self.page_bytes("application/openmetrics-text")).unwrap()
    }

    /// The samples of the text format.
    pub fn samples(&self) -> Vec<String> {
        self.page().lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    }

    pub fn series(&self) -> usize {
        self.exporter.store.try_lock().unwrap().series()
    }
}
