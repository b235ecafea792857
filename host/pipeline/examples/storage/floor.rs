//! What the disk and the system cost alone: the same bytes, written and synced by one thread that never has to ask anybody.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::Result;

/// Larger files are begun anew, as segments are.
const FILE_BYTES: usize = 16 << 20;

/// Records in a second, if as many records as there are appenders always share a sync.
pub(crate) fn throughput(directory: &Path, appenders: usize, bytes: usize, time: Duration) -> Result<f64> {
    let path = directory.join("floor");
    let group = vec![b'x'; appenders * bytes];
    let (started, mut done) = (Instant::now(), 0);
    let (mut file, mut written) = (File::create(&path)?, 0);
    while started.elapsed() < time {
        if written > FILE_BYTES {
            (file, written) = (File::create(&path)?, 0);
        }
        file.write_all(&group)?;
        file.sync_data()?;
        written += group.len();
        done += appenders;
    }
    Ok(done as f64 / started.elapsed().as_secs_f64())
}

/// 100 writes a second for five seconds; how long each took, in order of size.
pub(crate) fn latencies(directory: &Path, bytes: usize) -> Result<Vec<Duration>> {
    let record = vec![b'x'; bytes];
    let mut file = File::create(directory.join("floor"))?;
    let mut all = Vec::new();
    for _ in 0..500 {
        let started = Instant::now();
        file.write_all(&record)?;
        file.sync_data()?;
        all.push(started.elapsed());
        std::thread::sleep(Duration::from_millis(10).saturating_sub(started.elapsed()));
    }
    all.sort_unstable();
    Ok(all)
}

/// How long reading every file of a directory takes.
pub(crate) fn read(directory: &Path) -> Result<Duration> {
    let mut buffer = vec![0; 256 << 10];
    let started = Instant::now();
    for entry in fs::read_dir(directory)? {
        let mut file = File::open(entry?.path())?;
        while file.read(&mut buffer)? > 0 {}
    }
    Ok(started.elapsed())
}
