//! What the borrowed messages of `weir_otlp::read` say, against the decoded ones.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1;
use prost::Message;
use weir_otlp::Signal;
use weir_otlp::read::{Attributes, LogRecord, Value, groups};

use super::dice::Dice;
use super::{odd, requests};

/// Resources, scopes and attributes, also where the bytes are of the odd kind.
pub fn outer_messages(data: &[u8]) {
    let mut dice = Dice::new(data);
    let bytes = requests::request(&mut dice, Signal::Logs);
    let bytes = odd::request(&mut dice, Signal::Logs, &bytes);
    let decoded = ExportLogsServiceRequest::decode(&*bytes).unwrap();
    let read: Vec<_> = groups(&bytes).map(Result::unwrap).collect();
    assert_eq!(read.len(), decoded.resource_logs.len());
    for (read, decoded) in read.iter().zip(&decoded.resource_logs) {
        assert_eq!(read.schema_url, decoded.schema_url);
        let resource = decoded.resource.clone().unwrap_or_default();
        same_attributes(read.resource.attributes, &resource.attributes);
        let scopes: Vec<_> = read.scopes().map(Result::unwrap).collect();
        assert_eq!(scopes.len(), decoded.scope_logs.len());
        for (read, decoded) in scopes.iter().zip(&decoded.scope_logs) {
            assert_eq!(read.schema_url, decoded.schema_url);
            let scope = decoded.scope.clone().unwrap_or_default();
            assert_eq!((read.scope.name, read.scope.version), (&*scope.name, &*scope.version));
            same_attributes(read.scope.attributes, &scope.attributes);
            let records: Vec<LogRecord<'_>> = read.items().map(Result::unwrap).collect();
            assert_eq!(records.len(), decoded.log_records.len());
            records.iter().zip(&decoded.log_records).for_each(|(read, decoded)| same_record(read, decoded));
        }
    }
}

fn same_record(read: &LogRecord<'_>, decoded: &v1::LogRecord) {
    assert_eq!(read.time_unix_nano, decoded.time_unix_nano);
    assert_eq!(read.observed_time_unix_nano, decoded.observed_time_unix_nano);
    assert_eq!(
        (read.severity_number, read.severity_text),
        (decoded.severity_number, &*decoded.severity_text)
    );
    assert_eq!((read.flags, read.event_name), (decoded.flags, &*decoded.event_name));
    assert_eq!((read.trace_id, read.span_id), (&*decoded.trace_id, &*decoded.span_id));
    same_value(read.body, &decoded.body);
    same_attributes(read.attributes, &decoded.attributes);
}

/// Any bytes at all: an error, or messages that end.
pub fn any_bytes(data: &[u8]) {
    for group in groups(data).flatten() {
        drain(group.resource.attributes);
        for scope in group.scopes().flatten() {
            drain(scope.scope.attributes);
            scope.items().flatten().for_each(|record: LogRecord<'_>| drain(record.attributes));
        }
    }
}

fn drain(attributes: Attributes<'_>) {
    let mut out = Vec::new();
    for attribute in attributes.iter().flatten() {
        if attribute.value.put_text(&mut out).is_ok() {
            std::str::from_utf8(&out).unwrap();
        }
        out.clear();
        if attribute.value.put_json(&mut out).is_ok() {
            serde_json::from_slice::<&serde_json::value::RawValue>(&out).unwrap();
        }
        out.clear();
    }
}

pub fn same_attributes(read: Attributes<'_>, decoded: &[KeyValue]) {
    let read: Vec<_> = read.iter().map(Result::unwrap).collect();
    assert_eq!(read.len(), decoded.len());
    for (read, decoded) in read.iter().zip(decoded) {
        assert_eq!(read.key, decoded.key);
        same_value(read.value, &decoded.value);
    }
}

pub fn same_value(read: Value<'_>, decoded: &Option<AnyValue>) {
    let decoded = decoded.as_ref().and_then(|value| value.value.as_ref());
    match (read, decoded) {
        (Value::Empty, None | Some(any_value::Value::StringValueStrindex(_))) => {}
        (Value::Text(read), Some(any_value::Value::StringValue(decoded))) => assert_eq!(read, decoded),
        (Value::Bool(read), Some(any_value::Value::BoolValue(decoded))) => assert_eq!(read, *decoded),
        (Value::Int(read), Some(any_value::Value::IntValue(decoded))) => assert_eq!(read, *decoded),
        (Value::Double(read), Some(any_value::Value::DoubleValue(decoded))) => {
            assert_eq!(read.to_bits(), decoded.to_bits());
        }
        (Value::Bytes(read), Some(any_value::Value::BytesValue(decoded))) => assert_eq!(read, decoded),
        (Value::Array(read), Some(any_value::Value::ArrayValue(decoded))) => {
            let read: Vec<_> = read.iter().map(Result::unwrap).collect();
            assert_eq!(read.len(), decoded.values.len());
            for (read, decoded) in read.into_iter().zip(&decoded.values) {
                same_value(read, &Some(decoded.clone()));
            }
        }
        (Value::Map(read), Some(any_value::Value::KvlistValue(decoded))) => {
            same_attributes(read, &decoded.values);
        }
        (_, other) => panic!("another kind than {other:?}"),
    }
}
