//! Tests of pages: what they look like in each format. That other programs read them is for the end-to-end tests.

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, HistogramDataPoint, Metric, NumberDataPoint, Summary, SummaryDataPoint, exemplar,
};
use prost::Message;

use super::testing::*;
use super::*;

const PROTO: &str =
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

fn exemplar(value: f64, time: u64, filtered: &[(&str, &str)]) -> Exemplar {
    Exemplar {
        filtered_attributes: attributes(filtered),
        time_unix_nano: time * 1_000_000_000 + 500_000_000,
        value: Some(exemplar::Value::AsDouble(value)),
        trace_id: (1..=16).collect(),
        span_id: (1..=8).collect(),
    }
}

const IDS: &str = r#"span_id="0102030405060708",trace_id="0102030405060708090a0b0c0d0e0f10""#;

/// One metric of each kind, with everything that a page can show of it.
fn one_of_each() -> Vec<Metric> {
    let counted =
        NumberDataPoint { exemplars: vec![exemplar(1.0, 5, &[])], ..point(&[("a", "x\"\\\n")], (3, 7), 5) };
    let distribution = HistogramDataPoint {
        exemplars: vec![exemplar(0.5, 5, &[("user", "u")]), exemplar(9.0, 6, &[]), exemplar(8.0, 5, &[])],
        ..histogram_point((3, 7), [1, 2, 3], 20.5)
    };
    let quantile_values = vec![ValueAtQuantile { quantile: 0.5, value: 1.25 }];
    let summary = SummaryDataPoint { count: 3, sum: 1.5, quantile_values, ..SummaryDataPoint::default() };
    let seconds =
        |metric| Metric { unit: "s".to_owned(), description: "It's \"so\"\nlong\\".to_owned(), ..metric };
    vec![
        seconds(counter("busy", vec![counted])),
        gauge("level", vec![point(&[], (0, 7), -2)]),
        seconds(histogram("took", CUMULATIVE, vec![distribution])),
        exponential("native", CUMULATIVE, vec![exponential_point((3, 7), 1, (-2, &[1, 0, 3]), (0, &[2]))]),
        named("quants", Data::Summary(Summary { data_points: vec![summary] })),
    ]
}

fn bench() -> Bench {
    let bench = Bench::new(&settings());
    assert_eq!(bench.send(one_of_each()), []);
    bench
}

#[test]
fn the_text_format_has_families_in_order_with_their_words() {
    let expected = r#"# HELP busy_seconds_total It's "so"\nlong\\
# TYPE busy_seconds_total counter
busy_seconds_total{a="x\"\\\n"} 5
# TYPE level gauge
level -2
# TYPE native histogram
native_bucket{le="+Inf"} 6
native_sum 6
native_count 6
# TYPE quants summary
quants{quantile="0.5"} 1.25
quants_sum 1.5
quants_count 3
# HELP took_seconds It's "so"\nlong\\
# TYPE took_seconds histogram
took_seconds_bucket{le="1"} 1
took_seconds_bucket{le="2"} 3
took_seconds_bucket{le="+Inf"} 6
took_seconds_sum 20.5
took_seconds_count 6
"#;
    assert_eq!(bench().page(), expected);
}

#[test]
fn openmetrics_has_units_exemplars_and_the_time_when_counting_began() {
    let expected = format!(
        r#"# TYPE busy_seconds counter
# UNIT busy_seconds seconds
# HELP busy_seconds It's \"so\"\nlong\\
busy_seconds_total{{a="x\"\\\n"}} 5 # {{{IDS}}} 1 5.5
busy_seconds_created{{a="x\"\\\n"}} 3.0
# TYPE level gauge
level -2
# TYPE native histogram
native_bucket{{le="+Inf"}} 6
native_created 3.0
# TYPE quants summary
quants{{quantile="0.5"}} 1.25
quants_count 3
quants_sum 1.5
# TYPE took_seconds histogram
# UNIT took_seconds seconds
# HELP took_seconds It's \"so\"\nlong\\
took_seconds_bucket{{le="1.0"}} 1 # {{{IDS},user="u"}} 0.5 5.5
took_seconds_bucket{{le="2.0"}} 3
took_seconds_bucket{{le="+Inf"}} 6 # {{{IDS}}} 9 6.5
took_seconds_count 6
took_seconds_sum 20.5
took_seconds_created 3.0
# EOF
"#
    );
    assert_eq!(bench().openmetrics(), expected);
}

