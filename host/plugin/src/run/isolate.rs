//! `on_error: isolate`: finds the items that break a plugin by halving, drops only those, and lets the rest go on.
//!
//! A range of items that breaks the plugin is halved until it is one item. Each call on a range has its share of the
//! timeout, so that the whole search costs little more than one timeout for each poisonous item; calls and time are
//! bounded, and what is still under suspicion then is given up too, so that no sender retries for ever. A stateful plugin
//! sees the items that it got through before a failure once more.

use std::ops::Range;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use weir_otlp::Cursor;

use super::Run;
use crate::failure::Failure;
use crate::load::Plugin;
use crate::pool::Blame;
use crate::scratch::{Scratch, Tally};

/// Calls of one search: a dozen poisonous items among a thousand are found.
const CALLS_MAX: u32 = 256;
/// How long one search may take: so many times the plugin's timeout, and this.
const TIMEOUTS_MAX: u32 = 3;
const GRACE: Duration = Duration::from_secs(1);
/// The least that a call on a few items gets.
const SHARE_MIN: Duration = Duration::from_millis(50);
/// Searches in a row in which not one item got through. From then on it is the plugin that is broken, and batches are
/// refused rather than dropped, until it gets through one.
const FRUITLESS_MAX: u32 = 3;

impl Run<'_> {
    /// Says what the plugin did to the items that did not break it, and how many did.
    ///
    /// # Errors
    /// The plugin could not be asked, or it breaks on everything: then the batch is to be refused.
    pub(super) fn isolate(
        &self,
        index: usize,
        plugin: &Plugin,
        scratch: &mut Scratch,
        failure: Failure,
    ) -> Result<Tally, Failure> {
        if !failure.reason.was_called() {
            return Err(failure);
        }
        let until = Instant::now() + plugin.timeout * TIMEOUTS_MAX + GRACE;
        let (mut tally, mut calls, mut got_through, mut first) = (Tally::default(), 0, false, None);
        // The last one is looked at next. The whole is known to break it.
        let mut suspects = vec![(0..scratch.tape.items(), true)];
        while let Some((range, is_known)) = suspects.pop() {
            let items = range.end - range.start;
            let is_over = calls >= CALLS_MAX || Instant::now() >= until;
            if items == 0 {
                continue;
            }
            if !is_known && !is_over {
                calls += 1;
                match self.some(index, plugin, scratch, range.clone()) {
                    Ok(done) => {
                        got_through |= done.is_some();
                        let done = done.unwrap_or_default();
                        tally.edits += done.edits;
                        tally.dropped_by_plugin += done.dropped_by_plugin;
                        continue;
                    }
                    Err(failure) if !failure.reason.was_called() => {
                        // The caller has told of the failure that began the search, not of this one.
                        plugin.failed(&failure);
                        return Err(failure);
                    }
                    Err(failure) => plugin.series.failed(failure.reason),
                }
            }
            if items == 1 || is_over {
                first = first.or_else(|| scratch.tape.place_of(range.start));
                tally.isolated += scratch.tape.drop_items(range);
            } else {
                let middle = range.start + items / 2;
                suspects.push((middle..range.end, false));
                suspects.push((range.start..middle, false));
            }
        }
        scratch.tape.show_all();
        if got_through {
            plugin.fruitless.store(0, Ordering::Relaxed);
        } else if plugin.fruitless.fetch_add(1, Ordering::Relaxed) >= FRUITLESS_MAX {
            return Err(failure);
        }
        plugin.isolated(self.signal, tally.isolated, first);
        Ok(tally)
    }

    /// The plugin over some of the items; `None` if they hold nothing that it sees. If it fails, the tape is as it was before.
    fn some(
        &self,
        index: usize,
        plugin: &Plugin,
        scratch: &mut Scratch,
        items: Range<u64>,
    ) -> Result<Option<Tally>, Failure> {
        let Scratch { tape, view, .. } = scratch;
        let share = (items.end - items.start) as f64 / tape.items() as f64;
        let timeout = plugin.timeout.mul_f64(share).max(SHARE_MIN).min(plugin.timeout);
        tape.show_only(items);
        let mut tally = Tally::default();
        let Some(cursor) = view.build(&self.chain.plan, index, tape, &self.source, Cursor::default()) else {
            return Ok(None);
        };
        let mut lease = plugin.pool.lend(plugin.timeout, Blame::Items)?;
        self.parts(index, plugin, &mut lease, (tape, view, cursor), timeout, &mut tally)?;
        Ok(Some(tally))
    }
}
