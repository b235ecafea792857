//! Tests of what points make of their series.

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Decoded;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    HistogramDataPoint, Metric, NumberDataPoint, Summary as DecodedSummary, SummaryDataPoint,
};
use proptest::prelude::*;

use super::super::PrometheusSettings;
use super::super::testing::*;
use super::*;

fn samples_after(metrics: Vec<Metric>) -> Vec<String> {
    let bench = Bench::new(&settings());
    for metric in metrics {
        assert_eq!(bench.send(vec![metric]), []);
    }
    bench.samples()
}

#[test]
fn the_latest_value_counts_and_an_older_one_is_overtaken() {
    let at = |time, value| counter("a", vec![point(&[], (1, time), value)]);
    assert_eq!(samples_after(vec![at(10, 5), at(20, 7), at(15, 6)]), ["a_total 7"]);
    assert_eq!(samples_after(vec![at(10, 5), at(10, 6)]), ["a_total 6"]);
    let at = |time, value| gauge("a", vec![point(&[], (0, time), value)]);
    assert_eq!(samples_after(vec![at(10, 5), at(9, 7)]), ["a 5"]);
}

#[test]
fn deltas_that_line_up_are_added_and_others_begin_anew_or_are_refused() {
    let delta = |times, value| sum("a", DELTA, true, vec![point(&[], times, value)]);
    assert_eq!(samples_after(vec![delta((1, 2), 5), delta((2, 3), 7)]), ["a_total 12"]);
    assert_eq!(samples_after(vec![delta((1, 2), 5), delta((9, 10), 7)]), ["a_total 7"], "after a pause");
    assert_eq!(samples_after(vec![delta((0, 2), 5), delta((0, 3), 7)]), ["a_total 12"], "without starts");
    let bench = Bench::new(&settings());
    bench.send(vec![delta((1, 2), 5), delta((2, 3), 7)]);
    assert_eq!(bench.send(vec![delta((2, 3), 7)]), [(Refused::Overlap, 1)], "the same again");
    assert_eq!(bench.send(vec![delta((1, 4), 7)]), [(Refused::Overlap, 1)]);
    assert_eq!(bench.samples(), ["a_total 12"]);
    // Counting began where the first delta did.
    assert!(bench.openmetrics().contains("a_created 1.0\n"), "{}", bench.openmetrics());
}

#[test]
fn numbers_stay_whole_for_as_long_as_they_can() {
    let delta = |times, value| {
        let value = Some(value);
        sum("a", DELTA, true, vec![NumberDataPoint { value, ..point(&[], times, 0) }])
    };
    let large = 9_007_199_254_740_993;
    let first = || delta((1, 2), Decoded::AsInt(large));
    assert_eq!(samples_after(vec![first(), delta((2, 3), Decoded::AsInt(2))]), ["a_total 9007199254740995"]);
    assert_eq!(
        samples_after(vec![delta((1, 2), Decoded::AsInt(1)), delta((2, 3), Decoded::AsDouble(0.5))]),
        ["a_total 1.5"]
    );
    let most = delta((1, 2), Decoded::AsInt(i64::MAX));
    assert_eq!(
        samples_after(vec![most, delta((2, 3), Decoded::AsInt(1))]),
        ["a_total 9.223372036854776e+18"]
    );
}

#[test]
fn sums_that_go_both_ways_are_gauges_and_have_to_be_cumulative() {
    let bench = Bench::new(&settings());
    let value = || vec![point(&[], (1, 2), -5)];
    assert_eq!(bench.send(vec![sum("a", CUMULATIVE, false, value())]), []);
    assert_eq!(bench.page(), "# TYPE a gauge\na -5\n");
    assert_eq!(bench.send(vec![sum("b", DELTA, false, value())]), [(Refused::Temporality, 1)]);
    assert_eq!(bench.send(vec![sum("c", 0, true, value())]), [(Refused::Temporality, 1)]);
    assert_eq!(
        bench.send(vec![histogram("d", 0, vec![histogram_point((0, 1), [1, 0, 0], 1.0)])]),
        [(Refused::Temporality, 1)]
    );
}

#[test]
fn values_that_a_counter_cannot_have_are_refused() {
    let bench = Bench::new(&settings());
    for value in [Some(Decoded::AsInt(-1)), Some(Decoded::AsDouble(f64::NAN)), None] {
        let point = NumberDataPoint { value, ..point(&[], (0, 1), 0) };
        assert_eq!(bench.send(vec![counter("a", vec![point])]), [(Refused::Value, 1)], "{value:?}");
    }
    let nan = NumberDataPoint { value: Some(Decoded::AsDouble(f64::NAN)), ..point(&[], (0, 1), 0) };
    assert_eq!(bench.send(vec![gauge("b", vec![nan])]), []);
    assert_eq!(bench.samples(), ["b NaN"]);
    let nothing = NumberDataPoint { value: None, ..point(&[], (0, 1), 0) };
    assert_eq!(bench.send(vec![gauge("c", vec![nothing])]), [(Refused::Value, 1)]);
}

