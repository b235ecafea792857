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

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use weir_otlp::Signal;

use crate::join::join_all;
use crate::partly::{Destination, PartlyDelivered};
use crate::queue::{RETRY_AFTER, Ticket};
use crate::room::{NoPlace, Place};
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

type Answer = Result<Exported, Refusal>;

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
        for (at, ((pipeline, (batch, counts)), claims)) in
            pipelines.iter().zip(processed).zip(claims).enumerate()
        {
            counts.into_iter().for_each(|count| count());
            // Without a batch every item was dropped by a rule, and the places are given back.
            if let Some(batch) = batch {
                pipeline.submit(at, &batch, claims, wait_until, &mut answers);
            }
        }
        let (destinations, pending): (Vec<_>, Vec<_>) = answers.into_iter().unzip();
        let answers = join_all(pending.into_iter().map(Pending::answer)).await;
        let is_delivered = |answer: &Answer| !matches!(answer, Err(refusal) if refusal.retryable);
        let delivered = destinations.into_iter().zip(&answers).filter(|(_, answer)| is_delivered(answer));
        Handed {
            delivered: delivered.map(|(destination, _)| destination).collect(),
            outcome: answer(answers),
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
    async fn process(&self, batch: Batch, has_work: bool) -> Result<(Option<Batch>, Vec<Count>), Refusal> {
        let (mut current, mut counts) = (batch, Vec::new());
        for processor in self.processors.iter().filter(|_| has_work) {
            let Processed { batch, count } = processor.process(current).await?;
            counts.extend(count);
            match batch {
                Some(batch) => current = batch,
                None => return Ok((None, counts)),
            }
        }
        Ok((Some(current), counts))
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
                    None => Pending::Answer(Ok(Exported::default())),
                },
                Claim::Full => {
                    queue.observer().send_failed(batch.signal, batch.items);
                    Pending::Answer(Err(overflow(queue, batch)))
                }
                Claim::Delivered => {
                    queue.observer().already_delivered(batch.signal, batch.items);
                    Pending::Answer(Ok(Exported::default()))
                }
            };
            answers.push(((at, exporter), pending));
        }
    }
}

/// What one hand-over came to.
struct Handed {
    outcome: Answer,
    /// Who need not get the batch again.
    delivered: Vec<Destination>,
}

/// What one exporter has for a batch.
enum Claim {
    Place(Place),
    /// No room.
    Full,
    /// It needs none.
    Delivered,
}

/// What one exporter says to a batch, now or later.
enum Pending {
    Answer(Answer),
    Ticket(Ticket),
}

impl Pending {
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

/// Room in the queues of every pipeline, one list a pipeline. At least one has room.
///
/// Where a queue is told to block on overflow, everything is given back before waiting for it: two senders that
/// each hold what the other waits for would wait for ever.
async fn claim_everywhere(
    pipelines: &[&Pipeline],
    batch: &Batch,
    delivered: &[Destination],
    wait_until: Instant,
) -> Result<Vec<Vec<Claim>>, Refusal> {
    loop {
        let (claims, full) = try_claim_everywhere(pipelines, batch, delivered)?;
        let waits = |queue: &&ExportQueue| queue.waits_for_room() && Instant::now() < wait_until;
        if let Some(queue) = full.iter().copied().find(waits) {
            drop(claims);
            queue.room_for(batch, wait_until).await;
            continue;
        }
        let has_room = claims.iter().flatten().any(|claim| matches!(claim, Claim::Place(_)));
        return match full.first() {
            Some(first) if !has_room => {
                let refusal = overflow(first, batch);
                full.iter()
                    .skip(1)
                    .for_each(|queue| queue.observer().enqueue_failed(batch.signal, batch.items));
                Err(refusal)
            }
            _ => Ok(claims),
        };
    }
}

type Claims<'a> = (Vec<Vec<Claim>>, Vec<&'a ExportQueue>);

fn try_claim_everywhere<'a>(
    pipelines: &[&'a Pipeline],
    batch: &Batch,
    delivered: &[Destination],
) -> Result<Claims<'a>, Refusal> {
    let (mut all, mut full) = (Vec::new(), Vec::new());
    for (at, pipeline) in pipelines.iter().enumerate() {
        let mut claims = Vec::new();
        for (exporter, queue) in pipeline.exporters.iter().enumerate() {
            if delivered.contains(&(at, exporter)) {
                claims.push(Claim::Delivered);
                continue;
            }
            claims.push(match queue.try_claim(batch) {
                Ok(place) => Claim::Place(place),
                Err(NoPlace::Full) => {
                    full.push(queue.as_ref());
                    Claim::Full
                }
                Err(NoPlace::Closed) => {
                    return Err(Refusal::retryable(Cause::Stopping, Some(RETRY_AFTER), "weir is stopping"));
                }
            });
        }
        all.push(claims);
    }
    Ok((all, full))
}

fn overflow(queue: &ExportQueue, batch: &Batch) -> Refusal {
    queue.observer().enqueue_failed(batch.signal, batch.items);
    let message = format!("the queue of exporter {} is full", queue.name());
    Refusal::retryable(Cause::Overload, Some(RETRY_AFTER), message)
}

/// One answer out of those of several exporters: any failure is told, a retryable one first.
fn answer(answers: Vec<Answer>) -> Answer {
    let mut exported = Exported::default();
    let mut told: Option<Refusal> = None;
    let mut retry_after = None;
    for answer in answers {
        match answer {
            Ok(Exported { rejected, message }) => {
                exported.rejected = exported.rejected.max(rejected);
                exported.message = exported.message.take().or(message);
            }
            Err(refusal) => {
                retry_after = retry_after.max(refusal.retry_after);
                if told.as_ref().is_none_or(|told| refusal.retryable && !told.retryable) {
                    told = Some(refusal);
                }
            }
        }
    }
    match told {
        None => Ok(exported),
        Some(told) if told.retryable => Err(Refusal { retry_after, ..told }),
        Some(told) => Err(told),
    }
}
