//! Takes stock of a directory when the log is opened: what waits, what is lost, and what can go.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::files::Files;
use super::format::{FileKind, PAYLOAD_BYTES_MAX, SEGMENT_BYTES_MAX, SegmentName};
use super::journal::{Journals, Settled};
use super::lock::{LOCK_FILE, PROBE_FILE};
use super::scan::{Scan, scan};
use super::state::{Location, Segment, State};
use crate::storage::{RecordId, Recovered, StorageError, Stored};

/// A segment with one record of the largest size. No file of the log is larger.
const FILE_BYTES_MAX: u64 = SEGMENT_BYTES_MAX + 2 * PAYLOAD_BYTES_MAX;

/// Reads every file of the log. The state that comes back has the work in it that is to be done.
pub(super) fn recover(
    directory: &Path,
    files: &Arc<dyn Files>,
    journals: &Journals,
) -> Result<(State, Recovered), StorageError> {
    let mut recovery = Recovery {
        directory,
        files,
        journals,
        state: State { next: 1, ..State::default() },
        recovered: Recovered::default(),
    };
    let (segments, orphans) = recovery.list()?;
    for name in segments {
        recovery.segment(name)?;
    }
    for name in orphans {
        recovery.remove_journal(name);
    }
    Ok((recovery.state, recovery.recovered))
}

struct Recovery<'a> {
    directory: &'a Path,
    files: &'a Arc<dyn Files>,
    journals: &'a Journals,
    state: State,
    recovered: Recovered,
}

// === impl Recovery ===

impl Recovery<'_> {
    /// The segments in their order, and the journals that have lost theirs.
    fn list(&mut self) -> Result<(Vec<SegmentName>, Vec<SegmentName>), StorageError> {
        let listed = self.files.list(self.directory);
        let (mut segments, mut journals) = (Vec::new(), Vec::new());
        for entry in listed.map_err(|error| super::lock::unusable(self.directory, &error))? {
            match FileKind::parse(&entry.name).filter(|_| entry.is_file) {
                Some(FileKind::Segment(name)) => segments.push(name),
                Some(FileKind::Journal(name)) => journals.push(name),
                None if [LOCK_FILE, PROBE_FILE].contains(&entry.name.as_str()) => {}
                None => self.leave_alone(&entry.name),
            }
        }
        segments.sort_unstable();
        journals.retain(|name| segments.binary_search(name).is_err());
        Ok((segments, journals))
    }

    fn segment(&mut self, name: SegmentName) -> Result<(), StorageError> {
        let path = self.directory.join(name.segment_file());
        let failed = |action, error| StorageError::io(action, &path, error);
        let file = self.files.open(&path).map_err(|error| failed("open", error))?;
        if file.size().map_err(|error| failed("read", error))? > FILE_BYTES_MAX {
            self.leave_alone(&name.segment_file());
            return Ok(());
        }
        let settled = self.journals.read(name);
        let scan = scan(name, &*file).map_err(|error| failed("read", error))?;
        if let Some(version) = scan.newer {
            return Err(StorageError::Newer { path, version });
        }
        if scan.torn_bytes > 0 && !scan.unreadable {
            // If it stays, the next start finds it again, to the same effect.
            let _ = file.truncate(scan.end);
        }
        self.report(name, &scan, &settled);
        self.index(name, &scan, settled);
        Ok(())
    }

    fn report(&mut self, name: SegmentName, scan: &Scan, settled: &Settled) {
        let length = |range: &Range<u64>| range.end - range.start;
        // A damaged record that was settled is no loss.
        let lost: u64 = scan.missing.iter().map(|range| length(range) - settled.count(range)).sum();
        let tail = uncounted_tail(scan, settled).is_some();
        let lost = lost + scan.unnumbered + u64::from(tail);
        let recovered = &mut self.recovered;
        recovered.torn_bytes += scan.torn_bytes;
        recovered.damaged_records += lost;
        recovered.damaged_journals += u64::from(settled.damaged);
        // Not again, if it is of records that are settled or were counted before.
        if lost > 0 || (scan.missing.is_empty() && scan.unknown_tail.is_none()) {
            recovered.damaged_bytes += scan.damaged_bytes;
        }
        if lost > 0 {
            tracing::error!(
                file = %name.segment_file(), records = lost, bytes = scan.damaged_bytes,
                "a file of the queue is damaged, and these records are lost; check the disk",
            );
        }
        if settled.damaged {
            tracing::warn!(
                file = %name.journal_file(),
                "a journal of the queue is damaged; some batches may be sent twice",
            );
        }
    }

    fn index(&mut self, name: SegmentName, scan: &Scan, settled: Settled) {
        let mut segment = Segment {
            sealed: true,
            kept: scan.unreadable,
            next_place: settled.next_place,
            ..Segment::default()
        };
        for found in &scan.records {
            let header = &found.header;
            self.state.next = self.state.next.max(header.sequence + 1);
            if settled.contains(header.sequence) || self.state.records.contains_key(&header.sequence) {
                continue;
            }
            segment.unsettled += 1;
            let location =
                Location { segment: name, offset: found.offset, payload_bytes: header.payload_bytes };
            self.state.records.insert(header.sequence, location);
            self.recovered.waiting.push(Stored {
                id: RecordId(header.sequence),
                signal: header.signal,
                items: header.items,
                bytes: u64::from(header.payload_bytes),
            });
        }
        self.state.next = scan.missing.iter().map(|range| range.end).fold(self.state.next, u64::max);
        if segment.unsettled == 0 && !segment.kept {
            segment.kept = true;
            self.state.segments.insert(name, segment);
            self.state.doomed.push(name);
            return;
        }
        self.state.segments.insert(name, segment);
        self.give_up(name, scan, &settled);
    }

    /// Writes down which records are lost, so that the next start does not count them again.
    fn give_up(&mut self, name: SegmentName, scan: &Scan, settled: &Settled) {
        let missing = scan.missing.iter().cloned().flatten();
        let lost = missing.filter(|sequence| !settled.contains(*sequence));
        let tail = uncounted_tail(scan, settled).map(Settled::tail_entry);
        for entry in lost.chain(tail) {
            let entries = self.state.entries(name, entry..entry + 1);
            if self.journals.write(name, &entries).is_err() {
                return;
            }
        }
    }

    fn leave_alone(&mut self, file_name: &str) {
        self.recovered.foreign_files += 1;
        tracing::warn!(
            directory = %self.directory.display(), file = file_name,
            "this file in the directory of a queue is not the queue's, and is left alone",
        );
    }

    fn remove_journal(&self, name: SegmentName) {
        // It does no harm; the next start tries again.
        let _ = self.journals.remove(name);
    }
}

/// The damage at the end of a segment, if none of the starts before has counted it. It is one record or more.
fn uncounted_tail(scan: &Scan, settled: &Settled) -> Option<u64> {
    scan.unknown_tail.filter(|start| settled.counted_tail.is_none_or(|counted| *start < counted))
}
