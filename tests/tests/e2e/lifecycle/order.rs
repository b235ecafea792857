//! Who starts and ends before whom: applications with the retries of an SDK, and one weir or the next.

use weir_tests::fleet::{Ledger, Plan};
use weir_tests::sdk::Told;
use weir_tests::{Fleet, Launch, Ports, Upstream, Weir};

/// Batches that have to get through between two events.
const BETWEEN: u64 = 40;

async fn start(ports: Ports, upstream: &Upstream) -> Weir {
    Launch::on(ports).to_grpc(&upstream.address()).start().await
}

fn endless() -> Plan {
    Plan { batches: None, ..Plan::default() }
}

/// Everything was taken, and arrived.
fn all_arrived(ledger: &Ledger, upstream: &Upstream) {
    let unhappy: Vec<_> = ledger.0.iter().filter(|sent| sent.told != Told::Taken).collect();
    assert!(unhappy.is_empty(), "{unhappy:?}");
    assert_eq!(
        ledger.taken().missing_in(&upstream.delivered_ids()),
        Vec::<&str>::new(),
        "acknowledged and lost"
    );
}

#[tokio::test]
async fn a_native_sidecar_is_there_before_the_application_and_ends_after_it_and_all_arrives_once() {
    let upstream = Upstream::start().await;
    let mut weir = start(Ports::pick(), &upstream).await;
    // The application comes when weir is ready, and its last batch is answered before it goes.
    let fleet = Fleet::start(weir.ports, &Plan { attempts_max: 1, ..Plan::default() });
    let ledger = fleet.finish().await;
    weir.stop().await;
    all_arrived(&ledger, &upstream);
    assert_eq!(upstream.delivered_ids(), ledger.taken(), "each item once");
}

#[tokio::test]
async fn in_the_classic_order_both_are_told_at_once_and_what_is_taken_arrives() {
    let upstream = Upstream::start().await;
    let mut weir = start(Ports::pick(), &upstream).await;
    let fleet = Fleet::start(weir.ports, &endless());
    fleet.takes(BETWEEN).await;
    weir.signal("TERM");
    // The applications finish the batch that they are at, with retries.
    let ledger = fleet.stop().await;
    assert_eq!(weir.wait().await.code(), Some(0));
    all_arrived(&ledger, &upstream);
    assert_eq!(upstream.delivered_ids(), ledger.taken(), "each item once");
}

#[tokio::test]
async fn a_gateway_that_is_replaced_on_its_port_loses_nothing_of_many_senders() {
    let upstream = Upstream::start().await;
    let ports = Ports::pick();
    let mut weir = start(ports, &upstream).await;
    let fleet = Fleet::start(ports, &endless());
    for _ in 0..3 {
        fleet.takes(BETWEEN).await;
        weir.stop().await;
        weir = start(ports, &upstream).await;
    }
    fleet.takes(BETWEEN).await;
    let ledger = fleet.stop().await;
    all_arrived(&ledger, &upstream);
}

#[tokio::test]
async fn an_application_that_starts_before_weir_loses_nothing() {
    let upstream = Upstream::start().await;
    let ports = Ports::pick();
    let fleet = Fleet::start(ports, &Plan::default());
    // Their first attempts are refused while there is nobody.
    let weir = start(ports, &upstream).await;
    let ledger = fleet.finish().await;
    all_arrived(&ledger, &upstream);
    drop(weir);
}

#[tokio::test]
async fn to_an_application_that_outlives_weir_nothing_is_acknowledged_that_does_not_arrive() {
    let upstream = Upstream::start().await;
    let mut weir = start(Ports::pick(), &upstream).await;
    let fleet = Fleet::start(weir.ports, &Plan { attempts_max: 3, ..endless() });
    fleet.takes(BETWEEN).await;
    weir.stop().await;
    // Some more for nobody.
    let ledger = fleet.stop().await;
    assert!(ledger.refused().is_empty(), "nothing is final about it: {:?}", ledger.refused());
    let (taken, delivered) = (ledger.taken(), upstream.delivered_ids());
    assert_eq!(taken.missing_in(&delivered), Vec::<&str>::new(), "acknowledged and lost");
    assert_eq!(delivered.missing_in(&taken), Vec::<&str>::new(), "arrived and not acknowledged");
}
