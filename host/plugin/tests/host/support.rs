//! What the tests share: an engine with metrics, plugins on disk, requests.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use prometheus::Registry;
use tempfile::TempDir;
use weir_otlp::Signal;
use weir_pipeline::{Batch, Processed, Processor, Refusal};
use weir_plugin::{
    Engine, EngineSettings, LoadError, PluginSet, PluginSettings, SettingsReader, Source, WasmProcessor,
};

/// An engine, its metrics, and a directory for plugins.
pub struct Rig {
    pub registry: Registry,
    pub engine: Arc<Engine>,
    pub home: TempDir,
}

impl Rig {
    pub fn new() -> Self {
        Rig::with(EngineSettings { cache_dir: None, workers: 4, ..EngineSettings::default() })
    }

    pub fn with(settings: EngineSettings) -> Self {
        let registry = Registry::new();
        let engine = Engine::new(settings, &registry).unwrap();
        Rig { registry, engine, home: tempfile::tempdir().unwrap() }
    }

    /// Writes a guest, whole or not at all.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home.path().join(name);
        let temporary = self.home.path().join(format!(".{name}.new"));
        std::fs::write(&temporary, text).unwrap();
        std::fs::rename(&temporary, &path).unwrap();
        path
    }

    /// Loads one plugin.
    pub async fn load(&self, settings: PluginSettings) -> Result<Arc<PluginSet>, LoadError> {
        PluginSet::load(Arc::clone(&self.engine), "wasm/test".to_owned(), Source::Plugin(settings)).await
    }

    /// Loads the directory as a set.
    pub async fn load_directory(&self, directory: &Path) -> Result<Arc<PluginSet>, LoadError> {
        let source = Source::Directory { path: directory.to_owned(), settings: json_settings() };
        PluginSet::load(Arc::clone(&self.engine), "wasm".to_owned(), source).await
    }

    /// A pipeline for logs over these sets.
    pub fn pipeline(&self, sets: &[&Arc<PluginSet>]) -> WasmProcessor {
        let sets = sets.iter().map(|set| Arc::clone(set)).collect();
        WasmProcessor::new(Arc::clone(&self.engine), Signal::Logs, "logs".to_owned(), sets)
    }

    /// A pipeline over one plugin with these settings.
    pub async fn pipeline_of(&self, settings: PluginSettings) -> WasmProcessor {
        let set = self.load(settings).await.unwrap();
        self.pipeline(&[&set])
    }

    /// The value of a counter or gauge whose labels are, among others, these.
    pub fn metric(&self, family: &str, labels: &[(&str, &str)]) -> f64 {
        let families = self.registry.gather();
        let family = families.iter().find(|found| found.name() == family).expect("the family exists");
        let has = |metric: &prometheus::proto::Metric, (name, value): &(&str, &str)| {
            metric.get_label().iter().any(|label| label.name() == *name && label.value() == *value)
        };
        let metrics =
            family.get_metric().iter().filter(|metric| labels.iter().all(|label| has(metric, label)));
        metrics.map(|metric| metric.get_counter().get_value() + metric.get_gauge().get_value()).sum()
    }

    pub fn failures(&self, reason: &str) -> f64 {
        self.metric("weir_plugin_failures_total", &[("reason", reason)])
    }
}

/// `NAME.yaml` as JSON that is the plugin's configuration.
fn json_settings() -> SettingsReader {
    Arc::new(|yaml, wasm| {
        let text = std::fs::read_to_string(yaml).map_err(|error| error.to_string())?;
        let config = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        Ok(PluginSettings { config, ..PluginSettings::of(wasm) })
    })
}

/// Settings with a letter for the guest as configuration.
pub fn with_letters(plugin: &Path, letters: &str) -> PluginSettings {
    PluginSettings { config: letters.into(), timeout: Duration::from_secs(30), ..PluginSettings::of(plugin) }
}

/// A request of `items` log records, each with a body.
pub fn logs(items: usize) -> Batch {
    let body = field(5, &field(1, b"a line"));
    let records: Vec<u8> = (0..items).flat_map(|_| field(2, &body)).collect();
    batch(Signal::Logs, field(1, &field(2, &records)))
}

/// A request of one resource a group, with one log record for each body.
pub fn logs_of(resources: &[&[&str]]) -> Batch {
    let resource = |bodies: &&[&str]| {
        let record = |body: &&str| field(2, &field(5, &field(1, body.as_bytes())));
        field(1, &field(2, &bodies.iter().flat_map(record).collect::<Vec<u8>>()))
    };
    batch(Signal::Logs, resources.iter().flat_map(resource).collect())
}

/// A batch of these bytes.
pub fn batch(signal: Signal, payload: Vec<u8>) -> Batch {
    let items = weir_otlp::count(signal, &payload).unwrap_or(0);
    Batch { received_unix_nano: 1, ..Batch::new(signal, Bytes::from(payload), items) }
}

fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(bytes);
    out
}

/// Sends a batch through.
pub async fn through(pipeline: &WasmProcessor, batch: Batch) -> Result<Option<Batch>, Refusal> {
    let Processed { batch, count, .. } = pipeline.process(batch).await?;
    count.into_iter().for_each(|count| count());
    Ok(batch)
}

/// How many of `items` log records come through; `None` if the batch is refused.
pub async fn survivors(pipeline: &WasmProcessor, items: usize) -> Option<u64> {
    match through(pipeline, logs(items)).await {
        Ok(Some(batch)) => {
            assert_eq!(weir_otlp::count(Signal::Logs, &batch.payload), Ok(batch.items));
            Some(batch.items)
        }
        Ok(None) => Some(0),
        Err(_) => None,
    }
}

/// Waits until something holds, for longer than any sane machine needs.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let give_up = Instant::now() + Duration::from_secs(60);
    while !holds().await {
        assert!(Instant::now() < give_up, "it never came about: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
