//! The books balance: at rest, what was taken is what was sent, dropped by a plugin, or failed, for each exporter.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod fakes;

use std::sync::Arc;
use std::time::Duration;

use fakes::*;
use proptest::prelude::*;
use weir_pipeline::{
    Acknowledgement, BatchSettings, Cause, Consumer, ExportQueue, QueueSettings, Refusal, Sizer,
};

/// How one run goes: what the processor does, what the upstreams do, how large the queues are, who waits.
#[derive(Clone, Debug)]
struct Run {
    batches: Vec<u64>,
    step: StepKind,
    scripts: Vec<Vec<Act>>,
    queue_size: u64,
    mode: Acknowledgement,
    batch: Option<BatchSettings>,
    stop_after: Duration,
}

#[derive(Clone, Copy, Debug)]
enum StepKind {
    Keep,
    Halve,
    DropAll,
    Refuse,
}

fn acts() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => Just(Act::Take),
        2 => (0_u64..5).prop_map(|seconds| Act::TakeAfter(Duration::from_secs(seconds))),
        2 => (0_u64..30).prop_map(Act::RejectSome),
        2 => Just(Act::FailRetryably),
        1 => Just(Act::FailForGood(3)),
        1 => Just(Act::Panic),
    ]
}

fn runs() -> impl Strategy<Value = Run> {
    let steps = prop_oneof![
        4 => Just(StepKind::Keep),
        2 => Just(StepKind::Halve),
        1 => Just(StepKind::DropAll),
        1 => Just(StepKind::Refuse),
    ];
    let scripts = prop::collection::vec(prop::collection::vec(acts(), 0..20), 1..4);
    let batches = prop::collection::vec(2_u64..20, 1..20);
    let modes = prop_oneof![
        Just(Acknowledgement::Downstream),
        Just(Acknowledgement::Durable),
        Just(Acknowledgement::Memory),
    ];
    (batches, steps, scripts, 1_u64..6, modes, batching(), 0_u64..400).prop_map(
        |(batches, step, scripts, queue_size, mode, batch, stop)| Run {
            batches,
            step,
            scripts,
            queue_size,
            mode,
            batch,
            stop_after: Duration::from_secs(stop),
        },
    )
}

fn batching() -> impl Strategy<Value = Option<BatchSettings>> {
    let settings = (0_u64..3000, 0_u64..30).prop_map(|(millis, min_size)| BatchSettings {
        flush_timeout: Duration::from_millis(millis),
        sizer: Sizer::Items,
        min_size,
        // The payloads of this test are no requests that could be split.
        max_size: 0,
    });
    prop::option::of(settings)
}

/// A queue that answers senders in this way, and where it is kept if it is.
fn queue_of(
    run: &Run,
    upstream: &Arc<Upstream>,
) -> (Arc<ExportQueue>, Arc<Counts>, Option<Arc<FakeStorage>>) {
    let settings = QueueSettings {
        queue_size: run.queue_size,
        num_consumers: 2,
        wait_for_result: run.mode == Acknowledgement::Downstream,
        batch: run.batch,
        ..QueueSettings::default()
    };
    let storage = (run.mode == Acknowledgement::Durable).then(FakeStorage::new);
    let (queue, counts) = match &storage {
        Some(storage) => durable(upstream, storage, settings),
        None => queue(upstream, settings),
    };
    assert_eq!(queue.acknowledgement(), run.mode);
    (queue, counts, storage)
}

/// Halves batches that are all of one size, and tells how many items it dropped of each.
fn step(kind: StepKind, items: u64) -> (Vec<Step>, u64) {
    match kind {
        StepKind::Keep => (Vec::new(), 0),
        StepKind::Halve => (vec![Step::KeepItems(items / 2)], items - items / 2),
        StepKind::DropAll => (vec![Step::DropAll], items),
        StepKind::Refuse => (vec![Step::Refuse(Refusal::retryable(Cause::Plugin, None, "no"))], 0),
    }
}

async fn play(run: Run) {
    let upstreams: Vec<_> =
        run.scripts.iter().map(|script| Upstream::new(script.clone(), Act::Take)).collect();
    let mut queues = Vec::new();
    let mut accounts = Vec::new();
    for upstream in &upstreams {
        let (queue, counts, storage) = queue_of(&run, upstream);
        queues.push(queue);
        accounts.push((counts, storage));
    }
    let senders: Vec<_> = run
        .batches
        .iter()
        .map(|&items| {
            let (steps, dropped) = step(run.step, items);
            let consumer = Consumer::new(vec![pipeline(steps, queues.clone())]);
            tokio::spawn(async move {
                let (taken, _) = consume(&consumer, batch(items)).await;
                if taken { (items, dropped) } else { (0, 0) }
            })
        })
        .collect();
    tokio::time::sleep(run.stop_after).await;
    let deadline = tokio::time::Instant::now().into_std();
    let mut left = Vec::new();
    for queue in &queues {
        let drained = queue.shutdown(deadline).await;
        left.push(drained.left.iter().map(|stored| stored.items).sum::<u64>());
    }
    let (mut accepted, mut dropped) = (0, 0);
    for sender in senders {
        let (items, dropped_items) = sender.await.unwrap();
        accepted += items;
        dropped += dropped_items;
    }
    for ((counts, storage), left) in accounts.into_iter().zip(left) {
        let delivered = get(&counts.sent) + get(&counts.already_delivered);
        assert_eq!(accepted, delivered + dropped + get(&counts.send_failed) + left);
        let stored = storage.map_or(0, |storage| storage.waiting().iter().map(|stored| stored.items).sum());
        assert_eq!(left, stored, "what is left is what the storage has");
        assert!(get(&counts.rejected) <= get(&counts.send_failed));
        assert_eq!((get(&counts.queue_size), get(&counts.in_flight)), (0, 0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn accepted_is_sent_and_dropped_and_failed_whatever_happens(run in runs()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(play(run));
    }
}

#[tokio::test(start_paused = true)]
async fn items_rejected_by_partial_success_are_failed_and_the_rest_is_sent() {
    let upstream = Upstream::new([Act::RejectSome(3)], Act::RejectSome(100));
    let (queue, counts) = queue(&upstream, QueueSettings::default());
    let consumer = consumer(vec![Arc::clone(&queue)]);
    assert_eq!(consume(&consumer, batch(10)).await, (true, Ok(())), "the sender must not send it again");
    assert_eq!((get(&counts.sent), get(&counts.send_failed), get(&counts.rejected)), (7, 3, 3));
    assert_eq!(consume(&consumer, batch(10)).await, (true, Ok(())));
    assert_eq!(get(&counts.rejected), 13, "no more than the batch holds");
}
