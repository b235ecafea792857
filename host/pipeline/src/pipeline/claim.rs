//! Room in the queues, claimed before any work is done on a batch.

use tokio::time::Instant;

use super::Pipeline;
use crate::partly::Destination;
use crate::queue::RETRY_AFTER;
use crate::room::{NoPlace, Place};
use crate::{Batch, Cause, ExportQueue, Refusal};

/// What one exporter has for a batch.
pub(super) enum Claim {
    Place(Place),
    /// No room.
    Full,
    /// It needs none.
    Delivered,
}

/// Room in the queues of every pipeline, one list a pipeline. At least one has room.
///
/// Where a queue is told to block on overflow, everything is given back before waiting for it: two senders that
/// each hold what the other waits for would wait for ever.
pub(super) async fn claim_everywhere(
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

pub(super) fn overflow(queue: &ExportQueue, batch: &Batch) -> Refusal {
    queue.observer().enqueue_failed(batch.signal, batch.items);
    let message = format!("the queue of exporter {} is full", queue.name());
    Refusal::retryable(Cause::Overload, Some(RETRY_AFTER), message)
}
