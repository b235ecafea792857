//! The unique ids that items of test requests carry, so that losses and doubles show.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data};
use prost::Message;

use crate::Signal;

/// The attribute that holds an item's id.
pub const KEY: &str = "test.id";

/// Ids and how often each was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ids(BTreeMap<String, u64>);

impl Ids {
    /// How many different ids there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The different ids.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether this id was seen.
    pub fn contains(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    /// How often this id was seen.
    pub fn times(&self, id: &str) -> u64 {
        self.0.get(id).copied().unwrap_or(0)
    }

    /// The ids that were seen more than once.
    pub fn doubled(&self) -> Vec<&str> {
        self.0.iter().filter(|(_, times)| **times > 1).map(|(id, _)| id.as_str()).collect()
    }

    /// The ids of `self` that `other` lacks.
    pub fn missing_in(&self, other: &Ids) -> Vec<&str> {
        self.0.keys().filter(|id| !other.contains(id)).map(String::as_str).collect()
    }
}

impl FromIterator<String> for Ids {
    fn from_iter<I: IntoIterator<Item = String>>(ids: I) -> Ids {
        let mut counted = BTreeMap::new();
        for id in ids {
            *counted.entry(id).or_default() += 1;
        }
        Ids(counted)
    }
}

/// The ids of all items in a request. Panics if the bytes are none: weir must never send such.
pub fn of(signal: Signal, body: &[u8]) -> Vec<String> {
    let lists: Vec<Vec<KeyValue>> = match signal {
        Signal::Traces => {
            let request = ExportTraceServiceRequest::decode(body).expect("valid traces");
            let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
            scopes.flat_map(|scope| scope.spans).map(|span| span.attributes).collect()
        }
        Signal::Logs => {
            let request = ExportLogsServiceRequest::decode(body).expect("valid logs");
            let scopes = request.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
            scopes.flat_map(|scope| scope.log_records).map(|log| log.attributes).collect()
        }
        Signal::Metrics => {
            let request = ExportMetricsServiceRequest::decode(body).expect("valid metrics");
            let scopes = request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
            scopes.flat_map(|scope| scope.metrics).flat_map(point_attributes).collect()
        }
        Signal::Profiles => Vec::new(),
    };
    lists.into_iter().filter_map(id_of).collect()
}

/// The attributes of each data point of a metric, whatever its type.
pub fn point_attributes(metric: Metric) -> Vec<Vec<KeyValue>> {
    match metric.data {
        None => Vec::new(),
        Some(Data::Gauge(data)) => data.data_points.into_iter().map(|point| point.attributes).collect(),
        Some(Data::Sum(data)) => data.data_points.into_iter().map(|point| point.attributes).collect(),
        Some(Data::Histogram(data)) => data.data_points.into_iter().map(|point| point.attributes).collect(),
        Some(Data::ExponentialHistogram(data)) => {
            data.data_points.into_iter().map(|point| point.attributes).collect()
        }
        Some(Data::Summary(data)) => data.data_points.into_iter().map(|point| point.attributes).collect(),
    }
}

fn id_of(attributes: Vec<KeyValue>) -> Option<String> {
    let id = attributes.into_iter().find(|attribute| attribute.key == KEY)?;
    match id.value?.value? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}
