//! Tests of the series over time: bounds, expiry, conflicts of families, targets.

use opentelemetry_proto::tonic::metrics::v1::Metric;

use super::super::testing::*;
use super::super::{PrometheusSettings, ResourceLabels};
use super::*;

fn tagged(name: &str, tag: &str, value: i64) -> Metric {
    gauge(name, vec![point(&[("tag", tag)], (0, 1), value)])
}

#[test]
fn a_new_series_is_refused_when_there_are_as_many_as_there_may_be_and_old_ones_go_on() {
    let bench = Bench::new(&PrometheusSettings { series_max: 2, ..settings() });
    assert_eq!(bench.send(vec![tagged("a", "x", 1), tagged("a", "y", 1)]), []);
    assert_eq!(bench.send(vec![tagged("a", "z", 1), tagged("b", "x", 1)]), [(Refused::Series, 2)]);
    assert_eq!(bench.send(vec![tagged("a", "x", 5)]), []);
    assert_eq!(bench.samples(), [r#"a{tag="x"} 5"#, r#"a{tag="y"} 1"#]);
    assert!(!bench.page().contains("# TYPE b"), "a family without series is none");
}

#[test]
fn long_labels_use_up_the_room_of_many_series() {
    let bench = Bench::new(&PrometheusSettings { series_max: 10, ..settings() });
    let long = "x".repeat(15 << 10);
    assert_eq!(bench.send(vec![tagged("a", &long, 1)]), []);
    assert_eq!(bench.send(vec![tagged("b", &long, 1)]), [(Refused::Series, 1)]);
    assert_eq!(bench.send(vec![tagged("c", "short", 1)]), []);
}

#[test]
fn what_is_held_is_counted_the_same_when_it_changes_and_when_all_of_it_is_looked_at() {
    let bench = Bench::new(&settings());
    let target = |version| {
        request(
            &[("service.name", "shop"), ("service.instance.id", "1"), ("service.version", version)],
            None,
            vec![
                tagged("a", "x", 1),
                tagged("b", "y", 2),
                histogram("c", DELTA, vec![histogram_point((1, 2), [1, 2, 3], 1.0)]),
                exponential("d", CUMULATIVE, vec![exponential_point((1, 2), 3, (0, &[1, 2]), (0, &[]))]),
            ],
        )
    };
    let held = || {
        let mut store = bench.exporter.store.try_lock().unwrap();
        let before = (store.series, store.bytes);
        store.sweep(bench.now);
        assert_eq!((store.series, store.bytes), before);
        before
    };
    for version in ["1", "1", "22"] {
        bench.send_bytes(&target(version));
        held();
    }
    let mut gone = point(&[("tag", "y")], (0, 1), 2);
    gone.flags = 1;
    let before = held();
    let service = [("service.name", "shop"), ("service.instance.id", "1"), ("service.version", "22")];
    bench.send_bytes(&request(
        &service,
        None,
        vec![gauge("b", vec![gone.clone()]), gauge("target_info", vec![gone])],
    ));
    assert!(held() < before);
    assert_eq!(bench.series(), 4, "its own series is not the sender's to end");
}

#[test]
fn what_gets_no_new_point_is_gone_after_its_time_and_makes_room() {
    let mut bench = Bench::new(&PrometheusSettings { series_max: 2, ..settings() });
    bench.send(vec![tagged("a", "x", 1), tagged("b", "y", 1)]);
    bench.now += Duration::from_secs(200);
    bench.send(vec![tagged("b", "y", 2)]);
    bench.now += Duration::from_secs(100);
    assert_eq!(bench.samples().len(), 2, "exactly as old as it may be");
    bench.now += Duration::from_millis(1);
    // Nobody has looked since: what comes finds the room by itself.
    bench.now += Duration::from_secs(1);
    assert_eq!(bench.send(vec![tagged("c", "z", 1)]), []);
    assert_eq!(bench.samples(), [r#"b{tag="y"} 2"#, r#"c{tag="z"} 1"#]);
    bench.now += Duration::from_secs(1000);
    assert_eq!(bench.page(), "");
    assert_eq!(bench.series(), 0);
}

#[test]
fn a_point_that_comes_late_begins_a_new_series() {
    let mut bench = Bench::new(&settings());
    bench.send(vec![sum("a", DELTA, true, vec![point(&[], (1, 2), 5)])]);
    bench.now += Duration::from_secs(301);
    bench.send(vec![sum("a", DELTA, true, vec![point(&[], (2, 3), 7)])]);
    assert_eq!(bench.samples(), ["a_total 7"]);
    // An older time than before is no obstacle then: the clock of the sender may have been set back.
    bench.now += Duration::from_secs(301);
    bench.send(vec![counter("a", vec![point(&[], (0, 1), 9)])]);
    assert_eq!(bench.samples(), ["a_total 9"]);
}

#[test]
fn a_name_has_the_type_and_the_words_of_who_came_first_for_as_long_as_it_has_series() {
    let mut bench = Bench::new(&settings());
    let described =
        |description: &str, metric: Metric| Metric { description: description.to_owned(), ..metric };
    bench.send(vec![described("first", tagged("a", "x", 1))]);
    bench.send(vec![described("second", tagged("a", "y", 1))]);
    let conflicting = histogram("a", CUMULATIVE, vec![histogram_point((0, 1), [1, 0, 0], 1.0)]);
    assert_eq!(bench.send(vec![conflicting.clone()]), [(Refused::Type, 1)]);
    for _ in 0..3 {
        assert!(bench.page().starts_with("# HELP a first\n# TYPE a gauge\n"), "{}", bench.page());
    }
    bench.now += Duration::from_secs(301);
    assert_eq!(bench.send(vec![conflicting]), []);
    assert!(bench.page().starts_with("# TYPE a histogram\n"), "{}", bench.page());
}

#[test]
fn no_family_has_lines_that_look_like_those_of_another() {
    let bench = Bench::new(&settings());
    let distribution =
        |name: &str| histogram(name, CUMULATIVE, vec![histogram_point((0, 1), [1, 0, 0], 1.0)]);
    bench.send(vec![distribution("a"), tagged("b_count", "x", 1)]);
    for suffix in ["_count", "_sum", "_bucket"] {
        let refused = bench.send(vec![tagged(&format!("a{suffix}"), "x", 1)]);
        assert_eq!(refused, [(Refused::Type, 1)], "{suffix}");
    }
    assert_eq!(bench.send(vec![distribution("b")]), [(Refused::Type, 1)]);
}

fn of_target(resource: &[(&str, &str)]) -> Vec<u8> {
    request(resource, None, vec![tagged("a", "x", 1)])
}

#[test]
fn a_target_has_one_set_of_attributes_at_a_time() {
    let mut bench = Bench::new(&settings());
    let service = [("service.name", "shop"), ("service.namespace", "eu"), ("service.instance.id", "1")];
    let with = |version| {
        let mut attributes = service.to_vec();
        attributes.push(("service.version", version));
        of_target(&attributes)
    };
    bench.send_bytes(&with("1.0"));
    bench.send_bytes(&with("1.1"));
    let target = r#"target_info{instance="1",job="eu/shop",service_version="1.1"} 1"#;
    let series = r#"a{instance="1",job="eu/shop",tag="x"} 1"#;
    assert_eq!(bench.samples(), [series, target]);
    assert!(bench.page().contains("# HELP target_info Target metadata\n# TYPE target_info gauge\n"));
    assert_eq!(bench.series(), 2);
    bench.now += Duration::from_secs(200);
    bench.send_bytes(&with("1.1"));
    bench.now += Duration::from_secs(200);
    assert_eq!(bench.samples(), [series, target], "it is as old as its metrics");
}

#[test]
fn what_has_no_job_and_instance_is_no_target_and_its_labels_say_what_there_is() {
    let bench = Bench::new(&settings());
    bench.send_bytes(&of_target(&[("service.name", "shop"), ("host.name", "h")]));
    bench.send_bytes(&of_target(&[("service.instance.id", "1"), ("service.namespace", "eu")]));
    assert_eq!(bench.samples(), [r#"a{instance="1",tag="x"} 1"#, r#"a{job="shop",tag="x"} 1"#]);
    assert_eq!(bench.send(vec![tagged("target.info", "x", 1)]), [(Refused::Name, 1)]);
}

#[test]
fn attributes_of_resources_may_be_labels_and_come_before_those_of_points() {
    let included = vec!["*".to_owned()];
    let labels = ResourceLabels { included, excluded: vec!["service.*".to_owned()] };
    let bench = Bench::new(&PrometheusSettings { resource_labels: labels, ..settings() });
    bench.send_bytes(&of_target(&[
        ("tag", "ours"),
        ("k8s.pod.name", "p"),
        ("service.name", "shop"),
        ("job", "j"),
    ]));
    assert_eq!(bench.samples(), [r#"a{exported_job="j",job="shop",k8s_pod_name="p",tag="ours"} 1"#]);
}
