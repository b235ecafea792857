//! What becomes of points: the requests, read back as Prometheus reads them.

mod mutations;
mod sending;

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar as Seen, HistogramDataPoint, Metric, NumberDataPoint, Summary as Quantiles, SummaryDataPoint,
    exemplar,
};
use prost::Message;

use super::*;
use crate::exporter::Compression;
use crate::exporter::prometheus::testing::*;

/// When a batch came, in milliseconds.
const RECEIVED_MS: u64 = 1_700_000_000_123;

const STALE_BITS: u64 = 0x7ff0_0000_0000_0002;

// === Prometheus' remote.proto and types.proto ===

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<MetricMetadata>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    exemplars: Vec<Exemplar>,
    #[prost(message, repeated, tag = "4")]
    histograms: Vec<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Exemplar {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(double, tag = "2")]
    value: f64,
    #[prost(int64, tag = "3")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Histogram {
    #[prost(uint64, optional, tag = "1")]
    count: Option<u64>,
    #[prost(double, tag = "3")]
    sum: f64,
    #[prost(sint32, tag = "4")]
    schema: i32,
    #[prost(double, tag = "5")]
    zero_threshold: f64,
    #[prost(uint64, optional, tag = "6")]
    zero_count: Option<u64>,
    #[prost(message, repeated, tag = "8")]
    negative_spans: Vec<Span>,
    #[prost(sint64, repeated, tag = "9")]
    negative_deltas: Vec<i64>,
    #[prost(message, repeated, tag = "11")]
    positive_spans: Vec<Span>,
    #[prost(sint64, repeated, tag = "12")]
    positive_deltas: Vec<i64>,
    #[prost(int64, tag = "15")]
    timestamp: i64,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Span {
    #[prost(sint32, tag = "1")]
    offset: i32,
    #[prost(uint32, tag = "2")]
    length: u32,
}

#[derive(Clone, PartialEq, Message)]
struct MetricMetadata {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(string, tag = "4")]
    help: String,
    #[prost(string, tag = "5")]
    unit: String,
}

/// A request, and the points that are counted with it.
type Counted = (WriteRequest, u64);

fn settings() -> RemoteWriteSettings {
    RemoteWriteSettings {
        endpoint: "http://prometheus:9090/api/v1/write".to_owned(),
        namespace: String::new(),
        external_labels: Vec::new(),
        without_suffixes: false,
        resource_labels: ResourceLabels::default(),
        without_scope_info: true,
        target_info: true,
        send_metadata: false,
        batch_bytes_max: 3_000_000,
        client: HttpClientSettings { compression: Compression::None, ..HttpClientSettings::default() },
    }
}

fn convert(settings: &RemoteWriteSettings, request: Vec<u8>) -> Result<Converted, ExportError> {
    let batch = Batch {
        received_unix_nano: RECEIVED_MS * 1_000_000 + 5,
        ..Batch::new(Signal::Metrics, request.into(), 1)
    };
    Conversion::new(settings).convert(&batch, &Charge::default())
}

fn read(body: &[u8]) -> WriteRequest {
    let plain = snap::raw::Decoder::new().decompress_vec(body).unwrap();
    WriteRequest::decode(&*plain).unwrap()
}

/// The requests that metrics of a resource come to, with the points of each, and what was refused.
fn written(
    settings: &RemoteWriteSettings,
    resource: &[(&str, &str)],
    metrics: Vec<Metric>,
) -> (Vec<Counted>, Vec<(Refused, u64)>) {
    let Converted { writes, refusals } = convert(settings, request(resource, None, metrics)).unwrap();
    let read = |write: &Write| (read(&write.body), write.points);
    (writes.iter().map(read).collect(), refusals.iter().collect())
}

/// The only request, of metrics of which none is refused.
fn only(settings: &RemoteWriteSettings, resource: &[(&str, &str)], metrics: Vec<Metric>) -> WriteRequest {
    let (mut writes, refused) = written(settings, resource, metrics);
    assert_eq!((writes.len(), refused), (1, Vec::new()));
    writes.remove(0).0
}

