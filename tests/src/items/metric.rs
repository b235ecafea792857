//! Data points with the metric that they belong to.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::exemplar::Value as ExemplarValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint, SummaryDataPoint,
};
use prost::Message;
use serde_json::{Value, json};

use super::{Item, Leaves, Tree, surroundings};
use crate::Signal;

pub(super) fn items(body: &[u8]) -> Vec<Item> {
    let request = ExportMetricsServiceRequest::decode(body).expect("valid metrics");
    let mut items = Vec::new();
    for resource in &request.resource_metrics {
        for scope in &resource.scope_metrics {
            let around = surroundings(
                resource.resource.as_ref(),
                &resource.schema_url,
                scope.scope.as_ref(),
                &scope.schema_url,
            );
            scope.metrics.iter().for_each(|metric| of_metric(metric, &around, &mut items));
        }
    }
    items
}

fn of_metric(metric: &Metric, around: &Leaves, items: &mut Vec<Item>) {
    let mut common = around.clone();
    let mut tree = Tree::new(&mut common);
    tree.field("metric.name", metric.name.as_str());
    tree.field("metric.description", metric.description.as_str());
    tree.field("metric.unit", metric.unit.as_str());
    tree.inside("metric").inside("metadata").attributes(&metric.metadata);
    let mut add = |kind: &str, temporality: i32, fill: &mut dyn FnMut(&mut Tree<'_>)| {
        let mut leaves = common.clone();
        let mut tree = Tree::new(&mut leaves);
        tree.field("metric.kind", kind);
        tree.field("metric.temporality", temporality);
        fill(&mut tree);
        let scope = common.get("scope.name").and_then(Value::as_str).unwrap_or("");
        let key = format!("point of {} of {scope}", metric.name);
        items.push(Item { signal: Signal::Metrics, key, trace_id: Vec::new(), leaves });
    };
    match &metric.data {
        None => {}
        Some(Data::Gauge(gauge)) => {
            gauge.data_points.iter().for_each(|point| add("gauge", 0, &mut |tree| number(point, tree)));
        }
        Some(Data::Sum(sum)) => {
            let kind = if sum.is_monotonic { "monotonic sum" } else { "sum" };
            let points = sum.data_points.iter();
            points.for_each(|point| add(kind, sum.aggregation_temporality, &mut |tree| number(point, tree)));
        }
        Some(Data::Histogram(of)) => {
            let points = of.data_points.iter();
            points.for_each(|point| {
                add("histogram", of.aggregation_temporality, &mut |tree| histogram(point, tree));
            });
        }
        Some(Data::ExponentialHistogram(of)) => of.data_points.iter().for_each(|point| {
            add("exponential histogram", of.aggregation_temporality, &mut |tree| exponential(point, tree));
        }),
        Some(Data::Summary(of)) => {
            of.data_points.iter().for_each(|point| add("summary", 0, &mut |tree| summary(point, tree)));
        }
    }
}

fn number(point: &NumberDataPoint, tree: &mut Tree<'_>) {
    tree.attributes(&point.attributes);
    tree.field("start_time", point.start_time_unix_nano);
    tree.field("time", point.time_unix_nano);
    tree.field("flags", point.flags);
    match point.value {
        Some(Number::AsInt(value)) => tree.value_of("as_int", value.into()),
        Some(Number::AsDouble(value)) => tree.value_of("as_double", json!(value)),
        None => {}
    }
    exemplars(&point.exemplars, tree);
}

fn histogram(point: &HistogramDataPoint, tree: &mut Tree<'_>) {
    tree.attributes(&point.attributes);
    tree.field("start_time", point.start_time_unix_nano);
    tree.field("time", point.time_unix_nano);
    tree.field("flags", point.flags);
    tree.value_of("count", point.count.into());
    tree.field("sum", point.sum);
    tree.field("min", point.min);
    tree.field("max", point.max);
    tree.field("bucket_counts", point.bucket_counts.as_slice());
    tree.field("explicit_bounds", point.explicit_bounds.as_slice());
    exemplars(&point.exemplars, tree);
}

fn exponential(point: &ExponentialHistogramDataPoint, tree: &mut Tree<'_>) {
    tree.attributes(&point.attributes);
    tree.field("start_time", point.start_time_unix_nano);
    tree.field("time", point.time_unix_nano);
    tree.field("flags", point.flags);
    tree.value_of("count", point.count.into());
    tree.field("sum", point.sum);
    tree.field("min", point.min);
    tree.field("max", point.max);
    tree.field("scale", point.scale);
    tree.field("zero_count", point.zero_count);
    tree.field("zero_threshold", point.zero_threshold);
    for (name, buckets) in [("positive", &point.positive), ("negative", &point.negative)] {
        if let Some(buckets) = buckets {
            let mut tree = tree.inside(name);
            tree.field("offset", buckets.offset);
            tree.field("bucket_counts", buckets.bucket_counts.as_slice());
        }
    }
    exemplars(&point.exemplars, tree);
}

fn summary(point: &SummaryDataPoint, tree: &mut Tree<'_>) {
    tree.attributes(&point.attributes);
    tree.field("start_time", point.start_time_unix_nano);
    tree.field("time", point.time_unix_nano);
    tree.field("flags", point.flags);
    tree.value_of("count", point.count.into());
    tree.field("sum", point.sum);
    for (at, quantile) in point.quantile_values.iter().enumerate() {
        tree.value_of(&format!("quantiles[{at}]"), json!([quantile.quantile, quantile.value]));
    }
}

fn exemplars(exemplars: &[Exemplar], tree: &mut Tree<'_>) {
    for (at, exemplar) in exemplars.iter().enumerate() {
        let mut tree = tree.inside(&format!("exemplars[{at}]"));
        tree.attributes(&exemplar.filtered_attributes);
        tree.field("time", exemplar.time_unix_nano);
        tree.bytes("trace_id", &exemplar.trace_id);
        tree.bytes("span_id", &exemplar.span_id);
        match exemplar.value {
            Some(ExemplarValue::AsInt(value)) => tree.value_of("as_int", value.into()),
            Some(ExemplarValue::AsDouble(value)) => tree.value_of("as_double", json!(value)),
            None => {}
        }
    }
}

impl Tree<'_> {
    /// A number that is there even if it is zero.
    fn value_of(&mut self, name: &str, value: Value) {
        let path = self.inside(name).path;
        self.leaves.insert(path, value);
    }
}
