//! Buffers that batches reuse: without them page faults cost more than the plugins. An idle sidecar gives them back.
//!
//! They belong to the process rather than to threads, since the runtime has more threads than batches at work.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use weir_otlp::{Tape, View};

/// How long nothing must have been borrowed before the buffers are given back.
const KEEP: Duration = Duration::from_secs(10);
/// Payloads beyond which buffers are given back at once: the next batch will hardly be as large.
const PAYLOAD_BYTES_KEPT: usize = 4 << 20;

/// The buffers of one batch.
#[derive(Default)]
pub(crate) struct Scratch {
    pub tape: Tape,
    pub view: View,
    pub tallies: Vec<Tally>,
}

/// What one plugin did to the batch. Counted only once the batch is through, since a refused batch comes again.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    pub edits: u64,
    pub dropped_by_plugin: u64,
    pub dropped_by_error: u64,
    pub isolated: u64,
}

impl Tally {
    pub fn has_dropped(&self) -> bool {
        self.dropped_by_plugin + self.dropped_by_error + self.isolated > 0
    }
}

/// The buffers that no batch uses at the moment; never more than batches were at work at once.
#[derive(Default)]
pub(crate) struct ScratchPool {
    idle: Mutex<Vec<Scratch>>,
    borrowed: AtomicU64,
    sweeping: AtomicBool,
    /// Called when the buffers have been freed, since the process may have more to give back then.
    on_idle: Option<fn()>,
}

/// Buffers, borrowed until this is dropped.
pub(crate) struct Borrowed {
    pool: Arc<ScratchPool>,
    scratch: Scratch,
    keep: bool,
}

impl ScratchPool {
    pub fn new(on_idle: Option<fn()>) -> Self {
        ScratchPool { on_idle, ..ScratchPool::default() }
    }

    /// Borrows buffers for a batch of this size. Needs a tokio runtime around it for the buffers to be swept.
    pub fn borrow(self: &Arc<Self>, payload_bytes: usize) -> Borrowed {
        self.borrowed.fetch_add(1, Ordering::Relaxed);
        let scratch = self.lock().pop().unwrap_or_default();
        Borrowed { pool: Arc::clone(self), scratch, keep: payload_bytes <= PAYLOAD_BYTES_KEPT }
    }

    fn give_back(self: &Arc<Self>, scratch: Scratch) {
        self.lock().push(scratch);
        if self.sweeping.swap(true, Ordering::AcqRel) {
            return;
        }
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(sweep(Arc::clone(self)))),
            Err(_) => self.sweeping.store(false, Ordering::Release),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Scratch>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until nothing was borrowed for a while, frees everything, and ends: no timer runs while weir is idle.
async fn sweep(pool: Arc<ScratchPool>) {
    loop {
        let before = pool.borrowed.load(Ordering::Relaxed);
        tokio::time::sleep(KEEP).await;
        if pool.borrowed.load(Ordering::Relaxed) == before {
            break;
        }
    }
    // First, so that whoever gives back from now on starts the next sweep.
    pool.sweeping.store(false, Ordering::Release);
    pool.lock().clear();
    if let Some(on_idle) = pool.on_idle {
        on_idle();
    }
}

impl Deref for Borrowed {
    type Target = Scratch;

    fn deref(&self) -> &Scratch {
        &self.scratch
    }
}

impl DerefMut for Borrowed {
    fn deref_mut(&mut self) -> &mut Scratch {
        &mut self.scratch
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        // After a panic nobody knows in which state the buffers are.
        if self.keep && !std::thread::panicking() {
            self.pool.give_back(std::mem::take(&mut self.scratch));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn buffers_are_reused_while_busy_and_gone_when_idle() {
        let pool = Arc::new(ScratchPool::default());
        drop((pool.borrow(1), pool.borrow(1)));
        assert_eq!(pool.lock().len(), 2);
        drop(pool.borrow(1));
        assert_eq!(pool.lock().len(), 2);
        for _ in 0..5 {
            tokio::time::sleep(KEEP / 2).await;
            drop(pool.borrow(1));
            assert_eq!(pool.lock().len(), 2, "busy, so nothing is swept");
        }
        tokio::time::sleep(KEEP * 3).await;
        assert_eq!(pool.lock().len(), 0);
        assert!(!pool.sweeping.load(Ordering::Acquire), "no timer is left");
        drop(pool.borrow(1));
        tokio::time::sleep(KEEP * 3).await;
        assert_eq!(pool.lock().len(), 0, "the next idle time is swept too");
    }

    #[test]
    fn buffers_of_a_huge_batch_are_not_kept() {
        let pool = Arc::new(ScratchPool::default());
        drop(pool.borrow(PAYLOAD_BYTES_KEPT + 1));
        assert_eq!(pool.lock().len(), 0);
    }
}
