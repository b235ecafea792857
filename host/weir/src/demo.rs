//! `weir demo`: recorded telemetry through the real binary, with the shipped plugins, and a look at what came out.
//!
//! This process is the application (it replays the recorded requests) and the upstream (it keeps what arrives). The
//! sidecar between them is a child process with the configuration in `deploy/examples/demo`. Nothing is taken
//! from its word: what must arrive is computed from the recordings.

mod cost;
mod items;
mod recorded;
mod replay;
mod screen;
mod sidecar;
mod upstream;
mod verify;

use std::fmt::Display;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use items::Item;
use screen::Screen;
use sidecar::Sidecar;
use upstream::Upstream;

/// How often the recordings are replayed before the fourth plugin comes, and again after.
const ROUNDS: u64 = 50;

/// The fourth plugin takes effect within two seconds; a machine that is busy building gets more.
const FOURTH_WITHIN: Duration = Duration::from_secs(20);

/// What the fourth plugin leaves on every item.
const FOURTH_MARK: &str = "attribute demo.fourth_plugin";

/// A step of the demo that could not be done.
#[derive(Debug)]
pub(crate) struct DemoError {
    step: String,
    reason: String,
}

impl DemoError {
    fn new(step: impl Into<String>, reason: impl Display) -> Self {
        DemoError { step: step.into(), reason: reason.to_string() }
    }
}

impl Display for DemoError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot {}: {}", self.step, self.reason)
    }
}

/// Runs the demo. Succeeds only if what arrived is right.
pub fn run() -> ExitCode {
    let mut screen = Screen::default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            screen.failed(&DemoError::new("start the runtime", error));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(demo(&mut screen)) {
        Ok(faults) if faults.is_empty() => {
            screen.succeeded();
            ExitCode::SUCCESS
        }
        Ok(faults) => {
            screen.wrong(&faults);
            ExitCode::FAILURE
        }
        Err(error) => {
            screen.failed(&error);
            ExitCode::FAILURE
        }
    }
}

/// The acts of the demo, and what was wrong in them.
async fn demo(screen: &mut Screen) -> Result<Vec<String>, DemoError> {
    let recorded = recorded::all();
    let mut originals = Vec::new();
    for request in &recorded {
        let items = items::of(request.signal, &request.payload);
        originals.extend(items.map_err(|error| DemoError::new("decode a recorded request", error))?);
    }
    let upstream = Upstream::start().await?;
    screen.step("starting weir with sample, enrich and redact (the first start compiles them)");
    let sidecar = Sidecar::start(upstream.address).await?;
    let replay = replay::Replay::to(sidecar.grpc)?;

    let before = cost::Cpu::of(sidecar.pid());
    let rounds = replay.rounds(ROUNDS, &recorded, screen).await?;
    let cost = before.until_now();
    let arrived = upstream.take()?;
    let mut sent = rounds;
    let mut faults = verify::faults(&expected(&originals, rounds), &arrived);
    screen.before_and_after(&originals, &arrived);

    let fourth = fourth_plugin(screen, &sidecar, &replay, &recorded, &upstream).await?;
    sent += fourth.rounds;
    match fourth.after {
        Some(after) => screen.fourth_arrived(after),
        None => faults.push("the fourth plugin took no effect".to_owned()),
    }

    let metrics = sidecar.metrics().await?;
    faults.extend(screen.accounts(&metrics, &originals, sent));
    screen.cost(cost, rounds * originals.len() as u64);
    let log = sidecar.log();
    if !sidecar.stop().await? {
        faults.push(format!("weir did not end with 0 on SIGTERM\n{log}"));
    }
    Ok(faults)
}

/// How many items of each signal must arrive.
fn expected(originals: &[Item], rounds: u64) -> verify::Counts {
    let mut counts = verify::Counts::new();
    for item in originals {
        *counts.entry(item.signal).or_default() += rounds * u64::from(verify::is_expected(item));
    }
    counts
}

/// The arrival of the fourth plugin.
struct Fourth {
    /// From the moment when its file was there to the first item that it had touched.
    after: Option<Duration>,
    rounds: u64,
}

async fn fourth_plugin(
    screen: &mut Screen,
    sidecar: &Sidecar,
    replay: &replay::Replay,
    recorded: &[recorded::Recorded],
    upstream: &Upstream,
) -> Result<Fourth, DemoError> {
    screen.step("dropping a fourth plugin, tenant, into the directory while traffic flows");
    let dropped = Instant::now();
    sidecar.drop_in_fourth()?;
    let mut rounds = 0;
    while dropped.elapsed() < FOURTH_WITHIN {
        rounds += replay.rounds(1, recorded, screen).await?;
        let arrived = upstream.take()?;
        let is_marked = |item: &Item| item.fields.iter().any(|(place, _)| place == FOURTH_MARK);
        if arrived.iter().any(is_marked) {
            return Ok(Fourth { after: Some(dropped.elapsed()), rounds });
        }
    }
    Ok(Fourth { after: None, rounds })
}
