//! One batch through one chain: walk once, show each plugin its view, apply its edits, splice once.
//!
//! Blocks while guests run, so it is called on threads that may block.

mod isolate;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use weir_otlp::{Cursor, EditError, EditsRef, Signal, Tape, View};
use weir_pipeline::{Batch, Cause, Count, Exported, Processed, Refusal};

use crate::bindings;
use crate::chain::Chain;
use crate::failure::{Failure, Reason};
use crate::load::Plugin;
use crate::pool::{Blame, Lease};
use crate::recent;
use crate::scratch::{Scratch, Tally};
use crate::settings::OnError;

/// How long a sender waits after a plugin failed.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Items, and bytes of the view, that a plugin may look at within its timeout. A call on more has proportionally more time.
const ITEMS_A_TIMEOUT: u64 = 1000;
const BYTES_A_TIMEOUT: usize = 1 << 20;

/// The batch on its way.
struct Run<'a> {
    chain: &'a Chain,
    signal: Signal,
    /// The bytes that the tape is of.
    source: Bytes,
    received: u64,
    /// No part of the traffic, so nothing is counted.
    is_rehearsal: bool,
}

/// Runs the batch through the chain.
///
/// # Errors
/// The bytes are malformed, or a plugin failed and its policy is `reject`.
pub(crate) fn through(chain: &Chain, mut batch: Batch, scratch: &mut Scratch) -> Result<Processed, Refusal> {
    let source = batch.payload.clone();
    let received = batch.received_unix_nano;
    let mut run = Run { chain, signal: batch.signal, source, received, is_rehearsal: false };
    scratch
        .tape
        .walk(&chain.plan, &run.source)
        .map_err(|error| Refusal::permanent(Cause::Malformed, format!("invalid OTLP: {error}")))?;
    scratch.tallies.clear();
    scratch.tallies.resize(chain.plugins.len(), Tally::default());

    let all_dropped = run.plugins(scratch)?;
    for (plugin, tally) in chain.plugins.iter().zip(&scratch.tallies) {
        let series = plugin.series.signal(run.signal);
        series.edits.inc_by(tally.edits);
    }
    let count = count_of_dropped(chain, run.signal, &scratch.tallies);
    let lost = lost(chain, &scratch.tallies);
    if all_dropped {
        return Ok(Processed { batch: None, count, lost });
    }
    if scratch.tape.is_changed() {
        run.splice(scratch);
    }
    if run.source.as_ptr() != batch.payload.as_ptr() {
        batch.replace(run.source, scratch.tape.items_left());
    }
    Ok(Processed { batch: Some(batch), count, lost })
}

/// The items that are lost to plugins that failed on them, which is no rule of theirs: their sender is told.
fn lost(chain: &Chain, tallies: &[Tally]) -> Exported {
    let mut lost = Exported::default();
    for (plugin, tally) in chain.plugins.iter().zip(tallies) {
        let items = tally.dropped_by_error + tally.isolated;
        if items > 0 {
            lost.rejected += items;
            lost.message
                .get_or_insert_with(|| format!("plugin {} failed on items, which were dropped", plugin.name));
        }
    }
    lost
}

/// Counts the items that the plugins dropped, once that is certain.
fn count_of_dropped(chain: &Chain, signal: Signal, tallies: &[Tally]) -> Option<Count> {
    let tallies = chain.plugins.iter().zip(tallies).filter(|(_, tally)| tally.has_dropped());
    let dropped: Vec<_> = tallies.map(|(plugin, tally)| (Arc::clone(&plugin.series), *tally)).collect();
    if dropped.is_empty() {
        return None;
    }
    Some(Box::new(move || {
        for (series, tally) in dropped {
            let series = series.signal(signal);
            series.dropped_by_plugin.inc_by(tally.dropped_by_plugin);
            series.dropped_by_error.inc_by(tally.dropped_by_error);
            series.isolated.inc_by(tally.isolated);
        }
    }))
}

