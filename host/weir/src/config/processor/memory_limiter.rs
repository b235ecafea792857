//! The `memory_limiter` processor: how much memory weir may use for telemetry. In weir it is one budget for all pipelines,
//! checked before a request is read.

use std::time::Duration;

use serde::Deserialize;

use crate::config::at::At;
use crate::config::diagnostic::Diagnostic;
use crate::config::field::{bounded, positive_duration};
use crate::config::reader;

/// The share of the limit that the Collector leaves for what comes between two looks, in percent.
const SPIKE_PERCENT: u64 = 20;

/// The smallest budget that is left below the limit, in MiB: less would refuse the requests of any SDK.
const BUDGET_MIB_MIN: u64 = 1;

/// More than any machine has, in MiB.
const MIB_MAX: u64 = 1 << 30;

/// One `memory_limiter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLimiterConfig {
    /// How long a look at the process's memory is good for.
    pub check_interval: Duration,
    /// The limits.
    pub limit: MemoryLimit,
}

/// What the process may have in memory, and how much less than that may be telemetry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryLimit {
    /// In bytes.
    Bytes {
        /// Of the process.
        limit: u64,
        /// Of it, not for telemetry.
        spike: u64,
    },
    /// In percent of what its control group, or the machine, has.
    Percent {
        /// Of the process.
        limit: u64,
        /// Of it, not for telemetry.
        spike: u64,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMemoryLimiter {
    #[serde(deserialize_with = "positive_duration")]
    check_interval: Duration,
    #[serde(default, deserialize_with = "bounded::<0, MIB_MAX, _, _>")]
    limit_mib: u64,
    #[serde(default, deserialize_with = "bounded::<0, MIB_MAX, _, _>")]
    spike_limit_mib: u64,
    #[serde(default, deserialize_with = "bounded::<0, 100, _, _>")]
    limit_percentage: u64,
    #[serde(default, deserialize_with = "bounded::<0, 100, _, _>")]
    spike_limit_percentage: u64,
}

impl MemoryLimiterConfig {
    /// Reads and checks one.
    pub(super) fn read(at: &At<'_>, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let raw: RawMemoryLimiter = reader::read(at.node()?, &at.path, problems)?;
        let RawMemoryLimiter { check_interval, limit_mib, spike_limit_mib, limit_percentage, .. } = raw;
        let spike_percentage = raw.spike_limit_percentage;
        // The Collector prefers the absolute limit if it has both.
        let (key, limit, spike) = match (limit_mib, limit_percentage) {
            (0, 0) => {
                problems
                    .push(at.problem("one of the keys \"limit_mib\" and \"limit_percentage\" is required"));
                return None;
            }
            (0, percent) => ("spike_limit_percentage", percent, spike_percentage),
            (mib, _) => ("spike_limit_mib", mib, spike_limit_mib),
        };
        let spike = if spike == 0 { limit * SPIKE_PERCENT / 100 } else { spike };
        if spike + BUDGET_MIB_MIN > limit {
            problems
                .push(at.key(key).problem("must be less than the limit, which leaves nothing for telemetry"));
            return None;
        }
        let limit = match limit_mib {
            0 => MemoryLimit::Percent { limit, spike },
            _ => MemoryLimit::Bytes { limit: limit << 20, spike: spike << 20 },
        };
        Some(MemoryLimiterConfig { check_interval, limit })
    }

    /// What the process may have in memory, and the part of it for telemetry, in bytes. `available` is what the control
    /// group or the machine has.
    pub fn bytes(&self, available: u64) -> (u64, u64) {
        match self.limit {
            MemoryLimit::Bytes { limit, spike } => (limit, limit - spike),
            MemoryLimit::Percent { limit, spike } => {
                let share = |percent: u64| available / 100 * percent;
                (share(limit), share(limit - spike).max(BUDGET_MIB_MIN << 20))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_of_what_there_is() {
        let limiter = |limit| MemoryLimiterConfig { check_interval: Duration::from_secs(1), limit };
        let mib = 1 << 20;
        let absolute = limiter(MemoryLimit::Bytes { limit: 64 * mib, spike: 24 * mib });
        assert_eq!(absolute.bytes(10 * mib), (64 * mib, 40 * mib));
        let share = limiter(MemoryLimit::Percent { limit: 80, spike: 30 });
        assert_eq!(share.bytes(100 * mib), (80 * mib, 50 * mib));
    }
}
