//! The directories that the kernel reports on. Only directories, and each on its own: a watch on a file, or on the
//! `..data` link of a ConfigMap, goes deaf after the first swap.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::Sender;

use crate::fingerprint::Stat;

/// A watcher and what it watches, by path and inode.
pub(crate) struct Watched {
    watcher: Option<RecommendedWatcher>,
    directories: BTreeMap<PathBuf, (i64, i64)>,
    complained: bool,
}

impl Watched {
    /// Reports to `sender`, one message for any number of events.
    pub fn new(sender: Sender<()>) -> Self {
        let report = move |event: notify::Result<Event>| {
            if event.as_ref().map_or(true, matters) {
                // A full channel has a message that says the same.
                let _ = sender.try_send(());
            }
        };
        let watcher = notify::recommended_watcher(report);
        if let Err(error) = &watcher {
            tracing::warn!(%error, "the system reports no file changes, so files are polled");
        }
        let complained = watcher.is_err();
        Watched { watcher: watcher.ok(), directories: BTreeMap::new(), complained }
    }

    /// Watches nothing: for systems, and tests, without file events.
    #[cfg(test)]
    pub fn deaf() -> Self {
        Watched { watcher: None, directories: BTreeMap::new(), complained: true }
    }

    /// Watches these directories and no others. Says whether all of them are.
    pub fn set(&mut self, directories: &[PathBuf]) -> bool {
        let Some(watcher) = &mut self.watcher else { return false };
        let mut complete = true;
        let mut former = std::mem::take(&mut self.directories);
        for directory in directories {
            let Some(inode) = inode(directory) else {
                complete = false;
                continue;
            };
            if let Some(known) = former.remove(directory) {
                if known == inode {
                    self.directories.insert(directory.clone(), inode);
                    continue;
                }
                // Another directory stands at this path: the old watch, if it lives, hears nothing of it.
                let _ = watcher.unwatch(directory);
            }
            match watcher.watch(directory, RecursiveMode::NonRecursive) {
                Ok(()) => drop(self.directories.insert(directory.clone(), inode)),
                Err(error) => {
                    complete = false;
                    if !std::mem::replace(&mut self.complained, true) {
                        let path = directory.display().to_string();
                        tracing::warn!(path, %error, "a directory cannot be watched, so it is polled");
                    }
                }
            }
        }
        for directory in former.keys() {
            let _ = watcher.unwatch(directory);
        }
        complete
    }
}

fn inode(directory: &Path) -> Option<(i64, i64)> {
    fs::metadata(directory).ok().filter(fs::Metadata::is_dir).map(|metadata| Stat::of(&metadata).inode())
}

/// Whether an event may mean a change. Reading is reported too, our own included; a writer that is done matters.
fn matters(event: &Event) -> bool {
    match event.kind {
        EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}
