//! The blocks that exporters share: `retry_on_failure` and `sending_queue`, with the Collector's keys.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::at::At;
use super::diagnostic::Diagnostic;
use super::field::{bounded, optional_duration, positive_duration};
use super::id::ComponentId;
use super::processor::BatchConfig;

/// The Collector's default.
const MAX_ELAPSED_TIME: Duration = Duration::from_secs(300);

/// What to do when an export fails and may be tried again. Defaults: the Collector's exporterhelper.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryConfig {
    /// Whether to try again.
    pub enabled: bool,
    /// The wait after the first failure.
    #[serde(deserialize_with = "positive_duration")]
    pub initial_interval: Duration,
    /// By how much each wait may differ at random: 0.5 is from half to one and a half.
    pub randomization_factor: f64,
    /// By how much each wait is longer than the one before.
    pub multiplier: f64,
    /// The longest wait.
    #[serde(deserialize_with = "positive_duration")]
    pub max_interval: Duration,
    /// When to give a batch up; zero is never. If nothing is said it is the Collector's five minutes, but never for a
    /// durable queue: it holds what was promised.
    #[serde(deserialize_with = "optional_duration")]
    pub max_elapsed_time: Option<Duration>,
}

impl Default for RetryConfig {
    fn default() -> Self {
        RetryConfig {
            enabled: true,
            initial_interval: Duration::from_secs(5),
            randomization_factor: 0.5,
            multiplier: 1.5,
            max_interval: Duration::from_secs(30),
            max_elapsed_time: None,
        }
    }
}

impl RetryConfig {
    /// When to give a batch up; zero is never.
    pub fn max_elapsed_time(&self, is_durable: bool) -> Duration {
        self.max_elapsed_time.unwrap_or(if is_durable { Duration::ZERO } else { MAX_ELAPSED_TIME })
    }

    pub(super) fn check(&self, at: &At<'_>, problems: &mut Vec<Diagnostic>) {
        if !(0.0..=1.0).contains(&self.randomization_factor) {
            problems.push(at.key("randomization_factor").problem("must be from 0 to 1"));
        }
        if !(1.0..=100.0).contains(&self.multiplier) {
            problems.push(at.key("multiplier").problem("must be from 1 to 100"));
        }
        let limit = self.max_elapsed_time(false);
        if !limit.is_zero() {
            for (key, interval) in
                [("initial_interval", self.initial_interval), ("max_interval", self.max_interval)]
            {
                if interval > limit {
                    problems.push(at.key(key).problem("must not be longer than max_elapsed_time"));
                }
            }
        }
    }
}

/// The queue in front of an exporter. Defaults: the Collector's exporterhelper, but for `wait_for_result`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SendingQueueConfig {
    /// Whether there is a queue.
    pub enabled: bool,
    /// How many batches are sent at a time.
    #[serde(deserialize_with = "bounded::<1, 1000, _, _>")]
    pub num_consumers: usize,
    /// How much the queue holds, in the unit of `sizer`.
    #[serde(deserialize_with = "bounded::<1, { i64::MAX as u64 }, _, _>")]
    pub queue_size: u64,
    /// What `queue_size` counts.
    pub sizer: Sizer,
    /// Whether a sender waits for room when the queue is full, instead of being refused.
    pub block_on_overflow: bool,
    /// Whether the sender is answered when the upstream has answered, rather than when the batch is queued. See
    /// [`SendingQueueConfig::wait_for_result`].
    pub wait_for_result: Option<bool>,
    /// The `file_storage` extension that the queue is kept in; in memory without.
    pub storage: Option<ComponentId>,
    /// How requests are merged and split, if they are.
    pub batch: Option<BatchConfig>,
    /// Where batches go that will not be sent, if they are kept. weir's own key.
    pub dead_letters: Option<DeadLettersConfig>,
}

/// Files for batches that an upstream rejected for good, or that weir gave up.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadLettersConfig {
    /// Each exporter and signal has files of its own in it.
    pub directory: PathBuf,
    /// What the files of one exporter and signal may take, in MiB; the oldest make room.
    #[serde(default = "dead_letters_mib", deserialize_with = "bounded::<1, 1_000_000, _, _>")]
    pub max_mib: u64,
}

fn dead_letters_mib() -> u64 {
    64
}

/// What the size of a queue counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sizer {
    /// Requests, however big.
    #[default]
    Requests,
    /// Spans, data points and log records.
    Items,
    /// Encoded bytes.
    Bytes,
}

impl Default for SendingQueueConfig {
    fn default() -> Self {
        SendingQueueConfig {
            enabled: true,
            num_consumers: 10,
            queue_size: 1000,
            sizer: Sizer::Requests,
            block_on_overflow: false,
            wait_for_result: None,
            storage: None,
            batch: None,
            dead_letters: None,
        }
    }
}

impl SendingQueueConfig {
    /// Whether senders wait for the upstream. The Collector's default is no; weir's is yes, so that what is acknowledged is
    /// delivered, unless the queue is on disk, which is a promise of its own.
    pub fn wait_for_result(&self) -> bool {
        self.wait_for_result.unwrap_or(self.storage.is_none())
    }

    pub(super) fn check(&self, at: &At<'_>, problems: &mut Vec<Diagnostic>) {
        if let Some(batch) = &self.batch {
            batch.check(&at.key("batch"), problems);
        }
        if self.storage.is_none() {
            return;
        }
        if self.wait_for_result == Some(true) {
            let reason = "cannot be true with storage: the sender is answered when its data is on disk";
            problems.push(at.key("wait_for_result").problem(reason));
        }
        if !self.enabled {
            problems
                .push(at.key("enabled").problem("cannot be false with storage: there is nothing to store"));
        }
    }
}
