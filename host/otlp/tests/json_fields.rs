//! Which fields an object of OTLP/JSON may have, rule by rule, by what opentelemetry-proto decodes from the bytes.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::objects::{decoded, metric, record, value, written, written_value};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prost::Message;
use weir_otlp::{Signal, json};

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
fn an_empty_request_and_an_empty_list_are_no_bytes() {
    for text in ["{}", r#"{"resourceLogs":[]}"#] {
        assert_eq!(decoded(Signal::Logs, text), Ok(vec![]));
    }
    let mut out = Vec::new();
    json::encode(Signal::Logs, &[], &mut out).unwrap();
    assert_eq!(out, b"{}");
}

#[test]
fn entities_of_a_resource_and_the_table_indices_of_profiles_are_kept() {
    let text = r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"a","value":{"stringValueStrindex":-3},"keyStrindex":7}],"entityRefs":[{"schemaUrl":"u","type":"service","idKeys":["service.name",""],"descriptionKeys":["a"]}]}}]}"#;
    let request = decoded(Signal::Logs, text).unwrap();
    let mut out = Vec::new();
    json::encode(Signal::Logs, &request, &mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), text);
    let message = ExportLogsServiceRequest::decode(&*request).unwrap();
    let resource = message.resource_logs[0].resource.clone().unwrap();
    assert_eq!(resource.entity_refs[0].id_keys, ["service.name", ""]);
    assert_eq!(resource.attributes[0].key_strindex, 7);
}

#[test]
fn profiles_are_not_supported() {
    let error = decoded(Signal::Profiles, "{}").unwrap_err();
    assert_eq!(error, "profiles are not supported as JSON; send them as protobuf");
    assert!(json::encode(Signal::Profiles, &[], &mut Vec::new()).is_err());
}
