//! The way of a line until it is settled: decoded, handed to the pipelines, and handed to them again for as long as they say so.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::watch;
use weir_otlp::Signal;
use weir_pipeline::{Cause, Exported, Panicked, Refusal, catch_panic};

use super::followed::FileId;
use super::line;
use crate::receiver::admission::Admitted;
use crate::receiver::intake::Intake;

/// The first wait before a line is handed on again, if nothing says more; each further one is twice as long.
const WAIT_FIRST: Duration = Duration::from_millis(500);
const WAIT_MAX: Duration = Duration::from_secs(30);

/// What is told in the log is told once in this time, however often it happens.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// What the lines of a receiver have in common.
pub(super) struct Shared {
    pub(super) id: String,
    pub(super) intake: Arc<Intake>,
    /// By when to have ended, once that is to be.
    pub(super) stop: watch::Receiver<Option<Instant>>,
    pub(super) malformed: Told,
    pub(super) refused: Told,
    pub(super) unwanted: Told,
    pub(super) unreadable: Told,
    pub(super) crowded: Told,
    pub(super) unkept: Told,
}

/// When something was told last, and how often it has happened since.
#[derive(Default)]
pub(super) struct Told(Mutex<(Option<Instant>, u64)>);

/// Which line it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineId {
    pub(super) file: FileId,
    pub(super) generation: u64,
    pub(super) at: u64,
}

/// A line under way.
pub(super) struct Line {
    pub(super) id: LineId,
    /// The name of its file, for the log.
    pub(super) path: String,
    pub(super) text: Bytes,
    pub(super) admitted: Admitted,
}

/// How a line's way ended.
#[derive(Debug)]
pub(super) struct Delivered {
    pub(super) id: LineId,
    pub(super) bytes: u64,
    /// Whether nothing is left to do about it.
    pub(super) is_settled: bool,
}

// === impl Told ===

impl Told {
    /// It happened. If it is to be told, how often it has since it was told last.
    pub(super) fn again(&self) -> Option<u64> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.1 += 1;
        if told.0.is_some_and(|last| last.elapsed() < LOG_INTERVAL) {
            return None;
        }
        told.0 = Some(Instant::now());
        Some(std::mem::take(&mut told.1))
    }
}

// === impl Shared ===

impl Shared {
    /// Whether it is to end.
    pub(super) fn is_stopping(&self) -> bool {
        self.stop.borrow().is_some()
    }

    /// Waits until it is to end.
    pub(super) async fn stopped(&self) {
        let mut stop = self.stop.clone();
        // An error says that nobody can tell it any more, which is an end too.
        let _ = stop.wait_for(Option::is_some).await;
    }

