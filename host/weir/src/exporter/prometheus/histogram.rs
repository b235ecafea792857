//! Histograms whose buckets have given bounds.

use weir_otlp::read::HistogramPoint;

use super::exemplar::Exemplar;
use super::limits::{BUCKETS_MAX, EXEMPLARS_MAX};
use super::refused::{PointError, Refused};
use super::translation::Translation;

/// One histogram.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::exporter) struct Histogram {
    /// The upper bound of each bucket but the last, which has none. They rise.
    pub(in crate::exporter) bounds: Vec<f64>,
    /// How many values each bucket has; one more than there are bounds.
    pub(in crate::exporter) counts: Vec<u64>,
    /// How many there are in all.
    pub(in crate::exporter) count: u64,
    /// What they add up to, if that is known.
    pub(in crate::exporter) sum: Option<f64>,
    /// At most one a bucket, with the bucket's place.
    pub(in crate::exporter) exemplars: Vec<(usize, Exemplar)>,
}

impl Histogram {
    /// One without a value, and with a single bucket.
    pub(in crate::exporter) fn empty() -> Self {
        Histogram { counts: vec![0], ..Histogram::default() }
    }

    /// Reads and checks one.
    pub(in crate::exporter) fn read(
        point: &HistogramPoint<'_>,
        translation: &Translation,
    ) -> Result<Self, PointError> {
        let mut bounds = Vec::new();
        for bound in point.explicit_bounds() {
            let bound = bound?;
            let rises = bounds.last().is_none_or(|last| *last < bound);
            if bound.is_nan() || !rises || bounds.len() >= BUCKETS_MAX {
                return Err(Refused::Buckets.into());
            }
            bounds.push(bound);
        }
        let mut counts = Vec::with_capacity(bounds.len() + 1);
        for count in point.bucket_counts() {
            let count = count?;
            if counts.len() > bounds.len() {
                return Err(Refused::Buckets.into());
            }
            counts.push(count);
        }
        if counts.is_empty() && bounds.is_empty() {
            counts.push(point.count);
        }
        if counts.len() != bounds.len() + 1 {
            return Err(Refused::Buckets.into());
        }
        // A bound that nothing is above of is the same as none.
        if bounds.pop_if(|last| *last == f64::INFINITY).is_some() {
            let above = counts.pop().unwrap_or_default();
            let last = counts.last_mut().ok_or(Refused::Buckets)?;
            *last = last.checked_add(above).ok_or(Refused::Buckets)?;
        }
        let mut histogram = Histogram { bounds, counts, count: 0, sum: point.sum, exemplars: Vec::new() };
        histogram.add_up()?;
        for exemplar in point.exemplars() {
            if let Some(exemplar) = Exemplar::read(&exemplar?, translation)? {
                histogram.attach(exemplar);
            }
        }
        Ok(histogram)
    }

    /// What the buckets hold is the count: a page on which they differ is none.
    fn add_up(&mut self) -> Result<(), Refused> {
        let count = self.counts.iter().try_fold(0_u64, |sum, count| sum.checked_add(*count));
        self.count = count.filter(|count| i64::try_from(*count).is_ok()).ok_or(Refused::Buckets)?;
        Ok(())
    }

    /// The newest exemplar of each bucket is kept.
    fn attach(&mut self, exemplar: Exemplar) {
        let bucket = self.bounds.partition_point(|bound| *bound < exemplar.value);
        let Histogram { exemplars, .. } = self;
        if let Some(at) = exemplars.iter().position(|(own, _)| *own == bucket) {
            if exemplars[at].1.time_unix_nano < exemplar.time_unix_nano {
                exemplars[at].1 = exemplar;
            }
        } else if exemplars.len() < EXEMPLARS_MAX {
            exemplars.push((bucket, exemplar));
        }
    }

    /// Keeps the exemplars of what came before where there are no newer ones.
    pub(in crate::exporter) fn inherit(&mut self, former: &Histogram) {
        if self.bounds == former.bounds {
            former.exemplars.iter().for_each(|(_, exemplar)| self.attach(exemplar.clone()));
        }
    }

    /// Adds what came before to a delta; whether there are the same buckets in both.
    pub(in crate::exporter) fn add(&mut self, former: &Histogram) -> Result<bool, Refused> {
        if self.bounds != former.bounds {
            return Ok(false);
        }
        for (own, former) in self.counts.iter_mut().zip(&former.counts) {
            *own = own.checked_add(*former).ok_or(Refused::Buckets)?;
        }
        self.sum = self.sum.zip(former.sum).map(|(own, former)| own + former);
        self.add_up().map(|()| true)
    }

    /// Bytes that it takes.
    pub(in crate::exporter) fn cost(&self) -> usize {
        let exemplars: usize = self.exemplars.iter().map(|(_, exemplar)| exemplar.cost() + 8).sum();
        size_of::<Self>() + 16 * self.counts.len() + exemplars
    }
}
