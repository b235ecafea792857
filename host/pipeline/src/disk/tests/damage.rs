//! What a start makes of files that are not as they were written.

use super::super::format::SegmentName;
use super::sim::Unsynced;
use super::*;

/// The bytes of a record with a payload of 100.
const RECORD: usize = 148;

/// The bytes in front of the first record.
const HEADER: usize = 32;

fn journal_of(segment: &str) -> String {
    segment.replace(".log", ".settled")
}

/// What a start finds if the bytes of one file are these.
fn found_with(disk: &Disk, name: &str, bytes: Vec<u8>) -> (Arc<DiskLog>, Recovered) {
    let disk = disk.crash(Unsynced::Kept);
    disk.put(name, bytes);
    open(&disk)
}

#[tokio::test]
async fn a_last_write_that_was_cut_off_at_any_byte_costs_no_record_before_it() {
    let (disk, ids) = filled(4, 100).await;
    let name = disk.names(".log").pop().unwrap();
    let whole = disk.content(&name);
    assert_eq!(whole.len(), HEADER + 2 * RECORD);
    for cut in 0..whole.len() {
        let records = 2 + usize::from(cut >= HEADER + RECORD);
        let (log, found) = found_with(&disk, &name, whole[..cut].to_vec());
        assert_eq!(super::ids(&found), ids[..records], "cut at {cut}");
        assert_eq!((found.damaged_records, found.damaged_bytes), (0, 0), "cut at {cut}");
        let whole_bytes = if cut < HEADER { 0 } else { HEADER + (cut - HEADER) / RECORD * RECORD };
        assert_eq!(found.torn_bytes as usize, cut - whole_bytes, "cut at {cut}");
        assert_intact(&log, &[(ids[1], batch(2, 100))]).await;
    }
}

#[tokio::test]
async fn a_torn_tail_is_cut_off_and_found_once() {
    let (disk, ids) = filled(2, 100).await;
    let name = disk.names(".log").pop().unwrap();
    let whole = disk.content(&name);
    disk.put(&name, whole[..whole.len() - 1].to_vec());
    assert_eq!(open(&disk).1.torn_bytes as usize, RECORD - 1);
    let (log, again) = open(&disk);
    assert_eq!((again.torn_bytes, super::ids(&again)), (0, vec![ids[0]]));
    let next = log.append(&batch(7, 100)).await.unwrap();
    close(log).await;
    assert_eq!(super::ids(&open(&disk).1), [ids[0], next]);
}

#[tokio::test]
async fn a_tail_of_zeros_is_torn() {
    let (disk, ids) = filled(1, 100).await;
    let name = disk.names(".log").pop().unwrap();
    let mut bytes = disk.content(&name);
    bytes.extend([0; 300]);
    let (_, found) = found_with(&disk, &name, bytes);
    assert_eq!((super::ids(&found), found.torn_bytes, found.damaged_records), (ids, 300, 0));
}

#[tokio::test]
async fn any_flipped_bit_costs_the_record_that_it_is_in_and_no_other() {
    let (disk, ids) = filled(6, 100).await;
    let names = disk.names(".log");
    let whole = disk.content(&names[1]);
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let (log, found) = found_with(&disk, &names[1], bytes);
        let lost = (bit / 8).checked_sub(HEADER).map(|at| ids[2 + at / RECORD]);
        let left: Vec<_> = ids.iter().copied().filter(|id| Some(*id) != lost).collect();
        assert_eq!(super::ids(&found), left, "bit {bit}");
        assert_eq!(found.damaged_records, u64::from(lost.is_some()), "bit {bit}");
        assert_eq!(found.damaged_bytes as usize, if lost.is_some() { RECORD } else { HEADER }, "bit {bit}");
        assert_eq!(found.torn_bytes, 0, "bit {bit}");
        assert_intact(&log, &[(ids[1], batch(2, 100)), (ids[4], batch(5, 100))]).await;
    }
}

