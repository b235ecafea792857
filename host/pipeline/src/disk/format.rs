//! The bytes of the log. All numbers are little-endian.
//!
//! ```text
//! FIRST-SALT.log       a segment: file header, then records
//! FIRST-SALT.settled   its journal: one entry for each record that is settled
//!
//! file header   "weirlog\n" | version u32 | crc u32 | first u64 | salt u64
//! record        magic u32 | crc u32 | sequence u64 | received u64 | items u64 | bytes u32 | payload crc u32 | signal u8 | 0 x7 | payload
//! entry         sequence u64 | crc u32
//! ```
//!
//! Every checksum is a CRC32C. That of a record's header covers the payload's, and so all of the record. It begins
//! with the salt, which is random and known to nobody outside: a sender cannot make a payload that looks like a record of
//! this segment, to be found when its real record is damaged. The salt is in the file's name, so a damaged
//! file header costs nothing.

use weir_otlp::Signal;

/// The version of all that is written here.
pub(super) const VERSION: u32 = 1;

/// Begins every segment.
const FILE_MAGIC: [u8; 8] = *b"weirlog\n";

/// Begins every record, so that the next one is found behind a damaged one. No UTF-8 text contains it.
pub(super) const RECORD_MAGIC: [u8; 4] = [0xf5, b'W', b'R', 0xfa];

/// Bytes in front of the first record of a segment.
pub(super) const FILE_HEADER_BYTES: u64 = 32;

/// Bytes of a record in front of its payload.
pub(super) const RECORD_HEADER_BYTES: u64 = 48;

/// Bytes of an entry of a journal.
pub(super) const ENTRY_BYTES: u64 = 12;

/// The largest payload: four times the largest request that a receiver takes by default.
pub(super) const PAYLOAD_BYTES_MAX: u64 = 256 << 20;

/// The largest segment that can be asked for. A file that is larger still is not the log's.
pub(super) const SEGMENT_BYTES_MAX: u64 = 1 << 30;

/// Sequence numbers above this are not given out, so that counting on never overflows.
pub(super) const SEQUENCE_MAX: u64 = u64::MAX / 2;

/// A segment: the sequence number of its first record, and a random number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SegmentName {
    pub(super) first: u64,
    pub(super) salt: u64,
}

/// What a file of the log is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    Segment(SegmentName),
    Journal(SegmentName),
}

/// Everything about a record but its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordHeader {
    pub(super) sequence: u64,
    pub(super) received_unix_nano: u64,
    pub(super) items: u64,
    pub(super) payload_bytes: u32,
    pub(super) payload_crc: u32,
    pub(super) signal: Signal,
}

/// What the first bytes of a segment say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileHeader {
    Valid,
    Newer(u32),
    Damaged,
}

// === impl SegmentName ===

impl SegmentName {
    pub(super) fn segment_file(self) -> String {
        format!("{:016x}-{:016x}.log", self.first, self.salt)
    }

    pub(super) fn journal_file(self) -> String {
        format!("{:016x}-{:016x}.settled", self.first, self.salt)
    }

