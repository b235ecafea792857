//! Deterministic far ends for the tests of the pipeline: an exporter that plays a script, and an observer that keeps count.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "a fake that fails is a test that fails")]

mod storage;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use weir_otlp::Signal;
use weir_pipeline::{
    AttemptOutcome, Batch, BoxFuture, Consumer, ExportError, ExportObserver, ExportQueue, Exported, Exporter,
    Keeping, Pipeline, Processed, Processor, QueueSettings, Refusal,
};

pub use storage::FakeStorage;

/// What an upstream does with one attempt.
#[derive(Clone, Debug)]
pub enum Act {
    Take,
    TakeAfter(Duration),
    RejectSome(u64),
    FailRetryably,
    FailAndAskFor(Duration),
    FailForGood(u8),
    /// For good if the payload holds this text, else takes. As the last act only.
    RejectIfIn(&'static str),
    Panic,
    /// Waits until the test opens the gate, then takes.
    Wait,
}

/// Plays its script, one act an attempt, and the last act for ever after.
pub struct Upstream {
    script: Mutex<VecDeque<Act>>,
    last: Act,
    pub gate: Semaphore,
    pub attempts: Mutex<Vec<Instant>>,
    /// What came with each attempt.
    pub payloads: Mutex<Vec<Bytes>>,
}

impl Upstream {
    pub fn new(script: impl IntoIterator<Item = Act>, last: Act) -> Arc<Self> {
        let script = Mutex::new(script.into_iter().collect());
        Arc::new(Upstream {
            script,
            last,
            gate: Semaphore::new(0),
            attempts: Mutex::default(),
            payloads: Mutex::default(),
        })
    }

    pub fn attempts(&self) -> usize {
        self.attempts.lock().unwrap().len()
    }
}

impl Exporter for Upstream {
    fn export(&self, batch: Batch) -> BoxFuture<'_, Result<Exported, ExportError>> {
        self.attempts.lock().unwrap().push(Instant::now());
        self.payloads.lock().unwrap().push(batch.payload.clone());
        if let Act::RejectIfIn(text) = &self.last {
            let is_bad = batch.payload.windows(text.len()).any(|window| window == text.as_bytes());
            let answer =
                if is_bad { Err(ExportError::permanent(3, "bad data")) } else { Ok(Exported::default()) };
            return Box::pin(std::future::ready(answer));
        }
        let act = self.script.lock().unwrap().pop_front().unwrap_or_else(|| self.last.clone());
        Box::pin(async move {
            match act {
                Act::Take => Ok(Exported::default()),
                Act::TakeAfter(time) => {
                    tokio::time::sleep(time).await;
                    Ok(Exported::default())
                }
                Act::RejectSome(rejected) => Ok(Exported { rejected, message: None }),
                Act::FailRetryably => Err(ExportError::retryable(14, "not now")),
                Act::FailAndAskFor(delay) => {
                    Err(ExportError { retry_after: Some(delay), ..ExportError::retryable(14, "later") })
                }
                Act::FailForGood(code) => Err(ExportError::permanent(code, "never")),
                Act::RejectIfIn(_) => unreachable!("answered above"),
                Act::Panic => panic!("expected by the test"),
                Act::Wait => {
                    self.gate.acquire().await.unwrap().forget();
                    Ok(Exported::default())
                }
            }
        })
    }
}

/// Counts what an exporter's queue tells.
#[derive(Default)]
pub struct Counts {
    pub sent: AtomicU64,
    pub send_failed: AtomicU64,
    pub enqueue_failed: AtomicU64,
    pub rejected: AtomicU64,
    pub panicked: AtomicU64,
    pub queue_size: AtomicU64,
    pub queue_items: AtomicU64,
    pub recovered: AtomicU64,
    pub storage_failed: AtomicU64,
    pub already_delivered: AtomicU64,
    pub in_flight: AtomicU64,
    pub in_flight_max: AtomicU64,
    /// How each attempt ended, and how long it took.
    pub attempts: Mutex<Vec<(AttemptOutcome, Duration)>>,
}

pub fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::SeqCst)
}

