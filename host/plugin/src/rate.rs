//! A token bucket: how often a plugin may make weir write a log line.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Lets `burst` events pass at once and `per_second` in the long run.
pub(crate) struct Bucket {
    burst: f64,
    per_second: f64,
    state: Mutex<(f64, Instant)>,
}

impl Bucket {
    /// A full bucket.
    pub fn new(burst: u32, per_second: f64) -> Self {
        let burst = f64::from(burst);
        Bucket { burst, per_second, state: Mutex::new((burst, Instant::now())) }
    }

    /// Whether one more may pass now.
    pub fn take(&self) -> bool {
        self.take_at(Instant::now())
    }

    fn take_at(&self, now: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (tokens, last) = *state;
        let refilled = tokens + now.saturating_duration_since(last).as_secs_f64() * self.per_second;
        let tokens = refilled.min(self.burst);
        let passes = tokens >= 1.0;
        *state = (if passes { tokens - 1.0 } else { tokens }, now);
        passes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_passes_and_then_one_per_refill() {
        let bucket = Bucket::new(3, 2.0);
        let start = Instant::now();
        assert_eq!((0..5).filter(|_| bucket.take_at(start)).count(), 3);
        assert!(bucket.take_at(start + Duration::from_millis(600)));
        assert!(!bucket.take_at(start + Duration::from_millis(601)));
    }

    #[test]
    fn tokens_do_not_pile_up_beyond_the_burst() {
        let bucket = Bucket::new(2, 100.0);
        let later = Instant::now() + Duration::from_secs(3600);
        assert_eq!((0..5).filter(|_| bucket.take_at(later)).count(), 2);
    }
}
