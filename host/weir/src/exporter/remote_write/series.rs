//! What is to be written: series by their labels, the samples of each in the order of their times.

use std::collections::HashMap;
use std::rc::Rc;

use weir_otlp::read::Number;
use weir_pipeline::Charge;

use super::WRITE_BYTES_MAX;
use super::encode::{self, Labels};
use super::split::{Splitting, Write};
use crate::exporter::prometheus::exemplar::Exemplar;
use crate::exporter::prometheus::histogram::Histogram;
use crate::exporter::prometheus::ingest::Place;
use crate::exporter::prometheus::limits::HELP_BYTES_MAX;
use crate::exporter::prometheus::refused::Refused;
use crate::exporter::prometheus::resource::Target;
use crate::exporter::prometheus::series::{Kind, Point, Summary, Value};
use crate::exporter::prometheus::store::{FamilyHead, TARGET_HELP, is_taken};

/// What the last sample of a series is that has no value any more, in Prometheus' own storage too.
const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// The charge grows in steps of this, so that the budget is not asked for each sample.
const CHARGE_STEP_BYTES: usize = 256 << 10;

const NANOS_PER_MILLI: u64 = 1_000_000;

/// Bytes of a family beside its texts: its place in the table.
const FAMILY_BYTES: usize = size_of::<Family>() + 64;

/// What is written beside the points.
pub(super) struct Wanted {
    /// The name of the series with the attributes of targets, if there is to be one.
    pub(super) target_info: Option<String>,
    /// Whether families are described.
    pub(super) metadata: bool,
}

/// The series of one request.
pub(super) struct Gathering<'c> {
    wanted: &'c Wanted,
    received_ms: u64,
    series: Vec<Series>,
    by_labels: HashMap<Rc<[u8]>, usize>,
    families: HashMap<Box<str>, Family>,
    target: Option<CurrentTarget>,
    /// Labels that are being written.
    labels: Vec<u8>,
    /// Whether the next series is the first one of its point.
    is_first: bool,
    size: Size<'c>,
}

/// One series.
pub(super) struct Series {
    /// Its labels as they stand in the request.
    pub(super) labels: Rc<[u8]>,
    /// Whether the series of a point begin with it.
    pub(super) begins: bool,
    /// The points that are counted with it: each is with the first of its series.
    pub(super) points: u64,
    pub(super) samples: Vec<Sample>,
    /// Each with its time.
    pub(super) exemplars: Vec<(u64, Box<[u8]>)>,
}

/// One sample.
pub(super) struct Sample {
    pub(super) time_ms: u64,
    pub(super) written: Written,
}

/// What a sample is.
pub(super) enum Written {
    Float(f64),
    /// The fields of a histogram.
    Histogram(Box<[u8]>),
}

/// What is known of series with one name.
struct Family {
    kind: Kind,
    help: Box<str>,
    unit: Box<str>,
}

/// The target of the points that come.
struct CurrentTarget {
    labels: Box<[u8]>,
    /// The time of its newest point so far.
    newest_ms: Option<u64>,
}

/// What everything takes.
struct Size<'c> {
    bytes: usize,
    charged: usize,
    charge: &'c Charge,
}

// === impl Gathering ===

impl<'c> Gathering<'c> {
    /// Nothing yet. What it takes is charged as it grows.
    pub(super) fn new(wanted: &'c Wanted, received_unix_nano: u64, charge: &'c Charge) -> Self {
        Gathering {
            wanted,
            received_ms: received_unix_nano / NANOS_PER_MILLI,
            series: Vec::new(),
            by_labels: HashMap::new(),
            families: HashMap::new(),
            target: None,
            labels: Vec::new(),
            is_first: true,
            size: Size { bytes: 0, charged: 0, charge },
        }
    }

    /// The requests. `None` if they would be larger than they may be.
    pub(super) fn finish(mut self, bytes_max: usize) -> Option<Vec<Write>> {
        self.end_target();
        if self.size.is_over() {
            return None;
        }
        let mut splitting = Splitting::new(bytes_max);
        for series in &mut self.series {
            series.put_in_order();
            splitting.add(series)?;
        }
        if self.wanted.metadata {
            let mut families: Vec<_> = self.families.iter().collect();
            families.sort_unstable_by_key(|(name, _)| *name);
            for (name, Family { kind, help, unit }) in families {
                splitting.add_beside(|out| encode::put_metadata(out, name, *kind, help, unit))?;
            }
        }
        splitting.finish()
    }

