//! Wires a configuration into a running service, takes over another one while traffic flows, and stops it again. The
//! only file that sees both receivers and exporters.
//!
//! - Start: health (503), plugins, exporters, pipelines, receivers, metrics; then 200.
//! - Reload: read, check, build and bind everything that is new; then swap, in one go that cannot fail; then let what
//!   was replaced finish, in the background. Whatever fails before the swap leaves everything as it was.
//! - Stop, in the order in which data flows: 503, a short linger, receivers, queues; all within one deadline.

mod changes;
mod components;
mod endpoints;
mod exporters;
mod native;
mod origin;
mod plugins;
mod readers;
mod retired;
mod settings;
mod status;
mod stop;
mod storages;
mod triggers;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::task::JoinError;

use crate::admin::{Health, Phase, PluginsStatus};
use crate::config::{Config, Diagnostic, Loaded};
use crate::receiver::Admission;
use crate::telemetry::Telemetry;
use crate::{log, memory};
use changes::Changes;
use components::Components;
use endpoints::{Behind, Endpoints, Shared};
pub use origin::{Load, Origin};
use plugins::PluginHost;
use readers::Readers;
use retired::Retired;
use status::Status;
use stop::Signals;
use storages::Storages;
pub(crate) use storages::file_name;
use triggers::Triggers;

/// Threads that serve sockets. More than four never helped a sidecar, and each costs memory.
const SOCKET_THREADS_MAX: usize = 4;

/// How long a thread that runs guests is kept without work. Its buffers go with it.
const GUEST_THREAD_KEEP_ALIVE: Duration = Duration::from_secs(10);

/// How often weir looks whether plugins that failed at the start have come, until they have.
const READY_POLL: Duration = Duration::from_millis(100);

/// How long new requests are still taken after the signal to stop: an application that gets its signal at the same
/// moment flushes its telemetry first. A native sidecar is told after the application has gone.
const LINGER: Duration = Duration::from_secs(1);

/// How long the end waits for what still runs: for threads that clean up, not for a guest that hangs.
const GUESTS_END: Duration = Duration::from_millis(500);

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

    /// Without the panic's own words, which may quote a secret.
    fn panicked(_: JoinError) -> Self {
        Failure::Runtime(
            "weir panicked on the configuration; the log says where: please report it".to_owned(),
        )
    }

    fn problems(self) -> Vec<Diagnostic> {
        match self {
            Failure::Configuration(problems) => problems,
            Failure::Runtime(reason) => vec![Diagnostic::new("", reason)],
        }
    }
}

/// What a run needs beside its configuration.
pub struct Settings {
    /// Where compiled plugins are kept.
    pub cache_dir: Option<PathBuf>,
    /// How long a stop may take, and what a reload has replaced.
    pub shutdown_timeout: Duration,
    /// The log.
    pub log: log::Control,
}

/// Runs weir until it is told to stop. `origin` is where the configuration was read and will be read again.
///
/// # Errors
/// If a plugin cannot be loaded or an exporter built (configuration), or a port is taken (runtime).
pub fn run(config: Config, origin: Arc<Origin>, settings: Settings) -> Result<(), Failure> {
    let runtime = runtime().map_err(Failure::runtime)?;
    let shutdown_timeout = settings.shutdown_timeout;
    let outcome = runtime.block_on(async {
        let mut signals = Signals::listen().map_err(Failure::runtime)?;
        let mut triggers = Triggers::listen().map_err(Failure::runtime)?;
        let mut running = tokio::select! {
            running = Running::start(config, Arc::clone(&origin), settings) => running?,
            () = signals.wait() => return Ok(()),
        };
        triggers.watch(&origin);
        tokio::select! {
            () = running.serve(&mut triggers) => {}
            () = signals.wait() => {}
        }
        running.stop(shutdown_timeout, &mut signals).await;
        Ok(())
    });
    // What is dropped with it removes its copies of granted files.
    runtime.shutdown_timeout(GUESTS_END);
    outcome
}

/// Loads each plugin and each certificate and builds each exporter, as a start would; opens no port.
///
/// # Errors
/// Everything that a start would refuse.
pub fn check(config: &Config, cache_dir: Option<PathBuf>) -> Result<(), Vec<Diagnostic>> {
    let runtime = runtime().map_err(|error| Failure::runtime(error).problems())?;
    let outcome = runtime.block_on(async {
        let telemetry = Telemetry::new().map_err(Failure::runtime)?;
        endpoints::check(config, &telemetry)?;
        let host = PluginHost::new(cache_dir, &telemetry);
        let nothing = Components::default();
        let prepared = nothing.prepare(config, &host, &Storages::for_check()).await?;
        nothing.check_awaited(&prepared, config)
    });
    outcome.map_err(Failure::problems)
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
    origin: Arc<Origin>,
    config: Config,
    log: log::Control,
    telemetry: Arc<Telemetry>,
    health: Arc<Health>,
    status: Arc<Status>,
    admission: Arc<Admission>,
    host: PluginHost,
    storages: Storages,
    shutdown_timeout: Duration,
    components: Components,
    endpoints: Endpoints,
    readers: Readers,
    retired: Retired,
}

