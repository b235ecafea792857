//! What listens where: receivers, health check, metrics, and the pages of exporters that are scraped. A reload binds what is new before it touches anything, and
//! an endpoint that stays keeps its sockets, whatever is served on it.

use std::sync::Arc;
use std::time::Instant;

use weir_pipeline::Consumer;

use super::{Failure, settings};
use crate::admin::{Health, health_front, metrics_front};
use crate::config::{ComponentId, Config, Diagnostic, ServerEndpoint};
use crate::exporter::{PrometheusExporter, ScrapeSettings};
use crate::listen::{Bound, Former, Front, Serving, Tls};
use crate::receiver::{Admission, Intake, Protocol};
use crate::telemetry::Telemetry;

/// The endpoints at work.
pub(super) struct Endpoints {
    shared: Shared,
    open: Vec<Open>,
}

/// What the servers have in common.
pub(super) struct Shared {
    pub(super) health: Arc<Health>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) admission: Arc<Admission>,
}

/// One endpoint at work.
struct Open {
    endpoint: ServerEndpoint,
    serves: Serves,
    /// Of a receiver.
    intake: Option<Arc<Intake>>,
    /// Of an exporter that is scraped.
    scraped: Option<Arc<PrometheusExporter>>,
    /// Of a server with TLS.
    tls: Option<Arc<Tls>>,
    serving: Serving,
}

/// One endpoint to be.
pub(super) struct Wanted {
    endpoint: ServerEndpoint,
    serves: Serves,
    /// The certificates of a server with TLS, as they are in the files now.
    tls: Option<Arc<Tls>>,
    /// Sockets of its own, or `None` if it takes over those of an open endpoint.
    bound: Option<Bound>,
}

/// What is served on an endpoint.
#[derive(Clone, PartialEq)]
enum Serves {
    Receiver {
        id: ComponentId,
        protocol: Protocol,
    },
    /// On this path.
    Health(String),
    Metrics,
    Scrapes {
        id: ComponentId,
        settings: Box<ScrapeSettings>,
    },
}

/// What the components have to do with the endpoints.
pub(super) trait Behind {
    /// Where a receiver's batches go.
    fn consumer(&self, receiver: &ComponentId) -> Arc<Consumer>;
    /// The exporter with this id, if it is scraped.
    fn scraped(&self, exporter: &ComponentId) -> Option<Arc<PrometheusExporter>>;
}

/// Connections that a reload took out of service.
pub(super) enum Leaving {
    /// Of a server that goes on with another front.
    Connections(Former),
    /// With the sockets.
    Server(Serving),
}

// === impl Endpoints ===

impl Endpoints {
    /// Nothing listens yet.
    pub(super) fn new(shared: Shared) -> Self {
        Endpoints { shared, open: Vec::new() }
    }

    /// Binds what is to be served from now on, if it is not open already. Until [`Endpoints::serve`] nothing changes.
    ///
    /// # Errors
    /// If certificates cannot be used or an endpoint cannot be listened on; then nothing is bound.
    pub(super) async fn bind(&self, config: &Config, with_components: bool) -> Result<Vec<Wanted>, Failure> {
        let mut wanted = wanted(config);
        wanted.retain(|wanted| with_components || wanted.serves.is_of_operator());
        for wanted in &mut wanted {
            wanted.tls = wanted
                .serves
                .tls(&self.shared.telemetry)
                .map_err(|problem| Failure::Configuration(vec![problem]))?;
            if self.position(wanted).is_some() {
                continue;
            }
            let fail = |reason: String| Failure::Runtime(format!("{}: {reason}", wanted.serves.name()));
            if let Some(open) = self.open.iter().find(|open| open.endpoint.collides_with(&wanted.endpoint)) {
                let reason = format!(
                    "cannot listen on {} while weir itself listens on {}: a new host on the same port takes a restart",
                    wanted.endpoint, open.endpoint
                );
                return Err(fail(reason));
            }
            let bound = Bound::bind(&wanted.endpoint.to_string()).await;
            wanted.bound = Some(bound.map_err(|error| fail(error.to_string()))?);
        }
        Ok(wanted)
    }

