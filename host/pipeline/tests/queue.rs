//! Room, overflow, concurrency, fan-out, senders that go away, and the stop.

mod fakes;

use std::sync::Arc;
use std::time::Duration;

use fakes::*;
use tokio::time::Instant;
use weir_otlp::Signal;
use weir_pipeline::{Cause, Consumer, Drained, Exported, QueueSettings, Refusal, Sizer};

fn in_memory() -> QueueSettings {
    QueueSettings { wait_for_result: false, ..QueueSettings::default() }
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_with_a_delay_and_nothing_is_taken() {
    let upstream = Upstream::new([], Act::Wait);
    let (queue, counts) = queue(&upstream, QueueSettings { queue_size: 2, ..in_memory() });
    let consumer = consumer(vec![queue]);
    for _ in 0..2 {
        assert_eq!(consume(&consumer, batch(10)).await, (true, Ok(())));
    }
    let (taken, outcome) = consume(&consumer, batch(7)).await;
    let refusal = outcome.unwrap_err();
    assert!(!taken);
    assert_eq!((refusal.cause, refusal.retryable), (Cause::Overload, true));
    assert_eq!(refusal.retry_after, Some(Duration::from_secs(1)));
    assert_eq!((get(&counts.enqueue_failed), get(&counts.queue_size)), (7, 2));
    upstream.gate.add_permits(2);
    settle().await;
    assert_eq!((get(&counts.sent), get(&counts.queue_size)), (20, 0));
    assert_eq!(consume(&consumer, batch(1)).await.1, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn one_full_exporter_keeps_no_other_from_the_batch_and_the_sender_hears_of_it() {
    let (full_upstream, free_upstream) = (Upstream::new([], Act::Wait), Upstream::new([], Act::Take));
    let (full, full_counts) = queue(&full_upstream, QueueSettings { queue_size: 1, ..in_memory() });
    let (free, free_counts) = queue(&free_upstream, in_memory());
    let fill = consumer(vec![Arc::clone(&full)]);
    assert_eq!(consume(&fill, batch(1)).await.1, Ok(()));

    let both = consumer(vec![Arc::clone(&free), full]);
    let (taken, outcome) = consume(&both, batch(5)).await;
    assert!(taken);
    assert_eq!(outcome.unwrap_err().cause, Cause::Overload);
    settle().await;
    assert_eq!((get(&full_counts.enqueue_failed), get(&full_counts.send_failed)), (5, 5));
    assert_eq!((free_upstream.attempts(), get(&free_counts.sent)), (1, 5));

    // Its sender tries again, and again when there is room: the other exporter has it already.
    assert!(!consume(&both, batch(5)).await.0, "nobody has room for it");
    full_upstream.gate.add_permits(10);
    settle().await;
    assert_eq!(consume(&both, batch(5)).await, (true, Ok(())));
    settle().await;
    assert_eq!((free_upstream.attempts(), get(&free_counts.already_delivered)), (1, 5));
    assert_eq!(get(&full_counts.sent), 6);
    // The same once more is new data.
    assert_eq!(consume(&both, batch(5)).await, (true, Ok(())));
    settle().await;
    assert_eq!(free_upstream.attempts(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_one_upstream_has_and_another_does_not_is_sent_again_to_the_other_alone() {
    let (away, there) =
        (Upstream::new(vec![Act::FailRetryably; 40], Act::Take), Upstream::new([], Act::Take));
    let (away_queue, away_counts) = queue(&away, QueueSettings::default());
    let (there_queue, there_counts) = queue(&there, QueueSettings::default());
    let consumer = consumer(vec![away_queue, there_queue]);
    let mut tries = 1;
    while consume(&consumer, batch(7)).await.1.is_err() {
        tries += 1;
    }
    assert!(tries > 1);
    assert_eq!(there.attempts(), 1);
    let accepted = 7 * tries;
    assert_eq!(get(&there_counts.sent) + get(&there_counts.already_delivered), accepted);
    assert_eq!(get(&away_counts.sent) + get(&away_counts.send_failed), accepted);
}

#[tokio::test(start_paused = true)]
async fn bytes_are_bounded_besides_the_number_of_requests() {
    let upstream = Upstream::new([], Act::Wait);
    let (queue, _) = queue(&upstream, QueueSettings { bytes_max: 25, ..in_memory() });
    let consumer = consumer(vec![queue]);
    assert!(consume(&consumer, batch(1)).await.0);
    assert!(consume(&consumer, batch(1)).await.0);
    assert!(!consume(&consumer, batch(1)).await.0, "thirty bytes are more than twenty-five");
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_blocks_waits_for_room_within_the_senders_patience() {
    let upstream = Upstream::new([Act::TakeAfter(Duration::from_secs(2))], Act::Wait);
    let settings = QueueSettings { queue_size: 1, block_on_overflow: true, ..in_memory() };
    let (queue, counts) = queue(&upstream, settings);
    let consumer = consumer(vec![queue]);
    let start = Instant::now();
    assert!(consume(&consumer, batch(1)).await.0);
    assert!(consume(&consumer, batch(1)).await.0, "there was room after two seconds");
    assert_eq!(start.elapsed(), Duration::from_secs(2));
    let (taken, outcome) = consume(&consumer, batch(1)).await;
    assert!(!taken);
    assert_eq!(outcome.unwrap_err().cause, Cause::Overload);
    assert_eq!((start.elapsed(), get(&counts.enqueue_failed)), (Duration::from_secs(5), 1));
}

#[tokio::test(start_paused = true)]
async fn two_blocking_queues_in_opposite_order_do_not_lock_each_other() {
    let slow = || Upstream::new([], Act::TakeAfter(Duration::from_millis(10)));
    let settings = QueueSettings { queue_size: 1, block_on_overflow: true, ..QueueSettings::default() };
    let ((a, a_counts), (b, b_counts)) = (queue(&slow(), settings.clone()), queue(&slow(), settings));
    let forth = consumer(vec![Arc::clone(&a), Arc::clone(&b)]);
    let back = consumer(vec![b, a]);
    let run = |consumer: Arc<Consumer>| {
        tokio::spawn(async move {
            for _ in 0..20 {
                assert_eq!(consume(&consumer, batch(1)).await.1, Ok(()));
            }
        })
    };
    let (forth, back) = (run(forth), run(back));
    forth.await.unwrap();
    back.await.unwrap();
    assert_eq!((get(&a_counts.sent), get(&b_counts.sent)), (40, 40));
}

#[tokio::test(start_paused = true)]
async fn no_more_attempts_run_at_a_time_than_there_are_consumers() {
    let upstream = Upstream::new([], Act::TakeAfter(Duration::from_secs(1)));
    let (queue, counts) = queue(&upstream, QueueSettings { num_consumers: 3, ..in_memory() });
    let consumer = consumer(vec![queue]);
    for _ in 0..10 {
        assert!(consume(&consumer, batch(1)).await.0);
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!((get(&counts.sent), get(&counts.in_flight_max), get(&counts.in_flight)), (10, 3, 0));
}

#[tokio::test(start_paused = true)]
async fn without_a_queue_the_sender_waits_and_the_concurrency_is_bounded() {
    let upstream = Upstream::new([], Act::TakeAfter(Duration::from_secs(1)));
    let settings = QueueSettings { enabled: false, num_consumers: 2, ..in_memory() };
    let (queue, counts) = queue(&upstream, settings);
    assert_eq!(queue.capacity(), 2);
    let consumer = consumer(vec![queue]);
    let start = Instant::now();
    let senders: Vec<_> = (0..4)
        .map(|_| {
            let consumer = Arc::clone(&consumer);
            tokio::spawn(async move { consume(&consumer, batch(1)).await })
        })
        .collect();
    for sender in senders {
        assert_eq!(sender.await.unwrap(), (true, Ok(())));
    }
    assert_eq!((start.elapsed(), get(&counts.in_flight_max)), (Duration::from_secs(2), 2));
}

#[tokio::test(start_paused = true)]
async fn every_exporter_gets_the_batch_and_a_retryable_failure_is_told_first() {
    let upstreams = [Act::Take, Act::FailForGood(3), Act::FailRetryably].map(|act| Upstream::new([], act));
    let (queues, counts): (Vec<_>, Vec<_>) =
        upstreams.iter().map(|upstream| queue(upstream, QueueSettings::default())).unzip();
    let (taken, outcome) = consume(&consumer(queues), batch(4)).await;
    assert!(taken);
    assert_eq!(outcome.unwrap_err().cause, Cause::UpstreamUnavailable);
    assert_eq!(get(&counts[0].sent), 4);
    assert_eq!((get(&counts[1].send_failed), get(&counts[2].send_failed)), (4, 4));
}

#[tokio::test(start_paused = true)]
async fn what_one_pipeline_dropped_by_a_rule_is_not_asked_of_it_again_for_the_sake_of_another() {
    let (never, away) =
        (Upstream::new([], Act::Take), Upstream::new(vec![Act::FailRetryably; 40], Act::Take));
    let ((never_queue, never_counts), (away_queue, away_counts)) =
        (queue(&never, QueueSettings::default()), queue(&away, QueueSettings::default()));
    let consumer = Consumer::new(vec![
        pipeline(vec![Step::DropAll], vec![never_queue]),
        pipeline(vec![], vec![away_queue]),
    ]);
    let mut accepted = 4;
    while consume(&consumer, batch(4)).await.1.is_err() {
        accepted += 4;
    }
    assert_eq!(never.attempts(), 0);
    assert_eq!(get(&never_counts.already_delivered), accepted - 4, "it dropped it once");
    assert_eq!(get(&away_counts.sent) + get(&away_counts.send_failed), accepted);
}

#[tokio::test(start_paused = true)]
async fn what_a_processor_lost_is_told_with_what_the_upstream_rejected() {
    let (queue, counts) = queue(&Upstream::new([], Act::RejectSome(1)), QueueSettings::default());
    let consumer = Consumer::new(vec![pipeline(vec![Step::Lose(2), Step::Lose(3)], vec![queue])]);
    let (_, told) = consume_and_hear(&consumer, batch(10)).await;
    assert_eq!(told, Ok(Exported { rejected: 6, message: Some("broke; broke".to_owned()) }));
    assert_eq!((get(&counts.sent), get(&counts.send_failed)), (4, 1));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_by_one_pipeline_keeps_the_batch_from_the_others() {
    let (refusing, other) = (Upstream::new([], Act::Take), Upstream::new([], Act::Take));
    let ((refusing_queue, _), (other_queue, counts)) =
        (queue(&refusing, QueueSettings::default()), queue(&other, QueueSettings::default()));
    let refusal = Refusal::retryable(Cause::Plugin, None, "the plugin failed");
    let consumer = Consumer::new(vec![
        pipeline(vec![], vec![other_queue]),
        pipeline(vec![Step::Refuse(refusal.clone())], vec![refusing_queue]),
    ]);
    assert_eq!(consume(&consumer, batch(1)).await, (false, Err(refusal)));
    assert_eq!((other.attempts(), refusing.attempts(), get(&counts.queue_size)), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_signal_without_a_pipeline_is_neither_offered_nor_taken() {
    let (queue, _) = queue(&Upstream::new([], Act::Take), QueueSettings::default());
    let consumer = consumer(vec![queue]);
    assert!(consumer.takes(Signal::Logs) && !consumer.takes(Signal::Traces));
    let mut traces = batch(1);
    traces.signal = Signal::Traces;
    assert!(!consume(&consumer, traces).await.0);
}

#[tokio::test(start_paused = true)]
async fn what_a_vanished_sender_left_behind_is_sent_and_counted() {
    let upstream = Upstream::new([], Act::Wait);
    let (queue, counts) = queue(&upstream, QueueSettings::default());
    let consumer = consumer(vec![queue]);
    let sender = tokio::spawn(async move { consume(&consumer, batch(9)).await });
    settle().await;
    sender.abort();
    assert!(sender.await.unwrap_err().is_cancelled());
    upstream.gate.add_permits(1);
    settle().await;
    assert_eq!((get(&counts.sent), get(&counts.queue_size)), (9, 0));
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_what_is_queued_finish_and_takes_nothing_more() {
    let upstream = Upstream::new([], Act::TakeAfter(Duration::from_secs(1)));
    let (queue, counts) = queue(&upstream, QueueSettings { num_consumers: 1, ..in_memory() });
    let consumer = consumer(vec![Arc::clone(&queue)]);
    for _ in 0..3 {
        assert!(consume(&consumer, batch(2)).await.0);
    }
    let deadline = (Instant::now() + Duration::from_secs(10)).into_std();
    let stop = tokio::spawn(async move { queue.shutdown(deadline).await });
    settle().await;
    let (taken, outcome) = consume(&consumer, batch(1)).await;
    assert!(!taken);
    assert_eq!(outcome.unwrap_err().cause, Cause::Stopping);
    assert_eq!(stop.await.unwrap(), Drained::default());
    assert_eq!(get(&counts.sent), 6);
}

#[tokio::test(start_paused = true)]
async fn what_is_left_at_the_deadline_of_a_stop_is_counted_as_failed_and_told_to_those_who_wait() {
    let upstream = Upstream::new([], Act::Wait);
    let (queue, counts) = queue(&upstream, QueueSettings { num_consumers: 1, ..QueueSettings::default() });
    let consumer = consumer(vec![Arc::clone(&queue)]);
    let senders: Vec<_> = (0..3)
        .map(|_| {
            let consumer = Arc::clone(&consumer);
            tokio::spawn(async move { consume(&consumer, batch(2)).await })
        })
        .collect();
    settle().await;
    // Sooner than the patience of those whose turn does not come, which is three seconds.
    let drained = queue.shutdown((Instant::now() + Duration::from_secs(2)).into_std()).await;
    assert_eq!(drained, Drained { lost_requests: 3, lost_items: 6, left: Vec::new() });
    assert_eq!((get(&counts.send_failed), get(&counts.in_flight), get(&counts.queue_size)), (6, 0, 0));
    for sender in senders {
        let refusal = sender.await.unwrap().1.unwrap_err();
        assert_eq!((refusal.cause, refusal.retryable), (Cause::Stopping, true));
    }
}

#[tokio::test(start_paused = true)]
async fn the_size_of_a_queue_is_told_in_the_unit_of_its_sizer() {
    for (sizer, expected) in [(Sizer::Requests, 1), (Sizer::Items, 6), (Sizer::Bytes, 10)] {
        let upstream = Upstream::new([], Act::Wait);
        let (queue, counts) = queue(&upstream, QueueSettings { sizer, ..in_memory() });
        let consumer = Consumer::new(vec![pipeline(vec![Step::KeepItems(6)], vec![queue])]);
        assert!(consume(&consumer, batch(9)).await.0);
        assert_eq!(get(&counts.queue_size), expected, "{sizer:?}");
    }
}
