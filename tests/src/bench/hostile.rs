//! What a guest that hangs costs the pipeline beside it: the latency of a clean pipeline of traces while the pipeline of logs
//! has a neighbour that burns its whole timeout again and again.
//!
//! Any busy thread costs latency where cores are few, so the floor is a well-behaved neighbour: the same guest, which
//! computes for as long and then returns. What is above that is what being hostile costs: interrupted calls, fresh
//! instances, refusals. All processes are pinned to one core, on which clean and neighbouring pipeline compete.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use serde_json::json;
use tokio::time::{Instant, sleep_until};

use super::corpus::Corpus;
use super::cpu::cpu_nanos;
use super::latency;
use super::run::{Plan, Sink};
use crate::Signal;
use crate::grpc::RawClient;
use crate::guest::Guest;
use crate::requests::{attribute, log, logs, text};
use crate::weir::{Launch, Weir};

/// The clean load: small enough that the core is mostly idle without a neighbour.
const ITEMS: u64 = 50;
const REQUESTS_PER_SECOND: u64 = 400;
/// The timeout that the hostile guest burns, and how long the well-behaved one computes.
const TIMEOUT: Duration = Duration::from_millis(100);
/// The neighbour's requests come no faster than this, so that refusals are no flood.
const PERIOD: Duration = Duration::from_millis(10);
/// What calibration begins with: some milliseconds on any machine.
const TRIAL_TURNS: u64 = 20_000_000;

/// Who runs beside the clean pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Neighbour {
    /// Nobody.
    None,
    /// A guest that computes and returns.
    Busy,
    /// A guest that hangs in every other request, so that its circuit breaker never opens.
    Hostile,
    /// A guest that hangs in every request, and whose breaker is open most of the time.
    Resting,
}

impl Neighbour {
    /// In the order in which they are measured and printed.
    pub const ALL: [Neighbour; 4] =
        [Neighbour::None, Neighbour::Busy, Neighbour::Hostile, Neighbour::Resting];

    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Neighbour::None => "none",
            Neighbour::Busy => "well-behaved and busy",
            Neighbour::Hostile => "hangs, breaker closed",
            Neighbour::Resting => "hangs, breaker open",
        }
    }

    /// The triggers of its requests, in turn.
    fn triggers(self) -> &'static [&'static str] {
        match self {
            Neighbour::None => &[],
            Neighbour::Busy => &["a while", "no"],
            Neighbour::Hostile => &["for ever", "no"],
            Neighbour::Resting => &["for ever"],
        }
    }
}

/// One round beside one neighbour.
#[derive(Clone, Copy, Debug)]
pub struct Beside {
    /// Latency of the clean pipeline's requests, in microseconds.
    pub median: f64,
    /// The same, of the slowest in a hundred.
    pub slowest: f64,
    /// How much of a core the whole process took.
    pub cpu: f64,
    /// Requests of the neighbour that were refused, in a second.
    pub refused: f64,
    /// Requests of the clean pipeline that were refused.
    pub errors: u64,
}

/// The rounds beside each neighbour, in the order of [`Neighbour::ALL`].
pub type Rounds = Vec<(Neighbour, Vec<Beside>)>;

/// Measures all of them, several times over.
pub async fn measure(plan: Plan, scratch: &Path) -> io::Result<Rounds> {
    let sink = Sink::start().await?;
    let turns = calibrate(&sink, plan.core, scratch).await?;
    let mut weirs = Vec::new();
    for neighbour in Neighbour::ALL {
        weirs.push(start(&sink, neighbour, plan.core, turns, scratch).await);
    }
    let corpus = Corpus::new(Signal::Traces, ITEMS);
    let mut rounds: Rounds = Neighbour::ALL.map(|neighbour| (neighbour, Vec::new())).into();
    for round in 0..plan.rounds {
        eprintln!("measuring neighbours, round {} of {}", round + 1, plan.rounds);
        for (weir, (neighbour, figures)) in weirs.iter().zip(&mut rounds) {
            figures.push(beside(weir, *neighbour, &corpus, plan.time).await?);
        }
    }
    Ok(rounds)
}

