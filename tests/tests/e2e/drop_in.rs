//! The plugin directory: what is put there, replaced or taken away takes effect while weir runs.

use weir_tests::Sidecar;
use weir_tests::build::plugin;
use weir_tests::guest::{Guest, install};

#[tokio::test]
async fn a_plugin_that_is_added_replaced_and_removed_takes_effect() {
    let plugins = tempfile::tempdir().unwrap();
    let sidecar = Sidecar::start(plugins.path()).await;
    assert_eq!(sidecar.attribute("test.tag").await, None);
    let path = Guest::Tag("test.tag", "one").install(plugins.path(), "tag");
    sidecar.turns_to("test.tag", Some("one")).await;
    Guest::Tag("test.tag", "two").install(plugins.path(), "tag");
    sidecar.turns_to("test.tag", Some("two")).await;
    assert!(sidecar.reloads("tag", "success").await >= 1.0);
    std::fs::remove_file(path).unwrap();
    sidecar.turns_to("test.tag", None).await;
}

#[tokio::test]
async fn plugins_run_in_the_order_of_their_file_names() {
    let plugins = tempfile::tempdir().unwrap();
    Guest::Tag("test.tag", "second").install(plugins.path(), "20-b");
    Guest::Tag("test.tag", "first").install(plugins.path(), "10-a");
    let sidecar = Sidecar::start(plugins.path()).await;
    assert_eq!(sidecar.attribute("test.tag").await.as_deref(), Some("second"));
    Guest::Tag("test.tag", "third").install(plugins.path(), "30-c");
    sidecar.turns_to("test.tag", Some("third")).await;
    Guest::Tag("test.tag", "hidden").install(plugins.path(), ".40-d");
    Guest::Tag("test.tag", "zeroth").install(plugins.path(), "00-z");
    sidecar
        .weir
        .metrics_until("the zeroth is there", |metrics| {
            metrics.has("weir_plugin_calls_total", &[("plugin", "00-z")])
        })
        .await;
    assert_eq!(sidecar.attribute("test.tag").await.as_deref(), Some("third"));
}

#[tokio::test]
async fn the_settings_beside_a_plugin_take_effect_when_they_change() {
    let plugins = tempfile::tempdir().unwrap();
    install(&std::fs::read(plugin("enrich")).unwrap(), plugins.path(), "enrich");
    let settings = |value: &str| {
        let text = format!("config:\n  resource:\n    set:\n      deployment.environment.name: {value}\n");
        std::fs::write(plugins.path().join("enrich.yaml"), text).unwrap();
    };
    settings("one");
    let sidecar = Sidecar::start(plugins.path()).await;
    assert_eq!(sidecar.attribute("deployment.environment.name").await.as_deref(), Some("one"));
    settings("two");
    sidecar.turns_to("deployment.environment.name", Some("two")).await;
    std::fs::remove_file(plugins.path().join("enrich.yaml")).unwrap();
    sidecar.turns_to("deployment.environment.name", None).await;
}

#[tokio::test]
async fn a_plugin_that_does_not_load_leaves_the_former_one_in_place_and_says_why() {
    let plugins = tempfile::tempdir().unwrap();
    Guest::Tag("test.tag", "good").install(plugins.path(), "tag");
    let sidecar = Sidecar::start(plugins.path()).await;
    for (number, broken) in [b"no component".to_vec(), Guest::Refuse.wasm()].into_iter().enumerate() {
        install(&broken, plugins.path(), "tag");
        sidecar.refuses("tag", number as f64).await;
        assert_eq!(sidecar.attribute("test.tag").await.as_deref(), Some("good"));
    }
    sidecar.weir.stderr_says("this guest refuses every configuration").await;
    assert_eq!(sidecar.weir.health().await, Some(200));
    Guest::Tag("test.tag", "better").install(plugins.path(), "tag");
    sidecar.turns_to("test.tag", Some("better")).await;
}

#[tokio::test]
async fn settings_that_are_wrong_leave_the_former_ones_in_place_and_name_the_key() {
    let plugins = tempfile::tempdir().unwrap();
    Guest::Tag("test.tag", "good").install(plugins.path(), "tag");
    let sidecar = Sidecar::start(plugins.path()).await;
    std::fs::write(plugins.path().join("tag.yaml"), "timeuot: 1s\n").unwrap();
    sidecar.refuses("tag", 0.0).await;
    sidecar.weir.stderr_says("timeuot").await;
    assert_eq!(sidecar.attribute("test.tag").await.as_deref(), Some("good"));
}

#[tokio::test]
async fn a_file_that_is_copied_in_pieces_is_taken_when_it_is_whole() {
    let plugins = tempfile::tempdir().unwrap();
    let sidecar = Sidecar::start(plugins.path()).await;
    let bytes = Guest::Tag("test.tag", "whole").wasm();
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let path = plugins.path().join("tag.wasm");
    std::fs::write(&path, first).unwrap();
    sidecar.weir.stderr_says("tag").await;
    assert_eq!(sidecar.attribute("test.tag").await, None);
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    std::io::Write::write_all(&mut file, second).unwrap();
    drop(file);
    sidecar.turns_to("test.tag", Some("whole")).await;
}

#[tokio::test]
async fn of_two_plugins_a_change_of_one_leaves_the_other_alone() {
    let plugins = tempfile::tempdir().unwrap();
    Guest::Tag("test.one", "a").install(plugins.path(), "one");
    Guest::Tag("test.two", "a").install(plugins.path(), "two");
    let sidecar = Sidecar::start(plugins.path()).await;
    let before = sidecar.reloads("two", "success").await;
    Guest::Tag("test.one", "b").install(plugins.path(), "one");
    sidecar.turns_to("test.one", Some("b")).await;
    assert_eq!(sidecar.attribute("test.two").await.as_deref(), Some("a"));
    assert_eq!(sidecar.reloads("two", "success").await, before);
}

#[tokio::test]
async fn a_file_that_is_only_touched_or_written_with_the_same_bytes_is_not_loaded_again() {
    let plugins = tempfile::tempdir().unwrap();
    let same = Guest::Tag("test.tag", "same");
    same.install(plugins.path(), "tag");
    let sidecar = Sidecar::start(plugins.path()).await;
    let before = sidecar.reloads("tag", "success").await;
    for _ in 0..3 {
        same.install(plugins.path(), "tag");
    }
    // Another plugin shows that the directory was looked at since.
    Guest::Tag("test.other", "new").install(plugins.path(), "other");
    sidecar.turns_to("test.other", Some("new")).await;
    assert_eq!(sidecar.reloads("tag", "success").await, before);
    assert_eq!(sidecar.attribute("test.tag").await.as_deref(), Some("same"));
}

#[tokio::test]
async fn a_directory_that_is_replaced_as_a_whole_is_followed() {
    let parent = tempfile::tempdir().unwrap();
    let plugins = parent.path().join("plugins");
    std::fs::create_dir(&plugins).unwrap();
    Guest::Tag("test.tag", "old").install(&plugins, "tag");
    let sidecar = Sidecar::start(&plugins).await;
    assert_eq!(sidecar.attribute("test.tag").await.as_deref(), Some("old"));
    let next = parent.path().join("next");
    std::fs::create_dir(&next).unwrap();
    Guest::Tag("test.tag", "new").install(&next, "tag");
    std::fs::rename(&plugins, parent.path().join("former")).unwrap();
    std::fs::rename(&next, &plugins).unwrap();
    sidecar.turns_to("test.tag", Some("new")).await;
    Guest::Tag("test.tag", "newer").install(&plugins, "tag");
    sidecar.turns_to("test.tag", Some("newer")).await;
}
