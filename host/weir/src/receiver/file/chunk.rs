//! What is read of a file at a time: the whole lines of a chunk, or one line that is longer.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use bytes::Bytes;

/// Lines up to this size are read as they come. A longer one is measured first, so that its bytes can be charged.
pub(super) const CHUNK_BYTES: usize = 128 << 10;

/// What there is at a place of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Whole lines, each with its line feed.
    Lines(Bytes),
    /// One line of so many bytes, without its line feed.
    Long(u64),
    /// A line that is too long, so far up to here. If it is not at its end yet, the rest of it is to come.
    Oversized { to: u64, is_ended: bool },
    /// Nothing, or a line that is not whole yet.
    Nothing,
}

/// Looks what is at `at`, where a line begins. Lines longer than `line_bytes_max` are oversized. Blocks.
///
/// # Errors
/// The file cannot be read.
pub(super) fn find(file: &File, at: u64, line_bytes_max: u64) -> io::Result<Found> {
    let chunk = read(file, at, CHUNK_BYTES)?;
    if let Some(last) = chunk.iter().rposition(|byte| *byte == b'\n') {
        return Ok(Found::Lines(Bytes::from(chunk).slice(..=last)));
    }
    let mut length = chunk.len() as u64;
    if chunk.len() < CHUNK_BYTES && length <= line_bytes_max {
        return Ok(Found::Nothing);
    }
    drop(chunk);
    while length <= line_bytes_max {
        let piece = read(file, at + length, CHUNK_BYTES)?;
        match piece.iter().position(|byte| *byte == b'\n') {
            Some(end) if length + end as u64 <= line_bytes_max => {
                return Ok(Found::Long(length + end as u64));
            }
            Some(end) => return Ok(Found::Oversized { to: at + length + end as u64 + 1, is_ended: true }),
            None if piece.is_empty() => return Ok(Found::Nothing),
            None => length += piece.len() as u64,
        }
    }
    Ok(Found::Oversized { to: at + length, is_ended: false })
}

/// Where the line that `at` lies in has its end, or as far as it goes until now. Blocks.
///
/// # Errors
/// The file cannot be read.
pub(super) fn rest_of_line(file: &File, at: u64) -> io::Result<Found> {
    let piece = read(file, at, CHUNK_BYTES)?;
    Ok(match piece.iter().position(|byte| *byte == b'\n') {
        Some(end) => Found::Oversized { to: at + end as u64 + 1, is_ended: true },
        None if piece.is_empty() => Found::Nothing,
        None => Found::Oversized { to: at + piece.len() as u64, is_ended: false },
    })
}

/// Exactly these bytes. Blocks.
///
/// # Errors
/// They are not there any more, or cannot be read.
pub(super) fn exact(file: &File, at: u64, length: usize) -> io::Result<Bytes> {
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, at)?;
    Ok(Bytes::from(bytes))
}

/// So many bytes, or what there is of them.
fn read(file: &File, at: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match file.read_at(&mut bytes[filled..], at + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &[u8]) -> (tempfile::TempDir, File) {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("file"), content).unwrap();
        let file = File::open(home.path().join("file")).unwrap();
        (home, file)
    }

    const MAX: u64 = 3 * CHUNK_BYTES as u64;

    #[test]
    fn whole_lines_come_together_and_what_is_not_whole_waits() {
        let (_home, file) = file(b"a\nbc\nd");
        assert_eq!(find(&file, 0, MAX).unwrap(), Found::Lines(Bytes::from_static(b"a\nbc\n")));
        assert_eq!(find(&file, 5, MAX).unwrap(), Found::Nothing);
        assert_eq!(find(&file, 6, MAX).unwrap(), Found::Nothing);
        assert_eq!(find(&file, 99, MAX).unwrap(), Found::Nothing);
    }

    #[test]
    fn a_line_up_to_the_bound_is_measured_and_one_above_it_is_passed_over() {
        let line = |length: u64| [vec![b'x'; length as usize], b"\nnext\n".to_vec()].concat();
        for length in [CHUNK_BYTES as u64, CHUNK_BYTES as u64 + 1, MAX - 1, MAX] {
            let (_home, file) = file(&line(length));
            assert_eq!(find(&file, 0, MAX).unwrap(), Found::Long(length), "{length}");
            assert_eq!(exact(&file, 0, length as usize).unwrap().len() as u64, length);
        }
        for length in [MAX + 1, MAX + 2 * CHUNK_BYTES as u64] {
            let (_home, file) = file(&line(length));
            let mut found = find(&file, 0, MAX).unwrap();
            while let Found::Oversized { to, is_ended: false } = found {
                found = rest_of_line(&file, to).unwrap();
            }
            assert_eq!(found, Found::Oversized { to: length + 1, is_ended: true }, "{length}");
        }
    }

    #[test]
    fn a_long_line_that_has_no_end_yet_waits_until_it_is_too_long() {
        let (_home, short) = file(&vec![b'x'; MAX as usize]);
        assert_eq!(find(&short, 0, MAX).unwrap(), Found::Nothing);
        let (_home, long) = file(&vec![b'x'; MAX as usize + 1]);
        assert_eq!(find(&long, 0, MAX).unwrap(), Found::Oversized { to: MAX + 1, is_ended: false });
        assert_eq!(rest_of_line(&long, MAX + 1).unwrap(), Found::Nothing);
    }

    #[test]
    fn with_a_bound_below_a_chunk_lines_of_a_chunk_come_all_the_same() {
        let (_home, file) = file(b"0123456789");
        assert_eq!(find(&file, 0, 5).unwrap(), Found::Oversized { to: 10, is_ended: false });
    }
}
