//! What an operator says about plugins, already parsed: the configuration file's grammar lives in the binary crate.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

/// How long one call may take unless the operator says otherwise: far above any sane batch, well below the
/// patience of a sender (the SDKs' export timeout is 10 s).
pub(crate) const TIMEOUT: Duration = Duration::from_secs(1);
/// The memory of one instance unless the operator says otherwise: ample for every language but SpiderMonkey.
pub(crate) const MEMORY_LIMIT_BYTES: u64 = 64 << 20;

/// How long a fresh instance may take until it is configured: large tables are read then.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// Edits of one answer: ten for each of a hundred thousand items.
const EDITS_MAX: u64 = 1_000_000;
/// How many times as large as what the plugin was shown its answer may be, and how many bytes more.
const ANSWER_FACTOR: u64 = 4;
const ANSWER_BYTES: u64 = 1 << 20;
/// Table elements of one instance. Python needs tens of thousands; eight bytes each.
const TABLE_ELEMENTS_MAX: u64 = 200_000;
/// Log lines that a plugin may write in the long run.
const LOG_LINES_PER_SECOND: u32 = 10;
/// (counter, label) pairs of one plugin.
const COUNTERS_MAX: u64 = 64;

/// What becomes of a batch when a plugin fails on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// The sender is told to try again.
    #[default]
    Reject,
    /// The batch is dropped, and counted.
    Drop,
    /// The batch goes on as if the plugin were not there. Refused for a plugin that redacts.
    Bypass,
    /// The items that break the plugin are found by halving and dropped, and counted; the rest goes on.
    Isolate,
}

/// A file or directory that a plugin may read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Where it is on the host.
    pub source: PathBuf,
    /// Where the plugin sees it: an absolute path.
    pub path: String,
}

/// What a plugin may take besides time and memory. The native stack, 1 MiB, is the same for all: wasmtime sets it for the
/// whole engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestLimits {
    /// Edits of one answer.
    pub edits: u64,
    /// An answer may be so many times as large as what the plugin was shown...
    pub answer_factor: u64,
    /// ...and so many bytes more.
    pub answer_bytes: u64,
    /// Elements of all tables of an instance.
    pub table_elements: u64,
    /// How long a fresh instance may take until it is configured.
    pub start_timeout: Duration,
    /// Log lines a second in the long run; ten times as many at once. More are counted and not written.
    pub log_lines_per_second: u32,
    /// Different (counter, label) pairs. More are counted together as `other`.
    pub counters: u64,
}

impl Default for GuestLimits {
    fn default() -> Self {
        GuestLimits {
            edits: EDITS_MAX,
            answer_factor: ANSWER_FACTOR,
            answer_bytes: ANSWER_BYTES,
            table_elements: TABLE_ELEMENTS_MAX,
            start_timeout: START_TIMEOUT,
            log_lines_per_second: LOG_LINES_PER_SECOND,
            counters: COUNTERS_MAX,
        }
    }
}

/// How one plugin is to be run.
#[derive(Clone, Debug, PartialEq)]
pub struct PluginSettings {
    /// The component's file.
    pub plugin: PathBuf,
    /// What it is called in metrics and logs; its file's stem if this is left out.
    pub name: Option<String>,
    /// Handed to `configure` as JSON.
    pub config: serde_json::Value,
    /// What becomes of a batch when the plugin fails on it.
    pub on_error: OnError,
    /// How long one call may take on up to a thousand items and 1 MiB of what the plugin sees; more has proportionally
    /// more time.
    pub timeout: Duration,
    /// How much linear memory one instance may have, in bytes.
    pub memory_limit_bytes: u64,
    /// What it may take besides.
    pub limits: GuestLimits,
    /// What the plugin may read. Nothing else of the file system exists for it.
    pub files: Vec<Grant>,
}

impl Default for PluginSettings {
    fn default() -> Self {
        PluginSettings {
            plugin: PathBuf::new(),
            name: None,
            config: serde_json::Value::Null,
            on_error: OnError::default(),
            timeout: TIMEOUT,
            memory_limit_bytes: MEMORY_LIMIT_BYTES,
            limits: GuestLimits::default(),
            files: Vec::new(),
        }
    }
}

impl PluginSettings {
    /// The default settings for a plugin's file.
    pub fn of(plugin: impl Into<PathBuf>) -> Self {
        PluginSettings { plugin: plugin.into(), ..PluginSettings::default() }
    }
}

/// Reads `NAME.yaml` (the first path, which exists) for the plugin `NAME.wasm` (the second path). The error is
/// shown to the operator as it stands.
pub type SettingsReader = Arc<dyn Fn(&Path, &Path) -> Result<PluginSettings, String> + Send + Sync>;

/// Where the plugins of one `wasm` processor come from.
#[derive(Clone)]
pub enum Source {
    /// One plugin.
    Plugin(PluginSettings),
    /// Every `*.wasm` of a directory, in file-name order.
    Directory {
        /// The directory.
        path: PathBuf,
        /// Reads the settings beside each plugin.
        settings: SettingsReader,
    },
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Plugin(settings) => f.debug_tuple("Plugin").field(&settings.plugin).finish(),
            Source::Directory { path, .. } => f.debug_tuple("Directory").field(path).finish(),
        }
    }
}