impl ExportObserver for Counts {
    fn sent(&self, _: Signal, items: u64) {
        self.sent.fetch_add(items, Ordering::SeqCst);
    }
    fn send_failed(&self, _: Signal, items: u64) {
        self.send_failed.fetch_add(items, Ordering::SeqCst);
    }
    fn enqueue_failed(&self, _: Signal, items: u64) {
        self.enqueue_failed.fetch_add(items, Ordering::SeqCst);
    }
    fn rejected(&self, _: Signal, items: u64) {
        self.rejected.fetch_add(items, Ordering::SeqCst);
    }
    fn queue_size(&self, used: u64) {
        self.queue_size.store(used, Ordering::SeqCst);
    }
    fn queue_items(&self, _: Signal, items: u64) {
        self.queue_items.store(items, Ordering::SeqCst);
    }
    fn recovered(&self, _: Signal, items: u64) {
        self.recovered.fetch_add(items, Ordering::SeqCst);
    }
    fn storage_failed(&self) {
        self.storage_failed.fetch_add(1, Ordering::SeqCst);
    }
    fn already_delivered(&self, _: Signal, items: u64) {
        self.already_delivered.fetch_add(items, Ordering::SeqCst);
    }
    fn attempt_started(&self) {
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.in_flight_max.fetch_max(now, Ordering::SeqCst);
    }
    fn attempt_ended(&self, outcome: AttemptOutcome, duration: Duration) {
        self.attempts.lock().unwrap().push((outcome, duration));
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
    fn panicked(&self) {
        self.panicked.fetch_add(1, Ordering::SeqCst);
    }
}

/// A processor that does one thing to every batch.
pub enum Step {
    KeepItems(u64),
    DropAll,
    /// Drops so many since it failed on them.
    Lose(u64),
    Refuse(Refusal),
}

impl Step {
    fn lost(&self) -> Exported {
        match self {
            Step::Lose(rejected) => Exported { rejected: *rejected, message: Some("broke".to_owned()) },
            _ => Exported::default(),
        }
    }
}

impl Processor for Step {
    fn process(&self, batch: Batch) -> BoxFuture<'_, Result<Processed, Refusal>> {
        let outcome = match self {
            Step::KeepItems(items) => Ok(Some(Batch { items: *items, ..batch })),
            Step::DropAll => Ok(None),
            Step::Lose(lost) => Ok(Some(Batch { items: batch.items - lost, ..batch })),
            Step::Refuse(refusal) => Err(refusal.clone()),
        };
        let processed = outcome.map(|batch| Processed { batch, count: None, lost: self.lost() });
        Box::pin(std::future::ready(processed))
    }
}

pub fn batch(items: u64) -> Batch {
    batch_of("0123456789", items)
}

pub fn batch_of(payload: &'static str, items: u64) -> Batch {
    Batch::new(Signal::Logs, Bytes::from_static(payload.as_bytes()), items)
}

pub fn queue(upstream: &Arc<Upstream>, settings: QueueSettings) -> (Arc<ExportQueue>, Arc<Counts>) {
    let counts = Arc::new(Counts::default());
    let (exporter, observer) = (Arc::clone(upstream) as Arc<dyn Exporter>, Arc::clone(&counts) as Arc<_>);
    (ExportQueue::new("fake", exporter, settings, observer, Keeping::default()), counts)
}

/// A queue over this storage, with what is in it to be sent.
pub fn durable(
    upstream: &Arc<Upstream>,
    storage: &Arc<FakeStorage>,
    settings: QueueSettings,
) -> (Arc<ExportQueue>, Arc<Counts>) {
    let counts = Arc::new(Counts::default());
    let keeping =
        Keeping { storage: Some((Arc::clone(storage) as Arc<_>, storage.waiting())), ..Keeping::default() };
    let (exporter, observer) = (Arc::clone(upstream) as Arc<_>, Arc::clone(&counts) as Arc<_>);
    (ExportQueue::new("fake", exporter, settings, observer, keeping), counts)
}

pub fn pipeline(processors: Vec<Step>, exporters: Vec<Arc<ExportQueue>>) -> Arc<Pipeline> {
    let processors = processors.into_iter().map(|step| Box::new(step) as Box<dyn Processor>).collect();
    Arc::new(Pipeline {
        name: "logs".to_owned(),
        signal: Signal::Logs,
        processors,
        exporters,
        batching: None,
    })
}

pub fn consumer(exporters: Vec<Arc<ExportQueue>>) -> Arc<Consumer> {
    Arc::new(Consumer::new(vec![pipeline(Vec::new(), exporters)]))
}

/// What became of one batch: whether it was taken, and what its sender is told.
pub async fn consume(consumer: &Consumer, batch: Batch) -> (bool, Result<(), Refusal>) {
    let (taken, answer) = consume_and_hear(consumer, batch).await;
    (taken, answer.map(drop))
}

/// The same, with what the sender is told of a success.
pub async fn consume_and_hear(consumer: &Consumer, batch: Batch) -> (bool, Result<Exported, Refusal>) {
    let taken = AtomicU64::new(0);
    let outcome = consumer
        .consume(batch, &|| {
            taken.fetch_add(1, Ordering::SeqCst);
        })
        .await;
    assert!(get(&taken) <= 1, "a batch is taken once");
    (get(&taken) == 1, outcome)
}

/// Lets every task that can run do so.
pub async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}
