//! Reads a file from front to back through a buffer of a fixed size, whatever the file's size and whatever it says.

use std::io;

use super::files::OpenFile;

/// How much of a file is in memory at a time.
pub(super) const WINDOW_BYTES: usize = 256 << 10;

/// A part of a file.
pub(super) struct Window<'a> {
    file: &'a dyn OpenFile,
    size: u64,
    buffer: Vec<u8>,
    start: u64,
}

impl<'a> Window<'a> {
    pub(super) fn new(file: &'a dyn OpenFile) -> io::Result<Self> {
        Ok(Window { file, size: file.size()?, buffer: Vec::new(), start: 0 })
    }

    /// The file's size when reading began.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// What is at `at`: at least `least` bytes, of which a window holds no more than [`WINDOW_BYTES`], unless the file ends before.
    pub(super) fn at(&mut self, at: u64, least: usize) -> io::Result<&[u8]> {
        let end = self.start + self.buffer.len() as u64;
        let wanted = at.saturating_add(least as u64).min(self.size);
        if at < self.start || wanted > end {
            self.fill(at)?;
        }
        let skip = usize::try_from(at - self.start).unwrap_or(usize::MAX);
        Ok(self.buffer.get(skip..).unwrap_or_default())
    }

    fn fill(&mut self, at: u64) -> io::Result<()> {
        let rest = usize::try_from(self.size.saturating_sub(at)).unwrap_or(usize::MAX);
        self.buffer.resize(rest.min(WINDOW_BYTES), 0);
        self.start = at;
        let read = self.file.read_at(&mut self.buffer, at);
        self.buffer.truncate(*read.as_ref().unwrap_or(&0));
        read.map(drop)
    }
}