#[test]
fn samples_have_times_if_that_is_wanted() {
    let bench = Bench::new(&PrometheusSettings { send_timestamps: true, ..settings() });
    bench.send(vec![gauge("a", vec![point(&[], (0, 7), 1)])]);
    assert_eq!(bench.samples(), ["a 1 7000"]);
    assert!(bench.openmetrics().contains("\na 1 7.0\n"));
    let decoded = families(&bench.page_bytes(PROTO));
    assert_eq!(decoded[0].metric[0].timestamp_ms, Some(7000));
}

#[test]
fn an_exemplar_has_no_more_characters_than_it_may_and_stays_until_there_is_a_newer_one() {
    let bench = Bench::new(&settings());
    let with = |exemplars| counter("a", vec![NumberDataPoint { exemplars, ..point(&[], (0, 7), 5) }]);
    let long = "x".repeat(128);
    bench.send(vec![with(vec![exemplar(1.0, 5, &[("b", &long)])])]);
    assert!(
        bench.openmetrics().contains(&format!("a_total 5 # {{{IDS}}} 1 5.5\n")),
        "{}",
        bench.openmetrics()
    );
    bench.send(vec![with(vec![])]);
    assert!(bench.openmetrics().contains("} 1 5.5\n"), "{}", bench.openmetrics());
    let nameless = Exemplar { trace_id: vec![0; 16], span_id: vec![], ..exemplar(2.0, 6, &[]) };
    bench.send(vec![with(vec![nameless])]);
    assert!(bench.openmetrics().contains("a_total 5 # {} 2 6.5\n"), "{}", bench.openmetrics());
}

#[test]
fn what_openmetrics_does_not_take_as_a_counter_is_of_unknown_type() {
    let strategy = Strategy { keeps_utf8: false, without_suffixes: true };
    let bench = Bench::new(&PrometheusSettings { strategy, ..settings() });
    bench.send(vec![
        counter("a", vec![point(&[], (1, 2), 1)]),
        gauge("b", vec![point(&[], (1, 2), 1)]),
        counter("b_total", vec![point(&[], (1, 2), 1)]),
    ]);
    let expected = "# TYPE a unknown\na 1\n# TYPE b gauge\nb 1\n# TYPE b_total unknown\nb_total 1\n# EOF\n";
    assert_eq!(bench.openmetrics(), expected);
    assert!(bench.page().contains("# TYPE a counter\na 1\n"));
}

#[test]
fn names_that_a_reader_does_not_take_are_escaped_for_it() {
    let strategy = Strategy { keeps_utf8: true, without_suffixes: false };
    let bench = Bench::new(&PrometheusSettings { strategy, ..settings() });
    bench.send(vec![
        counter("http.requests", vec![point(&[("http.method", "get"), ("http_method", "other")], (0, 2), 1)]),
        counter("http-requests", vec![point(&[], (0, 2), 9)]),
    ]);
    let text = |accept: &str| String::from_utf8(bench.page_bytes(accept)).unwrap();
    assert_eq!(
        text("text/plain;escaping=allow-utf-8"),
        "# TYPE \"http-requests_total\" counter\n{\"http-requests_total\"} 9\n\
         # TYPE \"http.requests_total\" counter\n\
         {\"http.requests_total\",\"http.method\"=\"get\",http_method=\"other\"} 1\n"
    );
    // Two that have become one: the first has the name, and labels are joined.
    assert_eq!(text(""), "# TYPE http_requests_total counter\nhttp_requests_total 9\n");
    let dots = text("text/plain;escaping=dots");
    assert!(
        dots.contains("http_dot_requests__total{http__method=\"other\",http_dot_method=\"get\"} 1\n"),
        "{dots}"
    );
    let values = text("text/plain;escaping=values");
    assert!(
        values.contains("U__http_2e_requests__total{U__http_2e_method=\"get\",http_method=\"other\"} 1"),
        "{values}"
    );
    bench.send(vec![counter("http.x", vec![point(&[("a.b", "1"), ("a-b", "2")], (0, 2), 1)])]);
    assert!(text("").contains("http_x_total{a_b=\"2;1\"} 1\n"), "{}", text(""));
}

