//! The `otlp_json_file` receiver: reads requests from files, one a line, as the `file` exporters of weir and of the Collector write
//! them, and follows what is added. It has no socket; behind [`Intake`] there is no difference to one that has.
//!
//! - `find`: the files that are meant. `followed`: one of them, and how far it is read. `chunk`: what is read at a time.
//! - `line`: what a line is. `delivery`: a line's way until it is settled. `under_way`: how many may be on it.
//! - `positions`: how far each file is settled, for the next reader and, with a storage, for the next start (`keeping`).
//! - `reader`: the task that does it all.
//!
//! A line is settled when the pipelines have answered for good; until then it is handed to them again. So many lines and bytes are
//! under way at a time and no more: files wait. What weir did not settle before its end is read again.

mod chunk;
mod delivery;
mod find;
mod followed;
mod keeping;
mod line;
mod positions;
mod reader;
mod under_way;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::reader::{Ended, Reader};
use super::intake::Intake;

/// How the lines of files come in, for the metrics.
pub const FILE_TRANSPORT: &str = "file";

/// What is read, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileReceiverSettings {
    /// The receiver's id.
    pub id: String,
    /// Patterns of the files to read. They are valid.
    pub include: Vec<String>,
    /// Patterns of those that are not to be read.
    pub exclude: Vec<String>,
    /// Whether what is in the files at the start is read.
    pub from_beginning: bool,
    /// How often to look at the files, beside the times when the system reports something.
    pub poll_interval: Option<Duration>,
    /// Whether to begin anew when everything was read.
    pub replay: bool,
    /// The longest line, in bytes.
    pub line_bytes_max: u64,
    /// How many files are followed at a time.
    pub files_max: usize,
    /// Where it is kept how far each file is settled.
    pub storage: Option<PathBuf>,
}

/// A receiver at work. Dropped, it ends at once.
pub struct FileReceiver {
    intake: Arc<Intake>,
    /// By when to have ended.
    stop: watch::Sender<Option<Instant>>,
    task: Option<JoinHandle<Ended>>,
}

impl FileReceiver {
    /// Reads from now on. One that takes the place of another waits for its end, and goes on where that was.
    pub fn start(
        settings: FileReceiverSettings,
        intake: Arc<Intake>,
        former: Option<FileReceiver>,
        deadline: Instant,
    ) -> Self {
        let (stop, stopped) = watch::channel(None);
        let reader = Reader::new(settings, Arc::clone(&intake), stopped);
        let former = former.map(|former| former.end(deadline));
        let task = tokio::spawn(async move {
            let former = match former {
                Some(former) => Some(former.await.positions),
                None => None,
            };
            reader.run(former).await
        });
        FileReceiver { intake, stop, task: Some(task) }
    }

    /// Where the lines go in.
    pub fn intake(&self) -> &Arc<Intake> {
        &self.intake
    }

    /// Reads no more, and lets the lines that are under way be answered until the deadline. Returns whether they all were.
    pub async fn stop(self, deadline: Instant) -> bool {
        self.end(deadline).await.is_clean
    }

    /// How far it was, when it has ended. It is told to at once.
    fn end(mut self, deadline: Instant) -> impl Future<Output = Ended> + Send + 'static {
        self.stop.send_replace(Some(deadline));
        let task = self.task.take();
        async move {
            match task {
                Some(task) => task.await.unwrap_or_default(),
                None => Ended::default(),
            }
        }
    }
}

impl Drop for FileReceiver {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Makes the directory of what is kept.
///
/// # Errors
/// Why it cannot be used.
pub fn prepare_storage(file: &std::path::Path) -> Result<(), String> {
    positions::prepare(file)
}

/// What `work` gives, which is done where it may block; `None` if weir ends.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}

#[cfg(test)]
mod tests;
