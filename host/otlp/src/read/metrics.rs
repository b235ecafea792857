//! Metrics, and the lists of their data points.

use super::field::{Body, Message, Repeated, next_of};
use super::points::{ExponentialPoint, HistogramPoint, NumberPoint, SummaryPoint};
use crate::wire::Result;

/// One metric with its points.
#[derive(Clone, Copy)]
pub struct Metric<'a> {
    /// What it is called.
    pub name: &'a str,
    /// What it is about.
    pub description: &'a str,
    /// What its values are counted in, in UCUM.
    pub unit: &'a str,
    /// Its points; `None` if they are of a kind that is not known here, or none are there.
    pub data: Option<Data<'a>>,
}

/// The points of a metric, by their kind.
#[derive(Clone, Copy)]
pub enum Data<'a> {
    /// Values as they are at a moment.
    Gauge(Points<'a, NumberPoint<'a>>),
    /// Values that add up.
    Sum {
        /// Its points.
        points: Points<'a, NumberPoint<'a>>,
        /// What each value is counted from.
        temporality: Temporality,
        /// Whether it only ever grows.
        is_monotonic: bool,
    },
    /// How values are distributed over buckets whose bounds are given.
    Histogram(Points<'a, HistogramPoint<'a>>, Temporality),
    /// How values are distributed over buckets that grow exponentially.
    ExponentialHistogram(Points<'a, ExponentialPoint<'a>>, Temporality),
    /// Quantiles that the sender has worked out.
    Summary(Points<'a, SummaryPoint<'a>>),
}

/// What a value is counted from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Temporality {
    /// Nobody said, or something that is not known here.
    #[default]
    Unspecified,
    /// The point before.
    Delta,
    /// The start of the series.
    Cumulative,
}

/// The points of one metric, in order. The first error is the last thing that it gives.
#[derive(Clone, Copy)]
pub struct Points<'a, P> {
    outer: Body<'a>,
    around: u32,
    inner: Repeated<'a, P>,
}

/// The field of a metric that holds points of each kind.
mod kind {
    pub const GAUGE: u32 = 5;
    pub const SUM: u32 = 7;
    pub const HISTOGRAM: u32 = 9;
    pub const EXPONENTIAL: u32 = 10;
    pub const SUMMARY: u32 = 11;
}

// === impl Metric ===

impl<'a> Message<'a> for Metric<'a> {
    fn read(body: Body<'a>) -> Result<Self> {
        let mut metric = Metric { name: "", description: "", unit: "", data: None };
        let mut settings = DataSettings::default();
        body.each(|field| {
            match field.number {
                1 => metric.name = field.text()?,
                2 => metric.description = field.text()?,
                3 => metric.unit = field.text()?,
                number @ (kind::GAUGE | kind::SUM | kind::HISTOGRAM | kind::EXPONENTIAL | kind::SUMMARY) => {
                    settings.read(number, field.message()?)?;
                }
                _ => {}
            }
            Ok(())
        })?;
        metric.data = settings.data(body);
        Ok(metric)
    }
}

/// The single values of a metric's data.
#[derive(Default)]
struct DataSettings {
    kind: u32,
    temporality: Temporality,
    is_monotonic: bool,
}

impl DataSettings {
    fn read(&mut self, kind: u32, body: Body<'_>) -> Result<()> {
        if kind != self.kind {
            *self = DataSettings { kind, ..DataSettings::default() };
        }
        body.each(|field| {
            match (kind, field.number) {
                (kind::SUM | kind::HISTOGRAM | kind::EXPONENTIAL, 2) => {
                    self.temporality = Temporality::of(field.varint()?);
                }
                (kind::SUM, 3) => self.is_monotonic = field.varint()? != 0,
                _ => {}
            }
            Ok(())
        })
    }

    fn data<'a>(&self, body: Body<'a>) -> Option<Data<'a>> {
        let DataSettings { kind, temporality, is_monotonic } = *self;
        Some(match kind {
            kind::GAUGE => Data::Gauge(Points::new(body, kind)),
            kind::SUM => Data::Sum { points: Points::new(body, kind), temporality, is_monotonic },
            kind::HISTOGRAM => Data::Histogram(Points::new(body, kind), temporality),
            kind::EXPONENTIAL => Data::ExponentialHistogram(Points::new(body, kind), temporality),
            kind::SUMMARY => Data::Summary(Points::new(body, kind)),
            _ => return None,
        })
    }
}

impl Temporality {
    fn of(value: u64) -> Self {
        match value {
            1 => Temporality::Delta,
            2 => Temporality::Cumulative,
            _ => Temporality::Unspecified,
        }
    }
}

// === impl Points ===

impl<'a, P> Points<'a, P> {
    fn new(metric: Body<'a>, around: u32) -> Self {
        Points { outer: metric, around, inner: Repeated::new(Body::EMPTY, 1) }
    }
}

impl<'a, P: Message<'a>> Iterator for Points<'a, P> {
    type Item = Result<P>;

    fn next(&mut self) -> Option<Result<P>> {
        loop {
            match self.inner.next() {
                Some(Ok(point)) => return Some(Ok(point)),
                Some(Err(error)) => {
                    self.outer = Body::EMPTY;
                    return Some(Err(error));
                }
                None => {}
            }
            match next_of(&mut self.outer, self.around) {
                Ok(Some(body)) => self.inner = Repeated::new(body, 1),
                Ok(None) => return None,
                Err(error) => {
                    self.outer = Body::EMPTY;
                    return Some(Err(error));
                }
            }
        }
    }
}