    /// A point, whose samples say that it is gone if it is.
    fn put(
        &mut self,
        family: FamilyHead<'_>,
        key: &[u8],
        point: &Point,
        is_gone: bool,
    ) -> Result<(), Refused> {
        if self.size.is_over() {
            return Ok(());
        }
        self.know(family, point.value.kind())?;
        let time_ms = match point.time_unix_nano {
            0 => self.received_ms,
            nanos => nanos / NANOS_PER_MILLI,
        };
        if let Some(target) = &mut self.target {
            target.newest_ms = target.newest_ms.max(Some(time_ms));
        }
        self.is_first = true;
        let mut samples = Samples { gathering: self, name: family.name, key, time_ms, is_gone };
        match &point.value {
            Value::Counter(number, exemplar) => samples.counter(*number, exemplar.as_deref()),
            Value::Gauge(number) => samples.put("", None, number.as_f64()),
            Value::Histogram(histogram) => samples.histogram(histogram),
            Value::Native(native) => {
                let encoded = encode::histogram(native, is_gone.then_some(STALE), time_ms);
                samples.add("", None, Written::Histogram(encoded.into()));
                native.exemplars.iter().for_each(|exemplar| samples.exemplar("", None, exemplar));
            }
            Value::Summary(summary) => samples.summary(summary),
        }
        Ok(())
    }

    /// Notes a family, if it does not look like another one.
    fn know(&mut self, head: FamilyHead<'_>, kind: Kind) -> Result<(), Refused> {
        let FamilyHead { name, help, unit } = head;
        if self.wanted.target_info.as_deref() == Some(name) {
            return Err(Refused::Name);
        }
        if is_taken(name, kind, |name| Some(self.families.get(name)?.kind)) {
            return Err(Refused::Type);
        }
        if !self.families.contains_key(name) {
            self.describe(name, kind, help, unit);
        }
        Ok(())
    }

    fn describe(&mut self, name: &str, kind: Kind, help: &str, unit: &str) {
        let (help, unit) = match self.wanted.metadata {
            true => (&help[..help.floor_char_boundary(HELP_BYTES_MAX)], unit),
            false => ("", ""),
        };
        self.size.grow(FAMILY_BYTES + name.len() + help.len() + unit.len());
        self.families.insert(name.into(), Family { kind, help: help.into(), unit: unit.into() });
    }

    /// The series with these labels, if there is room for it.
    fn series(&mut self, labels: Labels<'_>) -> Option<&mut Series> {
        if self.size.is_over() {
            return None;
        }
        self.labels.clear();
        encode::put_labels(&mut self.labels, labels);
        let is_first = std::mem::take(&mut self.is_first);
        let found = self.by_labels.get(self.labels.as_slice()).copied();
        let at = found.unwrap_or_else(|| {
            let labels: Rc<[u8]> = self.labels.as_slice().into();
            self.size.grow(labels.len() + SERIES_BYTES);
            self.by_labels.insert(Rc::clone(&labels), self.series.len());
            self.series.push(Series::new(labels, is_first));
            self.series.len() - 1
        });
        let series = self.series.get_mut(at)?;
        series.points += u64::from(is_first);
        Some(series)
    }

    /// Writes the series of a target that had points.
    fn end_target(&mut self) {
        let Some(CurrentTarget { labels, newest_ms: Some(time_ms) }) = self.target.take() else { return };
        let wanted = self.wanted;
        let Some(name) = &wanted.target_info else { return };
        if !self.families.contains_key(name.as_str()) {
            self.describe(name, Kind::Gauge, TARGET_HELP, "");
        }
        let labels = Labels { name: (name, ""), key: &labels, own: None };
        // It belongs to no point.
        self.is_first = false;
        if let Some(series) = self.series(labels) {
            series.begins = true;
            series.samples.push(Sample { time_ms, written: Written::Float(1.0) });
            self.size.grow(size_of::<Sample>());
        }
    }
}

impl Place for Gathering<'_> {
    fn adds_up(&self) -> bool {
        false
    }

    fn target(&mut self, target: Option<Target<'_>>) {
        self.end_target();
        self.target =
            target.map(|Target { labels, .. }| CurrentTarget { labels: labels.into(), newest_ms: None });
    }

    fn point(&mut self, family: FamilyHead<'_>, labels: &[u8], point: Point) -> Result<(), Refused> {
        self.put(family, labels, &point, false)
    }

    fn gone(&mut self, family: FamilyHead<'_>, labels: &[u8], point: Point) -> Result<(), Refused> {
        self.put(family, labels, &point, true)
    }
}

// === the samples of one point ===

