//! Writes to the disk: appends in groups, each with one write and one sync, then deletions, then syncs of journals.
//!
//! It runs on a blocking thread while there is work. What is appended during one group's sync is the next group.

use std::ops::Range;
use std::sync::{Arc, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::Shared;
use super::files::{OpenFile, is_full};
use super::format::{FILE_HEADER_BYTES, SegmentName};
use super::journal::Entry;
use super::state::{Location, Segment, Waiting};
use crate::storage::{RecordId, StorageError};

/// What only the writer that is at work touches.
#[derive(Default)]
pub(super) struct Writer {
    active: Option<Active>,
}

/// The segment that records are appended to. It was made by this process: what an earlier one wrote is never added to.
struct Active {
    name: SegmentName,
    file: Arc<dyn OpenFile>,
    /// Where the next record goes; 0 if there is no file header yet.
    end: u64,
    /// The directory was synced since the file was made.
    in_directory: bool,
}

/// A group that was not written.
struct Failure {
    error: StorageError,
    /// The segment may take no more records.
    seal: bool,
}

enum Answer {
    Appended(oneshot::Sender<Result<RecordId, StorageError>>, Result<RecordId, StorageError>),
    Synced(oneshot::Sender<Result<(), StorageError>>, Result<(), StorageError>),
}

/// Starts a writer if there is work and none is running.
pub(super) fn start(shared: &Arc<Shared>) {
    {
        let mut state = shared.state();
        if state.running || !state.has_work() {
            return;
        }
        state.running = true;
    }
    let run = Run { shared: Some(Arc::clone(shared)) };
    // Without a runtime nobody waits for an answer: it is a deletion, which the next writer does.
    if let Ok(runtime) = Handle::try_current() {
        drop(runtime.spawn_blocking(move || run.work()));
    }
}

/// A writer at work, or about to be.
struct Run {
    shared: Option<Arc<Shared>>,
}

// === impl Run ===

impl Run {
    fn work(mut self) {
        while let Some(shared) = &self.shared {
            let answers = shared.round();
            answers.iter().filter_map(Answer::unheard).for_each(|id| {
                shared.settle(id);
            });
            let log = Arc::downgrade(shared);
            let more = {
                let mut state = shared.state();
                state.running = state.has_work();
                state.running
            };
            if !more {
                // Before the answers: whoever has the last one may close the log and open it again.
                self.shared = None;
            }
            for answer in answers {
                // If the log is closed by now, the record comes back with its next start.
                if let Some(unheard) = answer.give()
                    && let Some(shared) = log.upgrade()
                    && shared.settle(unheard)
                {
                    start(&shared);
                }
            }
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // The runtime did not run it, or it panicked. Those who wait are told by the end of their channels.
        if let Some(shared) = self.shared.take() {
            let mut state = shared.state();
            state.running = false;
            let left = (std::mem::take(&mut state.waiting), std::mem::take(&mut state.syncs));
            drop(state);
            drop(left);
        }
    }
}

// === impl Answer ===

impl Answer {
    /// The record of an append that nobody waits for any more.
    fn unheard(&self) -> Option<RecordId> {
        match self {
            Answer::Appended(to, Ok(id)) if to.is_closed() => Some(*id),
            _ => None,
        }
    }

    /// Gives it, and hands back the record of an append that nobody waits for any more.
    fn give(self) -> Option<RecordId> {
        match self {
            Answer::Appended(to, result) => to.send(result).err().and_then(Result::ok),
            Answer::Synced(to, result) => {
                let _ = to.send(result);
                None
            }
        }
    }
}

// === impl Shared ===

impl Shared {
    /// Does a part of the work.
    fn round(&self) -> Vec<Answer> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut answers = self.append_group(&mut writer);
        self.delete_doomed();
        answers.extend(self.sync_journals());
        answers
    }

    fn append_group(&self, writer: &mut Writer) -> Vec<Answer> {
        let group = self.take_group(writer);
        let Some(numbers) = self.state().numbers(group.len() as u64).filter(|_| !group.is_empty()) else {
            return Vec::new();
        };
        let active = match self.active(writer, numbers.start) {
            Ok(active) => active,
            Err(error) => return refuse(group, &error),
        };
        let (name, start) = (active.name, active.end.max(FILE_HEADER_BYTES));
        match self.write_group(active, &group, numbers.clone()) {
            Ok(()) => self.index_group(name, start, group, numbers),
            Err(failure) => {
                if failure.seal {
                    writer.active = None;
                    self.give_up(name, numbers);
                } else if start > FILE_HEADER_BYTES && self.state().is_settled(name) {
                    // The disk is full, perhaps of this: nothing in it waits any more, so it can go.
                    writer.active = None;
                    self.state().seal(name);
                }
                refuse(group, &failure.error)
            }
        }
    }

    /// The appends that go into the segment together. If not even the first one fits, the segment is full.
    fn take_group(&self, writer: &mut Writer) -> Vec<Waiting> {
        let mut state = self.state();
        state.waiting.retain(|waiting| !waiting.answer.is_closed());
        let mut end = writer.active.as_ref().map_or(0, |active| active.end).max(FILE_HEADER_BYTES);
        let Some(first) = state.waiting.front() else { return Vec::new() };
        if end > FILE_HEADER_BYTES && end + first.header.record_bytes() > self.settings.segment_bytes {
            if let Some(full) = writer.active.take() {
                state.seal(full.name);
            }
            end = FILE_HEADER_BYTES;
        }
        let mut group = Vec::new();
        while let Some(next) = state.waiting.front() {
            end += next.header.record_bytes();
            // A segment takes one record whatever its size.
            if !group.is_empty() && end > self.settings.segment_bytes {
                break;
            }
            group.extend(state.waiting.pop_front());
        }
        group
    }

    /// The segment to append to, a new one if need be.
    fn active<'w>(&self, writer: &'w mut Writer, first: u64) -> Result<&'w mut Active, StorageError> {
        let active = match writer.active.take() {
            Some(active) => active,
            None => {
                let name = SegmentName { first, salt: rand::random() };
                let path = self.path(name);
                let file =
                    self.files.create(&path).map_err(|error| StorageError::io("create", &path, error))?;
                self.journals.create(name);
                self.state().segments.insert(name, Segment::default());
                Active { name, file, end: 0, in_directory: false }
            }
        };
        Ok(writer.active.insert(active))
    }

    fn write_group(
        &self,
        active: &mut Active,
        group: &[Waiting],
        numbers: Range<u64>,
    ) -> Result<(), Failure> {
        let path = self.path(active.name);
        let file_header = active.name.file_header();
        let headers: Vec<_> = numbers
            .zip(group)
            .map(|(sequence, waiting)| {
                super::format::RecordHeader { sequence, ..waiting.header }.encode(active.name)
            })
            .collect();
        let mut parts: Vec<&[u8]> = Vec::with_capacity(1 + 2 * group.len());
        if active.end == 0 {
            parts.push(&file_header);
        }
        parts.extend(headers.iter().zip(group).flat_map(|(header, waiting)| [&header[..], &waiting.payload]));

        if let Err(error) = active.file.write_at(&parts, active.end) {
            // What is written of it is taken away again; only then may something else take its place.
            let cut = active.file.truncate(active.end);
            let seal = !is_full(&error) || cut.is_err();
            return Err(Failure { error: StorageError::io("write to", &path, error), seal });
        }
        let synced = active.file.sync().map_err(|error| StorageError::io("sync", &path, error));
        let synced = synced.and_then(|()| match active.in_directory {
            true => Ok(()),
            false => self.sync_directory(),
        });
        if let Err(error) = synced {
            // After a failed sync the system takes the data for written, and a second sync would succeed
            // without them: this file is never trusted with a record again.
            let _ = active.file.truncate(active.end);
            return Err(Failure { error, seal: true });
        }
        active.in_directory = true;
        active.end += parts.iter().map(|part| part.len() as u64).sum::<u64>();
        Ok(())
    }

    fn index_group(
        &self,
        name: SegmentName,
        start: u64,
        group: Vec<Waiting>,
        numbers: Range<u64>,
    ) -> Vec<Answer> {
        let mut state = self.state();
        state.next = numbers.end;
        if let Some(segment) = state.segments.get_mut(&name) {
            segment.unsettled += group.len() as u64;
        }
        let mut offset = start;
        let index = |(sequence, waiting): (u64, Waiting)| {
            let location = Location { segment: name, offset, payload_bytes: waiting.header.payload_bytes };
            offset += waiting.header.record_bytes();
            state.records.insert(sequence, location);
            Answer::Appended(waiting.answer, Ok(RecordId(sequence)))
        };
        numbers.zip(group).map(index).collect()
    }

    /// These numbers were written into the segment in vain. If some of it is on the disk all the same, it is not to come back.
    fn give_up(&self, name: SegmentName, numbers: Range<u64>) {
        let entries = {
            let mut state = self.state();
            state.next = numbers.end;
            state.entries(name, numbers)
        };
        // If this fails too, they come back, and are sent twice.
        let _ = self.journals.write(name, &entries);
        self.state().seal(name);
    }

    pub(super) fn delete_doomed(&self) {
        let doomed = std::mem::take(&mut self.state().doomed);
        for name in doomed {
            let path = self.path(name);
            // The journal last: without it, everything in the segment would come back.
            let removed = self.files.remove(&path).and_then(|()| self.journals.remove(name));
            let Err(error) = removed else {
                self.state().segments.remove(&name);
                continue;
            };
            if let Some(suppressed) = self.failures.may_log() {
                tracing::warn!(
                    file = %path.display(), %error, suppressed,
                    "cannot delete a file of the queue that is done with; the next start tries again",
                );
            }
        }
    }

    fn sync_journals(&self) -> Vec<Answer> {
        let (asked, unsynced) = {
            let mut state = self.state();
            let asked = std::mem::take(&mut state.syncs);
            let wanted = |segment: &Segment| {
                segment.unsynced || segment.journal_broken || !segment.unwritten.is_empty()
            };
            let all = state.segments.iter_mut().filter(|(_, segment)| !asked.is_empty() && wanted(segment));
            let unsynced: Vec<(SegmentName, Vec<Entry>)> = all
                .map(|(name, segment)| {
                    segment.unsynced = false;
                    (*name, std::mem::take(&mut segment.unwritten))
                })
                .collect();
            (asked, unsynced)
        };
        if asked.is_empty() {
            return Vec::new();
        }
        let mut result = Ok(());
        for (name, entries) in unsynced {
            result = result.and(self.sync_journal(name, entries));
        }
        // Last, for it makes durable that a journal is there at all.
        let result = result.and(self.sync_directory());
        asked.into_iter().map(|to| Answer::Synced(to, result.clone())).collect()
    }

    fn sync_journal(&self, name: SegmentName, entries: Vec<Entry>) -> Result<(), StorageError> {
        let path = self.journals.path(name);
        if let Err(error) = self.journals.write(name, &entries) {
            if let Some(segment) = self.state().segments.get_mut(&name) {
                segment.unwritten.extend(entries);
                segment.unsynced = true;
            }
            return Err(StorageError::io("write to", &path, error));
        }
        let broken = self.state().segments.get(&name).is_some_and(|segment| segment.journal_broken);
        let synced = match broken {
            true => Err(std::io::Error::other("an earlier sync of it failed")),
            false => self.journals.sync(name),
        };
        synced.map_err(|error| {
            if let Some(segment) = self.state().segments.get_mut(&name) {
                segment.journal_broken = true;
            }
            StorageError::io("sync", &path, error)
        })
    }

    fn sync_directory(&self) -> Result<(), StorageError> {
        self.files
            .sync_directory(&self.directory)
            .map_err(|error| StorageError::io("sync", &self.directory, error))
    }
}

fn refuse(group: Vec<Waiting>, error: &StorageError) -> Vec<Answer> {
    group.into_iter().map(|waiting| Answer::Appended(waiting.answer, Err(error.clone()))).collect()
}
