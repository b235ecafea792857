//! The log beside a model of what it promises, under random operations, faults and crashes.

use std::collections::BTreeMap;
use std::io::ErrorKind;

use proptest::prelude::*;

use super::sim::{Fault, Operation, Unsynced};
use super::*;

/// Sequences of operations that are tried.
const CASES: u32 = 1500;

#[derive(Clone, Debug)]
enum Step {
    /// So many appends at a time, of so many bytes.
    Append(usize, usize),
    /// The unsettled record at this place, counted round.
    Settle(usize),
    Read(usize),
    Sync,
    /// A clean stop and a start.
    Reopen,
    Crash(Unsynced),
    /// A byte of a file that ends so changes, with the process dead.
    Flip(&'static str, usize, usize),
    Break(Fault),
    Heal,
    /// So much room is left on the disk.
    Fill(usize),
}

/// What has become of a batch, as far as its appender knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Kept(RecordId),
    /// The append failed. The record may be there all the same.
    Failed,
    /// The append failed and the record is there, for all that is known not yet durable.
    Unpromised(RecordId),
    /// It may come back if the machine crashes, and if the disk was at fault, also if the process is killed.
    Settled {
        disk_at_fault: bool,
    },
    /// It was settled, and the sync of its journal failed: whether that is on the disk no later sync can tell.
    Doubtful,
    /// It must not come back.
    Gone,
}

struct Model {
    disk: Disk,
    log: Arc<DiskLog>,
    fates: BTreeMap<u64, (Fate, usize)>,
    disk_at_fault: bool,
    /// Files of this disk are older than the process, and syncs of theirs have failed: that one succeeds says nothing.
    syncs_in_doubt: bool,
}

/// What may be different after a start.
#[derive(Clone, Copy, Default)]
struct Allowance {
    lost: u64,
    machine_crashed: bool,
    journal_damaged: bool,
    /// The same disk goes on, so what is not durable there is still not.
    same_disk: bool,
    /// The journals were not synced, nor is what they held before the only thing that is left.
    doubtful: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let unsynced = prop_oneof![
        Just(Unsynced::Kept),
        Just(Unsynced::Lost),
        any::<u8>().prop_map(Unsynced::Torn),
        Just(Unsynced::Zeros),
    ];
    let operation = prop_oneof![
        Just(Operation::Create),
        Just(Operation::Remove),
        Just(Operation::SyncDirectory),
        Just(Operation::Write),
        Just(Operation::Write),
        Just(Operation::Truncate),
        Just(Operation::Sync),
        Just(Operation::Sync),
    ];
    let error = prop_oneof![Just(ErrorKind::Other), Just(ErrorKind::StorageFull)];
    let suffix = prop_oneof![Just(""), Just(".log"), Just(".settled")];
    let fault = (operation, suffix, 0..3_u64, error, 0..200_usize).prop_map(
        |(operation, suffix, after, error, written)| Fault { operation, suffix, after, error, written },
    );
    let file = prop_oneof![3 => Just(".log"), 1 => Just(".settled")];
    prop_oneof![
        8 => (1..6_usize, 0..200_usize).prop_map(|(count, bytes)| Step::Append(count, bytes)),
        8 => any::<usize>().prop_map(Step::Settle),
        2 => any::<usize>().prop_map(Step::Read),
        2 => Just(Step::Sync),
        1 => Just(Step::Reopen),
        3 => unsynced.prop_map(Step::Crash),
        1 => (file, any::<usize>(), any::<usize>()).prop_map(|(file, which, bit)| Step::Flip(file, which, bit)),
        2 => fault.prop_map(Step::Break),
        1 => Just(Step::Heal),
        1 => (0..300_usize).prop_map(Step::Fill),
    ]
}

// === impl Model ===

