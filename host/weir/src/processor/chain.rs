//! The native processors of a pipeline that stand together: one walk over a batch and one splice for all of them.

use std::sync::Arc;

use bytes::Bytes;
use weir_otlp::{Cursor, EditError, EditFault, Interest, Plan, Signal, Tape, View};
use weir_pipeline::{Batch, BoxFuture, BufferPool, Cause, Processed, Processor, Refusal, Workers};

use super::Native;
use super::answer::{Answer, TooLarge};
use super::seen::Seen;

/// Payloads up to here are worked on where they come in: some tenths of a millisecond, which is about ten times what the way
/// to another thread costs. Larger ones would keep other connections waiting.
const INLINE_BYTES_MAX: usize = 16 << 10;

/// What the work needs beside the payload, in payloads: the tape and the view.
const WORKING_FACTOR: u64 = 2;

/// What the native processors of all pipelines share.
pub struct NativeHost {
    buffers: Arc<BufferPool<Scratch>>,
    // The work never waits for anything, so there is no use in more of them than cores.
    workers: Workers,
}

/// The buffers of one batch.
#[derive(Default)]
pub(super) struct Scratch {
    tape: Tape,
    view: View,
    answer: Answer,
}

/// See the module.
pub struct NativeChain {
    host: Arc<NativeHost>,
    pipeline: String,
    stages: Arc<Stages>,
}

/// The processors in their order.
pub(super) struct Stages {
    pub(super) signal: Signal,
    plan: Plan,
    stages: Vec<(Arc<Native>, Interest)>,
}

impl NativeHost {
    /// `on_idle` is called when there has been no batch for a while.
    pub fn new(on_idle: Option<fn()>) -> Arc<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let workers = Workers::new(cores, "all workers for processors are busy".to_owned());
        Arc::new(NativeHost { buffers: Arc::new(BufferPool::new(on_idle)), workers })
    }
}

impl NativeChain {
    /// `processors` in the order of the pipeline.
    pub fn new(
        host: Arc<NativeHost>,
        signal: Signal,
        pipeline: String,
        processors: Vec<Arc<Native>>,
    ) -> Self {
        NativeChain { host, pipeline, stages: Arc::new(Stages::new(signal, processors)) }
    }

    async fn run(&self, batch: Batch) -> Result<Processed, Refusal> {
        let (stages, buffers) = (Arc::clone(&self.stages), Arc::clone(&self.host.buffers));
        let working = batch.charge.beside(WORKING_FACTOR * batch.payload.len() as u64);
        let deadline = batch.deadline;
        let is_small = batch.payload.len() <= INLINE_BYTES_MAX;
        let work = move || {
            let mut scratch = buffers.borrow(batch.payload.len());
            let outcome = stages.through(batch, &mut scratch);
            drop(working);
            outcome
        };
        let outcome = if is_small {
            // Nothing of it is seen after a panic: the buffers are not kept, the batch is refused.
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).map_err(drop)
        } else {
            let worker = self.host.workers.take(deadline).await?;
            let work = move || {
                let _worker = worker;
                work()
            };
            tokio::task::spawn_blocking(work).await.map_err(drop)
        };
        match outcome {
            Ok(outcome) => outcome.map(Processed::whole),
            Err(()) => {
                tracing::error!(pipeline = self.pipeline, "a batch ended in a panic of a processor");
                Err(Refusal::permanent(Cause::Internal, "weir failed while it processed the request"))
            }
        }
    }
}

impl Processor for NativeChain {
    fn process(&self, batch: Batch) -> BoxFuture<'_, Result<Processed, Refusal>> {
        Box::pin(self.run(batch))
    }
}

impl Stages {
    pub(super) fn new(signal: Signal, processors: Vec<Arc<Native>>) -> Self {
        let stages: Vec<_> = processors
            .into_iter()
            .map(|native| {
                let interest = native.interest(signal);
                (native, interest)
            })
            .collect();
        let plan = Plan::new(signal, &stages.iter().map(|(_, interest)| interest).collect::<Vec<_>>());
        Stages { signal, plan, stages }
    }

    /// The batch, changed. If anything of it cannot be done, nothing of the batch goes on.
    pub(super) fn through(&self, mut batch: Batch, scratch: &mut Scratch) -> Result<Batch, Refusal> {
        let Scratch { tape, view, answer } = scratch;
        let mut source = batch.payload.clone();
        tape.walk(&self.plan, &source)
            .map_err(|error| Refusal::permanent(Cause::Malformed, format!("invalid OTLP: {error}")))?;
        for (index, (native, interest)) in self.stages.iter().enumerate() {
            if tape.needs_walk() {
                // A list or map has been set, of which the next processor is to see the inside.
                source = self.splice(tape, &source);
                tape.walk(&self.plan, &source).map_err(|_| too_large())?;
            }
            let mut next = view.build(&self.plan, index, tape, &source, Cursor::default());
            while let Some(cursor) = next {
                answer.clear();
                native
                    .process(self.signal, Seen::new(view, interest), answer)
                    .map_err(|TooLarge| too_large())?;
                if !answer.is_empty() {
                    tape.apply(&self.plan, index, view, answer.edits()).map_err(|error| refusal(&error))?;
                }
                next = view.build(&self.plan, index, tape, &source, cursor);
            }
        }
        if tape.is_changed() {
            source = self.splice(tape, &source);
        }
        if source.as_ptr() != batch.payload.as_ptr() {
            let items = batch.items;
            batch.replace(source, items);
        }
        Ok(batch)
    }

    /// The tape's changes become the source.
    fn splice(&self, tape: &mut Tape, source: &Bytes) -> Bytes {
        let mut out = Vec::with_capacity(source.len() + source.len() / 8);
        tape.splice(&self.plan, source, &mut out);
        Bytes::from(out)
    }
}

fn too_large() -> Refusal {
    let message = "what the processors make of the request is too large; send fewer items at once";
    Refusal::permanent(Cause::TooLarge, message)
}

fn refusal(error: &EditError) -> Refusal {
    match error {
        EditError::Edit { fault: EditFault::Growth | EditFault::Work, .. } => too_large(),
        error => {
            // It names an edit and never shows what is in it.
            tracing::error!("a processor made a mistake: {error}");
            Refusal::permanent(Cause::Internal, "weir failed while it processed the request")
        }
    }
}
