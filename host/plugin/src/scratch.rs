//! The buffers of one batch on its way through plugins.

use weir_otlp::{Tape, View};
use weir_pipeline::BufferPool;

/// The buffers of all batches that are on their way.
pub(crate) type ScratchPool = BufferPool<Scratch>;

/// The buffers of one batch.
#[derive(Default)]
pub(crate) struct Scratch {
    pub tape: Tape,
    pub view: View,
    pub tallies: Vec<Tally>,
}

/// What one plugin did to the batch. Counted only once the batch is through, since a refused batch comes again.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    pub edits: u64,
    pub dropped_by_plugin: u64,
    pub dropped_by_error: u64,
    pub isolated: u64,
}

impl Tally {
    pub fn has_dropped(&self) -> bool {
        self.dropped_by_plugin + self.dropped_by_error + self.isolated > 0
    }
}
