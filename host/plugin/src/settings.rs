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

/// How one plugin is to be run.
#[derive(Clone, Debug, PartialEq)]
pub struct PluginSettings {
    /// The component's file.
    pub plugin: PathBuf,
    /// Handed to `configure` as JSON.
    pub config: serde_json::Value,
    /// What becomes of a batch when the plugin fails on it.
    pub on_error: OnError,
    /// How long one call may take.
    pub timeout: Duration,
    /// How much linear memory one instance may have, in bytes.
    pub memory_limit_bytes: u64,
    /// What the plugin may read. Nothing else of the file system exists for it.
    pub files: Vec<Grant>,
}

impl Default for PluginSettings {
    fn default() -> Self {
        PluginSettings {
            plugin: PathBuf::new(),
            config: serde_json::Value::Null,
            on_error: OnError::default(),
            timeout: TIMEOUT,
            memory_limit_bytes: MEMORY_LIMIT_BYTES,
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
