//! When a file makes way for another one, what it is called then, and which of the former ones are kept. The names are the
//! Collector's: `data.json` becomes `data-2026-11-28T16-31-12.345-size.json`.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::records::RecordFile;

/// Why a file made way; the Collector knows other reasons.
const REASON: &str = "-size";

const MILLISECOND: SignedDuration = SignedDuration::from_millis(1);

/// Names that are tried, a millisecond apart, before a rotation fails: in each there is a file already.
const NAMES_MAX: usize = 1000;

/// When a file makes way, and for how long the former ones are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// How much it may hold. A larger request has a file of its own.
    pub bytes_max: u64,
    /// How many former ones are kept; all if `None`.
    pub backups_max: Option<usize>,
    /// How long they are kept; for ever if `None`.
    pub age_max: Option<Duration>,
    /// Whether their names tell the time of the machine's zone.
    pub is_local: bool,
}

impl Rotation {
    /// The file, or an empty one in its place if it has no room for so many bytes more.
    pub(super) fn make_room(&self, path: &Path, file: RecordFile, more: u64) -> io::Result<RecordFile> {
        let bytes = file.len()?;
        if bytes == 0 || bytes + more <= self.bytes_max {
            return Ok(file);
        }
        let names = Names::of(path, self.zone());
        let file = file.make_way(&names.unused(Timestamp::now())?)?;
        if let Err(error) = self.prune(&names, Timestamp::now()) {
            tracing::warn!(path = %path.display(), %error, "former files that are too many or too old were not removed");
        }
        Ok(file)
    }

