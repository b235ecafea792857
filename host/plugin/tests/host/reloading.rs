//! Files change while weir runs.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use weir_plugin::{Grant, PluginSet, PluginSettings, WasmProcessor};

use crate::guest::guest;
use crate::support::{Rig, eventually, survivors, with_letters};

/// Waits until of three log records this many come through.
async fn comes_to(pipeline: &WasmProcessor, expected: Option<u64>) {
    eventually(&format!("{expected:?} of three pass"), || async { survivors(pipeline, 3).await == expected })
        .await;
}

fn names(set: &Arc<PluginSet>) -> Vec<String> {
    set.plugins().into_iter().map(|plugin| plugin.name).collect()
}

#[tokio::test]
async fn a_replaced_plugin_takes_effect_each_time() {
    let rig = Rig::new();
    let plugin = rig.write("p.wasm", &guest('n'));
    let set = rig.load(PluginSettings::of(&plugin)).await.unwrap();
    let pipeline = rig.pipeline(&[&set]);
    let _watch = set.watch();
    assert_eq!(survivors(&pipeline, 3).await, Some(3));
    for (letter, expected) in [('h', 2), ('d', 0), ('n', 3)] {
        rig.write("p.wasm", &guest(letter));
        comes_to(&pipeline, Some(expected)).await;
    }
    assert_eq!(rig.metric("weir_plugin_reloads_total", &[("plugin", "p"), ("result", "success")]), 3.0);
    eventually("former generations are gone", || async {
        rig.metric("weir_plugin_instances", &[("plugin", "p")]) == 1.0
    })
    .await;
}

#[tokio::test]
async fn a_pipeline_without_traffic_keeps_no_former_plugin() {
    let rig = Rig::new();
    let plugin = rig.write("p.wasm", &guest('n'));
    let set = rig.load(PluginSettings::of(&plugin)).await.unwrap();
    let _idle = [rig.pipeline(&[&set]), rig.pipeline(&[&set])];
    let _watch = set.watch();
    let reloads = [("plugin", "p"), ("result", "success")];
    for round in 1..=3 {
        rig.write("p.wasm", &format!("{} ;; {round}", guest('n')));
        eventually("it is reloaded", || async {
            rig.metric("weir_plugin_reloads_total", &reloads) == f64::from(round)
        })
        .await;
        eventually("the former generation is gone", || async {
            rig.metric("weir_plugin_instances", &[("plugin", "p")]) == 1.0
        })
        .await;
    }
}

/// What the kubelet does to a ConfigMap or a secret volume.
fn atomic_write(volume: &Path, round: u32, files: &[(&str, &str)]) {
    let data = format!("..2026_{round}");
    fs::create_dir(volume.join(&data)).unwrap();
    for (name, text) in files {
        fs::write(volume.join(&data).join(name), text).unwrap();
    }
    let former = fs::read_link(volume.join("..data")).ok();
    symlink(&data, volume.join("..data_tmp")).unwrap();
    fs::rename(volume.join("..data_tmp"), volume.join("..data")).unwrap();
    for (name, _) in files {
        if !volume.join(name).exists() {
            symlink(Path::new("..data").join(name), volume.join(name)).unwrap();
        }
    }
    if let Some(former) = former {
        fs::remove_dir_all(volume.join(former)).unwrap();
    }
}

#[tokio::test]
async fn a_config_map_is_followed_swap_after_swap() {
    let rig = Rig::new();
    let volume = rig.home.path().join("volume");
    fs::create_dir(&volume).unwrap();
    atomic_write(&volume, 0, &[("p.wasm", &guest('n'))]);
    let by_name = rig.load(PluginSettings::of(volume.join("p.wasm"))).await.unwrap();
    let by_directory = rig.load_directory(&volume).await.unwrap();
    let pipelines = [rig.pipeline(&[&by_name]), rig.pipeline(&[&by_directory])];
    let _watches = [by_name.watch(), by_directory.watch()];
    for (round, letter, expected) in [(1, 'h', 2), (2, 'd', 0), (3, 'n', 3)] {
        atomic_write(&volume, round, &[("p.wasm", &guest(letter))]);
        for pipeline in &pipelines {
            comes_to(pipeline, Some(expected)).await;
        }
    }
}

