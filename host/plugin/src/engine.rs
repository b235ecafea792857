//! What all plugins of the process share.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus::Registry;
use wasmtime::component::Linker;
use wasmtime::{Config, Memory, MemoryType, Store};

use crate::cache::CodeCache;
use crate::failure::LoadError;
use crate::host::{self, State};
use crate::metrics::PluginMetrics;
use crate::scratch::ScratchPool;
use crate::ticker::Ticker;

/// The native stack of a guest. Half of what a tokio blocking thread has, so that the host's share always fits.
const GUEST_STACK_BYTES: usize = 1 << 20;

/// How plugins are run.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// Where compiled code is kept; `None` compiles at each start.
    pub cache_dir: Option<PathBuf>,
    /// How many batches of one pipeline may be in plugins at once; at least 1.
    pub workers: usize,
    /// Called some seconds after the last batch, when the buffers of batches have been freed. Must not block.
    pub on_idle: Option<fn()>,
}

impl Default for EngineSettings {
    fn default() -> Self {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        EngineSettings { cache_dir: None, workers, on_idle: None }
    }
}

/// The compiler, the host functions, the deadline ticker, the cache of compiled code, and the metrics.
pub struct Engine {
    wasm: wasmtime::Engine,
    linker: Linker<State>,
    ticker: Ticker,
    cache: Option<CodeCache>,
    metrics: PluginMetrics,
    scratch: Arc<ScratchPool>,
    compiling: Mutex<()>,
    workers: usize,
}

impl Engine {
    /// Starts the engine and registers the `weir_plugin_*` metrics. A cache directory that cannot be trusted is
    /// not used, which is logged.
    ///
    /// # Errors
    /// If wasmtime does not run on this machine, or the metrics are registered already.
    pub fn new(settings: EngineSettings, registry: &Registry) -> Result<Arc<Self>, LoadError> {
        let fault = |error: &dyn std::fmt::Display| LoadError::Engine(error.to_string());
        let wasm = wasm_engine()?;
        let linker = host::linker(&wasm)?;
        let metrics = PluginMetrics::new(registry).map_err(|error| fault(&error))?;
        let clock = wasm.clone();
        let ticker = Ticker::start(move || clock.increment_epoch()).map_err(|error| fault(&error))?;
        let cache = settings.cache_dir.and_then(|directory| match CodeCache::open(&directory, &wasm) {
            Ok(cache) => Some(cache),
            Err(reason) => {
                tracing::warn!(
                    reason,
                    "the cache of compiled plugins is not used, so plugins are compiled at each start"
                );
                None
            }
        });
        Ok(Arc::new(Engine {
            wasm,
            linker,
            ticker,
            cache,
            metrics,
            scratch: Arc::new(ScratchPool::new(settings.on_idle)),
            compiling: Mutex::default(),
            workers: settings.workers.max(1),
        }))
    }

    pub(crate) fn wasm(&self) -> &wasmtime::Engine {
        &self.wasm
    }

    pub(crate) fn linker(&self) -> &Linker<State> {
        &self.linker
    }

    pub(crate) fn ticker(&self) -> &Ticker {
        &self.ticker
    }

    pub(crate) fn cache(&self) -> Option<&CodeCache> {
        self.cache.as_ref()
    }

    pub(crate) fn metrics(&self) -> &PluginMetrics {
        &self.metrics
    }

    pub(crate) fn scratch(&self) -> &Arc<ScratchPool> {
        &self.scratch
    }

    pub(crate) fn workers(&self) -> usize {
        self.workers
    }

    /// Held while compiling: one compilation at a time leaves the rest of the machine, and of the memory limit, to
    /// the traffic.
    pub(crate) fn compiling(&self) -> MutexGuard<'_, ()> {
        self.compiling.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An engine that makes instances on demand. Measured with three small plugins at rest: 9.6 MiB resident and 13 GiB
/// virtual, where the pooling allocator (64 slots) takes 9.8 MiB and 273 GiB, at the same speed, since
/// instances are made once and kept. A pool would also fix the number of memories and tables for all plugins at start.
fn wasm_engine() -> Result<wasmtime::Engine, LoadError> {
    let fault = |error: wasmtime::Error| LoadError::Engine(format!("{error:#}"));
    let mut config = Config::new();
    config.epoch_interruption(true).max_wasm_stack(GUEST_STACK_BYTES).memory_init_cow(true);
    let engine = wasmtime::Engine::new(&config).map_err(fault)?;
    if has_address_space(&engine) {
        return Ok(engine);
    }
    // Under `ulimit -v` the usual reservation of 4 GiB a memory fails. Checking bounds instead is slower, but runs.
    tracing::warn!("address space is limited, so plugins run with explicit bounds checks: raise `ulimit -v`");
    config.memory_reservation(0).memory_guard_size(0).memory_reservation_for_growth(1 << 20);
    wasmtime::Engine::new(&config).map_err(fault)
}

fn has_address_space(engine: &wasmtime::Engine) -> bool {
    let mut store = Store::new(engine, ());
    // Two, because the second instance must fit as well.
    (0..2).all(|_| Memory::new(&mut store, MemoryType::new(1, None)).is_ok())
}
