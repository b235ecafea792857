//! The task of a receiver: looks which files there are, reads them a chunk each in turn, hands their lines on, and waits for more.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinSet, spawn_blocking};
use weir_plugin::FileWatch;

use super::delivery::{Delivered, Line, LineId, Shared, Told, too_long};
use super::find::Patterns;
use super::followed::{Advance, FileId, Followed, Place};
use super::positions::Positions;
use super::{FileReceiverSettings, chunk, line};
use crate::receiver::admission::Admitted;
use crate::receiver::intake::Intake;

/// Lines under way at a time: enough that requests which are merged behind the pipelines come together.
const LINES_MAX: usize = 32;

/// Bytes of lines under way at a time. A longer line goes alone.
const BYTES_MAX: u64 = 8 << 20;

/// How long a replay rests between two times, if nothing says more.
const REPLAY_INTERVAL: Duration = Duration::from_millis(200);

/// How often it is kept how far the files are settled, while that changes.
const SAVE_INTERVAL: Duration = Duration::from_secs(1);

/// See the module.
pub(super) struct Reader {
    settings: FileReceiverSettings,
    patterns: Patterns,
    shared: Arc<Shared>,
    files: BTreeMap<FileId, Followed>,
    under_way: JoinSet<Delivered>,
    bytes_under_way: u64,
    /// Where to go on in files that were followed before.
    known: Positions,
    /// Whether the files that are found are there from the start, so that they are not read from their beginning.
    from_end: bool,
    saved: Option<Instant>,
    /// Whether something was settled since.
    is_unsaved: bool,
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

/// A file that was found.
struct Present {
    id: FileId,
    path: PathBuf,
    /// If it is new.
    opened: Option<(File, Place)>,
}

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
            settings,
            shared: Arc::new(shared),
            files: BTreeMap::new(),
            under_way: JoinSet::new(),
            bytes_under_way: 0,
            known: Positions::default(),
            saved: None,
            is_unsaved: false,
        }
    }

    /// Reads until it is told to stop. `former` is how far a reader was that had its place.
    pub(super) async fn run(mut self, former: Option<Positions>) -> Ended {
        match former {
            Some(former) => self.known = former,
            None => self.load().await,
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
        let save = self.is_unsaved.then(|| {
            self.saved.map_or(Duration::ZERO, |saved| SAVE_INTERVAL.saturating_sub(saved.elapsed()))
        });
        tokio::select! {
            () = shared.stopped() => false,
            Some(delivered) = self.under_way.join_next() => {
                self.settle(delivered.ok());
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
        let Some(present) = blocking(move || find(&patterns, &known, &positions, from_end)).await else {
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

    /// Hands a line on that has been read.
    async fn hand_on(
        &mut self,
        file: FileId,
        path: &str,
        at: u64,
        next: u64,
        line: &[u8],
    ) -> Result<(), Stopping> {
        let text = line::content(line, at == 0);
        if text.len() as u64 > self.settings.line_bytes_max {
            self.shared.pass_over(path, at, too_long(self.settings.line_bytes_max));
        } else if !text.is_empty() {
            self.room(text.len() as u64).await?;
            if let Some(admitted) = self.admit(path, at, text.len() as u64).await? {
                self.begin(file, path, at, next, Bytes::copy_from_slice(text), admitted);
                return Ok(());
            }
        }
        self.change(file, |followed| followed.pass(next));
        Ok(())
    }

    /// Reads a line, now that there is room for it, and hands it on. False if it is not there any more.
    async fn hand_on_long(
        &mut self,
        id: FileId,
        path: &str,
        at: u64,
        length: u64,
        next: u64,
    ) -> Result<bool, Stopping> {
        self.room(length).await?;
        let Some(admitted) = self.admit(path, at, length).await? else { return Ok(true) };
        let Some(file) = self.files.get(&id).map(|followed| Arc::clone(&followed.file)) else {
            return Ok(false);
        };
        let Ok(bytes) = usize::try_from(length) else { return Ok(false) };
        match blocking(move || chunk::exact(&file, at, bytes)).await {
            Some(Ok(line)) => {
                let text = line.slice_ref(line::content(&line, at == 0));
                self.begin(id, path, at, next, text, admitted);
                Ok(true)
            }
            Some(Err(error)) => Ok(self.unreadable(path, &error)),
            None => Ok(false),
        }
    }

    fn begin(&mut self, file: FileId, path: &str, at: u64, next: u64, text: Bytes, admitted: Admitted) {
        let Some(followed) = self.files.get_mut(&file) else { return };
        followed.begin(at, next);
        self.bytes_under_way += text.len() as u64;
        let id = LineId { file, generation: followed.generation, at };
        let line = Line { id, path: path.to_owned(), text, admitted };
        self.under_way.spawn(Arc::clone(&self.shared).deliver(line));
    }

    /// Waits until so many bytes more may be under way.
    async fn room(&mut self, bytes: u64) -> Result<(), Stopping> {
        let shared = Arc::clone(&self.shared);
        while !self.under_way.is_empty()
            && (self.under_way.len() >= LINES_MAX || self.bytes_under_way + bytes > BYTES_MAX)
        {
            tokio::select! {
                () = shared.stopped() => return Err(Stopping),
                delivered = self.under_way.join_next() => self.settle(delivered.and_then(Result::ok)),
            }
            self.save_now_and_then().await;
        }
        if self.shared.is_stopping() { Err(Stopping) } else { Ok(()) }
    }

    /// Waits until there is a place for a line and room for its bytes. `None` if there never will be.
    async fn admit(&mut self, path: &str, at: u64, bytes: u64) -> Result<Option<Admitted>, Stopping> {
        loop {
            let admitted = self.shared.intake.admit();
            // Twice: as text and as what it says.
            let charged =
                admitted.and_then(|admitted| admitted.charge().grow_to(2 * bytes).map(|()| admitted));
            match charged {
                Ok(admitted) => return Ok(Some(admitted)),
                Err(refusal) if refusal.retryable => {
                    let time = refusal.retry_after.unwrap_or(Duration::from_secs(1));
                    if !self.shared.wait(time).await {
                        return Err(Stopping);
                    }
                }
                Err(refusal) => {
                    self.shared.pass_over(path, at, refusal);
                    return Ok(None);
                }
            }
        }
    }

    /// A line's way has ended. One that panicked is not settled, and read again by the next start.
    fn settle(&mut self, delivered: Option<Delivered>) {
        let Some(Delivered { id, bytes, is_settled }) = delivered else { return };
        self.bytes_under_way = self.bytes_under_way.saturating_sub(bytes);
        if is_settled {
            self.is_unsaved = self.settings.storage.is_some();
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

    /// What was kept by a former start. Then files that are found are new.
    async fn load(&mut self) {
        let Some(path) = self.settings.storage.clone() else { return };
        match blocking(move || Positions::load(&path)).await {
            Some(Ok(Some(positions))) => {
                self.known = positions;
                self.from_end = false;
            }
            Some(Err(error)) => {
                tracing::warn!(
                    receiver = self.shared.id, %error,
                    "how far the files were read is not known any more: they are read as at a first start"
                );
            }
            Some(Ok(None)) | None => {}
        }
    }

    async fn save_now_and_then(&mut self) {
        let is_due = self.saved.is_none_or(|saved| saved.elapsed() >= SAVE_INTERVAL);
        if self.is_unsaved && is_due {
            self.save().await;
        }
    }

    /// Keeps how far each file is settled, if there is a place for it, and gives it.
    async fn save(&mut self) -> Positions {
        let files =
            self.files.iter().map(|(id, file)| (*id, Arc::clone(&file.file), file.settled())).collect();
        let path = self.settings.storage.clone();
        let saved = blocking(move || {
            let positions = Positions::of(files);
            let saved = path.map_or(Ok(()), |path| positions.save(&path));
            (positions, saved)
        });
        let Some((positions, saved)) = saved.await else { return Positions::default() };
        if let Err(error) = saved
            && self.shared.unkept.again().is_some()
        {
            tracing::warn!(
                receiver = self.shared.id, %error,
                "how far the files are read could not be kept: the next start reads some lines again"
            );
        }
        self.saved = Some(Instant::now());
        self.is_unsaved = false;
        positions
    }

    async fn end(mut self) -> Ended {
        let told = *self.shared.stop.borrow();
        let deadline = told.unwrap_or_else(Instant::now);
        let all = async {
            while let Some(delivered) = self.under_way.join_next().await {
                self.settle(delivered.ok());
            }
        };
        let is_clean = tokio::time::timeout_at(deadline.into(), all).await.is_ok();
        Ended { positions: self.save().await, is_clean }
    }
}

/// The files of now. Of those that are not known, where to begin. Blocks.
fn find(
    patterns: &Patterns,
    known: &BTreeSet<FileId>,
    positions: &Positions,
    from_end: bool,
) -> Vec<Present> {
    let present = |path: PathBuf| {
        let id = FileId::of(&path.metadata().ok()?);
        if known.contains(&id) {
            return Some(Present { id, path, opened: None });
        }
        // One that may not be read, or is gone already, is as if it were not there.
        let file = File::open(&path).ok()?;
        let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
        let id = FileId::of(&metadata);
        let end = if from_end { metadata.len() } else { 0 };
        let place = positions.place(id, &file).or_else(|| Place::at(&file, end).ok())?;
        Some(Present { id, path, opened: Some((file, place)) })
    };
    patterns.files().into_iter().filter_map(present).collect()
}

/// What `work` gives, which is done where it may block; `None` if weir ends.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    spawn_blocking(work).await.ok()
}

/// For ever, if there is no time.
async fn sleep(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}
