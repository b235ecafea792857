//! Merging and splitting of requests, which the Collector writes in two ways: as a `batch` processor, and as
//! `sending_queue::batch` of an exporter. In weir both are the same thing: requests are merged on their way out.

use std::time::Duration;

use serde::Deserialize;

use crate::config::at::At;
use crate::config::diagnostic::Diagnostic;
use crate::config::field::{bounded, duration};
use crate::config::reader;

/// The longest that a request may wait for others. A sender waits as long.
const FLUSH_TIMEOUT_MAX: Duration = Duration::from_secs(600);

/// The Collector's defaults, in both forms.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(200);
const MIN_SIZE: u64 = 8192;

/// How requests are merged and split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatchConfig {
    /// The longest that a request waits for others.
    #[serde(deserialize_with = "duration")]
    pub flush_timeout: Duration,
    /// As soon as so much waits, it is sent.
    #[serde(deserialize_with = "bounded::<0, { i64::MAX as u64 }, _, _>")]
    pub min_size: u64,
    /// The largest request that is sent; zero is no limit.
    #[serde(deserialize_with = "bounded::<0, { i64::MAX as u64 }, _, _>")]
    pub max_size: u64,
    /// What the sizes count.
    pub sizer: BatchSizer,
}

/// What the size of a request counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BatchSizer {
    /// Spans, data points and log records.
    #[default]
    Items,
    /// Encoded bytes.
    Bytes,
}

/// The same with the processor's keys.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawBatchProcessor {
    #[serde(deserialize_with = "duration")]
    timeout: Duration,
    #[serde(deserialize_with = "bounded::<0, { u32::MAX as u64 }, _, _>")]
    send_batch_size: u64,
    #[serde(deserialize_with = "bounded::<0, { u32::MAX as u64 }, _, _>")]
    send_batch_max_size: u64,
}

impl Default for BatchConfig {
    fn default() -> Self {
        BatchConfig {
            flush_timeout: FLUSH_TIMEOUT,
            min_size: MIN_SIZE,
            max_size: 0,
            sizer: BatchSizer::Items,
        }
    }
}

impl Default for RawBatchProcessor {
    fn default() -> Self {
        RawBatchProcessor { timeout: FLUSH_TIMEOUT, send_batch_size: MIN_SIZE, send_batch_max_size: 0 }
    }
}

impl BatchConfig {
    /// Reads and checks a `batch` processor.
    pub(super) fn read_processor(at: &At<'_>, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let raw: RawBatchProcessor = reader::read(at.node()?, &at.path, problems)?;
        let config = BatchConfig {
            flush_timeout: raw.timeout,
            min_size: raw.send_batch_size,
            max_size: raw.send_batch_max_size,
            sizer: BatchSizer::Items,
        };
        config.check_with(at, ["timeout", "send_batch_size", "send_batch_max_size"], problems);
        Some(config)
    }

    /// Checks what concerns several keys of `sending_queue::batch`.
    pub(in crate::config) fn check(&self, at: &At<'_>, problems: &mut Vec<Diagnostic>) {
        self.check_with(at, ["flush_timeout", "min_size", "max_size"], problems);
    }

    fn check_with(&self, at: &At<'_>, [timeout, min, max]: [&str; 3], problems: &mut Vec<Diagnostic>) {
        if self.flush_timeout > FLUSH_TIMEOUT_MAX {
            problems.push(at.key(timeout).problem("must be 10m at most: senders wait as long"));
        }
        if self.max_size > 0 && self.max_size < self.min_size {
            let reason =
                format!("must be 0, which is no limit, or at least {min}, which is {}", self.min_size);
            problems.push(at.key(max).problem(reason));
        }
    }
}
