//! When requests are merged on their way out, and how large a request may be.

use std::time::Duration;

use crate::Sizer;
use crate::room::Size;

/// The most bytes that are merged, whatever is configured: a merged request is built in memory, once more for each
/// attempt that compresses it. A quarter of what OTLP recommends as the limit of a receiver.
const MERGED_BYTES_MAX: u64 = 16 << 20;

/// How requests of one signal are merged and split. The Collector's `sending_queue.batch` and `batch` processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchSettings {
    /// The longest that a request waits for others.
    pub flush_timeout: Duration,
    /// What the sizes count: items or bytes.
    pub sizer: Sizer,
    /// As soon as so much waits, it is sent.
    pub min_size: u64,
    /// No request that is sent is larger; zero is no limit. What comes larger is split.
    pub max_size: u64,
}

impl BatchSettings {
    /// Whether so much waits that it is worth a request.
    pub(crate) fn is_worth_sending(&self, waiting: Size) -> bool {
        waiting.by(self.sizer) >= self.min_size
    }

    /// Whether so much may go in one request.
    pub(crate) fn allows(&self, merged: Size) -> bool {
        !self.is_over_max(merged) && merged.bytes <= MERGED_BYTES_MAX
    }

    /// Whether one request has grown so much that nothing more is put into it.
    pub(crate) fn is_enough(&self, merged: Size) -> bool {
        self.max_size == 0 && self.is_worth_sending(merged)
    }

    /// Whether so much is to be split.
    pub(crate) fn is_over_max(&self, size: Size) -> bool {
        self.max_size > 0 && size.by(self.sizer) > self.max_size
    }
}
