//! What a `prometheus` exporter counts of its page.

use prometheus::{IntCounter, IntGauge};

use super::families::ExporterFamilies;
use crate::exporter::PrometheusRefused;

/// The series of one exporter, and the points that have no place among them.
pub struct PrometheusMetrics {
    series: IntGauge,
    refused: [IntCounter; PrometheusRefused::ALL.len()],
}

impl PrometheusMetrics {
    pub(super) fn new(families: &ExporterFamilies, id: &str) -> Self {
        let refused = |rule: PrometheusRefused| families.scrape_refused.with_label_values(&[id, rule.name()]);
        let series = families.scrape_series.with_label_values(&[id]);
        // An exporter that a reload has put in place of another one begins without any.
        series.set(0);
        PrometheusMetrics { series, refused: PrometheusRefused::ALL.map(refused) }
    }

    /// So many series there are.
    pub fn series(&self, series: usize) {
        self.series.set(i64::try_from(series).unwrap_or(i64::MAX));
    }

    /// So many points were refused by this rule.
    pub fn refused(&self, rule: PrometheusRefused, points: u64) {
        self.refused[rule as usize].inc_by(points);
    }
}