impl TimeSeries {
    /// `name{label="value"} value@time`, as often as there are samples.
    fn lines(&self) -> Vec<String> {
        let name = self.labels.iter().find(|label| label.name == "__name__").unwrap();
        let labels = self.labels.iter().filter(|label| label.name != "__name__");
        let labels: Vec<_> = labels.map(|Label { name, value }| format!("{name}={value:?}")).collect();
        let series = format!("{}{{{}}}", name.value, labels.join(","));
        let value =
            |value: f64| if value.to_bits() == STALE_BITS { "stale".to_owned() } else { value.to_string() };
        let samples = self.samples.iter();
        samples.map(|sample| format!("{series} {}@{}", value(sample.value), sample.timestamp)).collect()
    }
}

fn lines(request: &WriteRequest) -> Vec<String> {
    request.timeseries.iter().flat_map(TimeSeries::lines).collect()
}

fn seen(value: f64, seconds: u64) -> Seen {
    Seen {
        time_unix_nano: seconds * 1_000_000_000,
        value: Some(exemplar::Value::AsDouble(value)),
        trace_id: (1..=16).collect(),
        ..Seen::default()
    }
}

#[test]
fn every_kind_of_metric_is_written_as_its_series() {
    let quantile_values = vec![ValueAtQuantile { quantile: 0.5, value: 1.25 }];
    let quantiles = SummaryDataPoint { count: 3, sum: 1.5, quantile_values, ..SummaryDataPoint::default() };
    let metrics = vec![
        counter("busy", vec![point(&[("a", "x"), ("Z", "y")], (3, 7), 5)]),
        gauge("level", vec![point(&[], (0, 7), -2)]),
        histogram("took", CUMULATIVE, vec![histogram_point((3, 7), [1, 2, 3], 20.5)]),
        named("quants", Data::Summary(Quantiles { data_points: vec![quantiles] })),
    ];
    let expected = [
        r#"busy_total{Z="y",a="x"} 5@7000"#,
        "level{} -2@7000",
        "took_count{} 6@7000",
        "took_sum{} 20.5@7000",
        r#"took_bucket{le="1"} 1@7000"#,
        r#"took_bucket{le="2"} 3@7000"#,
        r#"took_bucket{le="+Inf"} 6@7000"#,
        // A point that does not say when it was.
        "quants_count{} 3@1700000000123",
        "quants_sum{} 1.5@1700000000123",
        r#"quants{quantile="0.5"} 1.25@1700000000123"#,
    ];
    assert_eq!(lines(&only(&settings(), &[], metrics)), expected);
}

#[test]
fn labels_are_in_the_order_of_their_names_and_so_is_that_of_the_series() {
    let labels = [("Zone", "z"), ("__x", "u"), ("a.b", "1"), ("zz", "9")];
    let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let external_labels = vec![own("__replica__", "r1"), own("clu.ster", "c")];
    let settings = RemoteWriteSettings { external_labels, ..settings() };
    let request = only(&settings, &[], vec![gauge("m", vec![point(&labels, (0, 1), 1)])]);
    let names: Vec<_> = request.timeseries[0].labels.iter().map(|label| label.name.as_str()).collect();
    assert_eq!(names, ["Zone", "__name__", "__replica__", "a_b", "clu_ster", "key_x", "zz"]);
}

#[test]
fn an_external_label_gives_way_to_what_a_point_or_a_target_says_itself() {
    let external = [("job", "everybody"), ("cluster", "blue"), ("version", "0")];
    let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let settings = RemoteWriteSettings { external_labels: external.map(own).to_vec(), ..settings() };
    let resource = [("service.name", "shop"), ("service.instance.id", "1"), ("version", "2")];
    let metrics = vec![gauge("a", vec![point(&[("cluster", "red")], (0, 9), 1)])];
    let expected = [
        r#"a{cluster="red",instance="1",job="shop",version="0"} 1@9000"#,
        r#"target_info{cluster="blue",instance="1",job="shop",version="2"} 1@9000"#,
    ];
    assert_eq!(lines(&only(&settings, &resource, metrics)), expected);
}