    /// Serves exactly what is wanted, with these components behind it. What is no longer wanted is the
    /// caller's to stop.
    pub(super) fn serve(&mut self, wanted: Vec<Wanted>, behind: &dyn Behind) -> Vec<Leaving> {
        let mut leaving = Vec::new();
        let mut next = Vec::new();
        for mut wanted in wanted {
            if let Some(bound) = wanted.bound.take() {
                next.push(self.open(wanted, bound, behind));
            } else if let Some(at) = self.position(&wanted) {
                let open = self.open.swap_remove(at);
                next.push(self.take_over(open, wanted, behind, &mut leaving));
            }
        }
        let gone = std::mem::replace(&mut self.open, next);
        for Open { endpoint, serves, serving, .. } in gone {
            tracing::info!(server = serves.name(), endpoint = %endpoint, "no longer listening");
            leaving.push(Leaving::Server(serving));
        }
        leaving
    }

    /// Stops all receivers and then the rest, which tell of it meanwhile. Says whether every request was answered.
    pub(super) async fn stop_receivers(&mut self, deadline: Instant) -> bool {
        let is_receiver = |open: &mut Open| matches!(open.serves, Serves::Receiver { .. });
        let receivers =
            self.open.extract_if(.., is_receiver).map(|open| tokio::spawn(open.serving.stop(deadline)));
        let mut is_clean = true;
        for receiver in receivers.collect::<Vec<_>>() {
            is_clean &= receiver.await.unwrap_or(false);
        }
        is_clean
    }

    /// Stops what is left.
    pub(super) async fn stop(self, deadline: Instant) {
        for open in self.open {
            open.serving.stop(deadline).await;
        }
    }

    /// The open endpoint whose sockets are those that are wanted. Port 0 means another port for each server.
    fn position(&self, wanted: &Wanted) -> Option<usize> {
        let is_endpoint = |open: &Open| open.endpoint == wanted.endpoint;
        let is_server = |open: &Open| !wanted.endpoint.is_any() || open.serves.name() == wanted.serves.name();
        self.open.iter().position(|open| is_endpoint(open) && is_server(open))
    }

    fn open(&self, wanted: Wanted, bound: Bound, behind: &dyn Behind) -> Open {
        let Wanted { endpoint, serves, tls, .. } = wanted;
        tracing::info!(server = serves.name(), endpoint = %bound.address(), "listening");
        let scraped = serves.scraped(behind);
        let (front, intake) = self.front(&serves, tls.clone(), None, scraped.as_ref(), behind);
        Open { endpoint, serves, intake, scraped, tls, serving: bound.serve(front) }
    }

    /// The same sockets; another front only if something other than the pipelines changed.
    fn take_over(&self, open: Open, wanted: Wanted, behind: &dyn Behind, leaving: &mut Vec<Leaving>) -> Open {
        let Open { endpoint, serves: former, intake, scraped: former_scraped, tls, serving } = open;
        let serves = wanted.serves;
        // The server's intake is kept, so that requests on its old connections too meet the pipelines of now.
        let intake = intake.filter(|_| former.name() == serves.name());
        if let (Some(intake), Serves::Receiver { id, .. }) = (&intake, &serves) {
            intake.switch(behind.consumer(id), &self.shared.telemetry);
        }
        // A page is that of one exporter: another one with other settings has series of its own.
        let scraped = serves.scraped(behind);
        let is_same_page = match (&former_scraped, &scraped) {
            (Some(former), Some(next)) => Arc::ptr_eq(former, next),
            (former, next) => former.is_none() && next.is_none(),
        };
        if former == serves && is_same_page {
            if let (Some(tls), Some(next)) = (&tls, &wanted.tls) {
                // Files that were renewed in place are no reason to end a connection.
                tls.adopt(next);
            }
            return Open { endpoint, serves, intake, scraped, tls, serving };
        }
        let tls = wanted.tls;
        let (front, intake) = self.front(&serves, tls.clone(), intake, scraped.as_ref(), behind);
        leaving.push(Leaving::Connections(serving.replace(front)));
        Open { endpoint, serves, intake, scraped, tls, serving }
    }

