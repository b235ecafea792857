//! Pipelines, and the consumer that a receiver hands its batches to: all pipelines of a signal take a batch, or none does.
//!
//! The order of the steps is what keeps the books balanced:
//! 1. room is claimed in every queue of every pipeline, before any work is done on the batch: overload is shed
//!    cheaply, and nothing that a processor counted is refused afterwards for want of room;
//! 2. the processors of each pipeline run, side by side with those of the other pipelines;
//! 3. if no processor refused, the batch is *taken*: from here each item is sent, dropped by a rule, or counted as failed;
//! 4. the sender waits for the queues that answer with the upstream's word.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use weir_otlp::Signal;

use crate::join::join_all;
use crate::queue::Ticket;
use crate::room::{NoPlace, Place, Room};
use crate::{Batch, Cause, ExportQueue, Processor, Refusal};

/// The longest that a sender waits for retries and for room. Most SDKs give up after ten seconds; an honest
/// "try again" after three leaves them time to.
const WAIT_MAX: Duration = Duration::from_secs(3);

/// The share of the sender's remaining time that weir uses, in percent; the rest is for the answer's way back.
const WAIT_SHARE_PERCENT: u32 = 80;

/// The processors and exporters that batches of one signal go through.
pub struct Pipeline {
    /// As configured, such as `traces/main`.
    pub name: String,
    /// The only signal that it takes.
    pub signal: Signal,
    /// In the order in which a batch meets them.
    pub processors: Vec<Box<dyn Processor>>,
    /// Each gets the whole of what the processors leave. A queue may be shared with other pipelines.
    pub exporters: Vec<Arc<ExportQueue>>,
}

/// Where a receiver's batches go: to every pipeline of their signal.
pub struct Consumer {
    pipelines: Vec<Arc<Pipeline>>,
}

// === impl Consumer ===

impl Consumer {
    /// A consumer for these pipelines, of any signals.
    pub fn new(pipelines: Vec<Arc<Pipeline>>) -> Self {
        Consumer { pipelines }
    }

    /// Whether any pipeline takes this signal. A receiver should not offer those that none takes.
    pub fn takes(&self, signal: Signal) -> bool {
        self.pipelines_of(signal).next().is_some()
    }

    /// Hands one batch to every pipeline of its signal and waits for what its sender is to be told.
    ///
    /// `taken` is called once, as soon as the fate of the items is in weir's hands: they count as accepted from
    /// there, whatever is returned, and even if this future is dropped because the sender went away. If it was
    /// not called, nothing of the batch is kept anywhere.
    ///
    /// # Errors
    /// The refusal that the sender is to be told. With several exporters it is retryable if any of theirs is.
    pub async fn consume(&self, batch: Batch, taken: &(dyn Fn() + Send + Sync)) -> Result<(), Refusal> {
        let pipelines: Vec<&Pipeline> = self.pipelines_of(batch.signal).collect();
        if pipelines.is_empty() {
            let message = format!("no pipeline takes {}", batch.signal.name());
            return Err(Refusal::permanent(Cause::Internal, message));
        }
        let wait_until = wait_until(&batch);
        let places = claim_everywhere(&pipelines, &batch, wait_until).await?;
        let processed = join_all(pipelines.iter().map(|pipeline| pipeline.process(batch.clone()))).await;
        drop(batch);
        let processed = processed.into_iter().collect::<Result<Vec<_>, Refusal>>()?;

        taken();
        let mut tickets = Vec::new();
        for ((pipeline, batch), places) in pipelines.iter().zip(processed).zip(places) {
            // Without a batch every item was dropped by a rule, and the places are given back.
            if let Some(batch) = batch {
                tickets.extend(pipeline.submit(&batch, places, wait_until));
            }
        }
        answer(join_all(tickets.into_iter().map(Ticket::outcome)).await)
    }

    fn pipelines_of(&self, signal: Signal) -> impl Iterator<Item = &Pipeline> {
        self.pipelines.iter().map(Arc::as_ref).filter(move |pipeline| pipeline.signal == signal)
    }
}

// === impl Pipeline ===

impl Pipeline {
    async fn process(&self, batch: Batch) -> Result<Option<Batch>, Refusal> {
        let mut current = batch;
        for processor in &self.processors {
            match processor.process(current).await? {
                Some(batch) => current = batch,
                None => return Ok(None),
            }
        }
        Ok(Some(current))
    }

    fn submit(&self, batch: &Batch, places: Vec<Place>, wait_until: Instant) -> Vec<Ticket> {
        let exporters = self.exporters.iter().zip(places);
        exporters.filter_map(|(queue, place)| queue.submit(place, batch.clone(), wait_until)).collect()
    }
}

/// Until when the sender may be kept waiting.
fn wait_until(batch: &Batch) -> Instant {
    let now = Instant::now();
    let left = batch.deadline.map(|deadline| Instant::from_std(deadline).saturating_duration_since(now));
    let share = left.map_or(WAIT_MAX, |left| left / 100 * WAIT_SHARE_PERCENT);
    now + share.min(WAIT_MAX)
}

/// Room in every queue of every pipeline, one list a pipeline, or nothing at all.
///
/// Where a queue is told to block on overflow, everything is given back before waiting for it: two senders that
/// each hold what the other waits for would wait for ever.
async fn claim_everywhere(
    pipelines: &[&Pipeline],
    batch: &Batch,
    wait_until: Instant,
) -> Result<Vec<Vec<Place>>, Refusal> {
    loop {
        match try_claim_everywhere(pipelines, batch) {
            Ok(places) => return Ok(places),
            Err((queue, NoPlace::Full)) if queue.waits_for_room() => {
                if !queue.room_for(batch, wait_until).await {
                    return Err(overflow(queue, batch));
                }
            }
            Err((queue, NoPlace::Full)) => return Err(overflow(queue, batch)),
            Err((_, NoPlace::Closed)) => {
                let retry_after = Some(Room::RETRY_AFTER);
                return Err(Refusal::retryable(Cause::Stopping, retry_after, "weir is stopping"));
            }
        }
    }
}

fn try_claim_everywhere<'a>(
    pipelines: &[&'a Pipeline],
    batch: &Batch,
) -> Result<Vec<Vec<Place>>, (&'a ExportQueue, NoPlace)> {
    let claim =
        |queue: &'a Arc<ExportQueue>| queue.try_claim(batch).map_err(|no_place| (queue.as_ref(), no_place));
    pipelines.iter().map(|pipeline| pipeline.exporters.iter().map(claim).collect()).collect()
}

fn overflow(queue: &ExportQueue, batch: &Batch) -> Refusal {
    queue.count_overflow(batch);
    let message = format!("the queue of exporter {} is full", queue.name());
    Refusal::retryable(Cause::Overload, Some(Room::RETRY_AFTER), message)
}

/// One answer out of those of several exporters: any failure is told, a retryable one first.
fn answer(outcomes: Vec<Result<(), Refusal>>) -> Result<(), Refusal> {
    let refusals: Vec<Refusal> = outcomes.into_iter().filter_map(Result::err).collect();
    let retry_after = refusals.iter().filter_map(|refusal| refusal.retry_after).max();
    let told = refusals.iter().find(|refusal| refusal.retryable).or(refusals.first());
    match told {
        None => Ok(()),
        Some(told) if told.retryable => Err(Refusal { retry_after, ..told.clone() }),
        Some(told) => Err(told.clone()),
    }
}
