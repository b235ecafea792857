//! Real proxies before and behind weir, reloaded under load: nothing that was acknowledged is lost.

use serde_json::json;
use weir_tests::fleet::{Ledger, Plan};
use weir_tests::real_proxy::{Kind, Proxy};
use weir_tests::sdk::Told;
use weir_tests::weir::plain_grpc;
use weir_tests::{Fleet, Launch, Upstream};

/// Reloads of each proxy.
const RELOADS: usize = 4;

/// Batches that have to get through between two of them.
const BETWEEN: u64 = 40;

/// Loads through these ports while the proxy is reloaded again and again.
async fn load(grpc: u16, http: u16, proxy: &Proxy) -> Ledger {
    let fleet = Fleet::start_at(grpc, http, &Plan { batches: None, ..Plan::default() });
    for _ in 0..RELOADS {
        fleet.takes(BETWEEN).await;
        proxy.reload().await;
    }
    fleet.takes(BETWEEN).await;
    fleet.stop().await
}

fn nothing_is_lost(ledger: &Ledger, upstream: &Upstream) {
    let unhappy: Vec<_> = ledger.0.iter().filter(|sent| sent.told != Told::Taken).collect();
    assert!(unhappy.is_empty(), "a reload is nothing final: {unhappy:?}");
    let (taken, delivered) = (ledger.taken(), upstream.delivered_ids());
    assert_eq!(taken.missing_in(&delivered), Vec::<&str>::new(), "acknowledged and lost");
    assert_eq!(delivered.missing_in(&taken), Vec::<&str>::new(), "from nowhere");
}

/// Sender, proxy, weir, upstream.
async fn in_front(kind: Kind) {
    let upstream = Upstream::start().await;
    let weir = Launch::new().to_grpc(&upstream.address()).start().await;
    let Some(proxy) = Proxy::start(kind, weir.ports.grpc, weir.ports.http).await else { return };
    let ledger = load(proxy.grpc, proxy.http, &proxy).await;
    nothing_is_lost(&ledger, &upstream);
    // weir has the upstream's word for each attempt, so an item comes twice only if its sender sent it twice.
    let delivered = upstream.delivered_ids();
    for sent in &ledger.0 {
        assert!(sent.ids().iter().all(|id| delivered.times(id) <= u64::from(sent.attempts)), "{sent:?}");
    }
}

/// Sender, weir, proxy, upstreams: one behind each of the proxy's ports, so that both exporters are met.
async fn behind(kind: Kind) {
    let (grpc, http) = (Upstream::start().await, Upstream::start().await);
    let Some(proxy) = Proxy::start(kind, grpc.port(), http.port()).await else { return };
    let weir = Launch::new()
        .exporter("otlp_grpc", plain_grpc(&format!("127.0.0.1:{}", proxy.grpc)))
        .exporter("otlp_http", json!({"endpoint": format!("http://127.0.0.1:{}", proxy.http)}))
        .start()
        .await;
    let ledger = load(weir.ports.grpc, weir.ports.http, &proxy).await;
    for upstream in [&grpc, &http] {
        nothing_is_lost(&ledger, upstream);
    }
}

#[tokio::test]
async fn nginx_in_front_of_weir_reloads_under_load_and_nothing_is_lost() {
    in_front(Kind::Nginx).await;
}

#[tokio::test]
async fn nginx_behind_weir_reloads_under_load_and_nothing_is_lost() {
    behind(Kind::Nginx).await;
}

#[tokio::test]
async fn haproxy_in_front_of_weir_reloads_under_load_and_nothing_is_lost() {
    in_front(Kind::Haproxy).await;
}

#[tokio::test]
async fn haproxy_behind_weir_reloads_under_load_and_nothing_is_lost() {
    behind(Kind::Haproxy).await;
}
