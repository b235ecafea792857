//! Spans with their events and links.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use super::{Item, Leaves, Tree, hex, surroundings};
use crate::Signal;

pub(super) fn items(body: &[u8]) -> Vec<Item> {
    let request = ExportTraceServiceRequest::decode(body).expect("valid traces");
    let mut items = Vec::new();
    for resource in &request.resource_spans {
        for scope in &resource.scope_spans {
            let around = surroundings(
                resource.resource.as_ref(),
                &resource.schema_url,
                scope.scope.as_ref(),
                &scope.schema_url,
            );
            items.extend(scope.spans.iter().map(|span| item(span, around.clone())));
        }
    }
    items
}

fn item(span: &Span, mut leaves: Leaves) -> Item {
    let mut tree = Tree::new(&mut leaves);
    tree.bytes("trace_id", &span.trace_id);
    tree.bytes("span_id", &span.span_id);
    tree.bytes("parent_span_id", &span.parent_span_id);
    tree.field("trace_state", span.trace_state.as_str());
    tree.field("flags", span.flags);
    tree.field("name", span.name.as_str());
    tree.field("kind", span.kind);
    tree.field("start_time", span.start_time_unix_nano);
    tree.field("end_time", span.end_time_unix_nano);
    tree.attributes(&span.attributes);
    tree.field("dropped_attributes_count", span.dropped_attributes_count);
    tree.field("dropped_events_count", span.dropped_events_count);
    tree.field("dropped_links_count", span.dropped_links_count);
    if let Some(status) = &span.status {
        tree.field("status.code", status.code);
        tree.field("status.message", status.message.as_str());
    }
    for (at, event) in span.events.iter().enumerate() {
        let mut tree = tree.inside(&format!("events[{at}]"));
        tree.field("name", event.name.as_str());
        tree.field("time", event.time_unix_nano);
        tree.attributes(&event.attributes);
        tree.field("dropped_attributes_count", event.dropped_attributes_count);
    }
    for (at, link) in span.links.iter().enumerate() {
        let mut tree = tree.inside(&format!("links[{at}]"));
        tree.bytes("trace_id", &link.trace_id);
        tree.bytes("span_id", &link.span_id);
        tree.field("trace_state", link.trace_state.as_str());
        tree.field("flags", link.flags);
        tree.attributes(&link.attributes);
        tree.field("dropped_attributes_count", link.dropped_attributes_count);
    }
    let key = format!("span {}/{}", hex(&span.trace_id), hex(&span.span_id));
    Item { signal: Signal::Traces, key, trace_id: span.trace_id.clone(), leaves }
}