/// Runs a request through one plugin that takes no part in the traffic: `None` if nothing is left.
///
/// # Errors
/// How the plugin failed, whatever its policy.
pub(crate) fn alone(
    plugin: &Arc<Plugin>,
    signal: Signal,
    source: Bytes,
    received: u64,
) -> Result<Option<Bytes>, Failure> {
    let chain = Chain::alone(signal, Arc::clone(plugin));
    let mut run = Run { chain: &chain, signal, source, received, is_rehearsal: true };
    let mut scratch = Scratch::default();
    let invalid = |error| Failure::new(Reason::BadEdit, format!("{error}"));
    scratch.tape.walk(&chain.plan, &run.source).map_err(invalid)?;
    if chain.plan.wants(0) {
        run.plugin(0, plugin, &mut scratch, &mut Tally::default())?;
    }
    if scratch.tape.items() > 0 && scratch.tape.items_left() == 0 {
        return Ok(None);
    }
    if scratch.tape.is_changed() {
        run.splice(&mut scratch);
    }
    Ok(Some(run.source))
}

impl Run<'_> {
    /// Each plugin in turn. Says whether nothing is left.
    fn plugins(&mut self, scratch: &mut Scratch) -> Result<bool, Refusal> {
        for (index, plugin) in self.chain.plugins.iter().enumerate() {
            if !self.chain.plan.wants(index) {
                continue;
            }
            if scratch.tape.needs_walk() {
                self.walk_again(scratch)?;
            }
            let mut tally = Tally::default();
            let mut nothing_left = false;
            let copy =
                plugin.recent.takes_turn(self.signal, self.received).then(|| self.copy(&mut scratch.tape));
            match self.plugin(index, plugin, scratch, &mut tally) {
                Ok(was_shown) => {
                    plugin.passed();
                    if let Some(copy) = copy.filter(|_| was_shown) {
                        plugin.recent.keep(self.signal, copy);
                    }
                }
                Err(failure) => {
                    plugin.failed(&failure);
                    match plugin.on_error {
                        OnError::Reject => return Err(refusal(plugin, &failure)),
                        OnError::Bypass => tally = Tally::default(),
                        OnError::Isolate => match self.isolate(index, plugin, scratch, failure) {
                            Ok(isolated) => tally = isolated,
                            Err(failure) => return Err(refusal(plugin, &failure)),
                        },
                        OnError::Drop => {
                            tally.dropped_by_error = scratch.tape.items_left();
                            nothing_left = true;
                        }
                    }
                }
            }
            if let Some(slot) = scratch.tallies.get_mut(index) {
                *slot = tally;
            }
            // A request without items is not one of which all were dropped.
            if nothing_left || (scratch.tape.items() > 0 && scratch.tape.items_left() == 0) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The request as it is now, or the first items of it if it is large.
    fn copy(&self, tape: &mut Tape) -> Vec<u8> {
        let mut out = Vec::new();
        let share = self.source.len().div_ceil(recent::BATCH_BYTES_MAX) as u64;
        if share > 1 {
            let mut head = tape.clone();
            head.drop_items(tape.items() / share..tape.items());
            head.splice(&self.chain.plan, &self.source, &mut out);
        } else {
            tape.splice(&self.chain.plan, &self.source, &mut out);
        }
        out
    }

    /// The tape's changes become the source. They are still on the tape, which is not to be spliced again.
    fn splice(&mut self, scratch: &mut Scratch) {
        let mut out = Vec::with_capacity(self.source.len() + self.source.len() / 8);
        scratch.tape.splice(&self.chain.plan, &self.source, &mut out);
        self.source = Bytes::from(out);
    }

    /// A plugin has set a value in its encoded form; the next one is to see what is inside of it.
    fn walk_again(&mut self, scratch: &mut Scratch) -> Result<(), Refusal> {
        self.splice(scratch);
        scratch.tape.walk(&self.chain.plan, &self.source).map_err(|error| {
            // Each value was checked when it was set, so this is a request that has become too large.
            Refusal::retryable(
                Cause::Plugin,
                Some(RETRY_AFTER),
                format!("the plugins made the request invalid: {error}"),
            )
        })
    }

    /// One plugin over all parts of the batch. Says whether there was anything in it for the plugin to see. If it fails, `bypass` and `isolate` find the tape as it was before.
    fn plugin(
        &self,
        index: usize,
        plugin: &Plugin,
        scratch: &mut Scratch,
        tally: &mut Tally,
    ) -> Result<bool, Failure> {
        let Scratch { tape, view, .. } = scratch;
        let plan = &self.chain.plan;
        let Some(cursor) = view.build(plan, index, tape, &self.source, Cursor::default()) else {
            return Ok(false);
        };
        if !self.is_rehearsal {
            plugin.series.signal(self.signal).items_in.inc_by(tape.items_left());
        }
        let blame = if self.is_rehearsal { Blame::Items } else { Blame::Plugin };
        let mut lease = plugin.pool.lend(plugin.timeout, blame)?;
        self.parts(index, plugin, &mut lease, (tape, view, cursor), plugin.timeout, tally).map(|()| true)
    }

    /// The parts of a batch, of which the first is in the view already.
    fn parts(
        &self,
        index: usize,
        plugin: &Plugin,
        lease: &mut Lease<'_>,
        (tape, view, mut cursor): (&mut Tape, &mut View, Cursor),
        timeout: Duration,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let plan = &self.chain.plan;
        let can_go_on = matches!(plugin.on_error, OnError::Bypass | OnError::Isolate);
        let mut before: Option<Tape> = None;
        loop {
            let outcome = self.part(plugin, lease, view, timeout).and_then(|edits| {
                if edits.index.is_empty() {
                    return Ok(());
                }
                if can_go_on && before.is_none() && !view.is_last() {
                    // A later part may fail, and then this one's edits must be undone.
                    before = Some(tape.clone());
                }
                let edits = EditsRef { index: &edits.index, bytes: &edits.bytes };
                let applied =
                    tape.apply(plan, index, view, edits).map_err(|error| wrong(&error, tape, view, edits))?;
                tally.edits += applied.edits;
                tally.dropped_by_plugin += applied.items_dropped;
                Ok(())
            });
            if let Err(failure) = outcome {
                if let Some(before) = before {
                    *tape = before;
                }
                return Err(failure);
            }
            match view.build(plan, index, tape, &self.source, cursor) {
                Some(next) => cursor = next,
                None => return Ok(()),
            }
        }
    }

    /// One call.
    fn part(
        &self,
        plugin: &Plugin,
        lease: &mut Lease<'_>,
        view: &View,
        timeout: Duration,
    ) -> Result<bindings::Edits, Failure> {
        let batch = bindings::Batch::new(self.signal, self.received, view.index(), view.bytes());
        let timeout = growing(timeout, view);
        if !self.is_rehearsal {
            plugin.series.signal(self.signal).calls.inc();
        }
        let began = Instant::now();
        let answer = lease.process(batch, timeout);
        if !self.is_rehearsal {
            plugin.series.call_duration.observe(began.elapsed().as_secs_f64());
        }
        answer
    }
}

/// Which edit is wrong, how, and where the item stands that it is about.
fn wrong(error: &EditError, tape: &Tape, view: &View, edits: EditsRef<'_>) -> Failure {
    let place = match error {
        EditError::Edit { number, .. } => tape.place_of_edit(view, edits, *number),
        EditError::Shape { .. } => None,
    };
    let place = place.map(|place| format!(", at {place}")).unwrap_or_default();
    Failure::new(Reason::BadEdit, format!("{error}{place}"))
}

/// How long a call on this view may take.
fn growing(timeout: Duration, view: &View) -> Duration {
    let bytes = view.bytes().len() + size_of_val(view.index());
    timeout.mul_f64(growth(view.items(), bytes))
}

/// How many times its timeout a call on so many items and bytes may take.
fn growth(items: u64, bytes: usize) -> f64 {
    let (items, bytes) = (items as f64 / ITEMS_A_TIMEOUT as f64, bytes as f64 / BYTES_A_TIMEOUT as f64);
    items.max(bytes).max(1.0)
}

/// Says which plugin and how, never what it saw.
fn refusal(plugin: &Plugin, failure: &Failure) -> Refusal {
    let message = format!("plugin {} failed ({}), try again", plugin.name, failure.reason.name());
    Refusal::retryable(Cause::Plugin, Some(RETRY_AFTER), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_call_grows_with_its_items_and_bytes_once_there_are_many() {
        assert_eq!([growth(0, 0), growth(1000, 1 << 20), growth(1, 1)], [1.0; 3]);
        assert_eq!(growth(4096, 1 << 20), 4.096);
        assert_eq!(growth(10, 8 << 20), 8.0);
    }
}
