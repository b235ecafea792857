//! The lines of a receiver that are under way: so many at a time, and so many bytes of them.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::delivery::{Delivered, Line, Shared};

/// Enough that requests which are merged behind the pipelines come together.
const LINES_MAX: usize = 32;

/// A line that is longer goes alone.
const BYTES_MAX: u64 = 8 << 20;

/// See the module. Dropped, it ends them.
#[derive(Default)]
pub(super) struct UnderWay {
    lines: JoinSet<Delivered>,
    bytes: u64,
}

impl UnderWay {
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Whether a line of so many bytes may be begun.
    pub(super) fn has_room(&self, bytes: u64) -> bool {
        self.is_empty() || (self.lines.len() < LINES_MAX && self.bytes + bytes <= BYTES_MAX)
    }

    /// Sends a line on its way.
    pub(super) fn begin(&mut self, shared: &Arc<Shared>, line: Line) {
        self.bytes += line.text.len() as u64;
        self.lines.spawn(Arc::clone(shared).deliver(line));
    }

    /// Waits until one's way has ended; `None` if none is under way.
    pub(super) async fn next(&mut self) -> Option<Delivered> {
        loop {
            // One that panicked is not settled: it is read again by the next start.
            if let Ok(delivered) = self.lines.join_next().await? {
                self.bytes = self.bytes.saturating_sub(delivered.bytes);
                return Some(delivered);
            }
        }
    }
}
