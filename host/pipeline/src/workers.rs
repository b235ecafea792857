//! Workers: how many batches are worked on at a time, and what becomes of those that find no one free.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::outcome::{Cause, Refusal};

/// How long a batch waits for a worker if its sender set no limit: the patience of the SDKs.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// When a sender that found no worker should come back.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The workers that some work has. They are places, not threads.
pub struct Workers {
    free: Arc<Semaphore>,
    /// What senders are told when there is none.
    busy: String,
}

/// A worker, taken until this is dropped.
pub struct Worker {
    _taken: OwnedSemaphorePermit,
}

impl Workers {
    /// So many. `busy` is what a sender is told that has waited for one in vain.
    pub fn new(count: usize, busy: String) -> Self {
        Workers { free: Arc::new(Semaphore::new(count)), busy }
    }

    /// Waits for a worker, but not beyond the deadline of the batch.
    ///
    /// # Errors
    /// If there was none in time; the sender is asked to come back.
    pub async fn take(&self, deadline: Option<Instant>) -> Result<Worker, Refusal> {
        // Mostly there is one, and then no timer is set.
        if let Ok(taken) = Arc::clone(&self.free).try_acquire_owned() {
            return Ok(Worker { _taken: taken });
        }
        let deadline = deadline.unwrap_or_else(|| Instant::now() + WAIT_MAX);
        let waiting = Arc::clone(&self.free).acquire_owned();
        match tokio::time::timeout_at(deadline.into(), waiting).await {
            Ok(Ok(taken)) => Ok(Worker { _taken: taken }),
            Ok(Err(_)) => Err(Refusal::retryable(Cause::Stopping, None, "weir is stopping")),
            Err(_) => Err(Refusal::retryable(Cause::Overload, Some(RETRY_AFTER), self.busy.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_a_worker_gets_the_next_free_one() {
        let workers = Workers::new(1, "busy".to_owned());
        let first = workers.take(None).await.ok();
        assert!(first.is_some());
        let release = async {
            tokio::time::sleep(WAIT_MAX / 2).await;
            drop(first);
        };
        let (second, ()) = tokio::join!(workers.take(None), release);
        assert!(second.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_beyond_the_deadline_and_is_asked_to_come_back() {
        let workers = Workers::new(1, "all one are busy".to_owned());
        let _first = workers.take(None).await.ok();
        for (deadline, expected) in [(None, WAIT_MAX), (Some(Duration::from_secs(2)), Duration::from_secs(2))]
        {
            let began = tokio::time::Instant::now();
            let deadline = deadline.map(|wait| (began + wait).into_std());
            let refusal = workers.take(deadline).await.err().unwrap();
            assert_eq!((refusal.cause, refusal.retry_after), (Cause::Overload, Some(RETRY_AFTER)));
            assert_eq!(refusal.message, "all one are busy");
            let waited = began.elapsed();
            assert!(waited >= expected && waited < expected + Duration::from_millis(5), "{waited:?}");
        }
    }
}
