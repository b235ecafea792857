//! The path of a batch between receiver and upstream: processors, queue, retry. No network, no files.
#![forbid(unsafe_code)]

mod batch;
mod outcome;
mod stage;

pub use batch::Batch;
pub use outcome::{Cause, ExportError, Exported, Refusal};
pub use stage::{BoxFuture, Exporter, Processor};
