//! The load generator: pre-encoded requests at a fixed rate over one connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::corpus::Corpus;
use crate::grpc::RawClient;

/// How a process is loaded.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Items a second.
    pub rate: u64,
    /// Requests that may be on their way at once.
    pub in_flight: usize,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// Items that were acknowledged.
    pub items: u64,
    /// Requests that were answered with an error.
    pub errors: u64,
    /// Items a second that were acknowledged.
    pub rate: f64,
}

/// Sends for `time`, then waits for the answers to what is on its way.
pub async fn drive(client: &RawClient, corpus: &Corpus, load: Load, time: Duration) -> Outcome {
    let room = Arc::new(Semaphore::new(load.in_flight));
    let (done, failed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let requests_per_second = load.rate as f64 / corpus.items as f64;
    // Timers have a resolution of a millisecond: above a thousand requests a second, several go at a time.
    let per_tick = (requests_per_second / 500.0).ceil().max(1.0);
    let mut ticks = interval(Duration::from_secs_f64(per_tick / requests_per_second));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let begin = Instant::now();
    let mut next = corpus.requests.iter().cycle();
    while begin.elapsed() < time {
        ticks.tick().await;
        for _ in 0..per_tick as u64 {
            let Some(request) = next.next().cloned() else { break };
            let permit = Arc::clone(&room).acquire_owned().await.expect("the semaphore is never closed");
            let (mut client, done, failed) = (client.clone(), Arc::clone(&done), Arc::clone(&failed));
            let path = corpus.signal.grpc_path();
            tokio::spawn(async move {
                let outcome = client.call(path, request).await;
                if outcome.is_ok() { &done } else { &failed }.fetch_add(1, Ordering::Relaxed);
                drop(permit);
            });
        }
    }
    let everything = u32::try_from(load.in_flight).unwrap_or(u32::MAX);
    let _all = room.acquire_many(everything).await.expect("the semaphore is never closed");
    let items = done.load(Ordering::Relaxed) * corpus.items;
    let errors = failed.load(Ordering::Relaxed);
    Outcome { items, errors, rate: items as f64 / begin.elapsed().as_secs_f64() }
}
