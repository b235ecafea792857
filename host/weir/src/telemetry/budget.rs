//! The budget of bytes in flight, read when somebody asks and at no other time.

use std::sync::Arc;

use prometheus::IntGauge;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use weir_pipeline::Budget;

/// Two gauges.
pub(super) struct BudgetMetrics {
    budget: Arc<Budget>,
    used: IntGauge,
    max: IntGauge,
}

impl BudgetMetrics {
    pub(super) fn new(budget: Arc<Budget>) -> Result<Self, prometheus::Error> {
        let used = IntGauge::new(
            "weir_memory_in_flight_bytes",
            "bytes of requests in memory, and of what is made of them",
        )?;
        let max = IntGauge::new("weir_memory_budget_bytes", "bytes in flight at which requests are refused")?;
        Ok(BudgetMetrics { budget, used, max })
    }
}

impl Collector for BudgetMetrics {
    fn desc(&self) -> Vec<&Desc> {
        [self.used.desc(), self.max.desc()].concat()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let value = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        self.used.set(value(self.budget.used()));
        self.max.set(value(self.budget.bytes_max()));
        [self.used.collect(), self.max.collect()].concat()
    }
}
