//! How long to wait before the next attempt: exponential growth, jitter, and the upstream's own wish.

use std::time::Duration;

use tokio::time::Instant;

/// When and how often a failed export is tried again. The names and defaults are the Collector's `retry_on_failure`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetrySettings {
    /// Whether weir tries again at all. The sender is told in any case.
    pub enabled: bool,
    /// The wait after the first failure, before jitter.
    pub initial_interval: Duration,
    /// Each wait is spread evenly over `interval * (1 - f) ..= interval * (1 + f)`; from 0 to 1.
    pub randomization_factor: f64,
    /// Each wait is this many times the one before; at least 1.
    pub multiplier: f64,
    /// The longest wait, before jitter.
    pub max_interval: Duration,
    /// How long to go on after the first attempt; zero is for ever.
    pub max_elapsed_time: Duration,
}

impl Default for RetrySettings {
    fn default() -> Self {
        RetrySettings {
            enabled: true,
            initial_interval: Duration::from_secs(5),
            randomization_factor: 0.5,
            multiplier: 1.5,
            max_interval: Duration::from_secs(30),
            max_elapsed_time: Duration::from_secs(300),
        }
    }
}

/// One request's way through its retries. When the last of them may start is its sender's business, not this one's.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    settings: RetrySettings,
    interval: Duration,
}

impl Backoff {
    pub(crate) fn new(settings: RetrySettings) -> Self {
        Backoff { interval: settings.initial_interval.min(settings.max_interval), settings }
    }

    /// When the next attempt is to start, or `None` if there is to be none.
    ///
    /// `jitter` is a random number from 0 to 1; `least` is what the upstream asked for.
    pub(crate) fn next(&mut self, now: Instant, least: Option<Duration>, jitter: f64) -> Option<Instant> {
        if !self.settings.enabled {
            return None;
        }
        let wait = self.spread(jitter).max(least.unwrap_or_default());
        let grown = self.interval.as_secs_f64() * self.settings.multiplier.max(1.0);
        self.interval =
            Duration::try_from_secs_f64(grown).unwrap_or(Duration::MAX).min(self.settings.max_interval);
        // A wait that is too long for the clock is too long for anybody.
        now.checked_add(wait)
    }

    fn spread(&self, jitter: f64) -> Duration {
        let factor = self.settings.randomization_factor.clamp(0.0, 1.0);
        let share = 1.0 - factor + 2.0 * factor * jitter.clamp(0.0, 1.0);
        Duration::try_from_secs_f64(self.interval.as_secs_f64() * share).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(settings: RetrySettings, jitter: f64, count: usize) -> Vec<Duration> {
        let (mut backoff, now) = (Backoff::new(settings), Instant::now());
        (0..count).filter_map(|_| backoff.next(now, None, jitter)).map(|next| next - now).collect()
    }

    #[tokio::test]
    async fn waits_grow_by_the_multiplier_up_to_the_longest() {
        let settings = RetrySettings {
            initial_interval: Duration::from_secs(10),
            multiplier: 2.0,
            max_interval: Duration::from_secs(30),
            ..RetrySettings::default()
        };
        assert_eq!(waits(settings, 0.5, 4), [10, 20, 30, 30].map(Duration::from_secs));
    }

    #[tokio::test]
    async fn jitter_spreads_the_wait_by_the_factor_to_both_sides() {
        let settings =
            RetrySettings { initial_interval: Duration::from_secs(10), ..RetrySettings::default() };
        assert_eq!(waits(settings, 0.0, 1), [Duration::from_secs(5)]);
        assert_eq!(waits(settings, 1.0, 1), [Duration::from_secs(15)]);
    }

    #[tokio::test]
    async fn the_wish_of_the_upstream_is_the_least_wait() {
        let (mut backoff, now) = (Backoff::new(RetrySettings::default()), Instant::now());
        let wish = Duration::from_secs(60);
        assert_eq!(backoff.next(now, Some(wish), 0.5), Some(now + wish));
    }

    #[tokio::test]
    async fn disabled_retries_plan_nothing() {
        let settings = RetrySettings { enabled: false, ..RetrySettings::default() };
        assert_eq!(waits(settings, 0.5, 1), []);
    }

    #[tokio::test]
    async fn absurd_settings_neither_panic_nor_wait_for_nothing() {
        let settings = RetrySettings {
            initial_interval: Duration::MAX,
            randomization_factor: f64::NAN,
            multiplier: f64::INFINITY,
            max_interval: Duration::MAX,
            ..RetrySettings::default()
        };
        assert_eq!(waits(settings, f64::NAN, 2), [], "no clock reaches that far");
    }
}