    fn front(
        &self,
        serves: &Serves,
        tls: Option<Arc<Tls>>,
        intake: Option<Arc<Intake>>,
        scraped: Option<&Arc<PrometheusExporter>>,
        behind: &dyn Behind,
    ) -> (Front, Option<Arc<Intake>>) {
        let Shared { health, telemetry, admission } = &self.shared;
        match serves {
            Serves::Receiver { id, protocol } => {
                let transport = protocol.transport();
                let new = || {
                    Intake::new(
                        &id.to_string(),
                        transport,
                        behind.consumer(id),
                        Arc::clone(admission),
                        telemetry,
                    )
                };
                let intake = intake.unwrap_or_else(new);
                (protocol.front(tls, &intake), Some(intake))
            }
            Serves::Health(path) => (health_front(path, Arc::clone(health)), None),
            Serves::Scrapes { settings, .. } => (settings.front(tls, scraped), None),
            Serves::Metrics => (metrics_front(Arc::clone(telemetry)), None),
        }
    }
}

// === impl Serves ===

impl Serves {
    /// What it is called in messages; what has the same name is the same server with other settings.
    fn name(&self) -> String {
        match self {
            Serves::Receiver { id, protocol } => format!("receiver {id} ({})", protocol.transport()),
            Serves::Health(_) => "extension health_check".to_owned(),
            Serves::Metrics => "service::telemetry::metrics".to_owned(),
            Serves::Scrapes { id, .. } => format!("exporter {id}"),
        }
    }

    /// Whether it is there as soon as weir is, before any component.
    fn is_of_operator(&self) -> bool {
        matches!(self, Serves::Health(_) | Serves::Metrics)
    }

    /// The exporter whose page it is.
    fn scraped(&self, behind: &dyn Behind) -> Option<Arc<PrometheusExporter>> {
        match self {
            Serves::Scrapes { id, .. } => behind.scraped(id),
            Serves::Receiver { .. } | Serves::Health(_) | Serves::Metrics => None,
        }
    }

    /// The certificates of a server with TLS, read now.
    fn tls(&self, telemetry: &Telemetry) -> Result<Option<Arc<Tls>>, Diagnostic> {
        let (path, tls) = match self {
            Serves::Receiver { id, protocol } => {
                let path = format!("receivers::{id}::protocols::{}::tls", protocol.transport());
                (path, protocol.tls(&id.to_string(), telemetry))
            }
            Serves::Scrapes { id, settings } => {
                (format!("exporters::{id}::tls"), settings.tls(&id.to_string()))
            }
            Serves::Health(_) | Serves::Metrics => return Ok(None),
        };
        tls.map_err(|reason| Diagnostic::new(path, reason))
    }
}

// === impl Leaving ===

impl Leaving {
    /// Lets requests under way finish until the deadline. Returns whether they all did.
    pub(super) async fn stop(self, deadline: Instant) -> bool {
        match self {
            Leaving::Connections(former) => former.stop(deadline).await,
            Leaving::Server(serving) => serving.stop(deadline).await,
        }
    }
}

/// Reads the certificates of every server, as a start would; opens no port.
///
/// # Errors
/// Those that cannot be used.
pub(super) fn check(config: &Config, telemetry: &Telemetry) -> Result<(), Failure> {
    let problems: Vec<_> =
        wanted(config).iter().filter_map(|wanted| wanted.serves.tls(telemetry).err()).collect();
    if problems.is_empty() { Ok(()) } else { Err(Failure::Configuration(problems)) }
}

/// The endpoints of a configuration. The operator's come first: they tell how the rest fares.
fn wanted(config: &Config) -> Vec<Wanted> {
    let one = |endpoint: ServerEndpoint, serves| Wanted { endpoint, serves, tls: None, bound: None };
    let health = &config.health_check;
    let mut wanted = vec![one(health.endpoint.clone().into(), Serves::Health(health.path.clone()))];
    let metrics = config.telemetry.metrics.iter();
    wanted.extend(metrics.map(|metrics| one(metrics.endpoint.clone().into(), Serves::Metrics)));
    for (id, receiver) in &config.receivers {
        let Some(receiver) = receiver.otlp() else { continue };
        wanted.extend(settings::receiver(id, receiver).protocols().map(|protocol| {
            let endpoint = ServerEndpoint::parse(protocol.endpoint());
            one(endpoint, Serves::Receiver { id: id.clone(), protocol })
        }));
    }
    for (id, exporter) in &config.exporters {
        if let Some(settings) = settings::scrape(exporter) {
            let endpoint = ServerEndpoint::parse(&settings.endpoint);
            wanted.push(one(endpoint, Serves::Scrapes { id: id.clone(), settings: Box::new(settings) }));
        }
    }
    wanted
}