#[test]
fn a_series_without_a_recorded_value_goes_and_the_rest_of_its_request_stays() {
    let bench = Bench::new(&settings());
    let of = |tag, value| point(&[("tag", tag)], (0, 1), value);
    bench.send(vec![gauge("a", vec![of("x", 1), of("y", 2)])]);
    let gone = NumberDataPoint { flags: 1, value: None, ..of("x", 0) };
    assert_eq!(bench.send(vec![gauge("a", vec![gone.clone(), of("z", 3)])]), []);
    assert_eq!(bench.samples(), [r#"a{tag="y"} 2"#, r#"a{tag="z"} 3"#]);
    // One that was never there.
    assert_eq!(bench.send(vec![gauge("b", vec![gone])]), []);
    assert_eq!(bench.series(), 2);
}

#[test]
fn histograms_are_added_while_their_bounds_are_the_same() {
    let delta = |times, counts, sum| histogram("a", DELTA, vec![histogram_point(times, counts, sum)]);
    let lines = |counts: [u64; 3], sum: f64| {
        [
            format!(r#"a_bucket{{le="1"}} {}"#, counts[0]),
            format!(r#"a_bucket{{le="2"}} {}"#, counts[1]),
            format!(r#"a_bucket{{le="+Inf"}} {}"#, counts[2]),
            format!("a_sum {sum}"),
            format!("a_count {}", counts[2]),
        ]
    };
    let added = samples_after(vec![delta((1, 2), [1, 2, 3], 10.5), delta((2, 3), [1, 0, 0], 0.5)]);
    assert_eq!(added, lines([2, 4, 7], 11.0));
    let other =
        HistogramDataPoint { explicit_bounds: vec![1.0, 3.0], ..histogram_point((2, 3), [1, 0, 0], 0.5) };
    let anew = samples_after(vec![delta((1, 2), [1, 2, 3], 10.5), histogram("a", DELTA, vec![other])]);
    assert_eq!(anew[1], r#"a_bucket{le="3"} 1"#);
    let cumulative =
        |times, counts, sum| histogram("a", CUMULATIVE, vec![histogram_point(times, counts, sum)]);
    let latest =
        samples_after(vec![cumulative((1, 2), [1, 2, 3], 10.5), cumulative((1, 3), [2, 2, 3], 11.0)]);
    assert_eq!(latest, lines([2, 4, 7], 11.0));
}

#[test]
fn histograms_whose_buckets_do_not_fit_together_are_refused() {
    let good = histogram_point((0, 1), [1, 2, 3], 1.0);
    let with = |bounds: &[f64], counts: &[u64]| HistogramDataPoint {
        explicit_bounds: bounds.to_vec(),
        bucket_counts: counts.to_vec(),
        ..good.clone()
    };
    let many: Vec<f64> = (0..600).map(f64::from).collect();
    for bad in [
        with(&[1.0, 2.0], &[1, 2]),
        with(&[1.0, 2.0], &[1, 2, 3, 4]),
        with(&[2.0, 1.0], &[1, 2, 3]),
        with(&[1.0, 1.0], &[1, 2, 3]),
        with(&[f64::NAN], &[1, 2]),
        with(&[1.0], &[u64::MAX, 1]),
        with(&[1.0], &[]),
        with(&many, &[1; 601]),
    ] {
        let bench = Bench::new(&settings());
        let shown = format!("{:?}", bad.explicit_bounds);
        assert_eq!(
            bench.send(vec![histogram("a", CUMULATIVE, vec![bad])]),
            [(Refused::Buckets, 1)],
            "{shown}"
        );
    }
    let of = |point| samples_after(vec![histogram("a", CUMULATIVE, vec![point])]);
    assert_eq!(of(with(&[], &[])), [r#"a_bucket{le="+Inf"} 6"#, "a_sum 1", "a_count 6"]);
    let infinite = of(with(&[1.0, f64::INFINITY], &[1, 2, 0]));
    assert_eq!(infinite[..2], [r#"a_bucket{le="1"} 1"#, r#"a_bucket{le="+Inf"} 3"#]);
    let sumless = of(HistogramDataPoint { sum: None, ..good.clone() });
    assert!(!sumless.iter().any(|line| line.starts_with("a_sum")), "{sumless:?}");
}

#[test]
fn summaries_have_their_quantiles_in_order() {
    let quantile = |quantile, value| ValueAtQuantile { quantile, value };
    let summary = |quantile_values| {
        let point = SummaryDataPoint { count: 3, sum: 1.5, quantile_values, ..SummaryDataPoint::default() };
        named("a", Data::Summary(DecodedSummary { data_points: vec![point] }))
    };
    let samples =
        samples_after(vec![summary(vec![quantile(0.99, 9.0), quantile(0.5, 1.0), quantile(0.5, 2.0)])]);
    assert_eq!(samples, [r#"a{quantile="0.5"} 1"#, r#"a{quantile="0.99"} 9"#, "a_sum 1.5", "a_count 3"]);
    let bench = Bench::new(&settings());
    assert_eq!(bench.send(vec![summary(vec![quantile(f64::NAN, 1.0)])]), [(Refused::Buckets, 1)]);
}

#[test]
fn scopes_are_labels_unless_they_are_not_wanted() {
    let scope = InstrumentationScope {
        name: "lib".to_owned(),
        version: "1.2".to_owned(),
        attributes: attributes(&[("team", "x"), ("name", "dropped")]),
        ..InstrumentationScope::default()
    };
    let metrics = || vec![gauge("a", vec![point(&[], (0, 1), 1)])];
    let bench = Bench::new(&PrometheusSettings { without_scope_info: false, ..settings() });
    bench.send_bytes(&request(&[], Some(scope.clone()), metrics()));
    bench.send_bytes(&request(&[], None, metrics()));
    assert_eq!(
        bench.samples(),
        ["a 1", r#"a{otel_scope_name="lib",otel_scope_team="x",otel_scope_version="1.2"} 1"#,]
    );
    let bench = Bench::new(&settings());
    bench.send_bytes(&request(&[], Some(scope), metrics()));
    assert_eq!(bench.samples(), ["a 1"]);
}

#[test]
fn labels_that_are_not_the_senders_to_give_get_another_name() {
    let bench = Bench::new(&settings());
    let mut point = histogram_point((0, 1), [1, 0, 0], 1.0);
    point.attributes = attributes(&[("le", "mine"), ("job", "mine")]);
    let metrics = vec![histogram("a", CUMULATIVE, vec![point])];
    bench.send_bytes(&request(&[("service.name", "shop")], None, metrics));
    assert_eq!(bench.samples()[0], r#"a_bucket{exported_job="mine",exported_le="mine",job="shop",le="1"} 1"#);
}

#[test]
fn constant_labels_are_on_every_series_and_are_joined_with_what_has_their_name() {
    let const_labels =
        vec![("env".to_owned(), "prod".to_owned()), ("another label".to_owned(), "x y".to_owned())];
    let bench = Bench::new(&PrometheusSettings { const_labels, ..settings() });
    bench.send(vec![gauge("a", vec![point(&[("env", "own")], (0, 1), 1)])]);
    assert_eq!(bench.samples(), [r#"a{another_label="x y",env="prod;own"} 1"#]);
}

#[test]
fn names_of_which_nothing_is_left_and_labels_that_are_too_many_are_refused_and_the_rest_is_taken() {
    let bench = Bench::new(&settings());
    let names: Vec<String> = (0..200).map(|at| format!("l{at}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
    let metrics = vec![
        gauge("$%&", vec![point(&[], (0, 1), 1), point(&[], (0, 1), 1)]),
        gauge(&"x".repeat(2000), vec![point(&[], (0, 1), 1)]),
        gauge("a", vec![point(&many, (0, 1), 1), point(&[], (0, 1), 2)]),
    ];
    assert_eq!(bench.send(metrics), [(Refused::Labels, 1), (Refused::Name, 3)]);
    assert_eq!(bench.samples(), ["a 2"]);
}

#[test]
fn a_request_that_is_no_otlp_is_refused_as_a_whole() {
    let bench = Bench::new(&settings());
    let mut bytes = request(&[], None, vec![gauge("a", vec![point(&[], (0, 1), 1)])]);
    bytes.extend_from_slice(&[0x0a, 0x05, 0x12]);
    assert!(bench.exporter.rules.check(&bytes).is_err());
}

proptest! {
    /// Changed copies of a request with every kind of point: whatever they say, pages can be written.
    #[test]
    fn any_change_of_a_request_is_refused_or_leaves_a_page_within_the_bounds(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = request(&[("service.name", "shop"), ("service.instance.id", "1")], None, vec![
            gauge("a", vec![point(&[("x", "y")], (0, 1), 1)]),
            counter("b", vec![point(&[("x", "y")], (0, 1), 1)]),
            histogram("c", DELTA, vec![histogram_point((0, 1), [1, 2, 3], 1.0)]),
            exponential("d", DELTA, vec![exponential_point((0, 1), 3, (-7, &[1, 0, 2]), (5, &[3]))]),
        ]);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let bench = Bench::new(&settings());
        if bench.exporter.rules.check(&bytes).is_ok() {
            bench.send_bytes(&bytes);
            bench.send_bytes(&bytes);
            prop_assert!(bench.series() <= 100);
            let page = bench.page();
            prop_assert!(page.is_empty() || page.ends_with('\n'));
            prop_assert!(bench.openmetrics().ends_with("# EOF\n"));
        }
    }

    #[test]
    fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let bench = Bench::new(&settings());
        if bench.exporter.rules.check(&bytes).is_ok() {
            bench.send_bytes(&bytes);
        }
    }
}
