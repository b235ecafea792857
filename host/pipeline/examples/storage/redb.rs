//! redb behind the trait: one transaction for each group of appends, durable when it is committed. What is settled is
//! removed in the next transaction; unlike the log's, it comes back if the process is killed before that.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use redb::{Database, Durability, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};
use tokio::sync::oneshot;
use weir_otlp::Signal;
use weir_pipeline::{Batch, BoxFuture, RecordId, Storage, StorageError};

use crate::Result;

/// A sequence number leads to the record.
const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("records");

/// Bytes in front of the payload: signal, items, time.
const HEADER: usize = 17;

/// A [`Storage`] in one redb file.
pub(crate) struct RedbStorage {
    shared: Arc<Shared>,
}

struct Shared {
    database: Database,
    work: Mutex<Work>,
}

#[derive(Default)]
struct Work {
    next: u64,
    waiting: Vec<(Batch, oneshot::Sender<RecordId>)>,
    settled: Vec<u64>,
    syncs: Vec<oneshot::Sender<()>>,
    running: bool,
}

impl RedbStorage {
    /// Opens it, and looks at every record as the log does. The number of records comes back with it.
    pub(crate) fn open(directory: &Path) -> Result<(Arc<RedbStorage>, u64)> {
        std::fs::create_dir_all(directory)?;
        let database = Database::create(directory.join("queue.redb"))?;
        let transaction = database.begin_write()?;
        transaction.open_table(RECORDS)?;
        transaction.commit()?;
        let table = database.begin_read()?.open_table(RECORDS)?;
        let (mut next, mut bytes) = (1, 0);
        for record in table.iter()? {
            let (sequence, record) = record?;
            next = sequence.value() + 1;
            bytes += record.value().iter().map(|byte| u64::from(*byte)).sum::<u64>();
        }
        std::hint::black_box(bytes);
        let work = Mutex::new(Work { next, ..Work::default() });
        let waiting = table.len()?;
        Ok((Arc::new(RedbStorage { shared: Arc::new(Shared { database, work }) }), waiting))
    }

    fn start(&self, add: impl FnOnce(&mut Work)) {
        let mut work = self.shared.work();
        add(&mut work);
        if !work.running {
            work.running = true;
            let shared = Arc::clone(&self.shared);
            drop(tokio::task::spawn_blocking(move || shared.run()));
        }
    }
}

impl Shared {
    fn work(&self) -> std::sync::MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(self: Arc<Self>) {
        loop {
            let (group, settled, syncs, first) = {
                let mut work = self.work();
                if work.waiting.is_empty() && work.syncs.is_empty() {
                    work.running = false;
                    return;
                }
                let group = std::mem::take(&mut work.waiting);
                let first = work.next;
                work.next += group.len() as u64;
                (group, std::mem::take(&mut work.settled), std::mem::take(&mut work.syncs), first)
            };
            // Those who wait are told by the end of their channels if it fails.
            if self.commit(&group, &settled, first).is_ok() {
                for (sequence, (_, answer)) in (first..).zip(group) {
                    let _ = answer.send(RecordId::from(sequence));
                }
                for answer in syncs {
                    let _ = answer.send(());
                }
            }
        }
    }

    fn commit(
        &self,
        group: &[(Batch, oneshot::Sender<RecordId>)],
        settled: &[u64],
        first: u64,
    ) -> Result<()> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        {
            let mut table = transaction.open_table(RECORDS)?;
            for sequence in settled {
                table.remove(sequence)?;
            }
            for (sequence, (batch, _)) in (first..).zip(group) {
                let mut record = table.insert_reserve(sequence, HEADER + batch.payload.len())?;
                let bytes = record.as_mut();
                bytes[0] = batch.signal as u8;
                bytes[1..9].copy_from_slice(&batch.items.to_le_bytes());
                bytes[9..HEADER].copy_from_slice(&batch.received_unix_nano.to_le_bytes());
                bytes[HEADER..].copy_from_slice(&batch.payload);
            }
        }
        Ok(transaction.commit()?)
    }

    fn find(&self, id: RecordId) -> Result<Batch> {
        let table = self.database.begin_read()?.open_table(RECORDS)?;
        let record = table.get(id.number())?.ok_or("no such record")?;
        let bytes = record.value();
        let number = |at: usize| bytes[at..].first_chunk().map_or(0, |eight| u64::from_le_bytes(*eight));
        Ok(Batch {
            signal: Signal::ALL
                .into_iter()
                .find(|signal| *signal as u8 == bytes[0])
                .ok_or("no such signal")?,
            items: number(1),
            received_unix_nano: number(9),
            payload: Bytes::copy_from_slice(&bytes[HEADER..]),
            deadline: None,
            charge: weir_pipeline::Charge::default(),
        })
    }
}

impl Storage for RedbStorage {
    fn append<'a>(&'a self, batch: &Batch) -> BoxFuture<'a, std::result::Result<RecordId, StorageError>> {
        let batch = batch.clone();
        Box::pin(async move {
            let (tell, answer) = oneshot::channel();
            self.start(|work| work.waiting.push((batch, tell)));
            answer.await.map_err(|_| StorageError::Stopped)
        })
    }

    fn read(&self, id: RecordId) -> BoxFuture<'_, std::result::Result<Batch, StorageError>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let found = tokio::task::spawn_blocking(move || shared.find(id).ok()).await;
            found.ok().flatten().ok_or(StorageError::Unknown { id: id.number() })
        })
    }

    fn settle(&self, id: RecordId) {
        self.shared.work().settled.push(id.number());
    }

    fn sync(&self) -> BoxFuture<'_, std::result::Result<(), StorageError>> {
        Box::pin(async move {
            let (tell, answer) = oneshot::channel();
            self.start(|work| work.syncs.push(tell));
            answer.await.map_err(|_| StorageError::Stopped)
        })
    }
}
