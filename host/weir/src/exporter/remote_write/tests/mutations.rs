//! Bytes that no SDK would send: whatever can be converted is a request that keeps every rule of remote write.

use proptest::prelude::*;

use super::*;

/// A request with something of everything.
fn seed() -> Vec<u8> {
    let labels =
        [("le", "x"), ("quantile", "y"), ("__name__", "z"), ("a.b", "1"), ("a_b", "2"), ("\u{fc}", "u")];
    let attributes = attributes(&labels);
    let quantile_values = vec![ValueAtQuantile { quantile: 0.5, value: 1.25 }];
    let quantiles =
        SummaryDataPoint { attributes: attributes.clone(), quantile_values, ..SummaryDataPoint::default() };
    let counted = NumberDataPoint { exemplars: vec![seen(1.0, 5)], ..point(&labels, (3, 7), 5) };
    let took = HistogramDataPoint {
        attributes,
        exemplars: vec![seen(0.5, 5)],
        ..histogram_point((3, 7), [1, 2, 3], 2.0)
    };
    let metrics = vec![
        counter("busy", vec![counted, point(&labels, (3, 6), 4)]),
        gauge("level", vec![NumberDataPoint { flags: 1, ..point(&labels, (0, 7), -2) }]),
        histogram("took", CUMULATIVE, vec![took.clone(), took]),
        exponential("native", CUMULATIVE, vec![exponential_point((3, 7), 1, (-2, &[1, 0, 3]), (0, &[2]))]),
        named("quants", Data::Summary(Quantiles { data_points: vec![quantiles] })),
    ];
    let resource = [("service.name", "cart"), ("service.instance.id", "cart-7"), ("le", "z"), ("job", "j")];
    request(&resource, None, metrics)
}

fn is_name(name: &str, also: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || also.contains(c))
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || also.contains(c))
}

fn check(request: &WriteRequest) {
    for series in &request.timeseries {
        let names: Vec<_> = series.labels.iter().map(|label| label.name.as_str()).collect();
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
        assert!(names.iter().all(|name| is_name(name, "")), "{names:?}");
        assert!(series.labels.iter().all(|label| !label.value.is_empty()), "{series:?}");
        let name = series.labels.iter().find(|label| label.name == "__name__").unwrap();
        assert!(is_name(&name.value, ":"), "{name:?}");
        let times: Vec<_> = series.samples.iter().map(|sample| sample.timestamp).collect();
        assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
        assert!(times.len() + series.histograms.len() > 0, "{series:?}");
    }
}

fn convert_and_check(payload: Vec<u8>) {
    let settings = RemoteWriteSettings {
        send_metadata: true,
        batch_bytes_max: 1000,
        resource_labels: ResourceLabels::all(false),
        ..settings()
    };
    if let Ok(converted) = convert(&settings, payload) {
        converted.writes.iter().for_each(|write| check(&read(&write.body)));
    }
}

#[test]
fn the_seed_itself_keeps_the_rules_and_all_of_it_is_written() {
    convert_and_check(seed());
    let converted = convert(&settings(), seed()).unwrap();
    assert_eq!((converted.writes[0].points, converted.refusals.total()), (7, 0));
}

proptest! {
    #[test]
    fn changed_bytes_are_refused_or_keep_the_rules(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut payload = seed();
        for (at, byte) in changes {
            let at = at.index(payload.len());
            payload[at] = byte;
        }
        convert_and_check(payload);
    }

    #[test]
    fn bytes_that_end_too_early_are_refused_or_keep_the_rules(end in any::<prop::sample::Index>()) {
        let mut payload = seed();
        payload.truncate(end.index(payload.len()));
        convert_and_check(payload);
    }
}