    /// Waits, unless it is to end before. Says whether it is not.
    pub(super) async fn wait(&self, time: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(time) => true,
            () = self.stopped() => false,
        }
    }

    /// A line is passed over that is no request.
    pub(super) fn pass_over(&self, path: &str, at: u64, refusal: Refusal) {
        let refused: Result<Exported, Refusal> = Err(refusal);
        self.intake.count_request(&refused);
        let (Some(lines), Err(refusal)) = (self.malformed.again(), refused) else { return };
        tracing::warn!(
            receiver = self.id,
            file = path,
            byte = at,
            lines,
            reason = refusal.message,
            "lines that are no requests are passed over; this is the latest one"
        );
    }

    /// Hands a line on until it is settled or weir ends.
    pub(super) async fn deliver(self: Arc<Self>, line: Line) -> Delivered {
        let Line { id, path, text, admitted } = line;
        let bytes = text.len() as u64;
        let is_settled = match self.decode(text, &admitted).await {
            Ok(Some((signal, payload))) => self.hand_on(signal, payload, &admitted, &path, id.at).await,
            Ok(None) => false,
            Err(refusal) => {
                self.pass_over(&path, id.at, refusal);
                true
            }
        };
        Delivered { id, bytes, is_settled }
    }

    /// The request; `None` if weir ends before there is room for it.
    async fn decode(&self, text: Bytes, admitted: &Admitted) -> Result<Option<(Signal, Bytes)>, Refusal> {
        let mut wait = Wait::default();
        loop {
            match caught(line::decode(text.clone(), admitted.charge()), &self.intake).await {
                Ok(decoded) => return Ok(Some(decoded)),
                Err(refusal) if !refusal.retryable => return Err(refusal),
                Err(refusal) if !self.wait(wait.next(&refusal)).await => return Ok(None),
                Err(_) => {}
            }
        }
    }

    /// Says whether the request is settled.
    async fn hand_on(
        &self,
        signal: Signal,
        payload: Bytes,
        admitted: &Admitted,
        path: &str,
        at: u64,
    ) -> bool {
        let mut wait = Wait::default();
        loop {
            if !self.intake.takes(signal) {
                self.tell_unwanted(signal, path);
                return true;
            }
            let taken = self.intake.take(signal, payload.clone(), None, admitted.charge());
            let outcome = caught(taken, &self.intake).await;
            self.intake.count_request(&outcome);
            match outcome {
                Ok(_) => return true,
                Err(refusal) if !refusal.retryable => {
                    self.tell_refused(&refusal, path, at);
                    return true;
                }
                Err(refusal) if !self.wait(wait.next(&refusal)).await => return false,
                Err(_) => {}
            }
        }
    }

    fn tell_unwanted(&self, signal: Signal, path: &str) {
        if let Some(lines) = self.unwanted.again() {
            tracing::warn!(
                receiver = self.id,
                file = path,
                lines,
                signal = signal.name(),
                "lines of a signal that no pipeline takes from this receiver are passed over"
            );
        }
    }

    /// Without the refusal's words: they may be an upstream's, and quote telemetry.
    fn tell_refused(&self, refusal: &Refusal, path: &str, at: u64) {
        if let Some(lines) = self.refused.again() {
            tracing::warn!(
                receiver = self.id, file = path, byte = at, lines, cause = ?refusal.cause,
                "requests were refused for good and are passed over; this is the latest one"
            );
        }
    }
}

/// The times between attempts.
#[derive(Default)]
struct Wait {
    last: Option<Duration>,
}

impl Wait {
    fn next(&mut self, refusal: &Refusal) -> Duration {
        let usual = self.last.map_or(WAIT_FIRST, |last| (2 * last).min(WAIT_MAX));
        self.last = Some(usual);
        refusal.retry_after.unwrap_or(usual).min(WAIT_MAX)
    }
}

/// A panic is a refusal for good: the same line would bring it about again.
async fn caught<T>(work: impl Future<Output = Result<T, Refusal>>, intake: &Intake) -> Result<T, Refusal> {
    match catch_panic(work).await {
        Ok(outcome) => outcome,
        Err(Panicked) => Err(intake.panicked()),
    }
}

/// The refusal of a line that is longer than it may be.
pub(super) fn too_long(line_bytes_max: u64) -> Refusal {
    Refusal::permanent(Cause::TooLarge, format!("the line is longer than {line_bytes_max} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_unless_the_refusal_says_how_long() {
        let mut wait = Wait::default();
        let mut after = |retry_after| wait.next(&Refusal::retryable(Cause::Overload, retry_after, "full"));
        let second = Duration::from_secs(1);
        assert_eq!(
            [after(None), after(None), after(Some(second)), after(None)],
            [second / 2, second, second, 4 * second]
        );
        for _ in 0..10 {
            after(None);
        }
        assert_eq!([after(None), after(Some(Duration::MAX))], [WAIT_MAX; 2]);
    }

    #[test]
    fn what_happens_often_is_told_once_in_a_while_with_its_number() {
        let told = Told::default();
        assert_eq!([told.again(), told.again(), told.again()], [Some(1), None, None]);
        told.0.lock().unwrap().0 = None;
        assert_eq!(told.again(), Some(3));
    }
}
