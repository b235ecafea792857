//! Why a point has no place on the page.

use weir_otlp::WireError;

/// The rules by which points are refused. Each has a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There are as many series as there may be, or they take as many bytes as they may.
    Series,
    /// Its labels are too many or too long.
    Labels,
    /// Nothing is left of the metric's name, or it is too long, or taken.
    Name,
    /// Its metric has another type than that of the same name.
    Type,
    /// It does not say whether it is cumulative, or it is the delta of what also goes down.
    Temporality,
    /// It is a delta that overlaps with what was there before.
    Overlap,
    /// It has no value, or one that its type cannot have.
    Value,
    /// Its buckets do not fit together, or are too many.
    Buckets,
}

/// Why a point cannot be taken.
#[derive(Debug, PartialEq)]
pub(in crate::exporter) enum PointError {
    /// It is well-formed, but has no place.
    Refused(Refused),
    /// The request as a whole is no OTLP.
    Malformed(WireError),
}

impl From<Refused> for PointError {
    fn from(refused: Refused) -> Self {
        PointError::Refused(refused)
    }
}

impl From<WireError> for PointError {
    fn from(error: WireError) -> Self {
        PointError::Malformed(error)
    }
}

impl Refused {
    /// All of them.
    pub const ALL: [Refused; 8] = [
        Refused::Series,
        Refused::Labels,
        Refused::Name,
        Refused::Type,
        Refused::Temporality,
        Refused::Overlap,
        Refused::Value,
        Refused::Buckets,
    ];

    /// As the metric's label has it.
    pub fn name(self) -> &'static str {
        match self {
            Refused::Series => "series_limit",
            Refused::Labels => "label_limit",
            Refused::Name => "name",
            Refused::Type => "type_conflict",
            Refused::Temporality => "temporality",
            Refused::Overlap => "overlap",
            Refused::Value => "value",
            Refused::Buckets => "buckets",
        }
    }

    /// What the sender is told.
    pub(in crate::exporter) fn reason(self) -> &'static str {
        match self {
            Refused::Series => "there are as many series as max_series allows",
            Refused::Labels => "a series has too many or too long labels",
            Refused::Name => "a metric's name is empty, too long or taken",
            Refused::Type => "a metric of the same name has another type",
            Refused::Temporality => "a metric is neither cumulative nor a delta that adds up",
            Refused::Overlap => "a delta overlaps with what was there before",
            Refused::Value => "a point has no value, or one that its type cannot have",
            Refused::Buckets => "a histogram's buckets do not fit together, or are too many",
        }
    }
}

/// How many points were refused, by rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::exporter) struct Refusals([u64; Refused::ALL.len()]);

impl Refusals {
    pub(in crate::exporter) fn add(&mut self, refused: Refused, points: u64) {
        self.0[refused as usize] += points;
    }

    /// All of them.
    pub(in crate::exporter) fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Those that there are.
    pub(in crate::exporter) fn iter(&self) -> impl Iterator<Item = (Refused, u64)> {
        let counted = Refused::ALL.into_iter().zip(self.0);
        counted.filter(|(_, points)| *points > 0)
    }
}
