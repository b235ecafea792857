//! Single cases of a split: what is repeated around the items, what is not cut, and what it costs.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{Gauge, Metric, NumberDataPoint, Sum, metric::Data};
use prost::Message;
use weir_otlp::{Part, Signal, SplitLimits, count, split};

/// A length-delimited field.
fn field(number: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    prost::encoding::encode_varint(payload.len() as u64, &mut out);
    out.extend_from_slice(payload);
    out
}

fn fields(all: &[(u8, &[u8])]) -> Vec<u8> {
    all.iter().flat_map(|(number, payload)| field(*number, payload)).collect()
}

/// A request for traces with one scope: a resource of this many bytes, and spans whose names are these.
fn traces(resource: usize, names: &[&str]) -> Bytes {
    let spans: Vec<u8> = names.iter().flat_map(|name| field(2, &field(5, name.as_bytes()))).collect();
    let resource = field(1, &field(1, &field(1, "x".repeat(resource).as_bytes())));
    let group = [resource, field(2, &spans)].concat();
    field(1, &group).into()
}

fn parts(signal: Signal, request: &Bytes, items: u64, bytes: u64) -> Vec<Part> {
    split(signal, request, SplitLimits { items, bytes }).unwrap().collect()
}

/// The names of the spans of each part.
fn names(parts: &[Part]) -> Vec<Vec<String>> {
    let of = |part: &Part| {
        let request = ExportTraceServiceRequest::decode(&*part.payload).unwrap();
        let scopes = request.resource_spans.into_iter().flat_map(|group| group.scope_spans);
        scopes.flat_map(|scope| scope.spans).map(|span| span.name).collect()
    };
    parts.iter().map(of).collect()
}

fn metric_request(metric: &[u8]) -> Bytes {
    field(1, &field(2, &field(2, metric))).into()
}

fn decoded_metrics(parts: &[Part]) -> Vec<Vec<Metric>> {
    let of = |part: &Part| {
        let request = ExportMetricsServiceRequest::decode(&*part.payload).unwrap();
        let scopes = request.resource_metrics.into_iter().flat_map(|group| group.scope_metrics);
        scopes.flat_map(|scope| scope.metrics).collect()
    };
    parts.iter().map(of).collect()
}

fn point(value: i64) -> NumberDataPoint {
    use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
    NumberDataPoint { value: Some(Value::AsInt(value)), ..NumberDataPoint::default() }
}

#[test]
fn a_request_within_the_limits_is_not_copied() {
    let request = traces(10, &["a", "b"]);
    for (items, bytes) in [(0, 0), (2, 0), (0, request.len() as u64), (2, request.len() as u64)] {
        let parts = parts(Signal::Traces, &request, items, bytes);
        assert_eq!(parts, [Part { payload: request.clone(), items: 2 }]);
        assert_eq!(parts[0].payload.as_ptr(), request.as_ptr());
    }
}

#[test]
fn each_part_is_filled_to_its_last_byte() {
    let request = traces(10, &["a", "b", "c", "d", "e"]);
    let two = traces(10, &["a", "b"]).len() as u64;
    let by_bytes = parts(Signal::Traces, &request, 0, two);
    assert_eq!(names(&by_bytes), [vec!["a", "b"], vec!["c", "d"], vec!["e"]]);
    assert_eq!(by_bytes[1].payload, traces(10, &["c", "d"]));
    assert_eq!(names(&parts(Signal::Traces, &request, 0, two - 1)).len(), 5);
    assert_eq!(names(&parts(Signal::Traces, &request, 2, 0)), names(&by_bytes));
    // Whichever limit is reached first.
    assert_eq!(names(&parts(Signal::Traces, &request, 1, two)).len(), 5);
}

#[test]
fn an_item_that_is_too_large_goes_alone() {
    let large = "x".repeat(1000);
    let request = traces(0, &["a", "b", &large, "c", "d"]);
    let parts = parts(Signal::Traces, &request, 0, 100);
    assert_eq!(names(&parts), [vec!["a", "b"], vec![large.as_str()], vec!["c", "d"]]);
}

#[test]
fn a_part_takes_the_end_of_one_resource_and_the_start_of_the_next() {
    let request: Bytes = [traces(3, &["a", "b", "c"]), traces(5, &["d", "e", "f"])].concat().into();
    let parts = parts(Signal::Traces, &request, 2, 0);
    assert_eq!(names(&parts), [vec!["a", "b"], vec!["c", "d"], vec!["e", "f"]]);
    assert_eq!(parts[1].payload, [traces(3, &["c"]), traces(5, &["d"])].concat());
}

#[test]
fn the_resource_may_stand_behind_the_spans_and_in_two_records() {
    let (one, other) = (field(1, &field(1, b"\x0a\x01a")), field(1, &field(1, b"\x0a\x01b")));
    let scope = |name: &str| field(2, &field(2, &field(5, name.as_bytes())));
    let group = [one, scope("a"), scope("b"), other, field(3, b"schema")].concat();
    let request: Bytes = field(1, &group).into();
    let parts = parts(Signal::Traces, &request, 1, 0);
    assert_eq!(names(&parts), [["a"], ["b"]]);
    for part in parts {
        let group = ExportTraceServiceRequest::decode(&*part.payload).unwrap().resource_spans.remove(0);
        let keys: Vec<_> = group.resource.unwrap().attributes.into_iter().map(|pair| pair.key).collect();
        assert_eq!((keys.join(","), group.schema_url.as_str()), ("a,b".to_owned(), "schema"));
    }
}