#[test]
fn openmetrics_leaves_out_sums_that_do_not_only_grow() {
    let bench = Bench::new(&settings());
    let negative =
        HistogramDataPoint { explicit_bounds: vec![-1.0, 1.0], ..histogram_point((0, 1), [1, 1, 1], 5.0) };
    bench.send(vec![histogram("a", CUMULATIVE, vec![negative])]);
    bench.send(vec![histogram("b", CUMULATIVE, vec![histogram_point((0, 1), [1, 1, 1], -5.0)])]);
    assert!(!bench.openmetrics().contains("_sum"), "{}", bench.openmetrics());
    assert!(bench.page().contains("a_sum 5\n") && bench.page().contains("b_sum -5\n"));
}

// === protobuf, read by messages of prost's that are written down from Prometheus' own definition ===

#[derive(Clone, PartialEq, Message)]
struct Family {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    help: String,
    #[prost(int32, tag = "3")]
    kind: i32,
    #[prost(message, repeated, tag = "4")]
    metric: Vec<OneMetric>,
    #[prost(string, tag = "5")]
    unit: String,
}

#[derive(Clone, PartialEq, Message)]
struct OneMetric {
    #[prost(message, repeated, tag = "1")]
    label: Vec<LabelPair>,
    #[prost(message, optional, tag = "2")]
    gauge: Option<Valued>,
    #[prost(message, optional, tag = "3")]
    counter: Option<Valued>,
    #[prost(message, optional, tag = "4")]
    summary: Option<Distribution>,
    #[prost(int64, optional, tag = "6")]
    timestamp_ms: Option<i64>,
    #[prost(message, optional, tag = "7")]
    histogram: Option<NativeHistogram>,
}

#[derive(Clone, PartialEq, Message)]
struct LabelPair {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Valued {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(message, optional, tag = "2")]
    exemplar: Option<OneExemplar>,
    #[prost(message, optional, tag = "3")]
    created: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Message)]
struct Timestamp {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
struct OneExemplar {
    #[prost(message, repeated, tag = "1")]
    label: Vec<LabelPair>,
    #[prost(double, tag = "2")]
    value: f64,
    #[prost(message, optional, tag = "3")]
    timestamp: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Message)]
struct Distribution {
    #[prost(uint64, tag = "1")]
    count: u64,
    #[prost(double, tag = "2")]
    sum: f64,
    #[prost(message, repeated, tag = "3")]
    quantile: Vec<Pair>,
}

#[derive(Clone, PartialEq, Message)]
struct Pair {
    #[prost(double, tag = "1")]
    quantile: f64,
    #[prost(double, tag = "2")]
    value: f64,
}

