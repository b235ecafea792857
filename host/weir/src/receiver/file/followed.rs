//! One file that is followed: which it is, whatever its name, how far it has been read, and which of its lines are under way.

use std::collections::BTreeSet;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::chunk::{self, Found};

/// How much before a place is remembered, to know the file again.
const TAIL_BYTES: u64 = 256;

/// How long a writer may go on with a file that was moved away.
const WRITER_NOTICES: Duration = Duration::from_secs(5);

/// A file, whatever it is called. As long as it is open, no other one has the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

/// What stands before a place of a file: as long as that is the same, what has been read has not been replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tail {
    bytes: u64,
    crc: u32,
}

/// How far a file has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) next: u64,
    tail: Tail,
    /// In the middle of a line that is passed over.
    is_within_line: bool,
}

/// What comes next in a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Advance {
    /// Whole lines, and the place behind them.
    Lines(Bytes, Place),
    /// A line of so many bytes, and the place behind it.
    Long(u64, Place),
    /// A line that is too long, or more of one.
    PassedOver { then: Place, is_begun: bool },
    /// There is no whole line.
    Nothing,
    /// It holds less than has been read, or something else.
    Rewritten,
}

/// A file that is followed.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) path: PathBuf,
    pub(super) file: Arc<File>,
    pub(super) place: Place,
    /// Since when no pattern leads to it any more: it is read to its end and then let go.
    pub(super) gone: Option<Instant>,
    /// How often it was begun anew: what is known of lines from before says nothing of those of now.
    pub(super) generation: u64,
    /// Where the first line begins that has not been handed on.
    handed_on: u64,
    /// Where lines begin that are under way.
    under_way: BTreeSet<u64>,
}

// === impl FileId ===

impl FileId {
    pub(super) fn of(metadata: &Metadata) -> Self {
        FileId { device: metadata.dev(), inode: metadata.ino() }
    }
}

// === impl Tail ===

impl Tail {
    /// What stands before `at`. Blocks.
    pub(super) fn before(file: &File, at: u64) -> io::Result<Self> {
        let bytes = at.min(TAIL_BYTES);
        let text = chunk::exact(file, at - bytes, bytes as usize)?;
        Ok(Tail { bytes, crc: crc32c::crc32c(&text) })
    }
}

// === impl Place ===

impl Place {
    /// At this byte of the file; what is left of the line in which that is will be passed over. Blocks.
    pub(super) fn at(file: &File, next: u64) -> io::Result<Self> {
        let mut before = [b'\n'];
        if next > 0 {
            file.read_exact_at(&mut before, next - 1)?;
        }
        Ok(Place { next, tail: Tail::before(file, next)?, is_within_line: before != *b"\n" })
    }

    /// Looks what comes next. Blocks.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn advance(self, file: &File, line_bytes_max: u64) -> io::Result<Advance> {
        let end = file.metadata()?.len();
        if end < self.next || Tail::before(file, self.next)? != self.tail {
            return Ok(Advance::Rewritten);
        }
        if end == self.next {
            return Ok(Advance::Nothing);
        }
        let found = match self.is_within_line {
            true => chunk::rest_of_line(file, self.next)?,
            false => chunk::find(file, self.next, line_bytes_max)?,
        };
        let then = |next: u64, is_within_line: bool| {
            Ok::<_, io::Error>(Place { next, tail: Tail::before(file, next)?, is_within_line })
        };
        Ok(match found {
            Found::Lines(lines) => {
                let end = self.next + lines.len() as u64;
                Advance::Lines(lines, then(end, false)?)
            }
            Found::Long(length) => Advance::Long(length, then(self.next + length + 1, false)?),
            Found::Oversized { to, is_ended } => {
                Advance::PassedOver { then: then(to, !is_ended)?, is_begun: !self.is_within_line }
            }
            Found::Nothing => Advance::Nothing,
        })
    }
}

// === impl Followed ===

impl Followed {
    /// A file that is to be read from this place on.
    pub(super) fn new(path: PathBuf, file: File, place: Place) -> Self {
        Followed {
            path,
            file: Arc::new(file),
            place,
            gone: None,
            generation: 0,
            handed_on: place.next,
            under_way: BTreeSet::new(),
        }
    }

