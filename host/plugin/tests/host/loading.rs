//! What loads, what does not, and what the operator is told.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use weir_plugin::{EngineSettings, Grant, OnError, PluginSettings};

use crate::guest::{empty, guest, misshapen, of_version, with_import};
use crate::support::{Rig, survivors, with_letters};

async fn refusal(rig: &Rig, settings: PluginSettings) -> String {
    rig.load(settings).await.err().expect("it must not load").to_string()
}

#[tokio::test]
async fn what_does_not_fit_the_contract_is_refused_with_what_was_found() {
    let rig = Rig::new();
    for (text, words) in [
        ("not wasm at all".to_owned(), "is no WebAssembly component that weir can compile"),
        ("(module)".to_owned(), "is no WebAssembly component that weir can compile"),
        (empty(), "does not export weir:plugin/processor@0.1.0"),
        (
            of_version("0.7.0"),
            "exports weir:plugin/processor@0.7.0, but this weir needs weir:plugin/processor@0.1.0",
        ),
        (with_import("wasi:http/types@0.2.0"), "imports wasi:http/types@0.2.0, which weir does not offer"),
        (
            with_import("acme:secrets/vault@1.0.0"),
            "imports acme:secrets/vault@1.0.0, which weir does not offer",
        ),
        (with_import("weir:plugin/host@0.2.0"), "imports weir:plugin/host@0.2.0, which weir does not offer"),
        (misshapen(), "did not start"),
    ] {
        let plugin = rig.write("p.wasm", &text);
        let error = refusal(&rig, PluginSettings::of(&plugin)).await;
        assert!(error.starts_with("plugin p ") && error.contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_later_patch_of_the_contract_and_further_exports_are_welcome() {
    let rig = Rig::new();
    let plugin = rig.write("p.wasm", &of_version("0.1.4"));
    assert!(rig.load(PluginSettings::of(&plugin)).await.is_ok());
}

#[tokio::test]
async fn a_file_that_is_missing_or_no_file_is_refused_by_name() {
    let rig = Rig::new();
    for path in [rig.home.path().join("missing.wasm"), rig.home.path().to_owned()] {
        let error = refusal(&rig, PluginSettings::of(&path)).await;
        assert!(error.starts_with(&format!("cannot read {}", path.display())), "{error}");
    }
}

#[tokio::test]
async fn the_plugin_s_own_words_about_its_configuration_reach_the_operator() {
    let rig = Rig::new();
    let plugin = rig.write("p.wasm", &guest('n'));
    let error = refusal(&rig, with_letters(&plugin, "r")).await;
    assert_eq!(error, "plugin p refuses its configuration: no such key");
    let error = refusal(&rig, with_letters(&plugin, "i")).await;
    assert!(error.contains("names no signal"), "{error}");
}

#[tokio::test]
async fn a_plugin_that_redacts_may_not_be_bypassed() {
    let rig = Rig::new();
    let plugin = rig.write("p.wasm", &guest('n'));
    let settings = |on_error| PluginSettings { on_error, ..with_letters(&plugin, "nR") };
    let error = refusal(&rig, settings(OnError::Bypass)).await;
    assert!(error.contains("redacts") && error.contains("on_error: bypass"), "{error}");
    assert!(rig.load(settings(OnError::Drop)).await.is_ok());
}

#[tokio::test]
async fn memory_that_is_not_enough_to_start_with_is_refused() {
    let rig = Rig::new();
    let plugin = rig.write("p.wasm", &guest('n'));
    let error =
        refusal(&rig, PluginSettings { memory_limit_bytes: 1000, ..PluginSettings::of(&plugin) }).await;
    assert!(error.contains("memory_limit_mib"), "{error}");
}

#[tokio::test]
async fn a_grant_that_cannot_be_given_is_refused_by_name() {
    let rig = Rig::new();
    let plugin = rig.write("p.wasm", &guest('n'));
    let files = vec![Grant { source: "/nowhere/podinfo".into(), path: "/podinfo".to_owned() }];
    let error = refusal(&rig, PluginSettings { files, ..PluginSettings::of(&plugin) }).await;
    assert!(error.starts_with("plugin p cannot be given /nowhere/podinfo: "), "{error}");
}

fn cached(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[tokio::test]
async fn compiled_code_is_kept_and_used_by_the_next_start() {
    let cache = tempfile::tempdir().unwrap();
    let settings =
        EngineSettings { cache_dir: Some(cache.path().to_owned()), workers: 1, ..EngineSettings::default() };
    for start in 0..2 {
        let rig = Rig::with(settings.clone());
        let pipeline = rig.pipeline_of(PluginSettings::of(rig.write("p.wasm", &guest('h')))).await;
        assert_eq!(survivors(&pipeline, 3).await, Some(2));
        let files = cached(cache.path());
        assert_eq!(files.len(), 1);
        if start == 0 {
            // Whoever compiled again would replace the file, and with it this mode.
            fs::set_permissions(&files[0], fs::Permissions::from_mode(0o400)).unwrap();
        } else {
            assert_eq!(fs::metadata(&files[0]).unwrap().permissions().mode() & 0o777, 0o400);
        }
    }
}

#[tokio::test]
async fn compiled_code_that_was_damaged_is_compiled_again() {
    let cache = tempfile::tempdir().unwrap();
    let settings =
        EngineSettings { cache_dir: Some(cache.path().to_owned()), workers: 1, ..EngineSettings::default() };
    for _ in 0..2 {
        let rig = Rig::with(settings.clone());
        let pipeline = rig.pipeline_of(PluginSettings::of(rig.write("p.wasm", &guest('h')))).await;
        assert_eq!(survivors(&pipeline, 3).await, Some(2));
        let files = cached(cache.path());
        assert_eq!(files.len(), 1);
        assert!(fs::metadata(&files[0]).unwrap().len() > 1000);
        // What is mapped must not be written to.
        drop((pipeline, rig));
        fs::write(&files[0], "garbage").unwrap();
    }
}

#[tokio::test]
async fn a_cache_that_others_may_write_to_is_left_alone() {
    let cache = tempfile::tempdir().unwrap();
    fs::set_permissions(cache.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let rig = Rig::with(EngineSettings {
        cache_dir: Some(cache.path().to_owned()),
        workers: 1,
        ..EngineSettings::default()
    });
    let pipeline = rig.pipeline_of(PluginSettings::of(rig.write("p.wasm", &guest('n')))).await;
    assert_eq!(survivors(&pipeline, 1).await, Some(1));
    assert!(cached(cache.path()).is_empty());
}
