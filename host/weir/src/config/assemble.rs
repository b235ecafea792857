//! From the expanded tree to the typed configuration: each section, then what concerns several of them.

mod extensions;
mod files;
mod missed;
mod processors;
mod signals;

use std::collections::{BTreeMap, BTreeSet};

use super::Config;
use super::at::At;
use super::catalog::{self, Kind, Unknown};
use super::diagnostic::{Diagnostic, Place};
use super::environment::Environment;
use super::exporter::ExporterConfig;
use super::extension::ExtensionConfig;
use super::id::ComponentId;
use super::listening::ServerEndpoint;
use super::node::{Node, Value};
use super::pipeline::{self, Defined, PipelineConfig};
use super::processor::ProcessorConfig;
use super::receiver::ReceiverConfig;
use super::telemetry::TelemetryConfig;

use extensions::Extensions;
use missed::Missed;
use processors::Processors;

const SECTIONS: [&str; 6] = ["receivers", "processors", "exporters", "connectors", "extensions", "service"];
const SERVICE_KEYS: [&str; 3] = ["extensions", "pipelines", "telemetry"];

/// A section: every id that it defines with its place, and those components that are valid.
struct Section<T> {
    places: BTreeMap<ComponentId, Place>,
    components: BTreeMap<ComponentId, T>,
    /// What the Collector has and weir lacks.
    missed: Missed,
}

impl<T> Section<T> {
    fn ids(&self) -> BTreeSet<ComponentId> {
        self.places.keys().cloned().collect()
    }
}

/// Builds the configuration. All that is wrong goes to `problems`, and what is only odd to `warnings`; if anything is wrong the answer is `None`.
pub(super) fn assemble(
    root: &Node,
    environment: &dyn Environment,
    problems: &mut Vec<Diagnostic>,
    warnings: &mut Vec<Diagnostic>,
) -> Option<Config> {
    let at = At::root(root);
    known_keys(&at, &SECTIONS, problems)?;
    let connectors = Missed::connectors(&at.key("connectors"), problems);
    let receivers = section(&at, &catalog::RECEIVERS, problems, ReceiverConfig::read);
    let processors = section(&at, &catalog::PROCESSORS, problems, ProcessorConfig::read);
    let exporters = section(&at, &catalog::EXPORTERS, problems, ExporterConfig::read);
    let extensions = section(&at, &catalog::EXTENSIONS, problems, |name, at, problems| {
        ExtensionConfig::read(name, at, problems, warnings)
    });

    let service = at.key("service");
    known_keys(&service, &SERVICE_KEYS, problems);
    let Extensions { health_check, file_storages, listed } =
        extensions::read(extensions, &service.key("extensions"), problems, warnings);
    let telemetry = TelemetryConfig::read(&service.key("telemetry"), problems, warnings);
    let mut defined =
        Defined { receivers: receivers.ids(), processors: processors.ids(), exporters: exporters.ids() };
    // A connector stands where receivers and exporters do.
    defined.receivers.extend(connectors.ids());
    defined.exporters.extend(connectors.ids());
    let mut pipelines = pipeline::read(&service.key("pipelines"), &defined, problems);
    let receives = |id: &ComponentId| pipelines.iter().any(|pipeline| pipeline.receivers.contains(id));
    let processes = |id: &ComponentId| pipelines.iter().any(|pipeline| pipeline.processors.contains(id));
    let exports = |id: &ComponentId| pipelines.iter().any(|pipeline| pipeline.exporters.contains(id));
    receivers.missed.tell(receives, problems, warnings);
    processors.missed.tell(processes, problems, warnings);
    exporters.missed.tell(exports, problems, warnings);
    connectors.tell(|id| receives(id) || exports(id), problems, warnings);
    signals::check(&pipelines, problems);

    let processors = used(processors, &catalog::PROCESSORS, &pipelines, |p| &p.processors, warnings);
    let Processors { wasm, native, memory_limiter } =
        processors::assign(processors, &mut pipelines, &at, environment, problems, warnings);
    let config = Config {
        receivers: used(receivers, &catalog::RECEIVERS, &pipelines, |p| &p.receivers, warnings),
        plugins: wasm,
        processors: native,
        exporters: used(exporters, &catalog::EXPORTERS, &pipelines, |p| &p.exporters, warnings),
        memory_limiter,
        file_storages,
        health_check,
        telemetry: telemetry.unwrap_or_default(),
        pipelines,
    };
    check_upstreams(&config, &at, problems);
    check_storages(&config, &listed, &at, problems);
    files::check(&config, &at, problems);
    check_endpoints(&config, &at, problems);
    warnings.extend(problems.extract_if(.., |found| found.is_warning));
    problems.is_empty().then_some(config)
}

/// Reports what is no map and keys that are unknown. `None` if there is nothing to go on with.
fn known_keys(at: &At<'_>, known: &[&str], problems: &mut Vec<Diagnostic>) -> Option<()> {
    let node = at.node()?;
    if !matches!(node.value, Value::Map(_) | Value::Null) {
        problems.push(at.problem(format!("expected a map with the keys {}", known.join(", "))));
        return None;
    }
    for entry in node.entries().iter().filter(|entry| !known.contains(&entry.key.as_str())) {
        let reason = format!("unknown key \"{}\"", entry.key);
        problems.push(at.key(&entry.key).problem(reason).with_valid(&entry.key, known.iter().copied()));
    }
    Some(())
}

