//! Where batches go that will not be sent: files of OTLP/JSON, one request a line, for people to look at and to send again, or for
//! the `otlp_json_file` receiver.
//!
//! `DIRECTORY/EXPORTER.SIGNAL.jsonl` is written to; once it has half of what it may take it becomes `….jsonl.1`, in place of the
//! one before.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus::IntCounterVec;
use weir_otlp::Signal;
use weir_pipeline::{Batch, DeadLetters, ExportError};

use crate::records::{Framing, RecordFile, json_line};
use crate::service::file_name;

/// A failure to write is logged once in this time.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// What one exporter keeps, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterSettings {
    /// Made if it is missing.
    pub directory: PathBuf,
    /// For each signal.
    pub bytes_max: u64,
}

/// The files of one exporter.
pub struct DeadLetterFiles {
    settings: DeadLetterSettings,
    exporter: String,
    /// By exporter, signal and result: `kept` or `lost`.
    items: IntCounterVec,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<Signal, RecordFile>,
    logged: Option<Instant>,
}

impl DeadLetterSettings {
    /// Makes the directory.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn prepare(&self) -> Result<(), String> {
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.directory);
        made.map_err(|error| format!("cannot make {}: {error}", self.directory.display()))
    }
}

impl DeadLetterFiles {
    /// `exporter` is its id. Nothing is opened before there is something to write.
    pub fn new(settings: DeadLetterSettings, exporter: &str, items: IntCounterVec) -> Self {
        DeadLetterFiles { settings, exporter: exporter.to_owned(), items, state: Mutex::default() }
    }

    fn write(&self, batch: &Batch) -> Result<(), String> {
        let line = json_line(batch.signal, &batch.payload).map_err(|error| error.to_string())?;
        let name = format!("{}.{}.jsonl", file_name(&self.exporter), batch.signal.name());
        let path = self.settings.directory.join(name);
        let mut state = self.lock();
        let open = state.files.remove(&batch.signal);
        // If it fails the file is closed: it may have been removed, or the disk been full, and the next one opens it anew.
        let written = append(open, &path, &line, self.settings.bytes_max / 2);
        let file = written.map_err(|error| format!("{}: {error}", path.display()))?;
        state.files.insert(batch.signal, file);
        Ok(())
    }

    fn tell(&self, reason: &str) {
        let mut state = self.lock();
        if state.logged.is_none_or(|logged| logged.elapsed() >= LOG_INTERVAL) {
            state.logged = Some(Instant::now());
            tracing::error!(
                exporter = self.exporter,
                error = reason,
                "a dead letter could not be kept and is lost"
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DeadLetters for DeadLetterFiles {
    fn keep(&self, batch: &Batch, _: &ExportError) {
        let written = tokio::task::block_in_place(|| self.write(batch));
        let result = if written.is_ok() { "kept" } else { "lost" };
        self.items.with_label_values(&[&self.exporter, batch.signal.name(), result]).inc_by(batch.items);
        if let Err(reason) = written {
            self.tell(&reason);
        }
    }
}

/// Writes a line to the file that is open or to the one at the path, and gives that back.
fn append(open: Option<RecordFile>, path: &Path, line: &[u8], bytes_max: u64) -> io::Result<RecordFile> {
    let mut file = match open.filter(RecordFile::is_in_place) {
        Some(file) => file,
        None => RecordFile::open(path, Framing::Lines)?,
    };
    let bytes = file.len()?;
    if bytes > 0 && bytes + line.len() as u64 > bytes_max {
        let mut former = path.as_os_str().to_owned();
        former.push(".1");
        file = file.make_way(Path::new(&former))?;
    }
    file.append(line)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use prometheus::Opts;

    use super::*;

    fn files(directory: &Path, bytes_max: u64) -> DeadLetterFiles {
        let labels = ["exporter", "otel_signal", "result"];
        let items = IntCounterVec::new(Opts::new("items", "items"), &labels).unwrap();
        let settings = DeadLetterSettings { directory: directory.to_owned(), bytes_max };
        settings.prepare().unwrap();
        DeadLetterFiles::new(settings, "up", items)
    }

    fn batch() -> Batch {
        // One log record with severity 9.
        Batch::new(Signal::Logs, Bytes::from_static(&[10, 6, 18, 4, 18, 2, 16, 9]), 1)
    }

    const LINE: &str = "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"severityNumber\":9}]}]}]}\n";

    #[tokio::test(flavor = "multi_thread")]
    async fn each_request_is_a_line_of_otlp_json_and_the_oldest_make_room() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("made");
        let letters = files(&directory, 5 * LINE.len() as u64);
        let text = |name: &str| std::fs::read_to_string(directory.join(name)).unwrap();
        let error = ExportError::permanent(3, "no");
        for _ in 0..2 {
            letters.keep(&batch(), &error);
        }
        assert_eq!(text("up.logs.jsonl"), LINE.repeat(2));
        for _ in 0..3 {
            letters.keep(&batch(), &error);
        }
        assert_eq!((text("up.logs.jsonl.1"), text("up.logs.jsonl")), (LINE.repeat(2), LINE.to_owned()));
        assert_eq!(letters.items.with_label_values(&["up", "logs", "kept"]).get(), 5);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_letter_that_a_crash_has_torn_costs_no_other_and_a_file_that_is_taken_away_is_made_again() {
        let home = tempfile::tempdir().unwrap();
        let letters = files(home.path(), 1 << 20);
        let path = home.path().join("up.logs.jsonl");
        std::fs::write(&path, "{\"resourceLo").unwrap();
        let error = ExportError::permanent(3, "no");
        letters.keep(&batch(), &error);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{{\"resourceLo\n{LINE}"));
        std::fs::remove_file(&path).unwrap();
        letters.keep(&batch(), &error);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), LINE);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_no_request_is_counted_as_lost() {
        let home = tempfile::tempdir().unwrap();
        let letters = files(home.path(), 1000);
        let broken = Batch { payload: Bytes::from_static(&[10, 9]), ..batch() };
        letters.keep(&broken, &ExportError::permanent(3, "no"));
        assert_eq!(letters.items.with_label_values(&["up", "logs", "lost"]).get(), 1);
    }
}
