//! What is in the log, and what waits to be written: all in memory, behind one lock that is never held while a file is touched.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::format::{RecordHeader, SEQUENCE_MAX, SegmentName};
use super::journal::Entry;
use crate::storage::{RecordId, StorageError};

/// Where a record is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Location {
    pub(super) segment: SegmentName,
    pub(super) offset: u64,
    pub(super) payload_bytes: u32,
}

/// One segment that is not deleted.
#[derive(Debug, Default)]
pub(super) struct Segment {
    /// Records that are not settled, or whose settling is not written down yet.
    pub(super) unsettled: u64,
    /// It gets no more records, so it goes once all are settled.
    pub(super) sealed: bool,
    /// It does not go when nothing in it is waiting: part of it could not be read, or it is to go already.
    pub(super) kept: bool,
    /// The place of the journal's next entry.
    pub(super) next_place: u64,
    /// Entries that could not be written, to be tried again. No more than there are records.
    pub(super) unwritten: Vec<Entry>,
    /// Entries were written since the last sync.
    pub(super) unsynced: bool,
    /// A sync of the journal failed: what the disk has of it is not known any more, and no later sync can tell.
    pub(super) journal_broken: bool,
}

/// A batch on its way to the disk.
pub(super) struct Waiting {
    /// Its sequence number is given out when it is written.
    pub(super) header: RecordHeader,
    pub(super) payload: Bytes,
    pub(super) answer: oneshot::Sender<Result<RecordId, StorageError>>,
}

/// The index and the work.
#[derive(Default)]
pub(super) struct State {
    /// The next sequence number.
    pub(super) next: u64,
    /// The records that are not settled.
    pub(super) records: BTreeMap<u64, Location>,
    pub(super) segments: BTreeMap<SegmentName, Segment>,
    /// Appends that wait, bounded by the places that [`super::DiskLog`] gives out.
    pub(super) waiting: VecDeque<Waiting>,
    /// Syncs that wait, bounded in the same way.
    pub(super) syncs: Vec<oneshot::Sender<Result<(), StorageError>>>,
    /// Segments that are to be deleted.
    pub(super) doomed: Vec<SegmentName>,
    /// Whether a writer is at work. It is started with the first work and ends with the last.
    pub(super) running: bool,
}

// === impl State ===

impl State {
    pub(super) fn has_work(&self) -> bool {
        !self.waiting.is_empty() || !self.syncs.is_empty() || !self.doomed.is_empty()
    }

    /// The record is settled from here on: what is to be written down about it, and about those that could not be
    /// written down before. `None` if there is no such record.
    pub(super) fn settle(&mut self, sequence: u64) -> Option<(SegmentName, Vec<Entry>)> {
        let location = self.records.remove(&sequence)?;
        let segment = self.segments.get_mut(&location.segment)?;
        let mut entries = std::mem::take(&mut segment.unwritten);
        entries.push(Entry { place: segment.next_place, sequence });
        segment.next_place += 1;
        Some((location.segment, entries))
    }

    /// What became of the entries of one record that was settled. True if there is work for the writer now.
    pub(super) fn settled(&mut self, name: SegmentName, entries: Vec<Entry>, written: bool) -> bool {
        let Some(segment) = self.segments.get_mut(&name) else { return false };
        segment.unsettled = segment.unsettled.saturating_sub(1);
        segment.unsynced = true;
        if !written {
            segment.unwritten.extend(entries);
        }
        self.doom_if_done(name)
    }

    /// Whether nothing in the segment waits.
    pub(super) fn is_settled(&self, name: SegmentName) -> bool {
        self.segments.get(&name).is_some_and(|segment| segment.unsettled == 0)
    }

    /// The segment gets no more records.
    pub(super) fn seal(&mut self, name: SegmentName) {
        if let Some(segment) = self.segments.get_mut(&name) {
            segment.sealed = true;
        }
        self.doom_if_done(name);
    }

    /// Places for entries in the journal of a segment.
    pub(super) fn entries(&mut self, name: SegmentName, sequences: std::ops::Range<u64>) -> Vec<Entry> {
        let Some(segment) = self.segments.get_mut(&name) else { return Vec::new() };
        let first = segment.next_place;
        segment.next_place += sequences.end.saturating_sub(sequences.start);
        (first..).zip(sequences).map(|(place, sequence)| Entry { place, sequence }).collect()
    }

    /// Numbers for so many records; `None` when there are no more, which no log lives to see.
    pub(super) fn numbers(&self, records: u64) -> Option<std::ops::Range<u64>> {
        let end = self.next.checked_add(records).filter(|end| *end <= SEQUENCE_MAX)?;
        Some(self.next..end)
    }

    fn doom_if_done(&mut self, name: SegmentName) -> bool {
        let done = |segment: &&mut Segment| segment.sealed && !segment.kept && segment.unsettled == 0;
        let Some(segment) = self.segments.get_mut(&name).filter(done) else { return false };
        // Until it is deleted, its journal is as good as that of any other; and it is deleted once.
        segment.kept = true;
        self.doomed.push(name);
        true
    }
}
