//! One batch through one chain: walk once, show each plugin its view, apply its edits, splice once.
//!
//! Blocks while guests run, so it is called on threads that may block.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use bytes::Bytes;
use weir_otlp::{Cursor, EditsRef, Signal, Tape, View};
use weir_pipeline::{Batch, Cause, Refusal};

use crate::bindings;
use crate::chain::Chain;
use crate::failure::{Failure, Reason};
use crate::load::Plugin;
use crate::pool::Lease;
use crate::settings::OnError;

/// How long a sender waits after a plugin failed.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Payloads beyond which a thread gives its buffers back right away instead of keeping them for the next batch.
const KEPT_PAYLOAD_BYTES: usize = 4 << 20;

thread_local! {
    // Belongs to the thread, so it goes with it: the runtime ends idle blocking threads after some seconds, and
    // an idle sidecar holds no buffers without anyone having to wake up for it.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Buffers that batches reuse: without them page faults cost more than the plugins.
#[derive(Default)]
struct Scratch {
    tape: Tape,
    view: View,
    tallies: Vec<Tally>,
}

/// What one plugin did to the batch. Counted only once the batch is through, since a refused batch comes again.
#[derive(Clone, Copy, Default)]
struct Tally {
    edits: u64,
    dropped_by_plugin: u64,
    dropped_by_error: u64,
}

/// The batch on its way.
struct Run<'a> {
    chain: &'a Chain,
    signal: Signal,
    source: &'a [u8],
    received: u64,
}

/// Runs the batch through the chain. `None` if every item was dropped.
///
/// # Errors
/// The bytes are malformed, or a plugin failed and its policy is `reject`.
pub(crate) fn through(chain: &Chain, batch: Batch) -> Result<Option<Batch>, Refusal> {
    SCRATCH.with_borrow_mut(|scratch| {
        let large = batch.payload.len() > KEPT_PAYLOAD_BYTES;
        let outcome = through_with(chain, batch, scratch);
        if large {
            *scratch = Scratch::default();
        }
        outcome
    })
}

fn through_with(chain: &Chain, mut batch: Batch, scratch: &mut Scratch) -> Result<Option<Batch>, Refusal> {
    let payload = batch.payload.clone();
    let run = Run { chain, signal: batch.signal, source: &payload, received: batch.received_unix_nano };
    scratch
        .tape
        .walk(&chain.plan, run.source)
        .map_err(|error| Refusal::permanent(Cause::Malformed, format!("invalid OTLP: {error}")))?;
    scratch.tallies.clear();
    scratch.tallies.resize(chain.plugins.len(), Tally::default());

    let all_dropped = run.plugins(scratch)?;
    for (plugin, tally) in chain.plugins.iter().zip(&scratch.tallies) {
        let series = plugin.series.signal(run.signal);
        series.edits.inc_by(tally.edits);
        series.dropped_by_plugin.inc_by(tally.dropped_by_plugin);
        series.dropped_by_error.inc_by(tally.dropped_by_error);
    }
    if all_dropped {
        return Ok(None);
    }
    if scratch.tape.is_changed() {
        let mut out = Vec::with_capacity(payload.len() + payload.len() / 8);
        scratch.tape.splice(&chain.plan, &payload, &mut out);
        batch.payload = Bytes::from(out);
        batch.items = scratch.tape.items_left();
    }
    Ok(Some(batch))
}

impl Run<'_> {
    /// Each plugin in turn. Says whether nothing is left.
    fn plugins(&self, scratch: &mut Scratch) -> Result<bool, Refusal> {
        for (index, plugin) in self.chain.plugins.iter().enumerate() {
            if !self.chain.plan.wants(index) {
                continue;
            }
            let mut tally = Tally::default();
            let mut nothing_left = false;
            if let Err(failure) = self.plugin(index, plugin, scratch, &mut tally) {
                plugin.failed(&failure);
                match plugin.on_error {
                    OnError::Reject => return Err(refusal(plugin, &failure)),
                    OnError::Bypass => tally = Tally::default(),
                    OnError::Drop => {
                        tally.dropped_by_error = scratch.tape.items_left();
                        nothing_left = true;
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

    /// One plugin over all parts of the batch. If it fails with the policy `bypass`, the tape is as it was before.
    fn plugin(
        &self,
        index: usize,
        plugin: &Plugin,
        scratch: &mut Scratch,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let Scratch { tape, view, .. } = scratch;
        let plan = &self.chain.plan;
        let Some(mut cursor) = view.build(plan, index, tape, self.source, Cursor::default()) else {
            return Ok(());
        };
        let mut lease = plugin.pool.lend(plugin.timeout)?;
        let mut before: Option<Tape> = None;
        loop {
            let outcome = self.part(plugin, &mut lease, view).and_then(|edits| {
                if edits.index.is_empty() {
                    return Ok(());
                }
                if plugin.on_error == OnError::Bypass && before.is_none() && !view.is_last() {
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
            match view.build(plan, index, tape, self.source, cursor) {
                Some(next) => cursor = next,
                None => return Ok(()),
            }
        }
    }

    /// One call.
    fn part(&self, plugin: &Plugin, lease: &mut Lease<'_>, view: &View) -> Result<bindings::Edits, Failure> {
        let series = plugin.series.signal(self.signal);
        series.calls.inc();
        series.items_in.inc_by(view.items());
        let batch = bindings::Batch::new(self.signal, self.received, view.index(), view.bytes());
        let began = Instant::now();
        let answer = lease.process(batch, plugin.timeout);
        plugin.series.call_duration.observe(began.elapsed().as_secs_f64());
        answer
    }
}

/// Says which plugin and how, never what it saw.
fn refusal(plugin: &Plugin, failure: &Failure) -> Refusal {
    let message = format!("plugin {} failed ({}), try again", plugin.name, failure.reason.name());
    Refusal::retryable(Cause::Plugin, Some(RETRY_AFTER), message)
}
