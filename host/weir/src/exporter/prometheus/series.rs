//! One series: what it is now, and what a new point makes of it.

use std::time::{Duration, Instant};

use weir_otlp::read::{Number, PointHead};

use super::exemplar::Exemplar;
use super::histogram::Histogram;
use super::native::Native;
use super::refused::Refused;

/// The types that Prometheus has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::exporter) enum Kind {
    Counter,
    Gauge,
    Histogram,
    Summary,
}

/// What a point says, or a series is now.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::exporter) enum Value {
    Counter(Number, Option<Box<Exemplar>>),
    Gauge(Number),
    Histogram(Box<Histogram>),
    Native(Box<Native>),
    Summary(Box<Summary>),
}

/// A summary.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::exporter) struct Summary {
    pub(in crate::exporter) count: u64,
    pub(in crate::exporter) sum: f64,
    /// Parts and the values that they are not above, from the smallest part on.
    pub(in crate::exporter) quantiles: Vec<(f64, f64)>,
}

/// A point that was read.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::exporter) struct Point {
    pub(in crate::exporter) start_unix_nano: u64,
    pub(in crate::exporter) time_unix_nano: u64,
    /// Whether it counts from the point before.
    pub(in crate::exporter) is_delta: bool,
    pub(in crate::exporter) value: Value,
}

/// One series.
#[derive(Clone, Debug)]
pub(in crate::exporter) struct Series {
    pub(in crate::exporter) start_unix_nano: u64,
    pub(in crate::exporter) time_unix_nano: u64,
    pub(in crate::exporter) value: Value,
    updated: Instant,
}

impl Value {
    /// The type of the family that it belongs to.
    pub(in crate::exporter) fn kind(&self) -> Kind {
        match self {
            Value::Counter(..) => Kind::Counter,
            Value::Gauge(_) => Kind::Gauge,
            Value::Histogram(_) | Value::Native(_) => Kind::Histogram,
            Value::Summary(_) => Kind::Summary,
        }
    }

    /// Bytes that it takes beside those of its series.
    fn cost(&self) -> usize {
        match self {
            Value::Counter(_, exemplar) => exemplar.as_ref().map_or(0, |exemplar| exemplar.cost()),
            Value::Gauge(_) => 0,
            Value::Histogram(histogram) => histogram.cost(),
            Value::Native(native) => native.cost(),
            Value::Summary(summary) => size_of::<Summary>() + 16 * summary.quantiles.len(),
        }
    }

    /// Adds what came before to a delta. `false` if the two do not fit, so that the delta begins anew.
    fn add(&mut self, former: &Value) -> Result<bool, Refused> {
        match (self, former) {
            (Value::Counter(own, _), Value::Counter(former, _)) => {
                *own = sum(*own, *former);
                Ok(true)
            }
            (Value::Histogram(own), Value::Histogram(former)) => own.add(former),
            (Value::Native(own), Value::Native(former)) => own.add(former).map(|()| true),
            _ => Ok(false),
        }
    }

    /// Keeps the exemplars of the point before, where this one has no newer ones.
    fn inherit(&mut self, former: &Value) {
        match (self, former) {
            (Value::Counter(_, own), Value::Counter(_, former)) if own.is_none() => own.clone_from(former),
            (Value::Histogram(own), Value::Histogram(former)) => own.inherit(former),
            (Value::Native(own), Value::Native(former)) => own.inherit(former),
            _ => {}
        }
    }
}

fn sum(one: Number, other: Number) -> Number {
    match (one, other) {
        (Number::Int(one), Number::Int(other)) => {
            one.checked_add(other).map_or(Number::Double(one as f64 + other as f64), Number::Int)
        }
        (one, other) => Number::Double(one.as_f64() + other.as_f64()),
    }
}

impl Point {
    pub(in crate::exporter) fn new(head: &PointHead<'_>, is_delta: bool, value: Value) -> Self {
        let PointHead { start_unix_nano, time_unix_nano, .. } = *head;
        Point { start_unix_nano, time_unix_nano, is_delta, value }
    }
}

impl Series {
    /// One that begins with a point.
    pub(in crate::exporter) fn new(point: Point, now: Instant) -> Self {
        let Point { start_unix_nano, time_unix_nano, value, .. } = point;
        Series { start_unix_nano, time_unix_nano, value, updated: now }
    }

    /// What it is after another point; `None` if the point is older than what is there.
    pub(in crate::exporter) fn after(
        &self,
        mut point: Point,
        now: Instant,
    ) -> Result<Option<Series>, Refused> {
        if point.is_delta {
            let start = point.start_unix_nano;
            let lines_up =
                start == self.time_unix_nano || (start == 0 && point.time_unix_nano > self.time_unix_nano);
            // A delta that begins later follows a pause or a restart: it begins anew, as in the Collector.
            if lines_up && point.time_unix_nano >= self.time_unix_nano {
                if point.value.add(&self.value)? {
                    point.start_unix_nano = self.start_unix_nano;
                }
            } else if start <= self.time_unix_nano {
                return Err(Refused::Overlap);
            }
        } else if point.time_unix_nano < self.time_unix_nano {
            return Ok(None);
        }
        point.value.inherit(&self.value);
        Ok(Some(Series::new(point, now)))
    }

    /// Notes that it is still there.
    pub(in crate::exporter) fn touch(&mut self, now: Instant) {
        self.updated = now;
    }

    /// When it will be too old, if nothing comes.
    pub(in crate::exporter) fn expires(&self, expiration: Duration) -> Option<Instant> {
        self.updated.checked_add(expiration)
    }

    /// Whether it is too old.
    pub(in crate::exporter) fn has_expired(&self, expiration: Duration, now: Instant) -> bool {
        self.expires(expiration).is_some_and(|end| end < now)
    }

    /// Bytes that it takes, with a key of this length.
    pub(in crate::exporter) fn cost(&self, key: &[u8]) -> usize {
        // Two pointers of a key, and what a tree has around them.
        size_of::<Self>() + key.len() + 48 + self.value.cost()
    }
}
