//! When a failed export is tried again, and when its sender hears about it.

mod fakes;

use std::sync::Arc;
use std::time::Duration;

use fakes::*;
use tokio::time::Instant;
use weir_pipeline::{AttemptOutcome, Cause, QueueSettings, RetrySettings};

fn waiting() -> QueueSettings {
    QueueSettings::default()
}

fn in_memory() -> QueueSettings {
    QueueSettings { wait_for_result: false, ..QueueSettings::default() }
}

#[tokio::test(start_paused = true)]
async fn a_short_outage_is_bridged_while_the_sender_waits() {
    let upstream = Upstream::new([Act::FailRetryably, Act::FailRetryably], Act::Take);
    let (queue, counts) = queue(&upstream, waiting());
    let start = Instant::now();
    assert_eq!(consume(&consumer(vec![queue]), batch(5)).await, (true, Ok(())));
    assert_eq!((upstream.attempts(), get(&counts.sent), get(&counts.send_failed)), (3, 5, 0));
    assert!(start.elapsed() <= Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_long_outage_is_told_to_the_sender_within_three_seconds() {
    let upstream = Upstream::new([], Act::FailRetryably);
    let (queue, counts) = queue(&upstream, waiting());
    let start = Instant::now();
    let (taken, outcome) = consume(&consumer(vec![queue]), batch(5)).await;
    let refusal = outcome.unwrap_err();
    assert!(taken);
    assert_eq!((refusal.cause, refusal.retryable), (Cause::UpstreamUnavailable, true));
    assert_eq!(refusal.message, "exporter fake: not now");
    assert_eq!((get(&counts.sent), get(&counts.send_failed)), (0, 5));
    assert!(upstream.attempts() > 1);
    assert!(start.elapsed() <= Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn in_an_outage_those_whose_turn_does_not_come_are_told_in_time_too() {
    let upstream = Upstream::new([], Act::FailRetryably);
    let (queue, counts) = queue(&upstream, QueueSettings { num_consumers: 2, ..waiting() });
    let consumer = consumer(vec![queue]);
    let start = Instant::now();
    let senders: Vec<_> = (0..10)
        .map(|_| {
            let consumer = Arc::clone(&consumer);
            tokio::spawn(async move { consume(&consumer, batch(1)).await.1 })
        })
        .collect();
    for sender in senders {
        assert!(sender.await.unwrap().unwrap_err().retryable);
    }
    assert_eq!(get(&counts.send_failed), 10);
    assert!(start.elapsed() <= Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn retries_leave_a_fifth_of_the_senders_time_for_the_answer() {
    let upstream = Upstream::new([], Act::FailRetryably);
    let (queue, _) = queue(&upstream, waiting());
    let start = Instant::now();
    let mut hurried = batch(1);
    hurried.deadline = Some((start + Duration::from_secs(1)).into_std());
    let (_, outcome) = consume(&consumer(vec![queue]), hurried).await;
    assert!(outcome.is_err());
    let last = *upstream.attempts.lock().unwrap().last().unwrap();
    assert!(last.duration_since(start) <= Duration::from_millis(800));
}

#[tokio::test(start_paused = true)]
async fn a_final_rejection_is_told_at_once_with_its_code() {
    let upstream = Upstream::new([], Act::FailForGood(7));
    let (queue, counts) = queue(&upstream, waiting());
    let (_, outcome) = consume(&consumer(vec![queue]), batch(5)).await;
    let refusal = outcome.unwrap_err();
    assert_eq!((refusal.cause, refusal.retryable), (Cause::UpstreamRejected(7), false));
    assert_eq!((upstream.attempts(), get(&counts.send_failed)), (1, 5));
}

#[tokio::test(start_paused = true)]
async fn the_delay_that_the_upstream_asks_for_is_kept_and_passed_on() {
    let upstream = Upstream::new([Act::FailAndAskFor(Duration::from_secs(2))], Act::Take);
    let (patient, _) = queue(&upstream, waiting());
    assert_eq!(consume(&consumer(vec![patient]), batch(1)).await.1, Ok(()));
    let attempts = upstream.attempts.lock().unwrap().clone();
    assert!(attempts[1].duration_since(attempts[0]) >= Duration::from_secs(2));

    let too_long = Duration::from_secs(60);
    let upstream = Upstream::new([], Act::FailAndAskFor(too_long));
    let (queue, _) = queue(&upstream, waiting());
    let refusal = consume(&consumer(vec![queue]), batch(1)).await.1.unwrap_err();
    assert_eq!((refusal.retry_after, upstream.attempts()), (Some(too_long), 1));
}

#[tokio::test(start_paused = true)]
async fn in_memory_the_sender_is_answered_at_once_and_retries_go_on_for_minutes() {
    let upstream = Upstream::new(vec![Act::FailRetryably; 6], Act::Take);
    let (queue, counts) = queue(&upstream, in_memory());
    let start = Instant::now();
    assert_eq!(consume(&consumer(vec![queue]), batch(5)).await, (true, Ok(())));
    assert_eq!(start.elapsed(), Duration::ZERO);
    tokio::time::sleep(Duration::from_secs(290)).await;
    assert_eq!((upstream.attempts(), get(&counts.sent)), (7, 5));
}

#[tokio::test(start_paused = true)]
async fn in_memory_retries_end_after_the_longest_time_and_the_items_are_counted() {
    let upstream = Upstream::new([], Act::FailRetryably);
    let (queue, counts) = queue(&upstream, in_memory());
    assert_eq!(consume(&consumer(vec![queue]), batch(5)).await, (true, Ok(())));
    tokio::time::sleep(Duration::from_secs(301)).await;
    assert_eq!((get(&counts.sent), get(&counts.send_failed), get(&counts.queue_size)), (0, 5, 0));
}

#[tokio::test(start_paused = true)]
async fn a_longest_time_of_zero_is_for_ever() {
    let upstream = Upstream::new(vec![Act::FailRetryably; 200], Act::Take);
    let retry = RetrySettings { max_elapsed_time: Duration::ZERO, ..RetrySettings::default() };
    let (queue, counts) = queue(&upstream, QueueSettings { retry, ..in_memory() });
    assert_eq!(consume(&consumer(vec![queue]), batch(5)).await.1, Ok(()));
    tokio::time::sleep(Duration::from_secs(4 * 3600)).await;
    assert_eq!((upstream.attempts(), get(&counts.sent)), (201, 5));
}

#[tokio::test(start_paused = true)]
async fn without_retries_one_attempt_decides() {
    let upstream = Upstream::new([Act::FailRetryably], Act::Take);
    let retry = RetrySettings { enabled: false, ..RetrySettings::default() };
    let (queue, _) = queue(&upstream, QueueSettings { retry, ..waiting() });
    assert!(consume(&consumer(vec![queue]), batch(1)).await.1.unwrap_err().retryable);
    assert_eq!(upstream.attempts(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_exporter_is_one_final_failure_and_the_next_batch_is_sent() {
    let upstream = Upstream::new([Act::Panic], Act::Take);
    let settings = QueueSettings { num_consumers: 1, ..waiting() };
    let (queue, counts) = queue(&upstream, settings);
    let consumer = consumer(vec![queue]);
    let refusal = consume(&consumer, batch(2)).await.1.unwrap_err();
    assert_eq!((refusal.cause, refusal.retryable), (Cause::UpstreamRejected(13), false));
    assert_eq!(consume(&consumer, batch(3)).await.1, Ok(()));
    assert_eq!((get(&counts.panicked), get(&counts.send_failed), get(&counts.sent)), (1, 2, 3));
    assert_eq!(get(&counts.in_flight), 0);
}

#[tokio::test(start_paused = true)]
async fn each_attempt_is_told_with_how_it_ended_and_how_long_it_took() {
    let slow = Duration::from_millis(250);
    let upstream = Upstream::new(
        [Act::FailRetryably, Act::TakeAfter(slow), Act::RejectSome(2), Act::FailForGood(3), Act::Panic],
        Act::Wait,
    );
    let (queue, counts) = queue(&upstream, waiting());
    let consumer = consumer(vec![Arc::clone(&queue)]);
    for _ in 0..4 {
        drop(consume(&consumer, batch(5)).await);
    }
    // The upstream says nothing, then weir stops.
    let sender = tokio::spawn(async move { consume(&consumer, batch(5)).await.1 });
    settle().await;
    queue.shutdown(std::time::Instant::now()).await;
    assert!(sender.await.unwrap().unwrap_err().retryable);
    let (outcomes, durations): (Vec<_>, Vec<_>) = counts.attempts.lock().unwrap().drain(..).unzip();
    use AttemptOutcome::{Abandoned, Permanent, Retryable, Success};
    assert_eq!(outcomes, [Retryable, Success, Success, Permanent, Permanent, Abandoned]);
    assert_eq!(durations[1], slow);
}
