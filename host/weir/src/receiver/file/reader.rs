//! The task of a receiver: looks which files there are, reads them a chunk each in turn, hands their lines on, and waits for more.

mod handing;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use weir_plugin::FileWatch;

use super::delivery::{Delivered, Shared, Told, too_long};
use super::find::{Patterns, Present};
use super::followed::{Advance, FileId, Followed};
use super::keeping::Keeping;
use super::positions::Positions;
use super::under_way::UnderWay;
use super::{FileReceiverSettings, blocking};
use crate::receiver::intake::Intake;

/// How long a replay rests between two times, if nothing says more.
const REPLAY_INTERVAL: Duration = Duration::from_millis(200);

/// See the module.
pub(super) struct Reader {
    settings: FileReceiverSettings,
    patterns: Patterns,
    shared: Arc<Shared>,
    files: BTreeMap<FileId, Followed>,
    under_way: UnderWay,
    keeping: Keeping,
    /// Where to go on in files that were followed before.
    known: Positions,
    /// Whether the files that are found are there from the start, so that they are not read from their beginning.
    from_end: bool,
}

/// How a reader's work ended.
#[derive(Debug, Default)]
pub(super) struct Ended {
    pub(super) positions: Positions,
    /// Whether every line that was under way was answered in time.
    pub(super) is_clean: bool,
}

/// Weir ends, so nothing more is read.
struct Stopping;

impl Reader {
    pub(super) fn new(
        settings: FileReceiverSettings,
        intake: Arc<Intake>,
        stop: watch::Receiver<Option<Instant>>,
    ) -> Self {
        let shared = Shared {
            id: settings.id.clone(),
            intake,
            stop,
            malformed: Told::default(),
            refused: Told::default(),
            unwanted: Told::default(),
            unreadable: Told::default(),
            crowded: Told::default(),
            unkept: Told::default(),
        };
        Reader {
            patterns: Patterns::new(&settings.include, &settings.exclude),
            from_end: !settings.from_beginning && !settings.replay,
            keeping: Keeping::at(settings.storage.clone()),
            settings,
            shared: Arc::new(shared),
            files: BTreeMap::new(),
            under_way: UnderWay::default(),
            known: Positions::default(),
        }
    }

    /// Reads until it is told to stop. `former` is how far a reader was that had its place.
    pub(super) async fn run(mut self, former: Option<Positions>) -> Ended {
        match former {
            Some(former) => self.known = former,
            None => {
                if let Some(kept) = self.keeping.load(&self.shared).await {
                    self.known = kept;
                    // Files that are not among them are new.
                    self.from_end = false;
                }
            }
        }
        let (sender, mut events) = mpsc::channel(1);
        let patterns = self.patterns.clone();
        let directories = blocking(move || patterns.directories()).await.unwrap_or_default();
        let patterns = self.patterns.clone();
        let _watch = FileWatch::start(directories, move |_| {
            // A full channel has a message that says the same.
            let _ = sender.try_send(());
            patterns.directories()
        });
        self.look().await;
        tracing::info!(receiver = self.shared.id, files = self.files.len(), "reading files");
        let Stopping = self.follow(&mut events).await;
        self.end().await
    }

    async fn follow(&mut self, events: &mut mpsc::Receiver<()>) -> Stopping {
        let (mut is_due, mut is_more) = (false, true);
        loop {
            if self.shared.is_stopping() {
                return Stopping;
            }
            if is_due {
                self.look().await;
            }
            if is_due || is_more {
                is_more = match self.round().await {
                    Ok(is_more) => is_more,
                    Err(stopping) => return stopping,
                };
            }
            self.save_now_and_then().await;
            is_due = if is_more { events.try_recv().is_ok() } else { self.wait(events).await };
        }
    }

    /// Waits for something to do. Says whether the files are to be looked for.
    async fn wait(&mut self, events: &mut mpsc::Receiver<()>) -> bool {
        let shared = Arc::clone(&self.shared);
        let is_replayed = self.settings.replay && self.under_way.is_empty();
        let poll = match is_replayed {
            true => Some(self.settings.poll_interval.unwrap_or(REPLAY_INTERVAL)),
            false => self.settings.poll_interval,
        };
        let save = self.keeping.due();
        tokio::select! {
            () = shared.stopped() => false,
            Some(delivered) = self.under_way.next() => {
                self.settle(delivered);
                false
            }
            // The channel never closes: the watch holds its other end; if it ended, there is nothing to wait for there.
            Some(()) = events.recv() => true,
            () = sleep(poll) => {
                if is_replayed {
                    self.files.values_mut().filter(|file| file.gone.is_none()).for_each(Followed::begin_anew);
                }
                true
            }
            () = sleep(save) => {
                self.save_now_and_then().await;
                false
            }
        }
    }

