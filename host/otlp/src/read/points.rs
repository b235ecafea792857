//! The data points of metrics, and their exemplars.

use super::attributes::Attributes;
use super::field::{Body, Message, Repeated, next_of};
use super::words::{Encoding, Words};
use crate::wire::Result;

/// What all kinds of points have.
#[derive(Clone, Copy)]
pub struct PointHead<'a> {
    /// Which series of its metric it belongs to.
    pub attributes: Attributes<'a>,
    /// Since when it counts; zero if nobody said.
    pub start_unix_nano: u64,
    /// Of which moment it is.
    pub time_unix_nano: u64,
    /// See [`PointHead::has_no_recorded_value`].
    pub flags: u32,
}

/// A point of a gauge or of a sum.
#[derive(Clone, Copy)]
pub struct NumberPoint<'a> {
    /// Its series and its times.
    pub head: PointHead<'a>,
    /// Its value, if there is one.
    pub value: Option<Number>,
    body: Body<'a>,
}

/// A whole number or another one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// A whole one.
    Int(i64),
    /// Any.
    Double(f64),
}

/// A point of a histogram.
#[derive(Clone, Copy)]
pub struct HistogramPoint<'a> {
    /// Its series and its times.
    pub head: PointHead<'a>,
    /// How many values there were.
    pub count: u64,
    /// What they add up to, if anybody says.
    pub sum: Option<f64>,
    body: Body<'a>,
}

/// A point of an exponential histogram.
#[derive(Clone, Copy)]
pub struct ExponentialPoint<'a> {
    /// Its series and its times.
    pub head: PointHead<'a>,
    /// How many values there were.
    pub count: u64,
    /// What they add up to, if anybody says.
    pub sum: Option<f64>,
    /// Each bucket's upper bound is its lower one times 2 to the power of 2 to the power of minus this.
    pub scale: i32,
    /// How many values were too close to zero for a bucket.
    pub zero_count: u64,
    /// How close that is.
    pub zero_threshold: f64,
    /// The buckets of values above zero.
    pub positive: Buckets<'a>,
    /// The buckets of values below zero, by their distance from it.
    pub negative: Buckets<'a>,
    body: Body<'a>,
}

/// Buckets of an exponential histogram, one after the other.
#[derive(Clone, Copy)]
pub struct Buckets<'a> {
    /// The index of the first one.
    pub offset: i32,
    body: Body<'a>,
    number: u32,
}

/// A point of a summary.
#[derive(Clone, Copy)]
pub struct SummaryPoint<'a> {
    /// Its series and its times.
    pub head: PointHead<'a>,
    /// How many values there were.
    pub count: u64,
    /// What they add up to.
    pub sum: f64,
    body: Body<'a>,
}

/// Which part of all values is not above this one.
#[derive(Clone, Copy)]
pub struct Quantile {
    /// The part, from 0 to 1.
    pub quantile: f64,
    /// The value.
    pub value: f64,
}

/// One of the values that a point was made of.
#[derive(Clone, Copy)]
pub struct Exemplar<'a> {
    /// The attributes that the point does not have.
    pub filtered_attributes: Attributes<'a>,
    /// When it was seen.
    pub time_unix_nano: u64,
    /// The value, if there is one.
    pub value: Option<Number>,
    /// The trace during which it was seen; empty if there was none.
    pub trace_id: &'a [u8],
    /// The span of it.
    pub span_id: &'a [u8],
}

/// The bit of a point's flags which says that its series has ended, or pauses.
const NO_RECORDED_VALUE: u32 = 1;

// === impl PointHead ===

impl<'a> PointHead<'a> {
    fn new(body: Body<'a>, attributes: u32) -> Self {
        let attributes = Attributes::of(body, attributes);
        PointHead { attributes, start_unix_nano: 0, time_unix_nano: 0, flags: 0 }
    }

    /// Whether it says that there is no value from now on.
    pub fn has_no_recorded_value(&self) -> bool {
        self.flags & NO_RECORDED_VALUE != 0
    }
}

// === impl NumberPoint ===

impl<'a> Message<'a> for NumberPoint<'a> {
    fn read(body: Body<'a>) -> Result<Self> {
        let mut point = NumberPoint { head: PointHead::new(body, 7), value: None, body };
        body.each(|field| {
            match field.number {
                2 => point.head.start_unix_nano = field.fixed64()?,
                3 => point.head.time_unix_nano = field.fixed64()?,
                4 => point.value = Some(Number::Double(field.double()?)),
                6 => point.value = Some(Number::Int(field.fixed64()? as i64)),
                8 => point.head.flags = field.varint()? as u32,
                _ => {}
            }
            Ok(())
        })?;
        Ok(point)
    }
}

impl<'a> NumberPoint<'a> {
    /// Some of the values that it was made of.
    pub fn exemplars(&self) -> Repeated<'a, Exemplar<'a>> {
        Repeated::new(self.body, 5)
    }
}

impl Number {
    /// The nearest floating-point number.
    pub fn as_f64(self) -> f64 {
        match self {
            Number::Int(value) => value as f64,
            Number::Double(value) => value,
        }
    }
}

// === impl HistogramPoint ===

