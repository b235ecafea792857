//! What the borrowed metrics of `weir_otlp::read` say, against the decoded ones.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1 as proto;
use prost::Message;
use weir_otlp::Signal;
use weir_otlp::read::{
    Data, Exemplar, ExponentialPoint, HistogramPoint, Metric, Number, NumberPoint, PointHead, SummaryPoint,
    Temporality, groups,
};

use super::dice::Dice;
use super::read::same_attributes;
use super::{odd, requests};

/// Every field of every kind of point, also where the bytes are of the odd kind.
pub fn points(data: &[u8]) {
    let mut dice = Dice::new(data);
    let bytes = requests::request(&mut dice, Signal::Metrics);
    let bytes = odd::request(&mut dice, Signal::Metrics, &bytes);
    let decoded = ExportMetricsServiceRequest::decode(&*bytes).unwrap();
    let decoded: Vec<_> = decoded
        .resource_metrics
        .into_iter()
        .flat_map(|group| group.scope_metrics)
        .flat_map(|scope| scope.metrics)
        .collect();
    let read: Vec<Metric<'_>> = groups(&bytes)
        .map(Result::unwrap)
        .flat_map(|group| group.scopes())
        .map(Result::unwrap)
        .flat_map(|scope| scope.items::<Metric<'_>>())
        .map(Result::unwrap)
        .collect();
    assert_eq!(read.len(), decoded.len());
    for (read, decoded) in read.iter().zip(&decoded) {
        assert_eq!((read.name, read.unit), (&*decoded.name, &*decoded.unit));
        assert_eq!(read.description, decoded.description);
        same_data(read.data, decoded.data.as_ref());
    }
}

/// Any bytes at all: an error, or messages that end.
pub fn any_bytes(data: &[u8]) {
    let scopes = groups(data).flatten().flat_map(|group| group.scopes()).flatten();
    let mut read = 0;
    for metric in scopes.flat_map(|scope| scope.items::<Metric<'_>>()).flatten() {
        match metric.data {
            None => {}
            Some(Data::Gauge(points) | Data::Sum { points, .. }) => {
                points.flatten().for_each(|point| read += point.exemplars().count());
            }
            Some(Data::Histogram(points, _)) => points.flatten().for_each(|point| {
                read += point.bucket_counts().count() + point.explicit_bounds().count();
            }),
            Some(Data::ExponentialHistogram(points, _)) => points.flatten().for_each(|point| {
                let _ = point.positive.counts(drop);
                let _ = point.negative.counts(drop);
            }),
            Some(Data::Summary(points)) => {
                points.flatten().for_each(|point| read += point.quantiles().count());
            }
        }
    }
    assert!(read <= data.len(), "each takes a byte at least");
}

fn all<T, E: std::fmt::Debug>(items: impl Iterator<Item = Result<T, E>>) -> Vec<T> {
    items.map(Result::unwrap).collect()
}

fn same_data(read: Option<Data<'_>>, decoded: Option<&proto::metric::Data>) {
    use proto::metric::Data as Decoded;
    match (read, decoded) {
        (None, None) => {}
        (Some(Data::Gauge(points)), Some(Decoded::Gauge(decoded))) => {
            each(all(points), &decoded.data_points, same_number);
        }
        (Some(Data::Sum { points, temporality, is_monotonic }), Some(Decoded::Sum(decoded))) => {
            same_temporality(temporality, decoded.aggregation_temporality);
            assert_eq!(is_monotonic, decoded.is_monotonic);
            each(all(points), &decoded.data_points, same_number);
        }
        (Some(Data::Histogram(points, temporality)), Some(Decoded::Histogram(decoded))) => {
            same_temporality(temporality, decoded.aggregation_temporality);
            each(all(points), &decoded.data_points, same_histogram);
        }
        (
            Some(Data::ExponentialHistogram(points, temporality)),
            Some(Decoded::ExponentialHistogram(decoded)),
        ) => {
            same_temporality(temporality, decoded.aggregation_temporality);
            each(all(points), &decoded.data_points, same_exponential);
        }
        (Some(Data::Summary(points)), Some(Decoded::Summary(decoded))) => {
            each(all(points), &decoded.data_points, same_summary);
        }
        (_, other) => panic!("another kind than {other:?}"),
    }
}

fn each<A, B>(read: Vec<A>, decoded: &[B], same: impl Fn(&A, &B)) {
    assert_eq!(read.len(), decoded.len());
    read.iter().zip(decoded).for_each(|(read, decoded)| same(read, decoded));
}

fn same_temporality(read: Temporality, decoded: i32) {
    let expected = match decoded {
        1 => Temporality::Delta,
        2 => Temporality::Cumulative,
        _ => Temporality::Unspecified,
    };
    assert_eq!(read, expected);
}

fn same_times(head: &PointHead<'_>, start: u64, time: u64, flags: u32) {
    assert_eq!((head.start_unix_nano, head.time_unix_nano, head.flags), (start, time, flags));
}

/// Bit by bit, so that NaN is itself.
fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn same_number(read: &NumberPoint<'_>, decoded: &proto::NumberDataPoint) {
    same_attributes(read.head.attributes, &decoded.attributes);
    same_times(&read.head, decoded.start_time_unix_nano, decoded.time_unix_nano, decoded.flags);
    let value = decoded.value.map(|value| match value {
        proto::number_data_point::Value::AsInt(value) => value as u64,
        proto::number_data_point::Value::AsDouble(value) => value.to_bits(),
    });
    assert_eq!(read.value.map(number_bits), value);
    each(all(read.exemplars()), &decoded.exemplars, same_exemplar);
}

fn number_bits(number: Number) -> u64 {
    match number {
        Number::Int(value) => value as u64,
        Number::Double(value) => value.to_bits(),
    }
}

fn same_histogram(read: &HistogramPoint<'_>, decoded: &proto::HistogramDataPoint) {
    same_attributes(read.head.attributes, &decoded.attributes);
    same_times(&read.head, decoded.start_time_unix_nano, decoded.time_unix_nano, decoded.flags);
    assert_eq!((read.count, read.sum.map(f64::to_bits)), (decoded.count, decoded.sum.map(f64::to_bits)));
    assert_eq!(all(read.bucket_counts()), decoded.bucket_counts);
    assert_eq!(bits(&all(read.explicit_bounds())), bits(&decoded.explicit_bounds));
    each(all(read.exemplars()), &decoded.exemplars, same_exemplar);
}

fn same_exponential(read: &ExponentialPoint<'_>, decoded: &proto::ExponentialHistogramDataPoint) {
    same_attributes(read.head.attributes, &decoded.attributes);
    same_times(&read.head, decoded.start_time_unix_nano, decoded.time_unix_nano, decoded.flags);
    assert_eq!((read.count, read.sum.map(f64::to_bits)), (decoded.count, decoded.sum.map(f64::to_bits)));
    assert_eq!((read.scale, read.zero_count), (decoded.scale, decoded.zero_count));
    assert_eq!(read.zero_threshold.to_bits(), decoded.zero_threshold.to_bits());
    for (read, decoded) in [(read.positive, &decoded.positive), (read.negative, &decoded.negative)] {
        let decoded = decoded.clone().unwrap_or_default();
        let mut counts = Vec::new();
        read.counts(|count| counts.push(count)).unwrap();
        assert_eq!((read.offset, counts), (decoded.offset, decoded.bucket_counts));
    }
    each(all(read.exemplars()), &decoded.exemplars, same_exemplar);
}

fn same_summary(read: &SummaryPoint<'_>, decoded: &proto::SummaryDataPoint) {
    same_attributes(read.head.attributes, &decoded.attributes);
    same_times(&read.head, decoded.start_time_unix_nano, decoded.time_unix_nano, decoded.flags);
    assert_eq!((read.count, read.sum.to_bits()), (decoded.count, decoded.sum.to_bits()));
    each(all(read.quantiles()), &decoded.quantile_values, |read, decoded| {
        assert_eq!(bits(&[read.quantile, read.value]), bits(&[decoded.quantile, decoded.value]));
    });
}

fn same_exemplar(read: &Exemplar<'_>, decoded: &proto::Exemplar) {
    same_attributes(read.filtered_attributes, &decoded.filtered_attributes);
    let value = decoded.value.map(|value| match value {
        proto::exemplar::Value::AsInt(value) => value as u64,
        proto::exemplar::Value::AsDouble(value) => value.to_bits(),
    });
    assert_eq!(read.value.map(number_bits), value);
    assert_eq!((read.time_unix_nano, read.trace_id), (decoded.time_unix_nano, &*decoded.trace_id));
    assert_eq!(read.span_id, decoded.span_id);
}
