//! Every rule of OTLP/JSON, by what opentelemetry-proto decodes from the bytes.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data, number_data_point};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use weir_otlp::{Signal, json};

fn decoded(signal: Signal, text: &str) -> Result<Vec<u8>, String> {
    json::decode(signal, text.as_bytes()).map_err(|error| error.to_string())
}

/// The log record that this object is.
fn record(object: &str) -> Result<LogRecord, String> {
    let text = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{object}]}}]}}]}}"#);
    let bytes = decoded(Signal::Logs, &text)?;
    let mut request = ExportLogsServiceRequest::decode(&*bytes).unwrap();
    Ok(request.resource_logs.remove(0).scope_logs.remove(0).log_records.remove(0))
}

fn span(object: &str) -> Result<Span, String> {
    let text = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{object}]}}]}}]}}"#);
    let bytes = decoded(Signal::Traces, &text)?;
    let mut request = ExportTraceServiceRequest::decode(&*bytes).unwrap();
    Ok(request.resource_spans.remove(0).scope_spans.remove(0).spans.remove(0))
}

fn metric(object: &str) -> Result<Metric, String> {
    let text = format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{object}]}}]}}]}}"#);
    let bytes = decoded(Signal::Metrics, &text)?;
    let mut request = ExportMetricsServiceRequest::decode(&*bytes).unwrap();
    Ok(request.resource_metrics.remove(0).scope_metrics.remove(0).metrics.remove(0))
}

