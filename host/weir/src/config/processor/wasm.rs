//! The `wasm` processor's part of the configuration, and the settings file beside a drop-in plugin.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use weir_plugin::{Grant, GuestLimits, OnError, PluginSettings, SettingsReader, Source};

use crate::config::at::At;
use crate::config::diagnostic::{Diagnostic, Place};
use crate::config::environment::Environment;
use crate::config::field::{bounded, positive_duration};
use crate::config::{expand, read, reader, yaml};

/// Wasm's 32-bit memories end here, in MiB.
const MEMORY_MIB_MAX: u64 = 4096;
/// What belongs to one plugin and so cannot stand beside `directory`.
const PLUGIN_KEYS: [&str; 6] = ["config", "on_error", "timeout", "memory_limit_mib", "limits", "files"];
/// The most of anything that a limit may allow: far more than any plugin has use for, and no overflow.
const COUNT_MAX: u64 = 100_000_000;

/// One `wasm` processor.
#[derive(Clone, Debug)]
pub struct WasmProcessorConfig {
    /// Where it is configured: for what is found wrong only when its plugins are loaded.
    pub place: Place,
    /// Its plugins.
    pub source: WasmSource,
}

/// Where it stands in the file makes no difference.
impl PartialEq for WasmProcessorConfig {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

/// The two forms of a `wasm` processor.
#[derive(Clone, Debug, PartialEq)]
pub enum WasmSource {
    /// One plugin at this place.
    Plugin(PluginSettings),
    /// The drop-in form: every `*.wasm` of a directory.
    Directory(PathBuf),
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawWasmProcessor {
    plugin: Option<PathBuf>,
    directory: Option<PathBuf>,
    config: serde_json::Value,
    on_error: OnError,
    #[serde(deserialize_with = "positive_duration")]
    timeout: Duration,
    #[serde(deserialize_with = "bounded::<1, MEMORY_MIB_MAX, _, _>")]
    memory_limit_mib: u64,
    limits: RawLimits,
    files: Vec<Grant>,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawLimits {
    #[serde(deserialize_with = "bounded::<1, COUNT_MAX, _, _>")]
    edits: u64,
    #[serde(deserialize_with = "bounded::<0, 1000, _, _>")]
    answer_factor: u64,
    #[serde(deserialize_with = "bounded::<1, 1024, _, _>")]
    answer_mib: u64,
    #[serde(deserialize_with = "bounded::<1, COUNT_MAX, _, _>")]
    table_elements: u64,
    #[serde(deserialize_with = "positive_duration")]
    start_timeout: Duration,
    #[serde(deserialize_with = "bounded::<0, 10_000, _, _>")]
    log_lines_per_second: u32,
    #[serde(deserialize_with = "bounded::<0, 10_000, _, _>")]
    counters: u64,
}

impl Default for RawLimits {
    fn default() -> Self {
        let GuestLimits {
            edits,
            answer_factor,
            answer_bytes,
            table_elements,
            start_timeout,
            log_lines_per_second,
            counters,
        } = GuestLimits::default();
        let answer_mib = answer_bytes >> 20;
        RawLimits {
            edits,
            answer_factor,
            answer_mib,
            table_elements,
            start_timeout,
            log_lines_per_second,
            counters,
        }
    }
}

impl From<RawLimits> for GuestLimits {
    fn from(raw: RawLimits) -> Self {
        GuestLimits {
            edits: raw.edits,
            answer_factor: raw.answer_factor,
            answer_bytes: raw.answer_mib << 20,
            table_elements: raw.table_elements,
            start_timeout: raw.start_timeout,
            log_lines_per_second: raw.log_lines_per_second,
            counters: raw.counters,
        }
    }
}

impl Default for RawWasmProcessor {
    fn default() -> Self {
        let PluginSettings { config, on_error, timeout, memory_limit_bytes, files, .. } =
            PluginSettings::default();
        RawWasmProcessor {
            plugin: None,
            directory: None,
            config,
            on_error,
            timeout,
            memory_limit_mib: memory_limit_bytes >> 20,
            limits: RawLimits::default(),
            files,
        }
    }
}

impl RawWasmProcessor {
    fn into_settings(self, plugin: PathBuf) -> PluginSettings {
        let RawWasmProcessor { config, on_error, timeout, memory_limit_mib, limits, files, .. } = self;
        PluginSettings {
            plugin,
            name: None,
            config,
            on_error,
            timeout,
            memory_limit_bytes: memory_limit_mib << 20,
            limits: limits.into(),
            files,
        }
    }
}

impl WasmProcessorConfig {
    /// Reads and checks one. Paths are relative to the working directory.
    pub(in crate::config) fn read(at: &At<'_>, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let raw: RawWasmProcessor = reader::read(at.node()?, &at.path, problems)?;
        check_grants(&raw.files, &at.key("files"), problems);
        let place = at.place().clone();
        let source = match (raw.plugin.clone(), raw.directory.clone()) {
            (Some(plugin), None) => {
                if !plugin.is_file() {
                    let reason = format!("{} is not a file", plugin.display());
                    problems.push(at.key("plugin").problem(reason));
                }
                WasmSource::Plugin(raw.into_settings(plugin))
            }
            (None, Some(directory)) => {
                if !directory.is_dir() {
                    let reason = format!("{} is not a directory", directory.display());
                    problems.push(at.key("directory").problem(reason));
                }
                for key in PLUGIN_KEYS.map(|key| at.key(key)).iter().filter(|key| key.node().is_some()) {
                    let reason =
                        "belongs to one plugin; put it into NAME.yaml beside NAME.wasm in the directory";
                    problems.push(key.problem(reason));
                }
                WasmSource::Directory(directory)
            }
            (Some(_), Some(_)) => {
                let reason = "plugin and directory are two forms of this processor; give one of them";
                problems.push(at.problem(reason));
                return None;
            }
            (None, None) => {
                problems.push(at.problem("one of the keys \"plugin\" and \"directory\" is required"));
                return None;
            }
        };
        Some(WasmProcessorConfig { place, source })
    }

    /// A shipped plugin under the name of a processor that is not called `wasm`.
    pub(in crate::config) fn shipped(
        plugin: PathBuf,
        name: String,
        config: serde_json::Value,
        at: &At<'_>,
    ) -> Self {
        let settings = PluginSettings { name: Some(name), config, ..PluginSettings::of(plugin) };
        WasmProcessorConfig { place: at.place().clone(), source: WasmSource::Plugin(settings) }
    }

    /// What the plugin host takes. The environment is for the settings files of drop-in plugins.
    pub fn source(&self, environment: Arc<dyn Environment>) -> Source {
        match &self.source {
            WasmSource::Plugin(settings) => Source::Plugin(settings.clone()),
            WasmSource::Directory(path) => {
                let settings: SettingsReader =
                    Arc::new(move |file, plugin| read_drop_in(file, plugin, environment.as_ref()));
                Source::Directory { path: path.clone(), settings }
            }
        }
    }
}

/// Reads `NAME.yaml` beside the drop-in plugin `NAME.wasm`: the keys of the processor but `plugin` and
/// `directory`. The error lists everything that is wrong, one line each.
pub fn read_drop_in(
    file: &Path,
    plugin: &Path,
    environment: &dyn Environment,
) -> Result<PluginSettings, String> {
    let name: Arc<str> = Arc::from(file.to_string_lossy().as_ref());
    let root = yaml::parse(&read::text(file)?, &name).map_err(|problems| lines(&problems))?;
    let mut expanded = expand::expand(root, environment);
    for warning in &expanded.warnings {
        tracing::warn!("{warning}");
    }
    let at = At::root(&expanded.root);
    let problems = &mut expanded.errors;
    let raw: Option<RawWasmProcessor> = reader::read(&expanded.root, "", problems);
    for key in ["plugin", "directory"].map(|key| at.key(key)).iter().filter(|key| key.node().is_some()) {
        problems.push(key.problem(format!("not here: this file is about {}", plugin.display())));
    }
    if let Some(raw) = &raw {
        check_grants(&raw.files, &at.key("files"), problems);
    }
    match raw {
        Some(raw) if problems.is_empty() => Ok(raw.into_settings(plugin.to_owned())),
        _ => Err(lines(problems)),
    }
}

fn lines(problems: &[Diagnostic]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Each grant's source exists, and its path in the guest is absolute and plain.
fn check_grants(grants: &[Grant], at: &At<'_>, problems: &mut Vec<Diagnostic>) {
    for (index, Grant { source, path }) in grants.iter().enumerate() {
        let at = at.item(index);
        if !source.exists() {
            problems.push(at.key("source").problem(format!("{} does not exist", source.display())));
        }
        let is_plain = path.split('/').skip(1).all(|part| !matches!(part, "" | "." | ".."));
        if !path.starts_with('/') || !is_plain {
            let reason = "expected an absolute path without . and .., as the plugin is to see it";
            problems.push(at.key("path").problem(reason));
        }
        if grants.iter().take(index).any(|earlier| earlier.path == *path) {
            problems.push(at.key("path").problem("another file has this path already"));
        }
    }
}