#[test]
fn bounds_have_all_their_digits_and_a_sum_that_nobody_knows_is_not_written() {
    let bounds = HistogramDataPoint {
        explicit_bounds: vec![f64::NEG_INFINITY, 0.000_001],
        sum: None,
        ..histogram_point((1, 2), [0, 1, 0], 0.0)
    };
    let large = HistogramDataPoint {
        explicit_bounds: vec![1e6, f64::INFINITY],
        ..histogram_point((1, 2), [1, 1, 0], 2.0)
    };
    let metrics = vec![histogram("a", CUMULATIVE, vec![bounds]), histogram("b", CUMULATIVE, vec![large])];
    let expected = [
        "a_count{} 1@2000",
        r#"a_bucket{le="-Inf"} 0@2000"#,
        r#"a_bucket{le="0.000001"} 1@2000"#,
        r#"a_bucket{le="+Inf"} 1@2000"#,
        "b_count{} 2@2000",
        "b_sum{} 2@2000",
        r#"b_bucket{le="1000000"} 1@2000"#,
        r#"b_bucket{le="+Inf"} 2@2000"#,
    ];
    assert_eq!(lines(&only(&settings(), &[], metrics)), expected);
}

#[test]
fn exponential_histograms_are_native_ones() {
    let data = vec![exponential_point((3, 7), 1, (-2, &[1, 0, 3]), (0, &[2]))];
    let request = only(&settings(), &[], vec![exponential("native", CUMULATIVE, data)]);
    let expected = Histogram {
        count: Some(6),
        sum: 6.0,
        schema: 1,
        zero_threshold: 1e-128,
        zero_count: Some(0),
        negative_spans: vec![Span { offset: 1, length: 1 }],
        negative_deltas: vec![2],
        positive_spans: vec![Span { offset: -1, length: 3 }],
        positive_deltas: vec![1, -1, 3],
        timestamp: 7000,
    };
    assert_eq!(request.timeseries.len(), 1);
    assert_eq!(
        (&request.timeseries[0].histograms, request.timeseries[0].samples.len()),
        (&vec![expected], 0)
    );
}