    /// The line at `at` is under way, and the next one not yet.
    pub(super) fn begin(&mut self, at: u64, next: u64) {
        self.under_way.insert(at);
        self.handed_on = next;
    }

    /// Nothing is left to do about what stands before `next`, but for the lines that are under way.
    pub(super) fn pass(&mut self, next: u64) {
        self.handed_on = next;
    }

    /// The line at `at` is settled. One of another generation is none of this one's.
    pub(super) fn settle(&mut self, generation: u64, at: u64) {
        if generation == self.generation {
            self.under_way.remove(&at);
        }
    }

    /// Up to where everything is settled.
    pub(super) fn settled(&self) -> u64 {
        self.under_way.first().copied().unwrap_or(self.handed_on)
    }

    /// Whether nothing more is to be expected of it, now that its end is reached: it has been gone for a while, in which whoever
    /// writes to it has noticed, and no line of it is under way.
    pub(super) fn is_over(&self) -> bool {
        self.under_way.is_empty() && self.gone.is_some_and(|gone| gone.elapsed() >= WRITER_NOTICES)
    }

    /// From its beginning.
    pub(super) fn begin_anew(&mut self) {
        self.place = Place::default();
        self.generation += 1;
        self.handed_on = 0;
        self.under_way.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const MAX: u64 = 1 << 20;

    struct Home {
        dir: tempfile::TempDir,
        file: File,
    }

    fn home(content: &str) -> Home {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), content).unwrap();
        let file = File::options().read(true).append(true).open(dir.path().join("file")).unwrap();
        Home { dir, file }
    }

    fn lines(advance: Advance) -> (String, Place) {
        match advance {
            Advance::Lines(lines, then) => (String::from_utf8(lines.to_vec()).unwrap(), then),
            other => panic!("no lines: {other:?}"),
        }
    }

    #[test]
    fn what_is_added_is_read_and_nothing_twice() {
        let mut home = home("a\n");
        let (text, place) = lines(Place::default().advance(&home.file, MAX).unwrap());
        assert_eq!(text, "a\n");
        assert_eq!(place.advance(&home.file, MAX).unwrap(), Advance::Nothing);
        home.file.write_all(b"b\nc").unwrap();
        let (text, place) = lines(place.advance(&home.file, MAX).unwrap());
        assert_eq!(text, "b\n");
        home.file.write_all(b"\n").unwrap();
        assert_eq!(lines(place.advance(&home.file, MAX).unwrap()).0, "c\n");
    }

    #[test]
    fn a_file_that_was_emptied_or_written_anew_is_noticed_also_if_it_is_longer() {
        for next in ["", "x\n", "others\nand more\n"] {
            let home = home("first\n");
            let (_, place) = lines(Place::default().advance(&home.file, MAX).unwrap());
            std::fs::write(home.dir.path().join("file"), next).unwrap();
            assert_eq!(place.advance(&home.file, MAX).unwrap(), Advance::Rewritten, "{next:?}");
        }
    }

    #[test]
    fn from_the_middle_of_a_line_the_next_one_is_the_first() {
        let mut home = home("one\ntw");
        let place = Place::at(&home.file, 6).unwrap();
        home.file.write_all(b"o\nthree\n").unwrap();
        let Advance::PassedOver { then, is_begun: false } = place.advance(&home.file, MAX).unwrap() else {
            panic!("the rest of the second line is passed over");
        };
        assert_eq!(lines(then.advance(&home.file, MAX).unwrap()).0, "three\n");
        let between = Place::at(&home.file, 4).unwrap();
        assert_eq!(lines(between.advance(&home.file, MAX).unwrap()).0, "two\nthree\n");
    }

    #[test]
    fn a_file_is_settled_up_to_its_first_line_under_way() {
        let mut followed = Followed::new(PathBuf::new(), home("").file, Place::default());
        followed.begin(0, 10);
        followed.begin(10, 20);
        followed.pass(25);
        followed.settle(0, 10);
        assert_eq!(followed.settled(), 0);
        followed.settle(0, 0);
        assert_eq!(followed.settled(), 25);
        followed.begin_anew();
        followed.begin(0, 10);
        followed.settle(0, 0);
        assert_eq!(followed.settled(), 0, "that line was one of before");
    }
}
