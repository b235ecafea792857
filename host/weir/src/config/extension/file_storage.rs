//! The `file_storage` extension: where durable queues are kept.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::config::at::At;
use crate::config::diagnostic::Diagnostic;
use crate::config::field::duration;
use crate::config::reader;

/// A directory for durable queues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStorageConfig {
    /// Each exporter has a directory of its own in it.
    pub directory: PathBuf,
}

/// The Collector's keys. Some have no use here.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "of some keys it only matters that they are there")]
struct RawFileStorage {
    directory: PathBuf,
    #[serde(default = "yes")]
    fsync: bool,
    #[serde(default = "yes")]
    create_directory: bool,
    #[serde(default, deserialize_with = "duration")]
    timeout: Duration,
    #[serde(default)]
    compaction: serde_json::Value,
    #[serde(default)]
    recreate: bool,
    #[serde(default)]
    directory_permissions: Option<String>,
}

fn yes() -> bool {
    true
}

impl FileStorageConfig {
    /// Reads and checks one.
    pub(super) fn read(
        at: &At<'_>,
        problems: &mut Vec<Diagnostic>,
        warnings: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let raw: RawFileStorage = reader::read(at.node()?, &at.path, problems)?;
        if raw.directory.as_os_str().is_empty() {
            problems.push(at.key("directory").problem("must not be empty"));
            return None;
        }
        if !raw.create_directory && !raw.directory.is_dir() {
            let reason =
                format!("{} is not a directory, and create_directory is false", raw.directory.display());
            problems.push(at.key("directory").problem(reason));
        }
        if !raw.fsync {
            let reason = "weir syncs in any case: what is acknowledged is on disk";
            warnings.push(at.key("fsync").problem(reason));
        }
        for (key, why) in [
            ("timeout", "weir waits for no lock: a directory that another process has is an error"),
            ("compaction", "a queue's files are removed as soon as they were sent"),
            ("recreate", "a damaged record is skipped and counted, and the rest is kept"),
            ("directory_permissions", "only the user that weir runs as may read it (0700)"),
        ] {
            if at.key(key).node().is_some() {
                warnings.push(at.key(key).problem(format!("has no effect in weir: {why}")));
            }
        }
        Some(FileStorageConfig { directory: raw.directory })
    }
}
