//! Exemplars as they are kept: labels within the bounds of OpenMetrics, a value and a time.

use weir_otlp::read::{self, Attributes};

use super::labels::Gathering;
use super::limits::EXEMPLAR_CHARS_MAX;
use super::refused::PointError;
use super::translation::Translation;

/// One of the values that a series is made of.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::exporter) struct Exemplar {
    /// In the form of a series' key.
    pub(in crate::exporter) labels: Box<[u8]>,
    pub(in crate::exporter) value: f64,
    pub(in crate::exporter) time_unix_nano: u64,
}

impl Exemplar {
    /// Reads one. `None` if it has no value. Attributes that its point does not have are labels if there is room for all of them.
    pub(in crate::exporter) fn read(
        exemplar: &read::Exemplar<'_>,
        translation: &Translation,
    ) -> Result<Option<Self>, PointError> {
        let Some(value) = exemplar.value else { return Ok(None) };
        let mut labels = Gathering::default();
        put_id(&mut labels, "trace_id", exemplar.trace_id)?;
        put_id(&mut labels, "span_id", exemplar.span_id)?;
        let ids = labels.mark();
        match put_attributes(&mut labels, exemplar.filtered_attributes, translation) {
            Ok(()) if chars(labels.key()?) <= EXEMPLAR_CHARS_MAX => {}
            Ok(()) | Err(PointError::Refused(_)) => labels.go_back(ids),
            Err(malformed) => return Err(malformed),
        }
        let labels = labels.key()?.into();
        Ok(Some(Exemplar { labels, value: value.as_f64(), time_unix_nano: exemplar.time_unix_nano }))
    }

    /// Bytes that it takes.
    pub(in crate::exporter) fn cost(&self) -> usize {
        size_of::<Self>() + self.labels.len()
    }
}

fn put_attributes(
    labels: &mut Gathering,
    attributes: Attributes<'_>,
    translation: &Translation,
) -> Result<(), PointError> {
    labels.put_attributes(attributes, translation, "", |key| !matches!(key, "trace_id" | "span_id"))
}

/// An id of zeros is none.
fn put_id(labels: &mut Gathering, name: &str, id: &[u8]) -> Result<(), PointError> {
    if id.len() > 16 || id.iter().all(|b| *b == 0) {
        return Ok(());
    }
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    let text: String = id.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).collect();
    labels.put(name, &text)
}

fn chars(key: &[u8]) -> usize {
    super::labels::labels(key).map(|(name, value)| name.chars().count() + value.chars().count()).sum()
}
