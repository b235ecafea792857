//! What each way of acknowledging costs: how long a sender waits for its answer, and the CPU of an item, at 20,000 items a
//! second. The floor is a relay that forwards each message unread and answers when its upstream has answered.

use std::io;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::corpus::Corpus;
use super::cpu::cpu_nanos;
use super::latency;
use super::run::{Plan, Sink, Subject};
use crate::Signal;
use crate::weir::{Launch, plain_grpc};

/// An application's SDK under load: 200 requests of 100 items in a second.
const ITEMS: u64 = 100;
const REQUESTS_PER_SECOND: u64 = 200;

/// When a sender is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The relay.
    Floor,
    /// When the upstream has answered.
    Downstream,
    /// The same, of a request in which several were merged.
    Merged,
    /// When it is on disk.
    Durable,
    /// When it is in memory.
    Memory,
}

impl Mode {
    /// In the order in which they are measured and printed.
    pub const ALL: [Mode; 5] = [Mode::Floor, Mode::Downstream, Mode::Merged, Mode::Durable, Mode::Memory];

    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Floor => "relay",
            Mode::Downstream => "downstream",
            Mode::Merged => "downstream, merged",
            Mode::Durable => "durable",
            Mode::Memory => "memory",
        }
    }

    fn queue(self) -> Value {
        match self {
            Mode::Floor | Mode::Downstream => json!({}),
            Mode::Merged => json!({"batch": {"min_size": 1000, "flush_timeout": "20ms"}}),
            Mode::Durable => json!({"storage": "file_storage"}),
            Mode::Memory => json!({"wait_for_result": false}),
        }
    }
}

/// One round of one mode.
#[derive(Clone, Copy, Debug)]
pub struct Acknowledged {
    /// Latency of an answer in microseconds.
    pub median: f64,
    /// The same, of the slowest in a hundred.
    pub slowest: f64,
    /// CPU time of an item.
    pub nanos_per_item: f64,
    /// Items that were answered well, in a second.
    pub rate: f64,
    /// Requests that were not.
    pub errors: u64,
}

/// The rounds of each mode, in the order of [`Mode::ALL`].
pub type Rounds = Vec<(Mode, Vec<Acknowledged>)>;

/// Measures all of them, several times over. The durable queue is below `scratch`.
///
/// # Errors
/// If a process does not start or cannot be looked at.
pub async fn measure(plan: Plan, scratch: &Path) -> io::Result<Rounds> {
    let sink = Sink::start().await?;
    let mut processes = Vec::new();
    for mode in Mode::ALL {
        processes.push(start(&sink, mode, plan.core, scratch).await?);
    }
    let corpus = Corpus::new(Signal::Traces, ITEMS);
    let mut rounds: Rounds = Mode::ALL.map(|mode| (mode, Vec::new())).into();
    for round in 0..plan.rounds {
        eprintln!("measuring acknowledgements, round {} of {}", round + 1, plan.rounds);
        for (process, (_, figures)) in processes.iter().zip(&mut rounds) {
            figures.push(acknowledged(process, &corpus, plan.time).await?);
        }
    }
    Ok(rounds)
}

async fn start(sink: &Sink, mode: Mode, core: usize, scratch: &Path) -> io::Result<Subject> {
    if mode == Mode::Floor {
        return Subject::relay(&sink.address, core).await;
    }
    let mut settings = plain_grpc(&sink.address);
    settings["sending_queue"] = mode.queue();
    let mut launch = Launch::new().exporter("otlp_grpc", settings);
    launch.core = Some(core);
    if mode == Mode::Durable {
        launch.config["extensions"]["file_storage"] = json!({"directory": scratch.join("queue")});
        launch.config["service"]["extensions"] = json!(["health_check", "file_storage"]);
    }
    Ok(Subject::weir(launch).await)
}

async fn acknowledged(process: &Subject, corpus: &Corpus, time: Duration) -> io::Result<Acknowledged> {
    let client = &process.client;
    // First until everything is warm.
    latency::paced(client, corpus, REQUESTS_PER_SECOND, time / 4).await;
    let (begin, cpu_before) = (Instant::now(), cpu_nanos(process.pid)?);
    let (micros, errors) = latency::paced(client, corpus, REQUESTS_PER_SECOND, time).await;
    let seconds = begin.elapsed().as_secs_f64();
    let items = micros.len() as f64 * ITEMS as f64;
    let nanos_per_item = (cpu_nanos(process.pid)? - cpu_before) as f64 / items;
    let [median, slowest] = latency::percentiles(micros, [50, 99]);
    Ok(Acknowledged { median, slowest, nanos_per_item, rate: items / seconds, errors })
}
