//! Finds the records of a segment, whatever has become of the file.
//!
//! A record is accepted if its checksums hold and its sequence number comes behind that of the record before it. From
//! anything else the scan goes on byte by byte to the next record that is accepted. The bytes in between are damage; at
//! the end of the file they may also be a write that was under way when the process or the machine stopped.

use std::io;
use std::ops::Range;

use super::files::OpenFile;
use super::format::{
    FILE_HEADER_BYTES, FileHeader, RECORD_HEADER_BYTES, RECORD_MAGIC, RecordHeader, SEGMENT_BYTES_MAX,
    SegmentName,
};
use super::window::{WINDOW_BYTES, Window};

/// The records that the largest segment has at most; a sequence number further off is none of this segment's.
const RECORDS_MAX: u64 = SEGMENT_BYTES_MAX / RECORD_HEADER_BYTES;

/// What a segment holds.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The records that are whole, in order.
    pub(super) records: Vec<Found>,
    /// Sequence numbers whose records are not to be found any more.
    pub(super) missing: Vec<Range<u64>>,
    /// Damaged places from which no record is missing by number, where one may be missing all the same.
    pub(super) unnumbered: u64,
    /// Where damage begins that goes on to the end, so that nothing behind it tells what is missing.
    pub(super) unknown_tail: Option<u64>,
    pub(super) damaged_bytes: u64,
    /// An unfinished write at the end.
    pub(super) torn_bytes: u64,
    /// Where the file ends without it.
    pub(super) end: u64,
    /// The version that the header names, if it is not ours. Nothing else was looked at then.
    pub(super) newer: Option<u32>,
    /// Part of the file cannot be read at the moment, and counts as damaged.
    pub(super) unreadable: bool,
}

/// One record that is whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) header: RecordHeader,
    pub(super) offset: u64,
}

/// Looks at the whole of a segment.
pub(super) fn scan(name: SegmentName, file: &dyn OpenFile) -> io::Result<Scan> {
    let mut scanner = Scanner {
        name,
        window: Window::new(file)?,
        last: name.first.saturating_sub(1),
        end_of_last: 0,
        gap: None,
        scan: Scan::default(),
    };
    if let Err(error) = scanner.run() {
        tracing::warn!(file = %name.segment_file(), %error, "part of a file of the queue cannot be read");
        scanner.scan.unreadable = true;
    }
    Ok(scanner.finish())
}

struct Scanner<'a> {
    name: SegmentName,
    window: Window<'a>,
    /// The sequence number of the last record.
    last: u64,
    /// Where it ends.
    end_of_last: u64,
    /// The bytes since then that are no record.
    gap: Option<Gap>,
    scan: Scan,
}

/// Bytes that are no record.
struct Gap {
    start: u64,
    /// The last record in it of which only the payload is damaged: its sequence number and its end.
    numbered: Option<(u64, u64)>,
    /// Where a record begins of which the end is missing.
    cut_off: Option<u64>,
}

/// What is at one place.
enum Look {
    Record(RecordHeader),
    /// A header that holds before a payload that does not.
    Damaged(RecordHeader),
    /// A header that holds, and the file ends before the payload does.
    CutOff,
    Nothing,
}

// === impl Scanner ===