/// Reads one section. `read` gets the type's first name.
fn section<T>(
    root: &At<'_>,
    kind: &Kind,
    problems: &mut Vec<Diagnostic>,
    mut read: impl FnMut(&str, &At<'_>, &mut Vec<Diagnostic>) -> Option<T>,
) -> Section<T> {
    let mut section =
        Section { places: BTreeMap::new(), components: BTreeMap::new(), missed: Missed::default() };
    let at = root.key(kind.section);
    let Some(node) = at.node() else { return section };
    if !matches!(node.value, Value::Map(_) | Value::Null) {
        problems.push(at.problem(format!("expected a map of {}", kind.section)));
    }
    for entry in node.entries() {
        let at = at.key(&entry.key);
        let id = match ComponentId::parse(&entry.key) {
            Ok(id) => id,
            Err(reason) => {
                problems.push(at.problem(reason));
                continue;
            }
        };
        match kind.find(&at.path, id.component_type()) {
            Ok(found) => {
                if let Some(component) = read(found.name, &at, problems) {
                    section.components.insert(id.clone(), component);
                }
            }
            Err(Unknown::Nowhere(problem)) => problems.push(problem.at(at.place())),
            Err(Unknown::Lacking(problem)) => section.missed.lacking(id.clone(), problem.at(at.place())),
            Err(Unknown::LeftOut(reason)) => section.missed.left_out(at.problem(reason)),
        }
        section.places.insert(id, at.place().clone());
    }
    section
}

/// The components that a pipeline uses; the others are not started, which is worth a warning.
fn used<T>(
    section: Section<T>,
    kind: &Kind,
    pipelines: &[PipelineConfig],
    of: impl Fn(&PipelineConfig) -> &[ComponentId],
    warnings: &mut Vec<Diagnostic>,
) -> BTreeMap<ComponentId, T> {
    let used: BTreeSet<&ComponentId> = pipelines.iter().flat_map(of).collect();
    let is_unused = |id: &ComponentId| !used.contains(id) && !section.missed.has(id);
    for (id, place) in section.places.iter().filter(|(id, _)| is_unused(id)) {
        let path = format!("{}::{id}", kind.section);
        let reason = "configured but used in no pipeline, so it is not started";
        warnings.push(Diagnostic::new(path, reason).at(place));
    }
    section.components.into_iter().filter(|(id, _)| used.contains(id)).collect()
}

/// Every signal that an `otlp_http` exporter gets has somewhere to go.
fn check_upstreams(config: &Config, root: &At<'_>, problems: &mut Vec<Diagnostic>) {
    for pipeline in &config.pipelines {
        for id in &pipeline.exporters {
            let Some(ExporterConfig::OtlpHttp(exporter)) = config.exporters.get(id) else { continue };
            if exporter.url(pipeline.signal).is_none() {
                let signal = pipeline.signal.name();
                let reason = format!(
                    "the pipeline {} sends {signal} here; set endpoint or {signal}_endpoint",
                    pipeline.name
                );
                problems.push(root.key("exporters").key(&id.to_string()).problem(reason));
            }
        }
    }
}

/// Every storage that something is kept in is there and in use, and no directory is that of two.
fn check_storages(config: &Config, listed: &[ComponentId], root: &At<'_>, problems: &mut Vec<Diagnostic>) {
    let exporters = config.exporters.iter().filter_map(|(id, exporter)| {
        let storage = exporter.sending_queue()?.storage.as_ref()?;
        let at = root.key("exporters").key(&id.to_string()).key(exporter.queue_key());
        Some((at.key("storage"), storage))
    });
    let receivers = config.receivers.iter().filter_map(|(id, receiver)| {
        Some((root.key("receivers").key(&id.to_string()).key("storage"), receiver.storage()?))
    });
    for (at, storage) in exporters.chain(receivers) {
        if !config.file_storages.contains_key(storage) {
            problems.push(at.problem(format!(
                "references extension \"{storage}\" which is not a configured file_storage"
            )));
        } else if !listed.contains(storage) {
            problems.push(at.problem(format!("list \"{storage}\" in service::extensions, which starts it")));
        }
    }
    let storages: Vec<_> = config.file_storages.iter().collect();
    for (index, (id, storage)) in storages.iter().enumerate() {
        if let Some((other, _)) =
            storages.iter().take(index).find(|(_, other)| other.directory == storage.directory)
        {
            let reason = format!("the directory is that of extensions::{other} already");
            problems.push(root.key("extensions").key(&id.to_string()).key("directory").problem(reason));
        }
    }
}

/// No two servers listen on one address.
fn check_endpoints(config: &Config, root: &At<'_>, problems: &mut Vec<Diagnostic>) {
    let mut servers: Vec<(ServerEndpoint, At<'_>)> = Vec::new();
    for (id, receiver) in &config.receivers {
        let Some(receiver) = receiver.otlp() else { continue };
        let protocols = root.key("receivers").key(&id.to_string()).key("protocols");
        if let Some(grpc) = &receiver.grpc {
            servers.push((grpc.endpoint.clone(), protocols.key("grpc")));
        }
        if let Some(http) = &receiver.http {
            servers.push((http.endpoint.clone(), protocols.key("http")));
        }
    }
    servers.push((config.health_check.endpoint.clone().into(), root.key("extensions").key("health_check")));
    if let Some(metrics) = &config.telemetry.metrics {
        let at = root.key("service").key("telemetry").key("metrics");
        servers.push((metrics.endpoint.clone().into(), at));
    }
    for (id, exporter) in &config.exporters {
        if let ExporterConfig::Prometheus(exporter) = exporter
            && let Some(endpoint) = &exporter.endpoint
        {
            servers.push((endpoint.clone(), root.key("exporters").key(&id.to_string())));
        }
    }
    for (index, (endpoint, at)) in servers.iter().enumerate() {
        let earlier = servers.iter().take(index).find(|(other, _)| endpoint.collides_with(other));
        if let Some((_, other)) = earlier {
            let reason = format!("the endpoint {endpoint} is that of {} already", other.path);
            problems.push(at.problem(reason));
        }
    }
}
