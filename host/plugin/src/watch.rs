//! Keeps something in step with files: events, quiet, look; and a look now and then regardless.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc::{self, Receiver};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use crate::watched::Watched;

/// How long the files must be quiet before they are looked at: a copy comes in pieces.
const QUIET: Duration = Duration::from_millis(100);
/// How long a stream of events may put the look off.
const QUIET_MAX: Duration = Duration::from_millis(500);
/// How often the files are looked at although nothing was reported: network file systems report nothing.
const POLL: Duration = Duration::from_secs(30);
/// The same while the kernel cannot report.
const POLL_DEAF: Duration = Duration::from_secs(1);

/// Why the files are to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// Something happened in their directories.
    Event,
    /// It was time to.
    Poll,
}

/// A watch over files, by the directories that they are in. Dropping it ends the watch.
#[must_use = "dropping the watch ends it"]
pub struct FileWatch {
    task: JoinHandle<()>,
}

impl Drop for FileWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FileWatch {
    /// Calls `look` soon, after something happened in the directories, and now and then. It may block, must compare for
    /// itself whether anything changed, and says in which directories to watch from then on. Needs a tokio runtime.
    pub fn start<L>(directories: Vec<PathBuf>, look: L) -> Self
    where
        L: FnMut(Occasion) -> Vec<PathBuf> + Send + 'static,
    {
        // One message is enough: it says "look", not what happened.
        let (sender, events) = mpsc::channel(1);
        FileWatch { task: tokio::spawn(keep(directories, look, events, move || Watched::new(sender))) }
    }

    #[cfg(test)]
    pub(crate) fn start_deaf<L>(directories: Vec<PathBuf>, look: L) -> Self
    where
        L: FnMut(Occasion) -> Vec<PathBuf> + Send + 'static,
    {
        let (sender, events) = mpsc::channel(1);
        FileWatch { task: tokio::spawn(keep(directories, look, events, move || Watched::deaf(sender))) }
    }
}

/// The directory to watch for `file`. A bare name lies in the working directory, which has no empty name.
pub fn directory_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

async fn keep<L>(
    directories: Vec<PathBuf>,
    mut look: L,
    mut events: Receiver<()>,
    watched: impl FnOnce() -> Watched + Send + 'static,
) where
    L: FnMut(Occasion) -> Vec<PathBuf> + Send + 'static,
{
    let begin = move || {
        let mut watched = watched();
        let mut complete = watched.set(&directories);
        // What changed between the first load and the watch was not reported.
        complete &= watched.set(&look(Occasion::Event));
        (look, watched, complete)
    };
    let Ok((mut look, mut watched, mut complete)) = spawn_blocking(begin).await else { return };
    loop {
        let poll = if complete { POLL } else { POLL_DEAF };
        let occasion = match timeout(poll, events.recv()).await {
            Ok(Some(())) => {
                settle(&mut events).await;
                Occasion::Event
            }
            // The channel never closes: what is watched holds its other end.
            Ok(None) | Err(_) => Occasion::Poll,
        };
        let again = move || {
            let complete = watched.set(&look(occasion));
            (look, watched, complete)
        };
        match spawn_blocking(again).await {
            Ok(state) => (look, watched, complete) = state,
            // A panic while loading: what runs goes on, but nobody watches any more.
            Err(error) => {
                tracing::error!(%error, "the watch over files ended: restart weir to take up changes");
                return;
            }
        }
    }
}

/// Waits until no event came for a while, or for long enough.
async fn settle(events: &mut Receiver<()>) {
    let quiet = async { while let Ok(Some(())) = timeout(QUIET, events.recv()).await {} };
    let _ = timeout(QUIET_MAX, quiet).await;
}

#[cfg(test)]
#[cfg(feature = "compiler")]
mod tests {
    use super::*;
    use crate::engine::{Engine, EngineSettings};
    use crate::guest::guest;
    use crate::set::PluginSet;
    use crate::settings::{PluginSettings, Source};
    use std::path::Path;

    fn replace(path: &Path, text: &str) {
        let temporary = path.with_extension("new");
        std::fs::write(&temporary, text).unwrap();
        std::fs::rename(&temporary, path).unwrap();
    }

    #[tokio::test]
    async fn where_the_kernel_reports_nothing_files_are_polled() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("p.wasm");
        replace(&path, &guest('n'));
        let engine = Engine::new(EngineSettings::default(), &prometheus::Registry::new()).unwrap();
        let source = Source::Plugin(PluginSettings::of(&path));
        let set = PluginSet::load(engine, "wasm".to_owned(), source).await.unwrap();
        let first = set.plugins().remove(0).sha256;
        let _watch = FileWatch::start_deaf(set.directories(), set.look());
        replace(&path, &guest('h'));
        for _ in 0..600 {
            if set.plugins().remove(0).sha256 != first {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the replaced plugin was never seen");
    }
}
