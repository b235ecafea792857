//! OpenMetrics 1.0: text with units, exemplars and the times when counting began.

use std::collections::BTreeSet;

use super::exemplar::Exemplar;
use super::number;
use super::page::{Label, Writing};
use super::series::{Kind, Series, Value};
use super::store::Family;
use super::text::{put_escaped, put_head, put_labels, put_number, put_sample, put_whole};

/// The families of one page so far.
#[derive(Default)]
pub(super) struct OpenMetrics {
    names: BTreeSet<String>,
}

impl OpenMetrics {
    /// Writes a family with all its series.
    pub(super) fn put_family(&mut self, out: &mut Vec<u8>, name: &str, family: &Family, writing: Writing) {
        let (name, kind) = match family.kind {
            // A counter's family is called what its samples are called without their suffix. One whose samples have no suffix, or
            // whose name is another family's, is no counter to OpenMetrics.
            Kind::Counter => match name.strip_suffix("_total") {
                Some(base) if !base.is_empty() && !self.names.contains(base) => (base, "counter"),
                _ => (name, "unknown"),
            },
            Kind::Gauge => (name, "gauge"),
            Kind::Histogram => (name, "histogram"),
            Kind::Summary => (name, "summary"),
        };
        if !self.names.insert(name.to_owned()) {
            return;
        }
        put_head(out, "TYPE", name);
        out.extend_from_slice(kind.as_bytes());
        out.push(b'\n');
        let ends_in_unit = name.strip_suffix(&*family.unit).is_some_and(|before| before.ends_with('_'));
        if !family.unit.is_empty() && ends_in_unit {
            put_head(out, "UNIT", name);
            out.extend_from_slice(family.unit.as_bytes());
            out.push(b'\n');
        }
        if !family.help.is_empty() {
            put_head(out, "HELP", name);
            put_escaped(out, &family.help, true);
            out.push(b'\n');
        }
        let is_counter = kind == "counter";
        for (key, series) in &family.series {
            Lines { out, name, labels: writing.labels(key), writing, series }.put(is_counter);
        }
    }
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
    fn put(mut self, is_counter: bool) {
        match &self.series.value {
            Value::Counter(number, exemplar) if is_counter => {
                self.line("_total", None, |out| put_number(out, *number), exemplar.as_deref());
                self.created();
            }
            Value::Counter(number, _) | Value::Gauge(number) => {
                self.line("", None, |out| put_number(out, *number), None);
            }
            Value::Histogram(histogram) => {
                let exemplar = |bucket: usize| {
                    let found = histogram.exemplars.iter().find(|(own, _)| *own == bucket);
                    found.map(|(_, exemplar)| exemplar)
                };
                let mut count = 0;
                for (at, (bound, own)) in histogram.bounds.iter().zip(&histogram.counts).enumerate() {
                    count += own;
                    self.line("_bucket", Some(("le", *bound)), |out| put_whole(out, count), exemplar(at));
                }
                let infinity = Some(("le", f64::INFINITY));
                let last = exemplar(histogram.bounds.len());
                self.line("_bucket", infinity, |out| put_whole(out, histogram.count), last);
                // A sum to which negative values belong is none that only grows.
                let is_positive = histogram.bounds.first().is_none_or(|first| *first >= 0.0);
                match histogram.sum.filter(|sum| *sum >= 0.0) {
                    None if is_positive => self.created(),
                    sum => self.distribution(sum.filter(|_| is_positive), histogram.count),
                }
            }
            // See the text format.
            Value::Native(native) => {
                let infinity = Some(("le", f64::INFINITY));
                self.line("_bucket", infinity, |out| put_whole(out, native.count), None);
                let is_positive = native.negative.counts.is_empty();
                let sum = native.sum.filter(|sum| is_positive && *sum >= 0.0);
                // Without a negative bucket on the page, OpenMetrics has no count without a sum. The bucket says it.
                match sum {
                    Some(_) => self.distribution(sum, native.count),
                    None => self.created(),
                }
            }
            Value::Summary(summary) => {
                for (quantile, value) in &summary.quantiles {
                    self.line("", Some(("quantile", *quantile)), |out| number::put(out, *value), None);
                }
                self.distribution(Some(summary.sum), summary.count);
            }
        }
    }

    fn distribution(&mut self, sum: Option<f64>, count: u64) {
        self.line("_count", None, |out| put_whole(out, count), None);
        // OpenMetrics takes a sum as a counter.
        if let Some(sum) = sum.filter(|sum| *sum >= 0.0) {
            self.line("_sum", None, |out| number::put(out, sum), None);
        }
        self.created();
    }

    /// When counting began, if the sender has said so.
    fn created(&mut self) {
        let start = self.series.start_unix_nano;
        if start > 0 {
            self.line("_created", None, |out| number::put_seconds(out, start), None);
        }
    }

    fn line(
        &mut self,
        suffix: &str,
        own: Option<(&str, f64)>,
        value: impl FnOnce(&mut Vec<u8>),
        exemplar: Option<&Exemplar>,
    ) {
        let mut text = Vec::new();
        let own = own.map(|(label, value)| {
            number::put_with_point(&mut text, value);
            (label, text.as_slice())
        });
        put_sample(self.out, (self.name, suffix), &self.labels, own);
        value(self.out);
        if self.writing.send_timestamps {
            self.out.push(b' ');
            // As whole milliseconds, which is all that Prometheus keeps.
            number::put_seconds(self.out, self.series.time_unix_nano / 1_000_000 * 1_000_000);
        }
        if let Some(exemplar) = exemplar {
            self.exemplar(exemplar);
        }
        self.out.push(b'\n');
    }

    fn exemplar(&mut self, exemplar: &Exemplar) {
        self.out.extend_from_slice(b" # ");
        let labels = self.writing.labels(&exemplar.labels);
        if put_labels(self.out, &labels, b'{') == b'{' {
            self.out.push(b'{');
        }
        self.out.extend_from_slice(b"} ");
        number::put(self.out, exemplar.value);
        if exemplar.time_unix_nano > 0 {
            self.out.push(b' ');
            number::put_seconds(self.out, exemplar.time_unix_nano);
        }
    }
}
