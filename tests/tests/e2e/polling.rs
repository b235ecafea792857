//! Where the kernel has no file events left to give, weir says that it polls, and reloads all the same. A user namespace
//! sets the limits, so that they are the test's alone.

use serde_json::json;
use weir_tests::guest::Guest;
use weir_tests::{Launch, Sidecar, namespace};

async fn reloads_without(limit: &str) {
    let Some(within) = namespace::without(limit) else { return };
    let plugins = tempfile::tempdir().unwrap();
    Guest::Tag("test.tag", "v0").install(plugins.path(), "tag");
    let mut launch = Launch::new().processor("wasm", json!({"directory": plugins.path()}));
    launch.within = within;
    let sidecar = Sidecar::launch(launch).await;
    sidecar.weir.stderr_says("files are polled").await;
    for tag in ["v1", "v2", "v3"] {
        Guest::Tag("test.tag", tag).install(plugins.path(), "tag");
        sidecar.turns_to("test.tag", Some(tag)).await;
    }
    std::fs::remove_file(plugins.path().join("tag.wasm")).unwrap();
    sidecar.turns_to("test.tag", None).await;
    // The configuration is watched too.
    assert!(sidecar.weir.stderr().matches("polled").count() <= 2, "each watch says it once");
}

#[tokio::test]
async fn without_an_inotify_instance_files_are_polled() {
    reloads_without("max_inotify_instances").await;
}

#[tokio::test]
async fn without_an_inotify_watch_files_are_polled() {
    reloads_without("max_inotify_watches").await;
}