impl Scanner<'_> {
    fn run(&mut self) -> io::Result<()> {
        let mut at = self.start()?;
        while at < self.window.size() {
            match self.look(at)? {
                Look::Record(header) => {
                    self.accept(header, at);
                    at += header.record_bytes();
                    continue;
                }
                Look::Damaged(header) => {
                    self.gap_at(at).numbered = Some((header.sequence, at + header.record_bytes()));
                }
                Look::CutOff => self.gap_at(at).cut_off = Some(at),
                Look::Nothing => drop(self.gap_at(at)),
            }
            at = self.next_magic(at + 1)?;
        }
        Ok(())
    }

    /// Where the first record is to be looked for.
    fn start(&mut self) -> io::Result<u64> {
        let header = self.name.check_file_header(self.window.at(0, FILE_HEADER_BYTES as usize)?);
        match header {
            FileHeader::Valid => Ok(FILE_HEADER_BYTES),
            FileHeader::Newer(version) => {
                self.scan.newer = Some(version);
                Ok(u64::MAX)
            }
            // The first record may be nearer than it should be.
            FileHeader::Damaged => self.next_magic(0),
        }
        .inspect(|start| {
            if matches!(header, FileHeader::Damaged) && *start > 0 {
                self.gap = Some(Gap { start: 0, numbered: None, cut_off: None });
            }
        })
    }

    fn look(&mut self, at: u64) -> io::Result<Look> {
        let bytes = self.window.at(at, RECORD_HEADER_BYTES as usize)?;
        let Some(header) = RecordHeader::decode(bytes, self.name).filter(|header| self.follows(header))
        else {
            return Ok(Look::Nothing);
        };
        if at + header.record_bytes() > self.window.size() {
            return Ok(Look::CutOff);
        }
        let (mut from, end) = (at + RECORD_HEADER_BYTES, at + header.record_bytes());
        let mut crc = 0;
        while from < end {
            let rest = usize::try_from(end - from).unwrap_or(usize::MAX);
            let bytes = self.window.at(from, 1)?;
            let bytes = &bytes[..bytes.len().min(rest)];
            if bytes.is_empty() {
                return Ok(Look::CutOff);
            }
            crc = crc32c::crc32c_append(crc, bytes);
            from += bytes.len() as u64;
        }
        Ok(if crc == header.payload_crc { Look::Record(header) } else { Look::Damaged(header) })
    }

    fn follows(&self, header: &RecordHeader) -> bool {
        header.sequence > self.last && header.sequence - self.name.first <= RECORDS_MAX
    }

    fn accept(&mut self, header: RecordHeader, at: u64) {
        let missing = self.last + 1..header.sequence;
        if let Some(gap) = self.gap.take() {
            self.scan.damaged_bytes += at - gap.start;
            // What is lost is the file's header alone, if it begins there and the numbers go on.
            self.scan.unnumbered += u64::from(missing.is_empty() && gap.start > 0);
        }
        if !missing.is_empty() {
            self.scan.missing.push(missing);
        }
        self.scan.records.push(Found { header, offset: at });
        self.last = header.sequence;
        self.end_of_last = at + header.record_bytes();
    }

    fn gap_at(&mut self, at: u64) -> &mut Gap {
        self.gap.get_or_insert(Gap { start: at, numbered: None, cut_off: None })
    }

    /// The next place at which a record may begin; the end of the file if there is none.
    fn next_magic(&mut self, mut from: u64) -> io::Result<u64> {
        let size = self.window.size();
        while from < size {
            let bytes = self.window.at(from, RECORD_MAGIC.len())?;
            if let Some(found) = bytes.windows(RECORD_MAGIC.len()).position(|four| four == RECORD_MAGIC) {
                return Ok(from + found as u64);
            }
            // The last three bytes may begin one.
            match bytes.len().saturating_sub(RECORD_MAGIC.len() - 1) {
                0 => break,
                passed => from += passed as u64,
            }
        }
        Ok(size)
    }

    fn finish(mut self) -> Scan {
        let size = self.window.size();
        self.scan.end = size;
        if self.scan.unreadable {
            // It may be readable again next time, so nothing is given up by its number.
            self.scan.damaged_bytes += size.saturating_sub(self.end_of_last);
            self.scan.unnumbered += 1;
            return self.scan;
        }
        let Some(gap) = self.gap.take() else { return self.scan };
        // A record that is cut off is the end of what was written; what is in front of it was written before.
        self.scan.end = match gap.cut_off {
            Some(cut_off) => cut_off,
            None if self.is_torn(gap.start) => gap.start,
            None => size,
        };
        self.scan.torn_bytes = size - self.scan.end;
        self.scan.damaged_bytes += self.scan.end - gap.start;
        let mut unknown_from = gap.start;
        if let Some((sequence, end)) = gap.numbered {
            self.scan.missing.push(self.last + 1..sequence + 1);
            unknown_from = end;
        }
        if self.scan.end > unknown_from.max(FILE_HEADER_BYTES) {
            self.scan.unknown_tail = Some(unknown_from);
        }
        self.scan
    }

    /// Whether the rest of the file is what an unfinished write leaves: less than a header, or a longer file without its content.
    fn is_torn(&mut self, start: u64) -> bool {
        let size = self.window.size();
        if size - start < RECORD_HEADER_BYTES {
            return true;
        }
        let mut at = start;
        while at < size {
            match self.window.at(at, 1) {
                Ok(bytes) if !bytes.is_empty() && bytes.iter().all(|byte| *byte == 0) => {
                    at += bytes.len() as u64;
                }
                _ => return false,
            }
        }
        true
    }
}

const _: () =
    assert!(RECORD_HEADER_BYTES as usize <= WINDOW_BYTES && FILE_HEADER_BYTES as usize <= WINDOW_BYTES);