    pub(super) fn file_header(self) -> [u8; FILE_HEADER_BYTES as usize] {
        let mut bytes = [0; FILE_HEADER_BYTES as usize];
        bytes[..8].copy_from_slice(&FILE_MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.first.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.salt.to_le_bytes());
        let crc = file_header_crc(&bytes);
        bytes[12..16].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// What `bytes`, the first ones of the file of this name, say.
    pub(super) fn check_file_header(self, bytes: &[u8]) -> FileHeader {
        let whole = bytes.len() >= FILE_HEADER_BYTES as usize && bytes.starts_with(&FILE_MAGIC);
        if !whole || u32_at(bytes, 12) != file_header_crc(bytes) {
            return FileHeader::Damaged;
        }
        match u32_at(bytes, 8) {
            VERSION if u64_at(bytes, 16) == self.first && u64_at(bytes, 24) == self.salt => FileHeader::Valid,
            VERSION => FileHeader::Damaged,
            version => FileHeader::Newer(version),
        }
    }

    /// The journal's entry for a record that is settled.
    pub(super) fn entry(self, sequence: u64) -> [u8; ENTRY_BYTES as usize] {
        let mut bytes = [0; ENTRY_BYTES as usize];
        bytes[..8].copy_from_slice(&sequence.to_le_bytes());
        bytes[8..].copy_from_slice(&self.salted_crc(&sequence.to_le_bytes()).to_le_bytes());
        bytes
    }

    /// The record that an entry says is settled, if the entry is whole.
    pub(super) fn check_entry(self, bytes: &[u8]) -> Option<u64> {
        let whole = bytes.len() >= ENTRY_BYTES as usize && u32_at(bytes, 8) == self.salted_crc(&bytes[..8]);
        whole.then(|| u64_at(bytes, 0))
    }

    fn salted_crc(self, bytes: &[u8]) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c(&self.salt.to_le_bytes()), bytes)
    }
}

// === impl FileKind ===

impl FileKind {
    /// `None` if no file of the log is called so.
    pub(super) fn parse(file_name: &str) -> Option<Self> {
        let (stem, extension) = file_name.split_once('.')?;
        let (first, salt) = stem.split_once('-')?;
        let name = SegmentName {
            first: u64::from_str_radix(first, 16).ok().filter(|first| *first <= SEQUENCE_MAX)?,
            salt: u64::from_str_radix(salt, 16).ok()?,
        };
        let kind = match extension {
            "log" => FileKind::Segment(name),
            "settled" => FileKind::Journal(name),
            _ => return None,
        };
        // One spelling alone, so that a name leads back to its file.
        (kind.file_name() == file_name).then_some(kind)
    }

    fn file_name(self) -> String {
        match self {
            FileKind::Segment(name) => name.segment_file(),
            FileKind::Journal(name) => name.journal_file(),
        }
    }
}

// === impl RecordHeader ===

impl RecordHeader {
    pub(super) fn encode(&self, segment: SegmentName) -> [u8; RECORD_HEADER_BYTES as usize] {
        let mut bytes = [0; RECORD_HEADER_BYTES as usize];
        bytes[..4].copy_from_slice(&RECORD_MAGIC);
        bytes[8..16].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.received_unix_nano.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.items.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.payload_bytes.to_le_bytes());
        bytes[36..40].copy_from_slice(&self.payload_crc.to_le_bytes());
        bytes[40] = self.signal as u8;
        let crc = segment.salted_crc(&bytes[8..]);
        bytes[4..8].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// The header at the start of `bytes`, if there is one that was written into this segment.
    pub(super) fn decode(bytes: &[u8], segment: SegmentName) -> Option<Self> {
        let bytes = bytes.get(..RECORD_HEADER_BYTES as usize)?;
        if bytes[..4] != RECORD_MAGIC || u32_at(bytes, 4) != segment.salted_crc(&bytes[8..]) {
            return None;
        }
        let signal = Signal::ALL.into_iter().find(|signal| *signal as u8 == bytes[40])?;
        let header = RecordHeader {
            sequence: u64_at(bytes, 8),
            received_unix_nano: u64_at(bytes, 16),
            items: u64_at(bytes, 24),
            payload_bytes: u32_at(bytes, 32),
            payload_crc: u32_at(bytes, 36),
            signal,
        };
        let plausible =
            u64::from(header.payload_bytes) <= PAYLOAD_BYTES_MAX && header.sequence <= SEQUENCE_MAX;
        plausible.then_some(header)
    }

    /// The size of the whole record.
    pub(super) fn record_bytes(&self) -> u64 {
        RECORD_HEADER_BYTES + u64::from(self.payload_bytes)
    }
}

fn file_header_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&bytes[..12]), &bytes[16..FILE_HEADER_BYTES as usize])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |four| u32::from_le_bytes(*four))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |eight| u64::from_le_bytes(*eight))
}
