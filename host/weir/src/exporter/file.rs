//! The `file` exporter: writes requests to a file, each as one record, before its sender is answered.
//!
//! - `form`: what a record is made of. `rotation`: when a file makes way for another one, and which of the former ones are kept.
//! - `open`: the files that are open, each once, also while a reload puts one exporter in place of another.
//!
//! One request of an exporter is written at a time, on a thread that may block. What it takes of memory while it is text is in the
//! budget. What is acknowledged survives the end of weir; it is not synced, so a crash of the machine may cost the last of it.

mod form;
mod open;
mod rotation;

use std::path::PathBuf;
use std::sync::Arc;

use weir_pipeline::{Batch, BoxFuture, ExportError, Exported, Exporter};

pub use form::{FileFormat, Form};
pub use open::OpenFiles;
pub use rotation::Rotation;

use crate::wire::code;
use form::Unfit;
use open::{OpenFile, State};

/// `file`.
#[derive(Clone, Debug)]
pub struct FileSettings {
    /// The file.
    pub path: PathBuf,
    /// What becomes of what is in it before the first request is written.
    pub opening: Opening,
    /// How a request is written.
    pub form: Form,
    /// With these permissions its directory is made, if it is missing; not at all if `None`.
    pub directory_mode: Option<u32>,
    /// Where it is opened, and known to be open.
    pub files: OpenFiles,
}

/// What becomes of what is in a file already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// It is taken out when the first request since the start of weir is written.
    Empty,
    /// It stays.
    Append,
    /// It stays, until the file is so large or its former ones so many or so old.
    Rotate(Rotation),
}

/// Writes to one file.
pub(super) struct FileExporter {
    opening: Opening,
    file: Arc<OpenFile>,
}

impl FileExporter {
    /// Opens the file.
    ///
    /// # Errors
    /// Why no request could be written.
    pub(super) fn new(settings: &FileSettings) -> Result<Self, String> {
        let file = settings.files.open(settings)?;
        Ok(FileExporter { opening: settings.opening, file })
    }
}

impl Exporter for FileExporter {
    fn export(&self, batch: Batch) -> BoxFuture<'_, Result<Exported, ExportError>> {
        Box::pin(async move {
            // Waited for here, so that only one thread at a time is kept for this file.
            let state = self.file.turn().await;
            let (file, opening) = (Arc::clone(&self.file), self.opening);
            let written = tokio::task::spawn_blocking(move || write(&file, state, opening, &batch));
            match written.await {
                Ok(outcome) => outcome.map(|()| Exported::default()),
                Err(_) => Err(ExportError::permanent(code::INTERNAL, "the file exporter failed")),
            }
        })
    }
}

fn write(
    file: &OpenFile,
    mut state: tokio::sync::OwnedMutexGuard<State>,
    opening: Opening,
    batch: &Batch,
) -> Result<(), ExportError> {
    let mut record = Vec::new();
    file.form().write(batch.signal, &batch.payload, &mut record).map_err(|unfit| match unfit {
        Unfit::Malformed(reason) => ExportError::permanent(code::INVALID_ARGUMENT, reason),
        Unfit::TooLong => ExportError::permanent(
            code::INVALID_ARGUMENT,
            "the request is too large for one record of the file",
        ),
        Unfit::Compression(error) => {
            ExportError::permanent(code::INTERNAL, format!("could not compress the request: {error}"))
        }
    })?;
    let _held = batch.charge.beside(record.capacity() as u64);
    state.write(file, opening, &record).map_err(|error| {
        let message = format!("cannot write to {}: {error}", file.path().display());
        ExportError::retryable(code::UNAVAILABLE, message)
    })
}

#[cfg(test)]
mod tests;
