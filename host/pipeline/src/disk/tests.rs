//! Tests of the log. Most of them run on [`sim::Disk`], which knows what a crash of the machine would leave.

mod basics;
mod damage;
mod faults;
mod mutations;
mod sim;
mod state_machine;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use weir_otlp::Signal;

use super::{DiskLog, DiskSettings};
use crate::{Batch, RecordId, Recovered, Storage, StorageError};
use sim::Disk;

/// Small, so that a handful of records fills one.
const SEGMENT_BYTES: u64 = 400;

fn settings() -> DiskSettings {
    DiskSettings { segment_bytes: SEGMENT_BYTES }
}

/// A batch that is like no other: everything in it follows from the number.
fn batch(number: u64, bytes: usize) -> Batch {
    let payload: Vec<u8> = (0..bytes as u64).map(|at| (number * 31 + at * 7) as u8).collect();
    let signal = Signal::ALL[number as usize % Signal::ALL.len()];
    Batch { received_unix_nano: number << 32, ..Batch::new(signal, Bytes::from(payload), number * 3) }
}

fn same(one: &Batch, other: &Batch) -> bool {
    (one.signal, &one.payload, one.items, one.received_unix_nano)
        == (other.signal, &other.payload, other.items, other.received_unix_nano)
}

fn try_open(disk: &Disk) -> Result<(Arc<DiskLog>, Recovered), StorageError> {
    DiskLog::open_with(Arc::new(disk.clone()), Path::new(sim::DIRECTORY), settings(), None)
}

fn open(disk: &Disk) -> (Arc<DiskLog>, Recovered) {
    try_open(disk).unwrap_or_else(|error| panic!("the log opens whatever is in its files: {error}"))
}

/// A log with records 1 to `count`, each in a write of its own, closed without a word.
async fn filled(count: u64, bytes: usize) -> (Disk, Vec<RecordId>) {
    let disk = Disk::default();
    let (log, _) = open(&disk);
    let mut ids = Vec::new();
    for number in 1..=count {
        ids.push(log.append(&batch(number, bytes)).await.unwrap());
    }
    (disk, ids)
}

/// Ends the use of a log that nobody waits for: a deletion may be under way.
async fn close(log: Arc<DiskLog>) {
    while log.shared.state().running {
        tokio::task::yield_now().await;
    }
}

fn ids(recovered: &Recovered) -> Vec<RecordId> {
    recovered.waiting.iter().map(|stored| stored.id).collect()
}

/// That the log has these records and they read as what was appended.
async fn assert_intact(log: &DiskLog, records: &[(RecordId, Batch)]) {
    for (id, expected) in records {
        let read = log.read(*id).await;
        assert!(read.as_ref().is_ok_and(|read| same(read, expected)), "{id:?}: {read:?}");
    }
}
