//! Exponential histograms, which are Prometheus' native ones: the same buckets, whose index is one more there.

use weir_otlp::read::{Buckets, ExponentialPoint};

use super::exemplar::Exemplar;
use super::limits::BUCKETS_MAX;
use super::refused::{PointError, Refused};
use super::translation::Translation;

/// The finest scale that Prometheus has. A finer histogram is made as coarse as that.
const SCALE_MAX: i32 = 8;

/// The coarsest one.
const SCALE_MIN: i32 = -4;

/// How close to zero a value is that counts as zero, if the sender does not say.
const ZERO_THRESHOLD: f64 = 1e-128;

/// Exemplars of one histogram.
const EXEMPLARS_MAX: usize = 16;

/// Gaps between buckets that are shorter are written as buckets without values.
const GAP_MIN: usize = 3;

/// One exponential histogram.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::exporter) struct Native {
    pub(in crate::exporter) scale: i32,
    pub(in crate::exporter) zero_count: u64,
    pub(in crate::exporter) zero_threshold: f64,
    pub(in crate::exporter) positive: Side,
    pub(in crate::exporter) negative: Side,
    /// How many values there are in all.
    pub(in crate::exporter) count: u64,
    /// What they add up to, if that is known.
    pub(in crate::exporter) sum: Option<f64>,
    /// From the oldest on.
    pub(in crate::exporter) exemplars: Vec<Exemplar>,
}

/// The buckets on one side of zero, from the first that has values to the last.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::exporter) struct Side {
    /// The index of the first one, by OTLP.
    pub(in crate::exporter) offset: i64,
    pub(in crate::exporter) counts: Vec<u64>,
}

/// Buckets next to each other, as Prometheus has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::exporter) struct Span {
    /// How far from the end of the one before; of the first one, from zero.
    pub(in crate::exporter) offset: i32,
    pub(in crate::exporter) length: u32,
}

/// The indices of the first and the last bucket that has values.
type Extent = Option<(i64, i64)>;

impl Native {
    /// One without a value.
    pub(in crate::exporter) fn empty() -> Self {
        Native {
            scale: 0,
            zero_count: 0,
            zero_threshold: ZERO_THRESHOLD,
            positive: Side::default(),
            negative: Side::default(),
            count: 0,
            sum: None,
            exemplars: Vec::new(),
        }
    }

    /// Reads and checks one.
    pub(in crate::exporter) fn read(
        point: &ExponentialPoint<'_>,
        translation: &Translation,
    ) -> Result<Self, PointError> {
        let threshold = point.zero_threshold;
        if point.scale < SCALE_MIN || !threshold.is_finite() || threshold < 0.0 {
            return Err(Refused::Buckets.into());
        }
        let extents = [extent(&point.positive)?, extent(&point.negative)?];
        let scale = fitting(point.scale, extents)?;
        let mut native = Native {
            scale,
            zero_count: point.zero_count,
            zero_threshold: if threshold == 0.0 { ZERO_THRESHOLD } else { threshold },
            positive: Side::read(&point.positive, extents[0], point.scale - scale)?,
            negative: Side::read(&point.negative, extents[1], point.scale - scale)?,
            count: 0,
            sum: point.sum,
            exemplars: Vec::new(),
        };
        native.add_up()?;
        if native.count == 0 && point.count > 0 {
            return Err(Refused::Buckets.into());
        }
        for exemplar in point.exemplars().take(EXEMPLARS_MAX) {
            native.exemplars.extend(Exemplar::read(&exemplar?, translation)?);
        }
        native.tidy_exemplars();
        Ok(native)
    }

    /// What the buckets hold is the count: Prometheus refuses a page on which they differ.
    fn add_up(&mut self) -> Result<(), Refused> {
        let mut counts = self.positive.counts.iter().chain(&self.negative.counts);
        let count = counts.try_fold(self.zero_count, |sum, count| sum.checked_add(*count));
        self.count = count.filter(|count| i64::try_from(*count).is_ok()).ok_or(Refused::Buckets)?;
        Ok(())
    }

    /// Keeps the newest ones, from the oldest on.
    fn tidy_exemplars(&mut self) {
        self.exemplars.sort_by_key(|exemplar| exemplar.time_unix_nano);
        let surplus = self.exemplars.len().saturating_sub(EXEMPLARS_MAX);
        self.exemplars.drain(..surplus);
    }

    /// Adds what came before to a delta.
    pub(in crate::exporter) fn add(&mut self, former: &Native) -> Result<(), Refused> {
        let joined = |one: &Side, shift, other: &Side, other_shift| {
            join(shifted(one.extent(), shift), shifted(other.extent(), other_shift))
        };
        let coarser = self.scale.min(former.scale);
        let (own, other) = (self.scale - coarser, former.scale - coarser);
        let extents = [
            joined(&self.positive, own, &former.positive, other),
            joined(&self.negative, own, &former.negative, other),
        ];
        let scale = fitting(coarser, extents)?;
        self.positive = self.positive.sum(self.scale - scale, &former.positive, former.scale - scale)?;
        self.negative = self.negative.sum(self.scale - scale, &former.negative, former.scale - scale)?;
        self.scale = scale;
        self.zero_count = self.zero_count.checked_add(former.zero_count).ok_or(Refused::Buckets)?;
        self.zero_threshold = self.zero_threshold.max(former.zero_threshold);
        self.sum = self.sum.zip(former.sum).map(|(own, former)| own + former);
        self.add_up()
    }

