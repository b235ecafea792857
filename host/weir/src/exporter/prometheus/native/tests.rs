//! Tests of native histograms: scales, sums, spans; held against what the bounds of buckets mean.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::metrics::v1::ExponentialHistogramDataPoint;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets as Decoded;
use proptest::prelude::*;
use weir_otlp::read::{Data, Metric, groups};

use super::super::testing::{CUMULATIVE, exponential, exponential_point, request};
use super::super::translation::Strategy;
use super::*;

fn read(point: ExponentialHistogramDataPoint) -> Result<Native, PointError> {
    let request = request(&[], None, vec![exponential("a", CUMULATIVE, vec![point])]);
    let scopes = groups(&request).flatten().flat_map(|group| group.scopes()).flatten();
    let metric = scopes.flat_map(|scope| scope.items::<Metric<'_>>()).next().unwrap().unwrap();
    let Some(Data::ExponentialHistogram(mut points, _)) = metric.data else { panic!("another kind") };
    Native::read(&points.next().unwrap().unwrap(), &Translation::new(Strategy::default(), ""))
}

/// The counts by bucket.
fn counts(side: &Side) -> BTreeMap<i64, u64> {
    (side.offset..).zip(side.counts.iter().copied()).filter(|(_, count)| *count > 0).collect()
}

/// The counts at another scale, by where the middle of each bucket lies: what an index means, and not how it is shifted.
fn oracle(offset: i32, buckets: &[u64], scale: i32, target: i32) -> BTreeMap<i64, u64> {
    let mut counts = BTreeMap::new();
    for (index, count) in (i64::from(offset)..).zip(buckets).filter(|(_, count)| **count > 0) {
        let log2_of_middle = (index as f64 + 0.5) * 2_f64.powi(-scale);
        let at_target = (log2_of_middle * 2_f64.powi(target)).ceil() as i64 - 1;
        *counts.entry(at_target).or_default() += count;
    }
    counts
}

/// The counts by the index of the upper bound, out of spans and deltas as Prometheus reads them.
fn from_spans(side: &Side) -> BTreeMap<i64, u64> {
    let (spans, deltas) = side.spans();
    let (mut index, mut count, mut deltas) = (0_i64, 0_i64, deltas.into_iter());
    let mut counts = BTreeMap::new();
    for span in spans {
        index += i64::from(span.offset);
        for _ in 0..span.length {
            count += deltas.next().unwrap();
            if count > 0 {
                counts.insert(index - 1, count as u64);
            }
            index += 1;
        }
    }
    assert_eq!(deltas.next(), None, "a delta for each bucket");
    counts
}

proptest! {
    #[test]
    fn a_coarser_scale_has_every_value_in_the_bucket_that_holds_it(
        // At the coarsest scale so many buckets would be too many.
        scale in -3..=20_i32,
        offset in -2000..2000_i32,
        buckets in prop::collection::vec(0..100_u64, 0..700),
    ) {
        let point = exponential_point((0, 1), scale, (offset, &buckets), (offset / 2, &buckets));
        let native = read(point).unwrap();
        prop_assert!((SCALE_MIN..=SCALE_MAX).contains(&native.scale) && native.scale <= scale);
        prop_assert!(native.positive.counts.len() <= BUCKETS_MAX);
        prop_assert_eq!(counts(&native.positive), oracle(offset, &buckets, scale, native.scale));
        prop_assert_eq!(counts(&native.negative), oracle(offset / 2, &buckets, scale, native.scale));
        prop_assert_eq!(from_spans(&native.positive), counts(&native.positive));
        prop_assert_eq!(native.count, 2 * buckets.iter().sum::<u64>());
    }

    #[test]
    fn a_sum_has_the_values_of_both_at_the_coarser_scale(
        scales in (-4..=12_i32, -4..=12_i32),
        offsets in (-3000..3000_i32, -3000..3000_i32),
        one in prop::collection::vec(0..100_u64, 0..200),
        other in prop::collection::vec(0..100_u64, 0..200),
    ) {
        let former = read(exponential_point((0, 1), scales.0, (offsets.0, &one), (0, &[]))).unwrap();
        let mut sum = read(exponential_point((1, 2), scales.1, (offsets.1, &other), (0, &[]))).unwrap();
        // Buckets far apart at a coarse scale fit into no range; what fits has to be right.
        if sum.add(&former).is_ok() {
            let mut expected = oracle(offsets.0, &one, scales.0, sum.scale);
            for (index, count) in oracle(offsets.1, &other, scales.1, sum.scale) {
                *expected.entry(index).or_default() += count;
            }
            prop_assert_eq!(counts(&sum.positive), expected);
            prop_assert!(sum.positive.counts.len() <= BUCKETS_MAX);
            prop_assert_eq!(sum.count, one.iter().chain(&other).sum::<u64>());
        }
    }

    #[test]
    fn whatever_the_numbers_are_a_point_is_refused_or_within_the_bounds(
        scale in any::<i32>(),
        offset in any::<i32>(),
        buckets in prop::collection::vec(any::<u64>(), 0..20),
        zero_threshold in any::<f64>(),
    ) {
        let mut point = exponential_point((0, 1), scale, (offset, &buckets), (0, &[]));
        point.zero_threshold = zero_threshold;
        if let Ok(native) = read(point) {
            prop_assert!(native.positive.counts.len() <= BUCKETS_MAX);
            prop_assert_eq!(from_spans(&native.positive), counts(&native.positive));
        }
    }
}

#[test]
fn spans_leave_out_long_gaps_and_bridge_short_ones() {
    let side = Side { offset: -1, counts: vec![3, 0, 0, 1, 0, 0, 0, 5] };
    let (spans, deltas) = side.spans();
    assert_eq!(spans, [Span { offset: 0, length: 4 }, Span { offset: 3, length: 1 }]);
    assert_eq!(deltas, [3, -3, 0, 1, 4]);
    assert_eq!(Side::default().spans(), (vec![], vec![]));
}

#[test]
fn buckets_without_values_at_the_ends_take_no_room() {
    let mut zeros = vec![0; 100_000];
    zeros[70_000] = 1;
    let native = read(exponential_point((0, 1), 8, (-70_000, &zeros), (0, &[]))).unwrap();
    assert_eq!((native.positive.offset, native.positive.counts.len(), native.scale), (0, 1, 8));
}

#[test]
fn a_threshold_of_zero_is_the_default_one_and_a_scale_below_the_coarsest_is_refused() {
    let native = read(exponential_point((0, 1), 0, (0, &[1]), (0, &[]))).unwrap();
    assert_eq!(native.zero_threshold, 1e-128);
    let refused = read(exponential_point((0, 1), -5, (0, &[1]), (0, &[])));
    assert_eq!(refused, Err(PointError::Refused(Refused::Buckets)));
}

#[test]
fn counts_that_do_not_add_up_are_refused() {
    let too_many = exponential_point((0, 1), 0, (0, &[u64::MAX, 1]), (0, &[]));
    assert_eq!(read(too_many), Err(PointError::Refused(Refused::Buckets)));
    let none =
        ExponentialHistogramDataPoint { count: 3, positive: Some(Decoded::default()), ..Default::default() };
    assert_eq!(read(none), Err(PointError::Refused(Refused::Buckets)));
}
