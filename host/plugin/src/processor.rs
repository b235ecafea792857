//! The `wasm` processor: takes a batch off the runtime's threads, through the plugins, and back.

use std::sync::Arc;
use std::time::Duration;

use weir_otlp::Signal;
use weir_pipeline::{Batch, BoxFuture, Cause, Processed, Processor, Refusal, Workers};

use crate::chain::{Chain, CurrentChain};
use crate::engine::Engine;
use crate::run;
use crate::set::PluginSet;

/// How long a sender waits before it asks again for plugins that are not there yet.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What a chain needs beside the payload while it works on it, in payloads: the tape, and the view in the guest's memory.
const WORKING_FACTOR: u64 = 2;

/// The plugins of one pipeline. Consecutive `wasm` processors are one of these: one walk and one splice for all
/// their plugins.
pub struct WasmProcessor {
    engine: Arc<Engine>,
    pipeline: String,
    chain: Arc<CurrentChain>,
    // Of this pipeline alone: guests that hang here must not keep others from running.
    workers: Workers,
}

impl WasmProcessor {
    /// `sets` in the order of the pipeline's processors.
    pub fn new(engine: Arc<Engine>, signal: Signal, pipeline: String, sets: Vec<Arc<PluginSet>>) -> Self {
        let count = engine.workers();
        let workers = Workers::new(count, format!("all {count} plugin workers of the pipeline are busy"));
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
        let worker = self.workers.take(batch.deadline).await?;
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
