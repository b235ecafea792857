//! Failures are logged at a bounded rate: an upstream that is down must not fill the disk with its own obituary.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// One line in this time and exporter; the next line says how many were left out.
const INTERVAL: Duration = Duration::from_secs(10);

/// Decides which failures of one exporter get a line.
#[derive(Debug, Default)]
pub(crate) struct FailureLog {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    suppressed: u64,
}

impl FailureLog {
    /// `Some` if a line may be written now: the number of failures since the last line that got none.
    pub(crate) fn may_log(&self) -> Option<u64> {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.last.is_some_and(|last| now.duration_since(last) < INTERVAL) {
            state.suppressed = state.suppressed.saturating_add(1);
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_line_an_interval_and_the_next_one_tells_what_was_left_out() {
        let log = FailureLog::default();
        assert_eq!(log.may_log(), Some(0));
        assert_eq!(log.may_log(), None);
        assert_eq!(log.may_log(), None);
        tokio::time::advance(INTERVAL).await;
        assert_eq!(log.may_log(), Some(2));
    }
}
