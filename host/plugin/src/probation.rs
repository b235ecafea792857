//! The first minutes of a new generation: if it fails too often while the former one is still at hand, that one comes back.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::load::Plugin;

/// How long the former generation is kept at hand.
const LENGTH: Duration = Duration::from_secs(300);
/// Failed batches below which nothing is concluded.
const FAILURES_MIN: u64 = 5;
/// The generation is given up if at least every so-manieth batch failed since it took over.
const ONE_IN: u64 = 4;

/// See the module. A generation without a former one cannot fail it.
#[derive(Default)]
pub(crate) struct Probation {
    former: Mutex<Option<(Arc<Plugin>, Instant)>>,
    /// Whether there is a former one: the only thing that batches look at once this is over.
    is_on: AtomicBool,
    is_failed: AtomicBool,
    passed: AtomicU64,
    failed: AtomicU64,
}

impl Probation {
    /// Begins, with the generation that comes back if this one fails.
    pub fn begin(&self, former: Arc<Plugin>, now: Instant) {
        *self.lock() = Some((former, now));
        self.is_on.store(true, Ordering::Release);
    }

    /// Ends if its time is over, and lets the former generation go.
    pub fn end_if_over(&self, now: Instant) {
        let is_over = |(_, began): &(Arc<Plugin>, Instant)| now.saturating_duration_since(*began) >= LENGTH;
        let is_over = self.lock().as_ref().is_some_and(is_over);
        if is_over {
            self.end();
        }
    }

    /// Lets the former generation go, unless it runs again.
    pub fn end(&self) {
        let mut former = self.lock();
        if self.is_failed() {
            return;
        }
        self.is_on.store(false, Ordering::Release);
        let ended = former.take();
        drop(former);
        // After the lock: what hangs on it may take a while to go.
        drop(ended);
    }

    /// A batch is through.
    pub fn passed(&self) {
        if self.is_on.load(Ordering::Relaxed) {
            self.passed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A batch failed. Says how many did, and how many there were, if this was the one too many.
    pub fn failed(&self) -> Option<(u64, u64)> {
        if !self.is_on.load(Ordering::Acquire) {
            return None;
        }
        let failed = self.failed.fetch_add(1, Ordering::Relaxed) + 1;
        let all = self.passed.load(Ordering::Relaxed) + failed;
        let is_too_many = failed >= FAILURES_MIN && failed * ONE_IN >= all;
        if !is_too_many {
            return None;
        }
        // Under the lock, so that it does not end meanwhile: once, and only if there still is something to come back.
        let former = self.lock();
        let trips = former.is_some() && !self.is_failed.swap(true, Ordering::AcqRel);
        trips.then_some((failed, all))
    }

    /// Whether this generation was given up.
    pub fn is_failed(&self) -> bool {
        self.is_failed.load(Ordering::Acquire)
    }

    /// The generation that runs again in place of this one.
    pub fn replacement(&self) -> Option<Arc<Plugin>> {
        if !self.is_failed() {
            return None;
        }
        self.lock().as_ref().map(|(former, _)| Arc::clone(former))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Arc<Plugin>, Instant)>> {
        self.former.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
