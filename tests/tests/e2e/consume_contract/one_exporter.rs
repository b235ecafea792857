//! One exporter, whose upstream has one temper after the other, in each mode and over both protocols.

use weir_tests::fleet::Plan;
use weir_tests::{Fleet, Upstream};

use super::Mode;
use super::script::{Protocol, SLOW_TIMEOUT, Script, Temper};
use super::verdict::Seen;

/// Runs the fleet against an upstream of this temper in every mode, and holds each run to the contract.
async fn holds(temper: Temper) {
    for mode in Mode::ALL {
        for protocol in Protocol::BOTH {
            let case = format!("{temper:?}, {mode:?}, {protocol:?}");
            let upstream = Upstream::start().await;
            let script = Script::follow(&upstream, temper, "one");
            let mut settings = mode.exporter(protocol, &upstream);
            if temper == Temper::Slow {
                settings["timeout"] = SLOW_TIMEOUT.into();
            }
            let home = tempfile::tempdir().unwrap();
            let weir = mode.launch(home.path()).exporter(protocol.exporter_id(), settings).start().await;
            let ledger =
                Fleet::start(weir.ports, &Plan { batches: Some(12), ..Plan::default() }).finish().await;
            weir.settle().await;
            let seen = Seen { upstream: &upstream, script: &script };
            match mode {
                Mode::Durable | Mode::Memory => {
                    seen.everything_acknowledged_met_its_fate(&ledger, &case);
                    assert!(ledger.refused().is_empty(), "{case}: {:?}", ledger.refused());
                }
                Mode::Downstream | Mode::NoQueue => seen.nothing_acknowledged_is_lost(&ledger, &case),
            }
            // A connection that breaks takes the answers to other batches with it, if there are any.
            // So may one that takes no more requests, on a busy machine: seen once in some dozens of runs.
            let answers_are_lost = protocol == Protocol::Grpc
                && matches!(temper, Temper::Breaking | Temper::Leaving | Temper::Terrible);
            if !answers_are_lost {
                seen.doubles_have_a_reason(&ledger, &case);
                seen.a_refusal_is_final(&ledger, &case);
            }
            if is_clear(temper) && !answers_are_lost {
                seen.nothing_is_doubled(&case);
                if !mode.is_ahead() {
                    seen.exactly_the_acknowledged_arrived(&ledger, &case);
                }
            }
        }
    }
}

/// Whether each of its answers says what became of the batch, and reaches weir.
fn is_clear(temper: Temper) -> bool {
    matches!(
        temper,
        Temper::Willing | Temper::Busy | Temper::Strict | Temper::Moody | Temper::Leaving | Temper::Verbose
    )
}

#[tokio::test]
async fn with_a_willing_upstream_everything_arrives_once() {
    holds(Temper::Willing).await;
}

#[tokio::test]
async fn what_the_upstream_wants_again_arrives_once() {
    holds(Temper::Busy).await;
}

#[tokio::test]
async fn what_the_upstream_refuses_is_refused_and_not_sent_again() {
    holds(Temper::Strict).await;
}

#[tokio::test]
async fn with_both_at_random_each_batch_meets_its_own_fate() {
    holds(Temper::Moody).await;
}

#[tokio::test]
async fn an_upstream_that_is_slower_than_the_exporter_waits_loses_nothing() {
    holds(Temper::Slow).await;
}

#[tokio::test]
async fn connections_that_break_lose_nothing() {
    holds(Temper::Breaking).await;
}

#[tokio::test]
async fn connections_that_take_no_more_requests_lose_nothing() {
    holds(Temper::Leaving).await;
}

#[tokio::test]
async fn answers_without_a_status_are_no_success() {
    holds(Temper::Mute).await;
}

#[tokio::test]
async fn answers_that_are_too_large_are_final() {
    holds(Temper::Verbose).await;
}

#[tokio::test]
async fn with_everything_at_once_the_contract_holds() {
    holds(Temper::Terrible).await;
}
