//! The exporters with their queues. A reload keeps those whose configuration is the same, with what they hold.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use weir_otlp::Signal;
use weir_pipeline::{Budget, ExportQueue, Keeping};

use super::components::ById;
use super::storages::{Opened, Storages};
use super::{Failure, origin, settings};
use crate::config::{ComponentId, Config, Diagnostic, ExporterConfig, FileStorageConfig};
use crate::dead_letters::{DeadLetterFiles, DeadLetterSettings};
use crate::exporter::{self, Built, PrometheusExporter};
use crate::telemetry::Telemetry;

/// The exporters of one configuration.
#[derive(Default)]
pub(super) struct Exporters(ById<Exporting>);

/// One exporter.
pub(super) struct Exporting {
    identity: Identity,
    queue: Arc<ExportQueue>,
    /// If it has a page.
    scraped: Option<Arc<PrometheusExporter>>,
    /// Where the queue is kept, if it is durable.
    storage: Option<PathBuf>,
}

/// A queue that is no longer needed.
pub(super) struct Gone {
    pub(super) queue: Arc<ExportQueue>,
    /// Who takes over what is on disk.
    pub(super) heir: Option<Arc<ExportQueue>>,
}

/// What makes two exporters the same.
#[derive(PartialEq)]
struct Identity {
    config: ExporterConfig,
    /// Of the storage that it names.
    storage: Option<FileStorageConfig>,
    /// What is in the files that it names: certificates are renewed in place.
    files: Vec<Option<u64>>,
}

/// Exporters of which the new ones are built, but not at work yet.
pub(super) struct NextExporters(BTreeMap<ComponentId, Next>);

enum Next {
    Kept(Arc<Exporting>),
    New(Box<New>),
}

struct New {
    identity: Identity,
    built: Built,
    storage: Option<Opened>,
    dead_letters: Option<DeadLetterSettings>,
}

// === impl Exporters ===

impl Exporters {
    /// Builds those that `self` does not have with the same configuration.
    ///
    /// # Errors
    /// The exporters that cannot be built, and storages that cannot be opened.
    pub(super) fn next(&self, config: &Config, storages: &Storages) -> Result<NextExporters, Failure> {
        let mut next = BTreeMap::new();
        let mut problems = Vec::new();
        for (id, exporter) in &config.exporters {
            let identity = Identity::of(config, exporter);
            if let Some(same) = self.0.get(id).filter(|former| former.identity == identity) {
                next.insert(id.clone(), Next::Kept(Arc::clone(same)));
                continue;
            }
            match New::build(config, id, exporter, identity, storages) {
                Ok(new) => drop(next.insert(id.clone(), Next::New(Box::new(new)))),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(NextExporters(next)) } else { Err(Failure::Configuration(problems)) }
    }

    /// The exporters by their id.
    pub(super) fn by_id(&self) -> &ById<Exporting> {
        &self.0
    }

    /// The queue of one.
    pub(super) fn queue(&self, id: &ComponentId) -> Option<Arc<ExportQueue>> {
        self.0.get(id).map(|exporting| Arc::clone(&exporting.queue))
    }

    /// The page of one that is scraped.
    pub(super) fn scraped(&self, id: &ComponentId) -> Option<Arc<PrometheusExporter>> {
        self.0.get(id).and_then(|exporting| exporting.scraped.clone())
    }

    /// The queues that `next` has not taken over.
    pub(super) fn gone(self, next: &Exporters) -> Vec<Gone> {
        let is_kept = |id: &ComponentId, exporting: &Arc<Exporting>| {
            next.0.get(id).is_some_and(|next| Arc::ptr_eq(next, exporting))
        };
        let gone = self.0.into_iter().filter(|(id, exporting)| !is_kept(id, exporting));
        let heir = |former: &Exporting| {
            let path = former.storage.as_ref()?;
            let heir = next.0.values().find(|next| next.storage.as_ref() == Some(path))?;
            Some(Arc::clone(&heir.queue))
        };
        gone.map(|(_, former)| Gone { heir: heir(&former), queue: Arc::clone(&former.queue) }).collect()
    }

    /// Delivers what is queued until the deadline, all exporters side by side.
    pub(super) async fn drain(&self, deadline: Instant) {
        let queues = self.0.values().map(|exporting| Arc::clone(&exporting.queue));
        let drains = queues.map(|queue| {
            tokio::spawn(async move {
                queue.shutdown(deadline).await;
            })
        });
        for drain in drains.collect::<Vec<_>>() {
            // A panic in there has been caught and counted already.
            let _ = drain.await;
        }
    }
}

// === impl NextExporters ===

impl NextExporters {
    /// Puts a queue in front of each that is new.
    pub(super) fn start(self, config: &Config, telemetry: &Telemetry, budget: &Arc<Budget>) -> Exporters {
        let started = self.0.into_iter().map(|(id, next)| {
            let (name, signals) = (id.to_string(), signals_of(config, &id));
            let exporting = match next {
                Next::Kept(exporting) => {
                    // For the series of signals that are new: they are there from zero.
                    telemetry.exporter(&name, &signals, exporting.queue.capacity());
                    exporting
                }
                Next::New(new) => Arc::new(new.start(name, &signals, telemetry, budget)),
            };
            (id, exporting)
        });
        Exporters(started.collect())
    }
}

// === impl New ===

impl New {
    fn build(
        config: &Config,
        id: &ComponentId,
        exporter: &ExporterConfig,
        identity: Identity,
        storages: &Storages,
    ) -> Result<Self, Diagnostic> {
        let problem = |key: &str, reason: String| Diagnostic::new(format!("exporters::{id}{key}"), reason);
        let built =
            exporter::build_with_page(&id.to_string(), &settings::exporter(exporter, storages.files()))
                .map_err(|error| problem("", error.to_string()))?;
        let dead_letters = settings::dead_letters(exporter);
        if let Some(letters) = dead_letters.as_ref().filter(|_| !storages.is_check()) {
            let key = format!("::{}::dead_letters::directory", exporter.queue_key());
            letters.prepare().map_err(|reason| problem(&key, reason))?;
        }
        Ok(New { identity, built, storage: storages.of(config, id)?, dead_letters })
    }

