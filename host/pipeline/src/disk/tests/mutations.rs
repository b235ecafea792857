//! Thousands of ways to spoil a directory. Each is made of its number alone, so a failure is found again.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::sim::Unsynced;
use super::*;

/// Directories that are spoiled and opened.
const ROUNDS: u64 = 4000;

/// Spoils one place of one file.
fn mutate(disk: &Disk, random: &mut StdRng) {
    let names = disk.names("");
    let name = &names[random.random_range(0..names.len())];
    let mut bytes = disk.content(name);
    let at = random.random_range(0..=bytes.len());
    let end = (at + random.random_range(1..64)).min(bytes.len());
    match random.random_range(0..9) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
        1 => bytes.truncate(at),
        2 => drop(bytes.drain(at..end)),
        3 => bytes[at..end].fill(0),
        4 => bytes[at..end].fill(0xff),
        5 => drop(bytes.splice(at..at, [0xf5, b'W', b'R', 0xfa].repeat(20))),
        6 => {
            let piece = bytes[at..].to_vec();
            bytes.splice(0..0, piece);
        }
        7 => bytes.extend((0..at).map(|_| random.random::<u8>())),
        _ => {
            // Another file's content under this name.
            bytes = disk.content(&names[random.random_range(0..names.len())]);
        }
    }
    disk.put(name, bytes);
}

#[tokio::test]
async fn no_spoiled_directory_makes_a_record_up_and_none_stops_the_log() {
    let (whole, ids) = filled(12, 100).await;
    let (log, _) = open(&whole);
    [1, 4, 5].iter().for_each(|settled| log.settle(ids[*settled]));
    close(log).await;
    for seed in 0..ROUNDS {
        let mut random = StdRng::seed_from_u64(seed);
        let disk = whole.crash(Unsynced::Kept);
        for _ in 0..random.random_range(1..5) {
            mutate(&disk, &mut random);
        }
        let (log, found) = open(&disk);
        for stored in &found.waiting {
            let number = stored.id.0;
            assert!((1..=12).contains(&number), "seed {seed}: record {number} was never written");
            let read = log.read(stored.id).await;
            let expected = batch(number, 100);
            assert!(read.as_ref().is_ok_and(|read| same(read, &expected)), "seed {seed}: {read:?}");
            assert_eq!((stored.items, stored.signal, stored.bytes), (expected.items, expected.signal, 100));
        }
        assert!(found.waiting.is_sorted_by(|one, next| one.id < next.id), "seed {seed}");
        // The log is of use all the same.
        let new = batch(99, 50);
        let id = log.append(&new).await.unwrap();
        assert_intact(&log, &[(id, new)]).await;
        close(log).await;
        let (_, again) = open(&disk);
        let expected: Vec<_> = super::ids(&found).into_iter().chain([id]).collect();
        assert_eq!(super::ids(&again), expected, "seed {seed}: the next start finds the same");
    }
}
