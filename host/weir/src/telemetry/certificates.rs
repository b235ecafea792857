//! What a receiver counts of its certificates.

use prometheus::IntCounter;

use super::families::Families;

/// Renewals of the certificates of one receiver and transport.
pub struct CertificateMetrics {
    success: IntCounter,
    failure: IntCounter,
}

impl CertificateMetrics {
    pub(super) fn new(families: &Families, id: &str, transport: &str) -> Self {
        let renewals = |result| families.certificate_renewals.with_label_values(&[id, transport, result]);
        CertificateMetrics { success: renewals("success"), failure: renewals("failure") }
    }

    /// Changed files were read; those that were no good left the former certificates in place.
    pub fn renewed(&self, is_success: bool) {
        match is_success {
            true => self.success.inc(),
            false => self.failure.inc(),
        }
    }
}
