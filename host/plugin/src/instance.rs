//! One running instance of a plugin: a store of its own, the two functions, and the rules of a call.

use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus::IntGauge;
use wasmtime::component::TypedFunc;
use wasmtime::{Store, Trap, WasmBacktrace};
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
use crate::settings::GuestLimits;
use crate::ticker::TICK;
use crate::words::{self, cut_on_one_line};

/// Bytes that a guest may hand to the host in `configure`: 1024 selectors with names of 1024 bytes fit.
const INTEREST_BYTES: usize = 4 << 20;
/// How much of wasmtime's words go into a failure.
const DETAIL_BYTES_MAX: usize = 400;
/// Functions of the guest that a failure names, the innermost first, and how long a name may be.
const FRAMES_MAX: usize = 6;
const FRAME_BYTES_MAX: usize = 80;
/// What wasmtime says when the fuel for host calls is used up. A test holds it to that.
const FUEL_WORDS: &str = "fuel allocated for hostcalls";

/// Everything that it takes to make instances of one generation of a plugin.
pub(crate) struct Blueprint {
    pub engine: Arc<Engine>,
    pub code: Arc<Code>,
    /// The operator's configuration as JSON.
    pub config: String,
    pub staged: Staged,
    pub memory_limit_bytes: u64,
    pub limits: GuestLimits,
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
    answer: AnswerLimits,
    _counted: Counted,
}

/// How large an answer may be.
#[derive(Clone, Copy)]
struct AnswerLimits {
    edits: u64,
    factor: usize,
    bytes: usize,
}

impl AnswerLimits {
    fn new(limits: &GuestLimits) -> Self {
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        AnswerLimits {
            edits: limits.edits,
            factor: size(limits.answer_factor),
            bytes: size(limits.answer_bytes),
        }
    }

    fn check(self, edits: Edits) -> Result<Edits, Failure> {
        let count = edits.index.get(1).copied().unwrap_or(0);
        if u64::from(count) > self.edits {
            let detail = format!("it answers {count} edits, more than limits.edits allows ({})", self.edits);
            return Err(Failure::new(Reason::TooLarge, detail));
        }
        Ok(edits)
    }

    /// Bytes that may come back for so many that were shown.
    fn bytes(self, shown: usize) -> usize {
        shown.saturating_mul(self.factor).saturating_add(self.bytes)
    }
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
    /// Makes an instance and configures it. Blocks, for up to its `start_timeout`.
    pub fn start(&self) -> Result<(Instance, Interest), StartError> {
        let limits =
            Limits::new(self.memory_limit_bytes, self.limits.table_elements, self.series.memory.clone());
        let state = State::new(Arc::clone(&self.voice), &self.staged, limits).map_err(StartError::Host)?;
        let mut store = Store::new(self.engine.wasm(), state);
        store.limiter(|state| &mut state.limits);
        store.set_hostcall_fuel(INTEREST_BYTES);
        set_deadline(&mut store, self.limits.start_timeout);

        let _running = self.engine.ticker().enter();
        let instance = match self.code.pre.instantiate(&mut store) {
            Ok(instance) => instance,
            Err(error) => return Err(StartError::Failed(failure(&store, &error, self.limits.start_timeout))),
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
            Err(error) => return Err(StartError::Failed(failure(&store, &error, self.limits.start_timeout))),
        };
        let counted = Counted::new(&self.series.instances);
        let engine = Arc::clone(&self.engine);
        let answer = AnswerLimits::new(&self.limits);
        Ok((Instance { store, process, engine, answer, _counted: counted }, interest))
    }
}

impl Instance {
    /// Shows one batch, or one part, to the guest. Blocks, for up to `timeout`.
    ///
    /// # Errors
    /// After a failure that [`Reason::is_lethal`] the instance must not be used again: a trap poisons the store.
    pub fn process(&mut self, batch: Batch<'_>, timeout: Duration) -> Result<Edits, Failure> {
        let shown = batch.bytes.len() + size_of_val(batch.index);
        self.store.set_hostcall_fuel(self.answer.bytes(shown));
        set_deadline(&mut self.store, timeout);
        let process: TypedFunc<ProcessParams<'_>, ProcessResult> = self.process;
        let running = self.engine.ticker().enter();
        let answer = process.call(&mut self.store, (batch,));
        drop(running);
        match answer {
            Ok((Ok(edits),)) => self.answer.check(edits),
            Ok((Err(words),)) => Err(Failure::new(Reason::Error, words)),
            Err(error) => Err(failure(&self.store, &error, timeout)),
        }
    }
}

fn set_deadline(store: &mut Store<State>, timeout: Duration) {
    store.data_mut().deadline = Instant::now() + timeout;
    let ticks = timeout.as_nanos().div_ceil(TICK.as_nanos());
    // One more, since the current tick has begun already.
    store.set_epoch_deadline(u64::try_from(ticks).unwrap_or(u64::MAX >> 1) + 1);
}

fn failure(store: &Store<State>, error: &wasmtime::Error, timeout: Duration) -> Failure {
    let words = error.root_cause().to_string();
    let reason = match (store.data().limits.denied(), error.downcast_ref::<Trap>()) {
        (Some(denied), _) => denied,
        (None, Some(Trap::Interrupt)) => Reason::Timeout,
        (None, Some(Trap::StackOverflow)) => Reason::Stack,
        (None, Some(_)) => Reason::Trap,
        (None, None) if error.is::<I32Exit>() => Reason::Trap,
        (None, None) if words.contains(FUEL_WORDS) => Reason::TooLarge,
        (None, None) => Reason::BadOutput,
    };
    let mut detail = words::cut(&words, DETAIL_BYTES_MAX).to_owned();
    match reason {
        Reason::Timeout => detail = format!("it ran for longer than it may, which was {timeout:?}"),
        Reason::Stack => detail = "it recursed deeper than its stack of 1 MiB".to_owned(),
        _ => {}
    }
    if let Some(trace) = error.downcast_ref::<WasmBacktrace>() {
        detail.push_str(&functions(trace));
    }
    Failure::new(reason, detail)
}

/// The functions in which the guest was, by the names that it carries. They are the guest's words, so they are cut and
/// made printable.
fn functions(trace: &WasmBacktrace) -> String {
    // Its own text has the names demangled: a line a frame behind the first one, `NUMBER: OFFSET - NAME`.
    let text = trace.to_string();
    let frames = text.lines().skip(1).take(FRAMES_MAX).filter_map(|line| line.split_once(" - "));
    let names: Vec<String> = frames.map(|(_, name)| cut_on_one_line(name, FRAME_BYTES_MAX)).collect();
    if names.is_empty() { String::new() } else { format!(", in {}", names.join(" < ")) }
}
