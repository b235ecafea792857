//! Files of records that are only appended to, each of which is there whole or not at all: lines, or bytes behind their length. The
//! `file` exporter and dead letters write them. They hold telemetry, so only the user that weir runs as may read them.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use weir_otlp::{Signal, json};

/// What a length may say. Text that is taken for lengths never says so little: no printable character is below 0x20.
const LENGTH_MAX: usize = (0x20 << 24) - 1;

/// How one record is told from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// A line feed behind each, and none in any.
    Lines,
    /// Four bytes in front of each, the highest first, as the Collector has it.
    Lengths,
}

/// One file, open for writing.
#[derive(Debug)]
pub(crate) struct RecordFile {
    path: PathBuf,
    framing: Framing,
    file: File,
    /// Otherwise it is a pipe or a terminal, which has neither a length nor a tail.
    is_regular: bool,
}

// === impl Framing ===

impl Framing {
    /// Appends one record to `out`, of what `content` appends. False if it is too long; then nothing is appended.
    pub(crate) fn record<E>(
        self,
        out: &mut Vec<u8>,
        content: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<bool, E> {
        let start = out.len();
        match self {
            Framing::Lines => {
                content(out)?;
                out.push(b'\n');
            }
            Framing::Lengths => {
                out.extend([0; 4]);
                content(out)?;
                let length = out.len() - start - 4;
                if length > LENGTH_MAX {
                    out.truncate(start);
                    return Ok(false);
                }
                out[start..start + 4].copy_from_slice(&(length as u32).to_be_bytes());
            }
        }
        Ok(true)
    }
}

/// A request as one line of OTLP/JSON.
///
/// # Errors
/// It is no request; nothing of it is in the message.
pub(crate) fn json_line(signal: Signal, request: &[u8]) -> Result<Vec<u8>, json::JsonError> {
    let mut line = Vec::new();
    Framing::Lines.record(&mut line, |out| json::encode(signal, request, out))?;
    Ok(line)
}

// === impl RecordFile ===

impl RecordFile {
    /// Opens the file, or makes it. What a crash has left of a record at its end is closed off or cut off.
    ///
    /// # Errors
    /// It cannot be opened or mended, or holds something else than records of this framing.
    pub(crate) fn open(path: &Path, framing: Framing) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(path)?;
        let is_regular = file.metadata()?.is_file();
        let file = RecordFile { path: path.to_owned(), framing, file, is_regular };
        file.mend()?;
        Ok(file)
    }

    /// Whether it can be measured, emptied and replaced.
    pub(crate) fn is_regular(&self) -> bool {
        self.is_regular
    }

    /// How many bytes are in it.
    pub(crate) fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Whether it still stands at its path: somebody else may have moved it away.
    pub(crate) fn is_in_place(&self) -> bool {
        let inode = |metadata: Metadata| (metadata.dev(), metadata.ino());
        let own = self.file.metadata().map(inode).ok();
        own.is_some() && own == std::fs::metadata(&self.path).map(inode).ok()
    }

    /// Writes one record. If that fails, nothing of it stays.
    pub(crate) fn append(&mut self, record: &[u8]) -> io::Result<()> {
        if !self.is_regular {
            return self.file.write_all(record);
        }
        let before = self.len()?;
        self.file.write_all(record).inspect_err(|_| {
            // If this fails too, the record's beginning is closed off when the file is opened again.
            let _ = self.file.set_len(before);
        })
    }

    /// Takes everything out of it.
    pub(crate) fn empty(&self) -> io::Result<()> {
        if self.is_regular { self.file.set_len(0) } else { Ok(()) }
    }

    /// Gives it another name, in place of what has that name, and opens an empty one at its path.
    pub(crate) fn make_way(self, name: &Path) -> io::Result<Self> {
        std::fs::rename(&self.path, name)?;
        RecordFile::open(&self.path, self.framing)
    }

    fn mend(&self) -> io::Result<()> {
        let length = self.len()?;
        if !self.is_regular || length == 0 {
            return Ok(());
        }
        match self.framing {
            Framing::Lines => {
                let mut last = [0];
                self.file.read_exact_at(&mut last, length - 1)?;
                // Not cut off: it may be a line that somebody has written by hand. Readers pass over what is torn.
                if last != *b"\n" { (&self.file).write_all(b"\n") } else { Ok(()) }
            }
            Framing::Lengths => self.file.set_len(self.whole_records(length)?),
        }
    }

    /// Where the last whole record ends.
    fn whole_records(&self, length: u64) -> io::Result<u64> {
        let mut end = 0;
        while end + 4 <= length {
            let mut head = [0; 4];
            self.file.read_exact_at(&mut head, end)?;
            let record = u32::from_be_bytes(head);
            if record as usize > LENGTH_MAX {
                let reason = "it holds something else than requests behind their lengths";
                return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
            }
            let next = end + 4 + u64::from(record);
            if next > length {
                break;
            }
            end = next;
        }
        Ok(end)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn framed(contents: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        for content in contents {
            let write = |out: &mut Vec<u8>| {
                out.extend_from_slice(content);
                Ok::<_, ()>(())
            };
            assert_eq!(Framing::Lengths.record(&mut out, write), Ok(true));
        }
        out
    }

    #[test]
    fn a_record_has_its_length_in_front_as_the_collector_has_it() {
        assert_eq!(framed(&[b"ab", b""]), [0, 0, 0, 2, b'a', b'b', 0, 0, 0, 0]);
    }

    #[test]
    fn nobody_else_may_read_the_file() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        RecordFile::open(&path, Framing::Lines).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_torn_line_is_closed_off_so_that_it_costs_no_other() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        for (found, expected) in [("", "c\n"), ("a\n", "a\nc\n"), ("a\nb", "a\nb\nc\n")] {
            std::fs::write(&path, found).unwrap();
            RecordFile::open(&path, Framing::Lines).unwrap().append(b"c\n").unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
        }
    }

    #[test]
    fn wherever_a_record_with_a_length_is_torn_the_ones_before_stay_and_the_next_is_found() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        let (whole, next) = (framed(&[b"one", b"", b"two"]), framed(&[b"next"]));
        for cut in 0..=whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            RecordFile::open(&path, Framing::Lengths).unwrap().append(&next).unwrap();
            let kept = [7, 11, 18].into_iter().rfind(|end| *end <= cut).unwrap_or(0);
            assert_eq!(std::fs::read(&path).unwrap(), [&whole[..kept], &next].concat(), "cut at {cut}");
        }
    }

    #[test]
    fn a_file_of_something_else_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        for text in ["{\"resourceSpans\":[]}\n", "notes\n", "\u{feff}text"] {
            std::fs::write(&path, text).unwrap();
            let error = RecordFile::open(&path, Framing::Lengths).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn a_file_that_was_moved_away_is_no_longer_in_place() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        let file = RecordFile::open(&path, Framing::Lines).unwrap();
        assert!(file.is_in_place());
        std::fs::rename(&path, home.path().join("other")).unwrap();
        assert!(!file.is_in_place());
        std::fs::write(&path, "").unwrap();
        assert!(!file.is_in_place(), "another file has its name");
    }

    #[test]
    fn what_is_no_regular_file_is_written_to_and_nothing_else() {
        let mut null = RecordFile::open(Path::new("/dev/null"), Framing::Lengths).unwrap();
        assert!(!null.is_regular());
        null.append(b"x").and_then(|()| null.empty()).unwrap();
    }
}