    /// Finds out which files there are.
    async fn look(&mut self) {
        let known: BTreeSet<FileId> = self.files.keys().copied().collect();
        let (patterns, positions, from_end) = (self.patterns.clone(), self.known.clone(), self.from_end);
        let Some(present) = blocking(move || patterns.present(&known, &positions, from_end)).await else {
            return;
        };
        let found: BTreeSet<FileId> = present.iter().map(|present| present.id).collect();
        for (_, followed) in self.files.iter_mut().filter(|(id, _)| !found.contains(id)) {
            followed.gone.get_or_insert_with(Instant::now);
        }
        for Present { id, path, opened } in present {
            if let Some(followed) = self.files.get_mut(&id) {
                followed.path = path;
                followed.gone = None;
                continue;
            }
            let Some((file, place)) = opened else { continue };
            if self.files.len() < self.settings.files_max {
                self.files.insert(id, Followed::new(path, file, place));
                // From where it is read is to be known after a crash too.
                self.keeping.is_behind();
            } else if self.shared.crowded.again().is_some() {
                tracing::warn!(
                    receiver = self.shared.id,
                    max_concurrent_files = self.settings.files_max,
                    "there are more files than are followed at a time; the others wait until some are gone"
                );
            }
        }
        // What comes from now on is new.
        self.from_end = false;
    }

    /// Reads a chunk of each file. Says whether there may be more.
    async fn round(&mut self) -> Result<bool, Stopping> {
        let mut ids: Vec<(bool, PathBuf, FileId)> = Vec::new();
        ids.extend(self.files.iter().map(|(id, file)| (file.gone.is_none(), file.path.clone(), *id)));
        // Those that are gone first, and the former ones of a rotation before the present one.
        ids.sort_unstable();
        let mut is_more = false;
        for (_, _, id) in ids {
            is_more |= self.advance(id).await?;
        }
        Ok(is_more)
    }

    /// Reads a chunk of one file. Says whether there may be more.
    async fn advance(&mut self, id: FileId) -> Result<bool, Stopping> {
        let Some(followed) = self.files.get(&id) else { return Ok(false) };
        let (file, place, path) =
            (Arc::clone(&followed.file), followed.place, followed.path.display().to_string());
        let line_bytes_max = self.settings.line_bytes_max;
        let advance = match blocking(move || place.advance(&file, line_bytes_max)).await {
            Some(Ok(advance)) => advance,
            Some(Err(error)) => return Ok(self.unreadable(&path, &error)),
            None => return Ok(false),
        };
        let then = match advance {
            Advance::Nothing => {
                self.let_go(id);
                return Ok(false);
            }
            Advance::Rewritten => {
                tracing::info!(
                    receiver = self.shared.id,
                    file = path,
                    "the file was written anew: reading it from its beginning"
                );
                self.change(id, Followed::begin_anew);
                return Ok(true);
            }
            Advance::PassedOver { then, is_begun } => {
                if is_begun {
                    self.shared.pass_over(&path, place.next, too_long(line_bytes_max));
                }
                then
            }
            Advance::Lines(lines, then) => {
                let mut at = place.next;
                for line in lines.split_inclusive(|byte| *byte == b'\n') {
                    let next = at + line.len() as u64;
                    self.hand_on(id, &path, at, next, line).await?;
                    at = next;
                }
                then
            }
            Advance::Long(length, then) => {
                if !self.hand_on_long(id, &path, place.next, length, then.next).await? {
                    return Ok(false);
                }
                then
            }
        };
        self.change(id, |followed| {
            followed.pass(then.next);
            followed.place = then;
        });
        Ok(true)
    }

    /// A line's way has ended.
    fn settle(&mut self, Delivered { id, is_settled, .. }: Delivered) {
        if is_settled {
            self.keeping.is_behind();
            self.change(id.file, |followed| followed.settle(id.generation, id.at));
        }
    }

    /// Closes a file of which nothing more is to be expected.
    fn let_go(&mut self, id: FileId) {
        if self.files.get(&id).is_some_and(Followed::is_over) {
            self.files.remove(&id);
        }
    }

    /// Says that there is nothing more to read of it now.
    fn unreadable(&self, path: &str, error: &io::Error) -> bool {
        if self.shared.unreadable.again().is_some() {
            tracing::warn!(receiver = self.shared.id, file = path, %error, "a file cannot be read; it is tried again");
        }
        false
    }

    fn change(&mut self, id: FileId, change: impl FnOnce(&mut Followed)) {
        if let Some(followed) = self.files.get_mut(&id) {
            change(followed);
        }
    }

    async fn save_now_and_then(&mut self) {
        if self.keeping.due().is_some_and(|wait| wait.is_zero()) {
            self.save().await;
        }
    }

    /// Keeps how far each file is settled, if there is a place for it, and gives it.
    async fn save(&mut self) -> Positions {
        let files = self.files.iter().map(|(id, file)| (*id, Arc::clone(&file.file), file.settled()));
        self.keeping.save(&self.shared, files.collect()).await
    }

    async fn end(mut self) -> Ended {
        let told = *self.shared.stop.borrow();
        let deadline = told.unwrap_or_else(Instant::now);
        let all = async {
            while let Some(delivered) = self.under_way.next().await {
                self.settle(delivered);
            }
        };
        let is_clean = tokio::time::timeout_at(deadline.into(), all).await.is_ok();
        Ended { positions: self.save().await, is_clean }
    }
}

/// For ever, if there is no time.
async fn sleep(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}
