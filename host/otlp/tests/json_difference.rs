//! What `difference` says of two requests, which are written as JSON.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use weir_otlp::{Signal, json};

fn difference(signal: Signal, expected: &str, found: &str) -> Option<String> {
    let bytes = |text: &str| json::decode(signal, text.as_bytes()).unwrap();
    json::difference(signal, &bytes(expected), &bytes(found))
}

/// Of two spans.
fn spans(expected: &str, found: &str) -> Option<String> {
    let wrap = |span: &str| format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{span}]}}]}}]}}"#);
    let text = difference(Signal::Traces, &wrap(expected), &wrap(found))?;
    Some(text.replace("resourceSpans[0].scopeSpans[0].", ""))
}

fn metrics(expected: &str, found: &str) -> Option<String> {
    let wrap = |one: &str| format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{one}]}}]}}]}}"#);
    let text = difference(Signal::Metrics, &wrap(expected), &wrap(found))?;
    Some(text.replace("resourceMetrics[0].scopeMetrics[0].", ""))
}

#[test]
fn a_difference_is_named_with_its_path_and_both_sides() {
    assert_eq!(
        difference(
            Signal::Traces,
            r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{},{"name":"a"}]}]}]}"#,
            r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{},{"name":"b"}]}]}]}"#
        )
        .unwrap(),
        r#"resourceSpans[0].scopeSpans[0].spans[1].name: expected "a", found "b""#
    );
    assert_eq!(spans(r#"{"kind":2}"#, "{}").unwrap(), "spans[0].kind: expected 2, found nothing");
    assert_eq!(
        spans(r#"{"spanId":"eee19b7ec3c1b174"}"#, r#"{"spanId":"eee19b7ec3c1b175"}"#).unwrap(),
        r#"spans[0].spanId: expected "eee19b7ec3c1b174", found "eee19b7ec3c1b175""#
    );
    assert_eq!(
        spans("{}", r#"{"startTimeUnixNano":5}"#).unwrap(),
        r#"spans[0].startTimeUnixNano: expected nothing, found "5""#
    );
}

#[test]
fn attributes_are_named_by_their_keys_and_their_order_means_nothing() {
    let ab = r#"{"attributes":[{"key":"a","value":{"intValue":1}},{"key":"user.email","value":{"stringValue":"x"}}]}"#;
    let ba = r#"{"attributes":[{"key":"user.email","value":{"stringValue":"x"}},{"key":"a","value":{"intValue":1}}]}"#;
    assert_eq!(spans(ab, ba), None);
    let other = ba.replace(r#"{"stringValue":"x"}"#, r#"{"intValue":"7"}"#);
    assert_eq!(
        spans(ab, &other).unwrap(),
        r#"spans[0].attributes["user.email"]: expected {"stringValue":"x"}, found {"intValue":"7"}"#
    );
    let less = r#"{"attributes":[{"key":"a","value":{"intValue":1}}]}"#;
    assert_eq!(
        spans(ab, less).unwrap(),
        r#"spans[0].attributes["user.email"]: expected {"stringValue":"x"}, found nothing"#
    );
    assert_eq!(
        spans(less, ab).unwrap(),
        r#"spans[0].attributes["user.email"]: expected nothing, found {"stringValue":"x"}"#
    );
    assert!(spans("{}", r#"{"attributes":[{"key":"a"}]}"#).unwrap().contains("expected nothing, found {}"));
}

#[test]
fn attributes_with_the_same_key_are_compared_in_their_order() {
    let pair = |first: u8, second: u8| {
        format!(
            r#"{{"attributes":[{{"key":"a","value":{{"intValue":{first}}}}},{{"key":"a","value":{{"intValue":{second}}}}}]}}"#
        )
    };
    assert_eq!(spans(&pair(1, 2), &pair(1, 2)), None);
    assert!(spans(&pair(1, 2), &pair(2, 1)).is_some());
}

#[test]
fn members_of_maps_and_elements_of_arrays_are_reached_by_a_path() {
    let value = |inner: &str| {
        format!(
            r#"{{"attributes":[{{"key":"m","value":{{"kvlistValue":{{"values":[{{"key":"z"}},{{"key":"k","value":
            {{"arrayValue":{{"values":[{{}},{inner}]}}}}}}]}}}}}}]}}"#
        )
    };
    assert_eq!(
        spans(&value(r#"{"boolValue":true}"#), &value(r#"{"boolValue":false}"#)).unwrap(),
        r#"spans[0].attributes["m"].kvlistValue.values["k"].arrayValue.values[1]: expected {"boolValue":true}, found {"boolValue":false}"#
    );
    let array = r#"{"attributes":[{"key":"m","value":{"arrayValue":{}}}]}"#;
    let map = r#"{"attributes":[{"key":"m","value":{"kvlistValue":{}}}]}"#;
    assert_eq!(
        spans(array, map).unwrap(),
        r#"spans[0].attributes["m"]: expected {"arrayValue":{}}, found {"kvlistValue":{}}"#
    );
}

#[test]
fn a_list_of_another_length_says_where_it_first_differs() {
    let three = r#"{"name":"a"},{"name":"b"},{"name":"c"}"#;
    assert_eq!(
        spans(three, r#"{"name":"a"},{"name":"b"}"#).unwrap(),
        r#"spans[2]: expected {"name":"c"}, found nothing (of 3 elements, 2 were found)"#
    );
    assert_eq!(
        spans(three, r#"{"name":"a"},{"name":"c"}"#).unwrap(),
        r#"spans[1]: expected {"name":"b"}, found {"name":"c"} (of 3 elements, 2 were found)"#
    );
    assert_eq!(
        metrics(
            r#"{"histogram":{"dataPoints":[{"bucketCounts":[1,2]}]}}"#,
            r#"{"histogram":{"dataPoints":[{"bucketCounts":[1,2,3]}]}}"#
        )
        .unwrap(),
        r#"metrics[0].histogram.dataPoints[0].bucketCounts[2]: expected nothing, found "3" (of 2 elements, 3 were found)"#
    );
}

#[test]
fn a_default_that_is_written_and_an_empty_message_are_as_absent_as_absence() {
    assert_eq!(spans(r#"{"status":{}}"#, "{}"), None);
    assert_eq!(spans("{}", r#"{"status":{"code":0},"kind":0,"name":""}"#), None);
    assert_eq!(spans(r#"{"attributes":[{"key":"a","value":{}}]}"#, r#"{"attributes":[{"key":"a"}]}"#), None);
    assert_eq!(
        difference(Signal::Traces, r#"{"resourceSpans":[{"resource":{}}]}"#, r#"{"resourceSpans":[{}]}"#),
        None
    );
    // In bytes: `name` of no length, `kind` 0 in ten bytes.
    let padded = [0x2a, 0, 0x30, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0];
    let wrap = |span: &[u8]| {
        [0x12, 0x12, 0x0a].into_iter().fold(span.to_vec(), |inner, tag| {
            let mut out = vec![tag, inner.len() as u8];
            out.extend(inner);
            out
        })
    };
    assert_eq!(json::difference(Signal::Traces, &wrap(&padded), &wrap(&[])), None);
}

#[test]
fn a_default_is_not_absence_where_the_field_has_presence() {
    let point = |fields: &str| format!(r#"{{"gauge":{{"dataPoints":[{{{fields}}}]}}}}"#);
    assert!(metrics(&point(r#""asInt":0"#), &point("")).is_some());
    assert!(metrics(&point(r#""asInt":0"#), &point(r#""asDouble":0"#)).is_some());
    assert!(metrics(r#"{"gauge":{}}"#, "{}").is_some());
    assert!(metrics(r#"{"gauge":{}}"#, r#"{"sum":{}}"#).is_some());
    let histogram = |fields: &str| format!(r#"{{"histogram":{{"dataPoints":[{{{fields}}}]}}}}"#);
    assert!(metrics(&histogram(r#""sum":0"#), &histogram("")).is_some());
    assert!(metrics(&histogram(r#""count":0"#), &histogram("")).is_none());
    assert!(spans(r#"{"attributes":[]}"#, r#"{"attributes":[{}]}"#).is_some());
}

#[test]
fn all_nans_are_the_same_and_two_zeros_are_not() {
    let point = |raw: &str| format!(r#"{{"gauge":{{"dataPoints":[{{"asDouble":{raw}}}]}}}}"#);
    assert_eq!(metrics(&point("\"NaN\""), &point("\"NaN\"")), None);
    assert_eq!(
        metrics(&point("0.0"), &point("-0.0")).unwrap(),
        "metrics[0].gauge.dataPoints[0].asDouble: expected 0.0, found -0.0"
    );
}

#[test]
fn what_is_shown_is_cut() {
    let long = "\u{20ac}".repeat(10_000);
    let attribute = format!(r#"{{"attributes":[{{"key":"{long}","value":{{"stringValue":"{long}"}}}}]}}"#);
    let text = spans(&attribute, "{}").unwrap();
    assert!(text.len() < 400, "{text}");
    assert!(text.contains("...") && text.ends_with("found nothing"), "{text}");
}

#[test]
fn bytes_that_are_not_a_request_differ_from_everything() {
    let text = json::difference(Signal::Logs, &[], &[0x0a, 5]).unwrap();
    assert_eq!(
        text,
        "the found request: malformed OTLP: a field runs past the end of its message, at byte 1"
    );
    assert!(
        json::difference(Signal::Logs, &[0x0a, 5], &[0x0a, 5]).unwrap().starts_with("the expected request: ")
    );
    assert!(json::difference(Signal::Logs, &[0x08, 5], &[]).unwrap().contains("another wire type"));
}

#[test]
fn profiles_are_compared_as_bytes() {
    assert_eq!(json::difference(Signal::Profiles, b"a", b"a"), None);
    assert!(json::difference(Signal::Profiles, b"a", b"b").is_some());
}
