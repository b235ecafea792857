//! What makes weir read its configuration again: SIGHUP, and a change of one of its files.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use weir_plugin::FileWatch;

use super::origin::Origin;

/// The triggers of reloads. One that comes while a reload is under way is kept for the next.
pub(super) struct Triggers {
    hangup: Signal,
    changed: Arc<Notify>,
    watch: Option<FileWatch>,
}

impl Triggers {
    /// From here on SIGHUP no longer ends the process.
    pub(super) fn listen() -> std::io::Result<Self> {
        let hangup = signal(SignalKind::hangup())?;
        Ok(Triggers { hangup, changed: Arc::new(Notify::new()), watch: None })
    }

    /// Watches the files, if there are any.
    pub(super) fn watch(&mut self, origin: &Arc<Origin>) {
        let directories = origin.directories();
        if directories.is_empty() {
            return;
        }
        let (origin, changed) = (Arc::clone(origin), Arc::clone(&self.changed));
        self.watch = Some(FileWatch::start(directories, move |_| {
            if origin.has_changed() {
                changed.notify_one();
            }
            origin.directories()
        }));
    }

    /// Waits for the next one and says what it was.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.hangup.recv() => "SIGHUP",
            () = self.changed.notified() => "a file changed",
        }
    }
}
