//! Keeps a plugin set in step with its files: events, quiet, look, swap; and a look now and then regardless.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{self, Receiver};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{sleep, timeout};

use crate::ledger::Pass;
use crate::set::PluginSet;
use crate::watched::Watched;

/// How long the files must be quiet before they are looked at: a copy comes in pieces.
const QUIET: Duration = Duration::from_millis(100);
/// How long a stream of events may put the look off.
const QUIET_MAX: Duration = Duration::from_millis(500);
/// How often the files are looked at although nothing was reported: network file systems report nothing.
const POLL: Duration = Duration::from_secs(30);
/// The same while the kernel cannot report.
const POLL_DEAF: Duration = Duration::from_secs(1);

/// The watch over one set. Dropping it ends the watch; what runs goes on running.
#[must_use = "dropping the watch ends it"]
pub struct Watch {
    task: JoinHandle<()>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watch {
    pub(crate) fn start(set: Arc<PluginSet>) -> Self {
        // One message is enough: it says "look", not what happened.
        let (sender, events) = mpsc::channel(1);
        Watch { task: tokio::spawn(keep(set, events, move || Watched::new(sender))) }
    }

    #[cfg(test)]
    pub(crate) fn start_deaf(set: Arc<PluginSet>) -> Self {
        let (_, events) = mpsc::channel(1);
        Watch { task: tokio::spawn(keep(set, events, Watched::deaf)) }
    }
}

async fn keep(
    set: Arc<PluginSet>,
    mut events: Receiver<()>,
    watched: impl FnOnce() -> Watched + Send + 'static,
) {
    let begin = {
        let set = Arc::clone(&set);
        move || {
            let mut watched = watched();
            let mut complete = watched.set(&set.directories());
            // What changed between the first load and the watch was not reported.
            complete &= watched.set(&set.refresh(Pass::Event));
            (watched, complete)
        }
    };
    let Ok((mut watched, mut complete)) = spawn_blocking(begin).await else { return };
    loop {
        let poll = if complete { POLL } else { POLL_DEAF };
        let pass = match timeout(poll, events.recv()).await {
            Ok(Some(())) => {
                settle(&mut events).await;
                Pass::Event
            }
            Ok(None) => {
                // The watcher is gone or never was; without it there is only the clock.
                sleep(poll).await;
                Pass::Poll
            }
            Err(_) => Pass::Poll,
        };
        let set = Arc::clone(&set);
        let look = move || {
            let complete = watched.set(&set.refresh(pass));
            (watched, complete)
        };
        match spawn_blocking(look).await {
            Ok(state) => (watched, complete) = state,
            // A panic while loading: the plugins that run go on, but nobody watches any more.
            Err(error) => {
                tracing::error!(%error, "the watch over the plugins ended: restart weir to reload plugins");
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

#[cfg(all(test, feature = "compiler"))]
mod tests {
    use super::*;
    use crate::engine::{Engine, EngineSettings};
    use crate::guest::guest;
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
        let _watch = Watch::start_deaf(Arc::clone(&set));
        replace(&path, &guest('h'));
        for _ in 0..600 {
            if set.plugins().remove(0).sha256 != first {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("the replaced plugin was never seen");
    }
}