    /// Removes the former files that are too many or too old.
    fn prune(&self, names: &Names, now: Timestamp) -> io::Result<()> {
        if self.backups_max.is_none() && self.age_max.is_none() {
            return Ok(());
        }
        let mut former = names.former()?;
        former.sort_unstable_by(|one, other| other.cmp(one));
        let age = |at: Timestamp| Duration::try_from(now.duration_since(at)).unwrap_or_default();
        for (rank, (at, path)) in former.iter().enumerate() {
            let is_over = self.backups_max.is_some_and(|max| rank >= max);
            if is_over || self.age_max.is_some_and(|max| age(*at) > max) {
                std::fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn zone(&self) -> TimeZone {
        if self.is_local { TimeZone::system() } else { TimeZone::UTC }
    }
}

/// The names of a file's former ones.
struct Names {
    directory: PathBuf,
    /// Before and behind the time.
    stem: String,
    extension: String,
    zone: TimeZone,
}

impl Names {
    fn of(path: &Path, zone: TimeZone) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // As in Go, a name that begins with its only point is all extension.
        let (stem, extension) = name.split_at(name.rfind('.').unwrap_or(name.len()));
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        Names {
            directory: directory.unwrap_or(Path::new(".")).to_owned(),
            stem: format!("{stem}-"),
            extension: extension.to_owned(),
            zone,
        }
    }

    /// One that no file has, from this time on.
    fn unused(&self, mut at: Timestamp) -> io::Result<PathBuf> {
        for _ in 0..NAMES_MAX {
            let time = at.to_zoned(self.zone.clone()).strftime("%Y-%m-%dT%H-%M-%S%.3f");
            let name = self.directory.join(format!("{}{time}{REASON}{}", self.stem, self.extension));
            if name.symlink_metadata().is_err() {
                return Ok(name);
            }
            at = at.checked_add(MILLISECOND).map_err(io::Error::other)?;
        }
        Err(io::Error::new(io::ErrorKind::AlreadyExists, "there are too many former files of this time"))
    }

    /// Those that there are, with their times.
    fn former(&self) -> io::Result<Vec<(Timestamp, PathBuf)>> {
        let mut former = Vec::new();
        for entry in std::fs::read_dir(&self.directory)? {
            let entry = entry?;
            if let Some(at) = entry.file_name().to_str().and_then(|name| self.time(name)) {
                former.push((at, entry.path()));
            }
        }
        Ok(former)
    }

    /// When the file of this name made way, if it is a former one. Older Collectors gave no reason.
    fn time(&self, name: &str) -> Option<Timestamp> {
        let middle = name.strip_prefix(&self.stem)?.strip_suffix(&self.extension)?;
        let time = middle.strip_suffix(REASON).unwrap_or(middle);
        let time = DateTime::strptime("%Y-%m-%dT%H-%M-%S%.f", time).ok()?;
        Some(time.to_zoned(self.zone.clone()).ok()?.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::Framing;

    const ROTATION: Rotation = Rotation { bytes_max: 10, backups_max: None, age_max: None, is_local: false };

    fn names(path: &Path) -> Names {
        Names::of(path, TimeZone::UTC)
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_former_file_has_the_time_before_its_extension() {
        let home = tempfile::tempdir().unwrap();
        let name = |file: &str| {
            let path = names(&home.path().join(file)).unused(at("2026-11-28T16:31:12.3456Z")).unwrap();
            path.file_name().unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(name("data.json"), "data-2026-11-28T16-31-12.345-size.json");
        assert_eq!(name("data"), "data-2026-11-28T16-31-12.345-size");
        assert_eq!(name("a.b.json"), "a.b-2026-11-28T16-31-12.345-size.json");
    }

    #[test]
    fn a_name_is_never_given_twice_and_tells_its_time_again() {
        let home = tempfile::tempdir().unwrap();
        let names = names(&home.path().join("data.json"));
        let now = at("2026-11-28T16:31:12.999Z");
        for millisecond in 0..3 {
            let path = names.unused(now).unwrap();
            std::fs::write(&path, "").unwrap();
            let time = names.time(path.file_name().unwrap().to_str().unwrap()).unwrap();
            assert_eq!(time.as_millisecond(), now.as_millisecond() + millisecond);
        }
        for other in
            ["data.json", "data-x.json", "data-2026-11-28.json", "other-2026-11-28T16-31-12.345.json"]
        {
            assert_eq!(names.time(other), None, "{other}");
        }
        assert!(names.time("data-2026-11-28T16-31-12.345.json").is_some(), "of an older Collector");
    }

    #[test]
    fn a_file_makes_way_when_the_next_record_does_not_fit_and_one_that_never_fits_has_its_own() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("data.json");
        let mut file = RecordFile::open(&path, Framing::Lines).unwrap();
        for record in ["12345678901234\n", "123\n", "45678\n", "9\n"] {
            file = ROTATION.make_room(&path, file, record.len() as u64).unwrap();
            file.append(record.as_bytes()).unwrap();
        }
        let former = names(&path).former().unwrap();
        let mut texts: Vec<_> =
            former.iter().map(|(_, path)| std::fs::read_to_string(path).unwrap()).collect();
        texts.sort();
        assert_eq!(texts, ["123\n45678\n", "12345678901234\n"]);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "9\n");
    }

    #[test]
    fn the_oldest_go_first_and_whatever_else_lies_there_stays() {
        let home = tempfile::tempdir().unwrap();
        let write = |name: &str| std::fs::write(home.path().join(name), "").unwrap();
        let (old, middle, new) = (
            "d-2026-11-01T00-00-00.000-size.j",
            "d-2026-11-20T00-00-00.000.j",
            "d-2026-11-27T00-00-00.000-size.j",
        );
        for name in [old, middle, new, "d.j", "d-notes.j", "e-2026-11-01T00-00-00.000-size.j"] {
            write(name);
        }
        let names = names(&home.path().join("d.j"));
        let left = || {
            let mut left = names.former().unwrap();
            left.sort();
            left.into_iter().map(|(_, path)| path.file_name().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let now = at("2026-11-28T00:00:00Z");
        ROTATION.prune(&names, now).unwrap();
        assert_eq!(left(), [old, middle, new]);
        Rotation { backups_max: Some(2), ..ROTATION }.prune(&names, now).unwrap();
        assert_eq!(left(), [middle, new]);
        let week = Some(Duration::from_secs(7 * 24 * 3600));
        Rotation { age_max: week, ..ROTATION }.prune(&names, now).unwrap();
        assert_eq!(left(), [new]);
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 4);
    }
}
