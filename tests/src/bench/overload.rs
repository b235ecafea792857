//! Overload: an upstream that is slower than its senders, then one that takes connections and never answers, then a willing one again.
//! What counts is what the senders are told, how much memory weir needs meanwhile, and that the rate is back afterwards.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::fleet::{Ledger, Plan};
use crate::sdk::{Told, Wire};
use crate::soak::Resources;
use crate::upstream::{Fault, Gate};
use crate::weir::{Launch, Weir, plain_grpc, run};
use crate::{Answer, Fleet, Upstream};

/// Between two looks at the memory.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Attempts at a time of the exporter, each of which takes the slow upstream [`SLOW`]: that is fifty requests a second.
const CONSUMERS: u32 = 10;
const SLOW: Duration = Duration::from_millis(200);

/// What may be in flight with the memory limiter: its limit less its spike limit.
const LIMIT_MIB: u64 = 64;
const SPIKE_MIB: u64 = 24;

/// What one queue holds at most without it.
const QUEUE_MIB: u64 = 64;

/// How long and how hard.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Of each of the four phases.
    pub phase: Duration,
    /// Senders on each wire.
    pub senders: usize,
    /// Items of each batch.
    pub items: usize,
    /// What the queue holds, in requests.
    pub queue_size: u32,
}

/// What the senders on one wire were told in one phase, in batches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Answers {
    /// Success.
    pub taken: u64,
    /// To try again, and when.
    pub later_with_hint: u64,
    /// To try again; or the connection broke, or nothing came for ten seconds.
    pub later: u64,
    /// Never to try again.
    pub never: u64,
}

/// One phase.
#[derive(Clone, Debug)]
pub struct Phase {
    /// What the upstream does in it.
    pub name: &'static str,
    /// By wire.
    pub answers: BTreeMap<&'static str, Answers>,
    /// Items taken in a second.
    pub rate: f64,
    /// The most resident memory that was seen.
    pub peak_mib: f64,
}

/// All of it.
#[derive(Clone, Debug)]
pub struct Overloaded {
    /// In order: willing, slow, silent, willing again.
    pub phases: Vec<Phase>,
    /// Resident memory before the first batch.
    pub idle_mib: f64,
    /// How many bytes may be in flight, and who says so.
    pub budget: (u64, &'static str),
}

/// Runs it. When it returns, the accounts have balanced; panics if they do not.
pub async fn measure(settings: Settings, scratch: &Path) -> Overloaded {
    let upstream = Upstream::start().await;
    upstream.forget();
    let (launch, budget) = launch(&upstream, settings, scratch).await;
    let weir = launch.start().await;
    let idle_mib = Resources::of(weir.pid()).resident_mib;
    let gate = Gate::default();
    // Twice what the slow upstream takes: each sender waits so long between two batches, over all wires.
    let offered = 2.0 * f64::from(CONSUMERS) / SLOW.as_secs_f64();
    let senders = settings.senders * Wire::ALL.len();
    let plan = Plan {
        wires: Wire::ALL.repeat(settings.senders),
        batches: None,
        items: settings.items,
        attempts_max: 1,
        period: Duration::from_secs_f64(senders as f64 / offered),
    };
    let mut phases = Vec::new();
    for (name, answer) in [
        ("willing", Answer::Ok),
        ("slow", Answer::Faulty(Fault::Slow(SLOW))),
        ("silent", Answer::Hold(gate.clone())),
        ("willing again", Answer::Ok),
    ] {
        upstream.always(answer);
        if name == "willing again" {
            gate.open();
        }
        phases.push(phase(name, &weir, &plan, settings.phase).await);
    }
    weir.settle().await;
    Overloaded { phases, idle_mib, budget }
}

/// With the memory limiter if this weir has one.
async fn launch(upstream: &Upstream, settings: Settings, scratch: &Path) -> (Launch, (u64, &'static str)) {
    let mut exporter = plain_grpc(&upstream.address());
    // In memory: what is acknowledged piles up, whatever the senders' patience, until the budget is used up.
    exporter["sending_queue"] =
        json!({"queue_size": settings.queue_size, "num_consumers": CONSUMERS, "wait_for_result": false});
    exporter["timeout"] = json!("60s");
    let mut bare = Launch::new().exporter("otlp_grpc", exporter);
    bare.config["service"]["telemetry"]["logs"] = json!({"level": "error"});
    let limits = json!({"check_interval": "1s", "limit_mib": LIMIT_MIB, "spike_limit_mib": SPIKE_MIB});
    let limited = bare.clone().processor("memory_limiter", limits);
    match is_valid(&limited.config, scratch).await {
        true => (limited, (LIMIT_MIB - SPIKE_MIB, "memory_limiter")),
        false => (bare, (QUEUE_MIB, "the exporter's queue: this weir has no memory_limiter")),
    }
}

async fn is_valid(config: &Value, scratch: &Path) -> bool {
    let file = scratch.join("limited.yaml");
    std::fs::write(&file, config.to_string()).expect("a writable directory");
    run(&["validate", "--config", &file.display().to_string()], scratch).await.status.success()
}

async fn phase(name: &'static str, weir: &Weir, plan: &Plan, time: Duration) -> Phase {
    let peak = Arc::new(AtomicU64::new(0));
    let (pid, seen) = (weir.pid(), Arc::clone(&peak));
    let watching = tokio::spawn(async move {
        loop {
            let now = Resources::of(pid).resident_mib * 1024.0;
            seen.fetch_max(now as u64, Ordering::Relaxed);
            tokio::time::sleep(LOOK_EVERY).await;
        }
    });
    let fleet = Fleet::start(weir.ports, plan);
    tokio::time::sleep(time).await;
    let taken = fleet.taken() as f64;
    // What is under way is answered too; the rate is that of the phase.
    let ledger = fleet.stop().await;
    watching.abort();
    let rate = taken * plan.items as f64 / time.as_secs_f64();
    Phase { name, answers: answers(&ledger), rate, peak_mib: peak.load(Ordering::Relaxed) as f64 / 1024.0 }
}

fn answers(ledger: &Ledger) -> BTreeMap<&'static str, Answers> {
    let mut all: BTreeMap<&'static str, Answers> = BTreeMap::new();
    for sent in &ledger.0 {
        let wire = Wire::ALL.into_iter().find(|wire| sent.tag.starts_with(wire.name()));
        let answers = all.entry(wire.map_or("other", Wire::name)).or_default();
        let count = match sent.told {
            Told::Taken => &mut answers.taken,
            Told::Later(Some(_)) => &mut answers.later_with_hint,
            Told::Later(None) => &mut answers.later,
            Told::Never(_) => &mut answers.never,
        };
        *count += 1;
    }
    all
}
