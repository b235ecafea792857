//! One batch through one chain: walk once, show each plugin its view, apply its edits, splice once.
//!
//! Blocks while guests run, so it is called on threads that may block.

mod isolate;

use std::time::{Duration, Instant};

use bytes::Bytes;
use weir_otlp::{Cursor, EditsRef, Signal, Tape, View};
use weir_pipeline::{Batch, Cause, Refusal};

use crate::bindings;
use crate::chain::Chain;
use crate::failure::{Failure, Reason};
use crate::load::Plugin;
use crate::pool::{Blame, Lease};
use crate::scratch::{Scratch, Tally};
use crate::settings::OnError;

/// How long a sender waits after a plugin failed.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The batch on its way.
struct Run<'a> {
    chain: &'a Chain,
    signal: Signal,
    /// The bytes that the tape is of.
    source: Bytes,
    received: u64,
}

/// Runs the batch through the chain. `None` if every item was dropped.
///
/// # Errors
/// The bytes are malformed, or a plugin failed and its policy is `reject`.
pub(crate) fn through(
    chain: &Chain,
    mut batch: Batch,
    scratch: &mut Scratch,
) -> Result<Option<Batch>, Refusal> {
    let source = batch.payload.clone();
    let mut run = Run { chain, signal: batch.signal, source, received: batch.received_unix_nano };
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
        series.dropped_by_plugin.inc_by(tally.dropped_by_plugin);
        series.dropped_by_error.inc_by(tally.dropped_by_error);
        series.isolated.inc_by(tally.isolated);
    }
    if all_dropped {
        return Ok(None);
    }
    if scratch.tape.is_changed() {
        run.splice(scratch);
    }
    batch.payload = run.source;
    batch.items = scratch.tape.items_left();
    Ok(Some(batch))
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
            if let Err(failure) = self.plugin(index, plugin, scratch, &mut tally) {
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
            plugin.passed(&tally);
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

    /// One plugin over all parts of the batch. If it fails, `bypass` and `isolate` find the tape as it was before.
    fn plugin(
        &self,
        index: usize,
        plugin: &Plugin,
        scratch: &mut Scratch,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let Scratch { tape, view, .. } = scratch;
        let plan = &self.chain.plan;
        let Some(cursor) = view.build(plan, index, tape, &self.source, Cursor::default()) else {
            return Ok(());
        };
        plugin.series.signal(self.signal).items_in.inc_by(tape.items_left());
        let mut lease = plugin.pool.lend(plugin.timeout, Blame::Plugin)?;
        self.parts(index, plugin, &mut lease, (tape, view, cursor), plugin.timeout, tally)
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
                let applied = tape
                    .apply(plan, index, view, edits)
                    .map_err(|error| Failure::new(Reason::BadEdit, error.to_string()))?;
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
        let series = plugin.series.signal(self.signal);
        series.calls.inc();
        let batch = bindings::Batch::new(self.signal, self.received, view.index(), view.bytes());
        let began = Instant::now();
        let answer = lease.process(batch, timeout);
        plugin.series.call_duration.observe(began.elapsed().as_secs_f64());
        answer
    }
}

/// Says which plugin and how, never what it saw.
fn refusal(plugin: &Plugin, failure: &Failure) -> Refusal {
    let message = format!("plugin {} failed ({}), try again", plugin.name, failure.reason.name());
    Refusal::retryable(Cause::Plugin, Some(RETRY_AFTER), message)
}
