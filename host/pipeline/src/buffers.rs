//! Buffers that batches reuse: without them page faults cost more than the work. An idle sidecar gives them back.
//!
//! They belong to the process rather than to threads, since the runtime has more threads than batches at work.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long nothing must have been borrowed before the buffers are given back.
const KEEP: Duration = Duration::from_secs(10);
/// Payloads beyond which buffers are given back at once: the next batch will hardly be as large.
const PAYLOAD_BYTES_KEPT: usize = 4 << 20;

/// The buffers that no batch uses at the moment; never more than batches were at work at once.
pub struct BufferPool<T> {
    idle: Mutex<Vec<T>>,
    borrowed: AtomicU64,
    sweeping: AtomicBool,
    /// Called when the buffers have been freed, since the process may have more to give back then.
    on_idle: Option<fn()>,
}

/// Buffers, borrowed until this is dropped.
pub struct Borrowed<T: Default + Send + 'static> {
    pool: Arc<BufferPool<T>>,
    buffers: T,
    keep: bool,
}

impl<T: Default + Send + 'static> BufferPool<T> {
    /// An empty pool; `on_idle` is called whenever its buffers have been freed.
    pub fn new(on_idle: Option<fn()>) -> Self {
        BufferPool {
            idle: Mutex::default(),
            borrowed: AtomicU64::new(0),
            sweeping: AtomicBool::new(false),
            on_idle,
        }
    }

    /// Borrows buffers for a batch of this size. Needs a tokio runtime around it for the buffers to be swept.
    pub fn borrow(self: &Arc<Self>, payload_bytes: usize) -> Borrowed<T> {
        self.borrowed.fetch_add(1, Ordering::Relaxed);
        let buffers = self.lock().pop().unwrap_or_default();
        Borrowed { pool: Arc::clone(self), buffers, keep: payload_bytes <= PAYLOAD_BYTES_KEPT }
    }

    fn give_back(self: &Arc<Self>, buffers: T) {
        self.lock().push(buffers);
        if self.sweeping.swap(true, Ordering::AcqRel) {
            return;
        }
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(sweep(Arc::clone(self)))),
            Err(_) => self.sweeping.store(false, Ordering::Release),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<T>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until nothing was borrowed for a while, frees everything, and ends: no timer runs while weir is idle.
async fn sweep<T: Default + Send + 'static>(pool: Arc<BufferPool<T>>) {
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

impl<T: Default + Send + 'static> Deref for Borrowed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.buffers
    }
}

impl<T: Default + Send + 'static> DerefMut for Borrowed<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.buffers
    }
}

impl<T: Default + Send + 'static> Drop for Borrowed<T> {
    fn drop(&mut self) {
        // After a panic nobody knows in which state the buffers are.
        if self.keep && !std::thread::panicking() {
            self.pool.give_back(std::mem::take(&mut self.buffers));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn buffers_are_reused_while_busy_and_gone_when_idle() {
        let pool = Arc::new(BufferPool::<Vec<u8>>::new(None));
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
        let pool = Arc::new(BufferPool::<Vec<u8>>::new(None));
        drop(pool.borrow(PAYLOAD_BYTES_KEPT + 1));
        assert_eq!(pool.lock().len(), 0);
    }
}
