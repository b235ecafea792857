//! How long a sender waits for its answer, under a load that does not wait for the answers.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::corpus::Corpus;
use crate::grpc::RawClient;

/// Requests that may wait for an answer at a time; more than ever do unless something is very slow.
const IN_FLIGHT: usize = 256;

/// Sends the corpus again and again, so many requests in a second whatever the answers. The latencies of what was answered well,
/// in microseconds, and the number of the rest.
pub async fn paced(
    client: &RawClient,
    corpus: &Corpus,
    requests_per_second: u64,
    time: Duration,
) -> (Vec<f64>, u64) {
    let room = Arc::new(Semaphore::new(IN_FLIGHT));
    let (done, mut answers) = mpsc::channel(IN_FLIGHT);
    let mut ticks = interval(Duration::from_secs(1) / requests_per_second as u32);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let gather = tokio::spawn(async move {
        let (mut micros, mut errors) = (Vec::new(), 0);
        while let Some(answer) = answers.recv().await {
            match answer {
                Some(latency) => micros.push(latency),
                None => errors += 1,
            }
        }
        (micros, errors)
    });
    let (begin, path) = (Instant::now(), corpus.signal.grpc_path());
    for request in corpus.requests.iter().cycle() {
        ticks.tick().await;
        if begin.elapsed() >= time {
            break;
        }
        // Waiting for room is part of the latency: a slow answer must not hide the ones behind it.
        let sent = Instant::now();
        let permit = Arc::clone(&room).acquire_owned().await.expect("the semaphore is never closed");
        let (mut client, done, request) = (client.clone(), done.clone(), request.clone());
        tokio::spawn(async move {
            let answer = client.call(path, request).await;
            let latency = answer.is_ok().then(|| sent.elapsed().as_secs_f64() * 1e6);
            // The gatherer is there until the last sender has gone.
            let _ = done.send(latency).await;
            drop(permit);
        });
    }
    drop(done);
    gather.await.expect("the gatherer does not panic")
}

/// The latencies below which so many in a hundred are.
pub fn percentiles<const N: usize>(mut micros: Vec<f64>, percents: [usize; N]) -> [f64; N] {
    micros.sort_by(f64::total_cmp);
    percents.map(|percent| micros.get(micros.len() * percent / 100).copied().unwrap_or(f64::NAN))
}
