//! Handing lines on: each when there is room for it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{Reader, Stopping};
use crate::receiver::admission::Admitted;
use crate::receiver::file::delivery::{Line, LineId, too_long};
use crate::receiver::file::followed::FileId;
use crate::receiver::file::{blocking, chunk, line};

impl Reader {
    /// Hands a line on that has been read.
    pub(super) async fn hand_on(
        &mut self,
        file: FileId,
        path: &str,
        at: u64,
        next: u64,
        line: &[u8],
    ) -> Result<(), Stopping> {
        let text = line::content(line, at == 0);
        if text.len() as u64 > self.settings.line_bytes_max {
            self.shared.pass_over(path, at, too_long(self.settings.line_bytes_max));
        } else if !text.is_empty() {
            self.room(text.len() as u64).await?;
            if let Some(admitted) = self.admit(path, at, text.len() as u64).await? {
                self.begin(file, path, at, next, Bytes::copy_from_slice(text), admitted);
                return Ok(());
            }
        }
        self.change(file, |followed| followed.pass(next));
        Ok(())
    }

    /// Reads a line, now that there is room for it, and hands it on. False if it is not there any more.
    pub(super) async fn hand_on_long(
        &mut self,
        id: FileId,
        path: &str,
        at: u64,
        length: u64,
        next: u64,
    ) -> Result<bool, Stopping> {
        self.room(length).await?;
        let Some(admitted) = self.admit(path, at, length).await? else { return Ok(true) };
        let Some(file) = self.files.get(&id).map(|followed| Arc::clone(&followed.file)) else {
            return Ok(false);
        };
        let Ok(bytes) = usize::try_from(length) else { return Ok(false) };
        match blocking(move || chunk::exact(&file, at, bytes)).await {
            Some(Ok(line)) => {
                let text = line.slice_ref(line::content(&line, at == 0));
                self.begin(id, path, at, next, text, admitted);
                Ok(true)
            }
            Some(Err(error)) => Ok(self.unreadable(path, &error)),
            None => Ok(false),
        }
    }

    fn begin(&mut self, file: FileId, path: &str, at: u64, next: u64, text: Bytes, admitted: Admitted) {
        let Some(followed) = self.files.get_mut(&file) else { return };
        followed.begin(at, next);
        let id = LineId { file, generation: followed.generation, at };
        let line = Line { id, path: path.to_owned(), text, admitted };
        self.under_way.begin(&self.shared, line);
    }

    /// Waits until so many bytes more may be under way.
    async fn room(&mut self, bytes: u64) -> Result<(), Stopping> {
        let shared = Arc::clone(&self.shared);
        while !self.under_way.has_room(bytes) {
            tokio::select! {
                () = shared.stopped() => return Err(Stopping),
                Some(delivered) = self.under_way.next() => self.settle(delivered),
            }
            self.save_now_and_then().await;
        }
        if self.shared.is_stopping() { Err(Stopping) } else { Ok(()) }
    }

    /// Waits until there is a place for a line and room for its bytes. `None` if there never will be.
    async fn admit(&mut self, path: &str, at: u64, bytes: u64) -> Result<Option<Admitted>, Stopping> {
        loop {
            let admitted = self.shared.intake.admit();
            // Twice: as text and as what it says.
            let charged =
                admitted.and_then(|admitted| admitted.charge().grow_to(2 * bytes).map(|()| admitted));
            match charged {
                Ok(admitted) => return Ok(Some(admitted)),
                Err(refusal) if refusal.retryable => {
                    let time = refusal.retry_after.unwrap_or(Duration::from_secs(1));
                    if !self.shared.wait(time).await {
                        return Err(Stopping);
                    }
                }
                Err(refusal) => {
                    self.shared.pass_over(path, at, refusal);
                    return Ok(None);
                }
            }
        }
    }
}
