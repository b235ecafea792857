//! From a file's bytes to a plugin that is ready: compile, check, give files, start, configure.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::component::{Component, InstancePre};
use weir_otlp::Interest;

use crate::bindings::{self, Exports};
use crate::engine::Engine;
use crate::failure::{Failure, LoadError};
use crate::fingerprint::{Sha, sha};
use crate::grant;
use crate::host::{State, Voice};
use crate::instance::{Blueprint, StartError};
use crate::metrics::PluginSeries;
use crate::pool::Pool;
use crate::rate::Bucket;
use crate::settings::{OnError, PluginSettings};

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
        let component = component(engine, wasm, &sha).map_err(|error| LoadError::Compile {
            plugin: plugin.to_owned(),
            reason: format!("{error:#}"),
        })?;
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

fn component(engine: &Engine, wasm: &[u8], sha: &Sha) -> wasmtime::Result<Component> {
    let _one_at_a_time = engine.compiling();
    let Some(cache) = engine.cache() else { return Component::new(engine.wasm(), wasm) };
    if let Some(component) = cache.load(engine.wasm(), sha) {
        return Ok(component);
    }
    let code = engine.wasm().precompile_component(wasm)?;
    match cache.store(engine.wasm(), sha, &code) {
        Ok(Some(component)) => return Ok(component),
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "compiled code could not be kept in the cache"),
    }
    crate::cache::adopt(engine.wasm(), &code)
}

/// One generation of a plugin: what a batch runs through.
pub(crate) struct Plugin {
    /// The file's stem.
    pub name: Arc<str>,
    pub on_error: OnError,
    pub timeout: Duration,
    pub pool: Pool,
    pub voice: Arc<Voice>,
    pub series: Arc<PluginSeries>,
    failure_lines: Bucket,
}

impl Plugin {
    /// Gives the plugin its files, makes the first instance and configures it. Blocks: off the hot path only.
    pub fn new(
        engine: &Arc<Engine>,
        name: &str,
        code: Arc<Code>,
        settings: &PluginSettings,
    ) -> Result<Arc<Self>, LoadError> {
        let began = Instant::now();
        let series = engine.metrics().plugin(name);
        let shared_name: Arc<str> = name.into();
        let voice = Arc::new(Voice::new(Arc::clone(&shared_name), Arc::clone(&series)));
        let scratch = engine.cache().map(|cache| cache.directory());
        let blueprint = Blueprint {
            engine: Arc::clone(engine),
            code,
            config: settings.config.to_string(),
            staged: grant::stage(name, &settings.files, scratch)?,
            memory_limit_bytes: settings.memory_limit_bytes,
            voice: Arc::clone(&voice),
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
            voice,
            series,
            failure_lines: Bucket::new(FAILURE_LINES_BURST, FAILURE_LINES_PER_SECOND),
        }))
    }

    /// The code that it runs.
    pub fn code(&self) -> &Arc<Code> {
        &self.pool.blueprint().code
    }

    /// What it declared.
    pub fn interest(&self) -> &Interest {
        self.pool.interest()
    }

    /// Counts a failure, and logs it unless there were too many.
    pub fn failed(&self, failure: &Failure) {
        self.series.failed(failure.reason);
        if failure.reason == crate::failure::Reason::Error {
            // The plugin's own words go where all its words go: under its name, and under its rate.
            self.voice.log(3, &format!("refused a batch: {}", failure.detail));
        } else if self.failure_lines.take() {
            let (plugin, reason) = (&*self.name, failure.reason.name());
            tracing::warn!(plugin, reason, detail = failure.detail, on_error = ?self.on_error, "plugin failed on a batch");
        }
    }
}

fn start_error(plugin: &str, error: StartError) -> LoadError {
    let plugin = plugin.to_owned();
    match error {
        StartError::Host(reason) => LoadError::Start { plugin, reason },
        StartError::Failed(Failure { reason, detail }) => {
            LoadError::Start { plugin, reason: format!("{}: {detail}", reason.name()) }
        }
        StartError::Refused(reason) => LoadError::Configure { plugin, reason },
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
