//! The directories that the kernel reports on. Only directories, and each on its own: a watch on a file, or on the
//! `..data` link of a ConfigMap, goes deaf after the first swap.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use notify::event::{AccessKind, AccessMode};
use notify::{ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::Sender;

use crate::fingerprint::Stat;

type Listen = Box<dyn Fn() -> notify::Result<RecommendedWatcher> + Send>;

/// A watcher and what it watches, by path and inode.
pub(crate) struct Watched {
    /// Makes the watcher. Holds the sender, so that the channel stays open.
    listen: Listen,
    watcher: Option<RecommendedWatcher>,
    directories: BTreeMap<PathBuf, (i64, i64)>,
    complained: bool,
}

impl Watched {
    /// Reports to `sender`, one message for any number of events.
    pub fn new(sender: Sender<()>) -> Self {
        Watched::with(Box::new(move || {
            let sender = sender.clone();
            notify::recommended_watcher(move |event: notify::Result<Event>| {
                if event.as_ref().map_or(true, matters) {
                    // A full channel has a message that says the same.
                    let _ = sender.try_send(());
                }
            })
        }))
    }

    /// Hears nothing, as on a system whose limits are reached.
    #[cfg(test)]
    pub fn deaf(sender: Sender<()>) -> Self {
        Watched::with(Box::new(move || {
            let _open = &sender;
            Err(notify::Error::generic("deaf"))
        }))
    }

    fn with(listen: Listen) -> Self {
        Watched { listen, watcher: None, directories: BTreeMap::new(), complained: false }
    }

    /// Watches these directories and no others. Says whether all of them are. What failed is tried anew each time: a
    /// limit of the system that was reached may be free again.
    pub fn set(&mut self, directories: &[PathBuf]) -> bool {
        let mut watcher = match self.watcher.take().map_or_else(|| (self.listen)(), Ok) {
            Ok(watcher) => watcher,
            Err(error) => {
                self.complain(&error, "the system reports no file changes, so files are polled");
                return false;
            }
        };
        let wanted = with_links(directories);
        let count = wanted.len();
        let present = wanted.into_iter().filter_map(|path| Some((inode(&path)?, path)));
        let present: BTreeMap<_, _> = present.map(|(inode, path)| (path, inode)).collect();
        let mut complete = present.len() == count;
        // First, because two paths to one directory share a watch. Another directory may stand at a path by now, of
        // which the old watch, if it lives, hears nothing.
        for (path, inode) in &self.directories {
            if present.get(path) != Some(inode) {
                let _ = watcher.unwatch(path);
            }
        }
        // Also what is watched already: a directory that was deleted took its watch with it, and the next one at its
        // path often gets the same inode. Where the watch lives this changes nothing.
        for path in present.keys() {
            if let Err(error) = watcher.watch(path, RecursiveMode::NonRecursive) {
                complete = false;
                self.complain(&error, "a directory cannot be watched, so files are polled");
            }
        }
        self.directories = present;
        self.watcher = Some(watcher);
        self.complained &= !complete;
        complete
    }

    /// Once, until all is well again. That a directory is gone is told by whoever reads it.
    fn complain(&mut self, error: &notify::Error, consequence: &str) {
        let gone = matches!(error.kind, ErrorKind::PathNotFound);
        if !gone && !std::mem::replace(&mut self.complained, true) {
            tracing::warn!(%error, "{consequence}");
        }
    }
}

/// The directories, and those in which the links stand that lead to them: when such a link is turned, nothing
/// happens in the directory that it led to.
fn with_links(directories: &[PathBuf]) -> BTreeSet<PathBuf> {
    let links =
        directories.iter().flat_map(|directory| directory.ancestors()).filter(|path| path.is_symlink());
    let parents = links.filter_map(Path::parent).map(|parent| parent.join("."));
    parents.chain(directories.iter().cloned()).collect()
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    use tokio::sync::mpsc;
    use tokio::time::timeout;

    use super::*;

    /// A watch over one directory and what it reports.
    struct Ear {
        watched: Watched,
        events: mpsc::Receiver<()>,
    }

    impl Ear {
        fn on(directory: &Path) -> Ear {
            let (sender, events) = mpsc::channel(1);
            let mut ear = Ear { watched: Watched::new(sender), events };
            assert!(ear.watched.set(&[directory.to_owned()]));
            ear
        }

        /// Waits for a report, and for the ones that follow it, as the watch does.
        async fn hears(&mut self) {
            let heard = timeout(Duration::from_secs(20), self.events.recv()).await;
            heard.expect("it is heard of");
            while timeout(Duration::from_millis(50), self.events.recv()).await.is_ok() {}
        }

        async fn hears_of_a_file_in(&mut self, directory: &Path) {
            fs::write(directory.join("file"), "").unwrap();
            self.hears().await;
        }
    }

    #[tokio::test]
    async fn a_directory_that_is_deleted_and_made_again_is_heard_whatever_its_inode() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("d");
        fs::create_dir(&directory).unwrap();
        let mut ear = Ear::on(&directory);
        for _ in 0..5 {
            fs::remove_dir_all(&directory).unwrap();
            fs::create_dir(&directory).unwrap();
            ear.hears().await;
            assert!(ear.watched.set(std::slice::from_ref(&directory)));
            ear.hears_of_a_file_in(&directory).await;
        }
    }

    #[tokio::test]
    async fn a_link_to_the_directory_that_is_turned_is_heard() {
        let home = tempfile::tempdir().unwrap();
        for release in ["1", "2"] {
            fs::create_dir_all(home.path().join(release).join("plugins")).unwrap();
        }
        let (current, next) = (home.path().join("current"), home.path().join("next"));
        symlink("1", &current).unwrap();
        let directory = current.join("plugins");
        let mut ear = Ear::on(&directory);
        symlink("2", &next).unwrap();
        ear.hears().await;
        fs::rename(&next, &current).unwrap();
        ear.hears().await;
        assert!(ear.watched.set(std::slice::from_ref(&directory)));
        ear.hears_of_a_file_in(&home.path().join("2/plugins")).await;
    }

    #[tokio::test]
    async fn two_paths_to_one_directory_do_not_take_each_other_s_watch() {
        let home = tempfile::tempdir().unwrap();
        let (directory, link) = (home.path().join("d"), home.path().join("link"));
        fs::create_dir(&directory).unwrap();
        symlink("d", &link).unwrap();
        let mut ear = Ear::on(&directory);
        assert!(ear.watched.set(&[directory.clone(), link]));
        assert!(ear.watched.set(std::slice::from_ref(&directory)));
        ear.hears_of_a_file_in(&directory).await;
    }

    #[tokio::test]
    async fn a_directory_that_is_missing_makes_the_watch_incomplete_until_it_is_there() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("late");
        let (sender, _events) = mpsc::channel(1);
        let mut watched = Watched::new(sender);
        assert!(!watched.set(std::slice::from_ref(&directory)));
        fs::create_dir(&directory).unwrap();
        assert!(watched.set(&[directory]));
        assert!(!watched.complained, "a directory that comes late is no fault of the system");
    }
}
