//! Requests that some exporters have and others do not. Their sender is told to send them again, and then they go only where
//! they are not yet: one upstream that is away does not double the data of another.
//!
//! A request is known again by its bytes: a client that tries again sends the same. What is remembered is a keyed hash
//! of 128 bits and a list of exporters, for a bounded number of requests and a bounded time.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::Batch;

/// Requests that are remembered; the oldest is forgotten first. Each has a sender who waits to send it again.
const REQUESTS_MAX: usize = 1024;

/// How long a client may take to send it again. The Collector's exporters go on for five minutes, SDKs for one at most.
const REMEMBERED: Duration = Duration::from_secs(300);

/// An exporter in a pipeline: their places in the consumer's lists.
pub(crate) type Destination = (usize, usize);

/// The memory of one consumer.
#[derive(Default)]
pub(crate) struct PartlyDelivered {
    keys: [RandomState; 2],
    requests: Mutex<VecDeque<Request>>,
}

struct Request {
    fingerprint: Fingerprint,
    since: Instant,
    delivered: Vec<Destination>,
}

type Fingerprint = [u64; 2];

// === impl PartlyDelivered ===

impl PartlyDelivered {
    /// Who has this request already; it is forgotten with the asking.
    pub(crate) fn take(&self, batch: &Batch) -> Vec<Destination> {
        if self.lock().is_empty() {
            return Vec::new();
        }
        let fingerprint = self.fingerprint(batch);
        let mut requests = self.lock();
        while requests.front().is_some_and(|oldest| oldest.since.elapsed() > REMEMBERED) {
            requests.pop_front();
        }
        let at = requests.iter().position(|request| request.fingerprint == fingerprint);
        at.and_then(|at| requests.remove(at)).map(|request| request.delivered).unwrap_or_default()
    }

    /// These have the request, and its sender is told to send it again.
    pub(crate) fn remember(&self, batch: &Batch, delivered: Vec<Destination>) {
        if delivered.is_empty() {
            return;
        }
        let request = Request { fingerprint: self.fingerprint(batch), since: Instant::now(), delivered };
        let mut requests = self.lock();
        if requests.len() >= REQUESTS_MAX {
            requests.pop_front();
        }
        requests.push_back(request);
    }

    fn fingerprint(&self, batch: &Batch) -> Fingerprint {
        [0, 1].map(|key: usize| self.keys[key].hash_one((batch.signal, &batch.payload)))
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Request>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use weir_otlp::Signal;

    use super::*;

    fn batch(text: &'static str) -> Batch {
        Batch::new(Signal::Logs, Bytes::from_static(text.as_bytes()), 1)
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_is_known_again_once_by_its_bytes_and_its_signal() {
        let partly = PartlyDelivered::default();
        partly.remember(&batch("a"), vec![(0, 1)]);
        assert!(partly.take(&batch("b")).is_empty());
        assert!(partly.take(&Batch { signal: Signal::Traces, ..batch("a") }).is_empty());
        assert_eq!(partly.take(&batch("a")), [(0, 1)]);
        assert!(partly.take(&batch("a")).is_empty(), "the same data sent once more is new data");
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_forgotten_after_five_minutes_and_when_there_are_too_many() {
        let partly = PartlyDelivered::default();
        partly.remember(&batch("a"), vec![(0, 0)]);
        tokio::time::advance(REMEMBERED + Duration::from_secs(1)).await;
        assert!(partly.take(&batch("a")).is_empty());
        for number in 0..=REQUESTS_MAX {
            let numbered = Batch { payload: Bytes::from(number.to_string()), ..batch("") };
            partly.remember(&numbered, vec![(0, 0)]);
        }
        assert!(partly.take(&batch("0")).is_empty());
        assert_eq!(partly.take(&batch("1")), [(0, 0)]);
    }
}
