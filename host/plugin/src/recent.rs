//! A few recent batches of one plugin, as it was shown them: what a new generation of it must get through before it takes
//! over. They are kept in memory alone, and never logged.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use weir_otlp::Signal;

/// Batches kept for each signal.
const BATCHES_MAX: usize = 2;
/// The size of each, in bytes; of a larger one only so many items are kept. About 130 spans.
pub(crate) const BATCH_BYTES_MAX: usize = 64 << 10;
/// The least time from one to the next, in nanoseconds: copying a batch costs as much as a plugin.
const EVERY_NANOS: u64 = 5_000_000_000;

/// See the module. All generations of a plugin share one.
#[derive(Default)]
pub(crate) struct Recent {
    /// Traces, metrics, logs.
    signals: [Kept; 3],
}

#[derive(Default)]
struct Kept {
    /// When the last one was received that was to be kept, in Unix nanoseconds; 0 before the first.
    last: AtomicU64,
    batches: Mutex<VecDeque<Bytes>>,
}

impl Recent {
    /// Whether a batch that was received at this time is to be kept, if the plugin gets through it. Whether it does or not, the
    /// next one is due only later: copying each batch until one gets through would cost more than the plugin.
    pub fn takes_turn(&self, signal: Signal, received: u64) -> bool {
        let Some(kept) = self.kept(signal) else { return false };
        // The clock may jump in either direction.
        let is_due = kept.last.load(Ordering::Relaxed).abs_diff(received) >= EVERY_NANOS;
        if is_due {
            kept.last.store(received, Ordering::Relaxed);
        }
        is_due
    }

    /// Keeps a batch that the plugin got through, in place of the oldest one.
    pub fn keep(&self, signal: Signal, payload: Vec<u8>) {
        let Some(kept) = self.kept(signal) else { return };
        if payload.is_empty() || payload.len() > 2 * BATCH_BYTES_MAX {
            return;
        }
        let mut batches = kept.batches.lock().unwrap_or_else(PoisonError::into_inner);
        batches.truncate(BATCHES_MAX - 1);
        batches.push_front(payload.into());
    }

    /// What there is, the newest of each signal first.
    pub fn batches(&self) -> Vec<(Signal, Bytes)> {
        let signals = [Signal::Traces, Signal::Metrics, Signal::Logs];
        let all = signals.into_iter().zip(&self.signals).flat_map(|(signal, kept)| {
            let batches = kept.batches.lock().unwrap_or_else(PoisonError::into_inner);
            batches.iter().cloned().map(|payload| (signal, payload)).collect::<Vec<_>>()
        });
        all.collect()
    }

    fn kept(&self, signal: Signal) -> Option<&Kept> {
        let [traces, metrics, logs] = &self.signals;
        match signal {
            Signal::Traces => Some(traces),
            Signal::Metrics => Some(metrics),
            Signal::Logs => Some(logs),
            Signal::Profiles => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000_000_000_000;

    #[test]
    fn the_newest_batches_are_kept_and_no_more_than_so_many_of_each_signal() {
        let recent = Recent::default();
        for n in 0..5 {
            recent.keep(Signal::Logs, vec![n]);
        }
        recent.keep(Signal::Traces, vec![9]);
        let kept: Vec<_> =
            recent.batches().into_iter().map(|(signal, payload)| (signal, payload[0])).collect();
        assert_eq!(kept, [(Signal::Traces, 9), (Signal::Logs, 4), (Signal::Logs, 3)]);
    }

    #[test]
    fn one_is_due_now_and_then_even_if_the_clock_jumps() {
        let recent = Recent::default();
        assert!(recent.takes_turn(Signal::Logs, NOW));
        // Nothing was kept, and still it is not the next one's turn.
        assert!(!recent.takes_turn(Signal::Logs, NOW));
        assert!(!recent.takes_turn(Signal::Logs, NOW + EVERY_NANOS - 1));
        assert!(recent.takes_turn(Signal::Logs, NOW + EVERY_NANOS));
        assert!(recent.takes_turn(Signal::Logs, NOW));
        assert!(recent.takes_turn(Signal::Logs, NOW - EVERY_NANOS));
        assert!(recent.takes_turn(Signal::Metrics, NOW));
        assert!(!recent.takes_turn(Signal::Profiles, NOW));
    }

    #[test]
    fn what_is_too_large_is_not_kept() {
        let recent = Recent::default();
        recent.keep(Signal::Logs, vec![1; 2 * BATCH_BYTES_MAX + 1]);
        assert!(recent.batches().is_empty());
    }
}