struct Samples<'g, 'c, 'p> {
    gathering: &'g mut Gathering<'c>,
    name: &'p str,
    key: &'p [u8],
    time_ms: u64,
    is_gone: bool,
}

impl Samples<'_, '_, '_> {
    fn counter(&mut self, number: Number, exemplar: Option<&Exemplar>) {
        self.put("", None, number.as_f64());
        if let Some(exemplar) = exemplar {
            self.exemplar("", None, exemplar);
        }
    }

    fn histogram(&mut self, histogram: &Histogram) {
        self.put("_count", None, histogram.count as f64);
        // Of one that is gone nobody says whether it had a sum.
        if histogram.sum.is_some() || self.is_gone {
            self.put("_sum", None, histogram.sum.unwrap_or_default());
        }
        let bounds = histogram.bounds.iter().copied().chain([f64::INFINITY]);
        let mut count = 0;
        for (at, (bound, own)) in bounds.zip(&histogram.counts).enumerate() {
            count += own;
            let own = Some(("le", number_text(bound)));
            self.put("_bucket", own.as_ref(), count as f64);
            if let Some((_, exemplar)) = histogram.exemplars.iter().find(|(bucket, _)| *bucket == at) {
                self.exemplar("_bucket", own.as_ref(), exemplar);
            }
        }
    }

    fn summary(&mut self, summary: &Summary) {
        self.put("_count", None, summary.count as f64);
        self.put("_sum", None, summary.sum);
        for (quantile, value) in &summary.quantiles {
            self.put("", Some(&("quantile", number_text(*quantile))), *value);
        }
    }

    fn put(&mut self, suffix: &'static str, own: Option<&(&'static str, String)>, value: f64) {
        self.add(suffix, own, Written::Float(if self.is_gone { STALE } else { value }));
    }

    fn add(&mut self, suffix: &'static str, own: Option<&(&'static str, String)>, written: Written) {
        let time_ms = self.time_ms;
        let bytes =
            size_of::<Sample>() + if let Written::Histogram(encoded) = &written { encoded.len() } else { 0 };
        if let Some(series) = self.series(suffix, own) {
            series.samples.push(Sample { time_ms, written });
            self.gathering.size.grow(bytes);
        }
    }

    fn exemplar(&mut self, suffix: &'static str, own: Option<&(&'static str, String)>, exemplar: &Exemplar) {
        let time_ms = match exemplar.time_unix_nano {
            0 => self.time_ms,
            nanos => nanos / NANOS_PER_MILLI,
        };
        let encoded = encode::exemplar(exemplar, time_ms);
        let bytes = size_of::<(u64, Box<[u8]>)>() + encoded.len();
        if let Some(series) = self.series(suffix, own) {
            series.exemplars.push((time_ms, encoded.into()));
            self.gathering.size.grow(bytes);
        }
    }

    fn series(&mut self, suffix: &'static str, own: Option<&(&'static str, String)>) -> Option<&mut Series> {
        let own = own.map(|(name, value)| (*name, value.as_str()));
        self.gathering.series(Labels { name: (self.name, suffix), key: self.key, own })
    }
}

/// Bounds and quantiles as the Collector writes them here: all digits, without an exponent.
fn number_text(number: f64) -> String {
    match number {
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        number => number.to_string(),
    }
}

// === impl Series ===

/// Bytes of a series beside its labels: its place among the others and in the table, and the room of its first samples.
const SERIES_BYTES: usize = size_of::<Series>() + 4 * size_of::<Sample>() + 64;

impl Series {
    fn new(labels: Rc<[u8]>, begins: bool) -> Self {
        Series { labels, begins, points: 0, samples: Vec::new(), exemplars: Vec::new() }
    }

    /// Of several samples of one time the last one counts: Prometheus takes no two.
    fn put_in_order(&mut self) {
        self.samples.sort_by_key(|sample| sample.time_ms);
        self.samples.reverse();
        self.samples.dedup_by_key(|sample| sample.time_ms);
        self.samples.reverse();
        self.exemplars.sort_by_key(|(time_ms, _)| *time_ms);
        self.exemplars.dedup();
    }
}

// === impl Size ===

impl Size<'_> {
    fn grow(&mut self, bytes: usize) {
        self.bytes += bytes;
        if self.bytes >= self.charged {
            self.charged = self.bytes + CHARGE_STEP_BYTES;
            // The samples, the request that is made of them, and the same compressed.
            self.charge.set(3 * self.charged as u64);
        }
    }

    fn is_over(&self) -> bool {
        self.bytes > WRITE_BYTES_MAX
    }
}
