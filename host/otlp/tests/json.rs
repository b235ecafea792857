//! The forms of values in OTLP/JSON, rule by rule, by what opentelemetry-proto decodes from the bytes.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::objects::{metric, record, span, value, written, written_value};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::{metric::Data, number_data_point};

#[test]
fn ids_are_hexadecimal_in_both_cases_and_come_back_in_lower_case() {
    let one = span(r#"{"traceId":"5B8EFFF798038103D269B633813FC60c","spanId":"EEE19B7EC3C1B174",
        "parentSpanId":"eee19b7ec3c1b173","links":[{"traceId":"00000000000000000000000000000001","spanId":""}]}"#)
    .unwrap();
    assert_eq!(one.trace_id[..3], [0x5b, 0x8e, 0xff]);
    assert_eq!((one.trace_id.len(), one.span_id.len(), one.parent_span_id.len()), (16, 8, 8));
    assert_eq!((one.links[0].trace_id[15], one.links[0].span_id.len()), (1, 0));
    let log =
        record(r#"{"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174"}"#).unwrap();
    assert_eq!(written(log), r#"{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174"}"#);
}

#[test]
fn an_id_of_another_length_or_in_base64_is_an_error() {
    for id in ["5B8EFFF798038103", "W47/95gDgQPSabYzgT/GDA==", "5B8EFFF798038103D269B633813FC60", "0x"] {
        let error = span(&format!(r#"{{"traceId":"{id}"}}"#)).unwrap_err();
        assert!(error.contains("this id has 32 hexadecimal digits, or none"), "{error}");
    }
    let error = span(r#"{"spanId":"EEE19B7EC3C1B17x"}"#).unwrap_err();
    assert!(
        error
            .contains("an id has only hexadecimal digits, at resourceSpans[0].scopeSpans[0].spans[0].spanId")
    );
    assert!(span(r#"{"spanId":12}"#).is_err());
}

#[test]
fn ids_of_exemplars_are_hexadecimal_too() {
    let object = r#"{"sum":{"dataPoints":[{"exemplars":[{"spanId":"eee19b7ec3c1b174","asInt":"7",
        "traceId":"5b8efff798038103d269b633813fc60c"}]}]}}"#;
    let Some(Data::Sum(sum)) = metric(object).unwrap().data else { panic!("a sum") };
    assert_eq!(sum.data_points[0].exemplars[0].span_id.len(), 8);
    assert_eq!(sum.data_points[0].exemplars[0].trace_id.len(), 16);
}

#[test]
fn all_other_bytes_are_base64_with_either_alphabet_and_padding_or_not() {
    for text in ["+/8=", "-_8=", "-_8", "+/8"] {
        assert_eq!(
            value(&format!(r#"{{"bytesValue":"{text}"}}"#)),
            Ok(Some(Value::BytesValue(vec![0xfb, 0xff])))
        );
    }
    for text in ["+/8==", "+", "+/9=", "%%%%"] {
        let error = value(&format!(r#"{{"bytesValue":"{text}"}}"#)).unwrap_err();
        assert!(error.contains("the string is not base64"), "{error}");
    }
    assert_eq!(written_value(Value::BytesValue(vec![0xfb, 0xff])), r#"{"bytesValue":"+/8="}"#);
}

#[test]
fn enums_are_read_as_numbers_and_names_and_written_as_numbers() {
    assert_eq!(span(r#"{"kind":3}"#).unwrap().kind, 3);
    assert_eq!(span(r#"{"kind":"SPAN_KIND_CLIENT","status":{"code":"STATUS_CODE_ERROR"}}"#).unwrap().kind, 3);
    assert_eq!(span(r#"{"kind":99}"#).unwrap().kind, 99);
    assert_eq!(record(r#"{"severityNumber":"SEVERITY_NUMBER_FATAL4"}"#).unwrap().severity_number, 24);
    let error = span(r#"{"kind":"CLIENT"}"#).unwrap_err();
    assert!(error.contains("neither a name of this enum nor a number"), "{error}");
    let log = LogRecord { severity_number: 9, ..LogRecord::default() };
    assert_eq!(written(log), r#"{"severityNumber":9}"#);
}

#[test]
fn an_enum_name_in_a_sum_does_not_lose_the_metric() {
    let object = r#"{"name":"m","sum":{"aggregationTemporality":"AGGREGATION_TEMPORALITY_CUMULATIVE",
        "isMonotonic":true,"dataPoints":[{"asInt":"1"}]}}"#;
    let Some(Data::Sum(sum)) = metric(object).unwrap().data else { panic!("a sum") };
    assert_eq!((sum.aggregation_temporality, sum.is_monotonic, sum.data_points.len()), (2, true, 1));
}

#[test]
fn integers_of_64_bits_are_read_as_strings_and_numbers_and_written_as_strings() {
    for raw in
        ["1544712660300000001", "\"1544712660300000001\"", "1544712660300000001.0", "1.544712660300000001e18"]
    {
        let log = record(&format!(r#"{{"timeUnixNano":{raw}}}"#)).unwrap();
        assert_eq!(log.time_unix_nano, 1_544_712_660_300_000_001, "{raw}");
    }
    assert_eq!(value(r#"{"intValue":-9223372036854775808}"#), Ok(Some(Value::IntValue(i64::MIN))));
    assert_eq!(written_value(Value::IntValue(i64::MIN)), r#"{"intValue":"-9223372036854775808"}"#);
    let log = LogRecord { time_unix_nano: u64::MAX, dropped_attributes_count: 7, ..LogRecord::default() };
    assert_eq!(written(log), r#"{"timeUnixNano":"18446744073709551615","droppedAttributesCount":7}"#);
}

#[test]
fn a_number_that_the_type_has_not_is_an_error_and_never_another_number() {
    for (object, what) in [
        (r#"{"timeUnixNano":-1}"#, "out of the range of uint64"),
        (r#"{"timeUnixNano":18446744073709551616}"#, "out of the range of uint64"),
        (r#"{"timeUnixNano":"1.5"}"#, "a number with a fraction"),
        (r#"{"timeUnixNano":""}"#, "the string does not hold a number"),
        (r#"{"timeUnixNano":"12 "}"#, "the string does not hold a number"),
        (r#"{"timeUnixNano":true}"#, "expected a number"),
        (r#"{"flags":4294967296}"#, "out of the range of uint32"),
        (r#"{"droppedAttributesCount":-1}"#, "out of the range of uint32"),
        (r#"{"severityNumber":2147483648}"#, "out of the range of an enum"),
        (r#"{"body":{"intValue":9223372036854775808}}"#, "out of the range of int64"),
        (r#"{"body":{"doubleValue":1e309}}"#, "out of the range of double"),
    ] {
        let error = record(object).unwrap_err();
        assert!(error.contains(what), "{object}: {error}");
    }
}

#[test]
fn doubles_have_names_for_what_json_has_no_number_for() {
    let double = |raw: &str| match value(&format!(r#"{{"doubleValue":{raw}}}"#)) {
        Ok(Some(Value::DoubleValue(double))) => double,
        other => panic!("{other:?}"),
    };
    assert!(double("\"NaN\"").is_nan());
    assert_eq!(double("\"Infinity\""), f64::INFINITY);
    assert_eq!(double("\"-Infinity\""), f64::NEG_INFINITY);
    assert_eq!(double("\"1.5\""), 1.5);
    assert_eq!(double("3"), 3.0);
    assert_eq!(double("0.1"), 0.1);
    assert!(value(r#"{"doubleValue":"nan"}"#).is_err());
    assert!(value(r#"{"doubleValue":NaN}"#).is_err());
    assert_eq!(written_value(Value::DoubleValue(f64::NAN)), r#"{"doubleValue":"NaN"}"#);
    assert_eq!(written_value(Value::DoubleValue(f64::NEG_INFINITY)), r#"{"doubleValue":"-Infinity"}"#);
}

#[test]
fn every_finite_double_comes_back_with_the_same_bits() {
    let special =
        [0.0, -0.0, f64::MIN_POSITIVE, 5e-324, f64::MAX, f64::MIN, 0.1 + 0.2, 1e21, 1e-7, 123_456_789.125];
    let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
    let random = std::iter::repeat_with(|| {
        bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from_bits(bits)
    });
    for double in special.into_iter().chain(random.filter(|double| double.is_finite()).take(20_000)) {
        let text = written_value(Value::DoubleValue(double));
        let Ok(Some(Value::DoubleValue(back))) = value(&text) else { panic!("{text}") };
        assert_eq!(back.to_bits(), double.to_bits(), "{text}");
    }
}

#[test]
fn nan_of_a_data_point_is_kept_as_nan() {
    let Some(Data::Gauge(gauge)) = metric(r#"{"gauge":{"dataPoints":[{"asDouble":"NaN"}]}}"#).unwrap().data
    else {
        panic!("a gauge")
    };
    assert!(
        matches!(gauge.data_points[0].value, Some(number_data_point::Value::AsDouble(nan)) if nan.is_nan())
    );
}

#[test]
fn strings_are_unescaped_and_escaped_where_json_asks_for_it() {
    let text = "\u{0}\u{1f}\"\\/\n\r\t\u{7f}\u{2028}gr\u{fc}n \u{1f600}".repeat(5000);
    let escaped = written_value(Value::StringValue(text.clone()));
    assert_eq!(value(&escaped), Ok(Some(Value::StringValue(text))));
    let all = r#"{"stringValue":"\u0000\b\f\/\ud83d\ude00"}"#;
    assert_eq!(value(all), Ok(Some(Value::StringValue("\0\u{8}\u{c}/\u{1f600}".to_owned()))));
    for lone in [r"\ud800", r"\udc00", r"\ud800\u0041", r"\ud83d\ud83d", r"\u12", r"\x"] {
        assert!(value(&format!(r#"{{"stringValue":"{lone}"}}"#)).is_err(), "{lone}");
    }
}
