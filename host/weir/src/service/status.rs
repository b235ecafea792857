//! The plugins of the service as the operator's pages show them.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use serde_json::{Value, json};
use weir_plugin::{PluginInfo, PluginSet};

use crate::admin::{PluginsStatus, Trouble, interest_page, rfc3339};
use crate::config::{ComponentId, Config};

/// Asked for before there are plugins: filled once they are loaded, and again by each reload.
#[derive(Default)]
pub(super) struct Status(ArcSwapOption<Loaded>);

struct Loaded {
    sets: Vec<Arc<PluginSet>>,
    /// The name of each pipeline and the ids of its `wasm` processors.
    pipelines: Vec<(String, Vec<String>)>,
}

impl Status {
    /// These plugins are loaded.
    pub(super) fn fill(&self, config: &Config, sets: Vec<Arc<PluginSet>>) {
        let is_wasm = |id: &&ComponentId| config.plugins.contains_key(*id);
        let pipelines = config.pipelines.iter().map(|pipeline| {
            let processors = pipeline.processors.iter().filter(is_wasm).map(ToString::to_string);
            (pipeline.name.clone(), processors.collect())
        });
        self.0.store(Some(Arc::new(Loaded { pipelines: pipelines.collect(), sets })));
    }
}

impl PluginsStatus for Status {
    fn is_ready(&self) -> bool {
        self.0.load().as_ref().is_some_and(|loaded| loaded.sets.iter().all(|set| set.is_ready()))
    }

    fn troubles(&self) -> Vec<Trouble> {
        let of = |set: &Arc<PluginSet>| {
            let loading = set.awaited().into_iter().map(|plugin| Trouble { plugin, state: "loading" });
            let broken = set.troubled().into_iter().map(|(plugin, state)| Trouble { plugin, state });
            loading.chain(broken).collect::<Vec<_>>()
        };
        self.0.load().as_ref().map_or_else(Vec::new, |loaded| loaded.sets.iter().flat_map(of).collect())
    }

    fn page(&self) -> Value {
        let loaded = self.0.load();
        let Some(Loaded { sets, pipelines }) = loaded.as_deref() else {
            return json!({"pipelines": {}, "processors": {}});
        };
        let processors: serde_json::Map<String, Value> = sets
            .iter()
            .map(|set| {
                let plugins: Vec<Value> = set.plugins().iter().map(plugin).collect();
                (set.id().to_owned(), json!({"plugins": plugins, "awaited": set.awaited()}))
            })
            .collect();
        let pipelines: serde_json::Map<String, Value> =
            pipelines.iter().map(|(name, ids)| (name.clone(), json!({"processors": ids}))).collect();
        json!({"pipelines": pipelines, "processors": processors})
    }
}

/// One plugin. Counts are since the start of weir, over all generations of the plugin.
fn plugin(info: &PluginInfo) -> Value {
    let last_error =
        info.last_error.as_ref().map(|(time, text)| json!({"time": rfc3339(*time), "reason": text}));
    let nanos_per_item = (info.items > 0).then(|| (info.call_seconds * 1e9 / info.items as f64).round());
    json!({
        "name": info.name,
        "sha256": info.sha256,
        "generation": info.generation,
        "given_up": info.given_up,
        "since": rfc3339(info.since),
        "on_error": format!("{:?}", info.on_error).to_lowercase(),
        "breaker": info.breaker,
        "calls": info.calls,
        "failures": info.failures,
        "items": info.items,
        "nanoseconds_per_item": nanos_per_item,
        "last_error": last_error,
        "instances": info.instances,
        "memory_bytes": info.memory_bytes,
        "interest": interest_page(&info.interest),
    })
}
