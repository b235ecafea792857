//! Log records.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use prost::Message;

use super::{Item, Leaves, Tree, hex, surroundings};
use crate::Signal;

pub(super) fn items(body: &[u8]) -> Vec<Item> {
    let request = ExportLogsServiceRequest::decode(body).expect("valid logs");
    let mut items = Vec::new();
    for resource in &request.resource_logs {
        for scope in &resource.scope_logs {
            let around = surroundings(
                resource.resource.as_ref(),
                &resource.schema_url,
                scope.scope.as_ref(),
                &scope.schema_url,
            );
            items.extend(scope.log_records.iter().map(|record| item(record, around.clone())));
        }
    }
    items
}

fn item(record: &LogRecord, mut leaves: Leaves) -> Item {
    let mut tree = Tree::new(&mut leaves);
    tree.bytes("trace_id", &record.trace_id);
    tree.bytes("span_id", &record.span_id);
    tree.field("flags", record.flags);
    tree.field("time", record.time_unix_nano);
    tree.field("observed_time", record.observed_time_unix_nano);
    tree.field("severity_number", record.severity_number);
    tree.field("severity_text", record.severity_text.as_str());
    tree.field("event_name", record.event_name.as_str());
    if record.body.is_some() {
        tree.value("body".to_owned(), record.body.as_ref());
    }
    tree.attributes(&record.attributes);
    tree.field("dropped_attributes_count", record.dropped_attributes_count);
    let key = format!(
        "log {}/{} {} {}",
        hex(&record.trace_id),
        hex(&record.span_id),
        record.time_unix_nano,
        record.observed_time_unix_nano
    );
    Item { signal: Signal::Logs, key, trace_id: record.trace_id.clone(), leaves }
}
