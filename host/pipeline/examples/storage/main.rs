//! Measures the storage of a durable queue: the segmented log, redb behind the same trait, and the floor, which is a
//! write and an fdatasync of the same bytes. `cargo run --release -p weir-pipeline --example storage [DIRECTORY]`
#![allow(clippy::print_stdout, reason = "a benchmark prints what it measures")]

mod floor;
mod redb;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use weir_otlp::Signal;
use weir_pipeline::{Batch, DiskLog, DiskSettings, Storage};

/// How long each system is measured at a time. They take turns, so that all meet the same weather.
const SLICE: Duration = Duration::from_millis(1000);

/// Turns of each system in each case.
const TURNS: usize = 2;

/// The bytes of a request of 100 log records.
const REQUEST_BYTES: usize = 25 << 10;

/// How much is read back when the time of a start is measured.
const RECOVERY_BYTES: usize = 200 << 20;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn batch(bytes: usize) -> Batch {
    let payload: Vec<u8> = (0..bytes).map(|at| (at * 31 / 7) as u8).collect();
    Batch {
        signal: Signal::Logs,
        payload: Bytes::from(payload),
        items: 100,
        received_unix_nano: Batch::now_unix_nano(),
        deadline: None,
        charge: weir_pipeline::Charge::default(),
    }
}

/// Appends and settles from so many tasks for a slice; records in a second.
async fn throughput(storage: &Arc<dyn Storage>, appenders: usize, bytes: usize) -> Result<f64> {
    let started = Instant::now();
    let work = |storage: Arc<dyn Storage>| async move {
        let (batch, mut done) = (batch(bytes), 0_u64);
        while started.elapsed() < SLICE {
            storage.settle(storage.append(&batch).await?);
            done += 1;
        }
        Ok::<_, weir_pipeline::StorageError>(done)
    };
    let tasks: Vec<_> = (0..appenders).map(|_| tokio::spawn(work(Arc::clone(storage)))).collect();
    let mut done = 0;
    for task in tasks {
        done += task.await??;
    }
    Ok(done as f64 / started.elapsed().as_secs_f64())
}

/// 100 appends a second for five seconds; how long each took, and how long settling it took, in order of size.
async fn latencies(storage: &Arc<dyn Storage>) -> Result<(Vec<Duration>, Vec<Duration>)> {
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    let mut tasks = Vec::new();
    for _ in 0..500 {
        ticks.tick().await;
        let storage = Arc::clone(storage);
        tasks.push(tokio::spawn(async move {
            let batch = batch(REQUEST_BYTES);
            let started = Instant::now();
            let id = storage.append(&batch).await?;
            let appended = started.elapsed();
            let started = Instant::now();
            storage.settle(id);
            Ok::<_, weir_pipeline::StorageError>((appended, started.elapsed()))
        }));
    }
    let (mut appends, mut settles) = (Vec::new(), Vec::new());
    for task in tasks {
        let (append, settle) = task.await??;
        appends.push(append);
        settles.push(settle);
    }
    appends.sort_unstable();
    settles.sort_unstable();
    Ok((appends, settles))
}

async fn fill(storage: &Arc<dyn Storage>) -> Result<()> {
    let work = |storage: Arc<dyn Storage>| async move {
        let batch = batch(50 << 10);
        for _ in 0..RECOVERY_BYTES / (50 << 10) / 64 {
            storage.append(&batch).await?;
        }
        Ok::<_, weir_pipeline::StorageError>(())
    };
    let tasks: Vec<_> = (0..64).map(|_| tokio::spawn(work(Arc::clone(storage)))).collect();
    for task in tasks {
        task.await??;
    }
    Ok(storage.sync().await?)
}

fn open_log(directory: &Path) -> Result<Arc<dyn Storage>> {
    Ok(DiskLog::open(&directory.join("log"), DiskSettings::default())?.0)
}

fn open_redb(directory: &Path) -> Result<Arc<dyn Storage>> {
    Ok(redb::RedbStorage::open(&directory.join("redb"))?.0)
}

async fn measure_throughput(directory: &Path) -> Result<()> {
    println!("append and settle, records/s (MiB/s)");
    println!("  bytes  appenders              log             redb            floor   log/redb  log/floor");
    let (log, redb) = (open_log(directory)?, open_redb(directory)?);
    for bytes in [50 << 10, 1 << 10] {
        for appenders in [1, 8, 64] {
            let mut rates = [0.0; 3];
            for _ in 0..TURNS {
                rates[0] += throughput(&log, appenders, bytes).await? / TURNS as f64;
                rates[1] += throughput(&redb, appenders, bytes).await? / TURNS as f64;
                rates[2] += floor::throughput(directory, appenders, bytes, SLICE)? / TURNS as f64;
            }
            let shown =
                rates.map(|rate| format!("{rate:.0} ({:.1})", rate * bytes as f64 / f64::from(1 << 20)));
            println!(
                "{bytes:7} {appenders:10} {:>16} {:>16} {:>16} {:10.2} {:10.2}",
                shown[0],
                shown[1],
                shown[2],
                rates[0] / rates[1],
                rates[0] / rates[2],
            );
        }
    }
    log.sync().await?;
    Ok(redb.sync().await?)
}

async fn measure_latency(directory: &Path) -> Result<()> {
    println!("\n100 appends/s of {REQUEST_BYTES} bytes, in ms; settling in us");
    println!("            p50      p99   settle p50   settle p99");
    let at =
        |all: &[Duration], share: f64| all[((all.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let mut seen = Vec::new();
    for (name, storage) in [("log", open_log(directory)?), ("redb", open_redb(directory)?)] {
        let (appends, settles) = latencies(&storage).await?;
        println!(
            "{name:>5} {:9.2} {:8.2} {:12.1} {:12.1}",
            at(&appends, 0.5),
            at(&appends, 0.99),
            at(&settles, 0.5) * 1e3,
            at(&settles, 0.99) * 1e3,
        );
        seen.push(appends);
        storage.sync().await?;
    }
    let floor = floor::latencies(directory, REQUEST_BYTES)?;
    println!("floor {:9.2} {:8.2}", at(&floor, 0.5), at(&floor, 0.99));
    for share in [0.5, 0.99] {
        println!(
            "p{:.0}: log/redb {:.2}, log/floor {:.2}",
            share * 100.0,
            at(&seen[0], share) / at(&seen[1], share),
            at(&seen[0], share) / at(&floor, share),
        );
    }
    Ok(())
}

async fn measure_recovery(directory: &Path) -> Result<()> {
    println!("\nstart with {} MiB waiting, in ms", RECOVERY_BYTES >> 20);
    let path = directory.join("recovery");
    fill(&open_log(&path)?).await?;
    fill(&open_redb(&path)?).await?;
    let started = Instant::now();
    let (_, found) = DiskLog::open(&path.join("log"), DiskSettings::default())?;
    let log = started.elapsed().as_secs_f64() * 1e3;
    let started = Instant::now();
    let (_, waiting) = redb::RedbStorage::open(&path.join("redb"))?;
    let redb = started.elapsed().as_secs_f64() * 1e3;
    let floor = floor::read(&path.join("log"))?.as_secs_f64() * 1e3;
    println!(
        "log {log:.0} ({} records), redb {redb:.0} ({waiting} records), floor {floor:.0}",
        found.waiting.len()
    );
    println!("log/redb {:.2}, log/floor {:.2}", log / redb, log / floor);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let parent = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let directory = tempfile::tempdir_in(parent)?;
    measure_throughput(directory.path()).await?;
    measure_latency(directory.path()).await?;
    measure_recovery(directory.path()).await
}
