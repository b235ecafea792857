//! More than the upstream takes, on every wire at once: everyone is told to try again and when, and afterwards all is as before.

use std::time::Duration;

use weir_tests::bench::overload::{Phase, Settings, measure};
use weir_tests::sdk::Wire;

fn phase<'a>(phases: &'a [Phase], name: &str) -> &'a Phase {
    phases.iter().find(|phase| phase.name == name).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn senders_on_every_wire_are_told_to_try_again_and_when_and_are_served_as_before_afterwards() {
    let scratch = tempfile::tempdir().unwrap();
    // The queue is smaller than the number of senders, so that it is full while the upstream is silent.
    let settings = Settings { phase: Duration::from_secs(7), senders: 6, items: 50, queue_size: 10 };
    let found = measure(settings, scratch.path()).await;
    for wire in Wire::ALL.map(Wire::name) {
        for phase in &found.phases {
            let told = phase.answers.get(wire).copied().unwrap_or_default();
            assert_eq!(told.never, 0, "{wire}, {}: overload is nothing final", phase.name);
        }
        let silent = phase(&found.phases, "silent").answers[wire];
        assert!(silent.later_with_hint > 0, "{wire}: told to try again, and when: {silent:?}");
        for name in ["willing", "willing again"] {
            let told = phase(&found.phases, name).answers[wire];
            assert!(told.taken > 0, "{wire}, {name}: {told:?}");
        }
    }
}
