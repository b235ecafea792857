//! What weir costs when it does nothing: the time to start and the memory that it keeps, with the three shipped
//! plugins.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use super::corpus::Corpus;
use super::cpu::{Resident, cpu_nanos, resident, switches, switches_since};
use super::load::{Load, drive};
use super::run::Sink;
use super::variant::Variant;
use crate::Signal;
use crate::grpc::RawClient;
use crate::weir::Weir;

/// What was found.
#[derive(Clone, Debug)]
pub struct Footprint {
    /// From the start of the process with an empty cache of compiled code to health 200.
    pub first_start: Duration,
    /// The same with the code cached, sorted, several times.
    pub starts: Vec<Duration>,
    /// Memory before any traffic.
    pub idle: Resident,
    /// Memory some time after traffic.
    pub after_load: Resident,
    /// CPU time that the idle process used in a second, in nanoseconds.
    pub idle_nanos_per_second: u64,
    /// How often a thread of the idle process woke in a second.
    pub idle_wakeups_per_second: f64,
}

const STARTS: usize = 11;
const SETTLE: Duration = Duration::from_secs(3);
/// How long the idle process is watched: weir looks at its files every half minute, and that is to be seen.
const IDLE: Duration = Duration::from_secs(30);
/// Longer than weir's idle threads and buffers live.
const REST: Duration = Duration::from_secs(25);

/// Starts weir with the three plugins again and again, and leaves the last one idle.
pub async fn measure(core: usize, scratch: &Path) -> io::Result<Footprint> {
    let sink = Sink::start().await?;
    let cache = scratch.join("cache");
    let mut launches = Vec::new();
    for _ in 0..=STARTS {
        let mut launch = Variant::Three.launch(&sink.address, core, scratch);
        launch.cache = cache.clone();
        launch.core = None;
        let begin = Instant::now();
        let weir = launch.spawn().await;
        ready(&weir).await?;
        launches.push((begin.elapsed(), weir));
    }
    let last = launches.pop();
    let mut times: Vec<Duration> = launches.into_iter().map(|(time, _)| time).collect();
    let first_start = times.remove(0);
    times.sort_unstable();
    let (_, weir) = last.ok_or_else(|| io::Error::other("weir was not started"))?;

    tokio::time::sleep(SETTLE).await;
    let idle = resident(weir.pid())?;
    // The threads that loaded the plugins have gone by then; threads that end are no wake-ups of an idle process.
    tokio::time::sleep(REST).await;
    let (cpu_before, switches_before) = (cpu_nanos(weir.pid())?, switches(weir.pid())?);
    tokio::time::sleep(IDLE).await;
    let idle_nanos_per_second = (cpu_nanos(weir.pid())? - cpu_before) / IDLE.as_secs();
    let wakeups = switches_since(&switches_before, &switches(weir.pid())?);
    let idle_wakeups_per_second = wakeups as f64 / IDLE.as_secs_f64();

    let client = RawClient::new(&format!("127.0.0.1:{}", weir.ports.grpc));
    let load = Load { rate: 100_000, in_flight: 8 };
    drive(&client, &Corpus::new(Signal::Logs, 1_000), load, SETTLE).await;
    tokio::time::sleep(REST).await;
    let after_load = resident(weir.pid())?;
    Ok(Footprint {
        first_start,
        starts: times,
        idle,
        after_load,
        idle_nanos_per_second,
        idle_wakeups_per_second,
    })
}

/// Polls much faster than the tests do: here the time is the result.
async fn ready(weir: &Weir) -> io::Result<()> {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(60) {
        if weir.health().await == Some(200) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Err(io::Error::other(format!("weir is not ready after a minute: {}", weir.stderr())))
}
