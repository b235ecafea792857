//! The directories in which durable queues are kept: one for each exporter, in that of its `file_storage`. Each is opened once
//! and shared by the queues that a reload puts in place of each other.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use weir_pipeline::{DiskLog, DiskSettings, Recovered, Storage, Stored};

use crate::config::{ComponentId, Config, Diagnostic};
use crate::exporter::OpenFiles;

/// The storages that are open, and the files that exporters write to.
#[derive(Default)]
pub(super) struct Storages {
    open: Mutex<BTreeMap<PathBuf, Weak<DiskLog>>>,
    files: OpenFiles,
    /// Whether a start is only tried out, beside a weir that may have the directories open.
    is_check: bool,
}

/// One of them.
pub(super) struct Opened {
    pub(super) path: PathBuf,
    pub(super) log: Arc<dyn Storage>,
    /// What is to be sent of it and nobody does yet.
    pub(super) waiting: Vec<Stored>,
}

impl Storages {
    /// For looking whether a start would go well: opens nothing.
    pub(super) fn for_check() -> Self {
        Storages { files: OpenFiles::for_check(), is_check: true, ..Storages::default() }
    }

    /// The files that exporters write to.
    pub(super) fn files(&self) -> &OpenFiles {
        &self.files
    }

    /// Whether nothing is to be made on disk.
    pub(super) fn is_check(&self) -> bool {
        self.is_check
    }

    /// The storage of an exporter, if its queue is durable.
    ///
    /// # Errors
    /// What is wrong with the directory.
    pub(super) fn of(&self, config: &Config, exporter: &ComponentId) -> Result<Option<Opened>, Diagnostic> {
        let configured = config.exporters.get(exporter);
        let queue = configured.and_then(|exporter| exporter.sending_queue());
        let storage = queue.and_then(|queue| queue.storage.as_ref());
        let Some(storage) = storage.and_then(|id| config.file_storages.get(id)) else { return Ok(None) };
        if self.is_check {
            return Ok(None);
        }
        let path = storage.directory.join(directory_name(exporter));
        let key = configured.map_or("sending_queue", |exporter| exporter.queue_key());
        let at = format!("exporters::{exporter}::{key}::storage");
        self.open(path).map(Some).map_err(|reason| Diagnostic::new(at, reason))
    }

    fn open(&self, path: PathBuf) -> Result<Opened, String> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, log| log.strong_count() > 0);
        if let Some(log) = open.get(&path).and_then(Weak::upgrade) {
            // What waits in it is that of the queue which has it.
            return Ok(Opened { path, log, waiting: Vec::new() });
        }
        let (log, recovered) =
            DiskLog::open(&path, DiskSettings::default()).map_err(|error| error.to_string())?;
        tell(&path, &recovered);
        open.insert(path.clone(), Arc::downgrade(&log));
        Ok(Opened { path, log, waiting: recovered.waiting })
    }
}

/// A directory that belongs to no exporter any more may hold data that nobody will send.
pub(super) fn warn_of_orphans(config: &Config) {
    for (id, storage) in &config.file_storages {
        let known: Vec<String> = config.exporters.keys().map(directory_name).collect();
        let Ok(entries) = std::fs::read_dir(&storage.directory) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(PREFIX) && !known.contains(&name) {
                tracing::warn!(
                    storage = %id, directory = %entry.path().display(),
                    "this is the queue of an exporter that is not configured: what is in it will not be sent"
                );
            }
        }
    }
}

fn tell(path: &Path, recovered: &Recovered) {
    let Recovered { waiting, damaged_records, damaged_bytes, torn_bytes, damaged_journals, foreign_files } =
        recovered;
    let directory = path.display();
    if damaged_records + damaged_bytes > 0 {
        tracing::error!(
            %directory, records = damaged_records, bytes = damaged_bytes,
            "a part of the queue on disk is damaged and was skipped; check the disk"
        );
    }
    if *damaged_journals > 0 {
        tracing::warn!(%directory, damaged_journals, "some of what was sent before may be sent again");
    }
    if *foreign_files > 0 {
        tracing::warn!(%directory, foreign_files, "files that are not weir's are left alone");
    }
    if !waiting.is_empty() {
        let items: u64 = waiting.iter().map(|stored| stored.items).sum();
        tracing::info!(%directory, requests = waiting.len(), items, torn_bytes, "sending what was left on disk");
    }
}

/// In front of the name of each queue's directory.
const PREFIX: &str = "exporter.";

fn directory_name(exporter: &ComponentId) -> String {
    format!("{PREFIX}{}", file_name(&exporter.to_string()))
}

/// An exporter's id as the name of a file: what may not be in one, or could be mistaken for something else, is escaped.
pub(crate) fn file_name(id: &str) -> String {
    let mut name = String::new();
    for byte in id.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => name.push(char::from(byte)),
            other => name.push_str(&format!("~{other:02x}")),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_exporter_has_a_directory_whose_name_is_safe() {
        let name = |id: &str| directory_name(&ComponentId::parse(id).unwrap());
        assert_eq!(name("otlp_grpc"), "exporter.otlp_grpc");
        assert_eq!(name("otlp_grpc/a.b"), "exporter.otlp_grpc~2fa~2eb");
        assert_ne!(name("otlp/A"), name("otlp/a"), "also where case makes no difference to the file system");
    }
}
