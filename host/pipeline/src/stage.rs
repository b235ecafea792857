//! The two things that a pipeline is made of: processors and exporters.

use std::future::Future;
use std::pin::Pin;

use crate::{Batch, ExportError, Exported, Refusal};

/// A boxed future: one allocation per batch and stage is nothing beside the batch.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Changes batches, or drops them by a rule that it counts itself.
pub trait Processor: Send + Sync {
    /// A refused batch is told to the sender; the processor has not kept any of it.
    fn process(&self, batch: Batch) -> BoxFuture<'_, Result<Processed, Refusal>>;
}

/// What a processor made of a batch.
pub struct Processed {
    /// What goes on; `None` if every item was dropped by a named rule.
    pub batch: Option<Batch>,
    /// Counts what was dropped. Called once the batch is taken: until then another pipeline may refuse it, and its sender
    /// will send all of it again.
    pub count: Option<Count>,
    /// Items that were dropped since something failed on them, and what to tell the sender of it.
    pub lost: Exported,
}

impl Processed {
    /// Nothing of it was dropped.
    pub fn whole(batch: Batch) -> Self {
        Processed { batch: Some(batch), count: None, lost: Exported::default() }
    }
}

/// See [`Processed::count`].
pub type Count = Box<dyn FnOnce() + Send>;

/// Sends batches to one upstream, one attempt a call. Queue, retry and counting are done around it.
pub trait Exporter: Send + Sync {
    /// One attempt. The timeout is the exporter's own.
    fn export(&self, batch: Batch) -> BoxFuture<'_, Result<Exported, ExportError>>;
}

/// Where batches go that will not be sent: the upstream rejected them for good, or nobody will send them again.
pub trait DeadLetters: Send + Sync {
    /// Keeps one, if it can. Called where sockets are served, so it must not block for long.
    fn keep(&self, batch: &Batch, error: &ExportError);
}
