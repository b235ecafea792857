//! Counts the items that go into a processor and come out of it.

use prometheus::IntCounter;
use weir_otlp::Signal;
use weir_pipeline::{Batch, BoxFuture, Processed, Processor, Refusal};

use super::families::Families;

/// A processor with two counters around it.
pub(super) struct Counted {
    inner: Box<dyn Processor>,
    incoming: IntCounter,
    outgoing: IntCounter,
}

impl Counted {
    pub(super) fn new(families: &Families, id: &str, signal: Signal, inner: Box<dyn Processor>) -> Self {
        let labels = [id, signal.name()];
        Counted {
            inner,
            incoming: families.incoming.with_label_values(&labels),
            outgoing: families.outgoing.with_label_values(&labels),
        }
    }
}

impl Processor for Counted {
    fn process(&self, batch: Batch) -> BoxFuture<'_, Result<Processed, Refusal>> {
        Box::pin(async move {
            self.incoming.inc_by(batch.items);
            let processed = self.inner.process(batch).await?;
            self.outgoing.inc_by(processed.batch.as_ref().map_or(0, |batch| batch.items));
            Ok(processed)
        })
    }
}
