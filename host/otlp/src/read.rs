//! Requests as borrowed messages, for exporters that write another format than OTLP: nothing is copied, and a message is read when
//! it is asked for.
//!
//! Plugins and processors see the tape instead. What is here only reads.
//!
//! All signals have the same outer messages: [`groups`] are those of a resource, each holds [`ScopeGroup`]s, and each of these holds
//! items, which [`ScopeGroup::items`] reads as whatever its signal has.
//!
//! A message that should be there once may stand there twice: then its lists are joined, and of single values the last one counts,
//! as in every decoder of protobuf. What is not known is passed over.

mod attributes;
mod field;
mod group;
mod logs;
mod metrics;
mod points;
mod text;
mod value;
mod words;

pub use attributes::{Attributes, AttributesIter, KeyValue};
pub use field::{Body, Message, Repeated};
pub use group::{Group, Resource, Scope, ScopeGroup};
pub use logs::LogRecord;
pub use metrics::{Data, Metric, Points, Temporality};
pub use points::{
    Buckets, Exemplar, ExponentialPoint, HistogramPoint, Number, NumberPoint, PointHead, Quantile,
    SummaryPoint,
};
pub use text::put_json_text;
pub use value::{Array, Value};
pub use words::Words;

use crate::wire::Reader;

/// The messages of a request's resources: `ResourceSpans`, `ResourceMetrics` or `ResourceLogs`.
pub fn groups(request: &[u8]) -> Repeated<'_, Group<'_>> {
    Repeated::new(Body(Reader::new(request, 0, request.len())), 1)
}
