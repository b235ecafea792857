//! The `file` exporter's configuration.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::config::at::At;
use crate::config::diagnostic::Diagnostic;
use crate::config::field::{bounded, positive_duration};
use crate::config::reader;

/// What the Collector makes directories with is open to all; these hold telemetry.
const DIRECTORY_MODE: u32 = 0o700;

/// Writes requests to a file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileExporterConfig {
    /// The file.
    pub path: PathBuf,
    /// Whether what is in the file already stays, where there is no rotation, with which it always does.
    #[serde(default)]
    pub append: bool,
    /// When the file makes place for another one, and what becomes of it.
    pub rotation: Option<RotationConfig>,
    /// How a request is written.
    #[serde(default)]
    pub format: FileFormat,
    /// How it is compressed.
    #[serde(default)]
    pub compression: FileCompression,
    /// By when a request has to be in the file. It is there before its sender is answered, whatever this says.
    #[serde(default = "flush_interval", deserialize_with = "positive_duration")]
    pub flush_interval: Duration,
    /// Whether the directory is made if it is missing.
    #[serde(default)]
    pub create_directory: bool,
    /// Who may use it then, in octal digits.
    pub directory_permissions: Option<String>,
}

/// When a file makes place for another one. Defaults: the Collector's.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RotationConfig {
    /// How much it may hold, in MiB; zero is the default.
    #[serde(deserialize_with = "bounded::<0, 1_000_000, _, _>")]
    pub max_megabytes: u64,
    /// How long former files are kept; zero is for ever.
    #[serde(deserialize_with = "bounded::<0, 36_500, _, _>")]
    pub max_days: u64,
    /// How many former files are kept; zero is all.
    #[serde(deserialize_with = "bounded::<0, 1_000_000, _, _>")]
    pub max_backups: usize,
    /// Whether the times in their names are those of the machine's zone rather than UTC.
    pub localtime: bool,
}

/// How a request is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// As OTLP/JSON.
    #[default]
    Json,
    /// As protobuf.
    Proto,
}

/// How a request is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileCompression {
    /// Not at all.
    #[default]
    None,
    /// Each by itself.
    Zstd,
}

fn flush_interval() -> Duration {
    Duration::from_secs(1)
}

impl Default for RotationConfig {
    fn default() -> Self {
        RotationConfig { max_megabytes: 100, max_days: 0, max_backups: 100, localtime: false }
    }
}

impl FileExporterConfig {
    /// With which permissions the directory is made, if it is.
    pub fn directory_mode(&self) -> Option<u32> {
        let given = self.directory_permissions.as_deref().and_then(octal);
        self.create_directory.then(|| given.unwrap_or(DIRECTORY_MODE))
    }

    /// Reads and checks one.
    pub(super) fn read(at: &At<'_>, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let mut config: Self = reader::read(at.node()?, &at.path, problems)?;
        // As in the Collector, the key alone switches it on.
        if at.key("rotation").node().is_some_and(|node| node.is_null()) {
            config.rotation = Some(RotationConfig::default());
        }
        if config.path.as_os_str().is_empty() {
            problems.push(at.key("path").problem("must not be empty"));
        }
        if config.append && config.rotation.is_some() {
            let reason =
                "has no use with rotation, which always goes on with the file that is there; leave it out";
            problems.push(at.key("append").problem(reason));
        }
        if config.append && config.compression != FileCompression::None {
            problems.push(at.key("append").problem("is not possible with compression; rotation is"));
        }
        let permissions = at.key("directory_permissions");
        match &config.directory_permissions {
            Some(_) if !config.create_directory => {
                problems.push(permissions.problem("has no use without create_directory: true"));
            }
            Some(text) if octal(text).is_none() => {
                problems.push(permissions.problem("expected octal digits in quotes, such as \"0750\""));
            }
            _ => {}
        }
        Some(config)
    }
}

fn octal(text: &str) -> Option<u32> {
    let is_octal = !text.is_empty() && text.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    u32::from_str_radix(text, 8).ok().filter(|mode| is_octal && *mode <= 0o777)
}
