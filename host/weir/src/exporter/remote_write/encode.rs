//! The messages of remote write 1.0: the fields of `prometheus.WriteRequest`, one after the other.

use crate::exporter::prometheus::exemplar::Exemplar;
use crate::exporter::prometheus::labels::labels;
use crate::exporter::prometheus::native::Native;
use crate::exporter::prometheus::protobuf::side;
use crate::exporter::prometheus::series::Kind;
use crate::exporter::prometheus::wire::{double, message, signed, text, unsigned};

use super::series::{Sample, Series, Written};

/// `WriteRequest.timeseries` and `.metadata`.
const TIMESERIES: u32 = 1;
const METADATA: u32 = 3;

/// `TimeSeries.labels`, `.samples`, `.exemplars` and `.histograms`.
const LABELS: u32 = 1;
const SAMPLES: u32 = 2;
const EXEMPLARS: u32 = 3;
const HISTOGRAMS: u32 = 4;

/// The labels of one series.
#[derive(Clone, Copy)]
pub(super) struct Labels<'a> {
    /// Its family's name, and what stands behind it in the series' own.
    pub(super) name: (&'a str, &'static str),
    /// Those of its point, in order.
    pub(super) key: &'a [u8],
    /// One that its family gives to it, such as the bound of a bucket.
    pub(super) own: Option<(&'static str, &'a str)>,
}

/// Labels as fields of their series, in the order of their names, as readers insist on.
pub(super) fn put_labels(out: &mut Vec<u8>, Labels { name: (name, suffix), key, own }: Labels<'_>) {
    let name = format!("{name}{suffix}");
    // In order: lower case comes after the underscore.
    let mut added = [Some(("__name__", name.as_str())), own].into_iter().flatten().peekable();
    for (name, value) in labels(key) {
        while let Some((added, value)) = added.next_if(|(added, _)| *added < name) {
            put_label(out, LABELS, added, value);
        }
        put_label(out, LABELS, name, value);
    }
    added.for_each(|(added, value)| put_label(out, LABELS, added, value));
}

fn put_label(out: &mut Vec<u8>, number: u32, name: &str, value: &str) {
    message(out, number, |out| {
        text(out, 1, name);
        text(out, 2, value);
    });
}

/// A series with its samples.
pub(super) fn put_series(out: &mut Vec<u8>, Series { labels, samples, exemplars, .. }: &Series) {
    message(out, TIMESERIES, |out| {
        out.extend_from_slice(labels);
        for Sample { time_ms, written } in samples {
            match written {
                Written::Float(value) => message(out, SAMPLES, |out| {
                    double(out, 1, *value);
                    unsigned(out, 2, *time_ms);
                }),
                Written::Histogram(encoded) => message(out, HISTOGRAMS, |out| out.extend_from_slice(encoded)),
            }
        }
        exemplars
            .iter()
            .for_each(|(_, encoded)| message(out, EXEMPLARS, |out| out.extend_from_slice(encoded)));
    });
}

/// The fields of an exemplar.
pub(super) fn exemplar(exemplar: &Exemplar, time_ms: u64) -> Vec<u8> {
    let mut out = Vec::new();
    labels(&exemplar.labels).for_each(|(name, value)| put_label(&mut out, 1, name, value));
    double(&mut out, 2, exemplar.value);
    unsigned(&mut out, 3, time_ms);
    out
}

/// The fields of a histogram. `stale` takes the place of its sum, which is how a histogram says that it is gone.
pub(super) fn histogram(native: &Native, stale: Option<f64>, time_ms: u64) -> Vec<u8> {
    let mut out = Vec::new();
    unsigned(&mut out, 1, native.count);
    // A sum that nobody knows is not zero.
    double(&mut out, 3, stale.or(native.sum).unwrap_or(f64::NAN));
    signed(&mut out, 4, i64::from(native.scale));
    double(&mut out, 5, native.zero_threshold);
    unsigned(&mut out, 6, native.zero_count);
    side(&mut out, 8, &native.negative);
    side(&mut out, 11, &native.positive);
    unsigned(&mut out, 15, time_ms);
    out
}

/// What a family is about.
pub(super) fn put_metadata(out: &mut Vec<u8>, name: &str, kind: Kind, help: &str, unit: &str) {
    let kind = match kind {
        Kind::Counter => 1,
        Kind::Gauge => 2,
        Kind::Histogram => 3,
        Kind::Summary => 5,
    };
    message(out, METADATA, |out| {
        unsigned(out, 1, kind);
        text(out, 2, name);
        text(out, 4, help);
        text(out, 5, unit);
    });
}
