//! A snapshot of the plugins that one batch passes, and the plan that serves all of them in one walk.

use std::sync::Arc;

use arc_swap::ArcSwap;
use weir_otlp::{Plan, Signal};

use crate::ledger::Live;
use crate::load::Plugin;
use crate::set::PluginSet;

/// The plugins of a run of `wasm` processors for one signal. A batch ends with the chain it began with.
pub(crate) struct Chain {
    lives: Vec<Arc<Live>>,
    /// In order.
    pub plugins: Vec<Arc<Plugin>>,
    /// One walk for all of them.
    pub plan: Plan,
    wanted: bool,
}

impl Chain {
    /// What runs now.
    pub fn new(signal: Signal, sets: &[Arc<PluginSet>]) -> Self {
        let lives: Vec<Arc<Live>> = sets.iter().map(|set| set.live()).collect();
        let plugins: Vec<Arc<Plugin>> =
            lives.iter().flat_map(|live| live.plugins.iter().map(Plugin::running)).collect();
        Chain::of(signal, lives, plugins)
    }

    /// One plugin that takes no part in the traffic.
    pub fn alone(signal: Signal, plugin: Arc<Plugin>) -> Self {
        Chain::of(signal, Vec::new(), vec![plugin])
    }

    fn of(signal: Signal, lives: Vec<Arc<Live>>, plugins: Vec<Arc<Plugin>>) -> Self {
        let interests: Vec<_> = plugins.iter().map(|plugin| plugin.interest()).collect();
        let plan = Plan::new(signal, &interests);
        // Profiles are never shown to plugins, whatever a mask says.
        let wanted = signal != Signal::Profiles && (0..plugins.len()).any(|index| plan.wants(index));
        Chain { lives, plugins, plan, wanted }
    }

    /// Whether it still is what runs.
    pub fn is_current(&self, sets: &[Arc<PluginSet>]) -> bool {
        self.lives.iter().zip(sets).all(|(live, set)| set.is_current(live))
            && !self.plugins.iter().any(|plugin| plugin.probation.is_failed())
    }

    /// Whether any plugin wants the signal.
    pub fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// A plugin without which nothing may pass.
    pub fn awaited(&self) -> Option<&str> {
        self.lives.iter().flat_map(|live| &live.awaited).next().map(String::as_str)
    }
}

/// The chain of one pipeline, renewed whenever one of its sets changes: a pipeline without traffic must not keep former
/// plugins, and their instances, alive.
pub(crate) struct CurrentChain {
    signal: Signal,
    sets: Vec<Arc<PluginSet>>,
    chain: ArcSwap<Chain>,
}

impl CurrentChain {
    pub fn new(signal: Signal, sets: Vec<Arc<PluginSet>>) -> Arc<Self> {
        let chain = ArcSwap::from_pointee(Chain::new(signal, &sets));
        let current = Arc::new(CurrentChain { signal, sets, chain });
        for set in &current.sets {
            set.follow(Arc::downgrade(&current));
        }
        // A set may have changed before it knew who follows it.
        current.get();
        current
    }

    /// What runs now. A batch may come between a change and its news.
    pub fn get(&self) -> Arc<Chain> {
        let chain = self.chain.load_full();
        if chain.is_current(&self.sets) { chain } else { self.renew() }
    }

    /// Makes the chain anew.
    pub fn renew(&self) -> Arc<Chain> {
        loop {
            let chain = Arc::new(Chain::new(self.signal, &self.sets));
            self.chain.store(Arc::clone(&chain));
            // Two may do this at once, and the older look at the sets may be stored last.
            if chain.lives.iter().zip(&self.sets).all(|(live, set)| set.is_current(live)) {
                return chain;
            }
        }
    }
}