#[tokio::test]
async fn a_damaged_record_is_counted_once_however_often_the_log_is_opened() {
    for record in 0..2 {
        let (disk, _) = filled(2, 100).await;
        let name = disk.names(".log").pop().unwrap();
        let mut bytes = disk.content(&name);
        bytes[HEADER + record * RECORD] ^= 1;
        disk.put(&name, bytes);
        let counts: Vec<_> = (0..3).map(|_| open(&disk).1).collect();
        assert_eq!(counts.iter().map(|found| found.damaged_records).collect::<Vec<_>>(), [1, 0, 0]);
        assert!(counts.iter().all(|found| found.waiting.len() == 1));
    }
}

#[tokio::test]
async fn damage_in_a_record_that_is_settled_is_no_loss() {
    let (disk, ids) = filled(2, 100).await;
    let (log, _) = open(&disk);
    log.settle(ids[0]);
    close(log).await;
    let name = disk.names(".log").pop().unwrap();
    let mut bytes = disk.content(&name);
    bytes[HEADER + 60] ^= 1;
    let (_, found) = found_with(&disk, &name, bytes);
    assert_eq!((found.damaged_records, found.damaged_bytes, super::ids(&found)), (0, 0, vec![ids[1]]));
}

#[tokio::test]
async fn a_record_that_is_damaged_while_the_log_is_open_is_told_when_it_is_read() {
    let (disk, ids) = filled(2, 100).await;
    let (log, _) = open(&disk);
    let name = disk.names(".log").pop().unwrap();
    for (at, cut) in [(HEADER, 0), (HEADER + RECORD - 1, 0), (0, 2 * RECORD)] {
        let mut bytes = disk.content(&name);
        bytes[at] ^= 1;
        bytes.truncate(bytes.len() - cut);
        disk.put(&name, bytes);
        let read = log.read(ids[0]).await;
        assert!(matches!(read, Err(StorageError::Damaged { .. })), "{read:?}");
    }
    log.settle(ids[0]);
}

#[tokio::test]
async fn a_damaged_empty_or_missing_journal_makes_records_come_back_and_loses_none() {
    let (disk, ids) = filled(2, 100).await;
    let (log, _) = open(&disk);
    log.settle(ids[0]);
    close(log).await;
    let journal = disk.names(".settled").pop().unwrap();
    let entry = disk.content(&journal);
    assert_eq!(entry.len(), 12);
    for bit in 0..12 * 8 {
        let mut bytes = entry.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let (log, found) = found_with(&disk, &journal, bytes);
        assert_eq!((super::ids(&found), found.damaged_journals), (ids.clone(), 1), "bit {bit}");
        log.settle(ids[0]);
        assert!(matches!(log.read(ids[0]).await, Err(StorageError::Unknown { .. })));
    }
    for cut in 0..12 {
        let (_, found) = found_with(&disk, &journal, entry[..cut].to_vec());
        assert_eq!((super::ids(&found), found.damaged_journals), (ids.clone(), 0), "cut at {cut}");
    }
    disk.delete(&journal);
    assert_eq!(super::ids(&open(&disk).1), ids);
}

#[tokio::test]
async fn the_next_entry_of_a_journal_takes_the_place_of_one_that_was_cut_off() {
    let (disk, ids) = filled(4, 10).await;
    let (log, _) = open(&disk);
    log.settle(ids[0]);
    log.settle(ids[1]);
    close(log).await;
    let journal = disk.names(".settled").pop().unwrap();
    let whole = disk.content(&journal);
    for cut in 0..24 {
        disk.put(&journal, whole[..cut].to_vec());
        let (log, _) = open(&disk);
        log.settle(ids[2]);
        close(log).await;
        let left = [&ids[cut / 12..2], &ids[3..]].concat();
        assert_eq!(super::ids(&open(&disk).1), left, "cut at {cut}");
        assert_eq!(disk.content(&journal).len(), cut / 12 * 12 + 12, "cut at {cut}");
    }
}

