//! What one exporter holds at most, whatever is sent to it.

/// Series of one exporter, unless `max_series` says otherwise.
pub const SERIES_MAX: usize = 20_000;

/// Bytes that an exporter's series may take, for each series that it may have.
pub(super) const BYTES_PER_SERIES: usize = 2 << 10;

/// Labels of one series.
pub(super) const LABELS_MAX: usize = 128;

/// Bytes of a label's name.
pub(super) const LABEL_NAME_BYTES_MAX: usize = 1 << 10;

/// Bytes of all labels of one series.
pub(super) const LABELS_BYTES_MAX: usize = 16 << 10;

/// Bytes of a metric's name and of its unit.
pub(super) const NAME_BYTES_MAX: usize = 1 << 10;

/// Bytes of a metric's description. What is longer is cut.
pub(in crate::exporter) const HELP_BYTES_MAX: usize = 1 << 10;

/// Buckets of a histogram, quantiles of a summary, and buckets on each side of zero of an exponential histogram, whose scale is
/// lowered until they fit.
pub(super) const BUCKETS_MAX: usize = 512;

/// Exemplars of one series, at most one a bucket.
pub(super) const EXEMPLARS_MAX: usize = 64;

/// Characters of an exemplar's labels, by OpenMetrics.
pub(super) const EXEMPLAR_CHARS_MAX: usize = 128;