/// The `AnyValue` that this object is, as a body.
fn value(object: &str) -> Result<Option<Value>, String> {
    Ok(record(&format!(r#"{{"body":{object}}}"#))?.body.unwrap().value)
}

/// The JSON of a log record, cut out of its request.
fn written(record: LogRecord) -> String {
    use opentelemetry_proto::tonic::logs::v1::{ResourceLogs, ScopeLogs};
    let scope_logs = vec![ScopeLogs { log_records: vec![record], ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
    let request = ExportLogsServiceRequest { resource_logs }.encode_to_vec();
    let mut out = Vec::new();
    json::encode(Signal::Logs, &request, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let inner = text.strip_prefix(r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":["#).unwrap();
    inner.strip_suffix("]}]}]}").unwrap().to_owned()
}

fn written_value(value: Value) -> String {
    let body = Some(AnyValue { value: Some(value) });
    let text = written(LogRecord { body, ..LogRecord::default() });
    text.strip_prefix(r#"{"body":"#).unwrap().strip_suffix('}').unwrap().to_owned()
}

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
fn null_is_absence_as_the_javascript_sdk_sends_nan() {
    assert_eq!(value(r#"{"doubleValue":null}"#), Ok(None));
    let Some(Data::Gauge(gauge)) = metric(r#"{"gauge":{"dataPoints":[{"asDouble":null}]}}"#).unwrap().data
    else {
        panic!("a gauge")
    };
    assert_eq!(gauge.data_points[0].value, None);
    let nulls = r#"{"timeUnixNano":null,"severityText":null,"severityNumber":null,"body":null,"attributes":null,
        "traceId":null,"flags":null,"unknown":null}"#;
    assert_eq!(record(nulls), Ok(LogRecord::default()));
    assert_eq!(decoded(Signal::Logs, r#"{"resourceLogs":null}"#), Ok(vec![]));
    assert!(metric(r#"{"sum":{"isMonotonic":null,"aggregationTemporality":null}}"#).is_ok());
    // Absence does not count as one of two.
    assert_eq!(
        value(r#"{"intValue":null,"boolValue":true,"stringValue":null}"#),
        Ok(Some(Value::BoolValue(true)))
    );
}

#[test]
fn null_is_no_element_of_a_list() {
    for object in [r#"{"attributes":[null]}"#, r#"{"body":{"arrayValue":{"values":[{"intValue":1},null]}}}"#]
    {
        let error = record(object).unwrap_err();
        assert!(error.contains("null cannot be an element of a list"), "{error}");
    }
    assert!(metric(r#"{"histogram":{"dataPoints":[{"bucketCounts":[1,null]}]}}"#).is_err());
    assert!(decoded(Signal::Logs, "null").is_err());
}

#[test]
fn unknown_fields_are_ignored_whatever_they_hold() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for unknown in ["1e999", r#"{"a":[{},"\ud800",-0.5e-9]}"#, "[[]]", "true", &deep] {
        let object = format!(r#"{{"x":{unknown},"severityText":"kept","Body":{unknown}}}"#);
        assert_eq!(record(&object).unwrap().severity_text, "kept");
    }
    assert!(record(r#"{"x":[}"#).is_err());
    assert_eq!(decoded(Signal::Logs, r#"{"resourceSpans":[{}]}"#), Ok(vec![]));
}

#[test]
fn both_names_of_a_field_are_read_and_the_first_is_written() {
    let log = record(r#"{"time_unix_nano":"5","severity_text":"INFO","body":{"string_value":"x"}}"#).unwrap();
    assert_eq!((log.time_unix_nano, &*log.severity_text), (5, "INFO"));
    assert_eq!(written(log), r#"{"timeUnixNano":"5","severityText":"INFO","body":{"stringValue":"x"}}"#);
    let text = r#"{"resource_logs":[{"scope_logs":[{"log_records":[{}]}]}]}"#;
    assert_eq!(decoded(Signal::Logs, text), Ok(vec![0x0a, 4, 0x12, 2, 0x12, 0]));
}

#[test]
fn a_field_that_stands_twice_is_an_error_under_whatever_name() {
    for object in [
        r#"{"severityText":"a","severityText":"b"}"#,
        r#"{"severityText":"a","severity_text":"a"}"#,
        r#"{"attributes":[],"attributes":[]}"#,
        r#"{"body":{},"body":{}}"#,
    ] {
        let error = record(object).unwrap_err();
        assert!(error.contains("the field stands twice in its object, at resourceLogs[0]"), "{error}");
    }
    assert!(record(r#"{"unknown":1,"unknown":2}"#).is_ok());
}

#[test]
fn two_fields_of_a_choice_are_an_error() {
    let error = value(r#"{"stringValue":"a","intValue":1}"#).unwrap_err();
    assert!(error.contains("only one of the fields of this choice may stand in an object"), "{error}");
    assert!(metric(r#"{"gauge":{},"sum":{}}"#).is_err());
    assert!(metric(r#"{"gauge":{"dataPoints":[{"asInt":1,"asDouble":1}]}}"#).is_err());
}

#[test]
fn values_may_be_empty_nested_and_of_every_type() {
    assert_eq!(value("{}"), Ok(None));
    assert_eq!(value(r#"{"stringValue":""}"#), Ok(Some(Value::StringValue(String::new()))));
    assert_eq!(value(r#"{"bytesValue":""}"#), Ok(Some(Value::BytesValue(vec![]))));
    assert_eq!(value(r#"{"arrayValue":{}}"#), Ok(Some(Value::ArrayValue(ArrayValue::default()))));
    let nested =
        r#"{"arrayValue":{"values":[{"kvlistValue":{"values":[{"key":"a"},{"key":"b","value":{}}]}},{}]}}"#;
    let Ok(Some(Value::ArrayValue(array))) = value(nested) else { panic!("an array") };
    let Some(Value::KvlistValue(map)) = &array.values[0].value else { panic!("a map") };
    assert_eq!((map.values[0].value.clone(), map.values[1].value.clone()), (None, Some(AnyValue::default())));
    assert_eq!(array.values[1], AnyValue::default());
    assert_eq!(written_value(Value::ArrayValue(array)), nested);
}

#[test]
fn presence_is_kept_where_it_means_something() {
    let object = r#"{"histogram":{"dataPoints":[{"sum":0,"min":null,"count":0,"bucketCounts":[],"explicitBounds":[]}]}}"#;
    let Some(Data::Histogram(histogram)) = metric(object).unwrap().data else { panic!("a histogram") };
    let point = &histogram.data_points[0];
    assert_eq!((point.sum, point.min, point.max, point.count), (Some(0.0), None, None, 0));
    assert_eq!(metric(r#"{"gauge":{}}"#).unwrap().data, Some(Data::Gauge(Default::default())));
    assert_eq!(metric("{}").unwrap().data, None);
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

#[test]
fn a_value_of_another_type_is_an_error_that_does_not_show_it() {
    for object in [
        r#"{"severityText":"secret","body":"secret"}"#,
        r#"{"body":["secret"]}"#,
        r#"{"attributes":{"secret":"secret"}}"#,
        r#"{"attributes":"secret"}"#,
        r#"{"severityText":{"secret":1}}"#,
        r#"{"timeUnixNano":"secret"}"#,
        r#"{"timeUnixNano":["secret"]}"#,
        r#"{"traceId":"secret"}"#,
        r#"{"secret":"secret","severityText":1}"#,
        r#"{"body":{"boolValue":"secret"}}"#,
        r#"{"body":{"stringValue":true}}"#,
        r#"{"body":{"bytesValue":"se-cret!"}}"#,
        r#"{"severityNumber":"secret"}"#,
    ] {
        let error = record(object).unwrap_err();
        assert!(error.starts_with("malformed OTLP/JSON: "), "{error}");
        assert!(error.contains("resourceLogs[0].scopeLogs[0].logRecords[0]."), "{error}");
        assert!(error.contains("line 1 column "), "{error}");
        assert!(!error.contains("secret") && !error.contains("se-cret"), "{error}");
    }
}

#[test]
fn profiles_are_not_supported() {
    let error = decoded(Signal::Profiles, "{}").unwrap_err();
    assert_eq!(error, "profiles are not supported as JSON; send them as protobuf");
    assert!(json::encode(Signal::Profiles, &[], &mut Vec::new()).is_err());
}
