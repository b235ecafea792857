//! What the log does when nothing goes wrong, on the simulated disk and on a real one.

use std::os::unix::fs::PermissionsExt;
use std::task::Poll;

use super::sim::Unsynced;
use super::*;

#[tokio::test]
async fn a_record_comes_back_as_it_was_appended() {
    let (log, recovered) = open(&Disk::default());
    assert_eq!(recovered, Recovered::default());
    for bytes in [0, 1, 1000] {
        let batch = batch(bytes as u64 + 1, bytes);
        let id = log.append(&batch).await.unwrap();
        assert_intact(&log, &[(id, batch)]).await;
    }
}

#[tokio::test]
async fn what_is_not_settled_is_there_after_a_restart_in_order_and_the_rest_is_not() {
    let (disk, ids) = filled(9, 100).await;
    let (log, _) = open(&disk);
    for settled in [8, 0, 3, 4] {
        log.settle(ids[settled]);
    }
    close(log).await;

    let (log, recovered) = open(&disk);
    let left: Vec<_> = [1, 2, 5, 6, 7].map(|at| (ids[at], batch(at as u64 + 1, 100))).into();
    let stored = |(id, batch): &(RecordId, Batch)| crate::Stored {
        id: *id,
        signal: batch.signal,
        items: batch.items,
        bytes: batch.payload.len() as u64,
    };
    assert_eq!(recovered.waiting, left.iter().map(stored).collect::<Vec<_>>());
    assert_intact(&log, &left).await;
    assert!(matches!(log.read(ids[0]).await, Err(StorageError::Unknown { .. })));
}

#[tokio::test]
async fn ids_grow_over_restarts() {
    let (disk, ids) = filled(3, 10).await;
    let (log, _) = open(&disk);
    assert!(log.append(&batch(4, 10)).await.unwrap() > ids[2]);
}

#[tokio::test]
async fn an_append_that_resolved_survives_a_crash_of_the_machine() {
    let (disk, ids) = filled(9, 100).await;
    let (_, recovered) = open(&disk.crash(Unsynced::Lost));
    assert_eq!(super::ids(&recovered), ids);
    assert_eq!((recovered.damaged_records, recovered.torn_bytes), (0, 0));
}

#[tokio::test]
async fn what_is_settled_stays_settled_if_the_process_is_killed_and_after_a_sync_if_the_machine_crashes() {
    let (disk, ids) = filled(9, 100).await;
    let (log, _) = open(&disk);
    ids[..4].iter().for_each(|id| log.settle(*id));
    let (_, killed) = open(&disk.crash(Unsynced::Kept));
    assert_eq!(super::ids(&killed), ids[4..]);

    log.sync().await.unwrap();
    ids[4..6].iter().for_each(|id| log.settle(*id));
    let (_, crashed) = open(&disk.crash(Unsynced::Lost));
    assert_eq!(super::ids(&crashed), ids[4..]);
}

#[tokio::test]
async fn a_segment_goes_with_the_last_of_its_records() {
    let (disk, ids) = filled(9, 100).await;
    assert_eq!(disk.names(".log").len(), 5, "two records fit into one");
    let (log, _) = open(&disk);
    for id in ids.iter().rev().skip(1) {
        log.settle(*id);
    }
    log.sync().await.unwrap();
    assert_eq!((disk.names(".log").len(), disk.names(".settled").len()), (1, 1));
    log.settle(ids[8]);
    log.sync().await.unwrap();
    assert_eq!(disk.names(""), Vec::<String>::new());
}

#[tokio::test]
async fn a_record_larger_than_a_segment_has_one_to_itself() {
    let (disk, _) = filled(3, 1000).await;
    assert_eq!(disk.names(".log").len(), 3);
    assert_eq!(open(&disk).1.waiting.len(), 3);
}

#[tokio::test]
async fn a_payload_above_the_limit_is_refused() {
    let (log, _) = open(&Disk::default());
    let giant = Batch { payload: Bytes::from(vec![0; (256 << 20) + 1]), ..batch(1, 0) };
    assert!(matches!(log.append(&giant).await, Err(StorageError::TooLarge { .. })));
}