/// Traces pass a guest that reads; logs pass the neighbour.
async fn start(sink: &Sink, neighbour: Neighbour, core: usize, turns: u64, scratch: &Path) -> Weir {
    let mut launch = Launch::new().to_grpc(&sink.address);
    launch.core = Some(core);
    let timeout = if neighbour == Neighbour::Busy { TIMEOUT * 100 } else { TIMEOUT };
    launch.config["processors"] = json!({
        "wasm/read": {"plugin": Guest::Read.install(scratch, "read")},
        "wasm/spin": {
            "plugin": Guest::Spin(turns).install(scratch, "spin"),
            "timeout": format!("{}ms", timeout.as_millis()),
        },
    });
    launch.config["service"]["pipelines"]["traces"]["processors"] = json!(["wasm/read"]);
    launch.config["service"]["pipelines"]["logs"]["processors"] = json!(["wasm/spin"]);
    launch.config["service"]["telemetry"]["logs"] = json!({"level": "error"});
    launch.start().await
}

/// How many turns of the guest's loop take as long as the timeout.
async fn calibrate(sink: &Sink, core: usize, scratch: &Path) -> io::Result<u64> {
    let weir = start(sink, Neighbour::Busy, core, TRIAL_TURNS, scratch).await;
    let mut client = client(&weir);
    for _ in 0..5 {
        client.call(Signal::Logs.grpc_path(), triggered("a while")).await.map_err(io::Error::other)?;
    }
    let metrics = weir.metrics().await;
    let of = |name: &str| metrics.sum(name, &[("plugin", "spin")]);
    let seconds = of("weir_plugin_call_duration_seconds_sum") / of("weir_plugin_call_duration_seconds_count");
    Ok((TRIAL_TURNS as f64 * TIMEOUT.as_secs_f64() / seconds) as u64)
}

fn client(weir: &Weir) -> RawClient {
    RawClient::new(&format!("127.0.0.1:{}", weir.ports.grpc))
}

fn triggered(trigger: &str) -> Bytes {
    let mut record = log("neighbour");
    record.attributes.push(attribute("test.trigger", text(trigger)));
    logs(vec![record]).encode_to_vec().into()
}

async fn beside(weir: &Weir, neighbour: Neighbour, corpus: &Corpus, time: Duration) -> io::Result<Beside> {
    let stop = Arc::new(AtomicBool::new(false));
    let pressing = tokio::spawn(press(client(weir), neighbour.triggers(), Arc::clone(&stop)));
    let clean = client(weir);
    // First until everything is warm, and the breaker of one that always hangs is open.
    latency::paced(&clean, corpus, REQUESTS_PER_SECOND, time / 2).await;
    let (begin, cpu_before) = (Instant::now(), cpu_nanos(weir.pid())?);
    let (micros, errors) = latency::paced(&clean, corpus, REQUESTS_PER_SECOND, time).await;
    let seconds = begin.elapsed().as_secs_f64();
    let cpu = (cpu_nanos(weir.pid())? - cpu_before) as f64 / 1e9 / seconds;
    stop.store(true, Ordering::Relaxed);
    let refused = pressing.await.map_err(io::Error::other)? / (seconds * 1.5);
    let [median, slowest] = latency::percentiles(micros, [50, 99]);
    Ok(Beside { median, slowest, cpu, refused, errors })
}

/// The neighbour's requests, one after the other, until told to stop. How many were refused.
async fn press(mut client: RawClient, triggers: &[&str], stop: Arc<AtomicBool>) -> f64 {
    let requests: Vec<Bytes> = triggers.iter().map(|trigger| triggered(trigger)).collect();
    let mut refused = 0.0;
    for request in requests.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let begin = Instant::now();
        if client.call(Signal::Logs.grpc_path(), request.clone()).await.is_err() {
            refused += 1.0;
        }
        sleep_until(begin + PERIOD).await;
    }
    refused
}
