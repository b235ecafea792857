//! Edits on bytes against the same processors written down for decoded messages, over generated requests.

mod cases;
mod model;

use std::sync::Arc;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use proptest::prelude::*;
use prost::Message;
use weir_otlp::Signal;
use weir_pipeline::{Batch, Refusal};

use super::chain::{Scratch, Stages};
use super::*;
use crate::config::testing;

/// The processors of a configuration, in the order of their names, in a pipeline of the signal.
pub(super) fn stages(signal: Signal, processors: &str) -> Stages {
    let yaml = testing::with_processors_of(signal.name(), processors);
    let config = testing::config(&yaml);
    let natives = config.processors.values().map(|config| Arc::new(Native::new(config))).collect();
    Stages::new(signal, natives)
}

pub(super) fn through(stages: &Stages, payload: &[u8]) -> Result<Bytes, Refusal> {
    let batch = Batch::new(stages.signal, Bytes::copy_from_slice(payload), 1);
    stages.through(batch, &mut Scratch::default()).map(|batch| batch.payload)
}

pub(super) fn of(value: any_value::Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

pub(super) fn text(text: &str) -> AnyValue {
    of(any_value::Value::StringValue(text.to_owned()))
}

pub(super) fn attribute(key: &str, value: AnyValue) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

const KEYS: [&str; 7] =
    ["a", "b", "card", "user.id", "user.name", "redaction.masked.count", "redaction.masked.keys"];

fn scalar() -> impl Strategy<Value = AnyValue> {
    use any_value::Value as V;
    let texts = [
        "",
        "x",
        "card 4111 end",
        "12",
        "-1.5",
        "1e400",
        "a\nb 22",
        "gr\u{fc}n 4",
        "ada@example.org",
        "true",
    ];
    prop_oneof![
        4 => prop::sample::select(texts.to_vec()).prop_map(text),
        1 => any::<i64>().prop_map(|value| of(V::IntValue(value))),
        1 => (0..5000i64).prop_map(|value| of(V::IntValue(value))),
        1 => any::<bool>().prop_map(|value| of(V::BoolValue(value))),
        1 => prop::sample::select(vec![0.0, 1.5, -2e22, 4111.0, 1e-9]).prop_map(|value| of(V::DoubleValue(value))),
        1 => prop::collection::vec(any::<u8>(), 0..5).prop_map(|value| of(V::BytesValue(value))),
        1 => Just(AnyValue { value: None }),
    ]
}

fn value() -> impl Strategy<Value = AnyValue> {
    scalar().prop_recursive(3, 12, 3, |inner| {
        use any_value::Value as V;
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3)
                .prop_map(|values| of(V::ArrayValue(ArrayValue { values }))),
            members(inner).prop_map(|values| of(V::KvlistValue(KeyValueList { values }))),
        ]
    })
}

/// Keys and values, each key once.
fn members(value: impl Strategy<Value = AnyValue>) -> impl Strategy<Value = Vec<KeyValue>> {
    let keys = prop::sample::subsequence(KEYS.to_vec(), 0..=KEYS.len()).prop_shuffle();
    (keys, prop::collection::vec(value, KEYS.len())).prop_map(|(keys, values)| {
        keys.into_iter().zip(values).map(|(key, value)| attribute(key, value)).collect()
    })
}

fn request() -> impl Strategy<Value = ExportLogsServiceRequest> {
    let record =
        (members(value()), prop::option::of(value()), 0..25i32).prop_map(|(attributes, body, severity)| {
            LogRecord {
                attributes,
                body,
                severity_number: severity,
                time_unix_nano: 7,
                ..LogRecord::default()
            }
        });
    let scope =
        (members(value()), prop::collection::vec(record, 0..4)).prop_map(|(attributes, log_records)| {
            let scope = InstrumentationScope {
                name: "lib".to_owned(),
                attributes,
                ..InstrumentationScope::default()
            };
            ScopeLogs { scope: Some(scope), log_records, ..ScopeLogs::default() }
        });
    let resource =
        (members(value()), prop::collection::vec(scope, 0..3)).prop_map(|(attributes, scope_logs)| {
            let resource = Some(Resource { attributes, ..Resource::default() });
            ResourceLogs { resource, scope_logs, ..ResourceLogs::default() }
        });
    prop::collection::vec(resource, 0..3).prop_map(|resource_logs| ExportLogsServiceRequest { resource_logs })
}

/// Puts attributes in the order of their keys, which means nothing.
pub(super) fn in_order(mut request: ExportLogsServiceRequest) -> ExportLogsServiceRequest {
    let sort = |attributes: &mut Vec<KeyValue>| attributes.sort_by(|one, other| one.key.cmp(&other.key));
    for resource in &mut request.resource_logs {
        resource.resource.iter_mut().for_each(|resource| sort(&mut resource.attributes));
        for scope in &mut resource.scope_logs {
            scope.scope.iter_mut().for_each(|scope| sort(&mut scope.attributes));
            scope.log_records.iter_mut().for_each(|record| sort(&mut record.attributes));
        }
    }
    request
}

fn same(processors: &str, request: ExportLogsServiceRequest) -> Result<(), TestCaseError> {
    let source = request.encode_to_vec();
    let config = testing::config(&testing::with_processors_of("logs", processors));
    let mut expected = request;
    config.processors.values().for_each(|config| model::apply(config, &mut expected));
    let out = through(&stages(Signal::Logs, processors), &source).expect("nothing is wrong with it");
    let out = ExportLogsServiceRequest::decode(out.as_ref()).expect("it is OTLP");
    prop_assert_eq!(in_order(out), in_order(expected), "{}", processors);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn actions_on_bytes_are_actions_on_messages(request in request(), which in 0..cases::ACTIONS.len()) {
        same(cases::ACTIONS[which], request)?;
    }

    #[test]
    fn redaction_of_bytes_is_redaction_of_messages(request in request(), which in 0..cases::REDACTIONS.len()) {
        same(cases::REDACTIONS[which], request)?;
    }

    #[test]
    fn what_is_about_nothing_changes_no_byte(request in request()) {
        let source = request.encode_to_vec();
        let processors = "{attributes: {actions: [{key: z, action: delete}, {key: z, action: update, value: 1}, \
            {key: z, action: hash}, {pattern: ^z, action: delete}]}, \
            redaction: {allow_all_keys: true, blocked_values: [nothing of this]}, \
            resource: {attributes: [{key: z, action: convert, converted_type: int}]}}";
        let batch = Batch::new(Signal::Logs, source.clone().into(), 1);
        let before = batch.payload.as_ptr();
        let after = stages(Signal::Logs, processors).through(batch, &mut Scratch::default()).expect("it is OTLP");
        prop_assert_eq!(after.payload.as_ptr(), before);
    }
}
