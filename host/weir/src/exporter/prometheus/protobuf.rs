//! The protobuf format of Prometheus: each `io.prometheus.client.MetricFamily` behind its length. It alone has native histograms.
//!
//! Written by hand, since messages of prost would own a copy of every name and every value of the page.

use weir_otlp::read::Number;

use super::exemplar::Exemplar;
use super::histogram::Histogram;
use super::native::{Native, Side};
use super::page::Writing;
use super::series::{Kind, Series, Summary, Value};
use super::store::Family;
use super::wire::{VARINT, delimited, double, message, signed, tag, text, unsigned, varint};

/// Writes a family with all its series.
pub(super) fn put_family(out: &mut Vec<u8>, name: &str, family: &Family, writing: Writing) {
    let kind = match family.kind {
        Kind::Counter => 0,
        Kind::Gauge => 1,
        Kind::Summary => 2,
        Kind::Histogram => 4,
    };
    delimited(out, |out| {
        text(out, 1, name);
        text(out, 2, &family.help);
        tag(out, 3, VARINT);
        varint(out, kind);
        for (key, series) in &family.series {
            message(out, 4, |out| metric(out, key, series, writing));
        }
        text(out, 5, &family.unit);
    });
}

fn metric(out: &mut Vec<u8>, key: &[u8], series: &Series, writing: Writing) {
    labels(out, 1, key, writing);
    let created = series.start_unix_nano;
    match &series.value {
        Value::Gauge(number) => message(out, 2, |out| double(out, 1, number.as_f64())),
        Value::Counter(number, one) => {
            message(out, 3, |out| counter(out, *number, one.as_deref(), created, writing))
        }
        Value::Summary(one) => message(out, 4, |out| summary(out, one, created)),
        Value::Histogram(one) => message(out, 7, |out| histogram(out, one, created, writing)),
        Value::Native(one) => message(out, 7, |out| native(out, one, created, writing)),
    }
    if writing.send_timestamps {
        tag(out, 6, VARINT);
        varint(out, series.time_unix_nano / 1_000_000);
    }
}

fn counter(out: &mut Vec<u8>, number: Number, one: Option<&Exemplar>, created: u64, writing: Writing) {
    double(out, 1, number.as_f64());
    if let Some(one) = one {
        message(out, 2, |out| exemplar(out, one, writing));
    }
    timestamp(out, 3, created);
}

fn summary(out: &mut Vec<u8>, summary: &Summary, created: u64) {
    unsigned(out, 1, summary.count);
    double(out, 2, summary.sum);
    for (quantile, value) in &summary.quantiles {
        message(out, 3, |out| {
            double(out, 1, *quantile);
            double(out, 2, *value);
        });
    }
    timestamp(out, 4, created);
}

fn histogram(out: &mut Vec<u8>, histogram: &Histogram, created: u64, writing: Writing) {
    unsigned(out, 1, histogram.count);
    double(out, 2, histogram.sum.unwrap_or(f64::NAN));
    let bounds = histogram.bounds.iter().copied().chain([f64::INFINITY]);
    let mut count = 0;
    for (at, (bound, own)) in bounds.zip(&histogram.counts).enumerate() {
        count += own;
        message(out, 3, |out| {
            unsigned(out, 1, count);
            double(out, 2, bound);
            if let Some((_, one)) = histogram.exemplars.iter().find(|(bucket, _)| *bucket == at) {
                message(out, 3, |out| exemplar(out, one, writing));
            }
        });
    }
    timestamp(out, 15, created);
}

fn native(out: &mut Vec<u8>, native: &Native, created: u64, writing: Writing) {
    unsigned(out, 1, native.count);
    // A sum that nobody knows is not zero.
    double(out, 2, native.sum.unwrap_or(f64::NAN));
    signed(out, 5, i64::from(native.scale));
    double(out, 6, native.zero_threshold);
    unsigned(out, 7, native.zero_count);
    side(out, 9, &native.negative);
    side(out, 12, &native.positive);
    timestamp(out, 15, created);
    // Those of native histograms must have a time.
    for one in native.exemplars.iter().filter(|one| one.time_unix_nano > 0) {
        message(out, 16, |out| exemplar(out, one, writing));
    }
}

/// Spans are in the field with this number, and deltas in the next.
pub(in crate::exporter) fn side(out: &mut Vec<u8>, number: u32, side: &Side) {
    let (spans, deltas) = side.spans();
    for span in spans {
        message(out, number, |out| {
            signed(out, 1, i64::from(span.offset));
            unsigned(out, 2, u64::from(span.length));
        });
    }
    for delta in deltas {
        signed(out, number + 1, delta);
    }
}

fn exemplar(out: &mut Vec<u8>, exemplar: &Exemplar, writing: Writing) {
    labels(out, 1, &exemplar.labels, writing);
    double(out, 2, exemplar.value);
    timestamp(out, 3, exemplar.time_unix_nano);
}

fn labels(out: &mut Vec<u8>, number: u32, key: &[u8], writing: Writing) {
    for (name, value) in writing.labels(key) {
        message(out, number, |out| {
            text(out, 1, &name);
            text(out, 2, &value);
        });
    }
}

/// A time that nobody has said is left out.
fn timestamp(out: &mut Vec<u8>, number: u32, nanos: u64) {
    if nanos > 0 {
        message(out, number, |out| {
            unsigned(out, 1, nanos / 1_000_000_000);
            unsigned(out, 2, nanos % 1_000_000_000);
        });
    }
}
