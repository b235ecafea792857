//! The text format of Prometheus, version 0.0.4, and what OpenMetrics has in common with it.

use std::io::Write;

use weir_otlp::read::Number;

use super::escape::is_plain;
use super::number;
use super::page::{Label, Writing};
use super::series::{Kind, Series, Value};
use super::store::Family;

/// Writes a family with all its series.
pub(super) fn put_family(out: &mut Vec<u8>, name: &str, family: &Family, writing: Writing) {
    let kind = match family.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
        Kind::Summary => "summary",
    };
    if !family.help.is_empty() {
        put_head(out, "HELP", name);
        put_escaped(out, &family.help, false);
        out.push(b'\n');
    }
    put_head(out, "TYPE", name);
    out.extend_from_slice(kind.as_bytes());
    out.push(b'\n');
    for (key, series) in &family.series {
        Lines { out, name, labels: writing.labels(key), writing, series }.put();
    }
}

/// The beginning of a line that is about a family.
pub(super) fn put_head(out: &mut Vec<u8>, what: &str, name: &str) {
    // Writing to memory does not fail.
    let _ = write!(out, "# {what} ");
    put_name(out, name);
    out.push(b' ');
}

/// A name, in quotes if it could not stand there without.
fn put_name(out: &mut Vec<u8>, name: &str) {
    if is_plain(name) {
        return out.extend_from_slice(name.as_bytes());
    }
    out.push(b'"');
    put_escaped(out, name, true);
    out.push(b'"');
}

/// Text in which no line ends, and no quotes if it stands in them.
pub(super) fn put_escaped(out: &mut Vec<u8>, text: &str, in_quotes: bool) {
    for b in text.bytes() {
        match b {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'"' if in_quotes => out.extend_from_slice(b"\\\""),
            b => out.push(b),
        }
    }
}

/// The name of a sample with its labels. `own` is a label of the sample itself, with its value as text.
pub(super) fn put_sample(
    out: &mut Vec<u8>,
    name: (&str, &str),
    labels: &[Label<'_>],
    own: Option<(&str, &[u8])>,
) {
    let (name, suffix) = name;
    let mut separator = b'{';
    if is_plain(name) {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(suffix.as_bytes());
    } else {
        out.push(b'{');
        put_name(out, &format!("{name}{suffix}"));
        separator = b',';
    }
    separator = put_labels(out, labels, separator);
    if let Some((label, value)) = own {
        out.push(separator);
        out.extend_from_slice(label.as_bytes());
        out.extend_from_slice(b"=\"");
        out.extend_from_slice(value);
        out.push(b'"');
        separator = b',';
    }
    if separator == b',' {
        out.push(b'}');
    }
    out.push(b' ');
}

/// Labels, each behind a separator, which is a comma from the second one on. The answer is the separator of the next.
pub(super) fn put_labels(out: &mut Vec<u8>, labels: &[Label<'_>], mut separator: u8) -> u8 {
    for (label, value) in labels {
        out.push(separator);
        match is_plain(label) && !label.contains(':') {
            true => out.extend_from_slice(label.as_bytes()),
            false => {
                out.push(b'"');
                put_escaped(out, label, true);
                out.push(b'"');
            }
        }
        out.extend_from_slice(b"=\"");
        put_escaped(out, value, true);
        out.push(b'"');
        separator = b',';
    }
    separator
}

pub(super) fn put_number(out: &mut Vec<u8>, number: Number) {
    match number {
        Number::Int(value) => put_whole(out, value),
        Number::Double(value) => number::put(out, value),
    }
}

pub(super) fn put_whole(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    let _ = write!(out, "{value}");
}

/// The lines of one series.
struct Lines<'a> {
    out: &'a mut Vec<u8>,
    name: &'a str,
    labels: Vec<Label<'a>>,
    writing: Writing,
    series: &'a Series,
}

impl Lines<'_> {
    fn put(mut self) {
        match &self.series.value {
            Value::Counter(number, _) | Value::Gauge(number) => {
                self.line("", None, |out| put_number(out, *number));
            }
            Value::Histogram(histogram) => {
                let mut count = 0;
                for (bound, own) in histogram.bounds.iter().zip(&histogram.counts) {
                    count += own;
                    self.line("_bucket", Some(("le", *bound)), |out| put_whole(out, count));
                }
                self.distribution(Some("_bucket"), histogram.sum, histogram.count);
            }
            // Text has no buckets that grow exponentially. Bounds that would be made of them change with the scale and the
            // range, and a reader would see series come and go; the count and the sum are right in any case.
            Value::Native(native) => self.distribution(Some("_bucket"), native.sum, native.count),
            Value::Summary(summary) => {
                for (quantile, value) in &summary.quantiles {
                    self.line("", Some(("quantile", *quantile)), |out| number::put(out, *value));
                }
                self.distribution(None, Some(summary.sum), summary.count);
            }
        }
    }

    fn distribution(&mut self, last_bucket: Option<&str>, sum: Option<f64>, count: u64) {
        if let Some(suffix) = last_bucket {
            self.line(suffix, Some(("le", f64::INFINITY)), |out| put_whole(out, count));
        }
        if let Some(sum) = sum {
            self.line("_sum", None, |out| number::put(out, sum));
        }
        self.line("_count", None, |out| put_whole(out, count));
    }

    fn line(&mut self, suffix: &str, own: Option<(&str, f64)>, value: impl FnOnce(&mut Vec<u8>)) {
        let mut text = Vec::new();
        let own = own.map(|(label, value)| {
            number::put(&mut text, value);
            (label, text.as_slice())
        });
        put_sample(self.out, (self.name, suffix), &self.labels, own);
        value(self.out);
        if self.writing.send_timestamps {
            self.out.push(b' ');
            put_whole(self.out, self.series.time_unix_nano / 1_000_000);
        }
        self.out.push(b'\n');
    }
}
