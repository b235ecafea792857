//! The `wasm` processor: takes a batch off the runtime's threads, through the plugins, and back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use weir_otlp::Signal;
use weir_pipeline::{Batch, BoxFuture, Cause, Processed, Processor, Refusal};

use crate::chain::{Chain, CurrentChain};
use crate::engine::Engine;
use crate::run;
use crate::set::PluginSet;

/// How long a sender waits before it asks again for plugins that are not there yet.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long a batch waits for a worker if its sender set no limit: the patience of the SDKs.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// What a chain needs beside the payload while it works on it, in payloads: the tape, and the view in the guest's memory.
const WORKING_FACTOR: u64 = 2;

/// The plugins of one pipeline. Consecutive `wasm` processors are one of these: one walk and one splice for all
/// their plugins.
pub struct WasmProcessor {
    engine: Arc<Engine>,
    pipeline: String,
    chain: Arc<CurrentChain>,
    // Of this pipeline alone: guests that hang here must not keep others from running.
    workers: Arc<Semaphore>,
}

impl WasmProcessor {
    /// `sets` in the order of the pipeline's processors.
    pub fn new(engine: Arc<Engine>, signal: Signal, pipeline: String, sets: Vec<Arc<PluginSet>>) -> Self {
        let workers = Arc::new(Semaphore::new(engine.workers()));
        WasmProcessor { engine, pipeline, chain: CurrentChain::new(signal, sets), workers }
    }

    async fn run(&self, batch: Batch) -> Result<Processed, Refusal> {
        let chain = self.chain.get();
        if let Some(refusal) = awaited(&chain) {
            return Err(refusal);
        }
        if !chain.is_wanted() {
            return Ok(Processed::whole(batch));
        }
        drop(chain);
        let worker = self.worker(batch.deadline).await?;
        // Only now, since a plugin may have changed while the batch waited.
        let chain = self.chain.get();
        if let Some(refusal) = awaited(&chain) {
            return Err(refusal);
        }
        let buffers = Arc::clone(self.engine.scratch());
        let working = batch.charge.beside(WORKING_FACTOR * batch.payload.len() as u64);
        let work = move || {
            let (_worker, _working) = (worker, working);
            let mut scratch = buffers.borrow(batch.payload.len());
            run::through(&chain, batch, &mut scratch)
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(outcome) => outcome,
            Err(_) => {
                tracing::error!(pipeline = self.pipeline, "a batch ended in a panic of the plugin host");
                Err(Refusal::permanent(Cause::Internal, "weir failed while it ran plugins over the request"))
            }
        }
    }

    async fn worker(&self, deadline: Option<Instant>) -> Result<OwnedSemaphorePermit, Refusal> {
        let workers = Arc::clone(&self.workers);
        if let Ok(worker) = Arc::clone(&workers).try_acquire_owned() {
            return Ok(worker);
        }
        let deadline = deadline.unwrap_or_else(|| Instant::now() + WAIT_MAX);
        match tokio::time::timeout_at(deadline.into(), workers.acquire_owned()).await {
            Ok(Ok(worker)) => Ok(worker),
            Ok(Err(_)) => Err(Refusal::retryable(Cause::Stopping, None, "weir is stopping")),
            Err(_) => {
                let busy = format!("all {} plugin workers of the pipeline are busy", self.engine.workers());
                Err(Refusal::retryable(Cause::Overload, Some(RETRY_AFTER), busy))
            }
        }
    }
}

fn awaited(chain: &Chain) -> Option<Refusal> {
    let name = chain.awaited()?;
    let message = format!("plugin {name} is not loaded yet");
    Some(Refusal::retryable(Cause::Plugin, Some(RETRY_AFTER), message))
}

impl Processor for WasmProcessor {
    fn process(&self, batch: Batch) -> BoxFuture<'_, Result<Processed, Refusal>> {
        Box::pin(self.run(batch))
    }
}
