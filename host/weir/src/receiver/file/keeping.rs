//! Keeps on disk, now and then, how far the files of a receiver are settled, if there is a place for it.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::blocking;
use super::delivery::Shared;
use super::followed::FileId;
use super::positions::Positions;

/// How often, at most.
const INTERVAL: Duration = Duration::from_secs(1);

/// See the module.
pub(super) struct Keeping {
    path: Option<PathBuf>,
    saved: Option<Instant>,
    /// Whether something was settled since.
    is_unsaved: bool,
}

impl Keeping {
    /// In this file; nowhere if there is none.
    pub(super) fn at(path: Option<PathBuf>) -> Self {
        Keeping { path, saved: None, is_unsaved: false }
    }

    /// What was kept by a former start.
    pub(super) async fn load(&self, shared: &Shared) -> Option<Positions> {
        let path = self.path.clone()?;
        match blocking(move || Positions::load(&path)).await? {
            Ok(kept) => kept,
            Err(error) => {
                tracing::warn!(
                    receiver = shared.id, %error,
                    "how far the files were read is not known any more: they are read as at a first start"
                );
                None
            }
        }
    }

    /// Something was settled.
    pub(super) fn is_behind(&mut self) {
        self.is_unsaved = self.path.is_some();
    }

    /// After which time there is something to save; never, if nothing was settled.
    pub(super) fn due(&self) -> Option<Duration> {
        let wait = self.saved.map_or(Duration::ZERO, |saved| INTERVAL.saturating_sub(saved.elapsed()));
        self.is_unsaved.then_some(wait)
    }

    /// Keeps how far these files are settled, and gives it.
    pub(super) async fn save(&mut self, shared: &Shared, files: Vec<(FileId, Arc<File>, u64)>) -> Positions {
        let path = self.path.clone();
        let saved = blocking(move || {
            let positions = Positions::of(files);
            let saved = path.map_or(Ok(()), |path| positions.save(&path));
            (positions, saved)
        });
        let Some((positions, saved)) = saved.await else { return Positions::default() };
        if let Err(error) = saved
            && shared.unkept.again().is_some()
        {
            tracing::warn!(
                receiver = shared.id, %error,
                "how far the files are read could not be kept: the next start reads some lines again"
            );
        }
        self.saved = Some(Instant::now());
        self.is_unsaved = false;
        positions
    }
}
