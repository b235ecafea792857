//! The path of a batch between receiver and upstream: processors, queue, retry. No network, and no files but a queue's.
//!
//! - [`Consumer`] is what a receiver hands its batches to: every pipeline of the batch's signal takes it, or none does.
//! - [`Pipeline`] is a list of processors and a list of export queues.
//! - [`ExportQueue`] bounds, retries and counts what goes to one [`Exporter`].
//! - [`Storage`] keeps what a durable queue has taken; [`DiskLog`] is the one that does it on a disk.
//!
//! For each signal and exporter, at rest, the items that were taken are the items that were sent, dropped by a
//! plugin, or failed to be sent. `tests/accounting.rs` holds the crate to that.
#![forbid(unsafe_code)]

mod backoff;
mod batch;
mod batching;
mod budget;
mod buffers;
mod disk;
mod failure_log;
mod join;
mod observer;
mod outcome;
mod panics;
mod partly;
mod pipeline;
mod queue;
mod room;
mod stage;
mod storage;
mod workers;

pub use backoff::RetrySettings;
pub use batch::Batch;
pub use batching::BatchSettings;
pub use budget::{Budget, Charge};
pub use buffers::{Borrowed, BufferPool};
pub use disk::{DiskLog, DiskSettings};
pub use observer::{AttemptOutcome, ExportObserver, Unobserved};
pub use outcome::{Cause, ExportError, Exported, Refusal};
pub use panics::{Panicked, catch_panic};
pub use pipeline::{Consumer, Pipeline};
pub use queue::{Acknowledgement, Drained, ExportQueue, Keeping, QueueSettings};
pub use room::Sizer;
pub use stage::{BoxFuture, Count, DeadLetters, Exporter, Processed, Processor};
pub use storage::{RecordId, Recovered, Storage, StorageError, Stored};
pub use workers::{Worker, Workers};
