//! The cache of compiled code helps and never hurts: full, read-only, absent or shared, plugins load and reload.

use std::fs;
use std::path::Path;

use serde_json::json;
use weir_tests::guest::Guest;
use weir_tests::{Launch, Sidecar, Weir, namespace};

/// Starts with two plugins, one of which is given a file, and changes everything once.
async fn loads_and_reloads(mut launch: Launch, cache: &Path) -> Sidecar {
    let home = tempfile::tempdir().unwrap();
    let (plugins, table) = (home.path().join("plugins"), home.path().join("table"));
    fs::create_dir(&plugins).unwrap();
    fs::write(&table, vec![b'x'; 100 << 10]).unwrap();
    Guest::Tag("test.tag", "v0").install(&plugins, "tag");
    Guest::Read.install(&plugins, "granted");
    let files = json!({"files": [{"source": table, "path": "/table"}]});
    fs::write(plugins.join("granted.yaml"), files.to_string()).unwrap();
    launch.args = vec!["--cache-dir".into(), cache.display().to_string()];
    let sidecar = Sidecar::launch(launch.processor("wasm", json!({"directory": plugins}))).await;
    assert_eq!(sidecar.attribute("test.tag").await.as_deref(), Some("v0"));
    for tag in ["v1", "v2"] {
        Guest::Tag("test.tag", tag).install(&plugins, "tag");
        sidecar.turns_to("test.tag", Some(tag)).await;
    }
    fs::write(&table, vec![b'y'; 100 << 10]).unwrap();
    sidecar
        .comes_to("the file is given anew", async || sidecar.reloads("granted", "success").await > 0.0)
        .await;
    for plugin in ["tag", "granted"] {
        assert_eq!(sidecar.reloads(plugin, "failure").await, 0.0, "{plugin}");
    }
    sidecar
}

async fn counted(weir: &Weir, result: &str) -> f64 {
    weir.metrics().await.sum("weir_plugin_code_cache_total", &[("result", result)])
}

#[tokio::test]
async fn a_cache_on_a_full_disk_costs_a_warning_and_nothing_else() {
    let cache = tempfile::tempdir().unwrap();
    let Some(within) = namespace::with_tiny_disk(cache.path(), "rw") else { return };
    let sidecar = loads_and_reloads(Launch { within, ..Launch::new() }, cache.path()).await;
    sidecar.weir.stderr_says("compiled code could not be kept in the cache").await;
    assert_eq!(counted(&sidecar.weir, "store_failed").await, 4.0, "one for each component");
}

#[tokio::test]
async fn a_cache_that_can_only_be_read_costs_nothing() {
    let cache = tempfile::tempdir().unwrap();
    let Some(within) = namespace::with_tiny_disk(cache.path(), "ro") else { return };
    let sidecar = loads_and_reloads(Launch { within, ..Launch::new() }, cache.path()).await;
    let counts = (counted(&sidecar.weir, "miss").await, counted(&sidecar.weir, "store_failed").await);
    assert_eq!(counts, (4.0, 0.0));
}

#[tokio::test]
async fn without_a_cache_nothing_is_kept() {
    let sidecar = loads_and_reloads(Launch::new(), Path::new("")).await;
    let metrics = sidecar.weir.metrics().await;
    assert_eq!(metrics.sum("weir_plugin_code_cache_total", &[]), 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_weirs_that_start_at_once_on_one_empty_cache_both_run_and_leave_it_sound() {
    let home = tempfile::tempdir().unwrap();
    let (plugins, table) = (home.path().join("plugins"), home.path().join("table"));
    fs::create_dir(&plugins).unwrap();
    fs::write(&table, "table").unwrap();
    let guests = [Guest::Tag("test.tag", "v0"), Guest::Tag("test.tag", "v1"), Guest::Read, Guest::Count];
    for (number, guest) in guests.into_iter().enumerate() {
        guest.install(&plugins, &number.to_string());
    }
    let files = json!({"files": [{"source": table, "path": "/table"}]});
    fs::write(plugins.join("0.yaml"), files.to_string()).unwrap();
    let launch = |cache: &Path| {
        let mut launch = Launch::new().processor("wasm", json!({"directory": plugins}));
        launch.args = vec!["--cache-dir".into(), cache.display().to_string()];
        Sidecar::launch(launch)
    };
    for round in 0..3 {
        let cache = home.path().join(round.to_string());
        let (mut one, mut other) = tokio::join!(launch(&cache), launch(&cache));
        for sidecar in [&one, &other] {
            assert_eq!(sidecar.attribute("test.tag").await.as_deref(), Some("v1"));
            assert_eq!(counted(&sidecar.weir, "rejected").await, 0.0);
        }
        for sidecar in [&mut one, &mut other] {
            sidecar.weir.settle().await;
            sidecar.weir.stop().await;
        }
        let entries = fs::read_dir(&cache).unwrap();
        let names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        // Two compilations of one component may differ, and then both are kept.
        assert!((guests.len()..=2 * guests.len()).contains(&names.len()), "{names:?}");
        assert!(names.iter().all(|name| name.ends_with(".cwasm")), "nothing else is left: {names:?}");
        let third = launch(&cache).await;
        let counts = (counted(&third.weir, "hit").await, counted(&third.weir, "rejected").await);
        assert_eq!(counts, (4.0, 0.0), "everything is found, and sound");
    }
}
