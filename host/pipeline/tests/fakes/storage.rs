//! A storage in memory, with the faults of a disk.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use weir_pipeline::{Batch, BoxFuture, RecordId, Storage, StorageError, Stored};

#[derive(Default)]
pub struct FakeStorage {
    records: Mutex<BTreeMap<RecordId, Batch>>,
    appended: AtomicU64,
    pub is_full: AtomicBool,
    pub hangs: AtomicBool,
    pub is_synced: AtomicBool,
    pub reads: AtomicU64,
    pub damaged: Mutex<Vec<RecordId>>,
}

impl FakeStorage {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// What is not settled.
    pub fn waiting(&self) -> Vec<Stored> {
        let records = self.records.lock().unwrap();
        let stored = |(id, batch): (&RecordId, &Batch)| Stored {
            id: *id,
            signal: batch.signal,
            items: batch.items,
            bytes: batch.payload.len() as u64,
        };
        records.iter().map(stored).collect()
    }
}

impl Storage for FakeStorage {
    fn append<'a>(&'a self, batch: &Batch) -> BoxFuture<'a, Result<RecordId, StorageError>> {
        let batch = batch.clone();
        Box::pin(async move {
            if self.hangs.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            if self.is_full.load(Ordering::SeqCst) {
                return Err(StorageError::Full { path: "fake".into() });
            }
            let id = RecordId(self.appended.fetch_add(1, Ordering::SeqCst));
            self.records.lock().unwrap().insert(id, batch);
            Ok(id)
        })
    }

    fn read(&self, id: RecordId) -> BoxFuture<'_, Result<Batch, StorageError>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let is_damaged = self.damaged.lock().unwrap().contains(&id);
        let batch = self.records.lock().unwrap().get(&id).cloned().filter(|_| !is_damaged);
        Box::pin(std::future::ready(batch.ok_or(StorageError::Damaged { id: id.0, path: "fake".into() })))
    }

    fn settle(&self, id: RecordId) {
        self.records.lock().unwrap().remove(&id);
    }

    fn sync(&self) -> BoxFuture<'_, Result<(), StorageError>> {
        self.is_synced.store(true, Ordering::SeqCst);
        Box::pin(std::future::ready(Ok(())))
    }
}
