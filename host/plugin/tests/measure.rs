#![allow(dead_code, clippy::unwrap_used)]
#[path = "host/guest.rs"] mod guest;
#[path = "host/support.rs"] mod support;
use support::*; use weir_plugin::*; use std::time::Instant;
fn rss() -> String { std::fs::read_to_string("/proc/self/status").unwrap().lines().filter(|l| l.starts_with("VmRSS")||l.starts_with("VmSize")||l.starts_with("RssAnon")||l.starts_with("Threads")).collect::<Vec<_>>().join(" ") }
#[test] fn measure() {
    let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    rt.block_on(async {
    let cache = std::path::PathBuf::from("/tmp/measure-cache");
    println!("start {}", rss());
    let rig = Rig::with(EngineSettings { cache_dir: Some(cache), workers: 4 });
    println!("engine {}", rss());
    let t = Instant::now();
    let mut sets = vec![];
    for i in 0..3 { sets.push(rig.load(PluginSettings::of(rig.write(&format!("p{i}.wasm"), &format!("{} ;; {i}", guest::guest('n'))))).await.unwrap()); }
    println!("loaded in {:?} {}", t.elapsed(), rss());
    let w: Vec<_> = sets.iter().map(|s| s.watch()).collect();
    for n in [1usize, 3] {
    let pipeline = rig.pipeline(&sets.iter().take(n).collect::<Vec<_>>());
    for items in [1usize, 10, 1000] {
        let b = logs(items);
        let rounds = 2000000 / (items*10 + 200);
        for _ in 0..100 { through(&pipeline, b.clone()).await.unwrap(); }
        let t = Instant::now();
        for _ in 0..rounds { through(&pipeline, b.clone()).await.unwrap(); }
        println!("{n} plugins {items} items: {:.2} us a batch, {}", t.elapsed().as_secs_f64() * 1e6 / rounds as f64, rss());
    }}
    tokio::time::sleep(std::time::Duration::from_secs(12)).await;
    println!("idle {}", rss());
    drop(w);
    });
}
