//! Admission: whether weir takes one more request, over all receivers. Decided before a body is read, and while it is.
//!
//! Three bounds: the requests under way, the budget of bytes in flight, and the memory that the process really has.
//! The first two are exact. The third is for what they do not count, such as guests and the allocator's own needs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use weir_pipeline::{Budget, Cause, Charge, Refusal};

use crate::memory::{release_code_pages, resident_bytes};

/// When a sender should come back.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The bounds, over all receivers together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdmissionSettings {
    /// Bytes in flight: of requests, and of what is made of them, until they are sent.
    pub bytes_max: u64,
    /// Requests until the sender is answered.
    pub requests_max: u64,
    /// What the process may have in memory, if that is bounded.
    pub memory: Option<MemoryBound>,
}

/// A bound on the memory of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryBound {
    /// Resident bytes at which nothing more is taken.
    pub resident_max: u64,
    /// How long a look at them is good for.
    pub check_interval: Duration,
}

impl Default for AdmissionSettings {
    fn default() -> Self {
        // Four of the largest requests; a thousand waiting senders.
        AdmissionSettings { bytes_max: 256 << 20, requests_max: 1024, memory: None }
    }
}

/// Lets requests in while there is room for them.
pub struct Admission {
    requests_max: u64,
    requests: AtomicU64,
    budget: Arc<Budget>,
    memory: Mutex<Memory>,
}

#[derive(Clone, Copy, Default)]
struct Memory {
    bound: Option<MemoryBound>,
    looked: Option<Instant>,
    is_short: bool,
}

/// One admitted request. Its place is given back on drop; its charge goes on with the batch.
pub(super) struct Admitted {
    admission: Arc<Admission>,
    charge: Charge,
}

impl Admission {
    /// Admission with these bounds, to be shared by all receivers.
    pub fn new(settings: AdmissionSettings) -> Arc<Self> {
        Arc::new(Admission {
            requests_max: settings.requests_max,
            requests: AtomicU64::new(0),
            budget: Budget::new(settings.bytes_max),
            memory: Mutex::new(Memory { bound: settings.memory, ..Memory::default() }),
        })
    }

    /// Other bounds from now on. The number of requests is not among those that change.
    pub fn change(&self, settings: AdmissionSettings) {
        self.budget.resize(settings.bytes_max);
        *self.memory.lock().unwrap_or_else(PoisonError::into_inner) =
            Memory { bound: settings.memory, ..Memory::default() };
    }

    /// The budget, for those who hold bytes of requests, and for the metrics.
    pub fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// A place for one more request, still without bytes.
    pub(super) fn admit(self: &Arc<Self>) -> Result<Admitted, Refusal> {
        let add = |used: u64| used.checked_add(1).filter(|&sum| sum <= self.requests_max);
        if self.requests.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_err() {
            return Err(overload("too many requests are under way"));
        }
        let mut admitted = Admitted { admission: Arc::clone(self), charge: Charge::default() };
        if self.is_short_of_memory() {
            return Err(overload("data refused due to high memory usage"));
        }
        admitted.charge = self.budget.open()?;
        Ok(admitted)
    }

    /// Looks at the process's memory, if the last look is too old. There is no ticker: an idle weir does not wake.
    fn is_short_of_memory(&self) -> bool {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(bound) = memory.bound else { return false };
        if memory.looked.is_none_or(|looked| looked.elapsed() >= bound.check_interval) {
            let is_above = || resident_bytes().is_some_and(|resident| resident >= bound.resident_max);
            let was_short = memory.is_short;
            memory.is_short = is_above() && {
                release_code_pages();
                is_above()
            };
            match (was_short, memory.is_short) {
                (false, true) => tracing::warn!(
                    resident_max = bound.resident_max,
                    "the process comes near its memory limit: telemetry is refused until it has less",
                ),
                (true, false) => tracing::info!("the process is well below its memory limit again"),
                _ => {}
            }
            memory.looked = Some(Instant::now());
        }
        memory.is_short
    }
}

impl Admitted {
    /// What the request is charged.
    pub(super) fn charge(&self) -> &Charge {
        &self.charge
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.admission.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

fn overload(what: &str) -> Refusal {
    Refusal::retryable(Cause::Overload, Some(RETRY_AFTER), format!("weir is overloaded: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_beyond_the_bound_are_refused_until_one_ends() {
        let admission = Admission::new(AdmissionSettings {
            bytes_max: 10,
            requests_max: 1,
            ..AdmissionSettings::default()
        });
        let first = admission.admit().ok();
        let refusal = admission.admit().err().unwrap();
        assert_eq!((refusal.cause, refusal.retryable), (Cause::Overload, true));
        drop(first);
        assert!(admission.admit().is_ok());
    }

    #[test]
    fn the_bytes_of_a_request_outlive_its_place() {
        let admission = Admission::new(AdmissionSettings {
            bytes_max: 10,
            requests_max: 1,
            ..AdmissionSettings::default()
        });
        let admitted = admission.admit().ok().unwrap();
        admitted.charge().grow_to(10).unwrap();
        let queued = admitted.charge().clone();
        drop(admitted);
        assert!(admission.admit().is_err(), "they are queued somewhere");
        drop(queued);
        assert!(admission.admit().is_ok());
    }

    #[test]
    fn without_memory_nothing_is_taken_until_there_is_some() {
        let bound = MemoryBound { resident_max: 1, check_interval: Duration::ZERO };
        let settings = AdmissionSettings { memory: Some(bound), ..AdmissionSettings::default() };
        let admission = Admission::new(settings);
        let refusal = admission.admit().err().unwrap();
        assert!(refusal.retryable && refusal.message.contains("high memory usage"), "{}", refusal.message);
        admission.change(AdmissionSettings {
            memory: Some(MemoryBound { resident_max: u64::MAX, ..bound }),
            ..settings
        });
        assert!(admission.admit().is_ok());
    }
}
