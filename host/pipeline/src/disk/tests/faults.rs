//! What the log does when the disk does not do what it is asked for.

use std::io::ErrorKind;

use super::sim::{Fault, Operation, Unsynced};
use super::*;

fn fault(operation: Operation, suffix: &'static str, error: ErrorKind) -> Fault {
    Fault { operation, suffix, after: 0, error, written: 0 }
}

/// A log with two records in its segment, where one more fits.
async fn two_records(disk: &Disk) -> (Arc<DiskLog>, Vec<(RecordId, Batch)>) {
    let (log, _) = open(disk);
    let mut records = Vec::new();
    for number in 1..=2 {
        let batch = batch(number, 50);
        records.push((log.append(&batch).await.unwrap(), batch));
    }
    (log, records)
}

/// That exactly these are there, now, after the process was killed, and after the machine crashed.
async fn assert_kept(disk: &Disk, log: &DiskLog, records: &[(RecordId, Batch)]) {
    assert_intact(log, records).await;
    for unsynced in [Unsynced::Kept, Unsynced::Lost] {
        let (log, found) = open(&disk.crash(unsynced));
        let expected: Vec<_> = records.iter().map(|(id, _)| *id).collect();
        assert_eq!((super::ids(&found), found.damaged_records), (expected, 0), "{unsynced:?}");
        assert_intact(&log, records).await;
    }
}

#[tokio::test]
async fn a_full_disk_refuses_appends_loses_nothing_and_takes_them_again_once_there_is_room() {
    for room in [0, 1, 40, 48, 97] {
        let disk = Disk::default();
        let (log, mut records) = two_records(&disk).await;
        disk.fill(room);
        for number in 3..6 {
            let refused = log.append(&batch(number, 50)).await;
            assert!(matches!(refused, Err(StorageError::Full { .. })), "{refused:?}");
        }
        assert_eq!(disk.names(".log").len(), 1, "a full disk is not filled with empty segments");
        assert_kept(&disk, &log, &records).await;
        disk.set_capacity(None);
        for number in 6..9 {
            let batch = batch(number, 50);
            records.push((log.append(&batch).await.unwrap(), batch));
        }
        assert_kept(&disk, &log, &records).await;
    }
}

#[tokio::test]
async fn a_disk_that_is_full_from_the_start_still_gives_what_it_holds() {
    let (disk, ids) = filled(2, 50).await;
    disk.set_capacity(Some(0));
    let (log, found) = open(&disk);
    assert_eq!(super::ids(&found), ids);
    for _ in 0..3 {
        assert!(matches!(log.append(&batch(3, 50)).await, Err(StorageError::Full { .. })));
    }
    assert_eq!(disk.names(".log").len(), 2);
    log.settle(ids[0]);
    assert_intact(&log, &[(ids[1], batch(2, 50))]).await;
    disk.set_capacity(None);
    let next = log.append(&batch(4, 50)).await.unwrap();
    log.sync().await.unwrap();
    close(log).await;
    assert_eq!(super::ids(&open(&disk).1), [ids[1], next]);
}

#[tokio::test]
async fn settling_on_a_full_disk_is_made_up_for_and_frees_the_room_of_what_is_done() {
    let (disk, ids) = filled(4, 100).await;
    disk.set_capacity(Some(0));
    let (log, _) = open(&disk);
    log.settle(ids[0]);
    assert!(matches!(log.sync().await, Err(StorageError::Full { .. })));
    disk.set_capacity(None);
    log.sync().await.unwrap();
    assert_eq!(super::ids(&open(&disk.crash(Unsynced::Lost)).1), ids[1..]);
    disk.set_capacity(Some(0));
    log.settle(ids[1]);
    close(log).await;
    assert_eq!(disk.names(".log").len(), 1, "the first segment is gone");
}

#[tokio::test]
async fn a_failed_write_or_sync_fails_its_group_and_the_segment_gets_no_more_records() {
    let kinds = [
        (Operation::Write, ErrorKind::Other),
        (Operation::Sync, ErrorKind::Other),
        // Some file systems find out only now that there is no room.
        (Operation::Sync, ErrorKind::StorageFull),
    ];
    for (operation, error) in kinds {
        for written in [0, 1, 60, 98] {
            let disk = Disk::default();
            let (log, mut records) = two_records(&disk).await;
            let before = disk.names(".log");
            let size = disk.content(&before[0]).len();
            disk.fail(Fault { written, ..fault(operation, ".log", error) });
            let failed = log.append(&batch(3, 50)).await;
            assert!(failed.is_err() && disk.has_failed());
            assert_eq!(matches!(failed, Err(StorageError::Full { .. })), error == ErrorKind::StorageFull);
            assert_kept(&disk, &log, &records).await;

            let batch = batch(4, 50);
            records.push((log.append(&batch).await.unwrap(), batch));
            assert_kept(&disk, &log, &records).await;
            assert_eq!(disk.names(".log").len(), 2);
            assert_eq!(disk.content(&before[0]).len(), size, "nothing is written behind what failed");
        }
    }
}