impl Running {
    async fn start(config: Config, origin: Arc<Origin>, settings: Settings) -> Result<Self, Failure> {
        let telemetry = Arc::new(Telemetry::new().map_err(Failure::runtime)?);
        let status = Arc::new(Status::default());
        let health = Arc::new(Health::new(Arc::clone(&status) as Arc<dyn PluginsStatus>));
        let limiter = config.memory_limiter.as_ref();
        let admission = Admission::new(settings::admission(limiter, memory::limit_bytes()));
        telemetry.show_budget(Arc::clone(admission.budget())).map_err(Failure::runtime)?;
        let mut endpoints = Endpoints::new(Shared {
            health: Arc::clone(&health),
            telemetry: Arc::clone(&telemetry),
            admission: Arc::clone(&admission),
        });
        let mut readers = Readers::new(Arc::clone(&telemetry), Arc::clone(&admission));
        let storages = Storages::default();
        let host = PluginHost::new(settings.cache_dir, &telemetry);
        let mut components = Components::default();

        // Probes and scrapes are answered while plugins load.
        let admin = endpoints.bind(&config, false).await?;
        endpoints.serve(admin, &components);
        Readers::prepare(&config)?;
        let prepared = components.prepare(&config, &host, &storages).await?;
        components.replace(prepared, &config, &telemetry, admission.budget());
        storages::warn_of_orphans(&config);
        status.fill(&config, components.plugins().sets());
        let all = endpoints.bind(&config, true).await?;
        endpoints.serve(all, &components);
        readers.serve(&config, &|id| components.consumer(id), Instant::now());
        health.set(Phase::Running);
        let retired = Retired::new(settings.shutdown_timeout);
        let log = settings.log;
        Ok(Running {
            origin,
            config,
            log,
            telemetry,
            health,
            status,
            admission,
            host,
            storages,
            shutdown_timeout: settings.shutdown_timeout,
            components,
            endpoints,
            readers,
            retired,
        })
    }

    /// Serves, and reloads when it is told to, one reload after the other. Does not end by itself; dropped in the
    /// middle of a reload it leaves either the former configuration in service or the new one.
    async fn serve(&mut self, triggers: &mut Triggers) {
        let mut is_announced = false;
        loop {
            let trigger = tokio::select! {
                trigger = triggers.next() => Some(trigger),
                () = self.ready(), if !is_announced => None,
            };
            match trigger {
                Some(trigger) => self.reload(trigger).await,
                None => {
                    is_announced = true;
                    tracing::info!("Everything is ready.");
                }
            }
            memory::release_code_pages();
        }
    }

    /// Waits until every plugin that was there at the start runs.
    async fn ready(&self) {
        while !self.status.is_ready() {
            tokio::time::sleep(READY_POLL).await;
        }
    }

    /// Reads the configuration again and takes it over, and tells how that went.
    async fn reload(&mut self, trigger: &str) {
        match self.take_over().await {
            Ok(changes) if changes.is_empty() => {
                self.telemetry.reloads().succeeded();
                tracing::info!(trigger, "the configuration was read again; nothing in it has changed");
            }
            Ok(changes) => {
                self.telemetry.reloads().succeeded();
                changes.log(trigger);
            }
            Err(failure) => {
                self.telemetry.reloads().failed();
                for problem in failure.problems() {
                    tracing::error!("{problem}");
                }
                tracing::error!(trigger, "the configuration was not reloaded, and nothing was changed");
            }
        }
    }

    async fn take_over(&mut self) -> Result<Changes, Failure> {
        self.retired.room().await;
        let origin = Arc::clone(&self.origin);
        // Its files may be on a slow network.
        let loaded = tokio::task::spawn_blocking(move || origin.load()).await.map_err(Failure::panicked)?;
        let Loaded { config, warnings } = loaded.map_err(Failure::Configuration)?;
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        let prepared = self.components.prepare(&config, &self.host, &self.storages).await?;
        self.components.check_awaited(&prepared, &config)?;
        Readers::prepare(&config)?;
        let wanted = self.endpoints.bind(&config, true).await?;

        // From here on nothing fails and nothing waits.
        self.admission.change(settings::admission(config.memory_limiter.as_ref(), memory::limit_bytes()));
        let budget = self.admission.budget();
        let (mut changes, queues) = self.components.replace(prepared, &config, &self.telemetry, budget);
        self.status.fill(&config, self.components.plugins().sets());
        for leaving in self.endpoints.serve(wanted, &self.components) {
            self.retired.server(leaving);
        }
        let deadline = Instant::now() + self.shutdown_timeout;
        for reader in self.readers.serve(&config, &|id| self.components.consumer(id), deadline) {
            self.retired.reader(reader);
        }
        for queue in queues {
            self.retired.queue(queue);
        }
        changes.compare("receivers", &self.config.receivers, &config.receivers, PartialEq::eq);
        changes.compare_one(
            "processors::memory_limiter",
            &self.config.memory_limiter,
            &config.memory_limiter,
        );
        changes.compare_one("extensions::health_check", &self.config.health_check, &config.health_check);
        changes.compare_one("service::telemetry", &self.config.telemetry, &config.telemetry);
        if self.config.telemetry.logs != config.telemetry.logs {
            self.log.set(config.telemetry.logs);
        }
        self.config = config;
        Ok(changes)
    }

    async fn stop(mut self, shutdown_timeout: Duration, signals: &mut Signals) {
        let deadline = Instant::now() + shutdown_timeout;
        tracing::info!(timeout = ?shutdown_timeout, "stopping: what was taken is delivered first");
        self.health.set(Phase::Stopping);
        let in_order = async {
            tokio::time::sleep(LINGER.min(shutdown_timeout / 10)).await;
            let (is_answered, _) =
                tokio::join!(self.endpoints.stop_receivers(deadline), self.readers.stop(deadline));
            if !is_answered {
                tracing::warn!(
                    "some requests were still under way at the deadline; their senders will try again"
                );
            }
            tokio::join!(self.components.drain(deadline), self.retired.stop(deadline));
            self.endpoints.stop(Instant::now() + Duration::from_millis(100)).await;
        };
        tokio::select! {
            () = in_order => tracing::info!("stopped"),
            () = signals.wait() => tracing::warn!("told to stop again: stopping at once"),
        }
    }
}
