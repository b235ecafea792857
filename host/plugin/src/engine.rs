//! What all plugins of the process share.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus::Registry;
use wasmtime::component::Linker;
use wasmtime::{Config, Memory, MemoryType, Store};

use crate::cache::CodeCache;
use crate::compile::{self, CompilerCommand, HAS_COMPILER, Outcome};
use crate::failure::LoadError;
use crate::host::{self, State};
use crate::leftovers;
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
    /// Compiles in a child process; `None` compiles in this one.
    pub compiler: Option<CompilerCommand>,
    /// Where code that is compiled here is to run.
    pub processors: Processors,
    /// Called some seconds after the last batch, when the buffers of batches have been freed. Must not block.
    pub on_idle: Option<fn()>,
}

impl Default for EngineSettings {
    fn default() -> Self {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let processors = Processors::This;
        EngineSettings { cache_dir: None, workers, compiler: None, processors, on_idle: None }
    }
}

/// Where compiled code is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processors {
    /// Here: it uses all that this processor can do.
    This,
    /// On any processor of this architecture that is in use today. It is always compiled in this process.
    Portable,
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
    compiler: Option<CompilerCommand>,
    bounds: Bounds,
    processors: Processors,
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
        let (wasm, bounds) = engine_for_here()?;
        let linker = host::linker(&wasm)?;
        let metrics = PluginMetrics::new(registry).map_err(|error| fault(&error))?;
        let clock = wasm.clone();
        let ticker = Ticker::start(move || clock.increment_epoch()).map_err(|error| fault(&error))?;
        let processors = settings.processors;
        let cache =
            settings.cache_dir.and_then(|directory| match CodeCache::open(&directory, bounds, processors) {
                Ok(cache) => Some(cache),
                Err(reason) => {
                    tracing::warn!(
                        reason,
                        "the cache of compiled plugins is not used, so plugins are compiled at each start"
                    );
                    None
                }
            });
        // Copies of granted files lie beside the code, or with everybody's temporary files.
        leftovers::sweep(&std::env::temp_dir());
        if let Some(cache) = &cache {
            leftovers::sweep(cache.directory());
        }
        Ok(Arc::new(Engine {
            wasm,
            linker,
            ticker,
            cache,
            metrics,
            scratch: Arc::new(ScratchPool::new(settings.on_idle)),
            compiling: Mutex::default(),
            compiler: settings.compiler,
            bounds,
            processors,
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

    /// Whether what is not in the cache can be had all the same.
    pub(crate) fn can_compile(&self) -> bool {
        HAS_COMPILER || self.compiler.is_some()
    }

    /// The code of a component, compiled in a child process if there is a way.
    ///
    /// # Errors
    /// Why it cannot be compiled.
    pub(crate) fn compile(&self, wasm: &[u8]) -> Result<Vec<u8>, String> {
        if self.processors == Processors::Portable {
            return compile::portable(wasm, self.bounds);
        }
        if let Some(compiler) = &self.compiler {
            match compiler.compile(wasm, self.bounds) {
                Outcome::Compiled(code) => return Ok(code),
                Outcome::Failed(reason) => return Err(reason),
                Outcome::NotStarted(error) => tracing::warn!(
                    %error,
                    "a plugin is compiled inside of weir, since no child process can be started: its memory \
                     and a fault of the compiler are weir's"
                ),
            }
        }
        compile::precompile(&self.wasm, wasm)
    }

    /// Held while compiling: one compilation at a time leaves the rest of the machine, and of the memory limit, to
    /// the traffic.
    pub(crate) fn compiling(&self) -> MutexGuard<'_, ()> {
        self.compiling.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How accesses to a guest's memory are kept inside of it. Compiled code is for one of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bounds {
    /// By the processor: 4 GiB of address space are reserved for each memory. The usual way.
    Guarded,
    /// By a comparison each: where address space is limited, as under `ulimit -v`.
    Explicit,
}

impl Bounds {
    const ALL: [Bounds; 2] = [Bounds::Guarded, Bounds::Explicit];

    /// As an argument of the compiler.
    pub fn name(self) -> &'static str {
        match self {
            Bounds::Guarded => "guarded",
            Bounds::Explicit => "explicit",
        }
    }

    /// The bounds with this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Bounds::ALL.into_iter().find(|bounds| bounds.name() == name)
    }
}

/// The engine for this machine, and how it keeps guests inside of their memory.
fn engine_for_here() -> Result<(wasmtime::Engine, Bounds), LoadError> {
    let engine = wasm_engine(Bounds::Guarded)?;
    if has_address_space(&engine) {
        return Ok((engine, Bounds::Guarded));
    }
    // The usual reservation of 4 GiB a memory fails. Checking bounds instead is slower, but runs.
    tracing::warn!("address space is limited, so plugins run with explicit bounds checks: raise `ulimit -v`");
    Ok((wasm_engine(Bounds::Explicit)?, Bounds::Explicit))
}

/// What is changed here may change compiled code: count it in `cache/name.rs`.
///
/// An engine that makes instances on demand. Measured with three small plugins at rest: 9.6 MiB resident and 13 GiB
/// virtual, where the pooling allocator (64 slots) takes 9.8 MiB and 273 GiB, at the same speed, since
/// instances are made once and kept. A pool would also fix the number of memories and tables for all plugins at start.
pub(crate) fn wasm_engine(bounds: Bounds) -> Result<wasmtime::Engine, LoadError> {
    engine_of(&wasm_config(bounds))
}

pub(crate) fn engine_of(config: &Config) -> Result<wasmtime::Engine, LoadError> {
    wasmtime::Engine::new(config).map_err(|error| LoadError::Engine(format!("{error:#}")))
}

pub(crate) fn wasm_config(bounds: Bounds) -> Config {
    let mut config = Config::new();
    config.epoch_interruption(true).max_wasm_stack(GUEST_STACK_BYTES).memory_init_cow(true);
    if bounds == Bounds::Explicit {
        config.memory_reservation(0).memory_guard_size(0).memory_reservation_for_growth(1 << 20);
    }
    config
}

fn has_address_space(engine: &wasmtime::Engine) -> bool {
    let mut store = Store::new(engine, ());
    // Two, because the second instance must fit as well.
    (0..2).all(|_| Memory::new(&mut store, MemoryType::new(1, None)).is_ok())
}