impl Model {
    fn new() -> Self {
        let disk = Disk::default();
        let (log, _) = open(&disk);
        Model { disk, log, fates: BTreeMap::new(), disk_at_fault: false, syncs_in_doubt: false }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Append(count, bytes) => self.append(count, bytes).await,
            Step::Settle(which) => self.settle(which),
            Step::Read(which) => {
                if let Some((number, id, bytes)) = self.kept(which) {
                    assert_intact(&self.log, &[(id, batch(number, bytes))]).await;
                }
            }
            Step::Sync => drop(self.sync().await),
            Step::Reopen => {
                self.heal();
                // It may go on to fail, if an earlier sync of a journal has.
                let doubtful = self.sync().await.is_err();
                let allowance = Allowance { same_disk: true, doubtful, ..Allowance::default() };
                let disk = self.disk.clone();
                self.restart(disk, allowance).await;
            }
            Step::Crash(unsynced) => {
                let machine_crashed = !matches!(unsynced, Unsynced::Kept);
                let disk = self.disk.crash(unsynced);
                self.restart(disk, Allowance { machine_crashed, ..Allowance::default() }).await;
            }
            Step::Flip(suffix, which, bit) => {
                let disk = self.disk.crash(Unsynced::Kept);
                let names = disk.names(suffix);
                if let Some(name) = names.get(which % names.len().max(1))
                    && let bytes = disk.content(name)
                    && !bytes.is_empty()
                {
                    let (mut bytes, bit) = (bytes.clone(), bit % (bytes.len() * 8));
                    // Not a flip, which a second one would undo.
                    bytes[bit / 8] = bytes[bit / 8].wrapping_add(1);
                    disk.put(name, bytes);
                }
                let journal_damaged = suffix == ".settled";
                let lost = u64::from(!journal_damaged);
                self.restart(disk, Allowance { lost, journal_damaged, ..Allowance::default() }).await;
            }
            Step::Break(fault) => {
                self.disk_at_fault = true;
                self.disk.fail(fault);
            }
            Step::Heal => self.heal(),
            Step::Fill(room) => {
                self.disk_at_fault = true;
                self.disk.fill(room);
            }
        }
    }

    async fn append(&mut self, count: usize, bytes: usize) {
        let first = self.fates.len() as u64 + 1;
        let numbers: Vec<u64> = (first..).take(count).collect();
        let batches: Vec<_> = numbers.iter().map(|number| batch(*number, bytes)).collect();
        let log = Arc::clone(&self.log);
        let answers = crate::join::join_all(batches.iter().map(|batch| log.append(batch))).await;
        for (number, answer) in numbers.into_iter().zip(answers) {
            assert!(answer.is_ok() || self.disk_at_fault, "{answer:?}");
            self.fates.insert(number, (answer.map_or(Fate::Failed, Fate::Kept), bytes));
        }
    }

    fn settle(&mut self, which: usize) {
        if let Some((number, id, bytes)) = self.kept(which) {
            self.log.settle(id);
            self.fates.insert(number, (Fate::Settled { disk_at_fault: self.disk_at_fault }, bytes));
        }
    }

    async fn sync(&mut self) -> Result<(), StorageError> {
        let synced = self.log.sync().await;
        assert!(synced.is_ok() || self.disk_at_fault, "{synced:?}");
        if synced.is_ok() {
            let settled = |fate: &&mut Fate| matches!(fate, Fate::Settled { .. });
            for fate in self.fates.values_mut().map(|(fate, _)| fate).filter(settled) {
                *fate = if self.syncs_in_doubt { Fate::Doubtful } else { Fate::Gone };
            }
        }
        synced
    }

    fn heal(&self) {
        self.disk.heal();
        self.disk.set_capacity(None);
    }

    /// A new process finds the disk like this.
    async fn restart(&mut self, disk: Disk, allowance: Allowance) {
        while self.log.shared.state().running {
            tokio::task::yield_now().await;
        }
        let (log, found) = open(&disk);
        assert!(found.waiting.is_sorted_by(|one, next| one.id < next.id));
        // What was given up stands in the journals: if they lose it, it is counted again.
        let journals_hold = !(allowance.machine_crashed || allowance.journal_damaged || self.disk_at_fault);
        assert!(!journals_hold || found.damaged_records <= allowance.lost, "{found:?}");
        let mut fates = std::mem::take(&mut self.fates);
        let mut back = BTreeMap::new();
        for stored in &found.waiting {
            let number = stored.items / 3;
            let Some((fate, bytes)) = fates.get(&number).copied() else {
                panic!("{stored:?} was never written")
            };
            assert_intact(&log, &[(stored.id, batch(number, bytes))]).await;
            let may_be_back = match fate {
                _ if allowance.journal_damaged => {
                    !matches!(fate, Fate::Kept(id) | Fate::Unpromised(id) if id != stored.id)
                }
                Fate::Kept(id) | Fate::Unpromised(id) => id == stored.id,
                Fate::Failed | Fate::Doubtful => true,
                Fate::Settled { disk_at_fault } => disk_at_fault || allowance.machine_crashed,
                Fate::Gone => false,
            };
            assert!(may_be_back, "{stored:?} is back: {fate:?}");
            assert_eq!(back.insert(number, stored.id), None, "{stored:?} is there twice");
        }
        let mut lost = 0;
        for (number, (fate, _)) in &mut fates {
            let promised = !matches!(fate, Fate::Failed | Fate::Unpromised(_));
            *fate = match back.get(number) {
                Some(id) if promised || !allowance.same_disk => Fate::Kept(*id),
                Some(id) => Fate::Unpromised(*id),
                None => {
                    lost += u64::from(matches!(fate, Fate::Kept(_)));
                    match fate {
                        Fate::Doubtful => Fate::Doubtful,
                        Fate::Settled { .. } if allowance.doubtful => Fate::Doubtful,
                        _ if !promised && allowance.same_disk => Fate::Failed,
                        _ => Fate::Gone,
                    }
                }
            };
        }
        let told = lost <= found.damaged_records && lost <= allowance.lost;
        assert!(told, "{lost} records are lost: {found:?}");
        let syncs_in_doubt = allowance.doubtful || allowance.same_disk && self.syncs_in_doubt;
        *self = Model { disk, log, fates, disk_at_fault: false, syncs_in_doubt };
    }

    fn kept(&self, which: usize) -> Option<(u64, RecordId, usize)> {
        let kept = self.fates.iter().filter_map(|(number, (fate, bytes))| match fate {
            Fate::Kept(id) | Fate::Unpromised(id) => Some((*number, *id, *bytes)),
            _ => None,
        });
        let kept: Vec<_> = kept.collect();
        kept.get(which % kept.len().max(1)).copied()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_log_keeps_what_it_promised_whatever_happens(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut model = Model::new();
            for step in steps {
                model.take(step).await;
            }
            model.take(Step::Reopen).await;
        });
    }
}
