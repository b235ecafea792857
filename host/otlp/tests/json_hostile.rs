//! The examples of the specification, recorded requests, and texts that no sender means well with.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::json::{any_text, canonical, encoded};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prost::Message;
use weir_otlp::{Plan, Signal, Tape, json};

const EXAMPLES: [(Signal, &str); 4] = [
    (Signal::Traces, include_str!("examples/trace.json")),
    (Signal::Metrics, include_str!("examples/metrics.json")),
    (Signal::Logs, include_str!("examples/logs.json")),
    (Signal::Logs, include_str!("examples/events.json")),
];

#[test]
fn the_examples_of_the_specification_come_back() {
    for (signal, text) in EXAMPLES {
        let request = json::decode(signal, text.as_bytes()).unwrap();
        let again = encoded(signal, &request);
        let back = json::decode(signal, again.as_bytes()).unwrap();
        assert_eq!(json::difference(signal, &request, &back), None);
        // All that the example says is there: without white space, in lower case, and in any order.
        let sorted = |text: &str| {
            let mut bytes: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
            bytes.sort_unstable();
            bytes
        };
        if signal == Signal::Logs {
            let text = text.replace("5B8EFFF798038103D269B633813FC60C", "5b8efff798038103d269b633813fc60c");
            assert_eq!(sorted(&again), sorted(&text.replace("EEE19B7EC3C1B174", "eee19b7ec3c1b174")));
        }
    }
}

#[test]
fn the_recorded_requests_of_the_python_sdk_come_back() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/recorded");
    let recorded = [
        (Signal::Traces, "traces-1.bin"),
        (Signal::Traces, "traces-2.bin"),
        (Signal::Metrics, "metrics-1.bin"),
        (Signal::Logs, "logs-1.bin"),
        (Signal::Logs, "logs-2.bin"),
    ];
    for (signal, name) in recorded {
        let request = std::fs::read(directory.join(name)).unwrap();
        let text = encoded(signal, &request);
        let back = json::decode(signal, text.as_bytes()).unwrap();
        assert_eq!(json::difference(signal, &request, &back), None, "{name}");
        assert_eq!(canonical(signal, &request), canonical(signal, &back), "{name}");
    }
}

#[test]
fn the_metrics_of_the_specification_are_read_in_full() {
    let (signal, text) = EXAMPLES[1];
    let request = json::decode(signal, text.as_bytes()).unwrap();
    let mut request = ExportMetricsServiceRequest::decode(&*request).unwrap();
    let metrics = request.resource_metrics.remove(0).scope_metrics.remove(0).metrics;
    let [sum, gauge, histogram, exponential] = &*metrics else { panic!("four metrics") };
    assert!(
        matches!(&sum.data, Some(Data::Sum(sum)) if sum.is_monotonic && sum.aggregation_temporality == 1)
    );
    assert!(matches!(&gauge.data, Some(Data::Gauge(gauge)) if gauge.data_points.len() == 1));
    let Some(Data::Histogram(histogram)) = &histogram.data else { panic!("a histogram") };
    let point = &histogram.data_points[0];
    assert_eq!((point.count, point.sum, point.min, point.max), (2, Some(2.0), Some(0.0), Some(2.0)));
    assert_eq!((&*point.bucket_counts, &*point.explicit_bounds), (&[1, 1][..], &[1.0][..]));
    let Some(Data::ExponentialHistogram(histogram)) = &exponential.data else { panic!("an exponential one") };
    let point = &histogram.data_points[0];
    assert_eq!((point.zero_count, point.scale, point.time_unix_nano), (1, 0, 1_544_712_660_300_000_000));
    let positive = point.positive.as_ref().unwrap();
    assert_eq!((positive.offset, &*positive.bucket_counts), (1, &[0, 2][..]));
}

#[test]
fn an_example_cut_at_any_byte_is_an_error() {
    for (signal, text) in EXAMPLES {
        let text = text.trim_end();
        for end in 0..text.len() {
            assert!(json::decode(signal, &text.as_bytes()[..end]).is_err(), "{end}");
        }
    }
}

#[test]
fn an_example_with_any_byte_changed_is_refused_or_valid() {
    for (_, text) in EXAMPLES {
        for at in 0..text.len() {
            for byte in [0, b'"', b'{', b'}', b'[', b',', b':', b'\\', b'9', b'-', 0x80, 0xff] {
                let mut bytes = text.as_bytes().to_vec();
                bytes[at] = byte;
                any_text(&bytes);
            }
        }
    }
}

/// A log record whose body is that many arrays or maps, one in the other.
fn nested(levels: usize, open: &str, close: &str) -> String {
    format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{}{{}}{}}}]}}]}}]}}"#,
        open.repeat(levels),
        close.repeat(levels)
    )
}

