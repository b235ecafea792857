//! Writes down which records are settled, a file beside each segment.
//!
//! An entry has its place in the file before it is written, so entries are written without a lock, in any order. A place
//! that stays empty, after an error, is no entry: its record comes back after a restart, which is the safe side.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::files::{Files, OpenFile};
use super::format::{ENTRY_BYTES, SEQUENCE_MAX, SegmentName};
use super::window::Window;

/// An entry that is to be written, with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) place: u64,
    pub(super) sequence: u64,
}

/// The journals of one directory.
pub(super) struct Journals {
    directory: PathBuf,
    files: Arc<dyn Files>,
    /// The one that was written last. Records are mostly settled in their order, so it is mostly the next one, too.
    last: Mutex<Option<(SegmentName, Arc<dyn OpenFile>)>>,
}

/// What a journal says.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// The sequence numbers, in order.
    pub(super) sequences: Vec<u64>,
    /// Where the damage at the end of the segment begins that was counted by an earlier start.
    pub(super) counted_tail: Option<u64>,
    /// The place of the next entry.
    pub(super) next_place: u64,
    pub(super) damaged: bool,
}

// === impl Journals ===

impl Journals {
    pub(super) fn new(directory: PathBuf, files: Arc<dyn Files>) -> Self {
        Journals { directory, files, last: Mutex::new(None) }
    }

    pub(super) fn path(&self, segment: SegmentName) -> PathBuf {
        self.directory.join(segment.journal_file())
    }

    /// Makes the file of a new segment, so that settling need not.
    pub(super) fn create(&self, segment: SegmentName) {
        // Without it, the first entry makes it.
        if let Ok(file) = self.files.create(&self.path(segment)) {
            self.keep(segment, file);
        }
    }

    /// Writes entries as far as the page cache: the end of the process does not undo that.
    pub(super) fn write(&self, segment: SegmentName, entries: &[Entry]) -> io::Result<()> {
        let file = self.file(segment)?;
        entries
            .iter()
            .try_for_each(|entry| file.write_at(&[&segment.entry(entry.sequence)], entry.place * ENTRY_BYTES))
    }

    pub(super) fn sync(&self, segment: SegmentName) -> io::Result<()> {
        self.file(segment)?.sync()
    }

    pub(super) fn remove(&self, segment: SegmentName) -> io::Result<()> {
        self.lock().take_if(|(last, _)| *last == segment);
        match self.files.remove(&self.path(segment)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    /// What the journal of a segment says; nothing if there is none, or if it cannot be read.
    pub(super) fn read(&self, segment: SegmentName) -> Settled {
        let read = || -> io::Result<Settled> {
            let file = self.files.open(&self.path(segment))?;
            let mut window = Window::new(&*file)?;
            let mut settled = Settled::default();
            let mut at = 0;
            while at < window.size() {
                // The last entry may be half written. The next one takes its place: behind it, zeros would fill what is
                // missing of it, and in one of 256 cases that makes it whole.
                if at + ENTRY_BYTES > window.size() {
                    break;
                }
                match segment.check_entry(window.at(at, ENTRY_BYTES as usize)?) {
                    Some(sequence) => settled.add(sequence),
                    None => settled.damaged = true,
                }
                settled.next_place += 1;
                at += ENTRY_BYTES;
            }
            settled.sequences.sort_unstable();
            settled.sequences.dedup();
            Ok(settled)
        };
        match read() {
            Ok(settled) => settled,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Settled::default(),
            Err(_) => Settled { damaged: true, ..Settled::default() },
        }
    }

    fn file(&self, segment: SegmentName) -> io::Result<Arc<dyn OpenFile>> {
        if let Some((last, file)) = &*self.lock()
            && *last == segment
        {
            return Ok(Arc::clone(file));
        }
        let path = self.path(segment);
        let file = match self.files.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.files.create(&path)?,
            opened => opened?,
        };
        self.keep(segment, Arc::clone(&file));
        Ok(file)
    }

    fn keep(&self, segment: SegmentName, file: Arc<dyn OpenFile>) {
        *self.lock() = Some((segment, file));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(SegmentName, Arc<dyn OpenFile>)>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Settled ===

impl Settled {
    /// The entry that says that damage from here to the end of the segment is counted. It stands where no sequence number is.
    pub(super) fn tail_entry(start: u64) -> u64 {
        SEQUENCE_MAX + 1 + start.min(SEQUENCE_MAX)
    }

    fn add(&mut self, entry: u64) {
        match entry.checked_sub(SEQUENCE_MAX + 1) {
            None => self.sequences.push(entry),
            Some(start) => {
                self.counted_tail = Some(self.counted_tail.map_or(start, |least| least.min(start)))
            }
        }
    }

    pub(super) fn contains(&self, sequence: u64) -> bool {
        self.sequences.binary_search(&sequence).is_ok()
    }

    /// How many of these numbers are in it.
    pub(super) fn count(&self, range: &std::ops::Range<u64>) -> u64 {
        let below = |end: u64| self.sequences.partition_point(|sequence| *sequence < end) as u64;
        below(range.end) - below(range.start)
    }
}