#[tokio::test]
async fn what_failed_does_not_come_back_even_if_it_could_not_be_taken_away_again() {
    let disk = Disk::default();
    let (log, mut records) = two_records(&disk).await;
    disk.fail(fault(Operation::Sync, ".log", ErrorKind::Other));
    let batch_3 = batch(3, 50);
    let append = log.append(&batch_3);
    assert!(append.await.is_err());
    // As if the cut had not been made: the whole record is in the file behind the others.
    let name = disk.names(".log").remove(0);
    let mut with = disk.content(&name);
    let segment = super::super::format::FileKind::parse(&name);
    let Some(super::super::format::FileKind::Segment(segment)) = segment else { panic!("{name}") };
    let header = super::super::RecordHeader {
        sequence: 3,
        received_unix_nano: batch_3.received_unix_nano,
        items: batch_3.items,
        payload_bytes: 50,
        payload_crc: crc32c::crc32c(&batch_3.payload),
        signal: batch_3.signal,
    };
    with.extend(header.encode(segment));
    with.extend(&batch_3.payload);
    disk.put(&name, with);
    let batch = batch(4, 50);
    records.push((log.append(&batch).await.unwrap(), batch));
    let (_, found) = open(&disk.crash(Unsynced::Kept));
    assert_eq!(super::ids(&found), [records[0].0, records[1].0, records[2].0]);
    assert_eq!(found.damaged_records, 0);
}

#[tokio::test]
async fn a_segment_that_cannot_be_made_or_made_durable_fails_its_group_alone() {
    for operation in [Operation::Create, Operation::SyncDirectory] {
        for error in [ErrorKind::Other, ErrorKind::StorageFull, ErrorKind::PermissionDenied] {
            let disk = Disk::default();
            let (log, _) = open(&disk);
            let suffix = if operation == Operation::Create { ".log" } else { "" };
            disk.fail(fault(operation, suffix, error));
            assert!(log.append(&batch(1, 50)).await.is_err(), "{operation:?}");
            let batch = batch(2, 50);
            let id = log.append(&batch).await.unwrap();
            assert_kept(&disk, &log, &[(id, batch)]).await;
        }
    }
}

#[tokio::test]
async fn a_journal_whose_sync_failed_is_not_trusted_again() {
    let (disk, ids) = filled(2, 50).await;
    let (log, _) = open(&disk);
    log.settle(ids[0]);
    disk.fail(fault(Operation::Sync, ".settled", ErrorKind::Other));
    for _ in 0..3 {
        assert!(log.sync().await.is_err(), "the entry may be lost, and it is said each time");
    }
    assert_intact(&log, &[(ids[1], batch(2, 50))]).await;
    log.settle(ids[1]);
    log.sync().await.unwrap();
}

#[tokio::test]
async fn a_file_that_cannot_be_deleted_does_no_harm_and_goes_with_the_next_start() {
    let (disk, ids) = filled(2, 50).await;
    let (log, _) = open(&disk);
    disk.fail(fault(Operation::Remove, ".log", ErrorKind::Other));
    ids.iter().for_each(|id| log.settle(*id));
    close(log).await;
    assert_eq!(disk.names(".log").len(), 1);
    assert_eq!(open(&disk).1.waiting, []);
    assert_eq!(disk.names(""), Vec::<String>::new());
}

#[tokio::test]
async fn a_part_that_cannot_be_read_is_counted_and_kept_for_a_better_day() {
    let (disk, ids) = filled(4, 100).await;
    disk.fail(fault(Operation::Read, ".log", ErrorKind::Other));
    let (log, found) = open(&disk);
    assert!(disk.has_failed());
    assert_eq!((super::ids(&found), found.damaged_records), (ids[2..].to_vec(), 1));
    ids.iter().for_each(|id| log.settle(*id));
    close(log).await;
    assert_eq!(super::ids(&open(&disk).1), ids[..2], "it can be read again");
}

#[tokio::test]
async fn a_read_that_fails_says_so_and_may_be_tried_again() {
    let (disk, ids) = filled(1, 100).await;
    let (log, _) = open(&disk);
    for operation in [Operation::Read, Operation::Open] {
        disk.fail(fault(operation, ".log", ErrorKind::Other));
        assert!(matches!(log.read(ids[0]).await, Err(StorageError::Io { .. })));
        assert_intact(&log, &[(ids[0], batch(1, 100))]).await;
    }
}

#[tokio::test]
async fn a_directory_that_cannot_be_used_is_an_error_that_says_what_to_do() {
    let cases = [
        (Operation::Create, ErrorKind::PermissionDenied, "the right to read and write"),
        (Operation::Create, ErrorKind::ReadOnlyFilesystem, "a volume that can be written to"),
        (Operation::Remove, ErrorKind::PermissionDenied, "the right to read and write"),
        (Operation::List, ErrorKind::PermissionDenied, "the right to read and write"),
    ];
    for (operation, error, advice) in cases {
        let disk = Disk::default();
        disk.fail(fault(operation, "", error));
        let refused = try_open(&disk).err().unwrap().to_string();
        assert!(refused.contains(advice) && refused.contains(sim::DIRECTORY), "{refused}");
        disk.heal();
        assert!(try_open(&disk).is_ok(), "nothing is left behind that stops the next start");
    }
}
