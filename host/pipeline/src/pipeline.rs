//! Pipelines, and the consumer that a receiver hands its batches to: all pipelines of a signal take a batch, or none does.
//!
//! The order of the steps is what keeps the books balanced:
//! 1. room is claimed in every queue of every pipeline, before any work is done on the batch: overload is shed
//!    cheaply. If no queue has room the batch is refused; if some have, it goes to those, since an upstream that is
//!    away must not keep the others from their data, and its sender is told to send it again;
//! 2. the processors of each pipeline run, side by side with those of the other pipelines;
//! 3. if no processor refused, the batch is *taken*: from here each item is sent, dropped by a rule, or counted as failed;
//! 4. the sender waits for what each queue promises its senders;
//! 5. if it is told to send the batch again, it is remembered who has it already.

mod answer;
mod claim;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use weir_otlp::Signal;

use self::answer::Answer;
use self::claim::{Claim, claim_everywhere, overflow};
use crate::join::join_all;
use crate::partly::{Destination, PartlyDelivered};
use crate::queue::Ticket;
use crate::{Batch, BatchSettings, Cause, Count, ExportQueue, Exported, Processed, Processor, Refusal};

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
    /// How requests are merged behind the processors, where an exporter's queue has no settings of its own.
    pub batching: Option<BatchSettings>,
}

/// Where a receiver's batches go: to every pipeline of their signal.
pub struct Consumer {
    pipelines: Vec<Arc<Pipeline>>,
    partly: PartlyDelivered,
}

// === impl Consumer ===

impl Consumer {
    /// A consumer for these pipelines, of any signals.
    pub fn new(pipelines: Vec<Arc<Pipeline>>) -> Self {
        Consumer { pipelines, partly: PartlyDelivered::default() }
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
    /// The refusal that the sender is to be told. With several exporters it is retryable if any of theirs is; sent again, the
    /// same bytes go to those alone that do not have them.
    pub async fn consume(&self, batch: Batch, taken: &(dyn Fn() + Send + Sync)) -> Result<Exported, Refusal> {
        let pipelines: Vec<&Pipeline> = self.pipelines_of(batch.signal).collect();
        if pipelines.is_empty() {
            let message = format!("no pipeline takes {}", batch.signal.name());
            return Err(Refusal::permanent(Cause::Internal, message));
        }
        let is_alone = pipelines.iter().map(|pipeline| pipeline.exporters.len()).sum::<usize>() == 1;
        if is_alone {
            return self.hand_over(&pipelines, batch, &[], taken).await.outcome;
        }
        let delivered = self.partly.take(&batch);
        let handed = self.hand_over(&pipelines, batch.clone(), &delivered, taken).await;
        if handed.outcome.as_ref().is_err_and(|refusal| refusal.retryable) {
            self.partly.remember(&batch, [delivered, handed.delivered].concat());
        }
        handed.outcome
    }

    /// Steps 1 to 4, for all exporters but those that have the batch already.
    async fn hand_over(
        &self,
        pipelines: &[&Pipeline],
        batch: Batch,
        delivered: &[Destination],
        taken: &(dyn Fn() + Send + Sync),
    ) -> Handed {
        let wait_until = wait_until(&batch);
        let claims = match claim_everywhere(pipelines, &batch, delivered, wait_until).await {
            Ok(claims) => claims,
            Err(refusal) => return Handed { outcome: Err(refusal), delivered: Vec::new() },
        };
        let processed = join_all(pipelines.iter().zip(&claims).map(|(pipeline, claims)| {
            let has_work = claims.iter().any(|claim| matches!(claim, Claim::Place(_)));
            pipeline.process(batch.clone(), has_work)
        }));
        let processed = match processed.await.into_iter().collect::<Result<Vec<_>, Refusal>>() {
            Ok(processed) => processed,
            Err(refusal) => return Handed { outcome: Err(refusal), delivered: Vec::new() },
        };
        drop(batch);

        taken();
        let mut answers = Vec::new();
        let mut lost = Exported::default();
        for (at, ((pipeline, through), claims)) in pipelines.iter().zip(processed).zip(claims).enumerate() {
            let Through { batch, counts, lost: lost_here } = through;
            counts.into_iter().for_each(|count| count());
            lost = answer::larger(lost, lost_here);
            match batch {
                Some(batch) => pipeline.submit(at, &batch, claims, wait_until, &mut answers),
                // Every item was dropped by a rule, and the places are given back. If the batch comes again, it is not for these.
                None => answers.extend((0..claims.len()).map(|exporter| ((at, exporter), Pending::done()))),
            }
        }
        let (destinations, pending): (Vec<_>, Vec<_>) = answers.into_iter().unzip();
        let answers = join_all(pending.into_iter().map(Pending::answer)).await;
        let is_delivered = |answer: &Answer| !matches!(answer, Err(refusal) if refusal.retryable);
        let delivered = destinations.into_iter().zip(&answers).filter(|(_, answer)| is_delivered(answer));
        Handed {
            delivered: delivered.map(|(destination, _)| destination).collect(),
            outcome: answer::of_all(answers).map(|exported| answer::sum(lost, exported)),
        }
    }

    fn pipelines_of(&self, signal: Signal) -> impl Iterator<Item = &Pipeline> {
        self.pipelines.iter().map(Arc::as_ref).filter(move |pipeline| pipeline.signal == signal)
    }
}

// === impl Pipeline ===

impl Pipeline {
    /// What is left of the batch, and what counts the rest once it is taken. Without work to do the batch is left as it is:
    /// every exporter of this pipeline has it.
    async fn process(&self, batch: Batch, has_work: bool) -> Result<Through, Refusal> {
        let mut through = Through { batch: Some(batch), counts: Vec::new(), lost: Exported::default() };
        for processor in self.processors.iter().filter(|_| has_work) {
            let Some(current) = through.batch.take() else { break };
            let Processed { batch, count, lost } = processor.process(current).await?;
            through.batch = batch;
            through.counts.extend(count);
            through.lost = answer::sum(through.lost, lost);
        }
        Ok(through)
    }

