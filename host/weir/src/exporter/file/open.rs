//! The files that are open for writing. Each is open once: a reload that puts one exporter in place of another hands the file over, so
//! that neither empties it under the other.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

use super::{FileSettings, Form, Opening};
use crate::records::RecordFile;

/// All of a process. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct OpenFiles {
    open: Arc<Mutex<BTreeMap<PathBuf, Weak<OpenFile>>>>,
    /// Whether a start is only tried out: nothing is to be made on disk.
    is_check: bool,
}

/// One of them.
#[derive(Debug)]
pub(super) struct OpenFile {
    path: PathBuf,
    form: Form,
    state: Arc<tokio::sync::Mutex<State>>,
}

/// What is known of it, for the one whose turn it is.
#[derive(Debug, Default)]
pub(super) struct State {
    /// `None` after a failure: it is opened again by the next request.
    file: Option<RecordFile>,
    /// Whether something has been written since weir started.
    is_begun: bool,
}

// === impl OpenFiles ===

impl OpenFiles {
    /// For looking whether a start would go well: opens nothing.
    pub fn for_check() -> Self {
        OpenFiles { is_check: true, ..OpenFiles::default() }
    }

    /// Opens a file, if it is not open.
    ///
    /// # Errors
    /// Why no request could be written. A full disk is no reason: it may have room when there is one.
    pub(super) fn open(&self, settings: &FileSettings) -> Result<Arc<OpenFile>, String> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, file| file.strong_count() > 0);
        let shown = settings.path.display();
        if let Some(file) = open.get(&settings.path).and_then(Weak::upgrade) {
            if file.form != settings.form {
                return Err(format!(
                    "{shown} is open with another format or compression: give it another path, or restart weir"
                ));
            }
            return Ok(file);
        }
        let file = match self.is_check {
            true => None,
            false => {
                make_directory(settings)?;
                open_now(settings).map_err(|error| format!("cannot write to {shown}: {error}"))?
            }
        };
        let state = Arc::new(tokio::sync::Mutex::new(State { file, is_begun: false }));
        let file = Arc::new(OpenFile { path: settings.path.clone(), form: settings.form, state });
        open.insert(settings.path.clone(), Arc::downgrade(&file));
        Ok(file)
    }
}

fn make_directory(settings: &FileSettings) -> Result<(), String> {
    let directory = settings.path.parent().filter(|directory| !directory.as_os_str().is_empty());
    let (Some(mode), Some(directory)) = (settings.directory_mode, directory) else { return Ok(()) };
    let made = std::fs::DirBuilder::new().recursive(true).mode(mode).create(directory);
    made.map_err(|error| format!("cannot make {}: {error}", directory.display()))
}

fn open_now(settings: &FileSettings) -> io::Result<Option<RecordFile>> {
    match RecordFile::open(&settings.path, settings.form.framing()) {
        Ok(file) if !file.is_regular() && matches!(settings.opening, Opening::Rotate(_)) => {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "only a regular file can be rotated"))
        }
        Err(error) if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
            tracing::warn!(path = %settings.path.display(), "the disk is full: nothing is written until it has room");
            Ok(None)
        }
        opened => opened.map(Some),
    }
}

// === impl OpenFile ===

impl OpenFile {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn form(&self) -> Form {
        self.form
    }

    /// Waits until nobody else writes.
    pub(super) async fn turn(&self) -> OwnedMutexGuard<State> {
        Arc::clone(&self.state).lock_owned().await
    }
}

// === impl State ===

impl State {
    /// Writes one record, whole or not at all. If that fails the file is closed, and opened again by the next one.
    pub(super) fn write(&mut self, of: &OpenFile, opening: Opening, record: &[u8]) -> io::Result<()> {
        let mut file = match self.file.take().filter(RecordFile::is_in_place) {
            Some(file) => file,
            None => RecordFile::open(&of.path, of.form.framing())?,
        };
        match opening {
            Opening::Empty if !self.is_begun => file.empty()?,
            Opening::Rotate(rotation) => file = rotation.make_room(&of.path, file, record.len() as u64)?,
            Opening::Empty | Opening::Append => {}
        }
        file.append(record)?;
        self.is_begun = true;
        self.file = Some(file);
        Ok(())
    }
}
