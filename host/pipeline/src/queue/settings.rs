//! The settings of a queue, with the Collector's defaults but for one.

use crate::{BatchSettings, RetrySettings, Sizer};

/// The most consumers that a queue can have.
const CONSUMERS_MAX: usize = 1000;

/// How much may wait for one exporter and who is told what. Names and most defaults are the Collector's `sending_queue`.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueSettings {
    /// Without a queue there is room for what is under way and no more, and every sender waits for the result.
    pub enabled: bool,
    /// Requests under way at a time; at least 1.
    pub num_consumers: usize,
    /// How much may wait or be under way, in the unit of `sizer`.
    pub queue_size: u64,
    /// What `queue_size` counts.
    pub sizer: Sizer,
    /// Whether the sender is answered when the upstream has answered (true), or as soon as the batch is queued,
    /// and so before it is safe. The Collector's default is false; weir's is true, the honest one.
    pub wait_for_result: bool,
    /// Whether a sender waits for room, within its patience, before it is refused.
    pub block_on_overflow: bool,
    /// Payload bytes that may wait or be under way, whatever the sizer.
    pub bytes_max: u64,
    /// How requests are merged and split; those of the pipeline if there are none.
    pub batch: Option<BatchSettings>,
    /// What happens after a failed attempt.
    pub retry: RetrySettings,
}

// === impl QueueSettings ===

impl Default for QueueSettings {
    fn default() -> Self {
        QueueSettings {
            enabled: true,
            num_consumers: 10,
            queue_size: 1000,
            sizer: Sizer::Requests,
            wait_for_result: true,
            block_on_overflow: false,
            bytes_max: 64 << 20,
            batch: None,
            retry: RetrySettings::default(),
        }
    }
}

impl QueueSettings {
    /// How much fits, in the unit of the sizer; without a queue, the requests at a time.
    pub fn capacity(&self) -> u64 {
        self.room().1
    }

    /// The size of the room and its unit.
    pub(super) fn room(&self) -> (Sizer, u64) {
        match self.enabled {
            true => (self.sizer, self.queue_size),
            false => (Sizer::Requests, self.consumers() as u64),
        }
    }

    pub(super) fn consumers(&self) -> usize {
        self.num_consumers.clamp(1, CONSUMERS_MAX)
    }
}
