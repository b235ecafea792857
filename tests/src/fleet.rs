//! Many senders at once, and a record of what each batch came to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::sdk::{Sdk, Told, Wire};
use crate::{Ids, Ports, Signal, requests};

/// What the senders do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// One sender for each entry.
    pub wires: Vec<Wire>,
    /// Batches of each sender; it goes on until it is stopped if there is no number.
    pub batches: Option<u32>,
    /// Items of each batch.
    pub items: usize,
    /// How often a sender tries a batch before it gives up.
    pub attempts_max: u32,
    /// The time between two batches of a sender, if it is answered in time.
    pub period: Duration,
}

impl Default for Plan {
    /// Two senders for each wire, twenty-five batches of three items, patient.
    fn default() -> Plan {
        let wires = Wire::ALL.into_iter().chain(Wire::ALL).collect();
        Plan { wires, batches: Some(25), items: 3, attempts_max: 400, period: Duration::ZERO }
    }
}

/// What became of one batch.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Its items' ids begin with this.
    pub tag: String,
    /// How many they are.
    pub items: usize,
    /// What the sender was told at last.
    pub told: Told,
    /// After how many attempts.
    pub attempts: u32,
    /// When the sender began with it.
    pub begin: Instant,
    /// How long that took.
    pub took: Duration,
}

impl Sent {
    /// The ids of its items.
    pub fn ids(&self) -> Vec<String> {
        requests::unique_ids(&self.tag, self.items)
    }
}

/// Senders at work. They stop when this is dropped.
pub struct Fleet {
    stop: Arc<AtomicBool>,
    taken: Arc<AtomicU64>,
    senders: JoinSet<Vec<Sent>>,
}

/// The record of all.
#[derive(Clone, Debug, Default)]
pub struct Ledger(pub Vec<Sent>);

impl Fleet {
    /// Senders to these ports.
    pub fn start(ports: Ports, plan: &Plan) -> Fleet {
        Fleet::start_at(ports.grpc, ports.http, plan)
    }

    /// The same for what stands in front of weir.
    pub fn start_at(grpc: u16, http: u16, plan: &Plan) -> Fleet {
        let (stop, taken) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut senders = JoinSet::new();
        for (number, wire) in plan.wires.iter().copied().enumerate() {
            let port = if wire == Wire::Grpc { grpc } else { http };
            let sdk = Sdk::new(wire, port, plan.attempts_max);
            let name = format!("{}{number}", wire.name());
            // Each sender has one signal, as each exporter of an SDK.
            let signal = Signal::READ[number % Signal::READ.len()];
            senders.spawn(send(sdk, signal, name, plan.clone(), Arc::clone(&stop), Arc::clone(&taken)));
        }
        Fleet { stop, taken, senders }
    }

    /// Batches that were taken so far.
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Waits until so many more batches have been taken.
    pub async fn takes(&self, more: u64) {
        let goal = self.taken() + more;
        crate::wait::until(&format!("{more} more batches are taken"), async || {
            (self.taken() >= goal).then_some(())
        })
        .await;
    }

    /// Lets each sender finish the batch that it is at.
    pub async fn stop(self) -> Ledger {
        self.stop.store(true, Ordering::Relaxed);
        self.finish().await
    }

    /// Waits for all batches. Panics if a sender does.
    pub async fn finish(mut self) -> Ledger {
        let mut all = Vec::new();
        while let Some(sent) = self.senders.join_next().await {
            all.extend(sent.expect("a sender does not panic"));
        }
        Ledger(all)
    }
}

async fn send(
    mut sdk: Sdk,
    signal: Signal,
    name: String,
    plan: Plan,
    stop: Arc<AtomicBool>,
    taken: Arc<AtomicU64>,
) -> Vec<Sent> {
    let mut all = Vec::new();
    for number in 0..plan.batches.unwrap_or(u32::MAX) {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let tag = format!("{name}b{number}");
        let begin = Instant::now();
        let (told, attempts) = sdk.export(signal, &tag, plan.items).await;
        if told == Told::Taken {
            taken.fetch_add(1, Ordering::Relaxed);
        }
        all.push(Sent { tag, items: plan.items, told, attempts, begin, took: begin.elapsed() });
        if !plan.period.is_zero() {
            tokio::time::sleep_until(begin + plan.period).await;
        }
    }
    all
}

impl Ledger {
    /// The ids of the batches for which this holds.
    pub fn ids(&self, of: impl Fn(&Sent) -> bool) -> Ids {
        self.0.iter().filter(|sent| of(sent)).flat_map(Sent::ids).collect()
    }

    /// The ids of everything that the senders were told is taken.
    pub fn taken(&self) -> Ids {
        self.ids(|sent| sent.told == Told::Taken)
    }

    /// The ids of everything that the senders were told never to send again.
    pub fn refused(&self) -> Ids {
        self.ids(|sent| matches!(sent.told, Told::Never(_)))
    }

    /// The batches that a sender has given up without a word that was final.
    pub fn given_up(&self) -> Vec<&Sent> {
        self.0.iter().filter(|sent| matches!(sent.told, Told::Later(_))).collect()
    }
}