#[derive(Clone, PartialEq, Message)]
struct NativeHistogram {
    #[prost(uint64, tag = "1")]
    count: u64,
    #[prost(double, tag = "2")]
    sum: f64,
    #[prost(message, repeated, tag = "3")]
    bucket: Vec<Bucket>,
    #[prost(sint32, tag = "5")]
    schema: i32,
    #[prost(double, tag = "6")]
    zero_threshold: f64,
    #[prost(uint64, optional, tag = "7")]
    zero_count: Option<u64>,
    #[prost(message, repeated, tag = "9")]
    negative_span: Vec<BucketSpan>,
    #[prost(sint64, repeated, packed = "false", tag = "10")]
    negative_delta: Vec<i64>,
    #[prost(message, repeated, tag = "12")]
    positive_span: Vec<BucketSpan>,
    #[prost(sint64, repeated, packed = "false", tag = "13")]
    positive_delta: Vec<i64>,
    #[prost(message, optional, tag = "15")]
    created: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Message)]
struct Bucket {
    #[prost(uint64, tag = "1")]
    cumulative_count: u64,
    #[prost(double, tag = "2")]
    upper_bound: f64,
    #[prost(message, optional, tag = "3")]
    exemplar: Option<OneExemplar>,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct BucketSpan {
    #[prost(sint32, tag = "1")]
    offset: i32,
    #[prost(uint32, tag = "2")]
    length: u32,
}

fn families(mut page: &[u8]) -> Vec<Family> {
    let mut families = Vec::new();
    while !page.is_empty() {
        families.push(Family::decode_length_delimited(&mut page).unwrap());
    }
    families
}

#[test]
fn protobuf_says_the_same_and_has_native_histograms() {
    let page = bench().page_bytes(PROTO);
    let families = families(&page);
    let heads: Vec<_> = families.iter().map(|one| (&*one.name, one.kind, &*one.unit)).collect();
    assert_eq!(
        heads,
        [
            ("busy_seconds_total", 0, "seconds"),
            ("level", 1, ""),
            ("native", 4, ""),
            ("quants", 2, ""),
            ("took_seconds", 4, "seconds"),
        ]
    );
    assert_eq!(families[0].help, "It's \"so\"\nlong\\");
    let busy = families[0].metric[0].clone();
    assert_eq!(busy.label, [LabelPair { name: "a".to_owned(), value: "x\"\\\n".to_owned() }]);
    let counter = busy.counter.unwrap();
    assert_eq!((counter.value, counter.created), (5.0, Some(Timestamp { seconds: 3, nanos: 0 })));
    let exemplar = counter.exemplar.unwrap();
    assert_eq!(
        (exemplar.value, exemplar.timestamp),
        (1.0, Some(Timestamp { seconds: 5, nanos: 500_000_000 }))
    );
    assert_eq!(exemplar.label[1].value, "0102030405060708090a0b0c0d0e0f10");
    assert_eq!(families[1].metric[0].gauge.as_ref().unwrap().value, -2.0);
    assert_eq!(
        families[2].metric[0].histogram.clone().unwrap(),
        NativeHistogram {
            count: 6,
            sum: 6.0,
            schema: 1,
            zero_threshold: 1e-128,
            zero_count: Some(0),
            // One more than by OTLP, which counts lower bounds.
            negative_span: vec![BucketSpan { offset: 1, length: 1 }],
            negative_delta: vec![2],
            positive_span: vec![BucketSpan { offset: -1, length: 3 }],
            positive_delta: vec![1, -1, 3],
            created: Some(Timestamp { seconds: 3, nanos: 0 }),
            ..NativeHistogram::default()
        }
    );
    let quants = families[3].metric[0].summary.clone().unwrap();
    let quantile = vec![Pair { quantile: 0.5, value: 1.25 }];
    assert_eq!(quants, Distribution { count: 3, sum: 1.5, quantile });
    let took = families[4].metric[0].histogram.clone().unwrap();
    let buckets: Vec<_> = took.bucket.iter().map(|one| (one.upper_bound, one.cumulative_count)).collect();
    assert_eq!(buckets, [(1.0, 1), (2.0, 3), (f64::INFINITY, 6)]);
    let of_buckets: Vec<_> =
        took.bucket.iter().map(|one| one.exemplar.as_ref().map(|one| one.value)).collect();
    assert_eq!(of_buckets, [Some(0.5), None, Some(9.0)]);
}
