//! A queue that is kept in a storage: when its senders are answered, what is settled, and what is there after a stop.

mod fakes;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fakes::*;
use tokio::time::Instant;
use weir_pipeline::{Acknowledgement, Cause, ExportQueue, Keeping, QueueSettings, RetrySettings, Stored};

fn settings() -> QueueSettings {
    let retry = RetrySettings { max_elapsed_time: Duration::ZERO, ..RetrySettings::default() };
    QueueSettings { wait_for_result: false, retry, ..QueueSettings::default() }
}

fn soon() -> std::time::Instant {
    (Instant::now() + Duration::from_secs(5)).into_std()
}

#[tokio::test(start_paused = true)]
async fn the_sender_is_answered_when_the_batch_is_kept_whether_the_upstream_is_there_or_not() {
    let (upstream, storage) = (Upstream::new([], Act::Wait), FakeStorage::new());
    let (queue, counts) = durable(&upstream, &storage, settings());
    assert_eq!(queue.acknowledgement(), Acknowledgement::Durable);
    let consumer = consumer(vec![queue]);
    assert_eq!(consume(&consumer, batch(3)).await, (true, Ok(())));
    assert_eq!((storage.waiting().len(), get(&counts.sent), get(&counts.queue_items)), (1, 0, 3));
    upstream.gate.add_permits(1);
    settle().await;
    assert_eq!((storage.waiting().len(), get(&counts.sent), get(&counts.queue_items)), (0, 3, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_kept_is_refused_and_sent_again_once_there_is_room() {
    let (upstream, storage) = (Upstream::new([], Act::Take), FakeStorage::new());
    let (queue, counts) = durable(&upstream, &storage, settings());
    let consumer = consumer(vec![queue]);
    storage.is_full.store(true, Ordering::SeqCst);
    let refusal = consume(&consumer, batch(3)).await.1.unwrap_err();
    assert_eq!((refusal.cause, refusal.retryable), (Cause::Overload, true));
    assert_eq!((get(&counts.send_failed), get(&counts.storage_failed), get(&counts.queue_size)), (3, 1, 0));
    assert_eq!(upstream.attempts(), 0, "it may not be sent and refused");
    storage.is_full.store(false, Ordering::SeqCst);
    assert_eq!(consume(&consumer, batch(3)).await, (true, Ok(())));
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_does_not_answer_costs_the_sender_no_more_than_its_patience() {
    let (upstream, storage) = (Upstream::new([], Act::Take), FakeStorage::new());
    storage.hangs.store(true, Ordering::SeqCst);
    let (queue, _) = durable(&upstream, &storage, settings());
    let start = Instant::now();
    let refusal = consume(&consumer(vec![queue]), batch(1)).await.1.unwrap_err();
    assert_eq!((refusal.retryable, start.elapsed()), (true, Duration::from_secs(3)));
}

#[tokio::test(start_paused = true)]
async fn what_is_left_at_a_stop_is_sent_by_the_next_queue_and_nothing_else_is() {
    let storage = FakeStorage::new();
    let away = Upstream::new([Act::Take], Act::FailRetryably);
    let (queue, counts) = durable(&away, &storage, QueueSettings { num_consumers: 1, ..settings() });
    let consumer = consumer(vec![Arc::clone(&queue)]);
    for text in ["one", "two", "three"] {
        assert_eq!(consume(&consumer, batch_of(text, 1)).await, (true, Ok(())));
        settle().await;
    }
    let drained = queue.shutdown(soon()).await;
    assert_eq!((drained.lost_requests, drained.left.len()), (0, 2));
    assert_eq!((get(&counts.sent), get(&counts.send_failed), get(&counts.queue_size)), (1, 0, 0));
    assert!(storage.is_synced.load(Ordering::SeqCst), "what was sent is not sent again");

    let there = Upstream::new([], Act::Take);
    let (_queue, counts) = durable(&there, &storage, QueueSettings { num_consumers: 1, ..settings() });
    settle().await;
    assert_eq!(*there.payloads.lock().unwrap(), ["two", "three"]);
    assert_eq!((get(&counts.recovered), get(&counts.sent)), (2, 2));
    assert!(storage.waiting().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_queue_takes_over_what_its_predecessor_has_left() {
    let storage = FakeStorage::new();
    let (former, _) = durable(&Upstream::new([], Act::FailRetryably), &storage, settings());
    assert!(consume(&consumer(vec![Arc::clone(&former)]), batch_of("old", 1)).await.0);
    let there = Upstream::new([], Act::Take);
    let counts = Arc::new(Counts::default());
    let keeping =
        Keeping { storage: Some((Arc::clone(&storage) as Arc<_>, Vec::new())), ..Keeping::default() };
    let next = ExportQueue::new(
        "fake",
        Arc::clone(&there) as Arc<_>,
        settings(),
        Arc::clone(&counts) as Arc<_>,
        keeping,
    );
    next.adopt(former.shutdown(soon()).await.left);
    settle().await;
    assert_eq!((there.payloads.lock().unwrap().clone(), get(&counts.sent)), (vec!["old".into()], 1));
}

#[tokio::test(start_paused = true)]
async fn a_long_outage_is_outlasted_and_little_of_it_is_in_memory() {
    let storage = FakeStorage::new();
    let upstream = Upstream::new(vec![Act::FailRetryably; 100], Act::Take);
    let (queue, counts) = durable(&upstream, &storage, QueueSettings { num_consumers: 1, ..settings() });
    let consumer = consumer(vec![queue]);
    // More than a queue keeps in memory besides.
    let large: &'static str = Box::leak("x".repeat(1 << 20).into_boxed_str());
    for _ in 0..20 {
        assert_eq!(consume(&consumer, batch_of(large, 1)).await, (true, Ok(())));
    }
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!((get(&counts.sent), get(&counts.send_failed)), (20, 0));
    let read = storage.reads.load(Ordering::SeqCst);
    assert!((10..20).contains(&read), "{read} of them were read back");
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_is_merged_too() {
    let storage = FakeStorage::new();
    let upstream = Upstream::new([], Act::Take);
    let batch = weir_pipeline::BatchSettings {
        flush_timeout: Duration::from_secs(1),
        sizer: weir_pipeline::Sizer::Items,
        min_size: 2,
        max_size: 0,
    };
    let (queue, counts) = durable(&upstream, &storage, QueueSettings { batch: Some(batch), ..settings() });
    let consumer = consumer(vec![queue]);
    for text in ["a", "b"] {
        assert_eq!(consume(&consumer, batch_of(text, 1)).await, (true, Ok(())));
    }
    settle().await;
    assert_eq!((upstream.payloads.lock().unwrap().clone(), get(&counts.sent)), (vec!["ab".into()], 2));
    assert!(storage.waiting().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_damaged_is_counted_and_the_others_are_sent() {
    let storage = FakeStorage::new();
    let (queue, _) = durable(&Upstream::new([], Act::FailRetryably), &storage, settings());
    let consumer = consumer(vec![Arc::clone(&queue)]);
    for items in [1, 2, 4] {
        assert_eq!(consume(&consumer, batch(items)).await, (true, Ok(())));
    }
    queue.shutdown(soon()).await;
    let Stored { id, .. } = storage.waiting()[1];
    storage.damaged.lock().unwrap().push(id);
    let (_queue, counts) = durable(&Upstream::new([], Act::Take), &storage, settings());
    settle().await;
    assert_eq!((get(&counts.sent), get(&counts.send_failed), get(&counts.storage_failed)), (5, 2, 1));
    assert!(storage.waiting().is_empty(), "it would not get better");
}

#[tokio::test(start_paused = true)]
async fn a_final_rejection_ends_it_on_disk_too() {
    let storage = FakeStorage::new();
    let (queue, counts) = durable(&Upstream::new([], Act::FailForGood(3)), &storage, settings());
    assert_eq!(consume(&consumer(vec![queue]), batch(2)).await, (true, Ok(())), "nobody could know");
    settle().await;
    assert_eq!((get(&counts.send_failed), storage.waiting().len()), (2, 0));
}
