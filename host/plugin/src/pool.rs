//! The instances of one generation of a plugin: made when needed, kept, lent to one batch at a time.
//!
//! How many there are follows from who asks: each pipeline lends at most `workers` at once. A stateful plugin has
//! exactly one, and its callers wait for it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use weir_otlp::Interest;

use crate::bindings::{Batch, Edits};
use crate::failure::{Failure, Reason};
use crate::instance::{Blueprint, Instance, StartError};

/// Failures in a row that cost an instance, after which the plugin rests before the next one is made: a plugin
/// that always fails must not turn the sidecar into a machine for making instances.
const STRIKES: u32 = 10;
const REST_MIN: Duration = Duration::from_millis(500);
const REST_MAX: Duration = Duration::from_secs(30);

/// See the module.
pub(crate) struct Pool {
    blueprint: Blueprint,
    interest: Interest,
    state: Mutex<PoolState>,
    freed: Condvar,
}

struct PoolState {
    /// The most recently used last: it is the one whose memory is still in the processor's caches.
    idle: Vec<Instance>,
    lent: usize,
    strikes: u32,
    rests_until: Option<Instant>,
}

/// An instance, lent. It goes back when this is dropped, unless it died.
pub(crate) struct Lease<'a> {
    pool: &'a Pool,
    instance: Option<Instance>,
}

impl Pool {
    /// A pool with its first instance.
    pub fn new(blueprint: Blueprint, interest: Interest, first: Instance) -> Self {
        let state = PoolState { idle: vec![first], lent: 0, strikes: 0, rests_until: None };
        Pool { blueprint, interest, state: Mutex::new(state), freed: Condvar::new() }
    }

    /// What the plugin declared.
    pub fn interest(&self) -> &Interest {
        &self.interest
    }

    /// From what its instances are made.
    pub fn blueprint(&self) -> &Blueprint {
        &self.blueprint
    }

    /// Lends an instance, and makes one if none is idle. Waits for a stateful plugin's only one for up to `wait`.
    ///
    /// # Errors
    /// [`Reason::Busy`], [`Reason::Resting`], or what kept a fresh instance from coming up.
    pub fn lend(&self, wait: Duration) -> Result<Lease<'_>, Failure> {
        let until = Instant::now() + wait;
        let mut state = self.lock();
        loop {
            if let Some(instance) = state.idle.pop() {
                state.lent += 1;
                return Ok(Lease { pool: self, instance: Some(instance) });
            }
            if !self.interest.stateful || state.lent == 0 {
                return self.lend_fresh(state);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let detail = "its only instance was not free within the timeout";
                return Err(Failure::new(Reason::Busy, detail));
            }
            state = self.freed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lend_fresh(&self, mut state: MutexGuard<'_, PoolState>) -> Result<Lease<'_>, Failure> {
        if state.rests_until.is_some_and(|until| Instant::now() < until) {
            let detail = format!("it failed {} times in a row and rests", state.strikes);
            return Err(Failure::new(Reason::Resting, detail));
        }
        state.lent += 1;
        drop(state);
        // From here on the lease keeps the books, whatever happens.
        let mut lease = Lease { pool: self, instance: None };
        match self.start() {
            Ok(instance) => {
                lease.instance = Some(instance);
                Ok(lease)
            }
            Err(failure) => {
                self.strike();
                Err(failure)
            }
        }
    }

    fn start(&self) -> Result<Instance, Failure> {
        match self.blueprint.start() {
            Ok((instance, interest)) if interest == self.interest => Ok(instance),
            Ok(_) => {
                let detail =
                    "configure gave another interest than the first time, for the same configuration";
                Err(Failure::new(Reason::Start, detail))
            }
            Err(StartError::Host(detail)) => Err(Failure::new(Reason::Start, detail)),
            Err(StartError::Refused(_)) => {
                Err(Failure::new(Reason::Start, "configure refused what it took the first time"))
            }
            Err(StartError::Failed(Failure { reason, detail })) => {
                Err(Failure::new(Reason::Start, format!("{}: {detail}", reason.name())))
            }
        }
    }

    fn strike(&self) {
        let mut state = self.lock();
        state.strikes = state.strikes.saturating_add(1);
        if let Some(beyond) = state.strikes.checked_sub(STRIKES) {
            let rest = REST_MIN.saturating_mul(1 << beyond.min(16)).min(REST_MAX);
            state.rests_until = Some(Instant::now() + rest);
        }
    }

    fn lock(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease<'_> {
    /// Shows a batch to the guest.
    ///
    /// # Errors
    /// What went wrong. If it [`Reason::is_lethal`], the instance is gone and so is the lease's use.
    pub fn process(&mut self, batch: Batch<'_>, timeout: Duration) -> Result<Edits, Failure> {
        let Some(instance) = &mut self.instance else {
            return Err(Failure::new(Reason::Start, "the instance is gone"));
        };
        let answer = instance.process(batch, timeout);
        match &answer {
            Err(failure) if failure.reason.is_lethal() => {
                self.instance = None;
                self.pool.strike();
            }
            _ => {}
        }
        answer
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        state.lent -= 1;
        if let Some(instance) = self.instance.take() {
            // Whoever panics in the middle of a call leaves an instance of which nothing is known.
            if !std::thread::panicking() {
                state.strikes = 0;
                state.rests_until = None;
                state.idle.push(instance);
            }
        }
        drop(state);
        self.pool.freed.notify_one();
    }
}
