//! What a guest sees of the outside: weir's two functions, and a WASI in which almost nothing exists.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceTable};
use wasmtime_wasi::clocks::WasiClocksView;
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock::Host as _;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::bindings::HOST;
use crate::failure::LoadError;
use crate::grant::Staged;
use crate::limits::Limits;
use crate::metrics::PluginSeries;
use crate::rate::Bucket;
use crate::settings::GuestLimits;
use crate::words::{self, WORDS_BYTES_MAX};

/// Seconds' worth of log lines that a plugin may write at once.
const LINES_BURST_SECONDS: u32 = 10;
/// Open files, directories and pollables of one instance.
const RESOURCES_MAX: usize = 1024;
/// Random bytes that one host call may make.
const RANDOM_BYTES_MAX: u64 = 1 << 20;
/// The clock interface of which two functions are replaced: a semver-compatible name is what guests ask for.
const MONOTONIC_CLOCK: &str = "wasi:clocks/monotonic-clock@0.2.12";

/// The voice of one plugin: its name, its log lines, its counters. All instances share it.
pub(crate) struct Voice {
    name: Arc<str>,
    lines: Bucket,
    series: Arc<PluginSeries>,
    counters_max: usize,
    /// While it rehearses, nothing is written.
    is_hushed: AtomicBool,
}

/// The plugin says nothing for as long as this lives.
pub(crate) struct Hush<'a>(&'a AtomicBool);

impl Drop for Hush<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Voice {
    pub fn new(name: Arc<str>, series: Arc<PluginSeries>, limits: &GuestLimits) -> Self {
        let per_second = limits.log_lines_per_second;
        let lines = Bucket::new(per_second.saturating_mul(LINES_BURST_SECONDS), f64::from(per_second));
        let counters_max = usize::try_from(limits.counters).unwrap_or(usize::MAX);
        Voice { name, lines, series, counters_max, is_hushed: AtomicBool::new(false) }
    }

    /// The plugin's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Nothing that the plugin says is heard until the guard is dropped. For instances that take no part in the traffic.
    pub fn hush(&self) -> Hush<'_> {
        self.is_hushed.store(true, Ordering::Relaxed);
        Hush(&self.is_hushed)
    }

    /// Adds to a counter of the plugin's own.
    pub fn count(&self, counter: &str, label: &str, value: u64) {
        if !self.is_hushed.load(Ordering::Relaxed) {
            self.series.add(counter, label, value, self.counters_max);
        }
    }

    /// Writes a line under the plugin's name, unless it has written too many. It begins with who speaks, so that it
    /// cannot be taken for one of weir's own.
    pub fn log(&self, level: u8, message: &str) {
        if self.is_hushed.load(Ordering::Relaxed) {
            return;
        }
        if !self.lines.take() {
            self.series.lines_dropped.inc();
            return;
        }
        let plugin: &str = &self.name;
        let words = words::cut_on_one_line(message, WORDS_BYTES_MAX);
        match level {
            1 => tracing::debug!(plugin, "plugin says: {words}"),
            3 => tracing::warn!(plugin, "plugin says: {words}"),
            4 => tracing::error!(plugin, "plugin says: {words}"),
            _ => tracing::info!(plugin, "plugin says: {words}"),
        }
    }
}

/// What belongs to one store.
pub(crate) struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    voice: Arc<Voice>,
    /// The account of its memory.
    pub limits: Limits,
    /// When the call in progress must have ended.
    pub deadline: Instant,
}

impl State {
    /// A state that sees the staged files and nothing else: no environment, no arguments, no network, no standard
    /// streams.
    ///
    /// # Errors
    /// If a staged directory cannot be opened.
    pub fn new(voice: Arc<Voice>, staged: &Staged, limits: Limits) -> Result<Self, String> {
        let mut wasi = WasiCtxBuilder::new();
        // Guests never run on the runtime's own threads, so their file reads may block.
        wasi.allow_blocking_current_thread(true).max_random_size(RANDOM_BYTES_MAX);
        for (source, guest) in staged.directories() {
            wasi.preopened_dir(source, guest, FsPerms::ReadOnly)
                .map_err(|error| format!("cannot open {}: {error}", source.display()))?;
        }
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES_MAX);
        Ok(State { wasi: wasi.build(), table, voice, limits, deadline: Instant::now() })
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// Everything that a plugin may import.
///
/// # Errors
/// If wasmtime does not take a definition, which would be a fault of ours.
pub(crate) fn linker(engine: &wasmtime::Engine) -> Result<Linker<State>, LoadError> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)
        .and_then(|()| bound_sleeps(&mut linker))
        .and_then(|()| add_host(&mut linker))
        .map_err(|error| LoadError::Engine(format!("{error:#}")))?;
    Ok(linker)
}

fn add_host(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut host = linker.instance(HOST)?;
    host.func_wrap("log", |store: StoreContextMut<State>, (level, message): (u8, String)| {
        store.data().voice.log(level, &message);
        Ok(())
    })?;
    host.func_wrap(
        "counter-add",
        |store: StoreContextMut<State>, (counter, label, value): (String, String, u64)| {
            store.data().voice.count(&counter, &label, value);
            Ok(())
        },
    )
}

/// Epochs do not interrupt a guest that sleeps inside the host, so no sleep may last beyond the call's
/// deadline: then the guest wakes, and the epoch ends it.
fn bound_sleeps(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut clock = linker.instance(MONOTONIC_CLOCK)?;
    clock.func_wrap("subscribe-duration", |mut store: StoreContextMut<State>, (nanos,): (u64,)| {
        Ok((sleep(store.data_mut(), Duration::from_nanos(nanos))?,))
    })?;
    clock.func_wrap("subscribe-instant", |mut store: StoreContextMut<State>, (when,): (u64,)| {
        let state = store.data_mut();
        let now = state.clocks().now()?;
        Ok((sleep(state, Duration::from_nanos(when.saturating_sub(now)))?,))
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

fn sleep(state: &mut State, wanted: Duration) -> wasmtime::Result<Resource<DynPollable>> {
    let left = state.deadline.saturating_duration_since(Instant::now());
    let nanos = u64::try_from(wanted.min(left).as_nanos()).unwrap_or(u64::MAX);
    state.clocks().subscribe_duration(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_over_the_rate_are_counted_instead_of_written() {
        let metrics = crate::metrics::PluginMetrics::new(&prometheus::Registry::new()).unwrap();
        let series = metrics.plugin("chatty");
        let limits = GuestLimits::default();
        let voice = Voice::new("chatty".into(), Arc::clone(&series), &limits);
        for _ in 0..limits.log_lines_per_second * LINES_BURST_SECONDS + 50 {
            voice.log(2, "again");
        }
        let dropped = series.lines_dropped.get();
        assert!((40..=50).contains(&dropped), "{dropped}");
    }
}