#[tokio::test]
async fn a_broken_file_leaves_the_former_plugin_and_is_counted_once() {
    let rig = Rig::new();
    let plugin = rig.write("p.wasm", &guest('h'));
    let set = rig.load(PluginSettings::of(&plugin)).await.unwrap();
    let pipeline = rig.pipeline(&[&set]);
    let _watch = set.watch();
    let failed = || rig.metric("weir_plugin_reloads_total", &[("plugin", "p"), ("result", "failure")]);
    rig.write("p.wasm", "broken");
    eventually("the failure is seen", || async { failed() == 1.0 }).await;
    assert_eq!(survivors(&pipeline, 3).await, Some(2));

    // The same bytes again, and another file: neither is a new failure.
    rig.write("p.wasm", "broken");
    rig.write("noise.txt", "noise");
    rig.write("p.wasm", &guest('d'));
    comes_to(&pipeline, Some(0)).await;
    assert_eq!(failed(), 1.0);
}

#[tokio::test]
async fn a_copy_that_comes_in_pieces_takes_effect_once_it_is_whole() {
    let rig = Rig::new();
    let plugin = rig.write("p.wasm", &guest('n'));
    let set = rig.load(PluginSettings::of(&plugin)).await.unwrap();
    let pipeline = rig.pipeline(&[&set]);
    let _watch = set.watch();
    let text = guest('h');
    let (head, tail) = text.split_at(text.len() / 2);
    let mut file = fs::File::create(&plugin).unwrap();
    file.write_all(head.as_bytes()).unwrap();
    let failed = [("plugin", "p"), ("result", "failure")];
    eventually("half of it is tried", || async { rig.metric("weir_plugin_reloads_total", &failed) == 1.0 })
        .await;
    assert_eq!(survivors(&pipeline, 3).await, Some(3));
    file.write_all(tail.as_bytes()).unwrap();
    comes_to(&pipeline, Some(2)).await;
}

#[tokio::test]
async fn a_plugin_whose_file_is_deleted_goes_on_and_can_come_back() {
    let rig = Rig::new();
    let plugin = rig.write("p.wasm", &guest('h'));
    let set = rig.load(PluginSettings::of(&plugin)).await.unwrap();
    let pipeline = rig.pipeline(&[&set]);
    let _watch = set.watch();
    fs::remove_file(&plugin).unwrap();
    let failed = [("plugin", "p"), ("result", "failure")];
    eventually("it is noticed", || async { rig.metric("weir_plugin_reloads_total", &failed) == 1.0 }).await;
    assert_eq!(survivors(&pipeline, 3).await, Some(2));
    rig.write("p.wasm", &guest('d'));
    comes_to(&pipeline, Some(0)).await;
}

#[tokio::test]
async fn plugins_come_to_and_go_from_a_directory_and_others_stay_as_they_are() {
    let rig = Rig::new();
    rig.write("b.wasm", &guest('h'));
    let set = rig.load_directory(rig.home.path()).await.unwrap();
    let pipeline = rig.pipeline(&[&set]);
    let _watch = set.watch();
    assert_eq!(survivors(&pipeline, 3).await, Some(2));

    rig.write("a.wasm", &guest('h'));
    comes_to(&pipeline, Some(1)).await;
    assert_eq!(names(&set), ["a", "b"]);

    rig.write("a.yaml", "\"d\"");
    comes_to(&pipeline, Some(0)).await;
    rig.write("a.yaml", "\"n\"");
    comes_to(&pipeline, Some(2)).await;

    fs::remove_file(rig.home.path().join("a.wasm")).unwrap();
    eventually("a is gone", || async { names(&set) == ["b"] }).await;
    assert_eq!(survivors(&pipeline, 3).await, Some(2));

    // b was never touched.
    assert_eq!(rig.metric("weir_plugin_reloads_total", &[("plugin", "b")]), 0.0);
    assert_eq!(rig.metric("weir_plugin_reloads_total", &[("plugin", "a"), ("result", "success")]), 3.0);
}

#[tokio::test]
async fn a_new_plugin_that_fails_does_not_stop_the_rest() {
    let rig = Rig::new();
    rig.write("b.wasm", &guest('h'));
    let set = rig.load_directory(rig.home.path()).await.unwrap();
    let pipeline = rig.pipeline(&[&set]);
    let _watch = set.watch();
    rig.write("a.wasm", "broken");
    let failed = [("plugin", "a"), ("result", "failure")];
    eventually("it is tried", || async { rig.metric("weir_plugin_reloads_total", &failed) == 1.0 }).await;
    assert!(set.is_ready());
    assert_eq!(survivors(&pipeline, 3).await, Some(2));
    rig.write("a.wasm", &guest('d'));
    comes_to(&pipeline, Some(0)).await;
}

