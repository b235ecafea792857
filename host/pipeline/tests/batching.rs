//! Merging requests on their way out: when they are sent, and who hears what about them.

mod fakes;

use std::sync::Arc;
use std::time::Duration;

use fakes::*;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use weir_otlp::Signal;
use weir_pipeline::{
    Batch, BatchSettings, Cause, Consumer, Exported, QueueSettings, Refusal, RetrySettings, Sizer,
};

fn batching(min_size: u64, max_size: u64) -> BatchSettings {
    BatchSettings { flush_timeout: Duration::from_millis(200), sizer: Sizer::Items, min_size, max_size }
}

fn settings(min_size: u64, max_size: u64) -> QueueSettings {
    QueueSettings { batch: Some(batching(min_size, max_size)), ..QueueSettings::default() }
}

type Sender = JoinHandle<Result<Exported, Refusal>>;

fn send(consumer: &Arc<Consumer>, text: &'static str, items: u64) -> Sender {
    let consumer = Arc::clone(consumer);
    tokio::spawn(async move { consume_and_hear(&consumer, batch_of(text, items)).await.1 })
}

#[tokio::test(start_paused = true)]
async fn requests_are_merged_as_soon_as_enough_wait_and_each_sender_is_answered() {
    let upstream = Upstream::new([], Act::Take);
    let (queue, counts) = queue(&upstream, settings(6, 0));
    let consumer = consumer(vec![queue]);
    let start = Instant::now();
    let senders = ["aa", "bb", "cc"].map(|text| send(&consumer, text, 2));
    for sender in senders {
        assert_eq!(sender.await.unwrap(), Ok(Exported::default()));
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(*upstream.payloads.lock().unwrap(), ["aabbcc"]);
    assert_eq!((get(&counts.sent), get(&counts.queue_size)), (6, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_too_little_is_sent_after_the_flush_timeout() {
    let upstream = Upstream::new([], Act::Take);
    let (queue, _) = queue(&upstream, settings(100, 0));
    let consumer = consumer(vec![queue]);
    let start = Instant::now();
    let first = send(&consumer, "a", 1);
    tokio::time::sleep(Duration::from_millis(150)).await;
    let second = send(&consumer, "b", 1);
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    assert_eq!(start.elapsed(), Duration::from_millis(200), "the first one's time counts");
    assert_eq!(*upstream.payloads.lock().unwrap(), ["ab"]);
}

#[tokio::test(start_paused = true)]
async fn a_sender_in_a_hurry_gives_others_half_of_its_time() {
    let upstream = Upstream::new([], Act::Take);
    let (queue, _) = queue(&upstream, settings(100, 0));
    let consumer = consumer(vec![queue]);
    let start = Instant::now();
    let mut hurried = batch(1);
    hurried.deadline = Some((start + Duration::from_millis(300)).into_std());
    assert_eq!(consume(&consumer, hurried).await, (true, Ok(())));
    // The pipeline takes four fifths of it for its own.
    assert_eq!(start.elapsed(), Duration::from_millis(120));
}

#[tokio::test(start_paused = true)]
async fn no_request_grows_beyond_the_largest_size() {
    let upstream = Upstream::new([], Act::Take);
    let (queue, _) = queue(&upstream, settings(5, 5));
    let consumer = consumer(vec![queue]);
    let senders: Vec<Sender> = ["aa", "bb", "cc", "dd"].map(|text| send(&consumer, text, 2)).into();
    for sender in senders {
        sender.await.unwrap().unwrap();
    }
    assert_eq!(*upstream.payloads.lock().unwrap(), ["aabb", "ccdd"]);
}

#[tokio::test(start_paused = true)]
async fn when_the_whole_is_rejected_the_parts_go_one_by_one_and_one_sender_is_told() {
    let upstream = Upstream::new([], Act::RejectIfIn("bad"));
    let (queue, counts) = queue(&upstream, settings(6, 0));
    let consumer = consumer(vec![queue]);
    let [good, bad, fine] = ["good", "bad", "fine"].map(|text| send(&consumer, text, 2));
    assert_eq!(good.await.unwrap(), Ok(Exported::default()));
    assert_eq!(fine.await.unwrap(), Ok(Exported::default()));
    let refusal = bad.await.unwrap().unwrap_err();
    assert_eq!((refusal.cause, refusal.retryable), (Cause::UpstreamRejected(3), false));
    assert_eq!(*upstream.payloads.lock().unwrap(), ["goodbadfine", "good", "bad", "fine"]);
    assert_eq!((get(&counts.sent), get(&counts.send_failed), get(&counts.queue_size)), (4, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_rejection_that_is_not_about_the_data_is_told_to_all_at_once() {
    let upstream = Upstream::new([], Act::FailForGood(16));
    let (queue, counts) = queue(&upstream, settings(4, 0));
    let consumer = consumer(vec![queue]);
    for sender in ["aa", "bb"].map(|text| send(&consumer, text, 2)) {
        assert_eq!(sender.await.unwrap().unwrap_err().cause, Cause::UpstreamRejected(16));
    }
    assert_eq!((upstream.attempts(), get(&counts.send_failed)), (1, 4));
}

#[tokio::test(start_paused = true)]
async fn those_who_cannot_wait_longer_are_told_and_the_others_go_on() {
    let upstream = Upstream::new(vec![Act::FailRetryably; 4], Act::Take);
    let (queue, counts) = queue(&upstream, settings(4, 0));
    let consumer = consumer(vec![queue]);
    let patient = send(&consumer, "patient", 2);
    settle().await;
    let mut hurried = batch_of("hurried", 2);
    hurried.deadline = Some((Instant::now() + Duration::from_millis(450)).into_std());
    let refusal = consume(&consumer, hurried).await.1.unwrap_err();
    assert!(refusal.retryable);
    assert_eq!(patient.await.unwrap(), Ok(Exported::default()));
    let payloads = upstream.payloads.lock().unwrap();
    assert_eq!(
        (payloads.first().unwrap().as_ref(), payloads.last().unwrap().as_ref()),
        (&b"patienthurried"[..], &b"patient"[..])
    );
    assert_eq!((get(&counts.sent), get(&counts.send_failed)), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn items_that_are_rejected_of_a_merged_request_are_counted_and_told_as_a_warning() {
    let upstream = Upstream::new([Act::RejectSome(3)], Act::RejectSome(4));
    let (queue, counts) = queue(&upstream, settings(4, 0));
    let consumer = consumer(vec![queue]);
    for sender in ["aa", "bb"].map(|text| send(&consumer, text, 2)) {
        let told = sender.await.unwrap().unwrap();
        assert_eq!(told.rejected, 0, "nobody knows whose they are");
        assert!(told.message.unwrap().contains("3 of the 4 items"));
    }
    assert_eq!((get(&counts.sent), get(&counts.send_failed), get(&counts.rejected)), (1, 3, 3));
    for sender in ["aa", "bb"].map(|text| send(&consumer, text, 2)) {
        assert_eq!(sender.await.unwrap().unwrap().rejected, 2, "all of them are");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_sends_what_waits_for_others() {
    let upstream = Upstream::new([], Act::Take);
    let memory = QueueSettings { wait_for_result: false, ..settings(100, 0) };
    let (queue, counts) = queue(&upstream, memory);
    let consumer = consumer(vec![Arc::clone(&queue)]);
    assert_eq!(consume(&consumer, batch(3)).await, (true, Ok(())));
    let drained = queue.shutdown(Instant::now().into_std() + Duration::from_secs(1)).await;
    assert_eq!((drained.lost_items, get(&counts.sent)), (0, 3));
}

#[tokio::test(start_paused = true)]
async fn the_pipelines_settings_hold_where_the_exporter_has_none() {
    let upstream = Upstream::new([], Act::Take);
    let (queue, _) = queue(&upstream, QueueSettings::default());
    let pipeline = weir_pipeline::Pipeline {
        name: "logs".to_owned(),
        signal: weir_otlp::Signal::Logs,
        processors: Vec::new(),
        exporters: vec![queue],
        batching: Some(batching(4, 0)),
    };
    let consumer = Arc::new(Consumer::new(vec![Arc::new(pipeline)]));
    for sender in ["aa", "bb"].map(|text| send(&consumer, text, 2)) {
        sender.await.unwrap().unwrap();
    }
    assert_eq!(*upstream.payloads.lock().unwrap(), ["aabb"]);
}

#[tokio::test(start_paused = true)]
async fn a_long_outage_in_memory_ends_for_all_of_a_merged_request_together() {
    let upstream = Upstream::new([], Act::FailRetryably);
    let retry = RetrySettings { max_elapsed_time: Duration::from_secs(60), ..RetrySettings::default() };
    let memory = QueueSettings { wait_for_result: false, retry, ..settings(4, 0) };
    let (queue, counts) = queue(&upstream, memory);
    let consumer = consumer(vec![queue]);
    for _ in 0..2 {
        assert_eq!(consume(&consumer, batch(2)).await, (true, Ok(())));
    }
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!((get(&counts.send_failed), get(&counts.queue_size)), (4, 0));
}

/// A request of logs in one scope: one log record of two bytes for each body.
fn logs(bodies: &[&str]) -> Batch {
    let message = |tag: u8, bytes: &[u8]| [&[tag, bytes.len() as u8][..], bytes].concat();
    let records: Vec<u8> = bodies
        .iter()
        .flat_map(|body| message(0x12, &message(0x2a, &message(0x0a, body.as_bytes()))))
        .collect();
    let payload = message(0x0a, &message(0x12, &records));
    Batch::new(Signal::Logs, payload.into(), bodies.len() as u64)
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_too_large_goes_in_parts_and_its_sender_is_answered_once() {
    let upstream = Upstream::new([Act::Take, Act::RejectSome(1)], Act::Take);
    let (queue, counts) = queue(&upstream, settings(1, 2));
    let consumer = consumer(vec![queue]);
    let (_, told) = consume_and_hear(&consumer, logs(&["a", "b", "c", "d", "e"])).await;
    assert_eq!(told.unwrap().rejected, 1);
    assert_eq!(
        *upstream.payloads.lock().unwrap(),
        [&["a", "b"][..], &["c", "d"], &["e"]].map(|part| logs(part).payload)
    );
    assert_eq!((get(&counts.sent), get(&counts.send_failed)), (4, 1));
}

#[tokio::test(start_paused = true)]
async fn a_part_that_is_rejected_is_told_and_the_other_parts_are_sent() {
    let upstream = Upstream::new([Act::FailForGood(3)], Act::Take);
    let (queue, counts) = queue(&upstream, settings(1, 2));
    let refusal = consume(&consumer(vec![queue]), logs(&["a", "b", "c"])).await.1.unwrap_err();
    assert_eq!((refusal.cause, refusal.retryable), (Cause::UpstreamRejected(3), false));
    assert_eq!((get(&counts.sent), get(&counts.send_failed)), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn an_outage_in_the_middle_of_the_parts_is_told_as_one_for_the_whole() {
    let upstream = Upstream::new([Act::Take], Act::FailRetryably);
    let (queue, counts) = queue(&upstream, settings(1, 2));
    let refusal = consume(&consumer(vec![queue]), logs(&["a", "b", "c", "d", "e"])).await.1.unwrap_err();
    assert!(refusal.retryable);
    assert_eq!((get(&counts.sent), get(&counts.send_failed), get(&counts.queue_size)), (2, 3, 0));
}
