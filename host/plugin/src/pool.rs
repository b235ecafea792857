//! The instances of one generation of a plugin: made when needed, kept, lent to one batch at a time.
//!
//! How many there are follows from who asks: each pipeline lends at most `workers` at once. A stateful plugin has
//! exactly one, and its callers wait for it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use weir_otlp::Interest;

use crate::bindings::{Batch, Edits};
use crate::breaker::{Breaker, State};
use crate::failure::{Failure, Reason};
use crate::instance::{Blueprint, Instance, StartError};

/// How long no further instance is tried after one that did not come up, while others work.
const START_REST: Duration = Duration::from_secs(1);

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
    /// Of those that are lent, how many are there: the others are being made, or waited for.
    working: usize,
    /// Until then none is made while others work, since the last one did not come up.
    rests_until: Option<Instant>,
    breaker: Breaker,
    /// Another generation has taken over; this one is kept in case that it has to come back.
    is_retired: bool,
}

/// Whose fault it is if a call costs an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blame {
    /// The plugin's: its breaker decides whether it is called, and counts.
    Plugin,
    /// An item's that is being searched for: the breaker is not asked.
    Items,
}

/// An instance, lent. It goes back when this is dropped, unless it died.
pub(crate) struct Lease<'a> {
    pool: &'a Pool,
    instance: Option<Instance>,
    /// Whether it had an instance, which may have died since.
    worked: bool,
    blame: Blame,
    is_probe: bool,
    /// Whether the instance outlived the last call, if there was one.
    survived: Option<bool>,
}

impl Pool {
    /// A pool with its first instance.
    pub fn new(blueprint: Blueprint, interest: Interest, first: Instance) -> Self {
        let state = PoolState {
            idle: vec![first],
            lent: 0,
            working: 0,
            rests_until: None,
            breaker: Breaker::new(),
            is_retired: false,
        };
        Pool { blueprint, interest, state: Mutex::new(state), freed: Condvar::new() }
    }

    /// The generation takes over: from here on it is what the metrics tell of. A stateful plugin begins anew, without
    /// what it saw in its rehearsal.
    ///
    /// # Errors
    /// What kept the fresh instance from coming up.
    pub fn debut(&self) -> Result<(), Failure> {
        if self.interest.stateful {
            let fresh = self.start()?;
            self.lock().idle = vec![fresh];
        }
        self.blueprint.series.breaker.set(self.breaker().number());
        Ok(())
    }

    /// Another generation has taken over, or this one runs again. Instances that are not needed for that go; the one of a
    /// stateful plugin stays, since its state would be lost with it.
    pub fn retire(&self, is_retired: bool) {
        let mut state = self.lock();
        state.is_retired = is_retired;
        let surplus =
            if is_retired && !self.interest.stateful { std::mem::take(&mut state.idle) } else { Vec::new() };
        let breaker = state.breaker.state();
        drop(state);
        drop(surplus);
        if !is_retired {
            self.blueprint.series.breaker.set(breaker.number());
        }
    }

    /// Where the circuit breaker is.
    pub fn breaker(&self) -> State {
        self.lock().breaker.state()
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
    pub fn lend(&self, wait: Duration, blame: Blame) -> Result<Lease<'_>, Failure> {
        let until = Instant::now() + wait;
        let mut state = self.lock();
        let is_probe = blame == Blame::Plugin && self.admit(&mut state)?;
        state.lent += 1;
        // From here on the lease keeps the books, whatever happens.
        let mut lease = Lease { pool: self, instance: None, worked: false, blame, is_probe, survived: None };
        loop {
            if let Some(instance) = state.idle.pop() {
                lease.begin(&mut state, instance);
                drop(state);
                return Ok(lease);
            }
            if !self.interest.stateful || state.lent == 1 {
                return self.lend_fresh(state, lease, until);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(state);
                let detail = "its only instance was not free within the timeout";
                return Err(Failure::new(Reason::Busy, detail));
            }
            // Others that wait are no reason to wait for: only who has the instance is.
            state.lent -= 1;
            state = self.freed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            state.lent += 1;
        }
    }

    fn admit(&self, state: &mut PoolState) -> Result<bool, Failure> {
        let before = state.breaker.state();
        let admitted = state.breaker.admit(Instant::now());
        self.announce(before, state.breaker.state());
        admitted.map_err(|left| {
            let detail = format!("its circuit breaker is open, next try in {left:?}");
            Failure::new(Reason::Resting, detail)
        })
    }

