//! The live plugins of one `wasm` processor.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use weir_otlp::Interest;

use crate::chain::CurrentChain;
use crate::engine::Engine;
use crate::failure::LoadError;
use crate::fingerprint::hex;
use crate::ledger::{Ledger, Live, Pass};
use crate::load::Plugin;
use crate::settings::{OnError, Source};
use crate::watch::{FileWatch, Occasion};

/// The plugins that batches pass, in order; replaced as a whole when something changes. One set may serve
/// several pipelines, and then a stateful plugin is one instance for all of them.
pub struct PluginSet {
    engine: Arc<Engine>,
    id: String,
    source: Source,
    live: ArcSwap<Live>,
    ledger: Mutex<Ledger>,
    /// As many as there are pipelines with this set.
    followers: Mutex<Vec<Weak<CurrentChain>>>,
}

/// What an operator may want to know about a live plugin.
#[derive(Clone, Debug)]
pub struct PluginInfo {
    /// The file's stem, unless the settings name it.
    pub name: String,
    /// Of the component's bytes, in hexadecimal.
    pub sha256: String,
    /// How many generations of it weir has run, this one included.
    pub generation: u64,
    /// The digest of the newer generation that was given up, since it failed too often; this one runs in its place.
    pub given_up: Option<String>,
    /// What it sees and may change.
    pub interest: Interest,
    /// What becomes of a batch when it fails.
    pub on_error: OnError,
    /// Where its circuit breaker is: `closed`, `half_open` or `open`.
    pub breaker: &'static str,
    /// When this generation was loaded.
    pub since: SystemTime,
    /// When and how it failed last, without any telemetry.
    pub last_error: Option<(SystemTime, String)>,
    /// Calls since weir started, over all generations.
    pub calls: u64,
    /// Failed calls since weir started, over all generations.
    pub failures: u64,
    /// Items shown since weir started, over all generations.
    pub items: u64,
    /// Seconds in calls since weir started, over all generations.
    pub call_seconds: f64,
    /// Live instances of all generations.
    pub instances: i64,
    /// Their linear memory.
    pub memory_bytes: i64,
}

impl PluginSet {
    /// Loads the plugins for the first time. `id` is the processor's, such as `wasm/redact`.
    ///
    /// # Errors
    /// If the source is one plugin, whatever keeps it from running. If it is a directory, only that it cannot be
    /// listed: a plugin in it that fails is awaited, and until it loads or is removed the set is not ready and its
    /// batches are refused.
    pub async fn load(engine: Arc<Engine>, id: String, source: Source) -> Result<Arc<Self>, LoadError> {
        let load = move || {
            let mut ledger = Ledger::default();
            let live = ledger.update(&engine, &id, &source, Pass::First)?.unwrap_or_default();
            let live = ArcSwap::from_pointee(live);
            let (ledger, followers) = (Mutex::new(ledger), Mutex::default());
            Ok(Arc::new(PluginSet { engine, id, source, live, ledger, followers }))
        };
        match tokio::task::spawn_blocking(load).await {
            Ok(loaded) => loaded,
            Err(_) => Err(LoadError::Engine("loading a plugin ended in a panic".to_owned())),
        }
    }

    /// Whether batches pass: every plugin that was there at the start runs.
    pub fn is_ready(&self) -> bool {
        self.live.load().awaited.is_empty()
    }

    /// The processor's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Plugins that were rolled back (`rolled_back`) or whose circuit breaker is not closed (`half_open`, `open`).
    pub fn troubled(&self) -> Vec<(String, &'static str)> {
        let live = self.live.load();
        let state = |plugin: &Arc<Plugin>| match plugin.probation.is_failed() {
            true => "rolled_back",
            false => plugin.pool.breaker().name(),
        };
        let states = live.plugins.iter().map(|plugin| (plugin.name.to_string(), state(plugin)));
        states.filter(|(_, state)| *state != "closed").collect()
    }

    /// Plugins that were there at the start and have not loaded yet.
    pub fn awaited(&self) -> Vec<String> {
        self.live.load().awaited.clone()
    }

    /// The plugins that run now, in order.
    pub fn plugins(&self) -> Vec<PluginInfo> {
        let live = self.live.load();
        let running = live.plugins.iter().map(|newest| (newest, newest.running()));
        let info = running.map(|(newest, plugin)| PluginInfo {
            name: plugin.name.to_string(),
            sha256: hex(&plugin.code().sha),
            interest: plugin.interest().clone(),
            generation: plugin.generation(),
            given_up: newest.probation.is_failed().then(|| hex(&newest.code().sha)),
            on_error: plugin.on_error,
            breaker: plugin.pool.breaker().name(),
            since: plugin.since,
            last_error: plugin.last_error(),
            calls: plugin.series.sum(|signal| signal.calls.get()),
            failures: plugin.series.failures(),
            items: plugin.series.sum(|signal| signal.items_in.get()),
            call_seconds: plugin.series.call_duration.get_sample_sum(),
            instances: plugin.series.instances.get(),
            memory_bytes: plugin.series.memory.get(),
        });
        info.collect()
    }

    /// Keeps the set in step with the files until the watch is dropped. Needs a tokio runtime.
    pub fn watch(self: &Arc<Self>) -> FileWatch {
        FileWatch::start(self.directories(), self.look())
    }

    /// What a watch over the files is to do.
    pub(crate) fn look(self: &Arc<Self>) -> impl FnMut(Occasion) -> Vec<std::path::PathBuf> + use<> {
        let set = Arc::clone(self);
        move |occasion| match occasion {
            Occasion::Event => set.refresh(Pass::Event),
            Occasion::Poll => set.refresh(Pass::Poll),
        }
    }

    pub(crate) fn live(&self) -> Arc<Live> {
        self.live.load_full()
    }

    /// Whether `live` is still what runs.
    pub(crate) fn is_current(&self, live: &Arc<Live>) -> bool {
        std::ptr::eq(Arc::as_ptr(live), Arc::as_ptr(&self.live.load()))
    }

    /// Looks at the files and swaps in what is new. Says in which directories to watch. Blocks.
    pub(crate) fn refresh(&self, pass: Pass) -> Vec<std::path::PathBuf> {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        match ledger.update(&self.engine, &self.id, &self.source, pass) {
            Ok(Some(live)) => self.replace(live),
            Ok(None) => {}
            Err(error) => tracing::error!(processor = self.id, reason = %error, "plugins cannot be reloaded"),
        }
        ledger.directories(&self.source)
    }

    /// Puts other plugins in place. The former ones end with the last batch that runs through them.
    fn replace(&self, live: Live) {
        self.live.store(Arc::new(live));
        let followers = self.followers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for chain in followers.iter().filter_map(Weak::upgrade) {
            chain.renew();
        }
    }

    /// Tells a chain from now on when the plugins have changed.
    pub(crate) fn follow(&self, chain: Weak<CurrentChain>) {
        let mut followers = self.followers.lock().unwrap_or_else(PoisonError::into_inner);
        followers.retain(|follower| follower.strong_count() > 0);
        followers.push(chain);
    }

    pub(crate) fn directories(&self) -> Vec<std::path::PathBuf> {
        let ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.directories(&self.source)
    }
}
