//! Admission: how much weir takes in at a time, over all receivers. Decided before a body is read and while it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use weir_pipeline::{Cause, Refusal};

/// The bounds, over all receivers together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdmissionSettings {
    /// Request bytes in memory, compressed or not, until the sender is answered.
    pub bytes_max: u64,
    /// Requests until the sender is answered.
    pub requests_max: u64,
}

impl Default for AdmissionSettings {
    fn default() -> Self {
        // Four of the largest requests; a thousand waiting senders.
        AdmissionSettings { bytes_max: 256 << 20, requests_max: 1024 }
    }
}

/// Lets requests in while there is room for them.
#[derive(Debug)]
pub struct Admission {
    settings: AdmissionSettings,
    bytes: AtomicU64,
    requests: AtomicU64,
}

/// One admitted request and the bytes it has been charged for. Given back on drop.
#[derive(Debug)]
pub(super) struct Charge {
    admission: Arc<Admission>,
    bytes: u64,
}

impl Admission {
    /// Admission with these bounds, to be shared by all receivers.
    pub fn new(settings: AdmissionSettings) -> Arc<Self> {
        Arc::new(Admission { settings, bytes: AtomicU64::new(0), requests: AtomicU64::new(0) })
    }

    /// A place for one more request, still without bytes.
    pub(super) fn admit(self: &Arc<Self>) -> Result<Charge, Refusal> {
        if !add_below(&self.requests, 1, self.settings.requests_max) {
            return Err(overload("too many requests are under way"));
        }
        let charge = Charge { admission: Arc::clone(self), bytes: 0 };
        // Refused before its body is read; it would not get far.
        if self.bytes.load(Ordering::Relaxed) >= self.settings.bytes_max {
            return Err(overload("too many bytes are under way"));
        }
        Ok(charge)
    }
}

impl Charge {
    /// The request now holds this many bytes; what it was charged before counts towards them.
    pub(super) fn grow_to(&mut self, bytes: u64) -> Result<(), Refusal> {
        let more = bytes.saturating_sub(self.bytes);
        if !add_below(&self.admission.bytes, more, self.admission.settings.bytes_max) {
            return Err(overload("too many bytes are under way"));
        }
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.admission.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        self.admission.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Adds `more` unless the sum would be above `max`.
fn add_below(counter: &AtomicU64, more: u64, max: u64) -> bool {
    let add = |used: u64| used.checked_add(more).filter(|&sum| sum <= max);
    counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok()
}

fn overload(what: &str) -> Refusal {
    Refusal::retryable(Cause::Overload, Some(Duration::from_secs(1)), format!("weir is overloaded: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_beyond_the_bound_are_refused_until_one_ends() {
        let admission = Admission::new(AdmissionSettings { bytes_max: 10, requests_max: 1 });
        let first = admission.admit().unwrap();
        let refusal = admission.admit().unwrap_err();
        assert_eq!((refusal.cause, refusal.retryable), (Cause::Overload, true));
        drop(first);
        assert!(admission.admit().is_ok());
    }

    #[test]
    fn bytes_are_charged_as_they_come_and_given_back_together() {
        let admission = Admission::new(AdmissionSettings { bytes_max: 10, requests_max: 9 });
        let mut first = admission.admit().unwrap();
        let mut second = admission.admit().unwrap();
        assert!(first.grow_to(4).is_ok());
        assert!(first.grow_to(8).is_ok());
        assert!(second.grow_to(3).is_err(), "eight and three are more than ten");
        assert!(second.grow_to(2).is_ok());
        assert!(admission.admit().is_err(), "not a byte is left");
        drop(first);
        assert!(second.grow_to(10).is_ok());
    }
}
