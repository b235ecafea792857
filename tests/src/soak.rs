//! A long run under everything at once: all wires, plugins that are replaced, a configuration that is reloaded, an upstream that
//! fails now and then. What is looked for is growth: memory, file descriptors, threads, latency.

mod resources;
pub mod slope;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tonic::Code;

use crate::build::plugin;
use crate::fleet::{Ledger, Plan};
use crate::guest::Guest;
use crate::sdk::Told;
use crate::weir::plain_grpc;
use crate::{Answer, Fleet, Launch, Ports, Received, Upstream, Weir, wait};
pub use resources::Resources;
use slope::{Trend, trend};

/// The plugin is replaced this often.
const PLUGIN_EVERY: Duration = Duration::from_secs(5);

/// The configuration is reloaded this often, with another timeout of the exporter, which is therefore another exporter.
const CONFIG_EVERY: Duration = Duration::from_secs(11);

/// File descriptors that may be more than at the start when all senders have gone: connections to the upstream come and go.
const DESCRIPTORS_SPARE: u64 = 8;

/// How long and how hard.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long the senders send.
    pub time: Duration,
    /// The time between two looks.
    pub sample_every: Duration,
    /// The time between two batches of each of the eight senders.
    pub period: Duration,
    /// Items of each batch.
    pub items: usize,
}

/// One look.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// When, in seconds from the start.
    pub at: f64,
    /// What the process holds.
    pub resources: Resources,
    /// The median of the latencies since the look before, in milliseconds, with the retries of senders.
    pub latency: f64,
}

/// What a run came to.
pub struct Soaked {
    /// All looks.
    pub samples: Vec<Sample>,
    /// What became of each batch.
    pub ledger: Ledger,
    /// What the process held before the load and after it, with nobody connected.
    pub idle: [Resources; 2],
    /// Reloads of plugins and of the configuration that succeeded.
    pub reloads: [f64; 2],
}

/// Runs it. When it returns, the accounts have balanced; panics if they do not.
pub async fn soak(settings: Settings, scratch: &Path) -> Soaked {
    let upstream = Upstream::start().await;
    upstream.forget();
    let answers = AtomicU64::new(0);
    upstream.choose(move |received| answer(answers.fetch_add(1, Ordering::Relaxed), received));
    tag(0, scratch);
    let ports = Ports::pick();
    let weir = configured(ports, &upstream, scratch, 0).start().await;
    let plan = Plan { batches: None, items: settings.items, period: settings.period, ..Plan::default() };
    // A first round makes threads, instances and connections that are there for good.
    Fleet::start(weir.ports, &Plan { batches: Some(5), ..plan.clone() }).finish().await;
    let before = at_rest(&weir, |_| true).await;

    let begin = Instant::now();
    let fleet = Fleet::start(weir.ports, &plan);
    let mut looks = Vec::new();
    let (mut plugins, mut configs) = (1, 1);
    while begin.elapsed() < settings.time {
        tokio::time::sleep(settings.sample_every).await;
        looks.push((begin.elapsed(), Resources::of(weir.pid())));
        if begin.elapsed() > PLUGIN_EVERY * plugins {
            tag(plugins, scratch);
            plugins += 1;
        }
        if begin.elapsed() > CONFIG_EVERY * configs {
            weir.reconfigure(&configured(ports, &upstream, scratch, configs).config);
            configs += 1;
        }
    }
    let ledger = fleet.stop().await;
    let limit = before.descriptors + DESCRIPTORS_SPARE;
    let after = at_rest(&weir, |now| now.descriptors <= limit).await;
    weir.settle().await;
    let metrics = weir.metrics().await;
    let reloads = ["weir_plugin_reloads_total", "weir_config_reloads_total"]
        .map(|name| metrics.sum(name, &[("result", "success")]));
    let samples = samples(begin.into(), &looks, &ledger);
    Soaked { samples, ledger, idle: [before, after], reloads }
}

/// What it holds once the accounts balance and this holds too.
async fn at_rest(weir: &Weir, is_enough: impl Fn(&Resources) -> bool) -> Resources {
    weir.settle().await;
    wait::until("file descriptors are given back", async || {
        Some(Resources::of(weir.pid())).filter(|now| is_enough(now))
    })
    .await
}

fn configured(ports: Ports, upstream: &Upstream, scratch: &Path, version: u32) -> Launch {
    let mut settings = plain_grpc(&upstream.address());
    settings["timeout"] = json!(format!("{}s", 5 + version % 2));
    settings["retry_on_failure"] = json!({"initial_interval": "10ms"});
    let mut launch = Launch::on(ports)
        .exporter("otlp_grpc", settings)
        .processor("wasm/tag", json!({"plugin": scratch.join("tag.wasm")}))
        .processor("wasm/redact", json!({"plugin": plugin("redact")}));
    launch.config["service"]["telemetry"]["logs"] = json!({"level": "error"});
    launch
}

/// One of two versions of a plugin.
fn tag(version: u32, scratch: &Path) {
    let value = if version.is_multiple_of(2) { "even" } else { "odd" };
    Guest::Tag("test.tag", value).install(scratch, "tag");
}

/// Mostly a success.
fn answer(number: u64, received: &Received) -> Answer {
    match number {
        _ if number % 211 == 210 => Answer::Reset,
        _ if number % 97 == 96 && received.is_grpc() => Answer::Grpc(Code::InvalidArgument, None),
        _ if number % 50 == 49 && received.is_grpc() => Answer::Grpc(Code::Unavailable, None),
        _ => Answer::Ok,
    }
}

fn samples(begin: tokio::time::Instant, looks: &[(Duration, Resources)], ledger: &Ledger) -> Vec<Sample> {
    let mut former = Duration::ZERO;
    let mut samples = Vec::new();
    for (at, resources) in looks {
        let ends = former..*at;
        let mut millis: Vec<f64> = (ledger.0.iter())
            .filter(|sent| sent.told == Told::Taken && ends.contains(&((sent.begin - begin) + sent.took)))
            .map(|sent| sent.took.as_secs_f64() * 1e3)
            .collect();
        millis.sort_by(f64::total_cmp);
        let latency = millis.get(millis.len() / 2).copied().unwrap_or_default();
        samples.push(Sample { at: at.as_secs_f64(), resources: *resources, latency });
        former = *at;
    }
    samples
}

impl Soaked {
    /// The trends of the second half, when caches and pools are as large as they get, each with its name and the growth from which it counts.
    pub fn trends(&self) -> Vec<(&'static str, f64, Trend)> {
        let second = self.samples.get(self.samples.len() / 2..).unwrap_or_default();
        let of = |figure: fn(&Sample) -> f64| {
            let points: Vec<(f64, f64)> = second.iter().map(|sample| (sample.at, figure(sample))).collect();
            trend(&points)
        };
        vec![
            // Less is what an allocator's arenas do by themselves in minutes.
            ("resident memory, MiB", 4.0, of(|sample| sample.resources.resident_mib)),
            // A leak of one a reload would be dozens.
            ("file descriptors", 6.0, of(|sample| sample.resources.descriptors as f64)),
            ("threads", 4.0, of(|sample| sample.resources.threads as f64)),
            // Less is the machine.
            ("median latency, ms", 3.0, of(|sample| sample.latency)),
        ]
    }
}
