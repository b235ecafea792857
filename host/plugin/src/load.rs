//! From a file's bytes to a plugin that is ready: compile, check, give files, start, configure.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use wasmtime::component::{Component, InstancePre};
use weir_otlp::{Interest, Place, Signal};

use crate::bindings::{self, Exports};
use crate::engine::Engine;
use crate::failure::{Failure, LoadError};
use crate::fingerprint::{Sha, hex, sha};
use crate::grant;
use crate::host::{State, Voice};
use crate::instance::{Blueprint, StartError};
use crate::metrics::PluginSeries;
use crate::pool::Pool;
use crate::probation::Probation;
use crate::rate::Bucket;
use crate::recent::Recent;
use crate::settings::{OnError, PluginSettings};
use crate::words::{self, WORDS_BYTES_MAX};

/// Failures that are logged at once, and per second in the long run. All are counted.
const FAILURE_LINES_BURST: u32 = 5;
const FAILURE_LINES_PER_SECOND: f64 = 0.1;
/// The longest timeout that is honoured; no sender waits that long.
const TIMEOUT_MAX: Duration = Duration::from_secs(3600);

/// Compiled code that fits the contract: its imports are satisfied, its exports are there.
pub(crate) struct Code {
    pub sha: Sha,
    pub pre: InstancePre<State>,
    pub exports: Exports,
}

impl Code {
    /// Compiles a component, or finds its code in the cache. Blocks: off the hot path only.
    pub fn new(engine: &Engine, plugin: &str, wasm: &[u8]) -> Result<Arc<Self>, LoadError> {
        let sha = sha(wasm);
        let component = component(engine, plugin, wasm, &sha)?;
        if let Some(imports) = bindings::foreign_imports(&component) {
            return Err(LoadError::Imports { plugin: plugin.to_owned(), imports });
        }
        let exports = bindings::exports(&component)
            .map_err(|reason| LoadError::Exports { plugin: plugin.to_owned(), reason })?;
        let pre = engine.linker().instantiate_pre(&component).map_err(|error| LoadError::Imports {
            plugin: plugin.to_owned(),
            imports: format!("{error:#}"),
        })?;
        Ok(Arc::new(Code { sha, pre, exports }))
    }
}

fn component(engine: &Engine, plugin: &str, wasm: &[u8], sha: &Sha) -> Result<Component, LoadError> {
    let fault = |reason| LoadError::Compile { plugin: plugin.to_owned(), reason };
    let _one_at_a_time = engine.compiling();
    let events = engine.metrics().cache_events();
    if let Some(cache) = engine.cache() {
        let found = cache.load(engine.wasm(), sha, &|| events.rejected.inc());
        if let Some(component) = found {
            events.hit.inc();
            return Ok(component);
        }
        events.miss.inc();
    }
    if !engine.can_compile() {
        let directory = engine.cache().map(|cache| cache.directory().to_owned());
        return Err(LoadError::NoCode { plugin: plugin.to_owned(), directory });
    }
    let code = engine.compile(wasm).map_err(fault)?;
    match engine.cache().map(|cache| cache.store(engine.wasm(), sha, &code)) {
        Some(Ok(Some(component))) => return Ok(component),
        Some(Err(error)) => {
            events.store_failed.inc();
            tracing::warn!(%error, "compiled code could not be kept in the cache");
        }
        Some(Ok(None)) | None => {}
    }
    crate::cache::adopt(engine.wasm(), &code).map_err(|error| fault(format!("{error:#}")))
}

/// One generation of a plugin: what a batch runs through.
pub(crate) struct Plugin {
    /// The file's stem.
    pub name: Arc<str>,
    pub on_error: OnError,
    pub timeout: Duration,
    pub pool: Pool,
    pub series: Arc<PluginSeries>,
    /// How many generations of this name there were, this one included; 0 while it rehearses.
    generation: AtomicU64,
    /// When this generation was loaded.
    pub since: SystemTime,
    /// Batches that it got through lately: for the rehearsal of the next generation.
    pub recent: Arc<Recent>,
    /// Whether it does well enough to stay in the place of the former one.
    pub probation: Probation,
    /// Isolations in a row in which not one item got through; see `run::isolate`.
    pub fruitless: AtomicU32,
    last_error: Mutex<Option<(SystemTime, String)>>,
    failure_lines: Bucket,
}

