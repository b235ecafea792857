//! When a plugin that keeps breaking its instances is tried again: a circuit breaker, without clock or locks of its own.
//!
//! Closed: batches pass. After each failure that costs an instance the next fresh one comes later, the first at once.
//! Open, after [`FAILURES_MAX`] in a row: batches are not shown to the plugin for a while, which doubles each
//! time. Half-open, after that: one batch at a time is a probe; if it passes the breaker closes, if not it opens again.

use std::time::{Duration, Instant};

/// Failures in a row after which the breaker opens: a plugin that always fails must not turn the sidecar into a
/// machine for making instances.
pub(crate) const FAILURES_MAX: u32 = 10;
/// How long the second fresh instance in a row is held back; doubles with each one.
const BACKOFF_MIN: Duration = Duration::from_millis(2);
const OPEN_MIN: Duration = Duration::from_millis(500);
const OPEN_MAX: Duration = Duration::from_secs(30);

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Closed,
    HalfOpen,
    Open,
}

impl State {
    /// As the metric, the log and the pages of the operator say it.
    pub fn name(self) -> &'static str {
        match self {
            State::Closed => "closed",
            State::HalfOpen => "half_open",
            State::Open => "open",
        }
    }

    /// The value of the gauge.
    pub fn number(self) -> i64 {
        match self {
            State::Closed => 0,
            State::HalfOpen => 1,
            State::Open => 2,
        }
    }
}

/// The breaker of one generation of a plugin.
#[derive(Debug)]
pub(crate) struct Breaker {
    state: State,
    failures: u32,
    openings: u32,
    /// Closed: when the next fresh instance may come. Open: when a probe may.
    not_before: Option<Instant>,
    is_probing: bool,
}

impl Breaker {
    pub fn new() -> Self {
        Breaker { state: State::Closed, failures: 0, openings: 0, not_before: None, is_probing: false }
    }

    pub fn state(&self) -> State {
        self.state
    }

    /// Whether a batch may be shown to the plugin now, and whether it is the probe.
    ///
    /// # Errors
    /// How long until it is worth another try.
    pub fn admit(&mut self, now: Instant) -> Result<bool, Duration> {
        match self.state {
            State::Closed => Ok(false),
            State::Open => match self.left(now) {
                Some(left) => Err(left),
                None => {
                    self.state = State::HalfOpen;
                    self.is_probing = true;
                    Ok(true)
                }
            },
            State::HalfOpen if self.is_probing => Err(OPEN_MIN),
            State::HalfOpen => {
                self.is_probing = true;
                Ok(true)
            }
        }
    }

    /// How long a fresh instance is still held back, if it is.
    pub fn holds_back(&self, now: Instant) -> Option<Duration> {
        if self.state == State::Closed { self.left(now) } else { None }
    }

    /// A call came back and its instance lives.
    pub fn succeeded(&mut self) {
        *self = Breaker::new();
    }

    /// A call, or a start, cost an instance.
    pub fn failed(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        match self.state {
            State::Closed if self.failures < FAILURES_MAX => {
                let doublings = self.failures.checked_sub(2);
                self.not_before = doublings.map(|doublings| now + BACKOFF_MIN * (1 << doublings));
            }
            State::Closed | State::HalfOpen => self.open(now),
            // It began before the breaker opened.
            State::Open => {}
        }
    }

    /// The probe ended without having been tried.
    pub fn abandoned(&mut self) {
        self.is_probing = false;
    }

    fn open(&mut self, now: Instant) {
        let wait = OPEN_MIN.saturating_mul(1 << self.openings.min(16)).min(OPEN_MAX);
        self.openings = self.openings.saturating_add(1);
        self.state = State::Open;
        self.is_probing = false;
        self.not_before = Some(now + wait);
    }

    fn left(&self, now: Instant) -> Option<Duration> {
        let left = self.not_before?.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(now: Instant) -> Breaker {
        let mut breaker = Breaker::new();
        (0..FAILURES_MAX).for_each(|_| breaker.failed(now));
        breaker
    }

    #[test]
    fn the_first_fresh_instance_comes_at_once_and_the_next_ones_ever_later() {
        let now = Instant::now();
        let mut breaker = Breaker::new();
        let mut waits = Vec::new();
        for _ in 1..FAILURES_MAX {
            breaker.failed(now);
            assert_eq!((breaker.state(), breaker.admit(now)), (State::Closed, Ok(false)));
            waits.push(breaker.holds_back(now).map_or(0, |wait| wait.as_millis()));
        }
        assert_eq!(waits, [0, 2, 4, 8, 16, 32, 64, 128, 256]);
        breaker.succeeded();
        assert_eq!(breaker.holds_back(now), None);
    }

    #[test]
    fn it_opens_after_so_many_failures_in_a_row_and_a_success_in_between_starts_the_count_again() {
        let now = Instant::now();
        let mut breaker = Breaker::new();
        for _ in 0..3 {
            (1..FAILURES_MAX).for_each(|_| breaker.failed(now));
            breaker.succeeded();
        }
        assert_eq!(breaker.state(), State::Closed);
        let mut breaker = broken(now);
        assert_eq!((breaker.state(), breaker.admit(now)), (State::Open, Err(OPEN_MIN)));
    }

    #[test]
    fn half_open_lets_one_probe_through_which_decides() {
        let now = Instant::now();
        let later = now + OPEN_MIN;
        let mut breaker = broken(now);
        assert_eq!((breaker.admit(later), breaker.state()), (Ok(true), State::HalfOpen));
        assert!(breaker.admit(later).is_err(), "one at a time");
        breaker.abandoned();
        assert_eq!(breaker.admit(later), Ok(true));
        breaker.failed(later);
        assert_eq!(breaker.admit(later), Err(OPEN_MIN * 2), "each time twice as long");
        assert_eq!(breaker.admit(later + OPEN_MIN * 2), Ok(true));
        breaker.succeeded();
        assert_eq!((breaker.state(), breaker.admit(later)), (State::Closed, Ok(false)));
    }

    #[test]
    fn it_never_stays_open_for_longer_than_the_longest_wait() {
        let mut now = Instant::now();
        let mut breaker = broken(now);
        for _ in 0..40 {
            now += OPEN_MAX;
            assert_eq!(breaker.admit(now), Ok(true));
            breaker.failed(now);
        }
        assert_eq!(breaker.admit(now), Err(OPEN_MAX));
    }
}
