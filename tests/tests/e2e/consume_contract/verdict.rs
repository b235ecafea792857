//! What the senders were told against what the upstream saw.

use std::collections::BTreeMap;

use weir_tests::fleet::{Ledger, Sent};
use weir_tests::sdk::Told;
use weir_tests::{Ids, Upstream};

use super::script::{Meaning, Script};

/// One upstream's side of a run.
pub struct Seen<'a> {
    pub upstream: &'a Upstream,
    pub script: &'a Script,
}

impl Seen<'_> {
    /// What was sent was answered, and what was acknowledged arrived.
    pub fn nothing_acknowledged_is_lost(&self, ledger: &Ledger, case: &str) {
        assert!(ledger.given_up().is_empty(), "{case}: without an answer: {:?}", ledger.given_up());
        let lost: Vec<String> = {
            let (taken, delivered) = (ledger.taken(), self.upstream.delivered_ids());
            taken.missing_in(&delivered).into_iter().map(str::to_owned).collect()
        };
        assert_eq!(lost, Vec::<String>::new(), "{case}: acknowledged and lost");
    }

    /// The same where weir acknowledges before the upstream: it arrived or was refused for good, and that was seen.
    pub fn everything_acknowledged_met_its_fate(&self, ledger: &Ledger, case: &str) {
        assert!(ledger.given_up().is_empty(), "{case}: without an answer: {:?}", ledger.given_up());
        let (delivered, meant) = (self.upstream.delivered_ids(), self.script.meant());
        for sent in ledger.0.iter().filter(|sent| sent.told == Told::Taken) {
            let is_refused = meant.get(&first(sent)).is_some_and(|all| all.last() != Some(&Meaning::Taken));
            let is_delivered = sent.ids().iter().all(|id| delivered.contains(id));
            assert!(is_delivered || is_refused, "{case}: acknowledged and lost: {sent:?}");
        }
    }

    /// What a sender was told never to send again did not arrive, and nobody sent it again.
    pub fn a_refusal_is_final(&self, ledger: &Ledger, case: &str) {
        let (refused, delivered) = (ledger.refused(), self.upstream.delivered_ids());
        let both: Vec<&str> = refused.iter().filter(|id| delivered.contains(id)).collect();
        assert_eq!(both, Vec::<&str>::new(), "{case}: refused and delivered");
        for (key, meant) in self.script.meant() {
            let after = meant.iter().position(|one| *one == Meaning::Never).map(|at| meant.len() - at - 1);
            assert!(after.unwrap_or(0) == 0, "{case}: {key} came again after a final answer: {meant:?}");
        }
    }

    /// Each item arrived as often as its sender tried at most, or as it was not told what became of it.
    pub fn doubles_have_a_reason(&self, ledger: &Ledger, case: &str) {
        let (delivered, meant) = (self.upstream.delivered_ids(), self.script.meant());
        for sent in &ledger.0 {
            let unclear = meant.get(&first(sent)).map_or(0, |all| {
                all.iter().filter(|one| matches!(one, Meaning::Unclear | Meaning::Again)).count() as u64
            });
            let reasons = u64::from(sent.attempts) + unclear;
            for id in sent.ids() {
                assert!(delivered.times(&id) <= reasons, "{case}: {id} doubled without a reason: {sent:?}");
            }
        }
    }

    /// No item arrived twice.
    pub fn nothing_is_doubled(&self, case: &str) {
        let delivered = self.upstream.delivered_ids();
        assert_eq!(delivered.doubled(), Vec::<&str>::new(), "{case}: doubled");
    }

    /// What arrived is what was acknowledged.
    pub fn exactly_the_acknowledged_arrived(&self, ledger: &Ledger, case: &str) {
        let (taken, delivered) = (ledger.taken(), self.upstream.delivered_ids());
        assert_eq!(delivered.missing_in(&taken), Vec::<&str>::new(), "{case}: arrived and not acknowledged");
        assert_eq!(taken.missing_in(&delivered), Vec::<&str>::new(), "{case}: acknowledged and lost");
    }
}

/// Batches that every upstream refused for good arrived at none.
pub fn what_all_refused_arrived_nowhere(all: &[Seen<'_>], case: &str) {
    let mut refusals: BTreeMap<String, usize> = BTreeMap::new();
    for seen in all {
        for (key, meant) in seen.script.meant() {
            *refusals.entry(key).or_default() += usize::from(meant == [Meaning::Never]);
        }
    }
    let refused = refusals.into_iter().filter(|(_, times)| *times == all.len()).map(|(key, _)| key);
    let refused: Ids = refused.collect();
    assert!(!refused.is_empty(), "{case}: some batch is refused by all");
    for seen in all {
        let delivered = seen.upstream.delivered_ids();
        let both: Vec<&str> = refused.iter().filter(|key| delivered.contains(key)).collect();
        assert_eq!(both, Vec::<&str>::new(), "{case}: refused by all and delivered");
    }
}

fn first(sent: &Sent) -> String {
    sent.ids().swap_remove(0)
}