#[test]
fn a_metrics_points_keep_what_is_said_around_them() {
    let data_points: Vec<_> = (0..5).map(point).collect();
    let sum = Sum { data_points, aggregation_temporality: 2, is_monotonic: true };
    let metric = Metric { name: "m".to_owned(), unit: "By".to_owned(), ..Metric::default() };
    let whole = Metric { data: Some(Data::Sum(sum.clone())), ..metric.clone() };
    let parts = parts(Signal::Metrics, &metric_request(&whole.encode_to_vec()), 2, 0);
    let expected = |points: &[i64]| {
        let data_points = points.iter().copied().map(point).collect();
        vec![Metric { data: Some(Data::Sum(Sum { data_points, ..sum.clone() })), ..metric.clone() }]
    };
    assert_eq!(decoded_metrics(&parts), [expected(&[0, 1]), expected(&[2, 3]), expected(&[4])]);
}

#[test]
fn a_metrics_data_in_two_records_is_one() {
    let sum =
        |value, more: &[u8]| field(7, &[field(1, &point(value).encode_to_vec()), more.to_vec()].concat());
    let metric = [sum(1, &[0x10, 1]), field(1, b"m"), sum(2, &[0x10, 2])].concat();
    let parts = parts(Signal::Metrics, &metric_request(&metric), 1, 0);
    let expected = |value| {
        let sum = Sum { data_points: vec![point(value)], aggregation_temporality: 2, is_monotonic: false };
        vec![Metric { name: "m".to_owned(), data: Some(Data::Sum(sum)), ..Metric::default() }]
    };
    assert_eq!(decoded_metrics(&parts), [expected(1), expected(2)]);
}

#[test]
fn a_metric_with_two_kinds_of_data_is_not_cut() {
    let gauge = field(5, &field(1, &point(1).encode_to_vec()));
    let sum = field(7, &field(1, &point(2).encode_to_vec()));
    let other =
        Metric { data: Some(Data::Gauge(Gauge { data_points: vec![point(3)] })), ..Metric::default() };
    let mixed = [gauge, sum].concat();
    let metrics = fields(&[(2, &mixed), (2, &other.encode_to_vec())]);
    let parts = parts(Signal::Metrics, &field(1, &field(2, &metrics)).into(), 1, 0);
    assert_eq!(parts.iter().map(|part| part.items).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(parts[0].payload, metric_request(&mixed));
}

#[test]
fn messages_without_items_are_kept_once() {
    let span = field(2, &field(5, b"a"));
    let empty_scope = field(2, &field(3, b"a schema and no span"));
    let group = [field(2, &span), empty_scope.clone(), field(2, &[span.clone(), span].concat())].concat();
    let empty_group = field(1, &field(3, b"a schema and no scope"));
    let request: Bytes = [field(1, &group), empty_group.clone()].concat().into();
    for (items, bytes) in [(1, 0), (2, 0), (0, 20), (0, 1)] {
        let all: Vec<u8> =
            parts(Signal::Traces, &request, items, bytes).into_iter().flat_map(|part| part.payload).collect();
        let times = |what: &[u8]| all.windows(what.len()).filter(|window| *window == what).count();
        assert_eq!((times(&empty_scope), times(&empty_group)), (1, 1), "{items} {bytes}");
        assert_eq!(count(Signal::Traces, &all).unwrap(), 3);
    }
}

#[test]
fn a_request_without_items_and_one_of_profiles_come_back_whole() {
    let empty: Bytes = field(1, &field(3, &[b'x'; 100])).into();
    let profiles: Bytes = field(1, &field(2, &[field(2, b""), field(2, b"")].concat())).into();
    for (signal, request, items) in [(Signal::Logs, empty, 0), (Signal::Profiles, profiles, 2)] {
        assert_eq!(parts(signal, &request, 1, 1), [Part { payload: request, items }]);
    }
    assert_eq!(parts(Signal::Logs, &Bytes::new(), 1, 1), [Part { payload: Bytes::new(), items: 0 }]);
}

#[test]
fn a_large_resource_around_many_items_is_written_one_part_at_a_time() {
    let names = vec!["a"; 100_000];
    let request = traces(1 << 20, &names);
    let mut parts = split(Signal::Traces, &request, SplitLimits { items: 1, bytes: 0 }).unwrap();
    // All of them would be 100 GiB.
    for part in parts.by_ref().take(20) {
        assert_eq!((part.items, count(Signal::Traces, &part.payload).unwrap()), (1, 1));
    }
    assert!(parts.next().is_some());
}

#[test]
fn malformed_requests_are_refused() {
    for bytes in [&b"\x0a\x05\x12"[..], b"\x0a\x02\x12\x09", b"\x08\x01", b"\x0a\x03\x12\x01\x10"] {
        let request = Bytes::copy_from_slice(bytes);
        let error = split(Signal::Logs, &request, SplitLimits { items: 1, bytes: 1 }).unwrap_err();
        assert!(error.to_string().starts_with("malformed OTLP"), "{error}");
    }
}
