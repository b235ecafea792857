//! How far the files of a receiver are settled: handed to the one that takes its place, and kept in a file for the next start.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::followed::{FileId, Place, Tail};

/// More than ten thousand files need.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// How far each file is settled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Positions(BTreeMap<FileId, Position>);

/// How far one file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    file: FileId,
    settled: u64,
    tail: Tail,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    version: u32,
    files: Vec<Position>,
}

/// Makes the directory of the file.
///
/// # Errors
/// Why it cannot be used.
pub(super) fn prepare(path: &Path) -> Result<(), String> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|error| format!("cannot make {}: {error}", directory.display()))
}

impl Positions {
    /// Those of these files. Blocks.
    pub(super) fn of(files: Vec<(FileId, std::sync::Arc<File>, u64)>) -> Self {
        let position = |(id, file, settled): (FileId, std::sync::Arc<File>, u64)| {
            // One that was cut short meanwhile is to be read from its beginning.
            let tail = Tail::before(&file, settled).ok()?;
            Some((id, Position { file: id, settled, tail }))
        };
        Positions(files.into_iter().filter_map(position).collect())
    }

    /// Where to go on in a file, if it is known and holds what it held. Blocks.
    pub(super) fn place(&self, id: FileId, file: &File) -> Option<Place> {
        let position = self.0.get(&id)?;
        let is_same = Tail::before(file, position.settled).is_ok_and(|tail| tail == position.tail);
        Place::at(file, position.settled).ok().filter(|_| is_same)
    }

    /// What was kept, if anything was. Blocks.
    ///
    /// # Errors
    /// It cannot be read, or is not what was kept.
    pub(super) fn load(path: &Path) -> io::Result<Option<Self>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut text = Vec::new();
        file.take(FILE_BYTES_MAX).read_to_end(&mut text)?;
        let kept: Kept = serde_json::from_slice(&text)?;
        if kept.version != 1 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is of another version"));
        }
        Ok(Some(Positions(kept.files.into_iter().map(|position| (position.file, position)).collect())))
    }

    /// Keeps them, in one step. Blocks.
    ///
    /// # Errors
    /// The disk is full, for example; then what was kept before stays.
    pub(super) fn save(&self, path: &Path) -> io::Result<()> {
        let kept = Kept { version: 1, files: self.0.values().copied().collect() };
        let mut text = serde_json::to_vec(&kept)?;
        text.push(b'\n');
        let next = path.with_extension("next");
        let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&next)?;
        file.write_all(&text)?;
        file.sync_data()?;
        std::fs::rename(&next, path)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_is_kept_leads_to_the_same_place_unless_the_file_holds_something_else() {
        let home = tempfile::tempdir().unwrap();
        let (path, kept) = (home.path().join("file"), home.path().join("made/receiver.json"));
        std::fs::write(&path, "one\ntwo\n").unwrap();
        let file = Arc::new(File::open(&path).unwrap());
        let id = FileId::of(&file.metadata().unwrap());
        let positions = Positions::of(vec![(id, Arc::clone(&file), 4)]);
        assert_eq!(Positions::load(&kept).unwrap(), None);
        prepare(&kept).unwrap();
        positions.save(&kept).unwrap();
        let loaded = Positions::load(&kept).unwrap().unwrap();
        assert_eq!(loaded, positions);
        assert_eq!(loaded.place(id, &file).unwrap().next, 4);
        for other in ["", "ONE\ntwo\n", "1\n"] {
            std::fs::write(&path, other).unwrap();
            assert_eq!(loaded.place(id, &file), None, "{other:?}");
        }
    }

    #[test]
    fn what_was_not_kept_by_us_is_an_error_and_no_panic() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("receiver.json");
        for text in
            ["", "{}", "[]", "{\"version\":2,\"files\":[]}", "{\"version\":1,\"files\":[{}]}", "\u{0}"]
        {
            std::fs::write(&path, text).unwrap();
            assert!(Positions::load(&path).is_err(), "{text:?}");
        }
    }
}