const ARRAY: (&str, &str) = (r#"{"arrayValue":{"values":["#, "]}}");
const MAP: (&str, &str) = (r#"{"kvlistValue":{"values":[{"key":"k","value":"#, "}]}}");

#[test]
fn values_may_be_as_deep_as_the_walk_takes_and_no_deeper() {
    for (open, close) in [ARRAY, MAP] {
        for levels in [0, 1, 29, 31, 99, 100] {
            let text = nested(levels, open, close);
            let request = json::decode(Signal::Logs, text.as_bytes()).unwrap();
            Tape::default().walk(&Plan::new(Signal::Logs, &[]), &request).unwrap();
            assert_eq!(encoded(Signal::Logs, &request), text);
            assert_eq!(json::difference(Signal::Logs, &request, &request), None);
        }
        let error = json::decode(Signal::Logs, nested(101, open, close).as_bytes()).unwrap_err().to_string();
        assert!(error.contains("values are nested deeper than 100 levels"), "{error}");
        assert!(error.contains("(...)") && error.len() < 1000, "{error}");
    }
}

#[test]
fn bytes_that_are_nested_too_deeply_are_an_error_in_every_direction() {
    let mut value = Vec::new();
    for _ in 0..101 {
        let mut array = vec![0x0a];
        prost::encoding::encode_varint(value.len() as u64, &mut array);
        array.extend(&value);
        value = vec![0x2a];
        prost::encoding::encode_varint(array.len() as u64, &mut value);
        value.extend(array);
    }
    let request = [0x2a, 0x12, 0x12, 0x0a].into_iter().fold(value, |inner, tag| {
        let mut out = vec![tag];
        prost::encoding::encode_varint(inner.len() as u64, &mut out);
        out.extend(inner);
        out
    });
    let error = json::encode(Signal::Logs, &request, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("nested deeper than 100 levels"), "{error}");
    assert!(json::difference(Signal::Logs, &request, &request).unwrap().contains("deeper than 100 levels"));
}

/// The stack of a thread that serves requests is 2 MiB; a quarter of it has to do.
#[test]
fn the_deepest_text_needs_a_small_part_of_a_stack() {
    let deep = || {
        for (open, close) in [ARRAY, MAP] {
            let text = nested(100, open, close);
            let request = json::decode(Signal::Logs, text.as_bytes()).unwrap();
            assert_eq!(encoded(Signal::Logs, &request), text);
            assert_eq!(json::difference(Signal::Logs, &request, &request), None);
            assert!(json::decode(Signal::Logs, nested(100_000, open, close).as_bytes()).is_err());
        }
        for bracket in ["[", "{\"a\":", "{\"resourceLogs\":[", "["] {
            assert!(json::decode(Signal::Logs, bracket.repeat(1_000_000).as_bytes()).is_err());
        }
    };
    std::thread::Builder::new().stack_size(512 << 10).spawn(deep).unwrap().join().unwrap();
}

#[test]
fn numbers_of_any_length_are_read_in_one_pass() {
    let body = |raw: &str| {
        let text =
            format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"timeUnixNano":{raw}}}]}}]}}]}}"#);
        json::decode(Signal::Logs, text.as_bytes())
    };
    let digits = "9".repeat(1 << 20);
    assert!(body(&digits).is_err());
    assert!(body(&format!("1e{digits}")).is_err());
    assert!(body(&format!("1e-{digits}")).is_err());
    assert!(body(&format!("0e{digits}")).is_ok());
    assert!(body(&format!("0.{digits}")).is_err());
    assert!(body(&format!("1.{}", "0".repeat(1 << 20))).is_ok());
}

#[test]
fn texts_that_are_not_an_object_are_errors() {
    for text in
        ["", " ", "[]", "\"\"", "1", "true", "{", "{}{}", "{},", "{\"a\"}", "{'a':1}", "{a:1}", "// x\n{}"]
    {
        let error = json::decode(Signal::Logs, text.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with("malformed OTLP/JSON: "), "{error}");
    }
    assert_eq!(json::decode(Signal::Logs, b" {} \n").unwrap(), b"");
}

#[test]
fn a_text_that_is_not_utf8_or_begins_with_a_mark_is_an_error() {
    let error = |text: &[u8]| json::decode(Signal::Logs, text).unwrap_err().to_string();
    assert_eq!(error(b"{\"x\":\"\xff\"}"), "malformed OTLP/JSON: the text is not UTF-8, at byte 6");
    assert_eq!(
        error(b"\xef\xbb\xbf{}"),
        "malformed OTLP/JSON: the text begins with a byte order mark; leave it out"
    );
}

#[test]
fn a_text_that_is_too_long_is_refused_before_it_is_read() {
    let text = vec![b' '; (256 << 20) + 1];
    let error = json::decode(Signal::Logs, &text).unwrap_err();
    assert!(error.is_too_large());
    assert_eq!(error.to_string(), "the JSON text is larger than 256 MiB; send smaller requests");
}

#[test]
fn lists_of_numbers_grow_the_most_and_stay_below_four_times_their_text() {
    let zeros = format!("0{}", ",0".repeat(100_000));
    let text = format!(
        r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"histogram":{{"dataPoints":[{{"bucketCounts":[{zeros}],
        "explicitBounds":[{zeros}]}}]}}}}]}}]}}]}}"#
    );
    any_text(text.as_bytes());
    let request = json::decode(Signal::Metrics, text.as_bytes()).unwrap();
    assert!(request.len() > 3 * text.len());
}