impl Plugin {
    /// Gives the plugin its files, makes the first instance and configures it. Blocks: off the hot path only.
    pub fn new(
        engine: &Arc<Engine>,
        name: &str,
        code: Arc<Code>,
        settings: &PluginSettings,
        recent: Arc<Recent>,
    ) -> Result<Arc<Self>, LoadError> {
        let began = Instant::now();
        let series = engine.metrics().plugin(name);
        let shared_name: Arc<str> = name.into();
        let voice = Arc::new(Voice::new(Arc::clone(&shared_name), Arc::clone(&series), &settings.limits));
        let scratch = engine.cache().map(|cache| cache.directory());
        let blueprint = Blueprint {
            engine: Arc::clone(engine),
            code,
            config: settings.config.to_string(),
            staged: grant::stage(name, &settings.files, scratch)?,
            memory_limit_bytes: settings.memory_limit_bytes,
            limits: settings.limits.clone(),
            voice,
            series: Arc::clone(&series),
        };
        let (first, interest) = blueprint.start().map_err(|error| start_error(name, error))?;
        check(name, &interest, settings.on_error)?;
        tracing::debug!(plugin = name, elapsed = ?began.elapsed(), "first instance is ready");
        Ok(Arc::new(Plugin {
            name: shared_name,
            on_error: settings.on_error,
            timeout: settings.timeout.min(TIMEOUT_MAX),
            pool: Pool::new(blueprint, interest, first),
            series,
            generation: AtomicU64::new(0),
            since: SystemTime::now(),
            recent,
            probation: Probation::default(),
            fruitless: AtomicU32::new(0),
            last_error: Mutex::default(),
            failure_lines: Bucket::new(FAILURE_LINES_BURST, FAILURE_LINES_PER_SECOND),
        }))
    }

    /// Takes over, from a former generation if there is one.
    ///
    /// # Errors
    /// What kept it from it at the last moment.
    pub fn debut(&self, former: Option<&Arc<Plugin>>) -> Result<(), LoadError> {
        self.pool.debut().map_err(|failure| start_error(&self.name, StartError::Failed(failure)))?;
        self.generation.store(self.series.next_generation(), Ordering::Relaxed);
        if let Some(former) = former.map(Plugin::running) {
            former.probation.end();
            former.pool.retire(true);
            self.probation.begin(former, Instant::now());
        }
        Ok(())
    }

    /// The generation that runs: this one, or the former one if this one was given up.
    pub fn running(self: &Arc<Self>) -> Arc<Plugin> {
        self.probation.replacement().unwrap_or_else(|| Arc::clone(self))
    }

    /// How many generations of this name there were, this one included.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// The code that it runs.
    pub fn code(&self) -> &Arc<Code> {
        &self.pool.blueprint().code
    }

    /// What it says.
    pub fn voice(&self) -> &Voice {
        &self.pool.blueprint().voice
    }

    /// What it declared.
    pub fn interest(&self) -> &Interest {
        self.pool.interest()
    }

    /// When it failed last, and how.
    pub fn last_error(&self) -> Option<(SystemTime, String)> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A batch is through, and did not break it.
    pub fn passed(&self) {
        self.probation.passed();
        self.fruitless.store(0, Ordering::Relaxed);
    }

    /// Says where the items stood that `isolate` gave up, unless there were too many lines.
    pub fn isolated(&self, signal: Signal, items: u64, first: Option<Place>) {
        if self.failure_lines.take() {
            let (plugin, signal) = (&*self.name, signal.name());
            let Place { resource, scope, item } = first.unwrap_or_default();
            tracing::warn!(
                plugin,
                signal,
                items,
                resource,
                scope,
                item,
                "items that broke the plugin were dropped; the place is of the first, counted from 0 in its request"
            );
        }
    }

    /// Counts a failure, and logs it unless there were too many.
    pub fn failed(&self, failure: &Failure) {
        self.series.failed(failure.reason);
        let last = (SystemTime::now(), failure.public());
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
        // One line for every reason, under a rate of its own: a plugin that floods the log cannot hide that it fails.
        if self.failure_lines.take() {
            let (plugin, reason) = (&*self.name, failure.reason.name());
            let detail = words::cut(&failure.detail, WORDS_BYTES_MAX);
            tracing::warn!(plugin, reason, detail, on_error = ?self.on_error, "plugin failed on a batch");
        }
        if failure.reason.was_called()
            && let Some((failed, batches)) = self.probation.failed()
        {
            self.roll_back(failed, batches);
        }
    }

    /// The former generation runs again from the next batch on.
    fn roll_back(&self, failed: u64, batches: u64) {
        self.series.rolled_back.inc();
        let plugin = &*self.name;
        let Some(former) = self.probation.replacement() else { return };
        former.pool.retire(false);
        tracing::error!(
            plugin,
            failed,
            batches,
            given_up = hex(&self.code().sha),
            runs_again = hex(&former.code().sha),
            "plugin rolled back: since it was replaced it failed on too many batches, so the version before it runs again; \
             fix it and put the file in place once more"
        );
    }
}

fn start_error(plugin: &str, error: StartError) -> LoadError {
    let plugin = plugin.to_owned();
    match error {
        StartError::Host(reason) => LoadError::Start { plugin, reason },
        StartError::Failed(Failure { reason, detail }) => {
            LoadError::Start { plugin, reason: format!("{}: {detail}", reason.name()) }
        }
        StartError::Refused(words) => {
            LoadError::Configure { plugin, reason: words::cut_on_one_line(&words, WORDS_BYTES_MAX) }
        }
    }
}

fn check(plugin: &str, interest: &Interest, on_error: OnError) -> Result<(), LoadError> {
    let plugin = plugin.to_owned();
    if let Err(error) = interest.check() {
        return Err(LoadError::Interest { plugin, reason: error.to_string() });
    }
    if interest.redacts && on_error == OnError::Bypass {
        return Err(LoadError::Bypass { plugin });
    }
    Ok(())
}