    /// Keeps the exemplars of what came before, as far as there is room.
    pub(in crate::exporter) fn inherit(&mut self, former: &Native) {
        let news = former.exemplars.iter().filter(|former| !self.exemplars.contains(former));
        let news: Vec<Exemplar> = news.cloned().collect();
        self.exemplars.extend(news);
        self.tidy_exemplars();
    }

    /// Bytes that it takes.
    pub(in crate::exporter) fn cost(&self) -> usize {
        let exemplars: usize = self.exemplars.iter().map(Exemplar::cost).sum();
        size_of::<Self>() + 8 * (self.positive.counts.len() + self.negative.counts.len()) + exemplars
    }
}

impl Side {
    fn read(buckets: &Buckets<'_>, extent: Extent, shift: i32) -> Result<Self, PointError> {
        let mut side = Side::empty(shifted(extent, shift));
        let mut index = i64::from(buckets.offset);
        let mut fits = true;
        buckets.counts(|count| {
            fits &= count == 0 || side.add(shift_index(index, shift), count).is_ok();
            index += 1;
        })?;
        if fits { Ok(side) } else { Err(Refused::Buckets.into()) }
    }

    /// With room for these buckets.
    fn empty(extent: Extent) -> Self {
        extent.map_or_else(Side::default, |(first, last)| Side {
            offset: first,
            counts: vec![0; usize::try_from(last - first + 1).unwrap_or_default()],
        })
    }

    fn add(&mut self, index: i64, count: u64) -> Result<(), Refused> {
        let at = usize::try_from(index - self.offset).map_err(|_| Refused::Buckets)?;
        let own = self.counts.get_mut(at).ok_or(Refused::Buckets)?;
        *own = own.checked_add(count).ok_or(Refused::Buckets)?;
        Ok(())
    }

    fn extent(&self) -> Extent {
        let last = self.offset + i64::try_from(self.counts.len()).ok()? - 1;
        (last >= self.offset).then_some((self.offset, last))
    }

    /// Both together, each made coarser by so many scales.
    fn sum(&self, shift: i32, other: &Side, other_shift: i32) -> Result<Side, Refused> {
        let extent = join(shifted(self.extent(), shift), shifted(other.extent(), other_shift));
        let mut sum = Side::empty(extent);
        for (side, shift) in [(self, shift), (other, other_shift)] {
            for (index, count) in (side.offset..).zip(&side.counts) {
                sum.add(shift_index(index, shift), *count)?;
            }
        }
        Ok(sum)
    }

    /// The buckets as Prometheus writes them: where they are, and how each count differs from the one before.
    pub(in crate::exporter) fn spans(&self) -> (Vec<Span>, Vec<i64>) {
        let (mut spans, mut deltas) = (Vec::<Span>::new(), Vec::new());
        // The end of the last span, and the count before.
        let (mut end, mut former) = (0_i64, 0_u64);
        let mut at = 0;
        while let Some(ahead) =
            self.counts.get(at..).and_then(|rest| rest.iter().position(|count| *count > 0))
        {
            let from = match spans.is_empty() || ahead >= GAP_MIN {
                true => at + ahead,
                false => at,
            };
            if from > at || spans.is_empty() {
                // Upper bounds are what Prometheus counts, and lower ones OTLP. All is in bounds: see `extent`.
                let index = self.offset + from as i64 + 1;
                spans.push(Span { offset: (index - end) as i32, length: 0 });
                end = index;
            }
            for count in &self.counts[from..=at + ahead] {
                deltas.push((*count as i64).wrapping_sub(former as i64));
                former = *count;
                end += 1;
                if let Some(span) = spans.last_mut() {
                    span.length += 1;
                }
            }
            at += ahead + 1;
        }
        (spans, deltas)
    }
}

/// Where the values are. An index beyond what a number of 64 bits can be in is no bucket's.
fn extent(buckets: &Buckets<'_>) -> Result<Extent, PointError> {
    let mut extent: Extent = None;
    let mut index = i64::from(buckets.offset);
    buckets.counts(|count| {
        if count > 0 {
            extent = Some((extent.map_or(index, |(first, _)| first), index));
        }
        index += 1;
    })?;
    Ok(extent)
}

/// The finest scale that Prometheus has and at which these buckets are not too many.
fn fitting(scale: i32, extents: [Extent; 2]) -> Result<i32, Refused> {
    let is_too_much = |scale_to: i32| {
        extents.iter().any(|extent| {
            let Some((first, last)) = shifted(*extent, scale - scale_to) else { return false };
            last - first >= BUCKETS_MAX as i64
                || i32::try_from(first).is_err()
                || i32::try_from(last + 1).is_err()
        })
    };
    let mut fitting = scale.min(SCALE_MAX);
    while is_too_much(fitting) {
        fitting -= 1;
        if fitting < SCALE_MIN {
            return Err(Refused::Buckets);
        }
    }
    Ok(fitting)
}

fn shifted(extent: Extent, shift: i32) -> Extent {
    extent.map(|(first, last)| (shift_index(first, shift), shift_index(last, shift)))
}

/// The index of the bucket that this one is a part of, so many scales coarser.
fn shift_index(index: i64, shift: i32) -> i64 {
    index >> shift.clamp(0, 63)
}

fn join(one: Extent, other: Extent) -> Extent {
    match (one, other) {
        (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests;