    fn submit(
        &self,
        at: usize,
        batch: &Batch,
        claims: Vec<Claim>,
        wait_until: Instant,
        answers: &mut Vec<(Destination, Pending)>,
    ) {
        for (exporter, (queue, claim)) in self.exporters.iter().zip(claims).enumerate() {
            let pending = match claim {
                Claim::Place(place) => match queue.submit(place, batch.clone(), wait_until, self.batching) {
                    Some(ticket) => Pending::Ticket(ticket),
                    None => Pending::done(),
                },
                Claim::Full => {
                    queue.observer().send_failed(batch.signal, batch.items);
                    Pending::Answer(Err(overflow(queue, batch)))
                }
                Claim::Delivered => {
                    queue.observer().already_delivered(batch.signal, batch.items);
                    Pending::done()
                }
            };
            answers.push(((at, exporter), pending));
        }
    }
}

/// What a pipeline's processors made of a batch: see [`Processed`].
struct Through {
    batch: Option<Batch>,
    counts: Vec<Count>,
    lost: Exported,
}

/// What one hand-over came to.
struct Handed {
    outcome: Answer,
    /// Who need not get the batch again.
    delivered: Vec<Destination>,
}

/// What one exporter says to a batch, now or later.
enum Pending {
    Answer(Answer),
    Ticket(Ticket),
}

impl Pending {
    /// Nothing is left to do.
    fn done() -> Self {
        Pending::Answer(Ok(Exported::default()))
    }

    async fn answer(self) -> Answer {
        match self {
            Pending::Answer(answer) => answer,
            Pending::Ticket(ticket) => ticket.answer().await,
        }
    }
}

/// Until when the sender may be kept waiting.
fn wait_until(batch: &Batch) -> Instant {
    let now = Instant::now();
    let left = batch.deadline.map(|deadline| Instant::from_std(deadline).saturating_duration_since(now));
    let share = left.map_or(WAIT_MAX, |left| left / 100 * WAIT_SHARE_PERCENT);
    now + share.min(WAIT_MAX)
}
