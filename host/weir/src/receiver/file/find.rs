//! Which files are meant by patterns, where to begin in them, and in which directories others may appear.

use std::collections::BTreeSet;
use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern, glob_with};

use super::followed::{FileId, Place};
use super::positions::Positions;

/// Directories that are watched; what happens in others is seen when it is time to look.
const DIRECTORIES_MAX: usize = 256;

/// Paths that are looked at for one pattern, so that one of `/**` does not keep a thread for ever.
const PATHS_MAX: usize = 100_000;

/// A name's wildcards do not reach over slashes.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// Patterns of what to read and what not.
#[derive(Clone, Debug)]
pub(super) struct Patterns {
    include: Vec<String>,
    exclude: Vec<Pattern>,
}

/// A file that was found.
pub(super) struct Present {
    pub(super) id: FileId,
    pub(super) path: PathBuf,
    /// Where to begin in it, if it is new.
    pub(super) opened: Option<(File, Place)>,
}

impl Patterns {
    /// Of patterns that are valid; others mean nothing.
    pub(super) fn new(include: &[String], exclude: &[String]) -> Self {
        let exclude = exclude.iter().filter_map(|pattern| Pattern::new(pattern).ok()).collect();
        Patterns { include: include.to_vec(), exclude }
    }

    /// The files of now. One that is not `known` begins at its position, if it has one, and otherwise at its beginning or its end.
    /// Blocks.
    pub(super) fn present(
        &self,
        known: &BTreeSet<FileId>,
        positions: &Positions,
        from_end: bool,
    ) -> Vec<Present> {
        let present = |path: PathBuf| {
            let id = FileId::of(&path.metadata().ok()?);
            if known.contains(&id) {
                return Some(Present { id, path, opened: None });
            }
            // One that may not be read, or is gone already, is as if it were not there.
            let file = File::open(&path).ok()?;
            let metadata = file.metadata().ok().filter(Metadata::is_file)?;
            let id = FileId::of(&metadata);
            let end = if from_end { metadata.len() } else { 0 };
            let place = positions.place(id, &file).or_else(|| Place::at(&file, end).ok())?;
            Some(Present { id, path, opened: Some((file, place)) })
        };
        self.files().into_iter().filter_map(present).collect()
    }

    /// The regular files of now, in the order of their names, so that former files of a rotation come before the present one.
    fn files(&self) -> BTreeSet<PathBuf> {
        let paths = self.include.iter().flat_map(|pattern| paths(pattern));
        let is_meant = |path: &PathBuf| {
            !self.exclude.iter().any(|pattern| pattern.matches_path_with(path, OPTIONS)) && path.is_file()
        };
        paths.filter(is_meant).collect()
    }

    /// The directories in which files may appear. Blocks.
    pub(super) fn directories(&self) -> Vec<PathBuf> {
        let mut directories = BTreeSet::new();
        for pattern in &self.include {
            directories.insert(nearest(fixed_part(pattern)));
            if let Some(parent) = Path::new(pattern).parent().and_then(Path::to_str) {
                let room = DIRECTORIES_MAX.saturating_sub(directories.len());
                directories.extend(paths(parent).filter(|path| path.is_dir()).take(room));
            }
        }
        directories.into_iter().collect()
    }
}

fn paths(pattern: &str) -> impl Iterator<Item = PathBuf> {
    // A directory that may not be read has nothing in it for us.
    glob_with(pattern, OPTIONS).into_iter().flatten().take(PATHS_MAX).filter_map(Result::ok)
}

/// The directory above everything that a pattern leaves open.
fn fixed_part(pattern: &str) -> PathBuf {
    let is_open =
        |part: &&Path| part.file_name().is_some_and(|name| name.to_string_lossy().contains(['*', '?', '[']));
    let path = Path::new(pattern);
    let highest = path.ancestors().filter(is_open).last().unwrap_or(path);
    match highest.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The directory, or the one above it that is there: in that one it will appear.
fn nearest(directory: PathBuf) -> PathBuf {
    let there = directory.ancestors().find(|ancestor| ancestor.is_dir());
    match there {
        Some(there) if !there.as_os_str().is_empty() => there.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(home: &Path, include: &[&str], exclude: &[&str]) -> Patterns {
        let all = |patterns: &[&str]| {
            patterns.iter().map(|pattern| home.join(pattern).display().to_string()).collect::<Vec<_>>()
        };
        Patterns::new(&all(include), &all(exclude))
    }

    fn names(home: &Path, paths: impl IntoIterator<Item = PathBuf>) -> Vec<String> {
        let name = |path: PathBuf| path.strip_prefix(home).unwrap().display().to_string();
        paths.into_iter().map(name).collect()
    }

    #[test]
    fn files_are_found_by_pattern_but_for_those_that_are_excluded() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path();
        for file in ["a.jsonl", "b.jsonl", "b-2026.jsonl", "c.log", "d/a.jsonl", "d/e/a.jsonl"] {
            std::fs::create_dir_all(home.join(file).parent().unwrap()).unwrap();
            std::fs::write(home.join(file), "").unwrap();
        }
        std::fs::create_dir(home.join("z.jsonl")).unwrap();
        let found =
            |include: &[&str], exclude: &[&str]| names(home, patterns(home, include, exclude).files());
        assert_eq!(found(&["*.jsonl"], &[]), ["a.jsonl", "b-2026.jsonl", "b.jsonl"]);
        assert_eq!(found(&["*.jsonl", "a*", "missing"], &["b*"]), ["a.jsonl"]);
        assert_eq!(found(&["**/a.jsonl"], &["d/*"]), ["a.jsonl", "d/e/a.jsonl"]);
        assert_eq!(found(&["?/[ab].jsonl"], &[]), ["d/a.jsonl"]);
    }

    #[test]
    fn the_directories_are_those_in_which_a_file_may_appear() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path();
        std::fs::create_dir_all(home.join("d/e")).unwrap();
        let directories = |pattern: &str| names(home, patterns(home, &[pattern], &[]).directories());
        assert_eq!(directories("*.jsonl"), [""]);
        assert_eq!(directories("d/*.jsonl"), ["d"]);
        assert_eq!(directories("*/*/x"), ["", "d/e"]);
        assert_eq!(fixed_part("x.jsonl"), Path::new("."));
        assert_eq!(fixed_part("/var/*/x/*.jsonl"), Path::new("/var"));
    }
}
