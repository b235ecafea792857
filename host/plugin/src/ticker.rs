//! The clock of the deadlines: a thread that advances the engine's epoch while a guest runs, and parks otherwise.
//!
//! An idle sidecar must not wake. A busy one must not pay a wake-up for each call either, so the thread
//! lingers for a few ticks after the last guest returned before it parks.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::Duration;

/// The resolution of deadlines.
pub(crate) const TICK: Duration = Duration::from_millis(10);
/// How many ticks without a guest the thread waits before it parks.
const LINGER_TICKS: u32 = 10;

/// Counts the guests that run, and wakes the thread for the first.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
}

struct Shared {
    running: AtomicUsize,
    parked: AtomicBool,
    ticks: AtomicU64,
    sleep: Mutex<()>,
    wake: Condvar,
}

/// A guest runs for as long as this lives.
pub(crate) struct Running<'a>(&'a Shared);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Ticker {
    /// Starts the thread, parked. It ends when the ticker is dropped. `tick` is called for each tick.
    ///
    /// # Errors
    /// If the system has no thread to give.
    pub fn start(tick: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            running: AtomicUsize::new(0),
            parked: AtomicBool::new(false),
            ticks: AtomicU64::new(0),
            sleep: Mutex::new(()),
            wake: Condvar::new(),
        });
        let weak = Arc::downgrade(&shared);
        std::thread::Builder::new()
            .name("weir-ticker".to_owned())
            .stack_size(64 << 10)
            .spawn(move || tick_while_needed(&weak, tick))?;
        Ok(Ticker { shared })
    }

    /// Says that a guest is about to run.
    pub fn enter(&self) -> Running<'_> {
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        if self.shared.parked.load(Ordering::SeqCst) {
            self.shared.unpark();
        }
        Running(&self.shared)
    }

    /// How many ticks there were since the start: it stands still while no guest runs.
    #[cfg(test)]
    pub fn ticks(&self) -> u64 {
        self.shared.ticks.load(Ordering::SeqCst)
    }

    /// Whether the thread is parked.
    #[cfg(test)]
    pub fn is_parked(&self) -> bool {
        self.shared.parked.load(Ordering::SeqCst)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.unpark();
    }
}

impl Shared {
    fn unpark(&self) {
        // Under the lock, so that the signal cannot fall between the thread's last look and its sleep.
        let _guard = self.sleep.lock().unwrap_or_else(PoisonError::into_inner);
        self.parked.store(false, Ordering::SeqCst);
        self.wake.notify_one();
    }

    /// Parks until a guest runs. `parked` is set before `running` is looked at, and `enter` does it the other
    /// way round: one of the two always sees the other.
    fn park(&self) {
        let mut guard = self.sleep.lock().unwrap_or_else(PoisonError::into_inner);
        self.parked.store(true, Ordering::SeqCst);
        if self.running.load(Ordering::SeqCst) > 0 {
            self.parked.store(false, Ordering::SeqCst);
            return;
        }
        while self.parked.load(Ordering::SeqCst) {
            guard = self.wake.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn tick_while_needed(shared: &Weak<Shared>, tick: impl Fn()) {
    let mut idle_ticks = 0;
    loop {
        // Upgraded anew each time around, so that dropping the ticker ends the thread at its next look.
        let Some(shared) = shared.upgrade() else { return };
        if shared.running.load(Ordering::SeqCst) > 0 {
            idle_ticks = 0;
        } else {
            idle_ticks += 1;
        }
        if idle_ticks > LINGER_TICKS {
            shared.park();
            idle_ticks = 0;
        }
        shared.ticks.fetch_add(1, Ordering::SeqCst);
        drop(shared);
        std::thread::sleep(TICK);
        tick();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait_until(mut holds: impl FnMut() -> bool) {
        for _ in 0..2000 {
            if holds() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("it never came to hold");
    }

    #[test]
    fn the_thread_parks_when_no_guest_runs_and_stays_parked() {
        let ticker = Ticker::start(|| ()).unwrap();
        wait_until(|| ticker.is_parked());
        let before = ticker.ticks();
        std::thread::sleep(TICK * 10);
        assert_eq!(ticker.ticks(), before);
    }

    #[test]
    fn a_guest_wakes_the_thread_and_keeps_it_awake() {
        let ticker = Ticker::start(|| ()).unwrap();
        for _ in 0..3 {
            wait_until(|| ticker.is_parked());
            let running = ticker.enter();
            let before = ticker.ticks();
            wait_until(|| ticker.ticks() > before + u64::from(LINGER_TICKS) + 5);
            assert!(!ticker.is_parked());
            drop(running);
        }
    }

    #[test]
    fn dropping_the_ticker_ends_its_thread() {
        let (sender, receiver) = std::sync::mpsc::sync_channel::<()>(1);
        let ticker = Ticker::start(move || {
            let _ = sender.try_send(());
        })
        .unwrap();
        wait_until(|| ticker.is_parked());
        drop(ticker);
        // The thread owns the sender: the channel closes when it ends.
        while receiver.recv_timeout(Duration::from_secs(10)).is_ok() {}
        assert_eq!(receiver.recv(), Err(std::sync::mpsc::RecvError));
    }
}