#[tokio::test]
async fn a_file_header_that_is_damaged_or_gone_costs_nothing_else() {
    let (disk, ids) = filled(2, 100).await;
    let name = disk.names(".log").pop().unwrap();
    let whole = disk.content(&name);
    let headers = [vec![0; HEADER], vec![0xff; HEADER], b"weirlog\n".to_vec(), Vec::new()];
    for header in headers {
        let bytes = [&header, &whole[HEADER..]].concat();
        let (log, found) = found_with(&disk, &name, bytes);
        assert_eq!((super::ids(&found), found.damaged_records), (ids.clone(), 0), "{header:?}");
        assert_eq!(found.damaged_bytes as usize, header.len(), "{header:?}");
        assert_intact(&log, &[(ids[0], batch(1, 100)), (ids[1], batch(2, 100))]).await;
    }
}

#[tokio::test]
async fn empty_files_and_orphans_go_and_foreign_files_stay() {
    let (disk, ids) = filled(1, 100).await;
    let foreign = [
        "notes.txt",
        "1-2.log",
        "0000000000000001-ABCDEF0123456789.log",
        "ffffffffffffffff-0000000000000000.log",
    ];
    foreign.iter().for_each(|name| disk.put(name, b"something".to_vec()));
    let empty = SegmentName { first: 90, salt: 1 };
    disk.put(&empty.segment_file(), Vec::new());
    disk.put(&journal_of(&empty.segment_file()), vec![7; 40]);
    let orphan = SegmentName { first: 91, salt: 1 };
    disk.put(&orphan.journal_file(), vec![7; 40]);
    let (_, found) = open(&disk);
    assert_eq!((super::ids(&found), found.foreign_files), (ids, 4));
    let names = disk.names("");
    assert!(foreign.iter().all(|name| names.contains(&name.to_string())), "{names:?}");
    assert_eq!(names.len(), foreign.len() + 2, "the segment, its journal, and these: {names:?}");
}

#[tokio::test]
async fn a_segment_of_a_later_version_stops_the_start_and_is_left_as_it_is() {
    let (disk, _) = filled(1, 100).await;
    let name = disk.names(".log").pop().unwrap();
    let mut bytes = disk.content(&name);
    bytes[8] = 2;
    let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes[..12]), &bytes[16..HEADER]);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    disk.put(&name, bytes.clone());
    let error = try_open(&disk).err().unwrap();
    assert!(matches!(error, StorageError::Newer { version: 2, .. }), "{error}");
    assert_eq!(disk.content(&name), bytes);
}

#[tokio::test]
async fn a_payload_that_holds_a_copy_of_a_log_is_never_taken_for_records() {
    let (other, _) = filled(2, 100).await;
    let copy = other.content(&other.names(".log")[0]);
    let disk = Disk::default();
    let (log, _) = open(&disk);
    let id = log.append(&Batch { payload: Bytes::from(copy), ..batch(1, 0) }).await.unwrap();
    let next = log.append(&batch(2, 100)).await.unwrap();
    close(log).await;
    let name = disk.names(".log").remove(0);
    let mut bytes = disk.content(&name);
    bytes[HEADER] ^= 1;
    let (_, found) = found_with(&disk, &name, bytes);
    assert_eq!((super::ids(&found), found.damaged_records), (vec![next], 1));
    assert!(next > id);
}

#[test]
fn a_pipe_with_the_name_of_a_segment_does_not_hold_up_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let name = SegmentName { first: 1, salt: 1 }.segment_file();
    let made = std::process::Command::new("mkfifo").arg(directory.path().join(name)).status();
    assert!(made.unwrap().success());
    let (_, found) = DiskLog::open(directory.path(), settings()).unwrap();
    assert_eq!(found.foreign_files, 1);
}
