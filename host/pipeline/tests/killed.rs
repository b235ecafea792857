//! A process that is killed with SIGKILL, again and again, and what the next one finds.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test, one half of which talks to the other")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use weir_otlp::Signal;
use weir_pipeline::{Batch, DiskLog, DiskSettings, Storage};

/// How often the process is killed.
const ROUNDS: u64 = 10;

/// Tells this test that it is the process to be killed: the directory, and the number of its first record.
const DIRECTORY: &str = "WEIR_TEST_KILLED_DIRECTORY";
const FIRST: &str = "WEIR_TEST_KILLED_FIRST";

/// Appends at a time.
const APPENDERS: u64 = 8;

/// Small, so that segments come and go.
const SETTINGS: DiskSettings = DiskSettings { segment_bytes: 64 << 10 };

fn batch(number: u64) -> Batch {
    let bytes = (number % 5000) as usize;
    let payload = Bytes::from(number.to_le_bytes().repeat(bytes / 8 + 1));
    Batch { received_unix_nano: number, ..Batch::new(Signal::Logs, payload, number) }
}

/// Appends without end, and settles every other record. Says what is done.
async fn append_for_ever(directory: &Path, first: u64) {
    let (log, _) = DiskLog::open(directory, SETTINGS).unwrap();
    let appender = |log: Arc<DiskLog>, number: u64| async move {
        for number in (number..).step_by(APPENDERS as usize) {
            let id = log.append(&batch(number)).await.unwrap();
            println!("appended {number}");
            if (number / APPENDERS).is_multiple_of(2) {
                log.settle(id);
                println!("settled {number}");
            }
        }
    };
    let tasks: Vec<_> =
        (first..first + APPENDERS).map(|number| tokio::spawn(appender(Arc::clone(&log), number))).collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// Runs the process until it has said so many lines, and a little longer; everything that it said.
fn run_and_kill(directory: &Path, first: u64, lines: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["a_process_that_is_killed_keeps_what_it_said_that_it_keeps", "--exact", "--nocapture"])
        .env(DIRECTORY, directory)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut all: Vec<_> = said.by_ref().take(lines).map(Result::unwrap).collect();
    std::thread::sleep(std::time::Duration::from_micros(rand::random_range(0..3000)));
    child.kill().unwrap();
    child.wait().unwrap();
    all.extend(said.map(Result::unwrap));
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_keeps_what_it_said_that_it_keeps() {
    if let (Ok(directory), Ok(first)) = (std::env::var(DIRECTORY), std::env::var(FIRST)) {
        return append_for_ever(Path::new(&directory), first.parse().unwrap()).await;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut expected = BTreeSet::new();
    let mut appended_in_all = 0;
    for round in 1..=ROUNDS {
        let first = round * 1_000_000;
        let said = run_and_kill(directory.path(), first, rand::random_range(20..400));
        let numbers = |what: &str| -> BTreeSet<u64> {
            said.iter().filter_map(|line| line.strip_prefix(what)?.trim().parse().ok()).collect()
        };
        let (appended, settled) = (numbers("appended"), numbers("settled"));
        appended_in_all += appended.len();
        expected.extend(appended);

        let (log, found) = DiskLog::open(directory.path(), SETTINGS).unwrap();
        assert_eq!((found.damaged_records, found.damaged_bytes, found.damaged_journals), (0, 0, 0));
        let mut waiting = BTreeMap::new();
        for stored in found.waiting {
            let read = log.read(stored.id).await.unwrap();
            assert_eq!(read.payload, batch(stored.items).payload, "record {}", stored.items);
            assert_eq!(waiting.insert(stored.items, stored.id), None, "{} is there twice", stored.items);
        }
        let lost: Vec<_> = expected
            .iter()
            .filter(|number| !settled.contains(number) && !waiting.contains_key(number))
            .collect();
        // A record may be settled in the file, and the process killed before it could say so.
        let known = |number: &u64| *number >= first && (number / APPENDERS).is_multiple_of(2);
        assert!(lost.iter().all(|number| known(number)), "round {round}: {lost:?} are lost");
        assert!(lost.len() <= APPENDERS as usize, "round {round}: {lost:?} are lost");
        let back: Vec<_> = settled.iter().filter(|number| waiting.contains_key(number)).collect();
        assert!(back.is_empty(), "round {round}: {back:?} were settled and are back");
        let strange: Vec<_> =
            waiting.keys().filter(|number| !expected.contains(number) && **number < first).collect();
        assert!(strange.is_empty(), "round {round}: {strange:?} were not there before");
        expected = waiting.into_keys().collect();
    }
    assert!(appended_in_all > 100, "it was killed at work: {appended_in_all}");
}
