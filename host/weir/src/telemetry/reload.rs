//! What is counted of the reloads of the configuration.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// Reloads by result, and whether the last one succeeded.
pub struct ReloadMetrics {
    success: IntCounter,
    failure: IntCounter,
    last_successful: IntGauge,
}

impl ReloadMetrics {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let help = "reloads of the configuration by result: success, failure";
        let reloads = IntCounterVec::new(Opts::new("weir_config_reloads_total", help), &["result"])?;
        registry.register(Box::new(reloads.clone()))?;
        let help = "whether the last reload of the configuration succeeded; 1 before the first";
        let last_successful = IntGauge::new("weir_config_last_reload_successful", help)?;
        registry.register(Box::new(last_successful.clone()))?;
        last_successful.set(1);
        let (success, failure) =
            (reloads.with_label_values(&["success"]), reloads.with_label_values(&["failure"]));
        Ok(ReloadMetrics { success, failure, last_successful })
    }

    /// What the files say is in service.
    pub fn succeeded(&self) {
        self.success.inc();
        self.last_successful.set(1);
    }

    /// Nothing was changed.
    pub fn failed(&self) {
        self.failure.inc();
        self.last_successful.set(0);
    }
}