    fn lend_fresh<'a>(
        &'a self,
        state: MutexGuard<'a, PoolState>,
        mut lease: Lease<'a>,
        until: Instant,
    ) -> Result<Lease<'a>, Failure> {
        if state.working > 0 && state.rests_until.is_some_and(|rested| Instant::now() < rested) {
            let failure = Failure::new(Reason::Start, "no further instance came up a moment ago");
            return self.lend_other(state, lease, until, failure);
        }
        let held_back = state.breaker.holds_back(Instant::now()).filter(|_| lease.blame == Blame::Plugin);
        drop(state);
        if let Some(left) = held_back {
            let detail = format!("it broke its last instances, the next one comes in {left:?}");
            return Err(Failure::new(Reason::Resting, detail));
        }
        match self.start() {
            Ok(instance) => {
                lease.begin(&mut self.lock(), instance);
                Ok(lease)
            }
            Err(failure) => {
                let mut state = self.lock();
                state.rests_until = Some(Instant::now() + START_REST);
                self.lend_other(state, lease, until, failure)
            }
        }
    }

    /// Where a fresh instance does not come up but others work, which is so when a granted file has changed for the
    /// worse, they serve on: whoever needs one more waits for one of theirs.
    fn lend_other<'a>(
        &'a self,
        mut state: MutexGuard<'a, PoolState>,
        mut lease: Lease<'a>,
        until: Instant,
        failure: Failure,
    ) -> Result<Lease<'a>, Failure> {
        loop {
            if let Some(instance) = state.idle.pop() {
                lease.begin(&mut state, instance);
                drop(state);
                return Ok(lease);
            }
            let left = until.saturating_duration_since(Instant::now());
            if state.working == 0 {
                drop(state);
                lease.survived = Some(false);
                return Err(failure);
            }
            if left.is_zero() {
                drop(state);
                let detail = format!("none was free within the timeout, and {}", failure.detail);
                return Err(Failure::new(Reason::Busy, detail));
            }
            state = self.freed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
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

    /// Says so when the breaker has come to another state.
    fn announce(&self, before: State, now: State) {
        if before == now {
            return;
        }
        let plugin = self.blueprint.voice.name();
        self.blueprint.series.breaker.set(now.number());
        match now {
            State::Open => tracing::warn!(
                plugin,
                "circuit breaker open: the plugin broke too many instances in a row and is not called for a while; \
                 its on_error policy decides what becomes of batches; fix or replace the plugin"
            ),
            State::HalfOpen => tracing::info!(plugin, "circuit breaker half-open: one batch is tried"),
            State::Closed => tracing::info!(plugin, "circuit breaker closed: the plugin is back"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease<'_> {
    fn begin(&mut self, state: &mut PoolState, instance: Instance) {
        self.instance = Some(instance);
        self.worked = true;
        state.working += 1;
    }

    /// Shows a batch to the guest.
    ///
    /// # Errors
    /// What went wrong. If it [`Reason::is_lethal`], the instance is gone and so is the lease's use.
    pub fn process(&mut self, batch: Batch<'_>, timeout: Duration) -> Result<Edits, Failure> {
        let Some(instance) = &mut self.instance else {
            return Err(Failure::new(Reason::Start, "the instance is gone"));
        };
        let answer = instance.process(batch, timeout);
        let survived = !matches!(&answer, Err(failure) if failure.reason.is_lethal());
        self.survived = Some(survived);
        if !survived {
            self.instance = None;
        }
        answer
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        state.lent -= 1;
        state.working -= usize::from(self.worked);
        // Whoever panics in the middle of a call leaves an instance of which nothing is known.
        if std::thread::panicking() {
            (self.instance, self.survived) = (None, Some(false));
        }
        let mut surplus = None;
        if let Some(instance) = self.instance.take() {
            if state.is_retired && !self.pool.interest.stateful {
                surplus = Some(instance);
            } else {
                state.idle.push(instance);
            }
        }
        let before = state.breaker.state();
        match self.survived {
            Some(true) => state.breaker.succeeded(),
            Some(false) if self.blame == Blame::Plugin => state.breaker.failed(Instant::now()),
            _ if self.is_probe => state.breaker.abandoned(),
            _ => {}
        }
        let now = state.breaker.state();
        drop(state);
        drop(surplus);
        self.pool.announce(before, now);
        // Everybody, since there may be nothing left to wait for. They are as few as there are workers.
        self.pool.freed.notify_all();
    }
}