#[test]
fn exemplars_stand_with_the_series_that_they_are_of() {
    let counted = NumberDataPoint { exemplars: vec![seen(1.0, 5)], ..point(&[], (3, 7), 5) };
    // The second one does not say when it was.
    let distribution = HistogramDataPoint {
        exemplars: vec![seen(0.5, 6), seen(9.0, 0)],
        ..histogram_point((3, 7), [1, 2, 3], 20.5)
    };
    let request = only(
        &settings(),
        &[],
        vec![counter("busy", vec![counted]), histogram("took", CUMULATIVE, vec![distribution])],
    );
    let found: Vec<_> = request
        .timeseries
        .iter()
        .flat_map(|series| series.exemplars.iter().map(|one| (series.lines().remove(0), one)))
        .map(|(line, one)| (line.split('}').next().unwrap().to_owned(), one.value, one.timestamp))
        .collect();
    let expected = [
        ("busy_total{".to_owned(), 1.0, 5000),
        (r#"took_bucket{le="1""#.to_owned(), 0.5, 6000),
        (r#"took_bucket{le="+Inf""#.to_owned(), 9.0, 7000),
    ];
    assert_eq!(found, expected);
    let labels = &request.timeseries[0].exemplars[0].labels;
    assert_eq!(
        labels,
        &[Label { name: "trace_id".into(), value: "0102030405060708090a0b0c0d0e0f10".into() }]
    );
}

#[test]
fn what_has_no_recorded_value_is_stale_in_all_of_its_series() {
    let gone = |point: NumberDataPoint| NumberDataPoint { flags: 1, value: None, ..point };
    let bounds = HistogramDataPoint {
        flags: 1,
        bucket_counts: Vec::new(),
        sum: None,
        ..histogram_point((1, 9), [0; 3], 0.0)
    };
    let mut native = exponential_point((1, 9), 0, (0, &[]), (0, &[]));
    native.flags = 1;
    let metrics = vec![
        counter("a", vec![point(&[], (1, 8), 5), gone(point(&[], (1, 9), 0))]),
        gauge("b", vec![gone(point(&[], (0, 9), 0))]),
        histogram("c", CUMULATIVE, vec![bounds]),
        exponential("d", CUMULATIVE, vec![native]),
    ];
    let request = only(&settings(), &[], metrics);
    let expected = [
        "a_total{} 5@8000",
        "a_total{} stale@9000",
        "b{} stale@9000",
        "c_count{} stale@9000",
        "c_sum{} stale@9000",
        r#"c_bucket{le="+Inf"} stale@9000"#,
    ];
    assert_eq!(lines(&request), expected);
    let native = &request.timeseries.last().unwrap().histograms[0];
    assert_eq!((native.sum.to_bits(), native.count, native.timestamp), (STALE_BITS, Some(0), 9000));
}

#[test]
fn the_samples_of_a_series_are_in_the_order_of_their_times_and_one_a_time() {
    let at = |seconds, value| point(&[], (1, seconds), value);
    let metrics =
        vec![counter("a", vec![at(9, 3), at(7, 1)]), counter("a", vec![at(8, 2), at(9, 4), at(7, 1)])];
    let (writes, refused) = written(&settings(), &[], metrics);
    assert_eq!(refused, []);
    assert_eq!(lines(&writes[0].0), ["a_total{} 1@7000", "a_total{} 2@8000", "a_total{} 4@9000"]);
    assert_eq!(writes[0].1, 5, "every point is counted");
}

#[test]
fn a_target_has_a_series_at_the_time_of_its_newest_point() {
    let resource = [("service.name", "shop"), ("service.instance.id", "1"), ("version", "2")];
    let metrics = || vec![gauge("a", vec![point(&[], (0, 9), 1), point(&[], (0, 8), 1)])];
    let request = only(&settings(), &resource, metrics());
    let target = r#"target_info{instance="1",job="shop",version="2"} 1@9000"#;
    let own = [r#"a{instance="1",job="shop"} 1@8000"#, r#"a{instance="1",job="shop"} 1@9000"#];
    assert_eq!(lines(&request), [own[0], own[1], target]);
    let external_labels = vec![("cluster".to_owned(), "blue".to_owned())];
    let labelled = RemoteWriteSettings { external_labels, ..settings() };
    assert_eq!(
        lines(&only(&labelled, &resource, metrics()))[2],
        target.replace("{instance", "{cluster=\"blue\",instance")
    );
    let without = RemoteWriteSettings { target_info: false, ..settings() };
    assert_eq!(lines(&only(&without, &resource, metrics())), own);
    assert_eq!(
        written(&settings(), &resource, Vec::new()).0.len(),
        0,
        "without points there is nothing to say"
    );
}

#[test]
fn metadata_says_what_names_are_about_if_that_is_wanted() {
    let described = Metric {
        unit: "s".to_owned(),
        description: "What it took.".to_owned(),
        ..histogram("took", CUMULATIVE, vec![histogram_point((3, 7), [1, 2, 3], 20.5)])
    };
    let metrics = vec![described, counter("busy", vec![point(&[], (3, 7), 5)])];
    assert_eq!(only(&settings(), &[], metrics.clone()).metadata, []);
    let settings = RemoteWriteSettings { send_metadata: true, ..settings() };
    let of = |kind, name: &str, help: &str, unit: &str| MetricMetadata {
        kind,
        name: name.to_owned(),
        help: help.to_owned(),
        unit: unit.to_owned(),
    };
    let expected = [of(1, "busy_total", "", ""), of(3, "took_seconds", "What it took.", "seconds")];
    assert_eq!(only(&settings, &[], metrics).metadata, expected);
}

#[test]
fn what_has_no_place_is_refused_and_the_rest_is_written() {
    let one = || vec![point(&[], (1, 2), 1)];
    let metrics = vec![
        sum("delta", DELTA, true, one()),
        histogram("delta.too", DELTA, vec![histogram_point((1, 2), [1, 0, 0], 1.0)]),
        gauge("a", one()),
        histogram("a", CUMULATIVE, vec![histogram_point((1, 2), [1, 0, 0], 1.0)]),
        gauge("target_info", one()),
        counter("negative", vec![point(&[], (1, 2), -1)]),
    ];
    let (writes, refused) = written(&settings(), &[], metrics);
    assert_eq!(lines(&writes[0].0), ["a{} 1@2000"]);
    let expected = [(Refused::Name, 1), (Refused::Type, 1), (Refused::Temporality, 2), (Refused::Value, 1)];
    assert_eq!(refused, expected);
}

#[test]
fn requests_are_no_larger_than_they_may_be_and_a_points_series_stay_together() {
    let points: Vec<_> = (0..50)
        .map(|at| {
            let label = attributes(&[("at", &at.to_string())]);
            HistogramDataPoint { attributes: label, ..histogram_point((1, 2), [1, 2, 3], 1.0) }
        })
        .collect();
    let metrics = || vec![histogram("took", CUMULATIVE, points.clone())];
    let whole = only(&settings(), &[], metrics());
    let small = RemoteWriteSettings { batch_bytes_max: 1000, ..settings() };
    let (writes, _) = written(&small, &[], metrics());
    assert!(writes.len() > 5, "{}", writes.len());
    let mut all = Vec::new();
    for (request, points) in writes {
        assert!(request.encoded_len() <= 1000, "{}", request.encoded_len());
        assert_eq!(request.timeseries.len() as u64, 5 * points);
        all.extend(request.timeseries);
    }
    assert_eq!(all, whole.timeseries);
    // One point alone is too large.
    let tiny = RemoteWriteSettings { batch_bytes_max: 40, ..settings() };
    let (writes, _) = written(&tiny, &[], vec![histogram("took", CUMULATIVE, points[..1].to_vec())]);
    assert_eq!(writes.iter().map(|(_, points)| *points).collect::<Vec<_>>(), [1, 0, 0, 0, 0]);
}

#[test]
fn what_would_grow_beyond_measure_is_refused_as_a_whole_and_charged_no_more_than_that() {
    let wide = HistogramDataPoint {
        attributes: attributes(&[("long", &"x".repeat(15 << 10))]),
        explicit_bounds: (0..500).map(f64::from).collect(),
        bucket_counts: vec![1; 501],
        ..histogram_point((1, 2), [0; 3], 1.0)
    };
    let points = (0..20).map(|at| {
        let mut point = wide.clone();
        point.attributes.extend(attributes(&[("at", &format!("{at}"))]));
        point
    });
    let budget = weir_pipeline::Budget::new(1 << 30);
    let charge = budget.charge();
    let request = request(&[], None, vec![histogram("a", CUMULATIVE, points.collect())]);
    let batch = Batch::new(Signal::Metrics, request.into(), 20);
    let Err(error) = Conversion::new(&settings()).convert(&batch, &charge) else { panic!("it is too large") };
    assert_eq!((error.retryable, error.code), (false, code::RESOURCE_EXHAUSTED));
    assert!(budget.used() >= 3 * WRITE_BYTES_MAX as u64, "{}", budget.used());
    assert!(budget.used() <= 4 * WRITE_BYTES_MAX as u64, "{}", budget.used());
}