#[tokio::test]
async fn a_plugin_that_fails_at_the_start_holds_everything_until_it_loads_or_goes() {
    let rig = Rig::new();
    rig.write("a.wasm", &guest('h'));
    rig.write("b.wasm", "broken");
    rig.write("c.wasm", "broken too");
    let set = rig.load_directory(rig.home.path()).await.unwrap();
    let pipeline = rig.pipeline(&[&set]);
    let _watch = set.watch();
    assert!(!set.is_ready());
    assert_eq!(survivors(&pipeline, 3).await, None);

    rig.write("b.wasm", &guest('n'));
    eventually("b is loaded", || async { names(&set) == ["a", "b"] }).await;
    assert!(!set.is_ready());
    fs::remove_file(rig.home.path().join("c.wasm")).unwrap();
    eventually("the set is ready", || async { set.is_ready() }).await;
    assert_eq!(survivors(&pipeline, 3).await, Some(2));
}

#[tokio::test]
async fn a_directory_that_is_not_there_at_the_start_is_an_error() {
    let rig = Rig::new();
    assert!(rig.load_directory(Path::new("/nowhere/plugins")).await.is_err());
}

#[tokio::test]
async fn a_directory_that_is_replaced_as_a_whole_is_followed() {
    let rig = Rig::new();
    let directory = rig.home.path().join("plugins");
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("p.wasm"), guest('h')).unwrap();
    let set = rig.load_directory(&directory).await.unwrap();
    let pipeline = rig.pipeline(&[&set]);
    let _watch = set.watch();
    fs::remove_dir_all(&directory).unwrap();
    assert_eq!(survivors(&pipeline, 3).await, Some(2), "what ran goes on");
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("p.wasm"), guest('d')).unwrap();
    comes_to(&pipeline, Some(0)).await;
}

#[tokio::test]
async fn a_granted_file_that_changes_brings_fresh_instances() {
    let rig = Rig::new();
    let tables = rig.home.path().join("tables");
    fs::create_dir(&tables).unwrap();
    let table = tables.join("table.csv");
    fs::write(&table, "one").unwrap();
    let plugin = rig.write("p.wasm", &guest('n'));
    let files = vec![Grant { source: table.clone(), path: "/t/table.csv".to_owned() }];
    let set = rig.load(PluginSettings { files, ..PluginSettings::of(&plugin) }).await.unwrap();
    let _watch = set.watch();
    fs::write(tables.join("other.csv"), "not granted").unwrap();
    fs::write(&table, "three").unwrap();
    let reloads = [("plugin", "p"), ("result", "success")];
    eventually("it is reloaded", || async { rig.metric("weir_plugin_reloads_total", &reloads) == 1.0 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_batch_is_refused_while_plugins_are_replaced() {
    let rig = Rig::new();
    let plugin = rig.write("p.wasm", &guest('n'));
    let set = rig.load(with_letters(&plugin, "nS")).await.unwrap();
    let pipeline = Arc::new(rig.pipeline(&[&set]));
    let _watch = set.watch();
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let traffic: Vec<_> = (0..4)
        .map(|_| {
            let (pipeline, stop) = (Arc::clone(&pipeline), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut passed = 0_u64;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    passed += survivors(&pipeline, 3).await.expect("no batch is refused") / 3;
                }
                passed
            })
        })
        .collect();
    for round in 1..=3 {
        rig.write("p.wasm", &format!("{} ;; {round}", guest('n')));
        let reloads = [("plugin", "p"), ("result", "success")];
        eventually("it is reloaded", || async {
            rig.metric("weir_plugin_reloads_total", &reloads) == f64::from(round)
        })
        .await;
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let mut passed = 0;
    for task in traffic {
        passed += task.await.unwrap();
    }
    let calls = rig.metric("weir_plugin_calls_total", &[("plugin", "p"), ("signal", "logs")]);
    assert_eq!(calls, passed as f64, "each batch passed exactly one generation, once");
}