    fn start(
        self,
        name: String,
        signals: &[Signal],
        telemetry: &Telemetry,
        budget: &Arc<Budget>,
    ) -> Exporting {
        let New { identity, built: Built { exporter, scraped }, storage, dead_letters } = self;
        let settings = settings::queue(&identity.config);
        let (storage, kept) = match storage {
            Some(Opened { path, log, waiting }) => (Some(path), Some((log, waiting))),
            None => (None, None),
        };
        let dead_letters = dead_letters.map(|settings| {
            Arc::new(DeadLetterFiles::new(settings, &name, telemetry.dead_letters(&name, signals))) as Arc<_>
        });
        let keeping = Keeping { storage: kept, dead_letters, budget: budget.charge() };
        let observer = Arc::new(telemetry.exporter(&name, signals, settings.capacity()));
        if let Some(scraped) = &scraped {
            scraped.observe(telemetry.prometheus_exporter(&name));
        }
        let queue = ExportQueue::new(name, exporter, settings, observer, keeping);
        Exporting { identity, queue, scraped, storage }
    }
}

// === impl Identity ===

impl Identity {
    fn of(config: &Config, exporter: &ExporterConfig) -> Self {
        let tls = match exporter {
            ExporterConfig::OtlpGrpc(grpc) => Some(&grpc.tls),
            ExporterConfig::OtlpHttp(http) => Some(&http.tls),
            ExporterConfig::Loki(loki) => Some(&loki.tls),
            ExporterConfig::RemoteWrite(write) => Some(&write.tls),
            ExporterConfig::Debug(_)
            | ExporterConfig::File(_)
            | ExporterConfig::Prometheus(_)
            | ExporterConfig::Nop => None,
        };
        let files = tls.into_iter().flat_map(|tls| [&tls.ca_file, &tls.cert_file, &tls.key_file]);
        let content = |file: &Path| origin::content(file).ok();
        let files = files.map(|file| content(file.as_deref()?)).collect();
        let storage = exporter.sending_queue().and_then(|queue| queue.storage.as_ref());
        let storage = storage.and_then(|id| config.file_storages.get(id)).cloned();
        Identity { config: exporter.clone(), storage, files }
    }
}

/// The signals that an exporter is given.
fn signals_of(config: &Config, exporter: &ComponentId) -> Vec<Signal> {
    let pipelines = config.pipelines.iter().filter(|pipeline| pipeline.exporters.contains(exporter));
    let signals: BTreeSet<Signal> = pipelines.map(|pipeline| pipeline.signal).collect();
    signals.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Source, load_sources};

    fn identity(text: String) -> Identity {
        let source = Source::Text { name: "test", text };
        let config = load_sources(&[source], &BTreeMap::<String, String>::new()).unwrap().config;
        Identity::of(&config, config.exporters.values().next().unwrap())
    }

    #[test]
    fn an_exporter_is_the_same_if_its_settings_and_the_content_of_its_files_are() {
        let home = tempfile::tempdir().unwrap();
        let ca = home.path().join("ca.pem");
        std::fs::write(&ca, "one").unwrap();
        let of = |endpoint: &str| {
            let exporter = format!("{{endpoint: {endpoint}, tls: {{ca_file: {}}}}}", ca.display());
            identity(format!(
                "receivers: {{otlp: {{protocols: {{grpc: }}}}}}\nexporters: {{otlp_grpc: {exporter}}}\n\
                 service: {{pipelines: {{logs: {{receivers: [otlp], exporters: [otlp_grpc]}}}}}}\n"
            ))
        };
        let before = of("up:4317");
        assert!(before == of("up:4317"));
        assert!(before != of("other:4317"));
        std::fs::write(&ca, "two").unwrap();
        assert!(before != of("up:4317"), "the certificate was renewed in place");
    }
}
