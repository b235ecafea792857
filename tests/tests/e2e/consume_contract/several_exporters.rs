//! Several exporters of one pipeline: what happens to one of them is no loss to another.

use serde_json::json;
use weir_tests::fleet::Plan;
use weir_tests::ports::free_port;
use weir_tests::sdk::Told;
use weir_tests::upstream::Gate;
use weir_tests::weir::plain_grpc;
use weir_tests::{Answer, Fleet, Ids, Launch, Upstream};

use super::Mode;
use super::script::{Protocol, Script, Temper};
use super::verdict::{Seen, what_all_refused_arrived_nowhere};

#[tokio::test]
async fn what_two_upstreams_answer_at_random_is_told_as_one_answer_and_nothing_is_lost() {
    let (one, two) = (Upstream::start().await, Upstream::start().await);
    let scripts = [Script::follow(&one, Temper::Moody, "one"), Script::follow(&two, Temper::Moody, "two")];
    let weir = Launch::new()
        .exporter("otlp_grpc", Mode::Downstream.exporter(Protocol::Grpc, &one))
        .exporter("otlp_http", Mode::Downstream.exporter(Protocol::Http, &two))
        .start()
        .await;
    let ledger = Fleet::start(weir.ports, &Plan::default()).finish().await;
    let all = [Seen { upstream: &one, script: &scripts[0] }, Seen { upstream: &two, script: &scripts[1] }];
    for seen in &all {
        seen.nothing_acknowledged_is_lost(&ledger, "two upstreams");
        seen.doubles_have_a_reason(&ledger, "two upstreams");
    }
    what_all_refused_arrived_nowhere(&all, "two upstreams");
}

#[tokio::test]
async fn while_one_upstream_is_dead_the_other_gets_everything_and_the_senders_are_told() {
    let good = Upstream::start().await;
    let mut dead = plain_grpc(&format!("127.0.0.1:{}", free_port()));
    dead["retry_on_failure"] = json!({"enabled": false});
    let weir = Launch::new()
        .exporter("otlp_grpc/good", plain_grpc(&good.address()))
        .exporter("otlp_grpc/dead", dead)
        .start()
        .await;
    let plan = Plan { attempts_max: 2, batches: Some(5), ..Plan::default() };
    let ledger = Fleet::start(weir.ports, &plan).finish().await;
    assert_eq!(ledger.given_up().len(), ledger.0.len(), "no sender was told that all is well");
    let (sent, delivered) = (ledger.ids(|_| true), good.delivered_ids());
    assert_eq!(sent.missing_in(&delivered), Vec::<&str>::new(), "lost for the good one");
    assert_eq!(delivered.doubled(), Vec::<&str>::new(), "what was sent again is for the other one alone");
}

#[tokio::test]
async fn a_dead_upstream_behind_a_queue_in_memory_is_not_noticed_by_senders_and_by_the_other_one() {
    let good = Upstream::start().await;
    let mut dead = plain_grpc(&format!("127.0.0.1:{}", free_port()));
    dead["sending_queue"] = json!({"wait_for_result": false});
    let mut launch = Launch::new()
        .exporter("otlp_grpc/good", plain_grpc(&good.address()))
        .exporter("otlp_grpc/dead", dead);
    launch.args = vec!["--shutdown-timeout".into(), "1s".into()];
    let mut weir = launch.start().await;
    let plan = Plan { attempts_max: 1, ..Plan::default() };
    let ledger = Fleet::start(weir.ports, &plan).finish().await;
    assert!(ledger.0.iter().all(|sent| sent.told == Told::Taken));
    assert_eq!(good.delivered_ids(), ledger.taken(), "each item once");
    weir.stop().await;
    assert!(weir.stderr().contains("the rest is lost"), "{}", weir.stderr());
}

#[tokio::test]
async fn while_one_upstream_is_silent_the_other_gets_everything_at_once() {
    let (good, silent) = (Upstream::start().await, Upstream::start().await);
    let gate = Gate::default();
    silent.always(Answer::Hold(gate.clone()));
    let weir = Launch::new()
        .exporter("otlp_grpc/good", plain_grpc(&good.address()))
        .exporter("otlp_grpc/silent", plain_grpc(&silent.address()))
        .start()
        .await;
    let plan = Plan { attempts_max: 1, batches: Some(1), ..Plan::default() };
    let fleet = Fleet::start(weir.ports, &plan);
    good.deliveries(plan.wires.len()).await;
    assert!(silent.delivered().is_empty(), "the other one has not answered anything");
    assert_eq!(fleet.taken(), 0);
    gate.open();
    let ledger = fleet.finish().await;
    let sent: Ids = ledger.ids(|_| true);
    assert_eq!((&good.delivered_ids(), &silent.delivered_ids()), (&sent, &sent));
    assert_eq!(ledger.taken(), sent);
}