impl<'a> Message<'a> for HistogramPoint<'a> {
    fn read(body: Body<'a>) -> Result<Self> {
        let mut point = HistogramPoint { head: PointHead::new(body, 9), count: 0, sum: None, body };
        body.each(|field| {
            match field.number {
                2 => point.head.start_unix_nano = field.fixed64()?,
                3 => point.head.time_unix_nano = field.fixed64()?,
                4 => point.count = field.fixed64()?,
                5 => point.sum = Some(field.double()?),
                10 => point.head.flags = field.varint()? as u32,
                _ => {}
            }
            Ok(())
        })?;
        Ok(point)
    }
}

impl<'a> HistogramPoint<'a> {
    /// How many values each bucket has.
    pub fn bucket_counts(&self) -> Words<'a> {
        Words::new(self.body, 6, Encoding::Fixed64)
    }

    /// Where one bucket ends and the next begins.
    pub fn explicit_bounds(&self) -> impl Iterator<Item = Result<f64>> + use<'a> {
        Words::new(self.body, 7, Encoding::Fixed64).map(|bits| bits.map(f64::from_bits))
    }

    /// Some of the values that it was made of.
    pub fn exemplars(&self) -> Repeated<'a, Exemplar<'a>> {
        Repeated::new(self.body, 8)
    }
}

// === impl ExponentialPoint ===

impl<'a> Message<'a> for ExponentialPoint<'a> {
    fn read(body: Body<'a>) -> Result<Self> {
        let mut point = ExponentialPoint {
            head: PointHead::new(body, 1),
            count: 0,
            sum: None,
            scale: 0,
            zero_count: 0,
            zero_threshold: 0.0,
            positive: Buckets { offset: 0, body, number: 8 },
            negative: Buckets { offset: 0, body, number: 9 },
            body,
        };
        body.each(|field| {
            match field.number {
                2 => point.head.start_unix_nano = field.fixed64()?,
                3 => point.head.time_unix_nano = field.fixed64()?,
                4 => point.count = field.fixed64()?,
                5 => point.sum = Some(field.double()?),
                6 => point.scale = zigzag(field.varint()?),
                7 => point.zero_count = field.fixed64()?,
                8 => point.positive.read_offset(field.message()?)?,
                9 => point.negative.read_offset(field.message()?)?,
                10 => point.head.flags = field.varint()? as u32,
                14 => point.zero_threshold = field.double()?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(point)
    }
}

impl<'a> ExponentialPoint<'a> {
    /// Some of the values that it was made of.
    pub fn exemplars(&self) -> Repeated<'a, Exemplar<'a>> {
        Repeated::new(self.body, 11)
    }
}

impl<'a> Buckets<'a> {
    fn read_offset(&mut self, body: Body<'a>) -> Result<()> {
        body.each(|field| {
            if field.number == 1 {
                self.offset = zigzag(field.varint()?);
            }
            Ok(())
        })
    }

    /// How many values each bucket has, from the one at the offset on, given to `take`.
    ///
    /// # Errors
    /// If the bytes are no such list; what `take` says ends it too.
    pub fn counts(&self, mut take: impl FnMut(u64)) -> Result<()> {
        let mut outer = self.body;
        while let Some(body) = next_of(&mut outer, self.number)? {
            for count in Words::new(body, 2, Encoding::Varint) {
                take(count?);
            }
        }
        Ok(())
    }
}

/// `sint32`
fn zigzag(value: u64) -> i32 {
    let value = value as u32;
    (value >> 1) as i32 ^ -((value & 1) as i32)
}

// === impl SummaryPoint ===

impl<'a> Message<'a> for SummaryPoint<'a> {
    fn read(body: Body<'a>) -> Result<Self> {
        let mut point = SummaryPoint { head: PointHead::new(body, 7), count: 0, sum: 0.0, body };
        body.each(|field| {
            match field.number {
                2 => point.head.start_unix_nano = field.fixed64()?,
                3 => point.head.time_unix_nano = field.fixed64()?,
                4 => point.count = field.fixed64()?,
                5 => point.sum = field.double()?,
                8 => point.head.flags = field.varint()? as u32,
                _ => {}
            }
            Ok(())
        })?;
        Ok(point)
    }
}

impl<'a> SummaryPoint<'a> {
    /// Its quantiles.
    pub fn quantiles(&self) -> Repeated<'a, Quantile> {
        Repeated::new(self.body, 6)
    }
}

impl<'a> Message<'a> for Quantile {
    fn read(body: Body<'a>) -> Result<Self> {
        let mut quantile = Quantile { quantile: 0.0, value: 0.0 };
        body.each(|field| {
            match field.number {
                1 => quantile.quantile = field.double()?,
                2 => quantile.value = field.double()?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(quantile)
    }
}

// === impl Exemplar ===

impl<'a> Message<'a> for Exemplar<'a> {
    fn read(body: Body<'a>) -> Result<Self> {
        let mut exemplar = Exemplar {
            filtered_attributes: Attributes::of(body, 7),
            time_unix_nano: 0,
            value: None,
            trace_id: &[],
            span_id: &[],
        };
        body.each(|field| {
            match field.number {
                2 => exemplar.time_unix_nano = field.fixed64()?,
                3 => exemplar.value = Some(Number::Double(field.double()?)),
                4 => exemplar.span_id = field.bytes()?,
                5 => exemplar.trace_id = field.bytes()?,
                6 => exemplar.value = Some(Number::Int(field.fixed64()? as i64)),
                _ => {}
            }
            Ok(())
        })?;
        Ok(exemplar)
    }
}
