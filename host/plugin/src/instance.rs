//! One running instance of a plugin: a store of its own, the two functions, and the rules of a call.

use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus::IntGauge;
use wasmtime::component::TypedFunc;
use wasmtime::{Store, Trap};
use wasmtime_wasi::I32Exit;
use weir_otlp::Interest;

use crate::bindings::{Batch, ConfigureParams, ConfigureResult, Edits, ProcessParams, ProcessResult};
use crate::engine::Engine;
use crate::failure::{Failure, Reason};
use crate::grant::Staged;
use crate::host::{State, Voice};
use crate::limits::Limits;
use crate::load::Code;
use crate::metrics::PluginSeries;
use crate::ticker::TICK;

/// How long a fresh instance may take until it is configured: large tables are read then.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes that a guest may hand to the host in one call, besides four times what it was handed: an answer may be
/// larger than its batch, but not without bound.
const ANSWER_BYTES: usize = 1 << 20;
/// The same for `configure`: 1024 selectors with names of 1024 bytes fit.
const INTEREST_BYTES: usize = 4 << 20;
/// How much of wasmtime's words go into a failure.
const DETAIL_BYTES_MAX: usize = 400;

/// Everything that it takes to make instances of one generation of a plugin.
pub(crate) struct Blueprint {
    pub engine: Arc<Engine>,
    pub code: Arc<Code>,
    /// The operator's configuration as JSON.
    pub config: String,
    pub staged: Staged,
    pub memory_limit_bytes: u64,
    pub voice: Arc<Voice>,
    pub series: Arc<PluginSeries>,
}

/// Why an instance did not come up.
pub(crate) enum StartError {
    /// Something on weir's side, or the component does not have the contract's shapes.
    Host(String),
    /// It failed while it was made or configured.
    Failed(Failure),
    /// It refuses its configuration, in its own words.
    Refused(String),
}

/// A configured instance.
pub(crate) struct Instance {
    store: Store<State>,
    process: TypedFunc<ProcessParams<'static>, ProcessResult>,
    engine: Arc<Engine>,
    _counted: Counted,
}

/// One in the gauge of instances.
struct Counted(IntGauge);

impl Counted {
    fn new(gauge: &IntGauge) -> Self {
        gauge.inc();
        Counted(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Blueprint {
    /// Makes an instance and configures it. Blocks, for up to [`START_TIMEOUT`].
    pub fn start(&self) -> Result<(Instance, Interest), StartError> {
        let limits = Limits::new(self.memory_limit_bytes, self.series.memory.clone());
        let state = State::new(Arc::clone(&self.voice), &self.staged, limits).map_err(StartError::Host)?;
        let mut store = Store::new(self.engine.wasm(), state);
        store.limiter(|state| &mut state.limits);
        store.set_hostcall_fuel(INTEREST_BYTES);
        set_deadline(&mut store, START_TIMEOUT);

        let _running = self.engine.ticker().enter();
        let instance = match self.code.pre.instantiate(&mut store) {
            Ok(instance) => instance,
            Err(error) => return Err(StartError::Failed(failure(&store, &error))),
        };
        let shape = |error: wasmtime::Error| StartError::Host(format!("{error:#}"));
        let exports = &self.code.exports;
        let configure = instance
            .get_typed_func::<ConfigureParams<'_>, ConfigureResult>(&mut store, exports.configure)
            .map_err(shape)?;
        let process = instance
            .get_typed_func::<ProcessParams<'static>, ProcessResult>(&mut store, exports.process)
            .map_err(shape)?;
        let interest = match configure.call(&mut store, (&self.config,)) {
            Ok((Ok(interest),)) => interest.into(),
            Ok((Err(words),)) => return Err(StartError::Refused(words)),
            Err(error) => return Err(StartError::Failed(failure(&store, &error))),
        };
        let counted = Counted::new(&self.series.instances);
        Ok((Instance { store, process, engine: Arc::clone(&self.engine), _counted: counted }, interest))
    }
}

impl Instance {
    /// Shows one batch, or one part, to the guest. Blocks, for up to `timeout`.
    ///
    /// # Errors
    /// After a failure that [`Reason::is_lethal`] the instance must not be used again: a trap poisons the store.
    pub fn process(&mut self, batch: Batch<'_>, timeout: Duration) -> Result<Edits, Failure> {
        let shown = batch.bytes.len() + size_of_val(batch.index);
        self.store.set_hostcall_fuel(shown.saturating_mul(4).saturating_add(ANSWER_BYTES));
        set_deadline(&mut self.store, timeout);
        let process: TypedFunc<ProcessParams<'_>, ProcessResult> = self.process;
        let running = self.engine.ticker().enter();
        let answer = process.call(&mut self.store, (batch,));
        drop(running);
        match answer {
            Ok((Ok(edits),)) => Ok(edits),
            Ok((Err(words),)) => Err(Failure::new(Reason::Error, words)),
            Err(error) => Err(failure(&self.store, &error)),
        }
    }
}

fn set_deadline(store: &mut Store<State>, timeout: Duration) {
    store.data_mut().deadline = Instant::now() + timeout;
    let ticks = timeout.as_nanos().div_ceil(TICK.as_nanos());
    // One more, since the current tick has begun already.
    store.set_epoch_deadline(u64::try_from(ticks).unwrap_or(u64::MAX >> 1) + 1);
}

fn failure(store: &Store<State>, error: &wasmtime::Error) -> Failure {
    let reason = match error.downcast_ref::<Trap>() {
        _ if store.data().limits.memory_denied() => Reason::Memory,
        Some(Trap::Interrupt) => Reason::Timeout,
        Some(_) => Reason::Trap,
        None if error.is::<I32Exit>() => Reason::Trap,
        None => Reason::BadOutput,
    };
    let words = error.root_cause().to_string();
    let detail = words.get(..words.floor_char_boundary(DETAIL_BYTES_MAX)).unwrap_or_default();
    Failure::new(reason, detail)
}
