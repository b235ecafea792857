//! Half a minute of `make soak`: long enough for a leak of one a request, a connection or a reload.

use std::time::Duration;

use weir_tests::sdk::Told;
use weir_tests::soak::{Settings, soak};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_minute_of_everything_leaves_no_descriptor_open_and_every_item_accounted_for() {
    let scratch = tempfile::tempdir().unwrap();
    let settings = Settings {
        time: Duration::from_secs(25),
        sample_every: Duration::from_secs(1),
        period: Duration::from_millis(100),
        items: 5,
    };
    // It panics if descriptors stay open or an account does not balance.
    let soaked = soak(settings, scratch.path()).await;
    assert!(soaked.ledger.given_up().is_empty(), "{:?}", soaked.ledger.given_up());
    let taken = soaked.ledger.0.iter().filter(|sent| sent.told == Told::Taken).count();
    assert!(taken * 10 > soaked.ledger.0.len() * 9, "nearly all: {taken} of {}", soaked.ledger.0.len());
    assert!(soaked.reloads[0] >= 1.0 && soaked.reloads[1] >= 1.0, "{:?}", soaked.reloads);
    assert!(!soaked.samples.is_empty() && soaked.samples.iter().all(|sample| sample.resources.threads > 0));
    // A leak of a thread for each batch, connection or reload would be hundreds.
    assert!(soaked.idle[1].threads < soaked.idle[0].threads + 50, "{:?}", soaked.idle);
}
