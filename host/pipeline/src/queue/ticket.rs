//! What a sender waits with.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::entry::{Answer, Slot};
use super::settle::Ending;
use super::{Shared, UNAVAILABLE};
use crate::{Cause, ExportError, Refusal};

/// The promise of an answer, for a sender that waits.
pub(crate) struct Ticket {
    pub(super) shared: Arc<Shared>,
    pub(super) answer: oneshot::Receiver<Answer>,
    /// Where the entry waits for its turn, if it does.
    pub(super) slot: Option<Arc<Slot>>,
    pub(super) until: Instant,
}

// === impl Ticket ===

impl Ticket {
    pub(crate) async fn answer(mut self) -> Answer {
        if let Ok(answer) = tokio::time::timeout_at(self.until, &mut self.answer).await {
            return answer.unwrap_or_else(|_| Err(stopped()));
        }
        let late = ExportError::retryable(UNAVAILABLE, "its turn to be sent did not come in time");
        // Nothing of it has been sent yet, so the sender may safely send it again. If it is being sent or written, who
        // does that knows the sender's patience too.
        if let Some(entry) = self.slot.as_ref().and_then(|slot| slot.take()) {
            let items = entry.items();
            self.shared.settle(entry, Ending::of(Err(late), items));
        }
        self.answer.await.unwrap_or_else(|_| Err(stopped()))
    }
}

fn stopped() -> Refusal {
    Refusal::retryable(Cause::Stopping, None, "weir stopped before the upstream answered")
}
