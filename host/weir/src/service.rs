//! Wires a configuration into a running service, and stops it again. The only file that sees both receivers and
//! exporters.
//!
//! Start: health (503), plugins, exporters, pipelines, receivers, metrics; then 200. Stop, in the order in which data
//! flows: 503, a short linger, receivers, queues; all within one deadline.

mod components;
mod settings;
mod status;
mod stop;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use weir_plugin::PluginSet;

use crate::admin::{Health, Phase, PluginsStatus, serve_health, serve_metrics};
use crate::config::{Config, Diagnostic};
use crate::listen::Serving;
use crate::memory;
use crate::receiver::{Admission, RunningReceiver};
use crate::telemetry::Telemetry;
use components::{Components, Plugins};
use status::Status;
use stop::Signals;

/// Threads that serve sockets. More than four never helped a sidecar, and each costs memory.
const SOCKET_THREADS_MAX: usize = 4;

/// How long a thread that runs guests is kept without work. Its buffers go with it.
const GUEST_THREAD_KEEP_ALIVE: Duration = Duration::from_secs(10);

/// How often weir looks whether plugins that failed at the start have come, until they have.
const READY_POLL: Duration = Duration::from_millis(100);

/// How long new requests are still taken after the signal to stop: an application that gets its signal at the same
/// moment flushes its telemetry first. A native sidecar is told after the application has gone.
const LINGER: Duration = Duration::from_secs(1);

/// Why a run ended other than by a clean stop.
#[derive(Debug)]
pub enum Failure {
    /// The configuration turned out to be wrong: exit 64.
    Configuration(Vec<Diagnostic>),
    /// Anything else: exit 1.
    Runtime(String),
}

impl Failure {
    fn runtime(error: impl std::fmt::Display) -> Self {
        Failure::Runtime(error.to_string())
    }
}

/// Runs weir until it is told to stop. `cache_dir` is where compiled plugins are kept.
///
/// # Errors
/// If a plugin cannot be loaded or an exporter built (configuration), or a port is taken (runtime).
pub fn run(config: Config, cache_dir: Option<PathBuf>, shutdown_timeout: Duration) -> Result<(), Failure> {
    let runtime = runtime().map_err(Failure::runtime)?;
    let outcome = runtime.block_on(async {
        let mut signals = Signals::listen().map_err(Failure::runtime)?;
        let running = tokio::select! {
            running = Running::start(&config, cache_dir) => running?,
            () = signals.wait() => return Ok(()),
        };
        tokio::select! {
            () = running.announce_ready() => signals.wait().await,
            () = signals.wait() => {}
        }
        running.stop(shutdown_timeout, &mut signals).await;
        Ok(())
    });
    // A guest that still runs is not waited for.
    runtime.shutdown_background();
    outcome
}

/// Loads each plugin and builds each exporter, as a start would; opens no port.
///
/// # Errors
/// Everything that a start would refuse.
pub fn check(config: &Config, cache_dir: Option<PathBuf>) -> Result<(), Vec<Diagnostic>> {
    let fail = |failure| match failure {
        Failure::Configuration(problems) => problems,
        Failure::Runtime(reason) => vec![Diagnostic::new("", reason)],
    };
    let runtime = runtime().map_err(|error| vec![Diagnostic::new("", error.to_string())])?;
    runtime.block_on(async {
        let telemetry = Telemetry::new().map_err(|error| fail(Failure::runtime(error)))?;
        let plugins = Plugins::load(config, cache_dir, &telemetry).await.map_err(fail)?;
        let awaited = plugins.awaited(config);
        if !awaited.is_empty() {
            return Err(awaited);
        }
        Components::build(config, &plugins, &telemetry).map(drop).map_err(fail)
    })
}

fn runtime() -> std::io::Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.min(SOCKET_THREADS_MAX))
        .thread_keep_alive(GUEST_THREAD_KEEP_ALIVE)
        .thread_name("weir")
        .enable_all()
        .build()
}

/// A service at work.
struct Running {
    health: Arc<Health>,
    sets: Vec<Arc<PluginSet>>,
    // Stops watching when dropped.
    _watches: Vec<weir_plugin::Watch>,
    components: Components,
    receivers: Vec<RunningReceiver>,
    admin: Vec<Serving>,
}

impl Running {
    async fn start(config: &Config, cache_dir: Option<PathBuf>) -> Result<Self, Failure> {
        let telemetry = Arc::new(Telemetry::new().map_err(Failure::runtime)?);
        let status = Arc::new(Status::default());
        let health = Arc::new(Health::new(Arc::clone(&status) as Arc<dyn PluginsStatus>));
        let health_settings = settings::health(&config.health_check);
        let mut admin = vec![
            serve_health(&health_settings, Arc::clone(&health))
                .await
                .map_err(|error| Failure::Runtime(format!("extension health_check: {error}")))?,
        ];
        if let Some(metrics) = &config.telemetry.metrics {
            let serving = serve_metrics(&metrics.endpoint.to_string(), Arc::clone(&telemetry)).await;
            admin.push(
                serving.map_err(|error| Failure::Runtime(format!("service::telemetry::metrics: {error}")))?,
            );
        }
        let plugins = Plugins::load(config, cache_dir, &telemetry).await?;
        let sets = plugins.sets();
        let watches = sets.iter().map(PluginSet::watch).collect();
        status.fill(config, sets.clone());
        let components = Components::build(config, &plugins, &telemetry)?;
        let admission = Admission::new(settings::admission(memory::limit_bytes()));
        let mut receivers = Vec::new();
        for (id, receiver) in &config.receivers {
            let consumer = components.consumer(config, id);
            let settings = settings::receiver(id, receiver);
            let started = RunningReceiver::start(&settings, consumer, Arc::clone(&admission), &telemetry);
            receivers.push(started.await.map_err(Failure::runtime)?);
        }
        health.set(Phase::Running);
        Ok(Running { health, sets, _watches: watches, components, receivers, admin })
    }

    /// Says that everything is ready, once it is.
    async fn announce_ready(&self) {
        while !self.sets.iter().all(|set| set.is_ready()) {
            tokio::time::sleep(READY_POLL).await;
        }
        tracing::info!("Everything is ready.");
        memory::release_code_pages();
    }

    async fn stop(self, shutdown_timeout: Duration, signals: &mut Signals) {
        let deadline = Instant::now() + shutdown_timeout;
        tracing::info!(timeout = ?shutdown_timeout, "stopping: what was taken is delivered first");
        self.health.set(Phase::Stopping);
        let in_order = async {
            tokio::time::sleep(LINGER.min(shutdown_timeout / 10)).await;
            let receivers = self.receivers.into_iter().map(|receiver| tokio::spawn(receiver.stop(deadline)));
            for receiver in receivers.collect::<Vec<_>>() {
                if !receiver.await.unwrap_or(false) {
                    tracing::warn!(
                        "some requests were still under way at the deadline; their senders will try again"
                    );
                }
            }
            self.components.drain(deadline).await;
            for serving in self.admin {
                serving.stop(Instant::now() + Duration::from_millis(100)).await;
            }
        };
        tokio::select! {
            () = in_order => tracing::info!("stopped"),
            () = signals.wait() => tracing::warn!("told to stop again: stopping at once"),
        }
    }
}