#[tokio::test]
async fn appends_at_the_same_time_share_a_sync() {
    let disk = Disk::default();
    let log =
        DiskLog::open_with(Arc::new(disk.clone()), Path::new(sim::DIRECTORY), DiskSettings::default(), None)
            .unwrap()
            .0;
    let all: Vec<_> = (0..200).map(|number| batch(number, 10)).collect();
    let ids = crate::join::join_all(all.iter().map(|batch| log.append(batch))).await;
    let records: Vec<_> = ids.into_iter().map(Result::unwrap).zip(all).collect();
    assert_intact(&log, &records).await;
    assert!(disk.syncs() < 100, "{} syncs for 200 appends", disk.syncs());
}

#[tokio::test]
async fn an_append_that_nobody_waits_for_keeps_nothing() {
    let disk = Disk::default();
    let (log, _) = open(&disk);
    for number in 0..50 {
        let batch = batch(number, 10);
        let mut append = log.append(&batch);
        // Starts it. If it is done already it was heard of, and is not what this is about.
        let polled = std::future::poll_fn(|context| Poll::Ready(append.as_mut().poll(context))).await;
        if let Poll::Ready(heard) = polled {
            log.settle(heard.unwrap());
        }
        if number % 2 == 0 {
            tokio::task::yield_now().await;
        }
    }
    // The last answer may be on its way to nobody still.
    while !log.shared.state().records.is_empty() {
        tokio::task::yield_now().await;
    }
    close(log).await;
    assert_eq!(open(&disk).1.waiting, []);
}

#[tokio::test]
async fn settling_twice_and_settling_what_never_was_do_nothing() {
    let (disk, ids) = filled(2, 10).await;
    let (log, _) = open(&disk);
    log.settle(ids[0]);
    log.settle(ids[0]);
    log.settle(RecordId(77));
    close(log).await;
    assert_eq!(super::ids(&open(&disk).1), ids[1..]);
}

#[tokio::test]
async fn a_real_directory_is_made_for_its_owner_alone_and_keeps_the_records() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("missing/queue");
    let (log, _) = DiskLog::open(&directory, settings()).unwrap();
    let all: Vec<_> = (1..=20).map(|number| batch(number, 150)).collect();
    let ids = crate::join::join_all(all.iter().map(|batch| log.append(batch))).await;
    let records: Vec<_> = ids.into_iter().map(Result::unwrap).zip(all).collect();
    log.settle(records[0].0);
    log.sync().await.unwrap();
    close(log).await;

    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    for entry in std::fs::read_dir(&directory).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
    let (log, recovered) = DiskLog::open(&directory, settings()).unwrap();
    assert_eq!(recovered.waiting.len(), 19);
    assert_intact(&log, &records[1..]).await;
}

#[tokio::test]
async fn a_directory_has_one_log_at_a_time_and_the_second_is_told_who_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let first = DiskLog::open(directory.path(), settings()).unwrap();
    let second = DiskLog::open(directory.path(), settings()).err().unwrap();
    assert!(matches!(second, StorageError::Locked { .. }), "{second}");
    assert!(second.to_string().contains("another queue of this weir"), "{second}");
    std::fs::write(directory.path().join("lock"), "4711\n").unwrap();
    let third = DiskLog::open(directory.path(), settings()).err().unwrap();
    assert!(third.to_string().contains("process 4711"), "{third}");
    drop(first);
    assert!(DiskLog::open(directory.path(), settings()).is_ok());
}

#[tokio::test]
async fn a_log_may_be_opened_again_as_soon_as_the_last_append_was_answered() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..20 {
        let (log, recovered) = DiskLog::open(directory.path(), settings()).unwrap();
        assert_eq!(recovered.waiting.len(), round);
        log.append(&batch(round as u64, 10)).await.unwrap();
    }
}

#[test]
fn a_file_in_the_place_of_the_directory_is_an_error_that_says_so() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for path in [file.path().to_owned(), file.path().join("below")] {
        let error = DiskLog::open(&path, settings()).err().unwrap();
        assert!(error.to_string().contains("there is a file in its place"), "{error}");
    }
}
